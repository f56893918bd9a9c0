"""A process killed at any point of a run, then a restart, ends in the same state as no crash."""

from __future__ import annotations

from typing import Any

import pytest

from azure_adapter.simulator import Directory, GeneratorOptions, churn, generate
from tests.databases import run
from tests.sync.world import World, assert_in_step, world


class Killed(BaseException):
    """The process is gone: nothing after this runs, not even an exception handler's work."""


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
        if name in ("unit_of_work", "claim", "release", "renew"):
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
            churn(w.directory, __import__("random").Random(5), amount=15)
            moment, deaths = 1, 0
            while await killed_at(w, moment, late=late):
                moment, deaths = moment + 2, deaths + 1
            assert deaths >= 5
            await assert_in_step(w)
            again = await w.sync()
            assert again["users"]["created"] == again["users"]["updated"] == 0
            assert again["memberships"] == {"added": 0, "removed": 0}

    run(story())
