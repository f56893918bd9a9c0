"""Holding, deciding, comparing and remembering: what the database is asked, and what it answers."""

from __future__ import annotations

from typing import Any

import pytest

from scim.provisioning.operations import Action, Operation, OperationStatus
from scim.provisioning.records import LeaseLost, LinkRecord, RunMode, RunPhase
from scim.provisioning.source import Presence
from tests.storage.test_sync_plans import add, done, operation, statuses
from tests.storage.test_sync_query_plans import TABLES, Statement, scans, statements
from tests.storage.test_sync_world import GROUP, USER, World, group, user, world

__all__ = ["statements", "world"]

HELD, PENDING = OperationStatus.held, OperationStatus.pending


def preview(world: World) -> str:
    run = world.run(
        world.store.start_run(
            RunMode.incremental,
            trigger="manual",
            actor="ann",
            preview=True,
            lease=world.lease,
            phase=RunPhase.plan,
            options={"kind": "drift", "more": [1, "ü"]},
            reviewed_run="r",
            undoes_run="u",
        )
    )
    assert (run.phase, run.config_version) == (RunPhase.plan, 1)
    assert (run.options, run.reviewed_run, run.undoes_run) == (
        {"kind": "drift", "more": [1, "ü"]},
        "r",
        "u",
    )
    return run.id


def removal(source_id: str, *members: str, empties: bool = False) -> Operation:
    value = [{"value": member} for member in members]
    body = {"Operations": [{"op": "remove", "path": "members", "value": value}]}
    return Operation(
        Action.remove_members,
        GROUP,
        source_id,
        source_id,
        "PATCH",
        f"/Groups/{source_id}",
        body,
        before={"members": list(members)},
        after={"members": []} if empties else None,
    )


async def work(world: World, run_id: str, other: str) -> None:
    """Ask everything that decisions ask."""
    store = world.store
    await store.hold(run_id, USER, [Action.delete], "deletions", "x")
    await store.hold_objects(run_id, ["u"], "depends", "x")
    await store.hold_rows(run_id, [1], "depends", "x")
    await store.hold_rest(run_id, "x")
    await store.held_rows(run_id, [Action.delete], 0, 10)
    await store.open_rows(run_id, [Action.delete], 0, 10)
    await store.held_arrivals(run_id, ["u"])
    await store.leaving(run_id, ["r"])
    await store.count_held(run_id)
    await store.codes_held_before(run_id)
    await store.held_run()
    await store.memberships_removed_since(0)
    await store.groups_emptied_since(0)
    await store.emptied_groups(run_id)
    await store.count_kept_memberships(at_most=1)
    await store.applied_since(USER, [Action.delete], 0)
    await store.set_quarantine("")
    await store.operations_of(run_id, ["u"])
    await store.skip_pending(run_id, "cancelled", "x")
    await store.decide(run_id, [1], "superseded", "ann")
    await store.decided(run_id, 5, 0, 10)
    await store.discard(run_id, None, "ann")
    await store.drop_void_discards()
    await store.apply_discards(run_id)
    await store.discarded_members(["g"])
    await store.groups_to_recheck()
    await store.discards(["u"])
    await store.decided_records(run_id, 5, USER, 0, 10)
    await store.settled_records(USER, 0, 10)
    await store.applied_objects(run_id, USER, "", 10)
    await store.soil_applied(run_id)
    await store.keep_reviewed(run_id, other, "x", "y")
    await store.keep_allowed(run_id, other, 5, "x", "y")
    await store.past(["u"], ["r"])
    await store.retry_at("u")
    await store.next_retry()
    await store.count_waiting()
    await store.links_to(["r"])
    await store.linked(USER, "", 10)
    await store.set_enrollment(["u"], "sent")
    await store.count_invited()
    await store.supersede(run_id)


def test_no_decision_reads_a_table_from_end_to_end(
    world: World, statements: list[Statement]
) -> None:
    other, run_id = world.start().id, world.start().id
    world.run(world.store.begin_initial(USER))
    world.merge(USER, user("u"), user("v", Presence.soft_deleted), delta="d")
    world.merge(GROUP, group("g", "u", "v"), delta="d")
    world.run(world.store.put_links([LinkRecord("u", USER, "r"), LinkRecord("v", USER, "s")]))
    add(world, run_id, operation(Action.delete, "u"), removal("g", "r", "s"), status=HELD)
    add(world, other, operation(Action.delete, "u"))
    statements.clear()
    world.run(work(world, run_id, other))
    found = {}
    for sql, parameters in list(dict(statements).items()):
        if sql.startswith("INSERT"):
            continue
        read = set(world.run(scans(world, sql, parameters))) & set(TABLES)
        if read:
            found[sql] = read
    assert not found


def test_risky_operations_are_found_by_an_index_of_their_own(
    world: World, statements: list[Statement]
) -> None:
    """A first cycle leaves 100,000 creations in the window; nobody reads them."""
    run_id = world.start().id
    add(world, run_id, operation(Action.create, "u"), operation(Action.delete, "v"))
    world.run(world.store.record(run_id, [done(1), done(2)]))
    statements.clear()
    assert world.run(world.store.applied_since(USER, [Action.delete], 0)) == 1
    ((sql, parameters),) = statements
    if world.database.dialect == "sqlite":
        rows = world.run(world.database.session.rows(f"EXPLAIN QUERY PLAN {sql}", parameters))
        assert any("ix_plan_risky" in row["detail"] for row in rows)


