"""Running the simulator: in the foreground, or inside an event loop for tests and the demo."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

RESET: Final = "simulator.reset"
"""ASGI extension: a function that resets the connection."""

UNDATED: Final = "simulator.undated"
"""ASGI extension: the application itself says the date."""


def serve(app: ASGIApp, host: str = "127.0.0.1", port: int = 8365) -> None:
    """Serve an application until interrupted.

    Args:
        app: What ``create_app`` built.
        host: Address to bind; loopback unless you know why not.
        port: Port to bind.
    """
    with contextlib.suppress(KeyboardInterrupt):
        config = uvicorn.Config(
            app, host=host, port=port, lifespan="off", http=_Protocol, date_header=False
        )
        uvicorn.Server(config).run()


class SimulatorServer:
    """Serves an application in the running event loop while the context is open.

    Args:
        app: What ``create_app`` built.
        host: Address to bind.
        port: Port to bind; 0 picks a free one.
        bound: A socket that is bound already, instead of host and port; it is closed at the end.

    Raises:
        OSError: The port is taken (on entering).
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        bound: socket.socket | None = None,
    ) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._server: _QuietServer | None = None
        self._task: asyncio.Task[None] | None = None
        self._socket = bound

    @property
    def url(self) -> str:
        """Base URL, for example ``http://127.0.0.1:40123``; ports picked by the system too."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def port(self) -> int:
        """The bound port; before entering, the asked one."""
        return self._port

    async def __aenter__(self) -> Self:
        """Bind, start serving, and wait until requests are answered."""
        if self._socket is None:
            self._socket = _bind(self._host, self._port)
        self._port = self._socket.getsockname()[1]
        self._server = _QuietServer(_config(self._app))
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise OSError("the simulator did not start")
            await asyncio.sleep(0.005)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving, drop open connections, and free the port."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        if self._socket is not None:
            self._socket.close()


class _Protocol(HttpToolsProtocol):
    """HTTP whose connections the application may reset, as networks do."""

    def on_message_begin(self) -> None:
        """Offer the extensions with every request."""
        super().on_message_begin()
        self.scope["extensions"] = {RESET: self._reset, UNDATED: {}}  # type: ignore[dict-item]

    def _reset(self) -> None:
        """Close the connection with RST: what was sent may be lost, nothing more comes."""
        transport: Any = self.transport
        raw = transport.get_extra_info("socket")
        self.cycle.disconnected = True
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


class _QuietServer(uvicorn.Server):
    """A server that leaves the process's signal handlers alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: ASGIApp) -> uvicorn.Config:
    """Configure a guest in somebody's process: it leaves the logging there as it is."""
    return uvicorn.Config(
        app,
        http=_Protocol,
        log_config=None,
        access_log=False,
        date_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off (40 ms an answer) only where the protocol is named.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
