"""Preview and apply, allow and discard: exactly what a person saw, once, and by whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azure_adapter.simulator import Directory
from azure_adapter.sync.refusals import (
    NoSuchRun,
    NothingToDecide,
    NotReviewable,
    PlanOutdated,
    SyncPaused,
)
from scim.provisioning.records import RunKind, RunRecord
from tests.databases import run
from tests.sync.plans import (
    DISCARDED,
    DONE,
    HELD,
    LIMITS,
    PENDING,
    SUPERSEDED,
    Action,
    memberships,
    mirror,
    people,
    rows,
    state,
)
from tests.sync.world import World, assert_in_step, world

TIGHT = replace(LIMITS, percent=10, at_least=1)


async def preview(w: World) -> RunRecord:
    await w.sync(preview=True)
    return w.runs[-1]


async def apply(w: World, reviewed: RunRecord, checksum: str | None = None) -> RunRecord:
    done = await w.engine().apply(reviewed.id, checksum or reviewed.checksum, actor="admin")
    w.runs.append(done)
    return done


async def settled(w: World) -> None:
    """Nothing is left to do: the next sync changes nothing."""
    report = await w.sync()
    assert report["status"] == "succeeded"
    touched = ("created", "restored", "updated", "disabled", "deleted")
    for kind in ("users", "groups"):
        assert not any(report[kind][column] for column in touched), report


def told(found: list[Any]) -> list[tuple[Any, ...]]:
    """Return what a person sees of rows."""
    return [
        (r.operation.action, r.operation.source_id, r.operation.before, r.operation.after)
        for r in found
    ]


def churned(directory: Directory, users: list[str], teams: list[str]) -> None:
    directory.update_user(users[0], displayName="Renamed")
    directory.update_user(users[1], accountEnabled=False)
    directory.delete_user(users[2])
    directory.remove_member(teams[0], users[3])
    new = directory.add_user(
        userPrincipalName="new@contoso.com", displayName="New", accountEnabled=True
    )
    directory.add_member(teams[0], new)
    directory.set_manager(users[4], new)


def test_the_reviewed_plan_is_applied_and_nothing_else(database_url: str) -> None:
    async def story() -> None:
        directory, users, teams = people(8, groups=2)
        async with world(database_url, directory) as w:
            await w.sync()
            churned(directory, users, teams)
            before = await w.users()
            reviewed = await preview(w)
            assert await w.users() == before
            assert reviewed.preview
            assert reviewed.checksum
            seen = await rows(w, reviewed, status=PENDING)
            directory.update_user(users[5], jobTitle="After the preview")
            done = await apply(w, reviewed)
            assert (done.kind, done.reviewed_run) == (RunKind.reviewed, reviewed.id)
            assert done.actor == "admin"
            applied = await rows(w, done, status=DONE)
            assert told(applied) == told(seen)
            assert "title" not in (await w.users())[users[5]]
            await w.sync()
            await assert_in_step(w)

    run(story())


def test_the_first_sync_can_be_a_reviewed_one(database_url: str) -> None:
    async def story() -> None:
        directory, _, _ = people(5, groups=2)
        async with world(database_url, directory) as w:
            reviewed = await preview(w)
            assert not await w.users()
            done = await apply(w, reviewed)
            assert done.status == "succeeded"
            await assert_in_step(w)
            await settled(w)

    run(story())


def test_what_changed_since_is_planned_again_and_shown(database_url: str) -> None:
    """In the directory, and here; one who changed to the same is applied."""

    async def story() -> None:
        directory, users, _ = people(6)
        async with world(database_url, directory) as w:
            await w.sync()
            for user in users[:4]:
                directory.update_user(user, jobTitle="Engineer")
            directory.delete_user(users[4])
            reviewed = await preview(w)
            directory.update_user(users[0], jobTitle="Buyer")
            directory.update_user(users[1], jobTitle=None)
            directory.update_user(users[3], employeeId="only read, not mapped otherwise")
            directory.update_user(users[3], employeeId=None)
            directory.restore_user(users[4])
            await preview(w)
            await edit_here(w, users[2], "title", "By hand")
            done = await apply(w, reviewed)
            changed = {row.operation.source_id: row for row in await rows(w, done, code="changed")}
            assert set(changed) == {users[0], users[1], users[2], users[4]}
            assert all(row.status is SUPERSEDED for row in changed.values())
            assert changed[users[0]].operation.after == {"title": "Buyer"}
            assert "nothing is to be done" in changed[users[1]].message
            assert changed[users[2]].operation.before == {"title": "By hand"}
            assert [row.operation.source_id for row in await rows(w, done, status=DONE)] == [
                users[3]
            ]
            assert any("4 operation(s) changed" in note for note in done.notes)
            await w.sync()
            await assert_in_step(w)

    run(story())


async def edit_here(w: World, source_id: str, path: str, value: str) -> None:
    """Change a linked user behind the sync's back, as the sync would not."""
    from scim.provisioning.operations import Operation, OperationStatus
    from scim.provisioning.source import ObjectKind

    del OperationStatus
    document = (await w.users())[source_id]
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": path, "value": value}],
    }
    operation = Operation(
        Action.update, ObjectKind.user, source_id, "", "PATCH", f"/Users/{document['id']}", body
    )
    (outcome,) = await w.target().apply([operation])
    assert outcome.ok


