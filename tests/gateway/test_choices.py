"""Choosing for an object that a user sync cannot provision: what is refused, kept and audited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.connections import ConnectionProblem, NewConnection
from gateway.signin.vault import KeptSecrets
from gateway.syncs.choices import ChoiceRefused, enable_joined, resolve, withdraw
from gateway.syncs.edits import SyncEdit
from gateway.wiring import Gateway
from scim.provisioning.authority import DASHBOARD
from scim.provisioning.records import Choice, LinkRecord
from scim.provisioning.source import ObjectKind, SourceChange, SourcePage
from storage.access import AuditLog, UserSyncRecord
from storage.resources.store import ResourceStore
from tests.databases import run
from tests.gateway.support import settings_for

Story = Callable[[Gateway, UserSyncRecord, str], Awaitable[None]]


@asynccontextmanager
async def gateway_with_sync(url: str, folder: Path) -> AsyncIterator[tuple[Gateway, str]]:
    async with Gateway.open(settings_for(folder, url)) as gateway:
        with gateway.database.activated():
            connection = NewConnection(
                "Contoso", "contoso.com", client_id="app", client_secret="s3cret"
            )
            yield gateway, await gateway.create_connection(connection)


def told(database_url: str, folder: Path, story: Story) -> None:
    """Tell a story in which the sync has read Ann, and there is a user made by hand."""

    async def go() -> None:
        async with gateway_with_sync(database_url, folder) as (gateway, sync_id):
            record = await gateway.connection(sync_id)
            store = gateway.sync_store(sync_id)
            lease = await store.claim("test", 60)
            assert lease is not None
            changes = (
                SourceChange(ObjectKind.user, "ann"),
                SourceChange(ObjectKind.user, "bob"),
                SourceChange(ObjectKind.group, "all"),
            )
            await store.merge_page(ObjectKind.user, SourcePage(changes), lease)
            await store.settle(
                {one.source_id: one.stamp for one in await store.dirty(ObjectKind.user, 0, 9)}
            )
            await store.release(lease)
            user_type = gateway.service.get_resource_type("User")
            model = gateway.service.get_model(user_type).model_validate({"userName": "by hand"})
            resources = ResourceStore(
                gateway.database, record.workspace, DASHBOARD, gateway.service.provider
            )
            made = await resources.create(user_type, model)
            assert made.id is not None
            await story(gateway, record, made.id)

    run(go())


def test_a_choice_is_kept_audited_and_planned_with(database_url: str, tmp_path: Path) -> None:
    async def story(gateway: Gateway, record: UserSyncRecord, user: str) -> None:
        made = await resolve(gateway, "Contoso", "ann", "take_over", user, actor="eve")
        assert (made.choice, made.resource_id) == (Choice.take_over, user)
        store = gateway.sync_store(record.id)
        assert (await store.resolutions(["ann"]))["ann"].decided_by == "eve"
        assert [one.source_id for one in await store.dirty(ObjectKind.user, 0, 9)] == ["ann"]
        assert await withdraw(gateway, record.id, "ann", actor="eve") is True
        assert await withdraw(gateway, record.id, "ann", actor="eve") is False
        entries = await AuditLog(gateway.database).entries_of(record.workspace, record.id)
        assert [entry.changes for entry in reversed(entries)] == [
            {"source_id": "ann", "choice": "take_over", "user": user},
            {"source_id": "ann", "choice": None},
        ]
        assert {entry.actor for entry in entries} == {"eve"}

    told(database_url, tmp_path, story)


@pytest.mark.parametrize(
    ("source_id", "choice", "user", "reason"),
    [
        ("ann", "marry", "", "Choose one of take_over, contribute, create"),
        ("nobody", "create", "", "has read no user"),
        ("all", "create", "", "has read no user"),
        ("ann", "create", "somebody", "no existing one"),
        ("ann", "take_over", "", "There is no user"),
        ("ann", "contribute", "unknown", "There is no user"),
    ],
)
def test_what_cannot_be_chosen_says_why(
    database_url: str, tmp_path: Path, source_id: str, choice: str, user: str, reason: str
) -> None:
    async def story(gateway: Gateway, record: UserSyncRecord, by_hand: str) -> None:
        named = by_hand if user == "somebody" else user
        with pytest.raises(ChoiceRefused, match=reason):
            await resolve(gateway, record.id, source_id, choice, named, actor="")
        assert await gateway.sync_store(record.id).resolutions([source_id]) == {}
        assert await AuditLog(gateway.database).entries_of(record.workspace, record.id) == []

    told(database_url, tmp_path, story)


def test_two_objects_cannot_be_one_user(database_url: str, tmp_path: Path) -> None:
    async def story(gateway: Gateway, record: UserSyncRecord, user: str) -> None:
        store = gateway.sync_store(record.id)
        await store.put_link(LinkRecord("bob", ObjectKind.user, user))
        with pytest.raises(ChoiceRefused, match="fed by another object"):
            await resolve(gateway, record.id, "ann", "take_over", user, actor="")
        await resolve(gateway, record.id, "bob", "contribute", user, actor="")

    told(database_url, tmp_path, story)


def test_a_joined_user_may_be_enabled_by_azure_again(database_url: str, tmp_path: Path) -> None:
    async def story(gateway: Gateway, record: UserSyncRecord, user: str) -> None:
        store = gateway.sync_store(record.id)
        await store.put_link(
            LinkRecord("ann", ObjectKind.user, user, joined=True, kept_disabled=True)
        )
        assert await enable_joined(gateway, record.id, "ann", actor="eve") is True
        assert await enable_joined(gateway, record.id, "ann", actor="eve") is False
        assert [one.source_id for one in await store.dirty(ObjectKind.user, 0, 9)] == ["ann"]
        (entry,) = await AuditLog(gateway.database).entries_of(record.workspace, record.id)
        assert entry.changes == {"source_id": "ann", "kept_disabled": False}

    told(database_url, tmp_path, story)


def test_a_user_sync_is_created_with_what_else_it_is_to_be(
    database_url: str, tmp_path: Path
) -> None:
    async def story(gateway: Gateway, record: UserSyncRecord, user: str) -> None:
        connection = NewConnection("Fabrikam", "f.com", client_id="app", client_secret="x")
        options = SyncEdit(
            scope={"users": {"guests": "exclude"}},
            safeguard={"percent": 9},
            target={"base_url": "https://example.com/scim", "token": "scim-s3cret"},
        )
        made = await gateway.connection(await gateway.create_connection(connection, options))
        config = gateway.sync_config(made, "default")
        assert (config.scope.users.guests, config.safeguard.percent) == ("exclude", 9)
        opened = KeptSecrets.opened(made.secrets, gateway.secrets)
        assert (opened.client_secret, opened.target_secret) == ("x", "scim-s3cret")
        assert made.config_version == 1
        with pytest.raises(ConnectionProblem, match="whole number"):
            await gateway.create_connection(
                NewConnection("Third", "t.com", client_id="app", client_secret="x"),
                SyncEdit(safeguard={"percent": 0}),
            )
        assert {one.name for one in await gateway.connections("default")} == {"Contoso", "Fabrikam"}

    told(database_url, tmp_path, story)


def test_there_has_to_be_such_a_sync(database_url: str, tmp_path: Path) -> None:
    async def story(gateway: Gateway, record: UserSyncRecord, user: str) -> None:
        with pytest.raises(ConnectionProblem, match="no user sync"):
            await resolve(gateway, "Fabrikam", "ann", "create", actor="")

    told(database_url, tmp_path, story)
