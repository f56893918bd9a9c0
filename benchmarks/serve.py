"""One contender in a process of its own: ``python -m benchmarks.serve KIND DIRECTORY [URL]``.

It prints its URL when it answers, and stops when its standard input ends.
"""

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr
from scim2_models import UnauthorizedException
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.service import ScimService
from scim2_server.utils import load_default_provider
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.data import SMALL, Ids, fill, group, user
from gateway.logs import configure_logging
from gateway.server import bind, run, serving
from gateway.settings import Settings
from gateway.wiring import Gateway
from storage.database import Database

TOKEN = "ezto_" + "b" * 43
CLIENT = "benchmark"


@contextlib.asynccontextmanager
async def gateway(directory: Path, url: str, users: int, spare: int) -> AsyncIterator[ASGIApp]:
    """Our gateway, on a database that is filled first."""
    settings = Settings(
        data_dir=directory,
        database_url=SecretStr(url),
        secret_key=SecretStr("A" * 43 + "="),
        log_level="warning",
        rate_per_second=0,
    )
    async with Gateway.open(settings) as opened:
        token = await opened.create_token("default", CLIENT, profile="entra")
        (directory / "token").write_text(token)
        client = (await opened.clients.clients(1))[0]
        ids = await fill(opened.database, 1, client.id, users, spare)
        ids.save(directory / "ids.json")
        yield opened.app()


class GuardedApplication(ASGIApplication):
    """scim2-server's ASGI application with a bearer token."""

    def check_auth(self, request: Any) -> None:
        """Refuse a request without the token."""
        if request.header("Authorization") != f"Bearer {TOKEN}":
            raise UnauthorizedException


@contextlib.asynccontextmanager
async def peer(directory: Path, _url: str, users: int, spare: int) -> AsyncIterator[ASGIApp]:
    """scim2-server's application on its storage in memory."""
    provider = load_default_provider()
    storage = AsyncInMemoryStorage()
    types = {str(each.name): each for each in provider.resource_types}

    async def create(kind: str, content: dict[str, Any]) -> str:
        model: Any = provider.model_for(types[kind])
        made = await storage.create(types[kind], model.model_validate(content))
        return str(made.id)

    with provider:
        people = [await create("User", user(number)) for number in range(users)]
        everyone = await create("Group", group("everyone", people))
        few = await create("Group", group("few", people[:SMALL]))
        spares = [await create("Group", group(f"spare {number}")) for number in range(spare)]
    Ids(people, everyone, few, spares).save(directory / "ids.json")
    (directory / "token").write_text(TOKEN)
    application = GuardedApplication(storage, provider, ScimService(provider, secret="benchmark"))

    async def below_scim(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "root_path": "/scim"}, receive, send)

    yield below_scim


@contextlib.asynccontextmanager
async def bare(_directory: Path, url: str, _users: int, _spare: int) -> AsyncIterator[ASGIApp]:
    """A Starlette route that does one indexed read, on the same kind of connection as ours."""
    database = await Database.open(url, shared=False, migrate=False)
    read = "SELECT document FROM resource WHERE id = "
    if database.dialect == "sqlite":
        connection = sqlite3.connect(f"file:{database.file}?mode=ro", uri=True)

        async def document(own: str) -> Any:
            return connection.execute(read + "?", (own,)).fetchone()[0]
    else:
        pool = await database.pool()

        async def document(own: str) -> Any:
            async with pool.acquire() as leased:
                return await leased.fetchval(read + "$1", own)

    async def answer(request: Request) -> Response:
        found = await document(request.path_params["id"])
        return Response(found, media_type="application/scim+json")

    yield Starlette(routes=[Route("/scim/v2/Users/{id}", answer)])
    await database.close()


CONTENDERS = {"gateway": gateway, "peer": peer, "bare": bare}


async def _serve(kind: str, directory: Path, url: str, users: int, spare: int) -> None:
    async with (
        CONTENDERS[kind](directory, url, users, spare) as app,
        serving(app, bind("127.0.0.1", 0)) as address,
    ):
        print(orjson.dumps({"url": address}).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    kind, directory, url, users, spare = arguments
    configure_logging("warning", "json")
    run(_serve(kind, Path(directory), url, int(users), int(spare)))


if __name__ == "__main__":
    main(sys.argv[1:])
