"""Before the application: SCIM requests skip the layers of the framework.

What the read lane answers from memory or from SQLite is answered at once. Every answer gets the
same headers and the same log line, whichever way it takes.
"""

import logging
import time
from http import HTTPStatus
from typing import Any

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from gateway.http.middleware import (
    SECURITY_HEADERS,
    TRANSPORT_SECURITY,
    RequestMiddleware,
    request_id_of,
)
from gateway.http.scim import ROOT, ScimEndpoint
from scim.fast.lane import FastAnswer

BELOW_ROOT = ROOT + "/"
MEDIA_TYPE = (b"content-type", b"application/scim+json")
SECURE = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
TRANSPORT = (b"strict-transport-security", TRANSPORT_SECURITY.encode())

log = structlog.stdlib.get_logger("gateway.http")
plain_log = logging.getLogger("gateway.http")


_STATUS = {status: f"HTTP/1.1 {status:d} {status.phrase}\r\n" for status in HTTPStatus}
_FIXED = "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS.items())
_TRANSPORT_LINE = f"strict-transport-security: {TRANSPORT_SECURITY}\r\n"


class FrontDoor:
    """Takes the requests to SCIM endpoints, and hands every other one to the application.

    Args:
        app: the application.
        endpoint: the SCIM endpoint in it.
    """

    def __init__(self, app: ASGIApp, endpoint: ScimEndpoint) -> None:
        self._app = app
        self._endpoint = endpoint
        self._scim = RequestMiddleware(endpoint)

    def at_once(self, scope: Scope) -> bytes | None:
        """Return the whole answer to a read, if it needs no waiting (see ``AnswersAtOnce``)."""
        if not scope["path"].startswith(BELOW_ROOT):
            return None
        started = time.perf_counter()
        try:
            answer = self._endpoint.read_now(scope)
        except Exception:
            log.exception("the read lane failed", path=scope["path"])
            return None
        if answer is None:
            return None
        request_id = request_id_of(scope)
        if plain_log.isEnabledFor(logging.INFO):
            _log(scope, answer.status, request_id, time.perf_counter() - started)
        return whole(answer, scope, request_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http" or not scope["path"].startswith(BELOW_ROOT):
            await self._app(scope, receive, send)
            return
        if scope["method"] != "GET":
            await self._scim(scope, receive, send)
            return
        started = time.perf_counter()
        try:
            answer = await self._endpoint.read(scope)
        except Exception:
            log.exception("the read lane failed", path=scope["path"])
            answer = None
        if answer is None:
            await self._scim(scope, receive, send)
            return
        request_id = request_id_of(scope)
        await send_fast(answer, scope, request_id, send)
        if plain_log.isEnabledFor(logging.INFO):
            _log(scope, answer.status, request_id, time.perf_counter() - started)


def whole(answer: FastAnswer, scope: Scope, request_id: str) -> bytes:
    """Return an answer as HTTP/1.1 has it, with the headers that every answer has."""
    head = f"{_STATUS[answer.status]}{_FIXED}x-request-id: {request_id}\r\n"
    if answer.status != HTTPStatus.NOT_MODIFIED:
        length = len(answer.body)
        head += f"content-type: application/scim+json\r\ncontent-length: {length}\r\n"
    for name, value in answer.headers.items():
        head += f"{name.lower()}: {value}\r\n"
    if scope["scheme"] == "https":
        head += _TRANSPORT_LINE
    return f"{head}\r\n".encode("latin-1") + answer.body


async def send_fast(answer: FastAnswer, scope: Scope, request_id: str, send: Send) -> None:
    """Send an answer of the read lane, with the headers that every answer has."""
    headers = [*SECURE, (b"x-request-id", request_id.encode())]
    if answer.status != HTTPStatus.NOT_MODIFIED:
        headers += MEDIA_TYPE, (b"content-length", str(len(answer.body)).encode())
    for name, value in answer.headers.items():
        headers.append((name.lower().encode(), value.encode("latin-1")))
    if scope["scheme"] == "https":
        headers.append(TRANSPORT)
    start: dict[str, Any] = {
        "type": "http.response.start",
        "status": int(answer.status),
        "headers": headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})


def _log(scope: Scope, status: HTTPStatus, request_id: str, seconds: float) -> None:
    clear_contextvars()
    bind_contextvars(request_id=request_id, source=str(scope["caller"].source))
    log.info(
        "request",
        method=scope["method"],
        path=scope["path"],
        status=int(status),
        duration_ms=round(seconds * 1_000, 1),
    )
