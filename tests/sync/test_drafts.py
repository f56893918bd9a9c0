"""An edited scope, mapping or policy is previewed on a copy, and applied as it was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azure_adapter.mapping import DEFAULT_TABLE, table_to_json
from azure_adapter.sync.refusals import NeedsPreview, PlanOutdated
from gateway.syncs.edits import SyncEdit
from scim.provisioning.records import RunKind, RunRecord
from tests.databases import run
from tests.sync.office import ACTOR, Office, office
from tests.sync.plans import DONE, HELD, PENDING, Action, mirror, people, rows, state


def table(**more: Any) -> dict[str, Any]:
    """Return the default mapping with further rows of users."""
    given = table_to_json(DEFAULT_TABLE)
    given["users"] += [{"target": path, "source": name} for path, name in more.items()]
    return given


def without(title: str) -> dict[str, Any]:
    """Return a scope that leaves out users of one job title."""
    clause = {"attribute": "jobTitle", "operator": "NOT EQUALS", "value": title}
    return {"users": {"rules": [{"name": "people", "match": "all", "clauses": [clause]}]}}


EDITS = {
    "mapping": SyncEdit(mapping=table(nickName="displayName")),
    "policy": SyncEdit(deletion_policy="deactivate"),
    "nested": SyncEdit(nested="flattened"),
}


async def preview(o: Office, edit: SyncEdit) -> RunRecord:
    return await o.control.preview_edit(o.sync_id, edit, actor=ACTOR)


def seen(found: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (r.operation.action, r.operation.source_id, r.operation.before, r.operation.after)
        for r in found
    ]


@pytest.mark.parametrize("word", sorted(EDITS))
def test_a_draft_leaves_no_trace_and_is_applied_as_it_was_seen(
    database_url: str, tmp_path: Path, word: str
) -> None:
    async def story() -> None:
        directory, users, teams = people(7, groups=2)
        directory.add_member(teams[0], teams[1])
        directory.remove_member(teams[0], users[0])
        directory.delete_user(users[6])
        async with office(database_url, tmp_path, directory) as o:
            await o.start()
            directory.restore_user(users[6])
            await o.start()
            known = await mirror(o.world)
            reviewed = await preview(o, EDITS[word])
            assert await mirror(o.world) == known
            assert (reviewed.kind, reviewed.preview) == (RunKind.draft, True)
            assert reviewed.actor == ACTOR
            record = await o.gateway.connection(o.sync_id)
            assert record.config_version == 1
            planned = await rows(o.world, reviewed, status=PENDING)
            done = await o.apply(reviewed)
            assert done.status == "succeeded"
            assert done.config_version == 2
            assert seen(await rows(o.world, done, status=DONE)) == seen(planned)
            again = await o.start(preview=True)
            assert not await rows(o.world, again, status=PENDING)
            record = await o.gateway.connection(o.sync_id)
            assert record.config_version == 2

    run(story())


def test_a_draft_settles_and_renames_on_the_copy_only(database_url: str, tmp_path: Path) -> None:
    """What waits to be synced goes on waiting, and keeps the Unique field of the saved mapping."""

    async def story() -> None:
        directory, users, _ = people(4)
        async with office(database_url, tmp_path, directory) as o:
            await o.start()
            directory.update_user(users[0], jobTitle="Buyer")
            await o.start(preview=True)
            known = await mirror(o.world)
            edit = SyncEdit(mapping=untitled())
            reviewed = await preview(o, edit)
            planned = await rows(o.world, reviewed, status=PENDING)
            assert all("userName" in row.operation.after for row in planned)
            assert len(planned) == 4
            assert await mirror(o.world) == known
            assert (await o.start()).counts["users"]["updated"] == 1

    run(story())


def untitled() -> dict[str, Any]:
    """Return a mapping without titles, in which the user name is another one."""
    given = table_to_json(DEFAULT_TABLE)
    given["users"] = [row for row in given["users"] if row["target"] != "title"]
    for row in given["users"]:
        if row["target"] == "userName":
            row["source"] = 'Append([displayName], "@example.com")'
            row["kind"] = "expression"
    return given


def test_a_scope_that_loses_many_is_held_also_when_it_was_reviewed(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        directory, users, _ = people(20)
        for number, user in enumerate(users):
            directory.update_user(user, jobTitle="Robot" if number < 8 else "Human")
        async with office(database_url, tmp_path, directory) as o:
            await o.start()
            known = await mirror(o.world)
            reviewed = await preview(o, SyncEdit(scope=without("Robot")))
            assert await mirror(o.world) == known
            held = await rows(o.world, reviewed, status=HELD)
            assert len(held) == 8
            assert all("out of scope" in row.message for row in held)
            assert (await o.store.is_paused(), (await state(o.world))[0]) == (False, "ready")
            done = await o.apply(reviewed)
            assert done.status == "quarantined"
            assert len(await o.world.users()) == 20
            await o.control.allow(o.sync_id, done.id, None, trigger="manual", actor=ACTOR)
            assert len(await o.world.users()) == 12

    run(story())


def test_what_the_mirror_lacks_is_read_first(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        directory, users, _ = people(3)
        directory.update_user(users[0], employeeHireDate="2020-01-02T00:00:00Z")
        async with office(database_url, tmp_path, directory) as o:
            await o.start()
            edit = SyncEdit(mapping=table(nickName="employeeHireDate"))
            reviewed = await preview(o, edit)
            (planned,) = await rows(o.world, reviewed, status=PENDING)
            assert planned.operation.after == {"nickName": "2020-01-02T00:00:00Z"}
            assert any("were read again" in note for note in reviewed.notes)
            done = await o.apply(reviewed)
            assert done.status == "succeeded"
            assert (await o.world.users())[users[0]]["nickName"] == "2020-01-02T00:00:00Z"
            assert (await o.start()).mode == "incremental"

    run(story())


def test_a_draft_is_refused_when_the_configuration_or_the_store_moved_on(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        directory, users, _ = people(3)
        async with office(database_url, tmp_path, directory) as o:
            await o.start()
            edit = EDITS["mapping"]
            reviewed = await preview(o, edit)
            await o.control.edit(o.sync_id, SyncEdit(name="Renamed"), actor=ACTOR)
            with pytest.raises(PlanOutdated, match="configuration"):
                await o.apply(reviewed)
            reviewed = await preview(o, edit)
            directory.update_user(users[0], jobTitle="Buyer")
            await o.start()
            with pytest.raises(PlanOutdated, match="Another run"):
                await o.apply(reviewed)
            record = await o.gateway.connection(o.sync_id)
            assert (record.config_version, record.name) == (2, "Renamed")
            assert "mapping" not in record.settings

    run(story())


def test_what_decides_about_people_is_not_saved_without_a_preview(
    sqlite_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        directory, _, _ = people(2)
        async with office(sqlite_url, tmp_path, directory) as o:
            await o.control.edit(o.sync_id, EDITS["policy"], actor=ACTOR)
            await o.start()
            with pytest.raises(NeedsPreview, match="mapping"):
                await o.control.edit(o.sync_id, EDITS["mapping"], actor=ACTOR)

    run(story())


def test_drafts_and_previews_stand_side_by_side(sqlite_url: str, tmp_path: Path) -> None:
    """A newer preview supersedes the older one in the list; nothing is blocked by either."""

    async def story() -> None:
        directory, users, _ = people(3)
        async with office(sqlite_url, tmp_path, directory) as o:
            await o.start()
            draft = await preview(o, EDITS["mapping"])
            plain = await o.start(preview=True)
            assert not await rows(o.world, draft, status=PENDING)
            done = await o.apply(draft)
            assert len(await rows(o.world, done, action=Action.update, status=DONE)) == len(users)
            with pytest.raises(PlanOutdated):
                await o.apply(plain)

    run(story())
