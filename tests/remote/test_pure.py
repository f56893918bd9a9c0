"""What needs no server: patching documents, portions, filters, whose answer is whose."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import ScimFilter
from scim2_models.path import Comparison

from azure_adapter.mapping import diff
from azure_adapter.remote.answers import Answer, read_answer
from azure_adapter.remote.bulk import Entry, assigned
from azure_adapter.remote.discovery import MOST_OPERATIONS, Capabilities, read_capabilities
from azure_adapter.remote.documents import Untranslatable, patched, put_body
from azure_adapter.remote.filters import MOST_BYTES, any_of, condition, portions
from azure_adapter.remote.memberships import Membership, bodies, membership
from azure_adapter.remote.searching import BY_EMAIL, BY_USER_NAME, matching_emails, resources
from tests.remote.support import ENTERPRISE, PATCH_OP, USER, members, patch

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2_000) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("bulk", "patch", "filter", "etag", "pagination", "supported"),
                    *("maxOperations", "maxPayloadSize", "cursor", "index", "Operations"),
                    *("Resources", "id", "status", "location", "method", "bulkId", "response"),
                    *("detail", "scimType", "value", "type", "emails", "primary", "code"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=3) | st.sampled_from(["bulk", "Operations"]), JSON)

WORDS = st.text("aäB\"\\ '", min_size=1, max_size=4)


# -- documents -------------------------------------------------------------------

VALUES = st.lists(
    st.fixed_dictionaries(
        {"value": WORDS, "type": st.sampled_from(["work", "home", "other"])},
        optional={"primary": st.booleans()},
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: (each["value"], each["type"]),
)
DOCUMENTS = st.fixed_dictionaries(
    {"schemas": st.just([USER, ENTERPRISE]), "userName": WORDS},
    optional={
        "active": st.booleans(),
        "title": WORDS,
        "name": st.dictionaries(st.sampled_from(["givenName", "familyName"]), WORDS, min_size=1),
        "emails": VALUES,
        ENTERPRISE: st.dictionaries(st.sampled_from(["department", "division"]), WORDS, min_size=1),
    },
)


@given(DOCUMENTS, DOCUMENTS)
def test_a_difference_applied_leads_to_the_target(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = json.dumps(old)
    result = patched(old, diff(old, new))
    assert diff(result, new) == []
    assert json.dumps(old) == before
    assert patched(result, diff(old, new)) == result


SELECTED = 'emails[type eq "work"]'


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "replace", "path": f"{SELECTED}.value", "value": "n"}, ["n work", "b home"]),
        (
            {"op": "Replace", "path": 'Emails[type eq "WORK"].value', "value": "n"},
            ["n work", "b home"],
        ),
        ({"op": "remove", "path": SELECTED}, ["b home"]),
        ({"op": "remove", "path": f"{SELECTED}.type"}, ["a ", "b home"]),
        (
            {"op": "add", "path": 'emails[type eq "fax"].value', "value": "c"},
            ["a work", "b home", "c fax"],
        ),
        (
            {"op": "add", "path": "emails", "value": [{"value": "c", "type": "fax"}]},
            ["a work", "b home", "c fax"],
        ),
        (
            {"op": "add", "path": "emails", "value": {"value": "a", "type": "work"}},
            ["a work", "b home"],
        ),
        (
            {"op": "add", "path": "emails", "value": [{"value": "c", "type": "work"}]},
            ["a work", "b home", "c work"],
        ),
        ({"op": "remove", "path": "emails", "value": [{"value": "b", "type": "home"}]}, ["a work"]),
        ({"op": "remove", "path": "emails"}, []),
        ({"op": "replace", "value": {"emails": [{"value": "z", "type": "x"}]}}, ["z x"]),
        ({"op": "replace", "path": SELECTED, "value": {"value": "n"}}, ["n work", "b home"]),
    ],
)
def test_values_of_a_list_are_selected(operation: dict[str, Any], expected: list[str]) -> None:
    emails = [{"value": "a", "type": "work"}, {"value": "b", "type": "home"}]
    found = patched({"emails": emails}, [operation]).get("emails", [])
    assert [f"{each['value']} {each.get('type', '')}" for each in found] == expected


def test_extensions_are_patched_whole_and_in_part() -> None:
    other = "urn:example:Other"
    document = {"schemas": [USER, other], other: {"a": 1}}
    manager = {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"value": "7"}}
    result = patched(document, [manager, {"op": "replace", "path": other, "value": {"b": 2}}])
    assert result[ENTERPRISE] == {"manager": {"value": "7"}}
    assert result[other] == {"a": 1, "b": 2}
    assert put_body({**result, "meta": {}, "groups": []})["schemas"] == [USER, other, ENTERPRISE]
    assert other not in patched(result, [{"op": "remove", "path": other}])
    core = {"op": "add", "path": f"{USER}:title", "value": "x"}
    assert patched({}, [core]) == {"title": "x"}
    below = {"op": "remove", "path": f"{ENTERPRISE}:manager.value"}
    assert "manager" not in patched(result, [below]).get(ENTERPRISE, {})


@pytest.mark.parametrize(
    "path", ['emails[type ne "work"].value', 'emails[type eq "a" and value eq "b"]', "a b", "a["]
)
def test_what_is_not_understood_is_said(path: str) -> None:
    with pytest.raises(Untranslatable, match=r"the (path|filter)"):
        patched({"emails": [{"type": "home"}]}, [{"op": "remove", "path": path}])


# -- members ------------------------------------------------------------------------

IDS = st.lists(st.text('ab"\\-1', min_size=1, max_size=30), min_size=1, max_size=40, unique=True)


@given(IDS, st.booleans(), st.integers(1, 15), st.integers(300, 3_000))
def test_members_travel_in_order_and_within_limits(
    ids: list[str], adds: bool, most: int, size: int
) -> None:
    change = membership(members("g", "add" if adds else "remove", ids))
    assert change is not None
    assert change.ids == ids
    sent = list(bodies(change, PATCH_OP, most, size))
    assert all(len(orjson.dumps(each)) <= size for each in sent)
    told: list[str] = []
    for each in sent:
        operations = each["Operations"]
        if adds:
            (operation,) = operations
            assert (operation["op"], operation["path"]) == ("add", "members")
            portion = [one["value"] for one in operation["value"]]
        else:
            assert {one["op"] for one in operations} == {"remove"}
            assert not any("value" in one for one in operations)
            portion = [_only_value(one["path"]) for one in operations]
        assert 1 <= len(portion) <= most
        told += portion
    assert told == ids


def _only_value(path: str) -> Any:
    inner = path.removeprefix("members[").removesuffix("]")
    node = ScimFilter[Any](inner).ast
    assert isinstance(node, Comparison)
    return node.value


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "members", "value": [{"value": "1"}]},
        {"op": "remove", "path": "members"},
        {"op": "add", "path": "members", "value": []},
        {"op": "add", "path": "members", "value": ["1"]},
        {"op": "add", "path": "emails", "value": [{"value": "1"}]},
    ],
)
def test_other_changes_are_no_memberships(operation: dict[str, Any]) -> None:
    assert membership(patch("/Groups/g", operation)) is None
    good = {"op": "add", "path": "members", "value": [{"value": "1"}]}
    assert membership(patch("/Groups/g", good, operation)) is None
    assert membership(patch("/Groups/g", good)) == Membership(True, [{"value": "1"}])


# -- filters -------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_any_text_can_be_asked_for(text: str) -> None:
    node = ScimFilter[Any](condition(BY_USER_NAME, text)).ast
    assert isinstance(node, Comparison)
    assert node.value == text
    for template in BY_EMAIL:
        assert ScimFilter[Any](condition(template, text)).ast


@given(st.lists(st.text(max_size=400), max_size=60, unique=True), st.integers(1, 20))
def test_values_are_asked_for_in_portions(values: list[str], most: int) -> None:
    parts = list(portions(BY_USER_NAME, values, most))
    assert [value for part in parts for value in part] == values
    assert all(1 <= len(part) <= most for part in parts)
    for part in parts:
        assert len(part) == 1 or len(any_of(BY_USER_NAME, part)) <= MOST_BYTES


# -- what servers say ------------------------------------------------------------------


@given(OBJECTS)
def test_any_service_provider_config_can_be_read(body: dict[str, Any]) -> None:
    read = read_capabilities(body)
    assert 1 <= read.bulk_operations <= MOST_OPERATIONS
    assert read.payload > 0
    assert read.filter_results >= 0
    assert not read.bulk or (body["bulk"]["supported"] in (True, "true", "True", "TRUE"))


def test_a_service_provider_config_is_read_as_it_is_meant() -> None:
    assert read_capabilities({}) == Capabilities(told=True)
    assert read_capabilities(
        {
            "bulk": {"supported": True, "maxOperations": 5_000, "maxPayloadSize": 9},
            "patch": {"supported": False},
            "filter": {"supported": "true", "maxResults": 7},
            "etag": {"supported": True},
            "pagination": {"cursor": True, "index": False},
        }
    ) == Capabilities(True, True, 1_000, 9, False, True, 7, True, True)
    assert not read_capabilities({"bulk": {"supported": True, "maxOperations": 1}}).bulk


@given(st.integers(100, 599), st.binary(max_size=30) | OBJECTS.map(orjson.dumps))
def test_any_answer_can_be_read(status: int, content: bytes) -> None:
    answer = read_answer(status, {}, content, now=0.0, hide=lambda text: text)
    assert answer.status == status
    assert answer.ok == (not answer.code) == (not answer.detail)
    assert isinstance(answer.resource_id, str)
    assert answer.ok or answer.outcome().message


@given(JSON)
def test_any_list_and_any_user_can_be_read(value: Any) -> None:
    found = resources({"Resources": value})
    assert all(isinstance(each, dict) for each in found)
    assert isinstance(matching_emails({"emails": value}), list)


def test_the_id_of_an_answer() -> None:
    assert Answer(201, {"id": "1"}).resource_id == "1"
    assert Answer(201, {"id": 7}).resource_id == "7"
    assert Answer(201, {"id": True}, "https://x/Users/9/").resource_id == "9"
    assert Answer(201).resource_id == ""


ENTRIES = [
    Entry("0", "POST", "/Users", {}),
    Entry("1", "POST", "/Users", {}),
    Entry("2", "PATCH", "/Users/7", {}),
    Entry("3", "PATCH", "/Users/17", {}),
    Entry("4", "PATCH", "/Groups/7", {}),
    Entry("4", "PATCH", "/Groups/7", {}),
    Entry("5", "DELETE", "/Users/8"),
]


def answer_to(at: int) -> dict[str, Any]:
    """What a server answers to an entry; the status tells which one it was."""
    entry = ENTRIES[at]
    path = f"/Users/new-{at}" if entry.method == "POST" else entry.path
    bulk_id = {"bulkId": entry.key} if entry.method == "POST" else {}
    location = {"location": f"https://x.example/scim{path}"}
    return {"method": entry.method, "status": str(200 + at), **bulk_id, **location}


@given(st.permutations(range(len(ENTRIES))), st.integers(0, len(ENTRIES)), st.data())
def test_no_answer_is_taken_for_another_s(order: list[int], length: int, data: Any) -> None:
    listed: list[Any] = [answer_to(at) for at in order[:length]]
    for each in listed:
        for name in data.draw(
            st.sets(st.sampled_from(["location", "method", "status"]), max_size=1)
        ):
            del each[name]
    found = assigned(ENTRIES, {"Operations": listed}, lambda text: text)
    twins = {4: {204, 205}, 5: {204, 205}}
    assert all(each.status in twins.get(at, {200 + at}) for at, each in found.items())


def test_answers_in_order_are_all_assigned() -> None:
    listed = [answer_to(at) for at in range(len(ENTRIES))]
    found = assigned(ENTRIES, {"Operations": listed}, lambda text: text)
    assert [found[at].status for at in range(len(ENTRIES))] == [200 + at for at in range(7)]
    assert found[0].resource_id == "new-0"


@given(JSON)
def test_any_bulk_answer_can_be_read(value: Any) -> None:
    found = assigned(ENTRIES, {"Operations": value}, lambda text: text)
    assert set(found) <= set(range(len(ENTRIES)))
