"""Around every request: the trace, planned faults, the Date header."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from email.utils import formatdate

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from azure_adapter.simulator.faults import BEFORE, Fault
from azure_adapter.simulator.faults_effects import Answer, spoil
from azure_adapter.simulator.hosts import base_url
from azure_adapter.simulator.server import RESET, UNDATED
from azure_adapter.simulator.state import RecordedRequest, Simulator

CONTROL_PREFIX = "/_simulator/"
"""Paths of the control endpoint: neither traced nor hit by faults."""


class SimulatorMiddleware:
    """Records requests, lets planned faults change them, and spoils the answers they hit.

    Args:
        app: The application inside.
        simulator: The simulator whose trace and faults these are.
    """

    def __init__(self, app: ASGIApp, simulator: Simulator) -> None:
        self._app = app
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, send)
            return
        host, method, path = _headers(scope).get("host", ""), scope["method"], scope["path"]
        self._simulator.requests.append(RecordedRequest(host, method, path))
        query = scope["query_string"].decode("latin-1")
        hits = self._simulator.faults.take(path, host.partition(":")[0], method, query)
        self._prepare(scope, hits)
        send = self._dated(scope, send)
        damage = [fault for fault in hits if fault.effect not in BEFORE]
        await asyncio.sleep(sum(fault.seconds for fault in hits if fault.effect == "slow"))
        if not damage:
            await self._app(scope, receive, send)
            return
        answer = await _collect(self._app, scope, receive)
        await _deliver(spoil(damage[0], answer, _url(scope)), scope, send)

    def _prepare(self, scope: Scope, hits: Iterable[Fault]) -> None:
        """Let faults act before the request is answered."""
        for fault in hits:
            if fault.effect == "stale":
                scope["simulator.lag"] = fault.lag
            elif fault.effect == "hidden_membership":
                scope["simulator.hides"] = True
            elif fault.effect == "clock_skew":
                scope["simulator.skew"] = fault.seconds
            elif fault.effect == "expire_access":
                self._simulator.tokens.revoke_all()
            elif fault.effect in ("expire_delta", "revoke_refresh"):
                self._expire(fault)

    def _expire(self, fault: Fault) -> None:
        for directory in self._simulator.directories.values():
            if fault.effect == "expire_delta":
                directory.expire_delta_tokens()
            else:
                self._simulator.refresh_tokens.revoke(directory)

    def _dated(self, scope: Scope, send: Send) -> Send:
        """Put in the time of Microsoft's clock, where it differs or the server leaves it to us."""
        skew = self._simulator.settings.clock_skew + scope.get("simulator.skew", 0.0)
        if not skew and UNDATED not in scope.get("extensions", {}):
            return send
        date = formatdate(self._simulator.directory.clock() + skew, usegmt=True).encode()

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"date", date)]
            await send(message)

        return dated


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """Run the application and keep its whole answer."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    start = messages[0]
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in start["headers"]
        if name.lower() != b"content-length"
    ]
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return Answer(start["status"], headers, body)


async def _deliver(answer: Answer, scope: Scope, send: Send) -> None:
    """Send an answer; a premature end is left to the server, which closes the connection."""
    reset = scope.get("extensions", {}).get(RESET) if answer.ending == "reset" else None
    if reset is not None and answer.cut is None:
        reset()
        return
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
    ]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.ending == "whole":
        await send({"type": "http.response.body", "body": answer.body})
        return
    part = answer.body[: answer.cut or 0]
    await send({"type": "http.response.body", "body": part, "more_body": True})
    if reset is not None:
        reset()


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _url(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"{base_url(_headers(scope))}{scope['path']}{'?' if query else ''}{query}"
