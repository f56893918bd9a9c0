"""Merging a mapped document into a stored one, and PATCH operations that lead there."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from scim2_models import Context, EnterpriseUser, Group, PatchOp, User

from azure_adapter.mapping import (
    ENTERPRISE,
    GROUP_COVERAGE,
    changes,
    diff,
    manager_value,
    map_group,
    map_user,
    merge,
)
from tests.mapping.test_users import ANN, DOCUMENT

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
UserModel = User[EnterpriseUser]


def load(document: dict[str, Any]) -> Any:
    return UserModel.model_validate(deepcopy(document))


def plain(model: Any) -> Any:
    return json.loads(json.dumps(model.model_dump(scim_ctx=Context.DEFAULT)))


def patched(current: dict[str, Any], operations: list[dict[str, Any]]) -> Any:
    """Apply operations with the SCIM library, as the service does."""
    model = load(current)
    if operations:
        body = {"schemas": [PATCH], "Operations": json.loads(json.dumps(operations))}
        patch = PatchOp[UserModel].model_validate(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST)
        patch.patch(model)
    return plain(model)


def test_a_new_user_is_active_unless_it_is_not() -> None:
    assert merge(None, DOCUMENT) == DOCUMENT
    unknown = map_user({"userPrincipalName": "a"}).document
    assert merge(None, unknown)["active"] is True
    assert merge(None, {**unknown, "active": False})["active"] is False


def test_an_unknown_account_state_keeps_active() -> None:
    desired = map_user({"userPrincipalName": "a"}).document
    for active in (True, False):
        assert merge({"userName": "b", "active": active}, desired)["active"] is active


def test_uncovered_attributes_survive() -> None:
    current = {
        "id": "1",
        "externalId": "e",
        "schemas": [CORE, "urn:x:custom"],
        "userName": "old",
        "nickName": "Annie",
        "title": "gone",
        "name": {"formatted": "Ms Ann", "givenName": "gone"},
        "emails": [
            {"value": "home@x.de", "type": "home", "primary": True},
            {"value": "old@x.de", "type": "Work"},
            {"value": "untyped@x.de"},
            {"value": "ANN@contoso.com"},
        ],
        "addresses": [{"type": "other", "formatted": "gone"}],
        ENTERPRISE: {"department": "gone"},
        "urn:x:custom": {"a": 1},
        "meta": {"version": "1"},
    }
    before = deepcopy(current)
    attributes = {"userPrincipalName": "ann@contoso.com", "mail": "ann@contoso.com"}
    result = merge(current, map_user(attributes).document)
    assert current == before
    assert result == {
        "id": "1",
        "externalId": "e",
        "schemas": [CORE, "urn:x:custom"],
        "userName": "ann@contoso.com",
        "nickName": "Annie",
        "name": {"formatted": "Ms Ann"},
        "emails": [
            {"value": "ann@contoso.com", "type": "work", "primary": True},
            {"value": "home@x.de", "type": "home"},
            {"value": "untyped@x.de"},
        ],
        "urn:x:custom": {"a": 1},
        "meta": {"version": "1"},
    }


def test_references_of_the_planner() -> None:
    desired = deepcopy(DOCUMENT)
    desired["externalId"] = "g1"
    desired[ENTERPRISE]["manager"] = manager_value("7")
    stored = merge(None, desired)
    assert stored[ENTERPRISE]["manager"] == {"value": "7", "$ref": "Users/7"}
    stored[ENTERPRISE]["manager"] = {"value": "7", "$ref": "https://x/Users/7", "displayName": "M"}
    assert diff(stored, merge(stored, desired)) == []
    desired[ENTERPRISE]["manager"] = manager_value("8")
    assert diff(stored, merge(stored, desired)) == [
        {
            "op": "replace",
            "path": f"{ENTERPRISE}:manager",
            "value": {"value": "8", "$ref": "Users/8"},
        }
    ]
    assert diff(stored, merge(stored, {**DOCUMENT, "externalId": "g1"})) == [
        {"op": "remove", "path": f"{ENTERPRISE}:manager"}
    ]


def test_operations_and_changes() -> None:
    current = map_user(ANN).document
    desired = map_user(
        {
            **ANN,
            "accountEnabled": False,
            "givenName": None,
            "department": "Sales",
            "mail": None,
            "otherMails": [],
            "proxyAddresses": [],
            "faxNumber": None,
            "jobTitle": "",
        }
    ).document
    target = merge(current, desired)
    operations = diff(current, target)
    phones = DOCUMENT["phoneNumbers"]
    assert operations == [
        {"op": "replace", "path": "active", "value": False},
        {"op": "remove", "path": "name.givenName"},
        {"op": "replace", "path": "phoneNumbers", "value": phones[:2]},
        {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "remove", "path": "title"},
        {"op": "remove", "path": "emails"},
    ]
    before, after = changes(current, target)
    assert (before["active"], after["active"]) == (True, False)
    assert (before["title"], after["title"]) == ("Engineer", None)
    assert before.keys() == after.keys() == {one["path"] for one in operations}
    assert patched(current, operations) == target


def test_what_makes_no_difference() -> None:
    current = deepcopy(DOCUMENT)
    current["emails"].reverse()
    current["emails"][0]["primary"] = False
    current.update(id="1", meta={"version": "x"}, groups=[{"value": "2"}], nickName=None)
    target = merge(current, DOCUMENT)
    assert target["emails"] == current["emails"]
    assert diff(current, target) == []
    assert changes(current, target) == ({}, {})
    assert diff({"active": True}, {"active": 1}) != []


def test_changes_of_a_creation_show_everything() -> None:
    before, after = changes(None, DOCUMENT)
    assert set(before.values()) == {None}
    assert after["userName"] == "ann@contoso.com"
    assert after["name.givenName"] == "Ann"
    assert after[f"{ENTERPRISE}:department"] == "R&D"


def test_groups() -> None:
    current = {"displayName": "A", "id": "1", "members": [{"value": "x"}], "externalId": "e"}
    target = merge(current, map_group({"displayName": "B"}).document, GROUP_COVERAGE)
    assert target["members"] == [{"value": "x"}]
    operations = diff(current, target)
    assert operations == [{"op": "replace", "path": "displayName", "value": "B"}]
    model = Group.model_validate({"displayName": "A"})
    body = {"schemas": [PATCH], "Operations": operations}
    PatchOp[Group].model_validate(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST).patch(model)
    assert model.display_name == "B"
    unnamed = merge(current, map_group({}).document, GROUP_COVERAGE)
    assert unnamed["displayName"] == "A"
    assert merge(None, map_group({"displayName": "B"}).document, GROUP_COVERAGE).keys() == {
        "schemas",
        "displayName",
    }


WORD = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5)
NAME = WORD.filter(str.strip)
EMAIL = st.sampled_from(["a@x.com", "B@x.com", "c@Y.com", "d@z.de", "e@z.de"])
LISTS = st.lists(EMAIL, max_size=3)
ATTRIBUTES = st.fixed_dictionaries(
    {"userPrincipalName": NAME},
    optional={
        **{name: WORD | st.none() for name in ("displayName", "givenName", "surname", "jobTitle")},
        **{name: WORD | st.none() for name in ("city", "country", "officeLocation", "department")},
        **{name: WORD | st.none() for name in ("mobilePhone", "faxNumber", "employeeId")},
        "accountEnabled": st.booleans() | st.none(),
        "mail": EMAIL | st.none(),
        "otherMails": LISTS,
        "proxyAddresses": LISTS.map(lambda many: [f"smtp:{one}" for one in many]),
        "businessPhones": st.lists(WORD, max_size=2),
        "employeeOrgData": st.fixed_dictionaries({}, optional={"division": WORD}),
    },
)
FOREIGN = st.fixed_dictionaries(
    {},
    optional={
        "nickName": NAME,
        "name": st.fixed_dictionaries({"formatted": NAME}, optional={"givenName": NAME}),
        "emails": st.lists(
            st.fixed_dictionaries(
                {"value": EMAIL.map(str.lower)},
                optional={"type": st.sampled_from(["home", "work", "x"]), "display": NAME},
            ),
            max_size=3,
        ).filter(bool),
        "ims": st.just([{"value": "i", "type": "xmpp"}]),
        "addresses": st.just([{"type": "home", "locality": "L"}, {"type": "work", "region": "R"}]),
    },
)


def stored_user(attributes: dict[str, Any], foreign: dict[str, Any], primary: bool) -> Any:
    """Build a document as it may stand in the store: mapped once, then edited by somebody."""
    document = merge(None, map_user(attributes).document)
    for name, value in foreign.items():
        old = document.get(name)
        document[name] = {**old, **value} if isinstance(old, dict) else value
    if primary and "emails" in foreign:
        document["emails"][0]["primary"] = True
    return plain(load(document))


def bare(document: dict[str, Any]) -> Any:
    """Return a document in the library's form, without what it fills in."""
    cleaned = plain(load(document))
    for email in cleaned.get("emails", ()):
        if email.get("primary") is False:
            del email["primary"]
    return cleaned


@given(ATTRIBUTES, FOREIGN, st.booleans(), ATTRIBUTES)
def test_the_operations_lead_to_the_target(
    first: dict[str, Any], foreign: dict[str, Any], primary: bool, second: dict[str, Any]
) -> None:
    current = stored_user(first, foreign, primary)
    desired = map_user(second).document
    target = merge(current, desired)
    reached = patched(current, diff(current, target))
    assert bare(reached) == bare(target)
    assert diff(reached, target) == []
    assert diff(reached, merge(reached, desired)) == []


@given(ATTRIBUTES, FOREIGN, ATTRIBUTES)
def test_merging_is_idempotent(
    first: dict[str, Any], foreign: dict[str, Any], second: dict[str, Any]
) -> None:
    current = stored_user(first, foreign, primary=False)
    assert diff(current, current) == []
    desired = map_user(second).document
    once = merge(current, desired)
    assert merge(once, desired) == once
    before, after = changes(current, once)
    assert {one["path"] for one in diff(current, once)} == before.keys() == after.keys()
    assert diff(once, merge(once, map_user(second).document)) == []
    for name in ("nickName", "ims"):
        assert once.get(name) == current.get(name)
