"""Workspaces, user syncs, and reading the audit."""

import asyncio

import pytest

from storage.access import AuditLog, NameTaken, UserSyncs, Workspaces
from storage.database import Database


@pytest.fixture
def workspace(database: Database, runner: asyncio.Runner) -> int:
    return runner.run(Workspaces(database).ensure("acme")).row_id


@pytest.fixture
def syncs(database: Database) -> UserSyncs:
    return UserSyncs(database)


def test_a_workspace_is_made_once(database: Database, runner: asyncio.Runner) -> None:
    workspaces = Workspaces(database)

    async def both() -> list[int]:
        return [
            each.row_id
            for each in await asyncio.gather(
                workspaces.ensure_default(), workspaces.ensure("default")
            )
        ]

    one, two = runner.run(both())
    assert one == two
    assert runner.run(workspaces.get("nobody")) is None
    assert [each.name for each in runner.run(workspaces.list())] == ["default"]


def test_a_sync_comes_out_as_it_went_in(
    syncs: UserSyncs, workspace: int, runner: asyncio.Runner
) -> None:
    sync_id = runner.run(
        syncs.create(
            workspace,
            "Head office",
            azure_tenant="contoso.example",
            client_id="app",
            secrets="cipher text",
            enrollment="only_sync",
            unique_field="username",
            deletion_policy="deactivate",
            report_email="it@contoso.example",
            settings={"schedule": {"cron": "0 3 * * *"}},
        )
    )
    found = runner.run(syncs.get(workspace, sync_id))
    assert found is not None
    assert (found.id, found.workspace, found.name) == (sync_id, workspace, "Head office")
    assert sync_id[14] == "7"
    assert (found.azure_tenant, found.client_id) == ("contoso.example", "app")
    assert (found.enrollment, found.unique_field) == ("only_sync", "username")
    assert (found.deletion_policy, found.report_email) == ("deactivate", "it@contoso.example")
    assert found.settings == {"schedule": {"cron": "0 3 * * *"}}
    assert (found.secrets, found.state, found.last_run) == ("cipher text", "ready", None)
    assert "cipher" not in repr(found)
    assert runner.run(syncs.named(workspace, "Head office")) == found


def test_names_are_taken_within_a_workspace(
    syncs: UserSyncs, workspace: int, runner: asyncio.Runner, database: Database
) -> None:
    runner.run(syncs.create(workspace, "one"))
    with pytest.raises(NameTaken, match="'one'"):
        runner.run(syncs.create(workspace, "one"))
    two = runner.run(syncs.create(workspace, "two"))
    with pytest.raises(NameTaken):
        runner.run(syncs.change(workspace, two, name="one"))
    other = runner.run(Workspaces(database).ensure("other")).row_id
    runner.run(syncs.create(other, "one"))
    assert [each.name for each in runner.run(syncs.list(workspace))] == ["one", "two"]
    assert len(runner.run(syncs.everywhere())) == 3


def test_changes_and_what_cannot_be_changed(
    syncs: UserSyncs, workspace: int, runner: asyncio.Runner
) -> None:
    sync_id = runner.run(syncs.create(workspace, "one", secrets="old"))
    changed = syncs.change(
        workspace, sync_id, name="new", secrets=None, state="paused", sign_in={"client_id": "c"}
    )
    assert runner.run(changed)
    found = runner.run(syncs.get(workspace, sync_id))
    assert found is not None
    assert (found.name, found.secrets, found.state) == ("new", None, "paused")
    assert (found.client_id, found.azure_tenant) == ("c", "")
    for values in ({"fence": 7}, {}):
        with pytest.raises(ValueError):
            runner.run(syncs.change(workspace, sync_id, **values))


def test_another_workspace_cannot_reach_a_sync(
    syncs: UserSyncs, workspace: int, runner: asyncio.Runner, database: Database
) -> None:
    sync_id = runner.run(syncs.create(workspace, "one"))
    other = runner.run(Workspaces(database).ensure("other")).row_id
    assert runner.run(syncs.get(other, sync_id)) is None
    assert not runner.run(syncs.change(other, sync_id, name="mine"))
    assert not runner.run(syncs.delete(other, sync_id))
    assert runner.run(syncs.delete(workspace, sync_id))
    assert runner.run(syncs.get(workspace, sync_id)) is None


def test_the_audit_of_one_resource(
    workspace: int, runner: asyncio.Runner, database: Database
) -> None:
    async def write() -> None:
        async with database.transaction() as session:
            await session.many(
                "INSERT INTO audit (workspace_id, at, actor, action, resource_type, resource_id, "
                "run_id, changes) VALUES (?, ?, 'ann', 'update', 'User', ?, NULL, ?)",
                [
                    (workspace, 1, "r1", '{"active":[true,false]}'),
                    (workspace, 2, "r2", None),
                    (workspace, 3, "r1", None),
                ],
            )

    runner.run(write())
    audit = AuditLog(database)
    entries = runner.run(audit.entries_of(workspace, "r1"))
    assert [(entry.at, entry.changes) for entry in entries] == [
        (3, None),
        (1, {"active": [True, False]}),
    ]
    older = runner.run(audit.entries_of(workspace, "r1", before=entries[0].row))
    assert older == entries[1:]
    assert runner.run(audit.entries_of(workspace + 1, "r1")) == []
