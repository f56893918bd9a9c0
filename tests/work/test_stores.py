"""Tokens of the API, and looking through plans, on both databases."""

import asyncio
from collections.abc import Iterator

import pytest

from scim.provisioning.operations import Action, Operation, OperationStatus
from scim.provisioning.records import RunMode
from scim.provisioning.source import ObjectKind
from storage.access import UserSyncs, Workspaces
from storage.access.api_tokens import ApiTokens, Role
from storage.database import Database
from storage.sync.browsing import Browsing, Wanted, sync_ids
from storage.sync.store import SqlSyncStore


@pytest.fixture
def opened(database: Database) -> Iterator[Database]:
    with database.activated():
        yield database


def test_tokens(opened: Database, runner: asyncio.Runner) -> None:
    async def story() -> None:
        now = 1_000_000_000
        tokens = ApiTokens(opened, clock=lambda: now)
        room = await Workspaces(opened).ensure_default()
        text, token_id = await tokens.create(
            room.row_id, "ci", Role.auditor, expires_at=1_004_000_000
        )
        record = await tokens.authenticate(text)
        assert record is not None
        assert (record.id, record.role, record.workspace) == (token_id, Role.auditor, room.row_id)
        kept = await opened.session.rows("SELECT * FROM api_token")
        assert text not in str(kept)
        assert (await tokens.list(room.row_id))[0].last_used_at == now
        assert await tokens.authenticate(text[:-1] + "!") is None
        assert await tokens.authenticate(text.removeprefix("ezto_api_")) is None
        assert not await tokens.revoke(room.row_id + 1, token_id)
        assert await tokens.authenticate(text) is not None
        now = 1_004_000_000
        assert await tokens.authenticate(text) is None
        now = 1_000_000_000
        assert await tokens.revoke(None, token_id)
        assert await tokens.authenticate(text) is None
        assert await tokens.list(room.row_id + 1) == []

    runner.run(story())


def test_roles_include_the_ones_before() -> None:
    assert [[one.includes(other) for other in Role] for one in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def _operation(number: int, label: str, action: Action = Action.create) -> Operation:
    return Operation(
        action=action,
        kind=ObjectKind.user if number % 2 else ObjectKind.group,
        source_id=f"source-{number}",
        label=label,
        method="POST",
        path="/Users",
    )


def test_plans_are_filtered_and_paged(opened: Database, runner: asyncio.Runner) -> None:
    async def story() -> None:
        room = await Workspaces(opened).ensure_default()
        sync_id = await UserSyncs(opened).create(room.row_id, "One")
        store = SqlSyncStore(opened, sync_id)
        lease = await store.claim("tests", 60)
        assert lease is not None
        run = await store.start_run(
            RunMode.initial, trigger="manual", actor="", preview=True, lease=lease
        )
        labels = ["Ada 100%", "ADA_x", "Bob", "ada\\y", "Eve", "Mallory"]
        rows = [_operation(number, label) for number, label in enumerate(labels)]
        await store.add_operations(run.id, rows[:4], OperationStatus.pending)
        await store.add_operations(run.id, rows[4:], OperationStatus.held)
        browsing = Browsing(opened, sync_id)

        async def found(after: int = 0, limit: int = 100, **wanted: object) -> list[str]:
            page = await browsing.matching(run.id, Wanted(**wanted), after, limit)  # type: ignore[arg-type]
            return [row.operation.label for row in page]

        assert await found() == labels
        assert await found(after=2, limit=2) == labels[2:4]
        assert await found(search="ada") == ["Ada 100%", "ADA_x", "ada\\y"]
        assert await found(search="%") == ["Ada 100%"]
        assert await found(search="_") == ["ADA_x"]
        assert await found(search="\\") == ["ada\\y"]
        assert await found(search="source-4") == ["Eve"]
        assert await found(status=OperationStatus.held, kind=ObjectKind.user) == ["Mallory"]
        assert await found(action=Action.delete) == []
        assert await sync_ids(opened, room.row_id, "", 10) == [sync_id]
        assert await sync_ids(opened, room.row_id, sync_id, 10) == []

    runner.run(story())
