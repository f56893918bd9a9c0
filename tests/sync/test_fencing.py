"""Two workers never run one sync: leases, and a fence against one that slept past its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest

from azure_adapter.sync.refusals import AlreadyRunning
from gateway.syncs.owner import has_ended, process_owner
from scim.provisioning.records import LeaseLost
from tests.databases import run
from tests.sync.plans import mirror, people
from tests.sync.test_cancel import Stuck, StuckSource
from tests.sync.world import World, assert_in_step, world


async def expire(w: World) -> None:
    """Make it later than the end of the lease."""
    async with w.database.transaction() as session:
        await session.execute("UPDATE user_sync SET lease_until = 1")


class Sleeper(Stuck):
    """Falls asleep at a call, is woken later, and then goes on as if nothing had happened."""

    def __init__(self, inner: Any, method: str, nth: int = 1) -> None:
        super().__init__(inner, method, nth)
        self.wake = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._method:
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self.reached.set()
                await self.wake.wait()
            return await found(*args, **kwargs)

        return call


WRITES = ("clear_plan", "add_operations", "update_run", "pending", "settle_run")
"""Where the first worker falls asleep: between its decision to write and the write."""


@pytest.mark.parametrize("method", WRITES)
def test_who_slept_past_the_lease_writes_nothing_any_more(database_url: str, method: str) -> None:
    async def story() -> None:
        directory, users, teams = people(5, groups=1)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.update_user(users[0], jobTitle="Buyer")
            directory.delete_user(users[1])
            directory.remove_member(teams[0], users[2])
            store = Sleeper(w.store(), method)
            first = asyncio.create_task(w.engine("first", store=store).run())  # type: ignore[arg-type]
            await asyncio.wait_for(store.reached.wait(), 20)
            with pytest.raises(AlreadyRunning):
                await w.engine("second").run()
            await expire(w)
            done = await w.engine("second").run()
            assert done.status == "succeeded"
            await assert_in_step(w)
            known = await everything(w)
            store.wake.set()
            with pytest.raises(LeaseLost):
                await first
            assert await everything(w) == known
            assert (await w.sync())["users"]["updated"] == 0

    run(story())


async def everything(w: World) -> list[Any]:
    """Return all that a worker writes: mirror, plans, runs, store."""
    session = w.database.session
    found: list[Any] = await mirror(w)
    for table in ("plan_operation", "sync_run", "resource", "membership", "audit"):
        stored = await session.rows(f"SELECT * FROM {table}")
        found.append(sorted(repr(sorted(row.items())) for row in stored))
    return found


class SleepySource(StuckSource):
    """A directory whose second page comes when the reader is woken."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.wake = asyncio.Event()

    async def pages(self, kind: Any, cursor: Any) -> Any:
        async for page in self._inner.pages(kind, cursor):
            self.reached.set()
            await self.wake.wait()
            yield page


def test_a_page_of_who_slept_past_the_lease_is_refused(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(4)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.update_user(users[0], jobTitle="Buyer")
            source = SleepySource(w.source())
            first = asyncio.create_task(w.engine("first", source=source).run())
            await asyncio.wait_for(source.reached.wait(), 20)
            await expire(w)
            directory.update_user(users[0], jobTitle="Engineer")
            assert (await w.engine("second").run()).status == "succeeded"
            known = await everything(w)
            source.wake.set()
            with pytest.raises(LeaseLost):
                await first
            assert await everything(w) == known
            await assert_in_step(w)

    run(story())


def test_a_worker_that_lost_the_lease_stops_by_itself(database_url: str) -> None:
    """Its heartbeat notices, while it waits for an answer that never comes."""

    async def story() -> None:
        directory, _, _ = people(3)
        async with world(database_url, directory) as w:
            source = StuckSource(w.source())
            engine = w.engine("first", source=source)
            engine.lease_s = 0.06
            first = asyncio.create_task(engine.run())
            await asyncio.wait_for(source.reached.wait(), 20)
            async with w.database.transaction() as session:
                await session.execute(
                    "UPDATE user_sync SET lease_owner = 'second', fence = fence + 1"
                )
            with pytest.raises(LeaseLost):
                await asyncio.wait_for(first, 20)

    run(story())


def test_nobody_waits_for_the_lease_of_a_dead_process(database_url: str) -> None:
    script = "from gateway.syncs.owner import process_owner; print(process_owner())"
    dead = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert has_ended(dead)
    assert not has_ended(process_owner())
    assert len(process_owner()) <= 64

    async def story() -> None:
        directory, _, _ = people(2)
        async with world(database_url, directory) as w:
            assert await w.store().claim(dead, 60) is not None
            engine = w.engine(process_owner())
            with pytest.raises(AlreadyRunning):
                await engine.run()
            engine.gone = has_ended
            assert (await engine.run()).status == "succeeded"
            assert await w.store().claim("elsewhere:1234:77:1", 60) is not None
            with pytest.raises(AlreadyRunning):
                await engine.run()

    run(story())


def test_of_other_machines_and_living_processes_nothing_is_known() -> None:
    here, _, started = process_owner().rpartition(":")
    host, _, pid = here.rpartition(":")
    assert int(pid) == os.getpid()
    assert not has_ended(f"other{host}:{pid}:{started}")
    assert has_ended(f"{host}:{pid}:{int(started) + 1}")
    assert not has_ended("")
    assert not has_ended("test")
