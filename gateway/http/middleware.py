"""Around every request: its id, security headers, one log line, and the last resort for defects."""

import itertools
import logging
import re
import secrets
import time
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from gateway.http.answers import json_answer
from gateway.http.scim import ROOT, scim_error, send_scim

REQUEST_ID = "x-request-id"

SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""What an answer carries unless it says otherwise itself."""

TRANSPORT_SECURITY = "max-age=31536000; includeSubDomains"

_GOOD_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")

log = structlog.stdlib.get_logger("gateway.http")


class RequestMiddleware:
    """Gives each request an id and each answer its headers, and turns defects into a plain 500.

    An ``X-Request-Id`` of the client is kept if it is at most 64 harmless characters.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        clear_contextvars()
        request_id = request_id_of(scope)
        bind_contextvars(request_id=request_id)
        answer = _Answer(send, _headers(scope, request_id))
        started = time.perf_counter()
        try:
            await self._app(scope, receive, answer)
        except Exception:
            log.exception("request failed", method=scope["method"], path=scope["path"])
            if answer.status is not None:
                raise
            await _send_defect(scope, answer, request_id)
        if log.isEnabledFor(logging.INFO):
            _log_request(scope, answer, time.perf_counter() - started)


class _Answer:
    """Adds headers to the answer that passes through, and remembers its status."""

    def __init__(self, send: Send, headers: MutableMapping[str, str]) -> None:
        self._send = send
        self._headers = headers
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        await self._send(message)


def _log_request(scope: Scope, answer: _Answer, seconds: float) -> None:
    log.info(
        "request",
        method=scope["method"],
        path=scope["path"],
        status=answer.status,
        duration_ms=round(seconds * 1_000, 1),
    )


def _headers(scope: Scope, request_id: str) -> dict[str, str]:
    headers = {**SECURITY_HEADERS, REQUEST_ID: request_id}
    if scope["scheme"] == "https":
        headers["strict-transport-security"] = TRANSPORT_SECURITY
    return headers


def request_id_of(scope: Scope) -> str:
    """Return the id of a request: the client's, if it is harmless, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            return given if _GOOD_ID.fullmatch(given) else new_request_id()
    return new_request_id()


_PROCESS = secrets.token_hex(10)
_NUMBERS = itertools.count(secrets.randbits(32))


def new_request_id() -> str:
    """Return an id that no other request has: one random part a process, then a number."""
    return f"{_PROCESS}{next(_NUMBERS):012x}"


async def _send_defect(scope: Scope, send: Send, request_id: str) -> None:
    """Answer 500 with nothing but the id under which the log has the rest."""
    detail = f"Something went wrong in the server. Its log has it under request id {request_id}."
    if scope["path"].startswith(ROOT):
        await send_scim(scim_error(HTTPStatus.INTERNAL_SERVER_ERROR, detail), send)
        return
    answer = json_answer({"error": "internal", "detail": detail}, 500)
    await answer(scope, _nothing, send)


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}
