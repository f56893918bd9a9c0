"""Every statement of scope and nesting is served by an index, and none is asked once an object."""

from __future__ import annotations

from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.scope import GroupInclusion, GroupScope, Scope, UserScope, rescope
from scim.provisioning.source import MemberChange, SourceChange
from tests.storage.test_sync_query_plans import TABLES, Statement, scans, statements
from tests.storage.test_sync_world import GROUP, USER, World, user, world

__all__ = ["statements", "world"]

SCOPE = Scope(UserScope(groups=("g0", "g1")), GroupScope(GroupInclusion.assigned))


def fill(world: World, users: int) -> None:
    people = [MemberChange(f"u{number}", USER) for number in range(users)]
    world.merge(USER, *(user(one.source_id, manager="u0") for one in people), delta="d")
    world.merge(
        GROUP,
        SourceChange(GROUP, "g0", members=(MemberChange("g1", GROUP),)),
        SourceChange(GROUP, "g1", members=tuple(people)),
        SourceChange(GROUP, "g2", members=tuple(people[:2])),
        delta="d",
    )


def tell(world: World, scope: Scope) -> None:
    world.run(rescope(SyncConfig(sync_id=world.sync_id, scope=scope), world.store))


def leave(world: World, *names: str) -> None:
    gone = tuple(MemberChange(name, USER, removed=True) for name in names)
    world.merge(GROUP, SourceChange(GROUP, "g1", members=gone), delta="d")


def test_no_statement_reads_a_table_from_end_to_end(
    world: World, statements: list[Statement]
) -> None:
    fill(world, 5)
    statements.clear()
    tell(world, SCOPE)
    world.settle()
    leave(world, "u1", "u2")
    tell(world, SCOPE)
    tell(world, Scope())
    rows = [record.row for record in world.run(world.store.records(["g0", "g1"])).values()]
    world.run(world.store.closures(rows))
    world.run(world.store.soil_ancestors())
    world.run(world.store.wanted_members(rows, users_only=True))
    world.run(world.store.empty_groups(rows, "visibility", "HiddenMembership"))
    world.run(world.store.set_nesting("flattened"))
    found = {}
    for sql, parameters in list(dict(statements).items()):
        if "mirror_object SET dirty = FALSE" in sql or sql.startswith("INSERT"):
            continue
        read = set(world.run(scans(world, sql, parameters))) & set(TABLES)
        if read:
            found[sql] = read
    assert not found


def test_a_change_costs_the_same_statements_whatever_the_number_of_users(
    world: World, statements: list[Statement]
) -> None:
    asked = []
    for users in (20, 200):
        fill(world, users)
        tell(world, Scope())
        statements.clear()
        tell(world, SCOPE)
        world.settle()
        leave(world, *(f"u{number}" for number in range(users // 2)))
        tell(world, SCOPE)
        asked.append(len(statements))
    assert asked[0] == asked[1]


def test_the_default_scope_costs_one_small_query(world: World, statements: list[Statement]) -> None:
    fill(world, 3)
    statements.clear()
    tell(world, Scope())
    assert len(statements) == 1
