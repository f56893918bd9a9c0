"""Data of the first release survives every later migration."""

from typing import Any

from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

from azure_adapter.sync.config import SyncConfig
from scim.provisioning.source import ObjectKind
from storage.access import UserSyncs
from storage.database import Database
from storage.sync.store import SqlSyncStore
from tests.databases import run

FIRST_RELEASE = "0010_oauth_and_issuers"

ROWS: dict[str, dict[str, Any]] = {
    "workspace": {"row_id": 7, "name": "acme", "created_at": 1},
    "user_sync": {
        "id": "sync-1", "workspace_id": 7, "name": "Contoso", "provider": "azure_ad",
        "enrollment": "send_email", "unique_field": "email", "deletion_policy": "delete",
        "report_email": "", "settings": "{}", "sign_in": '{"azure_tenant": "t"}',
        "state": "ready", "state_reason": "", "generation": 3, "fingerprint": "f",
        "lease_owner": "", "lease_until": 0, "fence": 4, "created_at": 1,
    },
    "sync_cursor": {
        "row_id": 1, "sync_id": "sync-1", "kind": "user", "delta_cursor": "d", "generation": 3,
        "swept": True, "gaps": 0,
    },
    "mirror_object": {
        "row_id": 1, "sync_id": "sync-1", "source_id": "ann", "kind": "user",
        "presence": "present", "attributes": '{"displayName":"Ann"}', "stamp": "s",
        "generation": 3, "dirty": False, "failures": 0, "retry_at": 0,
    },
    "link": {
        "row_id": 1, "sync_id": "sync-1", "source_id": "ann", "kind": "user",
        "resource_id": "r-1", "state": "linked", "joined": False, "linked_at": 1,
    },
    "sync_run": {
        "id": "run-1", "sync_id": "sync-1", "mode": "initial", "trigger": "cli", "actor": "",
        "status": "succeeded", "phase": "done", "preview": False, "started_at": 1,
        "finished_at": 2, "counts": "{}", "notes": "[]", "code": "", "message": "",
        "advice": "", "checksum": "c", "fence": 4,
    },
    "plan_operation": {
        "row_id": 1, "run_id": "run-1", "seq": 1, "phase": 20, "action": "create",
        "kind": "user", "source_id": "ann", "label": "ann", "method": "POST", "path": "/Users",
        "stamp": "s", "size": 0, "status": "done", "code": "", "message": "", "advice": "",
        "resource_id": "r-1",
    },
}  # fmt: skip


async def _to_first_release(database: Database) -> None:
    with database.activated():
        executor = MigrationExecutor(database._tortoise.db("default"), database._config["apps"])
        target = MigrationTarget(app_label="storage", name=FIRST_RELEASE)
        await executor.migrate([target], direction="forward")


async def _fill(database: Database) -> None:
    async with database.transaction() as session:
        for table, row in ROWS.items():
            places = ", ".join("?" * len(row))
            await session.execute(
                f'INSERT INTO "{table}" ({", ".join(row)}) VALUES ({places})', tuple(row.values())
            )


def test_a_user_sync_of_the_first_release_is_there_after_the_upgrade(unmigrated_url: str) -> None:
    async def upgraded() -> None:
        database = await Database.open(unmigrated_url, shared=False, migrate=False)
        try:
            await _to_first_release(database)
            await _fill(database)
            await database.migrate()
            (sync,) = await UserSyncs(database).list(7)
            store = SqlSyncStore(database, "sync-1")
            records = await store.records(["ann"])
            runs = await store.runs()
            (operation,) = await store.operations("run-1")
            cursor = await store.cursor(ObjectKind.user)
        finally:
            await database.close()
        assert (sync.name, sync.azure_tenant) == ("Contoso", "t")
        assert records["ann"].attributes == {"displayName": "Ann"}
        assert records["ann"].link is not None
        assert records["ann"].link.resource_id == "r-1"
        assert [each.id for each in runs] == ["run-1"]
        assert operation.resource_id == "r-1"
        assert cursor.delta_cursor == "d"
        # What the first release read is what the default mapping needs: nothing is read again.
        assert set(cursor.properties) >= set(SyncConfig("sync-1").properties(ObjectKind.user))

    run(upgraded())
