"""Delta objects as source changes: UNSET is not null, and one bad object costs only itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_adapter.graph.client import GraphPage
from azure_adapter.graph.delta import GROUP_SELECT, USER_SELECT, read_object, selection
from azure_adapter.graph.reader import source_page
from azure_adapter.mapping import GROUP_PROPERTIES, USER_PROPERTIES
from scim.provisioning.source import (
    MemberChange,
    ObjectKind,
    ObjectProblem,
    Presence,
    SourceChange,
)
from tests.graph.support import GROUPS, USERS

USER, GROUP, DEVICE = (f"#microsoft.graph.{kind}" for kind in ("user", "group", "device"))
GONE = {"@removed": {"reason": "deleted"}}


def change(kind: ObjectKind, item: Any) -> SourceChange:
    read = read_object(kind, item)
    assert isinstance(read, SourceChange), read
    return read


def test_what_is_selected() -> None:
    assert "accountEnabled" in USER_SELECT
    assert set(USER_PROPERTIES) <= set(USER_SELECT)
    assert set(GROUP_PROPERTIES) <= set(GROUP_SELECT)
    assert {"members", "visibility"} <= set(GROUP_SELECT)


def test_what_a_user_sync_needs_is_selected_with_what_is_needed_in_any_case() -> None:
    assert selection() == {USERS: USER_SELECT, GROUPS: GROUP_SELECT}
    few = selection({USERS: ["mail", "extension_0_badge", "mail"]})
    assert few[USERS] == (
        *("mail", "extension_0_badge"),
        *("userPrincipalName", "displayName", "accountEnabled", "userType"),
    )
    assert few[GROUPS] == GROUP_SELECT
    for name in ("", "a b", "mail&$top=1", "employeeOrgData/division", "1st", "ä"):
        with pytest.raises(ValueError, match="cannot be a property"):
            selection({USERS: [name]})


def test_absent_stays_absent_and_null_stays_none() -> None:
    item = {
        "@odata.type": USER,
        "id": "u1",
        "displayName": "Ann",
        "mail": None,
        "businessPhones@odata.context": "x",
        "extension_0_badge": 1,
    }
    told = {"displayName": "Ann", "mail": None, "extension_0_badge": 1}
    assert change(USERS, item).attributes == told
    assert change(USERS, {"id": "u1"}).attributes == {}


@pytest.mark.parametrize(
    ("reason", "presence"),
    [("changed", Presence.soft_deleted), ("deleted", Presence.deleted)],
)
def test_removals(reason: str, presence: Presence) -> None:
    for kind in (USERS, GROUPS):
        read = change(kind, {"id": "x", "@removed": {"reason": reason}})
        assert (read.presence, read.attributes, read.members) == (presence, {}, ())


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([{"@odata.type": USER, "id": "m"}], {"manager": "m"}),
        ([{"@odata.type": USER, "id": "m", **GONE}], {"manager": None}),
        ([{"id": "m", **GONE}, {"id": "n"}], {"manager": "n"}),
        ([{"id": "n"}, {"id": "m", **GONE}], {"manager": "n"}),
        ([], {}),
    ],
)
def test_the_manager(entries: list[Any], expected: dict[str, Any]) -> None:
    assert change(USERS, {"id": "u", "manager@delta": entries}).attributes == expected


def test_members_and_their_kinds() -> None:
    entries = [
        {"@odata.type": USER, "id": "u"},
        {"@odata.type": "#Microsoft.Graph.Group", "id": "g"},
        {"@odata.type": DEVICE, "id": "d"},
        {"id": "x"},
        {"@odata.type": USER, "id": "v", **GONE},
    ]
    read = change(GROUPS, {"id": "g1", "displayName": "G", "members@delta": entries})
    assert read.presence is Presence.present
    assert read.attributes == {"displayName": "G"}
    assert read.members == (
        MemberChange("u", ObjectKind.user),
        MemberChange("g", ObjectKind.group),
        MemberChange("d", ObjectKind.other),
        MemberChange("x", ObjectKind.other),
        MemberChange("v", ObjectKind.user, removed=True),
    )


MALFORMED = [
    (USERS, 5),
    (USERS, None),
    (USERS, {}),
    (USERS, {"id": 5}),
    (USERS, {"id": ""}),
    (USERS, {"id": "a/b"}),
    (USERS, {"id": "x" * 129}),
    (USERS, {"id": "u", "displayName": {"a": 1}}),
    (USERS, {"id": "u", "mail": ["a"]}),
    (USERS, {"id": "u", "userPrincipalName": 1}),
    (USERS, {"id": "u", "accountEnabled": "true"}),
    (USERS, {"id": "u", "accountEnabled": 1}),
    (USERS, {"id": "u", "@removed": None}),
    (USERS, {"id": "u", "@removed": {"reason": "unknown"}}),
    (USERS, {"id": "u", "manager@delta": {}}),
    (USERS, {"id": "u", "manager@delta": [{"@odata.type": USER}]}),
    (GROUPS, {"id": "g", "members@delta": None}),
    (GROUPS, {"id": "g", "members@delta": ["u"]}),
    (GROUPS, {"id": "g", "members@delta": [{"id": None}]}),
]


@pytest.mark.parametrize(("kind", "item"), MALFORMED)
def test_a_malformed_object_costs_only_itself(kind: ObjectKind, item: Any) -> None:
    read = source_page(kind, GraphPage([{"id": "a"}, item, {"id": "b"}], None, "delta"))
    assert [one.source_id for one in read.changes] == ["a", "b"]
    (problem,) = read.problems
    assert (problem.kind, problem.code) == (kind, "malformed")
    assert problem.label in problem.message
    assert problem.advice
    assert len(problem.label) <= 81


def test_a_problem_names_the_object() -> None:
    item = {"id": "u1", "displayName": 5, "userPrincipalName": "ann@contoso.com"}
    read = read_object(USERS, item)
    assert isinstance(read, ObjectProblem)
    assert (read.source_id, read.label) == ("u1", "ann@contoso.com")
    assert "displayName is not a text" in read.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [*USER_SELECT, "id", "@removed", "manager@delta", "members@delta", "@odata.type", "reason"]
)


@given(st.sampled_from([USERS, GROUPS]), JSON | st.dictionaries(NAMES, JSON, max_size=6))
def test_reading_is_total(kind: ObjectKind, item: Any) -> None:
    assert read_object(kind, item) == read_object(kind, item)
