"""``ezto-gateway serve`` and ``worker``: the HTTP server, and what runs by itself."""

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import structlog
import typer

from gateway.cli.console import CliError, tell
from gateway.cli.setup import load_settings
from gateway.server import bind, run, serving, until_stopped
from gateway.settings import PREFIX, Settings
from gateway.wiring import Gateway
from gateway.work.single import only_server
from gateway.work.worker import AT_ONCE, working

log = structlog.stdlib.get_logger("gateway.server")

AtOnce = Annotated[
    int, typer.Option("--at-once", min=1, max=64, help="How many user syncs run at once.")
]


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 picks a free one.")] = None,
    no_worker: Annotated[
        bool,
        typer.Option(
            "--no-worker",
            help="Only answer HTTP: schedules, runs and mails are left to `worker` processes.",
        ),
    ] = False,
    at_once: AtOnce = AT_ONCE,
) -> None:
    """Serve SCIM, the JSON API and /healthz, and do what is due: schedules, runs, mails.

    The database is brought up to date first.
    """
    settings = load_settings(quiet=False, host=host, port=port)
    run(_serve(settings, None if no_worker else at_once))


async def _serve(settings: Settings, at_once: int | None) -> None:
    with contextlib.closing(bind(settings.host, settings.port)) as bound, only_server(settings):
        async with Gateway.open(settings) as gateway, _working(gateway, at_once):
            proxies = settings.trusted_proxies
            async with serving(gateway.app(), bound, trusted_proxies=proxies) as url:
                tell(f"Serving SCIM at {settings.base_url or url}/scim/v2 (stop with Ctrl-C).")
                log.info("started", url=url, database=gateway.database.url)
                await until_stopped()
            log.info("stopped")


@contextlib.asynccontextmanager
async def _working(gateway: Gateway, at_once: int | None) -> AsyncIterator[None]:
    if at_once is None:
        yield
        return
    async with working(gateway, at_once=at_once):
        yield


def worker(at_once: AtOnce = AT_ONCE) -> None:
    """Do what is due, without answering HTTP: schedules, runs, mails. Needs PostgreSQL.

    Any number of workers share the work. Stopped, a worker lets its runs come to their end for a
    while; what is left is taken up by the next one.
    """
    settings = load_settings(quiet=False)
    if settings.embedded:
        raise CliError(
            "An embedded database has one server process, and `ezto-gateway serve` does its work. "
            f"Set {PREFIX}DATABASE_URL to a PostgreSQL database to run workers beside it."
        )
    run(_worker(settings, at_once))


async def _worker(settings: Settings, at_once: int) -> None:
    async with Gateway.open(settings) as gateway:
        async with working(gateway, at_once=at_once):
            tell("Working (stop with Ctrl-C).")
            log.info("worker started", database=gateway.database.url)
            await until_stopped()
        log.info("worker stopped")
