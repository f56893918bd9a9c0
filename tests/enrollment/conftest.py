"""Fixtures of the tests of enrollment."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from storage.database import Database
from storage.enrollment import hooks
from tests.enrollment.world import EnrollmentWorld

Enroll = Callable[[Callable[[EnrollmentWorld], Awaitable[None]]], None]


@pytest.fixture
def enroll(
    database: Database,
    runner: asyncio.Runner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Enroll:
    """Run ``check(world)`` on a fresh workspace, on each kind of database."""

    def enroll(check: Callable[[EnrollmentWorld], Awaitable[None]]) -> None:
        async def run() -> None:
            world = await EnrollmentWorld.on(database, tmp_path)
            monkeypatch.setattr(hooks, "now_us", world.clock)
            await check(world)

        runner.run(run())

    return enroll
