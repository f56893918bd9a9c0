"""Fixtures of the remote target's tests."""

import io
from collections.abc import Iterator

import pytest

from azure_adapter.remote import RemoteSettings
from gateway.logs import configure_logging
from tests.remote.crooked import Crooked, crooked_peer


@pytest.fixture(autouse=True)
def log() -> io.StringIO:
    """What the process logs in a test, as JSON lines."""
    stream = io.StringIO()
    configure_logging("warning", "json", stream)
    return stream


@pytest.fixture
def odd() -> Iterator[tuple[RemoteSettings, Crooked]]:
    """A server that misbehaves as the test says: (how to reach it, its rules)."""
    with crooked_peer() as each:
        yield each
