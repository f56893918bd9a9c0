"""Shared by the gateway's tests: a whole gateway behind a real port, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import httpx
from cryptography.fernet import Fernet
from pydantic import SecretStr
from scim2_client import BaseSyncSCIMClient
from starlette.types import ASGIApp

from gateway.server import bind, serving
from gateway.settings import Settings
from gateway.wiring import Gateway

T = TypeVar("T")

KEY = Fernet.generate_key().decode()


def settings_for(directory: Path, database_url: str | None = None, **changed: Any) -> Settings:
    """Settings of a test, whatever the environment says."""
    values: dict[str, Any] = {
        "data_dir": directory,
        "database_url": SecretStr(database_url) if database_url else None,
        "secret_key": SecretStr(KEY),
        "smtp_url": None,
        "report_email": None,
        "base_url": None,
        "trusted_proxies": "",
        "rate_per_second": 0,
        "log_level": "warning",
        **changed,
    }
    return Settings(**values)


class LiveGateway:
    """A gateway that serves on a free port; its coroutines run on the serving event loop."""

    def __init__(self, gateway: Gateway, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.gateway = gateway
        self.url = url
        self._loop = loop

    @property
    def scim(self) -> str:
        return f"{self.url}/scim/v2"

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=60)

    def token(self, workspace: str = "default", **options: Any) -> str:
        return self.do(self.gateway.create_token(workspace, "tests", **options))

    def client(self, token: str | None = None) -> httpx.Client:
        bearer = self.token() if token is None else token
        return httpx.Client(
            base_url=self.scim, headers={"Authorization": f"Bearer {bearer}"}, timeout=30
        )


@contextlib.contextmanager
def live_gateway(
    settings: Settings,
    wrap: Callable[[Gateway], ASGIApp] = Gateway.app,
    trusted_proxies: str = "",
) -> Iterator[LiveGateway]:
    """Serve a gateway while the context is open."""

    @contextlib.asynccontextmanager
    async def served() -> AsyncIterator[LiveGateway]:
        async with (
            Gateway.open(settings) as gateway,
            serving(wrap(gateway), bind("127.0.0.1", 0), trusted_proxies=trusted_proxies) as url,
        ):
            yield LiveGateway(gateway, url, asyncio.get_running_loop())

    with in_a_thread(served()) as live:
        yield live


@contextlib.contextmanager
def live_app(app: ASGIApp) -> Iterator[str]:
    """Serve any application while the context is open; yields its URL."""
    with in_a_thread(serving(app, bind("127.0.0.1", 0))) as url:
        yield url


@contextlib.contextmanager
def in_a_thread(context: contextlib.AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter an asynchronous context on an event loop of its own, in a thread."""
    ready: Future[T] = Future()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def hold() -> None:
        stopped = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stopped))
        async with context as value:
            ready.set_result(value)
            await stopped.wait()

    def work() -> None:
        try:
            asyncio.run(hold())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield ready.result(timeout=60)
    finally:
        for loop, stopped in loops:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stopped.set)
        thread.join(timeout=30)
        assert not thread.is_alive()


class HttpxScimClient(BaseSyncSCIMClient):
    """scim2-client's engine over httpx."""

    def __init__(self, client: httpx.Client, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._http = client

    def _stays_under_base_url(self, endpoint: str) -> bool:
        url = self._http.build_request("GET", endpoint).url
        return str(url).startswith(str(self._http.base_url))

    def _parse_json(self, response: Any) -> Any:
        return response.json()

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        return self._http.request(method, url, **kwargs)
