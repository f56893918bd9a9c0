"""The live test: what a table does with one real object, row by row."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from azure_adapter.mapping import DEFAULT_TABLE, REDACTED, Apply, MappingTable, Outcome, Row, live
from azure_adapter.mapping.merge import merge
from azure_adapter.mapping.users import map_user
from scim.provisioning.source import ObjectKind
from tests.mapping.support import CONTEXT, OBJECT_ID
from tests.mapping.test_mapping_rows import random_table
from tests.mapping.test_table import GROUP_NAME, HR, constant, expression, table
from tests.mapping.test_users import ANN, ANYTHING, PLAUSIBLE

PERSON = {**ANN, "id": OBJECT_ID}


def test_each_outcome() -> None:
    made = table(
        Row("title", "jobTitle"),
        Row("nickName", "mailNickname"),
        Row("locale", "usageLocation", default="DE"),
        constant("timezone", "UTC"),
        expression("userType", "IgnoreFlowIfNullOrEmpty([userType])"),
        expression("preferredLanguage", "Mid([mail], Count([imAddresses]), 1)"),
        expression("displayName", "Redact([displayName])"),
        expression("name.givenName", "Guid()", apply=Apply.only_on_create),
        Row('emails[type eq "home"].value', "otherMails"),
        Row('emails[type eq "work"].value', "city"),
        expression("name.formatted", 'Join("", [no])'.replace("no", "state"), default="x"),
    )
    person = {**PERSON, "state": None}
    results = live.test_mapping(made, person, creating=False)
    told = {one.row.target: (one.outcome.value, one.result) for one in results}
    assert told == {
        "userName": ("value", "ann@contoso.com"),
        "title": ("value", "Engineer"),
        "nickName": ("empty", None),
        "locale": ("default", "DE"),
        "timezone": ("value", "UTC"),
        "userType": ("ignored", None),
        "preferredLanguage": ("failed", None),
        "displayName": ("value", REDACTED),
        "name.givenName": ("not_applied", None),
        'emails[type eq "home"].value': ("value", ["ann@home.example", "ANN@contoso.com"]),
        'emails[type eq "work"].value': ("empty", None),
        "name.formatted": ("default", "x"),
    }
    by_target = {one.row.target: one for one in results}
    assert by_target["title"].sources == {"jobTitle": "Engineer"}
    assert by_target["title"].number == 2
    assert by_target["displayName"].sources == {"displayName": REDACTED}
    failed = by_target["preferredLanguage"]
    assert "Row 7 of the mapping (preferredLanguage) failed: Mid: The start must" in failed.error
    assert failed.shown.split("\n")[1] == " " * 12 + "^"
    assert failed.sources == {"mail": "Ann@CONTOSO.com", "imAddresses": None}
    assert "not a valid e-mail address" in by_target['emails[type eq "work"].value'].notes[0]
    created = live.test_mapping(made, person, context=CONTEXT)
    assert created[8].outcome is Outcome.value
    assert len(created[8].result) == 36


def test_what_is_redacted_is_shown_nowhere() -> None:
    made = table(
        expression("title", "CStr(BitAnd(Redact([jobTitle]), 1))"),
        expression('emails[type eq "work"].value', "Redact([jobTitle])"),
        expression(f"{HR}:grade", "Redact([jobTitle])"),
        expression("active", "Redact([jobTitle])"),
        expression("locale", "Redact([jobTitle])"),
    )
    person = {**PERSON, "jobTitle": "Secret"}
    shown = repr(live.test_mapping(made, person))
    user = map_user(person, made)
    assert "Secret" not in shown
    assert "Secret" not in repr((user.notes, user.problems))
    assert user.document["locale"] == "Secret"
    assert len(user.problems) == 2
    assert len(user.notes) == 2


def test_a_group() -> None:
    made = MappingTable((Row("userName", "mail"),), (GROUP_NAME,))
    [result] = live.test_mapping(made, {"displayName": "Sales"}, kind=ObjectKind.group)
    assert (result.outcome, result.result) == (Outcome.value, "Sales")


@settings(deadline=None)
@given(random_table(), PLAUSIBLE | ANYTHING)
def test_it_says_what_mapping_does(made: MappingTable, attributes: dict[str, Any]) -> None:
    values = {"id": OBJECT_ID, **attributes}
    results = live.test_mapping(made, values, context=CONTEXT)
    user = map_user(values, made, creating=True, context=CONTEXT)
    failed = [one for one in results if one.outcome is Outcome.failed]
    known = [one for one in user.problems if one.code == "expression_failed"]
    assert [one.error for one in failed] == [one.message for one in known]
    for one in results:
        if one.outcome in (Outcome.value, Outcome.default) and one.row.target in user.document:
            assert user.document[one.row.target] == one.result


def test_the_default_table_shows_every_value() -> None:
    results = live.test_mapping(DEFAULT_TABLE, PERSON)
    assert {one.outcome for one in results} == {Outcome.value}
    assert merge(None, map_user(PERSON).document)["userName"] == results[0].result
