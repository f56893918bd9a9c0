"""Drift: what was changed in the store behind the sync's back is listed, or repaired."""

from __future__ import annotations

from typing import Any

from azure_adapter.sync.config import DeletionPolicy
from scim.provisioning.records import RunKind, RunRecord
from tests.databases import run
from tests.sync.plans import DONE, HELD, LIMITS, PENDING, Action, mirror, people, rows
from tests.sync.test_approvals import edit_here
from tests.sync.world import World, assert_in_step, world


async def drift(w: World, *, preview: bool) -> RunRecord:
    done = await w.engine().drift(preview=preview, actor="ada")
    w.runs.append(done)
    return done


async def meddle(w: World, users: list[str], teams: list[str]) -> None:
    """Change a user, a group's name and members, and delete a user and a group here."""
    documents, resources = await w.users(), w.resources()
    await edit_here(w, users[0], "title", "By hand")
    session = w.database.session
    groups = await session.rows(
        "SELECT source_id, resource_id FROM link WHERE kind = 'group' ORDER BY row_id"
    )
    ids = {row["source_id"]: row["resource_id"] for row in groups}
    gone, more = documents[users[1]]["id"], documents[users[2]]["id"]
    await resources.change_members(ids[teams[0]], remove=[documents[users[3]]["id"]])
    await resources.change_members(ids[teams[1]], add=[more])
    user_type = w.target()._service.get_resource_type("User")
    group_type = w.target()._service.get_resource_type("Group")
    await resources.delete(user_type, gone)
    await resources.delete(group_type, ids[teams[2]])


def test_drift_is_listed_without_reading_and_then_repaired(database_url: str) -> None:
    async def story() -> None:
        directory, users, teams = people(6, groups=3)
        directory.remove_member(teams[1], users[2])
        async with world(database_url, directory) as w:
            await w.sync()
            none = await drift(w, preview=True)
            assert not await rows(w, none)
            await meddle(w, users, teams)
            known, asked = await mirror(w), len(w.simulator.requests)
            found = await drift(w, preview=True)
            assert await mirror(w) == known
            assert len(w.simulator.requests) == asked
            assert (found.kind, found.preview) == (RunKind.drift, True)
            planned = await rows(w, found, status=PENDING)
            assert {(row.operation.action, row.operation.source_id) for row in planned} == {
                (Action.update, users[0]),
                (Action.restore, users[1]),
                (Action.add_members, teams[0]),
                (Action.add_members, teams[1]),
                (Action.remove_members, teams[1]),
                (Action.restore, teams[2]),
                (Action.add_members, teams[2]),
            }
            done = await w.engine().apply(found.id, found.checksum)
            assert done.status == "succeeded"
            assert not await rows(w, done, code="changed")
            await assert_in_step(w)
            assert not await rows(w, await drift(w, preview=True))
            report = await w.sync()
            assert report["users"]["updated"] == report["groups"]["updated"] == 0

    run(story())


def test_drift_is_repaired_at_once_when_asked_for(database_url: str) -> None:
    async def story() -> None:
        directory, users, teams = people(6, groups=3)
        async with world(database_url, directory) as w:
            await w.sync()
            await meddle(w, users, teams)
            done = await drift(w, preview=False)
            assert (done.status, done.preview) == ("succeeded", False)
            await assert_in_step(w)

    run(story())


def test_what_is_waiting_in_the_directory_is_no_drift(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(4)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.update_user(users[0], jobTitle="Buyer")
            directory.delete_user(users[1])
            await w.sync(preview=True)
            assert not await rows(w, await drift(w, preview=True))

    run(story())


def test_repairing_drift_does_not_get_around_the_safeguards(database_url: str) -> None:
    """Somebody enabled forty leavers here: to disable them again is asked for."""

    async def story() -> None:
        directory, users, _ = people(20)
        async with world(database_url, directory) as w:
            w.configure(deletion_policy=DeletionPolicy.deactivate)
            for user in users[:9]:
                directory.update_user(user, accountEnabled=False)
            await w.sync()
            w.configure(safeguard=LIMITS)
            for user in users[:9]:
                await edit_here(w, user, "active", cast_bool(True))
            done = await drift(w, preview=False)
            assert done.status == "quarantined"
            assert len(await rows(w, done, status=HELD)) == 9
            allowed = await w.engine().allow(done.id, None, trigger="manual", actor="ada")
            assert len(await rows(w, allowed, status=DONE)) == 9
            await assert_in_step(w)

    run(story())


def cast_bool(value: bool) -> Any:
    return value
