"""Undo, the pure part: an inverse leads back, and only where it may."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from azure_adapter.mapping import ENTERPRISE, REDACTED, changes, diff
from azure_adapter.sync.paths import at_path, with_paths
from azure_adapter.sync.undo import Effect, Now, effect_of, invert, members_back
from scim.provisioning.operations import (
    Action,
    Operation,
    OperationStatus,
    PlannedOperation,
    reference,
)
from scim.provisioning.source import ObjectKind

TEXTS = st.sampled_from(["a", "b", "Ü", "straße"])
ADDRESSES = st.lists(
    st.fixed_dictionaries({"value": TEXTS, "type": st.sampled_from(["work", "home"])}),
    max_size=2,
    unique_by=lambda one: one["type"],
)


def without_empty(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in (None, [], {})}


DOCUMENTS = st.builds(
    lambda **values: without_empty(values),
    userName=TEXTS,
    active=st.booleans(),
    title=st.none() | TEXTS,
    name=st.dictionaries(st.sampled_from(["givenName", "familyName"]), TEXTS),
    emails=ADDRESSES,
).flatmap(
    lambda document: st.dictionaries(st.sampled_from(["department", "division"]), TEXTS).map(
        lambda more: without_empty({**document, ENTERPRISE: more})
    )
)


def update(before: dict[str, Any], after: dict[str, Any]) -> PlannedOperation:
    old, new = changes(before, after)
    operation = Operation(
        Action.update,
        ObjectKind.user,
        "ann",
        "Ann",
        "PATCH",
        "/Users/r",
        {"Operations": diff(before, after)},
        old,
        new,
    )
    return PlannedOperation(1, operation, OperationStatus.done, resource_id="r")


def now(current: dict[str, Any] | None, **more: Any) -> Now:
    return Now(current, more.pop("restorable", None), "user_sync:s", **more)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return not diff(one, other)


@given(DOCUMENTS, DOCUMENTS)
def test_an_update_is_taken_back_whole(before: dict[str, Any], after: dict[str, Any]) -> None:
    inverse = invert(effect_of([update(before, after)]), now(after))
    if same(before, after):
        assert not inverse.operations
        return
    (operation,) = inverse.operations
    assert operation.action in (Action.update, Action.disable)
    assert same(with_paths(after, operation.after or {}), before)
    assert not inverse.notes
    assert inverse.wants_name == (
        before["userName"] if before["userName"] != after["userName"] else ""
    )


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_what_changed_since_stays(
    before: dict[str, Any], after: dict[str, Any], later: dict[str, Any]
) -> None:
    effect = effect_of([update(before, after)])
    inverse = invert(effect, now(later))
    result = later
    for operation in inverse.operations:
        result = with_paths(result, operation.after or {})
    for path in effect.after:
        if same({"x": at_path(later, path)}, {"x": at_path(after, path)}):
            assert same({"x": at_path(result, path)}, {"x": effect.before[path]})
        else:
            assert same({"x": at_path(result, path)}, {"x": at_path(later, path)})
            assert path in " ".join(inverse.notes)


@given(DOCUMENTS, DOCUMENTS)
def test_two_changes_of_one_run_are_one(first: dict[str, Any], last: dict[str, Any]) -> None:
    """A name that is given up, then the new one: the old one comes back."""
    between = {**first, "userName": "given up"}
    effect = effect_of([update(first, between), update(between, last)])
    inverse = invert(effect, now(last))
    result = last
    for operation in inverse.operations:
        result = with_paths(result, operation.after or {})
    assert same(result, first)


def created(document: dict[str, Any]) -> PlannedOperation:
    body = {**document, "externalId": "ann"}
    operation = Operation(
        Action.create, ObjectKind.user, "ann", "Ann", "POST", "/Users", body, None, document
    )
    return PlannedOperation(1, operation, OperationStatus.done, resource_id="r")


@given(DOCUMENTS, DOCUMENTS)
def test_who_was_created_is_deleted_if_nobody_touched_them(
    document: dict[str, Any], later: dict[str, Any]
) -> None:
    inverse = invert(effect_of([created(document)]), now({**later, "id": "r", "meta": {}}))
    deletes = [operation.action for operation in inverse.operations]
    assert deletes == ([Action.delete] if same(document, later) else [])
    assert bool(inverse.notes) is not bool(deletes)


def test_what_the_history_hides_is_left_alone() -> None:
    effect = effect_of([update({"title": "a", "nickName": "x"}, {"title": "b", "nickName": "y"})])
    told = {**effect.before, "title": REDACTED}
    operation = Operation(
        Action.update, ObjectKind.user, "ann", "Ann", "PATCH", "/Users/r", {}, told, effect.after
    )
    hidden = effect_of([PlannedOperation(1, operation, OperationStatus.done, resource_id="r")])
    inverse = invert(hidden, now({"title": "b", "nickName": "y"}))
    assert inverse.operations[0].after == {"nickName": "x"}
    assert "title" in inverse.notes[0]


def test_memberships_are_reversed_where_they_are_still_as_the_run_left_them() -> None:
    group = Effect(
        ObjectKind.group, "g", "G", "g", added=["a", reference("b"), "c"], removed=["d", "e", "f"]
    )
    remove, add = members_back(group, {"a", "rb", "e"}, {"d", "e"}, {"b": "rb"})
    assert remove == ["a", "rb"]
    assert add == ["d"]
    group.came = Action.create
    assert members_back(group, {"a"}, {"d"}, {}) == ([], [])
