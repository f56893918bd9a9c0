"""Fixtures of the fast lanes' tests."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from scim.service import GatewayService
from storage.database import Database
from tests.fast.world import PLAIN, Lanes

Check = Callable[[Lanes], Awaitable[None]]
Race = Callable[..., None]


@pytest.fixture
def race(database: Database, runner: asyncio.Runner) -> Race:
    """Run ``check(lanes)`` on a fresh workspace, on each kind of database."""

    def race(check: Check, service: GatewayService = PLAIN, **caller: Any) -> None:
        async def run() -> None:
            await check(await Lanes.open(database, service, **caller))

        runner.run(run())

    return race
