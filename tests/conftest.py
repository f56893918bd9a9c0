"""Fixtures that every test may use: fresh databases of both kinds, and an event loop."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from storage.database import Database
from tests.databases import PostgresServer, sqlite_template

pytest.register_assert_rewrite("tests.sync.world")
"""Lets pytest explain the assertions of a helper; here, before any test imports it."""

hypothesis.settings.register_profile("soak", max_examples=2_000, deadline=None)
"""What ``make soak`` searches with."""

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
"""Parameters of a fixture or test that runs on both databases."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """An embedded PostgreSQL of this test process; a test that needs it fails without it."""
    server = PostgresServer()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sqlite_template_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that tests copy."""
    return sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def sqlite_url(sqlite_template_file: Path, tmp_path: Path) -> str:
    """The URL of a fresh, migrated, empty SQLite database."""
    file = tmp_path / "gateway.sqlite"
    shutil.copyfile(sqlite_template_file, file)
    return f"sqlite://{file}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, migrated, empty PostgreSQL database."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated, empty database: the test runs once for each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=BOTH)
def unmigrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite://{tmp_path / 'empty.sqlite'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create(migrated=False)
    yield url
    server.drop(url)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """An event loop that synchronous tests run their coroutines on, one after the other."""
    with asyncio.Runner() as each:
        yield each


@pytest.fixture
def database(database_url: str, runner: asyncio.Runner) -> Iterator[Database]:
    """An open database, of each kind; use it in coroutines run by the ``runner`` fixture.

    Models find it inside ``with database.activated():`` or ``async with database.transaction():``.
    """
    opened = runner.run(Database.open(database_url, shared=False, migrate=False))
    try:
        yield opened
    finally:
        runner.run(opened.close())


@pytest.fixture
def play(database: Database, runner: asyncio.Runner) -> Callable[[Any], None]:
    """Run ``check(world)`` on a fresh workspace, on each kind of database."""
    from tests.storage.test_resource_world import World, add_workspace

    def play(check: Any) -> None:
        async def run() -> None:
            await check(World(database, await add_workspace(database)))

        runner.run(run())

    return play
