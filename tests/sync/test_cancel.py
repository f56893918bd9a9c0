"""A run stops within a moment when a person says so, wherever it is, and leaves nothing half."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from azure_adapter.simulator import Directory
from azure_adapter.sync.engine import SyncEngine
from scim.provisioning.source import ObjectKind, SourcePage
from tests.databases import run
from tests.sync.plans import DONE, PENDING, people, rows, state
from tests.sync.world import World, assert_in_step, world

LISTEN_S = 0.01


class Stuck:
    """Passes calls on, and at one of them says so and waits for ever."""

    def __init__(self, inner: Any, method: str, nth: int = 1) -> None:
        self._inner = inner
        self._method = method
        self._left = nth
        self.reached = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._method:
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self.reached.set()
                await asyncio.Event().wait()
            return await found(*args, **kwargs)

        return call


class StuckSource:
    """A directory whose answer never comes."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.reached = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def pages(self, kind: ObjectKind, cursor: str | None) -> AsyncIterator[SourcePage]:
        async for page in self._inner.pages(kind, cursor):
            yield page
            self.reached.set()
            await asyncio.Event().wait()


async def cancelled(w: World, engine: SyncEngine, reached: asyncio.Event, **options: Any) -> Any:
    """Run until a moment is reached, cancel, and return the run as it ended."""
    engine.listen_s = LISTEN_S
    running = asyncio.create_task(engine.run(**options))
    await asyncio.wait_for(reached.wait(), 20)
    assert await w.store().request_cancel("ada")
    return await asyncio.wait_for(running, 20)


def stuck(w: World, phase: str) -> tuple[SyncEngine, asyncio.Event]:
    """Return an engine that gets stuck in a phase, and what says that it is."""
    if phase == "read":
        source = StuckSource(w.source())
        return w.engine(source=source), source.reached
    if phase == "plan":
        target = Stuck(w.target(), "read")
        return w.engine(target=target), target.reached
    store = Stuck(w.store(), "pending", 2)
    return w.engine(store=store), store.reached  # type: ignore[arg-type]


@pytest.mark.parametrize("phase", ["read", "plan", "apply"])
def test_cancelled_in_each_phase_the_next_run_goes_on(database_url: str, phase: str) -> None:
    async def story() -> None:
        directory, users, teams = people(6, groups=2)
        async with world(database_url, directory, page_size=2) as w:
            await w.sync()
            directory.update_user(users[0], jobTitle="Buyer")
            directory.delete_user(users[1])
            new = directory.add_user(userPrincipalName="n@contoso.com", displayName="New")
            directory.add_member(teams[0], new)
            engine, reached = stuck(w, phase)
            ended = await cancelled(w, engine, reached)
            assert (ended.status, ended.cancel_by) == ("cancelled", "ada")
            assert ended.finished_at is not None
            assert "Cancelled by ada." in ended.notes
            assert not await rows(w, ended, status=PENDING)
            assert bool(await rows(w, ended, status=DONE)) is (phase == "apply")
            assert (await w.database.session.value("SELECT lease_owner FROM user_sync")) == ""
            assert not await w.store().request_cancel("ada")
            assert (await state(w))[0] == "ready"
            assert (await w.sync())["status"] == "succeeded"
            await assert_in_step(w)

    run(story())


def test_a_preview_can_be_cancelled_too(database_url: str) -> None:
    async def story() -> None:
        directory, _, _ = people(3)
        async with world(database_url, directory) as w:
            engine, reached = stuck(w, "plan")
            ended = await cancelled(w, engine, reached, preview=True)
            assert (ended.status, ended.preview) == ("cancelled", True)
            assert not await w.users()

    run(story())


def test_a_cancelled_run_of_a_dead_process_is_not_taken_up(database_url: str) -> None:
    """Somebody cancels while nobody runs it: the next run ends it, and does its own work."""

    async def story() -> None:
        directory, _, _ = people(3)
        async with world(database_url, directory) as w:
            lease = await w.store().claim("dead", 0)
            assert lease is not None
            from scim.provisioning.records import RunMode

            left = await w.store().start_run(
                RunMode.initial, trigger="cli", actor="", preview=False, lease=lease
            )
            await w.store().release(lease)
            assert await w.store().request_cancel("ada")
            report = await w.sync()
            assert report["run"] != left.id
            old = await w.store().run(left.id)
            assert old is not None
            assert old.status == "cancelled"
            await assert_in_step(w)

    run(story())


def test_cancelling_the_task_stops_the_run_and_leaves_it_to_be_taken_up(
    database_url: str,
) -> None:
    """A server that shuts down: the run is not ended, and the next process goes on with it."""

    async def story() -> None:
        directory: Directory = people(4)[0]
        async with world(database_url, directory) as w:
            engine, reached = stuck(w, "apply")
            running = asyncio.create_task(engine.run())
            await asyncio.wait_for(reached.wait(), 20)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            left = await w.store().unfinished_run()
            assert left is not None
            report = await w.sync()
            assert report["run"] == left.id
            await assert_in_step(w)

    run(story())
