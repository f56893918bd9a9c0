"""Fixtures of the tests of access: one gateway a database, and a fresh workspace a test."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.logs import configure_logging
from tests.access.support import Issuer, KeyServer, World, serving_keys, world_on
from tests.conftest import BOTH
from tests.databases import PostgresServer


@pytest.fixture(autouse=True)
def log() -> io.StringIO:
    """What the process logs in a test, as JSON lines."""
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    return stream


@pytest.fixture(scope="session", params=BOTH)
def shared_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A gateway that all tests of this folder share, one for each kind of database."""
    directory = tmp_path_factory.mktemp("access")
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template_file")
        file = directory / "gateway.sqlite"
        shutil.copyfile(template, file)
        with world_on(directory, f"sqlite://{file}", failed_tokens_per_minute=0) as world:
            yield world
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create()
    with world_on(directory, url, failed_tokens_per_minute=0) as world:
        yield world
    server.drop(url)


@pytest.fixture
def world(shared_world: World) -> World:
    """A workspace of its own, in the gateway that all share."""
    return World(shared_world.live, shared_world.clock)


@pytest.fixture(scope="session")
def key_server() -> Iterator[KeyServer]:
    """Where the issuers of all tests serve their keys."""
    with serving_keys() as server:
        yield server


@pytest.fixture
def issuer(world: World, key_server: KeyServer) -> Issuer:
    """An issuer of JWTs that really serves its keys, and no other test uses."""
    return key_server.issuer(world.clock)


@pytest.fixture
def lone_world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A gateway of its own, with the settings of an installation that changed none."""
    with world_on(tmp_path, sqlite_url) as each:
        yield each
