"""Servers that misbehave: rules in front of a real SCIM server, which does what they let through.

A rule looks at a request and may answer it, let it through and spoil the answer, or cut the
connection. So what really happened on the server can be told from what the client was told.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from azure_adapter.remote import BearerToken, RemoteSettings
from tests.gateway.support import live_app
from tests.remote.support import TOKEN, peer_app


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None

    @property
    def filter(self) -> str:
        return self.query.get("filter", "")

    def is_(self, method: str, end: str = "") -> bool:
        return self.method == method and self.path.endswith(end)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``body`` is JSON unless it is bytes."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks: before the server did anything, or after it did."""

    after: bool = False
    bytes_first: int | None = None
    """How much of the answer still arrives; ``None`` for not even its first line."""


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer comes, until the client gives up."""


Spoil = Callable[[Reply], Reply]
"""Turns the real answer into another."""

Rule = Callable[[Seen], Reply | Cut | Hang | Spoil | None]


class Crooked:
    """An application in front of another one, with rules that may be changed while it serves."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.rules: list[Rule] = []
        self.seen: list[Seen] = []

    def sent(self, method: str, end: str = "") -> list[Seen]:
        return [each for each in self.seen if each.is_(method, end)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = await _read(scope, receive)
        self.seen.append(seen)
        for rule in list(self.rules):
            decided = rule(seen)
            if isinstance(decided, Hang):
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
            if decided is not None:
                await self._misbehave(decided, scope, seen, send)
                return
        await _answer(await self._real(scope, seen), send)

    async def _misbehave(
        self, decided: Reply | Cut | Spoil, scope: Scope, seen: Seen, send: Send
    ) -> None:
        if isinstance(decided, Reply):
            await _answer(decided, send)
        elif isinstance(decided, Cut):
            reply = await self._real(scope, seen) if decided.after else Reply(200, b"")
            await _cut(reply, decided.bytes_first, send)
        else:
            await _answer(decided(await self._real(scope, seen)), send)

    async def _real(self, scope: Scope, seen: Seen) -> Reply:
        messages: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": seen.raw, "more_body": False}

        async def collect(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, collect)
        start = messages[0]
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        headers.pop("content-length", None)
        content = b"".join(each.get("body", b"") for each in messages[1:])
        return Reply(start["status"], content, headers)


Odd = tuple[RemoteSettings, Crooked]
"""How to reach a server that misbehaves, and its rules."""


async def _read(scope: Scope, receive: Receive) -> Seen:
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    return Seen(
        scope["method"],
        scope["path"],
        {name: values[0] for name, values in query.items()},
        {name.decode(): value.decode() for name, value in scope["headers"]},
        content,
    )


async def _answer(reply: Reply, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    if reply.status != 204:
        headers.append((b"content-length", str(len(reply.content)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send(
        {"type": "http.response.body", "body": reply.content if reply.status != 204 else b""}
    )


async def _cut(reply: Reply, first: int | None, send: Send) -> None:
    """Break the connection beneath the server."""
    transport = send.__self__.transport  # type: ignore[attr-defined]
    if first is not None:
        head = f"HTTP/1.1 {reply.status} Odd\r\ncontent-length: {len(reply.content)}\r\n\r\n"
        transport.write(head.encode() + reply.content[:first])
        transport.close()
    else:
        transport.abort()


# -- habits --------------------------------------------------------------------


def error(status: int, detail: str = "", scim_type: str = "", **headers: str) -> Reply:
    body: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
    }
    body |= {"detail": detail} if detail else {}
    body |= {"scimType": scim_type} if scim_type else {}
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def no_bulk(seen: Seen) -> Reply | None:
    return error(501, "Bulk is not supported.") if seen.is_("POST", "/Bulk") else None


def no_patch(seen: Seen) -> Reply | None:
    return error(501, "PATCH is not supported.") if seen.is_("PATCH") else None


def no_discovery(seen: Seen) -> Reply | None:
    return error(404) if seen.path.endswith("/ServiceProviderConfig") else None


def no_or(seen: Seen) -> Reply | None:
    return error(400, "No or.", "invalidFilter") if " or " in seen.filter else None


def no_filter_by(attribute: str) -> Rule:
    def rule(seen: Seen) -> Reply | None:
        refused = seen.filter.startswith(attribute)
        return error(400, f"No filter by {attribute}.", "invalidFilter") if refused else None

    return rule


def offers(**changed: Any) -> Rule:
    """Change what the ServiceProviderConfig says, such as ``bulk={"supported": False}``."""

    def spoil(reply: Reply) -> Reply:
        return replace(reply, body={**json.loads(reply.content), **changed})

    return lambda seen: spoil if seen.path.endswith("/ServiceProviderConfig") else None


def times(number: int, rule: Rule) -> Rule:
    """Let a rule hold so many times."""
    left = [number]

    def limited(seen: Seen) -> Any:
        decided = rule(seen) if left[0] else None
        left[0] -= decided is not None
        return decided

    return limited


def on(method: str, end: str, what: Reply | Cut | Hang | Spoil) -> Rule:
    return lambda seen: what if seen.is_(method, end) else None


def bulk_answer(change: Callable[[Any], Any]) -> Rule:
    """Change the answers in a Bulk response."""

    def spoil(reply: Reply) -> Reply:
        body = json.loads(reply.content)
        return replace(reply, body={**body, "Operations": change(body["Operations"])})

    return on("POST", "/Bulk", spoil)


@contextlib.contextmanager
def crooked_peer() -> Iterator[tuple[RemoteSettings, Crooked]]:
    """Serve scim2-server's application behind rules."""
    app = Crooked(peer_app())
    with live_app(app) as url:
        yield RemoteSettings(f"{url}/scim/v2", BearerToken(TOKEN)), app