def test_a_plan_is_refused_as_a_whole_for_three_reasons_only(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(3)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.update_user(users[0], jobTitle="Engineer")
            reviewed = await preview(w)
            with pytest.raises(PlanOutdated, match="checksum"):
                await apply(w, reviewed, "0" * 64)
            with pytest.raises(NoSuchRun):
                await w.engine().apply("no-such-run", "")
            with pytest.raises(NotReviewable):
                await apply(w, w.runs[0], w.runs[0].checksum)
            async with w.database.transaction() as session:
                await session.execute("UPDATE user_sync SET config_version = config_version + 1")
            with pytest.raises(PlanOutdated, match="configuration"):
                await apply(w, reviewed)
            reviewed = await preview(w)
            await preview(w)  # a newer preview is no reason
            async with w.database.transaction() as session:
                await session.execute("UPDATE user_sync SET paused = TRUE")
            with pytest.raises(SyncPaused):
                await apply(w, reviewed)
            async with w.database.transaction() as session:
                await session.execute("UPDATE user_sync SET paused = FALSE")
            assert (await apply(w, reviewed)).status == "succeeded"
            with pytest.raises(PlanOutdated, match=w.runs[-1].id):
                await apply(w, reviewed)

    run(story())


def test_the_checksum_is_of_what_a_person_sees(database_url: str) -> None:
    """Also of what an update replaces, which is in no request."""

    async def story() -> None:
        directory, users, _ = people(2)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.update_user(users[0], jobTitle="Engineer")
            first = await preview(w)
            assert (await preview(w)).checksum == first.checksum
            await edit_here(w, users[0], "title", "By hand")
            assert (await preview(w)).checksum != first.checksum

    run(story())


def test_a_preview_changes_nothing_and_supersedes_older_ones(database_url: str) -> None:
    async def story() -> None:
        directory, users, teams = people(6, groups=1)
        async with world(database_url, directory) as w:
            await w.sync()
            churned(directory, users, teams)
            first = await preview(w)
            known = await mirror(w, "delta_cursor")
            second = await preview(w)
            assert await mirror(w, "delta_cursor") == known
            assert not await rows(w, first, status=PENDING)
            assert len(await rows(w, second, status=PENDING)) == len(
                await rows(w, first, status=SUPERSEDED)
            )
            assert second.checksum == first.checksum
            await w.sync()
            await assert_in_step(w)

    run(story())


def test_what_a_preview_holds_is_held_when_it_is_applied(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(12)
        async with world(database_url, directory) as w:
            await w.sync()
            w.configure(safeguard=TIGHT)
            for user in users[:4]:
                directory.delete_user(user)
            directory.update_user(users[5], jobTitle="Buyer")
            reviewed = await preview(w)
            assert reviewed.status == "quarantined"
            assert await state(w) == ("ready", "")
            done = await apply(w, reviewed)
            assert done.status == "quarantined"
            assert len(await rows(w, done, status=HELD)) == 4
            assert len(await rows(w, done, status=DONE)) == 1
            assert (await state(w))[0] == "quarantined"

    run(story())


# -- allow and discard ------------------------------------------------------------


async def five_leavers(w: World, directory: Directory, users: list[str]) -> RunRecord:
    """Sync; five of the users leave; sync again: their deletions are held."""
    await w.sync()
    w.configure(safeguard=TIGHT)
    for user in users[:5]:
        directory.delete_user(user)
    await w.sync()
    return w.runs[-1]


async def allow(w: World, holding: RunRecord, seqs: list[int] | None) -> RunRecord:
    done = await w.engine().allow(holding.id, seqs, trigger="manual", actor="ada")
    w.runs.append(done)
    return done


def test_exactly_the_allowed_are_applied_once_and_counted(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(20)
        async with world(database_url, directory) as w:
            holding = await five_leavers(w, directory, users)
            held = await rows(w, holding, status=HELD)
            chosen = [row for row in held if row.operation.source_id in users[:2]]
            done = await allow(w, holding, [row.seq for row in chosen])
            assert (done.kind, done.reviewed_run, done.actor) == (
                RunKind.allowed,
                holding.id,
                "ada",
            )
            assert done.status == "succeeded"
            applied = await rows(w, done, status=DONE)
            assert {row.operation.source_id for row in applied} == set(users[:2])
            assert all(
                (row.decided_by, row.decided_at is None) == ("ada", False) for row in applied
            )
            assert len(await rows(w, holding, status=HELD)) == 3
            assert {row.decided_by for row in await rows(w, holding, status=SUPERSEDED)} == {"ada"}
            assert (await state(w))[0] == "quarantined"
            with pytest.raises(NothingToDecide):
                await allow(w, holding, [row.seq for row in chosen])
            report = await w.sync()
            assert report["users"]["held"] == 3
            assert "after 2 in the last 24 hours" in report["notes"][0]
            with pytest.raises(NothingToDecide, match=w.runs[-1].id):
                await allow(w, holding, None)
            await allow(w, w.runs[-1], None)
            await assert_in_step(w)
            assert await state(w) == ("ready", "")

    run(story())


def test_what_is_no_longer_what_was_allowed_is_not_applied(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(20)
        async with world(database_url, directory) as w:
            holding = await five_leavers(w, directory, users)
            directory.restore_user(users[0])
            await w.sync(preview=True)
            await edit_here(w, users[1], "userName", "by-hand@contoso.com")
            done = await allow(w, holding, None)
            applied = {row.operation.source_id for row in await rows(w, done, status=DONE)}
            assert applied == set(users[2:5])
            changed = await rows(w, done, code="changed")
            assert {row.operation.source_id for row in changed} == set(users[:2])
            assert set(users[:2]) <= set(await w.users())

    run(story())


def test_a_part_of_held_memberships_can_be_allowed(database_url: str) -> None:
    """Some members leave for good, others leave the group only: each is its own operation."""

    async def story() -> None:
        directory, users, teams = people(12, groups=1)
        async with world(database_url, directory) as w:
            await w.sync()
            w.configure(safeguard=TIGHT)
            for user in users[:3]:
                directory.delete_user(user)
            for user in users[3:9]:
                directory.remove_member(teams[0], user)
            await w.sync()
            holding = w.runs[-1]
            held = await rows(w, holding, status=HELD, action=Action.remove_members)
            codes = {row.code: row for row in held}
            assert set(codes) == {"depends", "membership_removals"}
            done = await allow(w, holding, [codes["membership_removals"].seq])
            assert not await rows(w, done, code="changed")
            assert await memberships(w, teams[0]) == {*users[:3], *users[9:]}
            assert len(await rows(w, holding, status=HELD)) == 4
            await w.sync()
            await allow(w, w.runs[-1], None)
            await assert_in_step(w)

    run(story())


def new_user(directory: Directory) -> str:
    return directory.add_user(userPrincipalName="n@contoso.com", displayName="New")


async def discard(w: World, holding: RunRecord, seqs: list[int] | None) -> int:
    return await w.store().discard(holding.id, seqs, "ada")


def test_a_discard_is_remembered_until_the_object_changes(database_url: str) -> None:
    async def story() -> None:
        directory, users, teams = people(20, groups=1)
        async with world(database_url, directory) as w:
            holding = await five_leavers(w, directory, users)
            assert await discard(w, holding, None) == 6  # five people, and their memberships
            assert {row.decided_by for row in await rows(w, holding, status=DISCARDED)} == {"ada"}
            for full in (False, True):
                report = await w.sync(full=full)
                assert report["status"] == "succeeded"
                assert report["users"]["deleted"] == report["memberships"]["removed"] == 0
            assert await state(w) == ("ready", "")
            assert set(users[:5]) <= await memberships(w, teams[0])
            directory.add_member(teams[0], new_user(directory))
            await w.sync()
            assert set(users[:5]) <= await memberships(w, teams[0])
            assert len(await w.users()) == 21
            directory.purge_user(users[0])
            assert (await w.sync())["users"]["deleted"] == 0
            directory.restore_user(users[1])
            await w.sync()
            directory.delete_user(users[1])
            assert (await w.sync())["users"]["deleted"] == 1
            assert users[1] not in await memberships(w, teams[0])
            assert users[0] in await memberships(w, teams[0])

    run(story())


def test_a_discarded_member_comes_again_after_having_been_a_member(database_url: str) -> None:
    async def story() -> None:
        directory, users, teams = people(10, groups=1)
        async with world(database_url, directory) as w:
            await w.sync()
            w.configure(safeguard=TIGHT)
            for user in users[:4]:
                directory.remove_member(teams[0], user)
            await w.sync()
            await discard(w, w.runs[-1], None)
            directory.add_member(teams[0], users[0])
            directory.remove_member(teams[0], users[9])
            report = await w.sync()
            assert report["memberships"]["removed"] == 1
            assert await memberships(w, teams[0]) == frozenset(users) - {users[9]}
            directory.remove_member(teams[0], users[0])
            w.configure(safeguard=replace(LIMITS, percent=90))
            report = await w.sync()
            assert report["memberships"]["removed"] == 1
            assert await memberships(w, teams[0]) == frozenset(users[1:9])

    run(story())


def test_a_user_whose_leaving_was_discarded_keeps_the_name(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(12)
        async with world(database_url, directory) as w:
            await five_leavers(w, directory, users)
            holding = w.runs[-1]
            (one,) = await rows(w, holding, source_id=users[0])
            await discard(w, holding, [one.seq])
            directory.add_user(userPrincipalName="p0@contoso.com", displayName="Heir")
            await w.sync()
            assert (await w.users())[users[0]]["userName"] == "p0@contoso.com"
            (failed,) = await rows(w, w.runs[-1], action=Action.create)
            assert failed.status == "failed"

    run(story())
