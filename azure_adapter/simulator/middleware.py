"""Around every request: the trace, and planned faults applied to finished answers."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from azure_adapter.simulator.faults import Answer, Fault, spoil
from azure_adapter.simulator.hosts import base_url
from azure_adapter.simulator.state import RecordedRequest, Simulator

CONTROL_PREFIX = "/_simulator/"
"""Paths of the control endpoint: neither traced nor hit by faults."""


class SimulatorMiddleware:
    """Records requests and spoils the answers that planned faults hit.

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
        headers = _headers(scope)
        self._simulator.requests.append(
            RecordedRequest(headers.get("host", ""), scope["method"], scope["path"])
        )
        hits = self._simulator.faults.take(scope["path"])
        if not hits:
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(sum(fault.seconds for fault in hits))
        await self._spoiled(hits, scope, receive, send)

    async def _spoiled(self, hits: list[Fault], scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _collect(self._app, scope, receive)
        effects = [fault for fault in hits if fault.effect != "slow"]
        if effects:
            answer = spoil(effects[0], answer, _url(scope))
        await _deliver(answer, send)


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


async def _deliver(answer: Answer, send: Send) -> None:
    """Send an answer; a cut one stays incomplete, so that the server closes the connection."""
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
    ]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.cut is None:
        await send({"type": "http.response.body", "body": answer.body})
    else:
        part = answer.body[: answer.cut]
        await send({"type": "http.response.body", "body": part, "more_body": True})


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _url(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"{base_url(_headers(scope))}{scope['path']}{'?' if query else ''}{query}"
