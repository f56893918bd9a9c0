"""The control of user syncs through a whole gateway: what it does, refuses and writes down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azure_adapter.sync.config import Enrollment
from azure_adapter.sync.refusals import (
    AlreadyRunning,
    NoSuchRun,
    NothingToDecide,
    SyncPaused,
    SyncRefused,
)
from gateway.connections import ConnectionProblem
from gateway.syncs.edits import SyncEdit
from scim.provisioning.authority import DASHBOARD
from scim.provisioning.records import LinkState, RunMode
from scim.provisioning.source import ObjectKind
from storage.access import AuditLog
from tests.databases import run
from tests.sync.office import ACTOR, Office, office
from tests.sync.plans import DONE, HELD, PENDING, Action, people, rows, state
from tests.sync.world import assert_in_step


async def audited(o: Office) -> list[str]:
    """Return what the audit says was done with the user sync, in order."""
    entries = await AuditLog(o.gateway.database).entries_of(o.workspace, o.sync_id)
    assert all(entry.actor == ACTOR for entry in entries)
    return [entry.action for entry in reversed(entries)]


def test_a_paused_sync_is_only_looked_at(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        directory, users, _ = people(4)
        async with office(database_url, tmp_path, directory) as o:
            first = await o.start()
            directory.update_user(users[0], jobTitle="Buyer")
            await o.control.pause(o.sync_id, actor=ACTOR, reason="Migration")
            await o.control.pause(o.sync_id, actor=ACTOR)
            record = await o.gateway.connection(o.sync_id)
            assert record.paused
            assert record.settings["paused"]["by"] == ACTOR
            assert record.settings["paused"]["reason"] == "Migration"
            for options in ({}, {"full": True}, {"retry": True}, {"drift": True}):
                with pytest.raises(SyncPaused, match="Resume it first, or only preview"):
                    await o.start(**options)
            with pytest.raises(SyncPaused):
                await o.control.allow(o.sync_id, first.id, None, trigger="manual", actor=ACTOR)
            reviewed = await o.start(preview=True)
            assert len(await rows(o.world, reviewed, status=PENDING)) == 1
            assert (await o.start(drift=True, preview=True)).preview
            with pytest.raises(SyncPaused):
                await o.apply(reviewed)
            await o.control.resume(o.sync_id, actor=ACTOR)
            await o.control.resume(o.sync_id, actor=ACTOR)
            record = await o.gateway.connection(o.sync_id)
            assert "paused" not in record.settings
            assert (await o.apply(reviewed)).status == "succeeded"
            await assert_in_step(o.world)
            assert await audited(o) == ["pause", "resume"]

    run(story())


def test_decisions_are_written_down_with_who_and_when(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        directory, users, _ = people(20)
        async with office(database_url, tmp_path, directory) as o:
            await o.start()
            for user in users[:6]:
                directory.delete_user(user)
            holding = await o.start()
            held = await rows(o.world, holding, status=HELD)
            assert len(held) == 6
            with pytest.raises(NoSuchRun):
                await o.control.discard(o.sync_id, "nothing", None, actor=ACTOR)
            assert await o.control.discard(o.sync_id, holding.id, [held[0].seq], actor=ACTOR) == 1
            with pytest.raises(NothingToDecide):
                await o.control.discard(o.sync_id, holding.id, [held[0].seq], actor=ACTOR)
            done = await o.control.allow(
                o.sync_id,
                holding.id,
                [row.seq for row in held[1:]],
                trigger="manual",
                actor=ACTOR,
            )
            assert len(await rows(o.world, done, status=DONE)) == 5
            assert await state(o.world) == ("ready", "")
            assert await audited(o) == ["discard"]
            (discard,) = await o.store.discards()
            assert (discard.decided_by, discard.action) == (ACTOR, Action.delete)

    run(story())


def test_undo_pauses_and_is_applied_when_it_was_reviewed(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        directory, users, _ = people(4)
        async with office(database_url, tmp_path, directory) as o:
            await o.start()
            for user in users:
                directory.update_user(user, jobTitle="Oops")
            wrong = await o.start()
            reviewed = await o.control.undo(o.sync_id, wrong.id, actor=ACTOR)
            assert (await o.gateway.connection(o.sync_id)).paused
            done = await o.apply(reviewed)
            assert done.undoes_run == wrong.id
            assert not any("title" in each for each in (await o.world.users()).values())
            await o.control.resume(o.sync_id, actor=ACTOR)
            assert (await o.start()).counts["users"]["updated"] == 4
            await assert_in_step(o.world)

    run(story())


def test_an_interrupted_run_is_finished_before_a_draft_is_applied(
    database_url: str, tmp_path: Path
) -> None:
    """It was begun with the old configuration, and must not go on with the new one."""

    async def story() -> None:
        directory, users, _ = people(4)
        async with office(database_url, tmp_path, directory) as o:
            await o.start()
            edit = SyncEdit(deletion_policy="deactivate")
            reviewed = await o.control.preview_edit(o.sync_id, edit, actor=ACTOR)
            directory.delete_user(users[0])
            lease = await o.store.claim("killed", 60)
            assert lease is not None
            left = await o.store.start_run(
                RunMode.incremental, trigger="cli", actor="", preview=False, lease=lease
            )
            await o.store.release(lease)
            with pytest.raises(SyncRefused, match="Another run"):
                await o.apply(reviewed)
            finished = await o.store.run(left.id)
            assert finished is not None
            assert finished.status == "succeeded"
            assert finished.counts["users"]["deleted"] == 1

    run(story())


@pytest.mark.parametrize("deactivate", [False, True])
def test_deleting_a_sync_never_deletes_anybody(
    database_url: str, tmp_path: Path, deactivate: bool
) -> None:
    async def story() -> None:
        directory, users, _ = people(5, groups=2)
        async with office(database_url, tmp_path, directory) as o:
            by_hand = await o.world.add_dashboard_user(userName="hand@contoso.com")
            joined = directory.add_user(userPrincipalName="hand@contoso.com", displayName="J")
            directory.delete_user(users[4])
            await o.start()
            directory.restore_user(users[4])
            await o.start()
            directory.delete_user(users[4])
            await o.start()
            documents, groups = await o.world.users(), await o.world.groups()
            assert documents[joined]["id"] == by_hand
            await blocked(o, documents[users[1]]["id"])
            deleted = await o.control.delete(o.sync_id, deactivate=deactivate, actor=ACTOR)
            assert (deleted.name, deleted.users, deleted.groups, deleted.failed) == (
                "Contoso",
                5,
                2,
                0,
            )
            assert deleted.deactivated == (5 if deactivate else 0)
            with pytest.raises(ConnectionProblem):
                await o.gateway.connection(o.sync_id)
            resources = o.world.resources(DASHBOARD)
            ids = [each["id"] for each in documents.values()]
            after = await resources.documents(ids)
            assert set(after) == set(ids)
            if deactivate:
                assert not any(each["active"] for each in after.values())
            authorities = await resources.authorities(ids)
            assert {each.source for each in authorities.values()} == {DASHBOARD}
            stored = await o.gateway.database.session.rows(
                "SELECT display, authority FROM resource WHERE type = 'Group'"
            )
            assert {row["display"] for row in stored} == {name for name, _ in groups.values()}
            assert {row["authority"] for row in stored} == {"dashboard"}
            (tombstone,) = await o.gateway.database.session.rows("SELECT id FROM tombstone")
            await resources.restore(tombstone["id"])
            again = await resources.authorities([tombstone["id"]])
            assert again[tombstone["id"]].source == DASHBOARD
            for table in ("mirror_object", "mirror_member", "link", "plan_operation", "sync_run"):
                counted = f"SELECT COUNT(*) FROM {table}"
                assert await o.gateway.database.session.value(counted) == 0
            assert (await audited(o))[-2:] == ["pause", "delete"]

    run(story())


async def blocked(o: Office, resource_id: str) -> None:
    await o.world.resources(DASHBOARD).set_blocked(resource_id, blocked=True)


def test_a_deletion_that_was_interrupted_goes_on(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.syncs import removing

    async def story() -> None:
        directory, _, _ = people(7, groups=1)
        async with office(database_url, tmp_path, directory) as o:
            await o.start()
            monkeypatch.setattr(removing, "BATCH", 2)
            real = removing.Removing._count
            batches: list[int] = []

            def die(self: Any, links: Any, disabled: Any, failed: int) -> None:
                batches.append(len(links))
                if len(batches) == 2:
                    raise KeyboardInterrupt
                real(self, links, disabled, failed)

            monkeypatch.setattr(removing.Removing, "_count", die)
            with pytest.raises(KeyboardInterrupt):
                await o.control.delete(o.sync_id, deactivate=True, actor=ACTOR)
            monkeypatch.setattr(removing.Removing, "_count", real)
            linked = await o.store.linked(ObjectKind.user, "", 100)
            assert len(linked) == 3
            assert all(link.state is LinkState.linked for link in linked)
            with pytest.raises(SyncPaused):
                await o.start()
            deleted = await o.control.delete(o.sync_id, deactivate=True, actor=ACTOR)
            assert (deleted.users, deleted.groups) == (3, 1)

    run(story())


def test_a_sync_that_runs_is_not_deleted_under_its_feet(sqlite_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        directory, _, _ = people(2)
        async with office(sqlite_url, tmp_path, directory) as o:
            await o.start()
            assert await o.store.claim("elsewhere", 60) is not None
            with pytest.raises(AlreadyRunning, match="asked to stop"):
                await o.control.delete(o.sync_id, deactivate=False, actor=ACTOR)
            with pytest.raises(SyncPaused):
                await o.start()
            assert len(await o.store.linked(ObjectKind.user, "", 10)) == 2

    run(story())


def test_existing_users_are_invited_only_when_that_is_confirmed(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        directory, users, _ = people(5)
        directory.update_user(users[4], accountEnabled=False)
        async with office(database_url, tmp_path, directory) as o:
            await o.start()
            edit = SyncEdit(enrollment=Enrollment.send_email.value)
            await o.control.edit(o.sync_id, edit, actor=ACTOR)
            assert not await rows(o.world, await o.start(), action=Action.invite)
            assert await o.control.invite_existing(o.sync_id, dry=True, actor=ACTOR) == 4
            assert not await rows(o.world, await o.start(), action=Action.invite)
            assert await o.control.invite_existing(o.sync_id, dry=False, actor=ACTOR) == 4
            invited = await rows(o.world, await o.start(), action=Action.invite, status=DONE)
            assert {row.operation.source_id for row in invited} == set(users[:4])
            assert not await rows(o.world, await o.start(), action=Action.invite)
            assert await o.control.invite_existing(o.sync_id, dry=True, actor=ACTOR) == 0
            assert await audited(o) == ["update", "invite_existing"]

    run(story())


def test_too_many_invitations_wait_for_a_person(sqlite_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        directory, _, _ = people(120)
        async with office(sqlite_url, tmp_path, directory, enrollment=Enrollment.send_email) as o:
            first = await o.start()
            assert first.status == "quarantined"
            assert first.counts["quarantine"]["kinds"] == {"invitations": 120}
            assert len(await o.world.users()) == 120
            done = await o.control.allow(o.sync_id, first.id, None, trigger="manual", actor=ACTOR)
            assert len(await rows(o.world, done, action=Action.invite, status=DONE)) == 120
            mails = await o.gateway.database.session.value(
                "SELECT COUNT(*) FROM mail_outbox WHERE kind = 'enrollment'"
            )
            assert mails == 120

    run(story())


def test_one_person_is_provisioned_and_explained(sqlite_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        directory, _, _ = people(2)
        async with office(sqlite_url, tmp_path, directory) as o:
            report = await o.control.on_demand(
                o.sync_id, ObjectKind.user, "p1@contoso.com", apply=True, actor=ACTOR
            )
            assert report.ok, report
            (decision,) = await o.control.explain(o.workspace, resource_id=report.resource_id)
            assert decision.action is Action.create
            (standing,) = await o.control.standing(o.workspace, source_id=report.source_id)
            assert standing.resource_id == report.resource_id

    run(story())


def test_what_a_run_cannot_be_at_once_is_an_error(sqlite_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        directory, _, _ = people(1)
        async with office(sqlite_url, tmp_path, directory) as o:
            with pytest.raises(ValueError, match="one of the three"):
                await o.start(full=True, drift=True)
            with pytest.raises(ConnectionProblem):
                await o.control.start("nothing", trigger="cli")
            assert not await o.control.cancel(o.sync_id, actor=ACTOR)

    run(story())
