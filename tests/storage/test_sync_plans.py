"""Plans: what goes in comes out, in order; counts, marks and what replaces what."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim.provisioning.operations import (
    Action,
    Operation,
    OperationStatus,
    Outcome,
    PlannedOperation,
)
from scim.provisioning.records import RunPhase
from scim.provisioning.source import ObjectKind, ObjectProblem
from tests.storage.test_sync_world import GROUP, USER, World, group, user, world

__all__ = ["world"]

PENDING, HELD, DONE = OperationStatus.pending, OperationStatus.held, OperationStatus.done
FAILED = OperationStatus.failed


def operation(action: Action, source_id: str, kind: ObjectKind = USER, **more: Any) -> Operation:
    return Operation(action, kind, source_id, source_id.upper(), **more)


def add(
    world: World, run_id: str, *operations: Operation, status: OperationStatus = PENDING
) -> None:
    world.run(world.store.add_operations(run_id, operations, status))


def plan(world: World, run_id: str) -> list[PlannedOperation]:
    return world.run(world.store.operations(run_id))


def statuses(world: World, run_id: str) -> dict[str, OperationStatus]:
    return {each.operation.source_id: each.status for each in plan(world, run_id)}


def done(
    seq: int, became: OperationStatus = DONE, **outcome: Any
) -> tuple[int, OperationStatus, Outcome, str]:
    return seq, became, Outcome(**{"status": 200, **outcome}), "Mend it."


def changing_members(action: Action, *members: str) -> Operation:
    value = [{"value": member} for member in members]
    body = {"Operations": [{"op": "add", "path": "members", "value": value}]}
    return operation(action, "g", GROUP, method="PATCH", path="/Groups/1", body=body)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.text(max_size=5).filter(lambda text: text.isprintable()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
bodies = st.none() | st.dictionaries(texts, values, max_size=3)
operations = st.builds(
    Operation,
    st.sampled_from([Action.create, Action.update, Action.delete]),
    st.sampled_from([USER, GROUP]),
    st.sampled_from(["a", "b", "c"]),
    texts,
    method=st.sampled_from(["", "POST", "PATCH"]),
    path=st.sampled_from(["/Users", "/Groups/bulkId:x"]),
    body=bodies,
    before=bodies,
    after=bodies,
    phase=st.integers(0, 3),
    stamp=st.sampled_from(["", "f" * 32]),
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches=st.lists(st.lists(operations, max_size=4), max_size=3))
def test_a_plan_comes_out_as_it_went_in(world: World, batches: list[list[Operation]]) -> None:
    run_id = world.start().id
    for batch in batches:
        add(world, run_id, *batch)
    planned = [each for batch in batches for each in batch]
    stored = plan(world, run_id)
    assert [each.operation for each in stored] == planned
    assert [each.seq for each in stored] == list(range(1, len(planned) + 1))
    in_order = world.run(world.store.pending(run_id, PENDING, 100))
    assert in_order == sorted(stored, key=lambda each: (each.operation.phase, each.seq))


def test_pages_of_a_plan(world: World) -> None:
    run_id = world.start().id
    add(world, run_id, *(operation(Action.update, f"u{n}", phase=n % 2) for n in range(5)))
    assert [each.seq for each in world.run(world.store.operations(run_id, 1, 2))] == [2, 3]
    assert [each.seq for each in world.run(world.store.pending(run_id, PENDING, 4))] == [1, 3, 5, 2]


def test_results_are_recorded(world: World) -> None:
    run_id = world.start().id
    add(world, run_id, operation(Action.create, "u"), operation(Action.create, "v"))
    world.run(
        world.store.record(
            run_id,
            [
                done(1, resource_id="r1"),
                done(2, FAILED, status=409, code="uniqueness", message="taken\0"),
            ],
        )
    )
    good, bad = plan(world, run_id)
    assert (good.status, good.resource_id) == (DONE, "r1")
    assert (bad.status, bad.code, bad.message, bad.advice) == (
        FAILED,
        "uniqueness",
        "taken",
        "Mend it.",
    )
    assert bad.resource_id == ""
    assert world.run(world.store.pending(run_id, PENDING, 10)) == []


def test_counts_of_operations_objects_and_memberships(world: World) -> None:
    store, run_id = world.store, world.start().id
    add(
        world,
        run_id,
        operation(Action.create, "u", phase=1),
        operation(Action.assign_manager, "u", phase=2),
        operation(Action.update, "v", phase=1),
        operation(Action.assign_manager, "v", phase=2),
        changing_members(Action.add_members, "a", "b", "c"),
        changing_members(Action.add_members, "d"),
        changing_members(Action.remove_members, "e"),
    )
    world.run(store.record(run_id, [done(4, FAILED), done(6)]))
    problem = ObjectProblem(USER, "", "{…", "malformed", "It has no id.", "Report it.")
    world.run(store.add_problems(run_id, [problem, problem]))
    counts = world.run(store.count_operations(run_id))
    assert counts[USER, Action.create, "pending"] == 1
    assert counts[USER, Action.assign_manager, "failed"] == 1
    assert counts[USER, Action.none, "failed"] == 2
    assert world.run(store.count_memberships(run_id)) == {
        (Action.add_members, "pending"): 3,
        (Action.add_members, "done"): 1,
        (Action.remove_members, "pending"): 1,
    }
    assert world.run(store.count_objects(run_id)) == {
        (USER, Action.create, "pending"): 1,
        (USER, Action.assign_manager, "failed"): 1,
        (GROUP, Action.add_members, "pending"): 1,
        (USER, Action.none, "failed"): 2,
    }


def test_a_removal_by_path_counts_one_membership(world: World) -> None:
    run_id = world.start().id
    body = {"Operations": [{"op": "remove", "path": 'members[value eq "1"]'}]}
    add(world, run_id, operation(Action.remove_members, "g", GROUP, body=body))
    counted = world.run(world.store.count_memberships(run_id))
    assert counted == {(Action.remove_members, "pending"): 1}


def test_applied_since_counts_a_rolling_window_of_this_sync(world: World) -> None:
    other = World(world.database, world.runner, "other")
    for each in (world, other):
        run_id = each.start().id
        add(each, run_id, operation(Action.delete, "u"), operation(Action.delete, "v"))
        each.run(each.store.record(run_id, [done(1)]))
        each.run(each.store.update_run(run_id, finished=True))
    deletions = [Action.delete, Action.unlink]
    applied = world.store.applied_since
    assert world.run(applied(USER, deletions, world.now)) == 1
    assert world.run(applied(USER, deletions, world.now + 1)) == 0
    assert world.run(applied(GROUP, deletions, 0)) == 0
    assert world.run(applied(USER, [Action.create], 0)) == 0


def test_planned_and_promote(world: World) -> None:
    store, run_id = world.store, world.start().id
    add(world, run_id, operation(Action.create, "u", phase=1))
    add(world, run_id, operation(Action.delete, "v", phase=6), operation(Action.delete, "w"))
    assert world.run(store.planned(run_id, ["u", "v", "x"])) == {"u"}
    world.run(store.promote(run_id, ["u", "v"], Action.delete, 0))
    pending = world.run(store.pending(run_id, PENDING, 10))
    assert [each.operation.source_id for each in pending] == ["v", "w", "u"]


def test_holding_turns_some_pending_operations(world: World) -> None:
    run_id = world.start().id
    add(world, run_id, operation(Action.delete, "u"), operation(Action.delete, "g", GROUP))
    add(world, run_id, operation(Action.disable, "v"), operation(Action.update, "w"))
    actions = [Action.delete, Action.disable]
    assert world.run(world.store.hold(run_id, USER, actions, "deletions", "Too many.")) == 2
    assert statuses(world, run_id) == {"u": HELD, "g": PENDING, "v": HELD, "w": PENDING}
    assert plan(world, run_id)[0].message == "Too many."
    assert world.run(world.store.hold(run_id, USER, actions, "deletions", "Too many.")) == 0


def test_clearing_a_plan_keeps_what_reading_found(world: World) -> None:
    store, run_id = world.store, world.start().id
    problem = ObjectProblem(USER, "x", "X", "malformed", "Not readable.", "Report it.")
    world.run(store.add_problems(run_id, [problem]))
    world.run(store.update_run(run_id, phase=RunPhase.plan))
    add(world, run_id, operation(Action.create, "u"))
    world.run(store.add_problems(run_id, [problem]))
    world.run(store.clear_plan(run_id))
    (left,) = plan(world, run_id)
    assert (left.operation.source_id, left.status, left.operation.action) == (
        "x",
        FAILED,
        Action.none,
    )
    add(world, run_id, operation(Action.create, "u"))
    assert [each.seq for each in plan(world, run_id)] == [1, 2]


def test_a_newer_plan_supersedes(world: World) -> None:
    old = world.start().id
    add(world, old, operation(Action.update, "u"), operation(Action.update, "v"))
    add(world, old, operation(Action.delete, "w"), operation(Action.delete, "x"), status=HELD)
    world.run(world.store.record(old, [done(1)]))
    other = World(world.database, world.runner, "other")
    foreign = other.start().id
    add(other, foreign, operation(Action.update, "u"))
    new = world.start().id
    add(world, new, operation(Action.update, "x"))
    assert world.run(world.store.supersede(new)) == 2
    assert statuses(world, old) == {
        "u": DONE,
        "v": OperationStatus.superseded,
        "w": HELD,
        "x": OperationStatus.superseded,
    }
    assert statuses(world, new) == {"x": PENDING}
    assert statuses(world, foreign) == {"u": PENDING}


def test_the_checksum_is_of_what_will_be_done(world: World) -> None:
    create = operation(Action.create, "u", method="POST", path="/Users", body={"a": 1, "b": 2})
    delete = operation(Action.delete, "v", method="DELETE", path="/Users/2", phase=6)

    def checksum(*planned: Operation, status: OperationStatus = PENDING) -> str:
        run_id = world.start().id
        add(world, run_id, *planned, status=status)
        return world.run(world.store.checksum(run_id))

    both = checksum(create, delete)
    assert len(both) == 64
    assert checksum(delete, create) == both
    same = operation(Action.create, "u", method="POST", path="/Users", body={"b": 2, "a": 1})
    assert checksum(same, delete) == both
    more = operation(Action.create, "u", method="POST", path="/Users", body={"a": 1, "b": 3})
    assert len({both, checksum(create), checksum(more, delete), checksum(create, status=HELD)}) == 4


def test_settling_a_run_cleans_what_was_done_whole(world: World) -> None:
    store = world.store
    world.merge(USER, *(user(name) for name in "uvwx"), delta="d")
    world.merge(GROUP, group("g", "u"), delta="d")
    stamps = {name: r.stamp for name, r in world.run(store.records(list("uvwxg"))).items()}
    run_id = world.start().id
    add(world, run_id, operation(Action.create, "u", stamp=stamps["u"]))
    add(world, run_id, operation(Action.assign_manager, "u", stamp=stamps["u"]))
    add(world, run_id, operation(Action.create, "v", stamp=stamps["v"]))
    add(world, run_id, operation(Action.assign_manager, "v", stamp=stamps["v"]))
    add(world, run_id, operation(Action.create, "w", stamp="another"))
    add(world, run_id, operation(Action.create, "g", GROUP, stamp=stamps["g"]))
    world.run(store.record(run_id, [done(n) for n in (1, 2, 3, 5, 6)] + [done(4, FAILED)]))
    assert world.run(store.settle_run(run_id)) == 2
    assert world.dirty() == {"v", "w", "x"}
    assert world.run(store.settle_run(run_id)) == 0
