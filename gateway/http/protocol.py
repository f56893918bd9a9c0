"""HTTP/1.1 as uvicorn speaks it, with each answer handed to the kernel in one piece.

uvicorn writes the head of an answer and its body one after the other, and each write is a system
call and a packet. Here what is written while an answer is made is held until it is complete, or
until the event loop turns, so that a stream is never kept waiting.

An application may also answer a request at once (:class:`AnswersAtOnce`): no task, no events, and
no message passes for an answer that is there before the next request could be looked at.
"""

import asyncio
from typing import Any, Protocol, cast, runtime_checkable
from urllib.parse import unquote

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

LARGE = 65_536
"""Pieces of so many bytes are passed on at once: holding them would only cost memory."""


class OneWriteTransport(asyncio.Transport):
    """A transport that gathers what is written to it.

    Args:
        transport: where it is written to.
        loop: the event loop.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: Any) -> None:
        """Hold data until :meth:`flush`, or until the event loop turns."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        if len(data) >= LARGE:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        held = self._held
        if held:
            self._held = []
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))

    def write_now(self, data: bytes) -> None:
        """Write data after what is held."""
        self.flush()
        self._transport.write(data)

    def close(self) -> None:
        """Write what is held, then close."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._held = []
        self._transport.abort()

    def is_closing(self) -> bool:
        """Return whether the transport closes or is closed."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport knows, such as the address of the peer."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Receive nothing for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self.flush()
        self._transport.set_protocol(protocol)


@runtime_checkable
class AnswersAtOnce(Protocol):
    """An ASGI application that has some answers without waiting for anything."""

    def at_once(self, scope: Scope) -> bytes | None:
        """Return the whole answer, head and body, or ``None`` to be called as an application.

        The request is a GET of HTTP/1.1 on a connection that stays open; a body of it is ignored.
        """
        ...


class _Answered:
    """Stands where uvicorn keeps the exchange of a connection, when that was answered at once."""

    response_complete = True
    disconnected = False
    keep_alive = True

    def __init__(self) -> None:
        self.message_event = asyncio.Event()


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's protocol on a :class:`OneWriteTransport`."""

    transport: OneWriteTransport

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app = cast(object, self.app)
        self._at_once = app.at_once if isinstance(app, AnswersAtOnce) else None
        self._answered = cast(RequestResponseCycle, _Answered())

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(OneWriteTransport(transport, self.loop))

    def on_headers_complete(self) -> None:
        """Answer at once, or begin an exchange."""
        answer = self._answer() if self._at_once is not None else None
        if answer is None:
            super().on_headers_complete()
            return
        self.cycle = self._answered
        self.transport.write_now(answer)
        super().on_response_complete()

    def _answer(self) -> bytes | None:
        """Return the answer that the application has at once, if it has."""
        parser, earlier = self.parser, self.cycle
        if (
            self._at_once is None
            or parser.get_method() != b"GET"
            or (earlier is not None and not earlier.response_complete)
            or self.expect_100_continue
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
        ):
            return None
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope = cast(dict[str, Any], self.scope)
        scope["method"] = "GET"
        scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        scope["query_string"] = url.query or b""
        return self._at_once(scope)

    def on_response_complete(self) -> None:
        """Send an answer that is complete."""
        self.transport.flush()
        super().on_response_complete()
