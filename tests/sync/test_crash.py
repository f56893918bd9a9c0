"""A process killed at any point of a run, then a restart, ends in the same state as no crash."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from azure_adapter.simulator import Directory, GeneratorOptions, churn, generate
from azure_adapter.sync.config import SafeguardLimits
from azure_adapter.sync.engine import SyncEngine
from scim.provisioning.records import RunRecord
from tests.databases import run
from tests.sync.world import World, assert_in_step, world

Deed = Callable[[SyncEngine], Awaitable[RunRecord]]


class Killed(BaseException):
    """The process is gone: nothing after this runs, not even an exception handler's work."""


UNHARMED = frozenset(
    {"unit_of_work", "claim", "release", "renew", "cancel_requested", "shadow", "rehearsal"}
)
"""What is no step of the work: the lease, the ear for a cancellation, and contexts."""


class Mortal:
    """Passes calls on to a store or target, and dies at the nth one.

    Args:
        inner: the real store or target.
        countdown: shared by all that die together; the process dies when it reaches 0.
        late: die after the call was done instead of before.
    """

    def __init__(self, inner: Any, countdown: list[int], *, late: bool) -> None:
        self._inner = inner
        self._countdown = countdown
        self._late = late

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in UNHARMED or not callable(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._countdown[0] -= 1
            if self._countdown[0] == 0 and not self._late:
                raise Killed
            answer = await found(*args, **kwargs)
            if self._countdown[0] == 0:
                raise Killed
            return answer

        return call


def small_directory() -> Directory:
    directory = Directory(seed=3)
    generate(directory, GeneratorOptions(users=12, groups=4, memberships=4, seed=3))
    return directory


async def killed_at(world: World, moment: int, *, late: bool, **options: Any) -> bool:
    """Run the sync in a process that dies at a moment; tell whether it did."""
    countdown = [moment]
    engine = world.engine(
        store=Mortal(world.store(), countdown, late=late),  # type: ignore[arg-type]
        target=Mortal(world.target(), countdown, late=late),
    )
    try:
        await engine.run(**options)
    except Killed:
        return True
    return False


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(
    database_url: str, late: bool
) -> None:
    """Every moment of an initial cycle, then every moment of an incremental one."""

    async def story() -> None:
        async with world(database_url, small_directory(), page_size=5) as w:
            moment, deaths = 1, 0
            while await killed_at(w, moment, late=late):
                moment, deaths = moment + 3, deaths + 1
            assert deaths >= 5
            await assert_in_step(w)
            churn(w.directory, random.Random(5), amount=15)
            moment, deaths = 1, 0
            while await killed_at(w, moment, late=late):
                moment, deaths = moment + 2, deaths + 1
            assert deaths >= 5
            await assert_in_step(w)
            again = await w.sync()
            assert again["users"]["created"] == again["users"]["updated"] == 0
            assert again["memberships"] == {"added": 0, "removed": 0}

    run(story())


async def dies(world: World, moment: int, deed: Deed) -> bool:
    """Do something in a process that dies at a moment; tell whether it did."""
    countdown = [moment]
    late = moment % 2 == 0
    engine = world.engine(
        store=Mortal(world.store(), countdown, late=late),  # type: ignore[arg-type]
        target=Mortal(world.target(), countdown, late=late),
    )
    try:
        await deed(engine)
    except Killed:
        return True
    return False


async def put_through(world: World) -> None:
    """Sync, and allow what is held, until nothing is."""
    await world.sync()
    while holding := await world.store().held_run():
        await world.engine().allow(holding, None, trigger="manual", actor="ada")
        await world.sync()


NOBODY = SafeguardLimits(percent=0, at_least=0)
"""Whatever takes something away is held."""


def test_an_approval_killed_at_any_moment_is_neither_lost_nor_repeated(database_url: str) -> None:
    """What a person reviewed, and then what a person allowed of it."""

    async def story() -> None:
        async with world(database_url, small_directory(), page_size=5) as w:
            await w.sync()
            w.configure(safeguard=NOBODY)
            for step in (6, 7):
                moment, deaths = 1, 0
                while True:
                    churn(w.directory, random.Random(moment), amount=9)
                    reviewed = await w.engine().run(preview=True)
                    died = await dies(
                        w, moment, lambda e, r=reviewed: e.apply(r.id, r.checksum, actor="ada")
                    )
                    await w.engine().finish_left()
                    holding = await w.store().held_run()
                    if holding is not None:
                        died |= await dies(
                            w,
                            moment,
                            lambda e, h=holding: e.allow(h, None, trigger="t", actor="ada"),
                        )
                    await put_through(w)
                    await assert_in_step(w)
                    if not died:
                        break
                    moment, deaths = moment + step, deaths + 1
                assert deaths >= 3
            assert await applied_twice(w) == 0

    run(story())


async def applied_twice(w: World) -> int:
    """Return how many creations or deletions of one user here were applied more than once."""
    rows = await w.database.session.rows(
        "SELECT resource_id FROM plan_operation WHERE status = 'done' AND action = 'create' "
        "AND resource_id <> '' GROUP BY resource_id HAVING COUNT(*) > 1"
    )
    return len(rows)


def test_an_undo_killed_at_any_moment_goes_on(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, small_directory(), page_size=5) as w:
            await w.sync()
            before = await w.users(), await w.groups()
            users = list(w.directory.live("user"))
            for number, user in enumerate(users[:6]):
                w.directory.update_user(user.id, jobTitle=f"Title {number}")
            w.directory.delete_user(users[6].id)
            w.directory.add_user(userPrincipalName="new@contoso.com", displayName="New")
            moment, deaths = 1, 0
            while True:
                await w.sync()
                undone = w.runs[-1]
                await set_paused(w, paused=True)
                reviewed = await w.engine().undo(undone.id)
                died = await dies(w, moment, lambda e, r=reviewed: e.apply(r.id, r.checksum))
                if died and await w.engine().finish_left() is None:
                    await w.engine().apply(reviewed.id, reviewed.checksum)
                users_now, groups_now = await w.users(), await w.groups()
                for document in (*before[0].values(), *users_now.values()):
                    document.pop("meta", None)
                assert (users_now, groups_now) == before
                await set_paused(w, paused=False)
                if not died:
                    break
                moment, deaths = moment + 3, deaths + 1
            assert deaths >= 3
            await w.sync()
            await assert_in_step(w)

    run(story())


async def set_paused(w: World, *, paused: bool) -> None:
    async with w.database.transaction() as session:
        await session.execute("UPDATE user_sync SET paused = ?", [paused])
