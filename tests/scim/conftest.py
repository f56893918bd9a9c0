"""Fixtures of the protocol's tests: one database of each kind, a fresh workspace for each test."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scim.caller import Caller
from scim.service import GatewayService
from storage.database import Database
from tests.conftest import BOTH
from tests.databases import PostgresServer
from tests.scim.world import CLIENT, SERVICE, Api, Check, Serve, add_workspace


@pytest.fixture(scope="session")
def shared_sqlite_url(sqlite_template_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of the SQLite database of these tests."""
    file = tmp_path_factory.mktemp("scim") / "gateway.sqlite"
    return f"sqlite://{shutil.copyfile(sqlite_template_file, file)}"


@pytest.fixture(scope="session")
def shared_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of the PostgreSQL database of these tests."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=BOTH)
def shared_url(request: pytest.FixtureRequest) -> str:
    """The URL of the database that these tests share: the test runs once for each kind."""
    url: str = request.getfixturevalue(f"shared_{request.param}_url")
    return url


@pytest.fixture
def serve(shared_url: str, runner: asyncio.Runner) -> Iterator[Serve]:
    """Run ``check(api)`` on a fresh workspace, on each kind of database."""
    database = runner.run(Database.open(shared_url, shared=False, migrate=False))

    def serve(check: Check, service: GatewayService = SERVICE, **caller: Any) -> None:
        async def run() -> None:
            workspace = await add_workspace(database)
            await check(Api(database, Caller(CLIENT, workspace, **caller), service))

        runner.run(run())

    yield serve
    runner.run(database.close())


@pytest.fixture
def sqlite_api(shared_sqlite_url: str, runner: asyncio.Runner) -> Iterator[Callable[[Check], None]]:
    """Run ``check(api)`` again and again on one workspace with a user and a group."""
    database = runner.run(Database.open(shared_sqlite_url, shared=False, migrate=False))

    async def prepare() -> Api:
        api = Api(database, Caller(CLIENT, await add_workspace(database)))
        await api.group("staff", await api.user("ann"))
        return api

    api = runner.run(prepare())

    def serve(check: Check) -> None:
        async def run() -> None:
            await check(api)

        runner.run(run())

    yield serve
    runner.run(database.close())
