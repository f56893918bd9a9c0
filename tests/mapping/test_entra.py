"""Importing the schema that Entra exports: what becomes rows, and what is left out and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_adapter.mapping import (
    DEFAULT_TABLE,
    ENTERPRISE,
    Apply,
    ImportedSchema,
    Row,
    RowKind,
    SchemaError,
    check_rows,
    import_schema,
    map_user,
    table_from_json,
    table_to_json,
)
from tests.mapping.support import CONTEXT, OBJECT_ID
from tests.mapping.test_table import HR
from tests.mapping.test_users import ANN

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parent / "entra_schema.json").read_text())
EXTENSIONS = (f"{HR}:costCode",)


@pytest.fixture
def schema() -> dict[str, Any]:
    """An export of the form that Microsoft Graph documents, of a custom SCIM application."""
    return deepcopy(SCHEMA)


@pytest.fixture
def mappings(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Its attribute mappings of users."""
    found: list[dict[str, Any]] = users(schema)["attributeMappings"]
    return found


def users(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["synchronizationRules"][0]["objectMappings"][1]
    return found


def rows(imported: ImportedSchema) -> dict[str, Row]:
    return {row.target: row for row in imported.table.users}


def test_a_whole_export(schema: dict[str, Any]) -> None:
    imported = import_schema(schema, EXTENSIONS)
    found = rows(imported)
    assert list(found)[:3] == ["userName", "active", "displayName"]
    assert found["userName"] == Row("userName", "userPrincipalName")
    assert found["active"] == Row(
        "active",
        'Switch([IsSoftDeleted], , "False", "True", "True", "False")',
        RowKind.expression,
    )
    assert found["title"] == Row("title", "jobTitle", default="Employee")
    assert found['emails[type eq "work"].value'].primary
    assert found['phoneNumbers[type eq "work"].value'].source == "telephoneNumber"
    assert found['addresses[type eq "work"].locality'] == Row(
        'addresses[type eq "work"].locality',
        "IgnoreFlowIfNullOrEmpty([city])",
        RowKind.expression,
    )
    create = {row.target for row in found.values() if row.apply is Apply.only_on_create}
    assert create == {f"{ENTERPRISE}:department", "nickName", "timezone", "userType"}
    assert found["timezone"] == Row(
        "timezone", "Europe/Berlin", RowKind.constant, apply=Apply.only_on_create
    )
    assert found["locale"] == Row("locale", "de-DE", RowKind.constant)
    assert f"{HR}:costCode" in found
    assert imported.table.groups == (Row("displayName", "displayName"),)
    assert imported.table.warnings == ()
    stored = table_to_json(imported.table)
    assert table_from_json(stored, EXTENSIONS) == imported.table


def test_what_is_left_out_and_why(schema: dict[str, Any]) -> None:
    imported = import_schema(schema, EXTENSIONS)
    told = {one.target or one.where: one.reason for one in imported.left_out}
    reasons = {
        "externalId": "externalId is set by the user sync itself",
        f"{ENTERPRISE}:manager": "The manager is set by the user sync itself",
        "members": "Members are set by the user sync itself",
        'roles[primary eq "True"].value': "Write the type of the value",
        "profileUrl": "ends too early; expected is ) or a comma. Change the expression at line 1",
        "honorific": "There is no attribute 'honorific'",
        "displayname": "Another row feeds the same attribute",
        "name.middleName": "Did you mean extensionAttribute7?",
        "name.honorificPrefix": "neither a source nor a default value",
        "Provision Azure Active Directory Users": "Its scoping filter",
        "Provision old users": "It is not enabled",
        "Provision Azure Active Directory Contacts": "maps users and groups, not 'Contact'",
        "WORKDAY_INBOUND_USER": "It does not start in Microsoft Entra ID, but in Workday",
    }
    assert told.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert reason in told[name]
    [profile] = [one for one in imported.left_out if one.target == "profileUrl"]
    assert profile.source == "Nonsense([mail]"
    without = import_schema(schema)
    assert [one.target for one in without.left_out if "extension file" in one.reason] == [
        f"{HR}:costCode"
    ]


def test_what_is_changed_is_told(schema: dict[str, Any]) -> None:
    changed = "\n".join(import_schema(schema, EXTENSIONS).changed)
    for part in (
        "user userName: matched users (priority 1); here the Unique field",
        "group displayName: matched groups (priority 1); here a group is known by its id",
        'user addresses[type eq "work"].locality: an empty source leaves it alone',
        f"user {ENTERPRISE}:department: applies only on create",
        "user nickName: applies only on create, as its function demands",
        "user timezone: has no source",
        "Entra uses them on create only",
    ):
        assert part in changed


def test_the_imported_table_maps_like_entra(schema: dict[str, Any]) -> None:
    imported = import_schema(schema, EXTENSIONS)
    person = {**ANN, "id": OBJECT_ID, "jobTitle": None, "userType": "Member"}
    user = map_user(person, imported.table, creating=True, context=CONTEXT)
    assert user.problems == ()
    usual = map_user(person).document
    document = user.document
    for name in ("userName", "active", "displayName", "phoneNumbers", "preferredLanguage"):
        assert document[name] == usual[name]
    assert document["emails"] == usual["emails"][:1]
    assert document["name"] == {**usual["name"], "formatted": "Ann Bell"}
    assert document["addresses"] == [{**usual["addresses"][0], "formatted": "Building 7"}]
    assert (document["title"], document["timezone"]) == ("Employee", "Europe/Berlin")


def test_forms_that_exports_have_too(mappings: list[dict[str, Any]], schema: Any) -> None:
    del mappings[:]
    mappings += [
        {"targetAttributeName": "USERNAME", "source": {"expression": "[mail]"}},
        {
            "targetAttributeName": "title",
            "source": {"type": "Function", "expression": "[jobTitle]"},
            "flowType": "always",
        },
        {"targetAttributeName": "locale", "source": {"type": "Function", "expression": '"de"'}},
        {"targetAttributeName": "timezone", "source": {"type": "constant", "expression": '"a"'}},
        {
            "targetAttributeName": f"{HR}:costCode",
            "source": {"type": "Function", "expression": "ToUpper([mail])"},
            "flowType": "ValueAddOnly",
        },
        {
            "targetAttributeName": "active",
            "source": {"name": "accountEnabled", "type": "Attribute"},
            "defaultValue": "perhaps",
        },
        {"targetAttributeName": "nickName", "source": {"type": "Function", "name": "Guid"}},
        {"targetAttributeName": "userType", "source": {"type": "Table", "name": "x"}},
        {
            "targetAttributeName": "displayName",
            "source": {"type": "Attribute", "name": "mail"},
            "flowType": "Sometimes",
        },
    ]
    imported = import_schema(schema, EXTENSIONS)
    assert rows(imported) == {
        "userName": Row("userName", "mail"),
        "title": Row("title", "jobTitle"),
        "locale": Row("locale", "de", RowKind.constant),
        "timezone": Row("timezone", "a", RowKind.constant),
        f"{HR}:costCode": Row(
            f"{HR}:costCode", "IgnoreFlowIfNullOrEmpty(ToUpper([mail]))", RowKind.expression
        ),
        "active": Row("active", "accountEnabled"),
    }
    told = {one.target: one.reason for one in imported.left_out if one.target}
    assert "neither a source" not in told["nickName"]
    assert "'Table' are not known" in told["userType"]
    assert "'Sometimes' is not known" in told["displayName"]
    assert any("without the default 'perhaps'" in one for one in imported.changed)


def test_what_a_table_needs_is_added(mappings: list[dict[str, Any]], schema: Any) -> None:
    del mappings[0]
    del schema["synchronizationRules"][0]["objectMappings"][0]
    imported = import_schema(schema)
    assert imported.table.users[0] == Row("userName", "userPrincipalName")
    assert imported.table.groups == DEFAULT_TABLE.groups
    assert "user userName: added, from userPrincipalName, because a user needs one." in (
        imported.changed
    )
    assert any("does not map groups" in one for one in imported.changed)


def test_a_second_mapping_of_users_is_left_out(schema: dict[str, Any]) -> None:
    rule = schema["synchronizationRules"][0]
    rule["objectMappings"].append({**users(schema), "name": "Another"})
    told = {one.where: one.reason for one in import_schema(schema).left_out}
    assert told["Another"] == "Another mapping of users came first."


def test_a_table_has_a_limit(mappings: list[dict[str, Any]], schema: dict[str, Any]) -> None:
    address = {"name": "mail", "type": "Attribute"}
    mappings += [
        {"targetAttributeName": f'emails[type eq "t{number}"].value', "source": address}
        for number in range(300)
    ]
    imported = import_schema(schema)
    assert len(imported.table.users) == 200
    assert "at most 200 rows" in imported.left_out[-4].reason


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "This is no provisioning schema"),
        ({"synchronizationRules": {}}, "This is no provisioning schema"),
        ({"users": [], "groups": []}, "review your schema, and download it"),
        ({"synchronizationRules": []}, "no enabled mapping of users or groups"),
        ({"synchronizationRules": [SCHEMA["synchronizationRules"][1]]}, "no enabled mapping"),
    ],
)
def test_what_is_no_export(value: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        import_schema(value)


JUNK = st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just({}) | st.just([])


@st.composite
def damaged(draw: Callable[..., Any]) -> Any:
    """The export with some of its values replaced by others."""

    def copy(value: Any) -> Any:
        if draw(st.integers(0, 400)) == 0:
            return draw(JUNK)
        if isinstance(value, dict):
            return {name: copy(one) for name, one in value.items()}
        return [copy(one) for one in value] if isinstance(value, list) else value

    return {
        "synchronizationRules": [
            {
                "objectMappings": [
                    {**users(SCHEMA), "attributeMappings": copy(users(SCHEMA)["attributeMappings"])}
                ]
            },
            copy(SCHEMA["synchronizationRules"][1]),
        ]
    }


@settings(deadline=None, max_examples=50)
@given(damaged())
def test_any_damage_costs_only_itself(schema: Any) -> None:
    with suppress(SchemaError):
        imported = import_schema(schema)
        assert check_rows(imported.table.users, imported.table.groups) == []
        assert all(one.reason for one in imported.left_out)
