"""The queue of runs, on both databases: once each, by one worker, found again when it dies."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from storage.access import UserSyncs, Workspaces
from storage.database import Database
from storage.work import LOST_US, RequestStatus, WorkQueue

SECOND = 1_000_000
Story = Callable[["Desk"], Coroutine[Any, Any, None]]


class Desk:
    """A queue with a clock of its own, and two user syncs."""

    def __init__(self, database: Database) -> None:
        self.now = 1_000 * SECOND
        self.queue = WorkQueue(database, clock=lambda: self.now)
        self.database = database

    async def open(self) -> "Desk":
        self.workspace = (await Workspaces(self.database).ensure_default()).row_id
        syncs = UserSyncs(self.database)
        self.one = await syncs.create(self.workspace, "One")
        self.two = await syncs.create(self.workspace, "Two")
        return self


@pytest.fixture
def tell(database: Database, runner: asyncio.Runner) -> Callable[[Story], None]:
    def told(story: Story) -> None:
        async def work() -> None:
            with database.activated():
                await story(await Desk(database).open())

        runner.run(work())

    return told


START = {"call": "start"}


def nobody(_owner: str) -> bool:
    return False


def test_the_same_is_queued_once_and_a_person_outranks_the_schedule(tell: Any) -> None:
    async def story(desk: Desk) -> None:
        queue = desk.queue
        first = await queue.enqueue(desk.one, START, trigger="schedule")
        again = await queue.enqueue(desk.one, dict(START), trigger="api", actor="ada")
        third = await queue.enqueue(desk.one, START, trigger="schedule")
        assert first.id == again.id == third.id
        assert (third.trigger, third.actor) == ("api", "ada")
        other = await queue.enqueue(desk.one, {**START, "full": True}, trigger="api")
        elsewhere = await queue.enqueue(desk.two, START, trigger="api")
        assert len({first.id, other.id, elsewhere.id}) == 3
        assert [each.id for each in await queue.list(desk.one)] == [other.id, first.id]
        assert await queue.get(desk.two, first.id) is None
        state = await queue.state(desk.workspace)
        assert (state.queued, state.taken, state.waiting_since) == (3, 0, desk.now)

    tell(story)


def test_one_request_of_a_user_sync_is_taken_at_a_time(tell: Any) -> None:
    async def story(desk: Desk) -> None:
        queue = desk.queue
        await queue.enqueue(desk.one, START, trigger="api")
        await queue.enqueue(desk.one, {**START, "full": True}, trigger="api")
        await queue.enqueue(desk.two, START, trigger="api")
        first, second = await queue.claim("a"), await queue.claim("b")
        assert first is not None
        assert second is not None
        assert {first.sync_id, second.sync_id} == {desk.one, desk.two}
        assert await queue.claim("a") is None
        await queue.finish(first, run_id="r", message="good")
        third = await queue.claim("b")
        assert third is not None
        assert third.options == {**START, "full": True}
        done = await queue.get(desk.one, first.id)
        assert done is not None
        assert (done.status, done.run_id, done.message) == (RequestStatus.done, "r", "good")

    tell(story)


def test_workers_that_race_never_take_the_same(tell: Any) -> None:
    async def story(desk: Desk) -> None:
        syncs = UserSyncs(desk.database)
        ids = [await syncs.create(desk.workspace, f"S{number}") for number in range(12)]
        for one in ids:
            await desk.queue.enqueue(one, START, trigger="api")

        async def work(owner: str) -> list[str]:
            queue, taken = WorkQueue(desk.database, clock=lambda: desk.now), []
            while (request := await queue.claim(owner)) is not None:
                taken.append(request.id)
                await queue.finish(request)
            return taken

        found = await asyncio.gather(*(work(f"w{number}") for number in range(4)))
        every = [one for taken in found for one in taken]
        assert len(every) == len(set(every))
        left = [await desk.queue.list(one) for one in ids]
        assert {each.status for (each,) in left} == {RequestStatus.done}

    tell(story)


def test_asking_at_once_from_many_places_queues_one(tell: Any) -> None:
    async def story(desk: Desk) -> None:
        asked = [desk.queue.enqueue(desk.one, START, trigger="api") for _ in range(8)]
        assert len({each.id for each in await asyncio.gather(*asked)}) == 1

    tell(story)


def test_what_is_given_back_waits(tell: Any) -> None:
    async def story(desk: Desk) -> None:
        await desk.queue.enqueue(desk.one, START, trigger="api")
        taken = await desk.queue.claim("a")
        assert taken is not None
        await desk.queue.give_back(taken, seconds=5)
        assert await desk.queue.claim("a") is None
        desk.now += 5 * SECOND
        again = await desk.queue.claim("b")
        assert again is not None
        assert again.id == taken.id
        await desk.queue.finish(taken, message="too late")
        known = await desk.queue.get(desk.one, taken.id)
        assert known is not None
        assert known.status is RequestStatus.taken

    tell(story)


def test_what_is_given_back_is_merged_with_the_same_that_waits(tell: Any) -> None:
    async def story(desk: Desk) -> None:
        await desk.queue.enqueue(desk.one, START, trigger="api")
        taken = await desk.queue.claim("a")
        assert taken is not None
        newer = await desk.queue.enqueue(desk.one, START, trigger="api")
        assert newer.id != taken.id
        await desk.queue.give_back(taken)
        known = await desk.queue.get(desk.one, taken.id)
        assert known is not None
        assert known.status is RequestStatus.merged
        again = await desk.queue.claim("a")
        assert again is not None
        assert again.id == newer.id

    tell(story)


@pytest.mark.parametrize("how", ["silent", "gone"])
def test_what_a_dead_worker_had_is_found_again(tell: Any, how: str) -> None:
    async def story(desk: Desk) -> None:
        await desk.queue.enqueue(desk.one, START, trigger="api")
        taken = await desk.queue.claim("dead")
        assert taken is not None
        assert await desk.queue.recover(nobody) == 0
        if how == "silent":
            desk.now += LOST_US - SECOND
            await desk.queue.heartbeat("dead", [taken.id])
            desk.now += 2 * SECOND
            assert await desk.queue.recover(nobody) == 0
            desk.now += LOST_US
            assert await desk.queue.recover(nobody) == 1
        else:
            assert await desk.queue.recover(lambda owner: owner == "dead") == 1
        again = await desk.queue.claim("alive")
        assert again is not None
        assert again.id == taken.id

    tell(story)


def test_requests_that_are_over_are_forgotten_in_the_end(tell: Any) -> None:
    async def story(desk: Desk) -> None:
        await desk.queue.enqueue(desk.one, START, trigger="api")
        taken = await desk.queue.claim("a")
        assert taken is not None
        await desk.queue.finish(taken)
        await desk.queue.enqueue(desk.two, START, trigger="api")
        desk.now += 31 * 86_400 * SECOND
        await desk.queue.prune()
        assert await desk.queue.list(desk.one) == []
        assert len(await desk.queue.list(desk.two)) == 1

    tell(story)
