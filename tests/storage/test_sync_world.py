"""A user sync to test with: a store of its own in a shared database, and a clock to turn."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from scim.provisioning.ports import SyncStore
from scim.provisioning.records import Lease, RunMode, RunRecord
from scim.provisioning.source import (
    MemberChange,
    ObjectKind,
    Presence,
    SourceChange,
    SourcePage,
)
from storage.access import UserSyncs, Workspaces
from storage.database import Database
from storage.sync.store import SqlSyncStore

T = TypeVar("T")

USER, GROUP, OTHER = ObjectKind.user, ObjectKind.group, ObjectKind.other


class World:
    """One sync of its own, with its lease held by worker ``a``."""

    def __init__(self, database: Database, runner: asyncio.Runner, name: str = "sync") -> None:
        self.database = database
        self.runner = runner
        self.now = 1_000_000_000
        self.workspace = self.run(Workspaces(database).ensure("acme")).row_id
        self.sync_id = self.run(UserSyncs(database).create(self.workspace, name))
        self.store = SqlSyncStore(database, self.sync_id, clock=lambda: self.now)
        self.lease = self.claim("a")

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def claim(self, owner: str, seconds: float = 60) -> Lease:
        lease = self.run(self.store.claim(owner, seconds))
        assert lease is not None
        return lease

    def start(self) -> RunRecord:
        return self.run(
            self.store.start_run(
                RunMode.incremental, trigger="manual", actor="ann", preview=False, lease=self.lease
            )
        )

    def merge(
        self,
        kind: ObjectKind,
        *changes: SourceChange,
        next_cursor: str | None = None,
        delta: str | None = None,
    ) -> int:
        page = SourcePage(changes, next_cursor=next_cursor, delta_cursor=delta)
        return self.run(self.store.merge_page(kind, page, self.lease))

    def settle(self) -> None:
        """Mark everything as clean."""

        async def all_clean() -> None:
            async with self.database.transaction() as session:
                await session.execute(
                    "UPDATE mirror_object SET dirty = FALSE WHERE sync_id = ?", (self.sync_id,)
                )

        self.run(all_clean())

    def dirty(self) -> set[str]:
        kinds = (USER, GROUP)
        found = [self.run(self.store.dirty(kind, 0, 1_000)) for kind in kinds]
        return {record.source_id for records in found for record in records}


def user(source_id: str, presence: Presence = Presence.present, **attributes: Any) -> SourceChange:
    return SourceChange(USER, source_id, presence, attributes)


def group(source_id: str, *members: str, without: tuple[str, ...] = ()) -> SourceChange:
    changes = [MemberChange(member, USER) for member in members]
    changes += [MemberChange(member, USER, removed=True) for member in without]
    return SourceChange(GROUP, source_id, members=tuple(changes))


@pytest.fixture
def world(database: Database, runner: asyncio.Runner) -> World:
    return World(database, runner)


def test_a_new_sync_is_empty_and_the_store_fits_its_port(world: World) -> None:
    store: SyncStore = world.store
    cursor = world.run(store.cursor(USER))
    assert (cursor.next_cursor, cursor.delta_cursor, cursor.generation) == (None, None, 0)
    assert world.dirty() == set()
    assert world.run(store.unfinished_run()) is None
    assert world.run(store.runs()) == []
    assert world.run(store.count_absent(USER)) == (0, 0)
    assert world.run(store.records([])) == {}
    assert world.run(store.planned_with()) == ""
    world.run(store.set_planned_with("f" * 64))
    assert world.run(store.planned_with()) == "f" * 64


def test_two_syncs_of_one_workspace_do_not_see_each_other(
    database: Database, runner: asyncio.Runner
) -> None:
    one, two = World(database, runner, "one"), World(database, runner, "two")
    one.merge(USER, user("u", name="Ann"), delta="d")
    one.merge(GROUP, group("g", "u"), delta="d")
    assert two.run(two.store.records(["u", "g"])) == {}
    two.merge(USER, user("u", name="Bob"), delta="e")
    assert two.run(two.store.groups_of(["u"])) == set()
    assert one.run(one.store.records(["u"]))["u"].attributes == {"name": "Ann"}
    assert one.run(one.store.cursor(USER)).delta_cursor == "d"
