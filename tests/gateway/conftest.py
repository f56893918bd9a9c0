"""Fixtures of the gateway's tests."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.logs import configure_logging
from tests.gateway.support import LiveGateway, live_gateway, settings_for


@pytest.fixture(autouse=True)
def log() -> io.StringIO:
    """What the process logs in a test, as JSON lines."""
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    return stream


@pytest.fixture
def live(sqlite_url: str, tmp_path: Path) -> Iterator[LiveGateway]:
    """A gateway that serves on a free port, with an embedded database."""
    with live_gateway(settings_for(tmp_path, sqlite_url)) as each:
        yield each
