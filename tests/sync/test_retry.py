"""What failed stays dirty, waits longer each time, is retried apart from cycles, blocks nobody."""

from __future__ import annotations

from typing import Any

from scim.provisioning.records import RunKind
from tests.databases import run
from tests.sync.plans import DONE, Action, people, rows
from tests.sync.world import World, assert_in_step, world

MINUTE = 60_000_000


async def waits(w: World, source_id: str) -> tuple[int, int]:
    """Return (failures in a row, minutes to wait) of an object."""
    _, failures, retry_at = await w.store().retry_at(source_id)
    started = w.runs[-1].started_at
    return failures, max(0, round((retry_at - started) / MINUTE))


async def its_time_has_come(w: World) -> None:
    async with w.database.transaction() as session:
        await session.execute("UPDATE mirror_object SET retry_at = 1 WHERE retry_at > 0")


async def free(w: World, user_name: str) -> None:
    """Give another name to the user of the dashboard that is in the way."""
    async with w.database.transaction() as session:
        await session.execute(
            "UPDATE resource SET user_name_key = ?, document = REPLACE(document, ?, ?) "
            "WHERE user_name_key = ?",
            [f"other-{user_name}", user_name, f"other-{user_name}", user_name],
        )


async def retry(w: World) -> Any:
    done = await w.engine().retry()
    w.runs.append(done)
    return done


def test_a_failed_object_is_retried_when_it_is_due(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(4)
        async with world(database_url, directory) as w:
            await w.sync()
            await w.add_dashboard_user(userName="taken@contoso.com")
            directory.update_user(users[0], userPrincipalName="taken@contoso.com")
            directory.update_user(users[1], jobTitle="Buyer")
            report = await w.sync()
            assert report["status"] == "incomplete"
            assert (await w.users())[users[1]]["title"] == "Buyer"
            assert await waits(w, users[0]) == (1, 5)
            assert await w.store().next_retry() is not None
            asked = len(w.simulator.requests)
            early = await retry(w)
            assert (early.kind, early.status) == (RunKind.retry, "succeeded")
            assert not await rows(w, early)
            await its_time_has_come(w)
            still = await retry(w)
            assert still.status == "incomplete"
            assert await waits(w, users[0]) == (2, 10)
            await free(w, "taken@contoso.com")
            await its_time_has_come(w)
            good = await retry(w)
            assert good.status == "succeeded"
            assert [row.operation.action for row in await rows(w, good, status=DONE)] == [
                Action.update
            ]
            assert len(w.simulator.requests) == asked
            assert await w.store().next_retry() is None
            await assert_in_step(w)

    run(story())


def test_a_scheduled_cycle_leaves_it_alone_and_a_person_does_not(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(3)
        async with world(database_url, directory) as w:
            await w.sync()
            await w.add_dashboard_user(userName="taken@contoso.com")
            directory.update_user(users[0], userPrincipalName="taken@contoso.com")
            await w.sync()
            directory.update_user(users[1], jobTitle="Buyer")
            report = await w.sync(trigger="schedule")
            assert report["users"]["updated"] == 1
            assert report["users"]["failed"] == 0
            assert any("1 object(s) that failed before wait" in note for note in report["notes"])
            assert await waits(w, users[0]) == (1, 5)
            await free(w, "taken@contoso.com")
            report = await w.sync()
            assert report["status"] == "succeeded"
            await assert_in_step(w)

    run(story())
