"""Every statement of a page, and of planning, is served by an index, in both databases."""

import re
from typing import Any

import pytest

from scim.provisioning.operations import Action, OperationStatus
from scim.provisioning.source import Presence
from storage.database import Session
from tests.storage.test_sync_plans import operation
from tests.storage.test_sync_world import GROUP, USER, World, group, user, world

__all__ = ["world"]

TABLES = ("mirror_object", "mirror_member", "link", "plan_operation")

Statement = tuple[str, list[Any]]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[Statement]:
    """What the store asks the database, as it asks it."""
    noted: list[Statement] = []
    rows, execute = Session.rows, Session.execute

    async def noting_rows(self: Session, sql: str, parameters: Any = ()) -> Any:
        noted.append((sql, list(parameters)))
        return await rows(self, sql, parameters)

    async def noting_execute(self: Session, sql: str, parameters: Any = ()) -> Any:
        noted.append((sql, list(parameters)))
        return await execute(self, sql, parameters)

    monkeypatch.setattr(Session, "rows", noting_rows)
    monkeypatch.setattr(Session, "execute", noting_execute)
    return noted


async def scans(world: World, sql: str, parameters: list[Any]) -> list[str]:
    """Return the tables that a statement reads from end to end."""
    async with world.database.transaction() as session:
        if session.dialect == "sqlite":
            rows = await session.client.execute_query_dict(f"EXPLAIN QUERY PLAN {sql}", parameters)
            steps = [row["detail"] for row in rows]
            names = {alias: name for name, alias in re.findall(r"(\w+) AS (\w+)", sql)}
            read = [step.split()[1] for step in steps if step.startswith("SCAN")]
            return [names.get(each, each) for each in read]
        await session.execute("SET LOCAL enable_seqscan = off")
        text = session._text(f"EXPLAIN {sql}")
        rows = await session.client.execute_query_dict(text, parameters)
        plan = "\n".join(row["QUERY PLAN"] for row in rows)
        return re.findall(r"Seq Scan on (\w+)", plan)


async def work(world: World, run_id: str) -> None:
    store = world.store
    await store.dirty(USER, 0, 10)
    await store.dirty(USER, 0, 10, include_waiting=False)
    await store.records(["u", "v"])
    await store.groups_of(["u", "v"])
    await store.reports_of(["boss"])
    await store.source_members("g")
    await store.sharing(["a@x"])
    await store.mark_dirty(["u"])
    await store.fail(["u"], 1)
    await store.links_of_resources(["r"])
    await store.count_links(USER)
    await store.add_operations(run_id, [operation(Action.create, "u")], OperationStatus.pending)
    await store.pending(run_id, OperationStatus.pending, 10)
    await store.operations(run_id)
    await store.planned(run_id, ["u"])
    await store.promote(run_id, ["u"], Action.create, 1)
    await store.count_operations(run_id)
    await store.count_objects(run_id)
    await store.applied_since(USER, [Action.create], 0)
    await store.supersede(run_id)
    await store.checksum(run_id)
    await store.settle_run(run_id)
    await store.clear_plan(run_id)


def test_no_statement_reads_a_table_from_end_to_end(
    world: World, statements: list[Statement]
) -> None:
    run_id = world.start().id
    world.run(world.store.begin_initial(USER))
    world.merge(USER, user("u", manager="boss"), user("v"), delta="d")
    world.merge(GROUP, group("g", "u", "v"), next_cursor="n")
    world.merge(GROUP, group("g", "u", without=("v",)), delta="d")
    world.merge(USER, user("u", Presence.soft_deleted), user("v", Presence.deleted), delta="d")
    world.run(world.store.sweep(USER, world.lease))
    world.run(work(world, run_id))
    found = {}
    for sql, parameters in list(dict(statements).items()):
        if sql.startswith(("INSERT", "ANALYZE")):
            continue
        read = set(world.run(scans(world, sql, parameters))) & set(TABLES)
        if read:
            found[sql] = read
    assert not found
    unserved = "SELECT 1 FROM mirror_object AS m WHERE m.stamp = ?"
    assert world.run(scans(world, unserved, ["x"])) == ["mirror_object"]


def test_a_page_costs_a_handful_of_statements(world: World, statements: list[Statement]) -> None:
    world.merge(USER, *(user(f"u{n}", name=n) for n in range(200)), delta="d")
    statements.clear()
    world.merge(USER, *(user(f"u{n}", name=-n) for n in range(200)), delta="d")
    assert len(statements) < 12
    statements.clear()
    world.merge(GROUP, group("g", *(f"u{n}" for n in range(500))), delta="d")
    assert len(statements) < 12
