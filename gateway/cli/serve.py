"""``ezto-gateway serve``: the HTTP server, and the delivery of mails."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import structlog
import typer

from gateway.cli.console import tell
from gateway.cli.setup import load_settings
from gateway.mail.delivery import delivering
from gateway.server import bind, run, serving, until_stopped
from gateway.settings import Settings
from gateway.wiring import Gateway

log = structlog.stdlib.get_logger("gateway.server")


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 picks a free one.")] = None,
) -> None:
    """Serve /scim/v2 and /healthz; brings the database up to date first."""
    run(_serve(load_settings(quiet=False, host=host, port=port)))


async def _serve(settings: Settings) -> None:
    with contextlib.closing(bind(settings.host, settings.port)) as bound:
        async with Gateway.open(settings) as gateway, _delivering(gateway):
            proxies = settings.trusted_proxies
            async with serving(gateway.app(), bound, trusted_proxies=proxies) as url:
                tell(f"Serving SCIM at {settings.base_url or url}/scim/v2 (stop with Ctrl-C).")
                log.info("started", url=url, database=gateway.database.url)
                await until_stopped()
            log.info("stopped")


@contextlib.asynccontextmanager
async def _delivering(gateway: Gateway) -> AsyncIterator[None]:
    task = asyncio.create_task(delivering(gateway.postman))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
