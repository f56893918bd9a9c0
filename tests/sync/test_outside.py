"""A target that takes part in no transaction: called between two of them, at least once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from scim.provisioning.operations import Operation, Outcome
from scim.provisioning.records import LeaseLost, SourceUnavailable
from tests.databases import run
from tests.sync.plans import DONE, people, rows
from tests.sync.test_crash import Killed
from tests.sync.world import World, assert_in_step, world


class Outside:
    """The user store as if it were on another server."""

    transactional = False

    def __init__(self, w: World, after: Callable[[], Awaitable[None]] | None = None) -> None:
        self._world = w
        self._inner = w.target()
        self._after = after
        self.applied: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        assert not self._world.database.in_transaction
        self.applied.append(len(operations))
        outcomes = await self._inner.apply(operations)
        if self._after is not None:
            await self._after()
        return outcomes


def test_nothing_is_open_while_the_other_server_works(database_url: str) -> None:
    async def story() -> None:
        directory, _, _ = people(6, groups=2)
        async with world(database_url, directory) as w:
            target = Outside(w)
            done = await w.engine(target=target).run()
            assert done.status == "succeeded"
            assert sum(target.applied) == len(await rows(w, done, status=DONE))
            await assert_in_step(w)

    run(story())


def test_what_was_sent_but_not_noted_is_sent_again(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(4)
        async with world(database_url, directory) as w:
            await w.sync()
            for user in users:
                directory.update_user(user, jobTitle="Buyer")

            async def die() -> None:
                raise Killed

            first = Outside(w, die)
            with pytest.raises(Killed):
                await w.engine(target=first).run()
            second = Outside(w)
            done = await w.engine(target=second).run()
            assert first.applied == second.applied == [4]
            assert len(await rows(w, done, status=DONE)) == 4
            await assert_in_step(w)

    run(story())


def test_the_fence_is_looked_at_again_before_results_are_noted(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(4)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.update_user(users[0], jobTitle="Buyer")

            async def lose() -> None:
                async with w.database.transaction() as session:
                    await session.execute(
                        "UPDATE user_sync SET lease_owner = 'other', fence = fence + 1"
                    )

            with pytest.raises(LeaseLost):
                await w.engine(target=Outside(w, lose)).run()
            left = await w.store().unfinished_run()
            assert left is not None
            assert not await rows(w, left, status=DONE)

    run(story())


def test_a_server_that_cannot_be_reached_ends_the_run_and_not_the_sync(
    database_url: str,
) -> None:
    async def story() -> None:
        directory, users, _ = people(4)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.update_user(users[0], jobTitle="Buyer")

            async def fail() -> None:
                raise SourceUnavailable("unreachable", "The server is away.", "Wait.")

            done = await w.engine(target=Outside(w, fail)).run()
            assert (done.status, done.code, done.message) == (
                "failed",
                "unreachable",
                "The server is away.",
            )
            (row,) = await rows(w, done)
            assert (row.status, row.code) == ("skipped", "unreachable")
            assert (await w.sync())["status"] == "succeeded"
            await assert_in_step(w)

    run(story())
