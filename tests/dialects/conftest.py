"""Databases for the replays: one of each kind for a module, a workspace for each case."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from tests.conftest import BOTH


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """The event loop of a module's replays."""
    with asyncio.Runner() as each:
        yield each


@pytest.fixture(scope="module", params=BOTH)
def replays(
    request: pytest.FixtureRequest, loop: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A migrated database that the replays of a module share, of each kind."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("replays") / "gateway.sqlite"
        template: Path = request.getfixturevalue("sqlite_template_file")
        shutil.copyfile(template, file)
        url = f"sqlite://{file}"
    else:
        url = request.getfixturevalue("postgres_server").create()
    database = loop.run(Database.open(url, shared=False, migrate=False))
    try:
        yield database
    finally:
        loop.run(database.close())
        if request.param == "postgres":
            request.getfixturevalue("postgres_server").drop(url)