def test_held_with_what_it_says_and_what_it_said(world: World) -> None:
    run_id = world.start().id
    add(
        world,
        run_id,
        operation(Action.delete, "u", message="u is out of scope."),
        operation(Action.update, "u"),
        operation(Action.update, "w"),
    )
    assert world.run(world.store.hold(run_id, USER, [Action.delete], "deletions", "Too many.")) == 1
    assert world.run(world.store.hold_rest(run_id, "With it.")) == 1
    rows = {row.seq: row for row in world.run(world.store.operations(run_id))}
    assert (rows[1].code, rows[1].message) == ("deletions", "u is out of scope. Too many.")
    assert (rows[2].code, rows[2].message) == ("depends", "With it.")
    assert "Quarantine" in rows[1].advice
    assert rows[3].status is PENDING
    assert world.run(world.store.count_held(run_id)) == {"deletions": (1, 1), "depends": (1, 1)}
    later = world.start().id
    add(world, later, operation(Action.delete, "u"), operation(Action.delete, "x"))
    world.run(world.store.hold(later, USER, [Action.delete], "deletions", "Too many."))
    assert world.run(world.store.count_held(later)) == {"deletions": (2, 1)}
    assert world.run(world.store.codes_held_before(later)) == {"deletions", "depends"}


def test_a_decision_is_about_what_is_held_and_has_a_moment_of_its_own(world: World) -> None:
    run_id = world.start().id
    add(world, run_id, *(operation(Action.delete, name) for name in "uvw"), status=HELD)
    decide = world.store.decide
    assert world.run(decide(run_id, [1, 9], "superseded", "ada")) == (1, world.now)
    assert world.run(decide(run_id, [1], "superseded", "ada"))[0] == 0
    count, moment = world.run(decide(run_id, None, "superseded", "bob"))
    assert (count, moment) == (2, world.now + 1)
    found = world.run(world.store.decided(run_id, moment, 0, 10))
    assert [(row.seq, row.decided_by) for row in found] == [(2, "bob"), (3, "bob")]


def test_what_turns_out_to_need_nothing_is_no_longer_held(world: World) -> None:
    """Also in previews' lists: only a newer preview takes their place."""
    world.merge(USER, user("u"), user("v"), delta="d")
    old, seen = world.start().id, preview(world)
    add(world, old, operation(Action.delete, "u"), operation(Action.delete, "v"), status=HELD)
    add(world, seen, operation(Action.delete, "u"), status=HELD)
    newer = preview(world)
    assert world.run(world.store.supersede(newer)) == 1
    assert statuses(world, old) == {"u": HELD, "v": HELD}
    stamp = world.run(world.store.records(["u"]))["u"].stamp
    world.run(world.store.settle({"u": stamp}))
    assert world.run(world.store.supersede(world.start().id, held=False)) == 0
    world.run(world.store.supersede(world.start().id))
    assert statuses(world, old) == {"u": OperationStatus.superseded, "v": HELD}


def test_groups_that_a_plan_empties_are_known_by_what_it_says(world: World) -> None:
    run_id = world.start().id
    add(world, run_id, removal("g", "a", empties=True), removal("h", "a", "b"))
    assert world.run(world.store.emptied_groups(run_id)) == ["g"]
    world.run(world.store.record(run_id, [done(1), done(2)]))
    assert world.run(world.store.emptied_groups(run_id)) == []
    assert world.run(world.store.groups_emptied_since(0)) == 1
    assert world.run(world.store.memberships_removed_since(0)) == 3
    assert world.run(world.store.memberships_removed_since(world.now + 1)) == 0


def test_a_rehearsal_leaves_nothing(world: World) -> None:
    async def rehearse() -> None:
        async with world.store.rehearsal() as lease:
            page: Any = __import__("scim.provisioning.source", fromlist=["SourcePage"])
            await world.store.merge_page(USER, page.SourcePage((user("u"),)), lease)
            assert set(await world.store.records(["u"])) == {"u"}

    world.run(rehearse())
    assert world.run(world.store.records(["u"])) == {}
    world.run(world.store.renew(world.lease, 60))


def test_a_store_writes_under_the_lease_that_it_claimed(world: World) -> None:
    other = World.__new__(World)
    other.__dict__.update(world.__dict__)
    other.store = type(world.store)(world.database, world.sync_id, clock=lambda: world.now)
    world.now += 61_000_000
    other.lease = other.claim("b")
    for write in (
        world.store.set_planned_with("x"),
        world.store.mark_all_dirty(),
        world.store.begin_initial(USER),
        world.store.set_quarantine("x"),
        world.store.remove_rows(),
    ):
        with pytest.raises(LeaseLost):
            world.run(write)
    other.run(other.store.set_planned_with("y"))
    other.run(other.store.release(other.lease))
    other.run(other.store.set_planned_with("z"))
