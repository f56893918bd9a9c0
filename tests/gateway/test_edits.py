"""Editing a user sync: what is refused and where, what is decisive, and what is saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_adapter.mapping import DEFAULT_TABLE, table_to_json
from gateway.connections import ConnectionProblem, config_of
from gateway.secrets import SecretBox
from gateway.signin.vault import KeptSecrets
from gateway.syncs.edits import (
    DECISIVE,
    EditProblems,
    SyncEdit,
    apply_edit,
    draft_of,
    save_edit,
)
from scim.provisioning.records import RunMode, RunPhase, RunRecord, RunStatus
from scim.provisioning.source import ObjectKind
from storage.access import AuditLog, UserSyncRecord, UserSyncs, Workspaces
from storage.database import Database
from tests.databases import run

BOX = SecretBox([b"MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="])

RAN = RunRecord(
    "run", "sync", RunMode.initial, "cli", "", RunStatus.succeeded, RunPhase.done, False, 1
)


def record(**changes: Any) -> UserSyncRecord:
    values: dict[str, Any] = {
        "id": "sync",
        "workspace": 1,
        "name": "Contoso",
        "provider": "azure_ad",
        "enrollment": "send_email",
        "unique_field": "email",
        "deletion_policy": "delete",
        "report_email": "",
        "settings": {},
        "sign_in": {},
        "secrets": None,
        "state": "ready",
        "state_reason": "",
        "created_at": 1,
    }
    return UserSyncRecord(**{**values, **changes})


def table(**more: Any) -> dict[str, Any]:
    """Return the default mapping with further rows of users."""
    rows = table_to_json(DEFAULT_TABLE)
    rows["users"] += [{"target": path, "source": name} for path, name in more.items()]
    return rows


def wrong(edit: SyncEdit, of: UserSyncRecord | None = None) -> dict[str, str]:
    """Return what is wrong with an edit, by field."""
    with pytest.raises(EditProblems) as caught:
        apply_edit(of or record(), edit)
    return {each.field: str(each) for each in caught.value.problems}


# -- what is refused --------------------------------------------------------------


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "  "}, "name"),
    ({"name": "x" * 129}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"enrollment": "invite"}, "enrollment"),
    ({"unique_field": "id"}, "unique_field"),
    ({"deletion_policy": "keep"}, "deletion_policy"),
    ({"report_email": "nobody"}, "report_email"),
    ({"report_email": "a@b.example, c@d.example"}, "report_email"),
    ({"report_email": f"{'x' * 320}@example.com"}, "report_email"),
    ({"safeguard": {"percent": 0}}, "safeguard.percent"),
    ({"safeguard": {"percent": 101}}, "safeguard.percent"),
    ({"safeguard": {"percent": True}}, "safeguard.percent"),
    ({"safeguard": {"percent": 12.5}}, "safeguard.percent"),
    ({"safeguard": {"at_least": -1}}, "safeguard.at_least"),
    ({"safeguard": {"enabled": "yes"}}, "safeguard.enabled"),
    ({"safeguard": {"persent": 5}}, "safeguard.persent"),
    ({"safeguard": []}, "safeguard"),
    ({"scope": {"users": {"guests": "never"}}}, "scope.users.guests"),
    ({"scope": {"people": {}}}, "scope"),
    ({"nested": "deep"}, "nested"),
    ({"schedule": {"cron": "every day"}}, "schedule.cron"),
    ({"schedule": {"at": "noon"}}, "schedule.at"),
    ({"mapping": {"users": []}}, "mapping.user"),
    ({"mapping": table(title="jobTitle", nickName="shoeSize")}, "mapping.user[27]"),
    ({"target": {"base_url": "http://example.com/scim", "token": "t"}}, "target.base_url"),
    ({"target": {"base_url": "https://example.com/scim"}}, "target.token"),
    (
        {"target": {"base_url": "https://example.com/s", "token": "t", "concurrency": 99}},
        "target.concurrency",
    ),
    ({"target": {"url": "https://example.com/scim"}}, "target.url"),
]


@pytest.mark.parametrize(("values", "field"), WRONG, ids=[field for _, field in WRONG])
def test_what_cannot_be_is_refused_beside_its_field(values: dict[str, Any], field: str) -> None:
    assert field in wrong(SyncEdit(**values))


def test_everything_that_is_wrong_is_said_at_once() -> None:
    edit = SyncEdit(name="", enrollment="x", safeguard={"percent": 0, "at_least": -1})
    assert wrong(edit).keys() == {"name", "enrollment", "safeguard.percent", "safeguard.at_least"}


@pytest.mark.parametrize("value", [None, [], "name", {"nmae": "x"}, {"secrets": "x"}])
def test_what_is_no_edit_is_refused(value: object) -> None:
    with pytest.raises(EditProblems):
        SyncEdit.from_json(value)


def test_a_secret_is_not_repeated_in_what_is_refused() -> None:
    edit = SyncEdit(target={"base_url": "ftp://example.com", "token": "s3cret-t0ken"})
    assert "s3cret" not in " ".join(wrong(edit).values())
    assert "s3cret" not in repr(edit)


def test_the_target_is_chosen_before_the_first_run() -> None:
    """Links name the resources of one server; at another one they would name strangers."""
    edit = SyncEdit(target={"base_url": "https://example.com/scim", "token": "t"})
    assert apply_edit(record(), edit).record.settings["target"] == {
        "base_url": "https://example.com/scim"
    }
    assert "target.base_url" in wrong(edit, record(last_run=RAN))
    tuned = SyncEdit(target={"base_url": "https://example.com/scim", "concurrency": 2})
    synced = record(settings={"target": {"base_url": "https://example.com/scim"}}, last_run=RAN)
    assert apply_edit(synced, tuned).record.settings["target"]["concurrency"] == 2


def test_a_new_secret_does_not_wait_for_a_preview() -> None:
    public = {"base_url": "https://example.com/scim"}
    edit = SyncEdit(nested="flattened", target={**public, "token": "t"})
    assert apply_edit(record(), edit).secret == "t", "before the first run nothing is previewed"
    assert "target" in wrong(edit, record(settings={"target": public}, last_run=RAN))


# -- what an edit does ---------------------------------------------------------------


def test_an_empty_edit_changes_nothing() -> None:
    edited = apply_edit(record(), SyncEdit())
    assert (dict(edited.changes), edited.decisive, edited.needs_read) == ({}, False, {})
    assert edited.record == record()


def test_what_is_as_it_was_is_no_change() -> None:
    scope = {"users": {"guests": "include"}}
    same = SyncEdit(name=" Contoso ", scope=scope, nested="kept", mapping={}, schedule={})
    assert apply_edit(record(), same).changes == {}


DECISIVE_EDITS = {
    "scope": {"users": {"guests": "exclude"}},
    "mapping": table(nickName="mailNickname"),
    "nested": "flattened",
    "deletion_policy": "deactivate",
}
OTHER_EDITS = {
    "name": "Fabrikam",
    "enrollment": "only_sync",
    "unique_field": "username",
    "report_email": "admin@example.com",
    "schedule": {"cron": "0 3 * * *"},
    "safeguard": {"percent": 50},
}


@given(
    st.sets(st.sampled_from(sorted(DECISIVE_EDITS))), st.sets(st.sampled_from(sorted(OTHER_EDITS)))
)
def test_decisive_is_what_decides_about_people_who_are_synced(
    decisive: set[str], other: set[str]
) -> None:
    everything: dict[str, Any] = {**DECISIVE_EDITS, **OTHER_EDITS}
    edit = SyncEdit(**{name: everything[name] for name in decisive | other})
    edited = apply_edit(record(), edit)
    assert edited.changes.keys() == decisive | other
    assert edited.decisive is bool(decisive)
    assert edited.record.config_version == record().config_version + bool(decisive | other)
    again = apply_edit(edited.record, edit)
    assert again.changes == {}


def test_decisive_fields_change_the_fingerprint_or_the_scope() -> None:
    """What the preview is about and what the planner looks at are one thing."""
    before = config_of(record(), "")
    for name, value in DECISIVE_EDITS.items():
        after = config_of(apply_edit(record(), SyncEdit(**{name: value})).record, "")
        same = (
            before.fingerprint() == after.fingerprint()
            and before.scope == after.scope
            and before.nested == after.nested
        )
        assert not same, name
    assert set(DECISIVE_EDITS) == DECISIVE


def test_limits_that_are_not_given_stay() -> None:
    once = apply_edit(record(), SyncEdit(safeguard={"percent": 50})).record
    twice = apply_edit(once, SyncEdit(safeguard={"at_least": 9}))
    assert twice.record.settings["safeguard"] == {"percent": 50, "at_least": 9, "enabled": True}


def test_the_default_is_not_stored() -> None:
    """So that what a later version has as its default is what such a sync gets."""
    edited = apply_edit(record(), SyncEdit(mapping=table(nickName="mailNickname"))).record
    assert "mapping" in edited.settings
    assert apply_edit(edited, SyncEdit(mapping={})).record.settings == {}


def test_it_says_what_has_to_be_read() -> None:
    edit = SyncEdit(
        mapping=table(nickName="mailNickname"),
        scope={
            "groups": {
                "rules": [{"clauses": [{"attribute": "description", "operator": "IS NOT NULL"}]}]
            }
        },
    )
    edited = apply_edit(record(), edit)
    assert edited.needs_read == {
        ObjectKind.user: ("mailNickname",),
        ObjectKind.group: ("description",),
    }
    back = apply_edit(edited.record, SyncEdit(mapping={}, scope={}))
    assert back.needs_read == {}


def test_a_draft_is_the_same_edit_later() -> None:
    edited = apply_edit(record(), SyncEdit(scope={"users": {"guests": "exclude"}}, name="New"))
    again = draft_of(record(), edited.draft())
    assert again.record == edited.record
    given = {"base_url": "https://example.com/scim", "token": "scim-s3cret"}
    assert "s3cret" not in repr(apply_edit(record(), SyncEdit(target=given)).draft())
    with pytest.raises(EditProblems, match="edited since"):
        draft_of(record(config_version=2), edited.draft())


def test_what_is_stored_wrong_can_be_mended() -> None:
    broken = record(settings={"mapping": {"users": "?"}, "safeguard": {"percent": -5}})
    with pytest.raises(ConnectionProblem, match="mapping"):
        config_of(record(settings={"mapping": {"users": "?"}}), "")
    mended = apply_edit(broken, SyncEdit(mapping={}, safeguard={"percent": 30})).record
    config = config_of(mended, "")
    assert (config.mapping, config.safeguard.percent) == (DEFAULT_TABLE, 30)


STORED_WRONG: list[tuple[dict[str, Any], str]] = [
    ({"settings": {"safeguard": {"percent": 0}}}, "safeguard.percent"),
    ({"settings": {"scope": {"users": {"groups": "x"}}}}, "scope.users.groups"),
    ({"settings": {"nested": "deep"}}, "nested"),
    ({"settings": {"mapping": {}, "colour": "red"}}, "colour"),
    ({"enrollment": "maybe"}, "enrollment"),
    ({"unique_field": "maybe"}, "unique_field"),
    ({"deletion_policy": "maybe"}, "deletion_policy"),
]


@pytest.mark.parametrize(("values", "key"), STORED_WRONG, ids=[key for _, key in STORED_WRONG])
def test_a_setting_that_cannot_be_used_is_named(values: dict[str, Any], key: str) -> None:
    with pytest.raises(ConnectionProblem, match=key.replace(".", r"\.")) as caught:
        config_of(record(**values), "")
    assert "'Contoso'" in str(caught.value)


# -- saving ----------------------------------------------------------------------------


def saved(database_url: str, story: Callable[..., Any]) -> None:
    async def go() -> None:
        database = await Database.open(database_url, shared=False, migrate=False)
        try:
            with database.activated():
                syncs = UserSyncs(database)
                workspace = (await Workspaces(database).ensure("default")).row_id
                sync_id = await syncs.create(workspace, "Contoso")
                made = await syncs.get(workspace, sync_id)
                await story(database, syncs, made)
        finally:
            await database.close()

    run(go())


def test_an_edit_is_saved_with_who_changed_what(database_url: str) -> None:
    async def story(database: Database, syncs: UserSyncs, made: UserSyncRecord) -> None:
        edit = SyncEdit(name="Fabrikam", safeguard={"percent": 50}, deletion_policy="deactivate")
        now = await save_edit(syncs, apply_edit(made, edit), actor="ann", box=BOX)
        assert (now.name, now.deletion_policy) == ("Fabrikam", "deactivate")
        assert now.settings["safeguard"]["percent"] == 50
        assert now.config_version == made.config_version + 1
        (entry,) = await AuditLog(database).entries_of(made.workspace, made.id)
        assert (entry.actor, entry.action, entry.resource_type) == ("ann", "update", "UserSync")
        assert entry.changes is not None
        assert entry.changes["name"] == {"old": "Contoso", "new": "Fabrikam"}
        assert entry.changes["safeguard"]["new"]["percent"] == 50

    saved(database_url, story)


def test_of_an_edited_mapping_the_audit_tells_the_rows_that_differ(database_url: str) -> None:
    async def story(database: Database, syncs: UserSyncs, made: UserSyncRecord) -> None:
        edited = apply_edit(made, SyncEdit(mapping=table(nickName="mailNickname")))
        now = await save_edit(syncs, edited, actor="", box=BOX)
        assert len(now.settings["mapping"]["users"]) == len(DEFAULT_TABLE.users) + 1
        (entry,) = await AuditLog(database).entries_of(made.workspace, made.id)
        assert entry.changes is not None
        row = {"target": "nickName", "kind": "direct", "source": "mailNickname"}
        assert entry.changes["mapping"] == {
            "old": {"users": [], "groups": []},
            "new": {"users": [row], "groups": []},
        }

    saved(database_url, story)


def test_nothing_changed_is_nothing_saved(database_url: str) -> None:
    async def story(database: Database, syncs: UserSyncs, made: UserSyncRecord) -> None:
        now = await save_edit(syncs, apply_edit(made, SyncEdit(name="Contoso")), actor="", box=BOX)
        assert now.config_version == made.config_version
        assert await AuditLog(database).entries_of(made.workspace, made.id) == []

    saved(database_url, story)


def test_two_who_edit_at_once_do_not_undo_each_other(database_url: str) -> None:
    async def story(database: Database, syncs: UserSyncs, made: UserSyncRecord) -> None:
        first = apply_edit(made, SyncEdit(safeguard={"percent": 50}))
        second = apply_edit(made, SyncEdit(scope={"users": {"guests": "exclude"}}))
        await save_edit(syncs, first, actor="ann", box=BOX)
        with pytest.raises(EditProblems, match="somebody else"):
            await save_edit(syncs, second, actor="bob", box=BOX)
        now = await syncs.get(made.workspace, made.id)
        assert now is not None
        assert now.settings.keys() == {"safeguard"}
        assert len(await AuditLog(database).entries_of(made.workspace, made.id)) == 1

    saved(database_url, story)


def test_a_name_that_is_taken_is_said_beside_the_name(database_url: str) -> None:
    async def story(database: Database, syncs: UserSyncs, made: UserSyncRecord) -> None:
        await syncs.create(made.workspace, "Fabrikam")
        edited = apply_edit(made, SyncEdit(name="Fabrikam", report_email="a@example.com"))
        with pytest.raises(EditProblems) as caught:
            await save_edit(syncs, edited, actor="", box=BOX)
        assert [each.field for each in caught.value.problems] == ["name"]
        now = await syncs.get(made.workspace, made.id)
        assert now is not None
        assert (now.report_email, now.config_version) == ("", made.config_version)
        assert await AuditLog(database).entries_of(made.workspace, made.id) == []

    saved(database_url, story)


def test_the_secret_of_a_target_is_sealed_and_never_told(database_url: str) -> None:
    async def story(database: Database, syncs: UserSyncs, made: UserSyncRecord) -> None:
        kept = KeptSecrets(client_secret="graph-s3cret")
        await syncs.change(made.workspace, made.id, secrets=kept.sealed(BOX))
        made = (await syncs.list(made.workspace))[0]
        given = {"base_url": "https://example.com/scim", "token": "scim-s3cret"}
        now = await save_edit(syncs, apply_edit(made, SyncEdit(target=given)), actor="", box=BOX)
        opened = KeptSecrets.opened(now.secrets, BOX)
        assert (opened.client_secret, opened.target_secret) == ("graph-s3cret", "scim-s3cret")
        (entry,) = await AuditLog(database).entries_of(made.workspace, made.id)
        for told in (repr(now.settings), repr(entry.changes), repr(now)):
            assert "s3cret" not in told
        assert entry.changes is not None
        assert entry.changes["target_secret"] == {"old": "changed", "new": "changed"}

    saved(database_url, story)
