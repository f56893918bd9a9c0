"""Serving the application: binding, starting, and stopping without dropping requests."""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp

from gateway.http.protocol import OneWriteProtocol

T = TypeVar("T")

GRACE_SECONDS = 10
"""How long requests may still take when the server is asked to stop."""


class PortTakenError(Exception):
    """Another program listens on the port."""


class _Server(uvicorn.Server):
    """A server that leaves the process's signal handlers alone: its owner decides."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and say so."""
        await super().startup(sockets)
        self.answering.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the handlers as they are."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address; port 0 picks a free one.

    Raises:
        PortTakenError: something else listens there.
        OSError: the address is not one of this machine, or may not be bound.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # asyncio turns Nagle's algorithm off (40 ms an answer) only where the protocol is named.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2_048)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(f"Port {port} on {host} is taken.") from None
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the URL under which this machine reaches a bound socket."""
    host, port = bound.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, bound: socket.socket, *, trusted_proxies: str = ""
) -> AsyncIterator[str]:
    """Serve an application on a socket while the context is open; yields its URL.

    Args:
        app: the application.
        bound: where to listen; it is closed at the end.
        trusted_proxies: whose X-Forwarded-* headers are believed.
    """
    server = _Server(_config(app, trusted_proxies))
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        started = asyncio.create_task(server.answering.wait())
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        yield url_of(bound)
    finally:
        server.should_exit = True
        await task
        bound.close()


def _config(app: ASGIApp, trusted_proxies: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=OneWriteProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies or None,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


async def until_stopped() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    try:
        await stop.wait()
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a fresh event loop, uvloop's where it exists."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def _loop_factory() -> Any:
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop
