"""The table of rules, and what each of them makes of what was sent."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from scim2_models import URN, EnterpriseUser, Extension, ResourceType, ScimProvider, User

from scim.dialects import RULES, Place, Rule, application, mend, shapes_of
from scim.dialects.catalogue import GROUP, USER
from scim.dialects.rules import PROFILES
from tests.dialects import world
from tests.dialects.strategies import request
from tests.dialects.world import ENTERPRISE, PATCH_OP, load_cases

WORK = 'emails[type eq "work"]'


def meant(method: str, path: str, body: Any, profile: str = "generic") -> Any:
    """Return the JSON that a body is turned into."""
    return orjson.loads(mend(request(method, path, body, profile)).body)


def patched(operation: dict[str, Any], path: str = "/Users/1", profile: str = "generic") -> Any:
    """Return what an operation is turned into."""
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    return meant("PATCH", path, body, profile)["Operations"][0]


# -- the table -----------------------------------------------------------------


def test_every_rule_says_what_it_is_and_where_it_is_from() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert len(rule.source) > 20
        assert rule.profiles <= PROFILES
        assert rule.profiles
        assert all(mark == mark.lower() and len(mark) > 1 for mark in rule.marks)
        assert (rule.mend.__doc__ or "").strip()


def test_every_rule_is_exercised_by_a_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[str] = set()

    def recorded(rule: Rule) -> Rule:
        def mended(value: Any, about: Any) -> Any:
            result = rule.mend(value, about)
            if result is not value:
                used.add(rule.name)
            return result

        return replace(rule, mend=mended)

    table = tuple(recorded(rule) for rule in RULES)
    monkeypatch.setattr(application, "RULES", table)
    monkeypatch.setattr(
        application, "_SEARCHES", tuple(each for each in table if each.place is Place.query)
    )
    application._choice.cache_clear()
    for case in load_cases():
        for step in case.steps:
            parts = urlsplit(step["path"])
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            body = orjson.dumps(step["body"]) if "body" in step else b""
            for profile in case.profiles:
                mend(request(step["method"], parts.path, body, profile, query))
    application._choice.cache_clear()
    assert used == {rule.name for rule in RULES}


def test_booleans_are_those_of_the_models() -> None:
    found = {name for name, each in USER.attributes.items() if each.boolean}
    subs = {
        f"{name}.{sub}"
        for name, each in USER.attributes.items()
        for sub, attribute in each.subs.items()
        if attribute.boolean
    }
    lists = "emails phonenumbers ims photos addresses entitlements roles x509certificates"
    assert found == {"active"}
    assert subs == {f"{name}.primary" for name in lists.split()}
    assert not any(each.boolean for each in GROUP.attributes.values())


# -- bodies ----------------------------------------------------------------------

RESOURCES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("boolean", {"active": "FALSE"}, {"active": False}),
    ("no boolean", {"active": "banana"}, {"active": "banana"}),
    ("case of names", {"ACTIVE": "true"}, {"ACTIVE": True}),
    ("text", {"displayName": "True", "title": ""}, {"displayName": "True", "title": ""}),
    (
        "manager in the extension, in any case",
        {ENTERPRISE.lower(): {"Manager": "1"}},
        {ENTERPRISE.lower(): {"Manager": {"value": "1", "$ref": "Users/1"}}},
    ),
    (
        "manager without $ref",
        {ENTERPRISE: {"manager": {"value": "1", "$ref": None}}},
        {ENTERPRISE: {"manager": {"value": "1", "$ref": "Users/1"}}},
    ),
    ("two managers", {ENTERPRISE: {"manager": ["1", "2"]}}, {ENTERPRISE: {"manager": ["1", "2"]}}),
    ("nulls at the root", {"department": None, "manager": None}, {"department": None,
                                                                  "manager": None}),
    (
        "the extension stands",
        {"department": "root", "division": "D", ENTERPRISE: {"Department": "kept"}},
        {ENTERPRISE: {"Department": "kept", "division": "D"}},
    ),
    ("elements", {"emails": [None, {"value": ""}, {"value": "a@b.c"}]}, {"emails": [
        {"value": "a@b.c"}]}),
    ("labels alone stay", {"emails": [{"type": "work"}]}, {"emails": [{"type": "work"}]}),
    ("schemas", {"schemas": ["urn:scim:schemas:core:1.0", "urn:x:y"]}, {"schemas": [
        world.USER, "urn:x:y"]}),
    ("listed once", {"schemas": ["urn:scim:schemas:core:1.0", world.USER]}, {"schemas": [
        world.USER]}),
    ("another type", {"schemas": ["urn:scim:schemas:core:2.0:Group"]}, {"schemas": [
        "urn:scim:schemas:core:2.0:Group"]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sent", "expected"), RESOURCES, ids=[row[0] for row in RESOURCES])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_resource(method: str, name: str, sent: Any, expected: Any) -> None:
    assert meant(method, "/Users", sent) == expected
    assert meant(method, "/users/", sent) == expected


OPERATIONS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "path without URN",
        {"op": "Add", "path": "manager", "value": "1"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": {"value": "1", "$ref": "Users/1"}},
    ),
    (
        "sub-attribute without URN",
        {"op": "add", "path": "Manager.value", "value": "1"},
        {"op": "add", "path": f"{ENTERPRISE}:Manager.value", "value": "1"},
    ),
    (
        "an empty manager added",
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": ""},
        {"op": "remove", "path": f"{ENTERPRISE}:manager"},
    ),
    (
        "an empty manager replaced",
        {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": ""},
        {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": None},
    ),
    (
        "the manager unassigned in a value",
        {"op": "replace", "value": {"manager": None}},
        {"op": "replace", "value": {ENTERPRISE: {"manager": None}}},
    ),
    (
        "a value ignored",
        {"op": "Remove", "path": f"{WORK}.value", "Value": "x"},
        {"op": "Remove", "path": f"{WORK}.value"},
    ),
    (
        "a value that selects",
        {"op": "remove", "path": "emails", "value": "a@b.c"},
        {"op": "remove", "path": "emails", "value": [{"value": "a@b.c"}]},
    ),
    (
        "nothing selected is never everything",
        {"op": "remove", "path": "emails", "value": ""},
        {"op": "remove", "path": "emails", "value": []},
    ),
    (
        "nothing added to a list",
        {"op": "add", "path": "emails", "value": None},
        {"op": "add", "path": "emails", "value": []},
    ),
    (
        "null to a selected element",
        {"op": "replace", "path": f"{WORK}.value", "value": None},
        {"op": "remove", "path": f"{WORK}.value"},
    ),
    (
        "null to every element",
        {"op": "add", "path": "emails.display", "value": None},
        {"op": "add", "path": "emails.display", "value": None},
    ),
    (
        "an array of one",
        {"op": "replace", "path": "userName", "value": [{"$ref": None, "value": "u"}]},
        {"op": "replace", "path": "userName", "value": "u"},
    ),
    (
        "dotted and URN keys",
        {"op": "replace", "value": {f"{ENTERPRISE}:manager": "1", f"{world.USER}:active": "True"}},
        {
            "op": "replace",
            "value": {
                f"{ENTERPRISE}:manager": {"value": "1", "$ref": "Users/1"},
                f"{world.USER}:active": True,
            },
        },
    ),
    (
        "a schema as path",
        {"op": "add", "path": ENTERPRISE, "value": {"manager": "1"}},
        {
            "op": "add",
            "path": ENTERPRISE,
            "value": {"manager": {"value": "1", "$ref": "Users/1"}},
        },
    ),
    (
        "read-only in a representation",
        {"op": "replace", "value": {"id": "1", "title": "T", "groups": [], "meta": None}},
        {"op": "replace", "value": {"id": "1", "title": "T"}},
    ),
    (
        "read-only alone",
        {"op": "replace", "value": {"groups": []}},
        {"op": "replace", "value": {"groups": []}},
    ),
]


@pytest.mark.parametrize(
    ("name", "sent", "expected"), OPERATIONS, ids=[row[0] for row in OPERATIONS]
)
def test_operation(name: str, sent: Any, expected: Any) -> None:
    assert patched(sent) == expected
    bulk = {"Operations": [{"method": "PATCH", "path": "Users/1", "data": {"operations": [sent]}}]}
    assert meant("POST", "/Bulk", bulk)["Operations"][0]["data"]["operations"] == [expected]


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_only_entra_removes_the_element_with_its_value(profile: str) -> None:
    sent = {"op": "remove", "path": f"{WORK}.value"}
    kept = patched(sent, profile=profile)["path"]
    assert kept == (WORK if profile == "entra" else f"{WORK}.value")
    assert patched({**sent, "path": f"{WORK}.type"}, profile=profile)["path"] == f"{WORK}.type"


def test_members_are_removed_by_their_ids() -> None:
    sent = {"op": "remove", "path": "members", "value": [{"value": "1", "$ref": None}, "2"]}
    assert patched(sent, "/Groups/1")["value"] == [{"value": "1"}, {"value": "2"}]
    unclear = {"op": "remove", "path": "members", "value": [{"display": "x"}]}
    assert patched(unclear, "/Groups/1") == unclear


def test_members_are_never_emptied_by_an_empty_string() -> None:
    for value in ("", [""], [{"value": ""}], [{"value": None}]):
        sent = {"op": "replace", "path": "members", "value": value}
        assert patched(sent, "/Groups/1")["value"] not in ([], None)


# -- searches ----------------------------------------------------------------------

FILTERS = [
    ('manager eq "1"', f'{ENTERPRISE}:manager.value eq "1"'),
    ('(MANAGER Ne "1")', f'({ENTERPRISE}:MANAGER.value Ne "1")'),
    ("not(manager pr)", f"not({ENTERPRISE}:manager pr)"),
    (f'{ENTERPRISE}:manager eq "1"', f'{ENTERPRISE}:manager.value eq "1"'),
    ('manager.value eq "1"', f'{ENTERPRISE}:manager.value eq "1"'),
    ('title eq "manager eq \\"1\\"" and division pr',
     f'title eq "manager eq \\"1\\"" and {ENTERPRISE}:division pr'),
    ('urn:x:manager eq "1"', 'urn:x:manager eq "1"'),
    ('emails[manager eq "1"]', 'emails[manager eq "1"]'),
    ('x.manager eq "1"', 'x.manager eq "1"'),
    ('managers eq "1"', 'managers eq "1"'),
    ('title eq "manager', 'title eq "manager'),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "expected"), FILTERS)
def test_filter(sent: str, expected: str) -> None:
    for path in ("/Users", "/"):
        query = mend(request("GET", path, b"", "entra", {"filter": sent})).query
        assert query == {"filter": expected}
        body = {"filter": sent, "attributes": ["manager"]}
        assert meant("POST", f"{path.rstrip('/')}/.search", body, "entra") == {
            "filter": expected,
            "attributes": [f"{ENTERPRISE}:manager"],
        }
    groups = request("GET", "/Groups", b"", "entra", {"filter": sent})
    assert mend(groups) is groups


def test_empty_parameters_are_left_out_but_for_the_cursor() -> None:
    sent = {"filter": "", "count": " ", "cursor": "", "SortBy": "", "startIndex": "0"}
    query = mend(request("GET", "/Users", b"", "generic", sent)).query
    assert query == {"cursor": "", "startIndex": "0"}


# -- what passes -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/Users", b'{"active": "True"'),
        ("POST", "/Users", b'["active", "True", null]'),
        ("POST", "/Users", b'{"active":"True\xff"}'),
        ("POST", "/Things", b'{"active":"True"}'),
        ("DELETE", "/Users/1", b'{"active":"True"}'),
        ("PATCH", "/Users/1", b'{"Operations":{"op":"add","path":"active","value":"True"}}'),
        ("PATCH", "/Users/1", b'{"Operations":[null,"null",{"op":3,"path":[],"value":""}]}'),
        ("POST", "/Bulk", b'{"Operations":[{"method":"GET","path":"/Users","data":null}, null]}'),
        ("POST", "/Bulk", b'{"Operations":[{"method":"PUT","path":"/X/1","data":{"active":""}}]}'),
        ("POST", "/Users/.search", b'[""]'),
    ],
)
def test_what_no_rule_can_read_is_left_to_the_engine(method: str, path: str, body: bytes) -> None:
    sent = request(method, path, body, "entra")
    assert mend(sent) is sent


def test_escaped_text_hides_no_deviation() -> None:
    sent = b'{"\\u0061ctive":"\\u0054rue"}'
    assert meant("POST", "/Users", sent) == {"active": True}


def test_a_request_without_subject_is_generic() -> None:
    anonymous = replace(request("POST", "/Users", {"active": "True"}, "entra"), subject=None)
    assert orjson.loads(mend(anonymous).body) == {"active": True}


# -- other schemas -------------------------------------------------------------------


class Badge(Extension):
    __schema__ = URN("urn:example:params:scim:schemas:extension:Badge")

    valid: bool | None = None
    color: str | None = None


def test_extensions_of_the_provider_are_known() -> None:
    model = User[EnterpriseUser | Badge]
    provider = ScimProvider(
        models=[User, EnterpriseUser, Badge],
        resource_types=[ResourceType.from_resource(model)],
    )
    shapes = shapes_of(provider)
    assert set(shapes) == {"users", "me"}
    urn = str(Badge.__schema__)
    sent = request("POST", "/Users", {urn: {"valid": "True", "color": "True"}}, "entra")
    assert mend(sent) is sent
    assert orjson.loads(mend(sent, shapes).body) == {urn: {"valid": True, "color": "True"}}
    removed = {"op": "Remove", "path": f"{urn}:color", "value": "red"}
    data = {"method": "PATCH", "path": "/Users/1", "data": {"Operations": [removed]}}
    bulk = request("POST", "/Bulk", {"Operations": [data]}, "entra")
    (operation,) = orjson.loads(mend(bulk, shapes).body)["Operations"]
    assert operation["data"]["Operations"] == [{"op": "Remove", "path": f"{urn}:color"}]
