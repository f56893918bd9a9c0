"""What the rows of a table do with an object, and what merge makes of it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scim2_models import Context, EnterpriseUser, User

from azure_adapter.mapping import (
    DEFAULT_TABLE,
    ENTERPRISE,
    Apply,
    EvaluationContext,
    MappingTable,
    Row,
    diff,
    map_group,
    map_user,
    merge,
    target_paths,
    unique_candidates,
)
from scim.provisioning.source import ObjectKind
from tests.mapping.support import CONTEXT, OBJECT_ID
from tests.mapping.test_merge import ATTRIBUTES, FOREIGN, stored_user
from tests.mapping.test_table import GROUP_NAME, HR, HR_TARGETS, HrUser, constant, expression, table
from tests.mapping.test_users import ANN, ANYTHING, PLAUSIBLE

PERSON = {**ANN, "id": OBJECT_ID}


def mapped(*rows: Row, **attributes: Any) -> Any:
    return map_user({**PERSON, **attributes}, table(*rows)).document


def value(row: Row, **attributes: Any) -> Any:
    """What a row for title gives."""
    return mapped(row, **attributes).get("title")


@pytest.mark.parametrize(
    ("row", "attributes", "result"),
    [
        (Row("title", "department"), {}, "R&D"),
        (Row("title", "department"), {"department": None}, None),
        (Row("title", "department", default="None"), {"department": " "}, "None"),
        (Row("title", "department", default="None"), {"department": 5}, "None"),
        (Row("title", "accountEnabled"), {}, "True"),
        (Row("title", "IsSoftDeleted"), {}, "False"),
        (Row("title", "businessPhones"), {}, "+1 555 1"),
        (Row("title", "telephoneNumber"), {"businessPhones": []}, None),
        (Row("title", "id"), {}, OBJECT_ID),
        (Row("title", "userPrincipalName"), {"userPrincipalName": "a_x.de#EXT#@t"}, "a@x.de"),
        (Row("title", "originalUserPrincipalName"), {"userPrincipalName": "a_x.de#EXT#@t"}, None),
        (Row("title", "employeeOrgData.division"), {}, "North"),
        (Row("title", "employeeOrgData.division"), {"employeeOrgData": 5}, None),
        (constant("title", " Boss "), {}, "Boss"),
        (expression("title", "PCase([jobTitle])"), {"jobTitle": "LEAD"}, "Lead"),
        (expression("title", "Count([otherMails])"), {}, "2"),
        (expression("title", "IsPresent([mail])"), {}, "True"),
        (expression("title", 'CDate("2024-03-05")'), {}, "3/5/2024 12:00:00 AM"),
        (expression("title", "Coalesce([mobile])", default="x"), {"mobilePhone": None}, "x"),
        (expression("title", 'Left("a", 0)', default="x"), {}, "x"),
        (expression("title", '" a\x00b "'), {}, "ab"),
        (expression("title", "Redact([city])"), {}, "Seattle"),
    ],
)
def test_values_of_a_text(row: Row, attributes: dict[str, Any], result: Any) -> None:
    if "original" in str(row.source):
        result = "a_x.de#EXT#@t"
    assert value(row, **attributes) == result


def test_values_of_other_types() -> None:
    extension = "extension_0123456789abcdef0123456789abcdef_x"
    document = mapped(
        Row("active", extension),
        Row(f"{HR}:badges", "otherMails"),
        Row(f"{HR}:grade", "employeeId"),
        expression(f"{HR}:share", "1.5"),
        expression(f"{HR}:remote", 'IIF([city] = "Seattle", "false", "true")'),
        Row("profileUrl", "officeLocation", default="https://x.example/"),
        Row("title", "extensionAttribute1"),
        **{extension: "TRUE", "officeLocation": "nowhere"},
        onPremisesExtensionAttributes={"extensionAttribute1": "one"},
    )
    assert document["active"] is True
    assert document["title"] == "one"
    assert document["profileUrl"] == "https://x.example/"
    assert document[HR] == {
        "badges": ["ann@home.example", "ANN@contoso.com"],
        "grade": 1,
        "share": 1.5,
        "remote": False,
    }
    assert document["schemas"][1:] == [HR]


@pytest.mark.parametrize(
    ("found", "title"),
    [
        ("x", "x"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "True"),
        (["a"], "a"),
        (["a", "b"], None),
        ({"a": 1}, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_directory_extensions(found: Any, title: str | None) -> None:
    name = "extension_0123456789abcdef0123456789abcdef_x"
    assert value(Row("title", name), **{name: found}) == title


def test_an_expression_may_find_several_values_in_a_directory_extension() -> None:
    name = "extension_0123456789abcdef0123456789abcdef_x"
    made = table(expression("title", f"[{name}]"), expression(f"{HR}:badges", f"[{name}]"))
    assert map_user({**PERSON, name: ["a"]}, made).document["title"] == "a"
    user = map_user({**PERSON, name: ["a", "b"]}, made)
    assert user.document[HR] == {"badges": ["a", "b"]}
    assert "It gave 2 values, but title takes one." in user.problems[0].message


def test_the_first_of_several_values_is_the_primary_one() -> None:
    document = mapped(
        Row('emails[type eq "home"].value', "otherMails", primary=True),
        Row('emails[type eq "work"].value', "mail"),
    )
    assert [one.get("primary") for one in document["emails"]] == [True, None]


def test_several_values_and_several_rows() -> None:
    document = mapped(
        expression('emails[type eq "work"].value', '"SMTP:Ann@CONTOSO.com"', primary=True),
        Row('emails[type eq "home"].value', "otherMails"),
        expression('emails[type eq "home"].value', 'Split("ann@b.de;x;ann@home.example", ";")'),
        Row('phoneNumbers[type eq "work"].value', "mobilePhone"),
        Row('phoneNumbers[type eq "work"].value', "faxNumber", primary=True),
        expression('phoneNumbers[type eq "work"].value', '"+1 555 2"'),
    )
    assert document["emails"] == [
        {"value": "Ann@contoso.com", "type": "work", "primary": True},
        {"value": "ann@home.example", "type": "home"},
        {"value": "ann@b.de", "type": "home"},
    ]
    assert document["phoneNumbers"] == [
        {"type": "work", "value": "+1 555 2"},
        {"type": "work", "value": "+1 555 3", "primary": True},
    ]


def test_entra_s_own_rows_say_the_same_as_the_default() -> None:
    entra = MappingTable(
        (
            Row("userName", "userPrincipalName"),
            expression("active", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'),
            Row('phoneNumbers[type eq "work"].value', "telephoneNumber"),
            Row('phoneNumbers[type eq "mobile"].value', "mobile"),
            Row('phoneNumbers[type eq "fax"].value', "facsimileTelephoneNumber"),
            Row('addresses[type eq "other"].formatted', "physicalDeliveryOfficeName"),
        ),
        (GROUP_NAME,),
    )
    for enabled in (True, False, None, "x"):
        person = {**ANN, "accountEnabled": enabled}
        document, usual = map_user(person, entra).document, map_user(person).document
        assert document.get("active") is usual.get("active")
        assert document["phoneNumbers"] == usual["phoneNumbers"]
        assert document["addresses"] == usual["addresses"][1:]


def test_rows_that_apply_only_on_create() -> None:
    made = table(
        Row("title", "jobTitle", apply=Apply.only_on_create),
        expression("nickName", "Guid()", apply=Apply.only_on_create),
        expression("locale", "CStr(Now())", apply=Apply.only_on_create),
    )
    later = map_user(PERSON, made)
    assert later.document.keys() == {"schemas", "userName"}
    first = map_user(PERSON, made, creating=True, context=CONTEXT)
    assert first.document["title"] == "Engineer"
    assert first.document["locale"] == "7/2/2021 3:33:38 PM"
    again = map_user({**PERSON, "jobTitle": "Boss"}, made, creating=True, context=CONTEXT)
    assert again.document["nickName"] == first.document["nickName"]
    edited = {**first.document, "title": "Edited", "nickName": "Annie"}
    assert diff(edited, merge(edited, later.document, later.coverage)) == []
    assert first.coverage == later.coverage == made.coverage
    assert merge(None, first.document, first.coverage)["title"] == "Engineer"


def test_a_user_name_that_is_made_on_create() -> None:
    rows = (
        expression(
            "userName",
            'SelectUniqueValue([mailNickname], Append([mailNickname], "2"), Guid())',
            apply=Apply.only_on_create,
        ),
    )
    made = MappingTable(rows, (GROUP_NAME,))
    person = {**PERSON, "mailNickname": "AnnB"}
    later = map_user(person, made)
    assert (later.problems, later.user_name) == ((), None)
    assert later.coverage.kept == set()
    wishes = unique_candidates(made, person, CONTEXT)
    assert wishes.keys() == {"userName"}
    assert wishes["userName"][:2] == ("AnnB", "AnnB2")
    new = map_user(person, made, creating=True, context=CONTEXT)
    assert (new.user_name, new.problems) == ("AnnB2", ())
    free = EvaluationContext(taken={"userName": frozenset()})
    assert map_user(person, made, creating=True, context=free).user_name == "AnnB"
    unknown = map_user(person, made, creating=True)
    assert [one.code for one in unknown.problems] == ["expression_failed"]
    assert "Which values are taken is not known" in unknown.problems[0].message


def test_what_is_ignored_is_left_alone() -> None:
    made = table(
        expression("title", "IgnoreFlowIfNullOrEmpty([jobTitle])", default="unused"),
        expression("name.givenName", "IgnoreFlowIfNullOrEmpty([givenName])"),
        Row("name.familyName", "surname"),
        expression('emails[type eq "work"].value', "IgnoreFlowIfNullOrEmpty([mail])"),
        Row('addresses[type eq "work"].locality', "city"),
        expression('addresses[type eq "work"].region', "IgnoreFlowIfNullOrEmpty([state])"),
        expression(f"{HR}:costCode", "IgnoreFlowIfNullOrEmpty([department])"),
    )
    full = map_user(PERSON, made)
    assert full.coverage is made.coverage
    stored = merge(None, full.document, full.coverage)
    gone = dict.fromkeys(["jobTitle", "givenName", "surname", "mail", "city", "state"])
    empty = map_user({**PERSON, **gone, "department": ""}, made)
    assert empty.problems == ()
    target = merge(stored, empty.document, empty.coverage)
    assert target["title"] == "Engineer"
    assert target["name"] == {"givenName": "Ann"}
    assert target["emails"] == stored["emails"]
    assert target["addresses"] == [{"type": "work", "region": "WA"}]
    assert target[HR] == {"costCode": "R&D"}
    assert target["schemas"] == stored["schemas"]
    paths = [one["path"] for one in diff(stored, target)]
    assert paths == ["name.familyName", "addresses"]


def test_a_row_that_fails_is_a_problem_of_the_object() -> None:
    made = table(
        expression("title", "Mid([jobTitle], Count([otherMails]), 3)"),
        expression("active", "[city]"),
        Row("nickName", "givenName"),
    )
    assert map_user({**PERSON, "city": "true"}, made).problems == ()
    user = map_user({**PERSON, "otherMails": []}, made)
    assert [one.code for one in user.problems] == ["expression_failed"] * 2
    first, second = user.problems
    assert first.message == (
        "Row 2 of the mapping (title) failed: Mid: The start must be 1 or more: the first "
        "character has the index 1. (line 1, character 17)"
    )
    assert second.message == (
        "Row 3 of the mapping (active) failed: It gave 'Seattle', which is neither True nor False."
    )
    assert "Microsoft Entra" in first.advice
    assert user.document["nickName"] == "Ann"
    assert user.coverage.simple == {"nickName"}
    kept = {"userName": "x", "title": "Kept", "active": False}
    assert merge(kept, user.document, user.coverage)["title"] == "Kept"


def test_a_user_name_that_cannot_be_made() -> None:
    def problem(row: Row, **attributes: Any) -> Any:
        made = MappingTable((row,), (GROUP_NAME,))
        [found] = map_user({**PERSON, **attributes}, made, creating=True).problems
        return found

    assert problem(Row("userName", "mail"), mail=None).message.startswith("The user has no mail,")
    text = problem(expression("userName", "ToLower([mail])"), mail=None).message
    assert text.startswith("The user has no value from the expression of userName (row 1")
    failing = problem(expression("userName", "Item([otherMails], Count([imAddresses]))"))
    assert failing.code == "expression_failed"
    left_alone = problem(expression("userName", "IgnoreFlowIfNullOrEmpty([mail])"), mail=None)
    assert left_alone.code == "no_user_name"
    long = problem(expression("userName", 'Join("", [mail], [city])'), city="x" * 600)
    assert long.code == "user_name_too_long"
    assert "has 615 characters" in long.message
    existing = MappingTable(
        (expression("userName", "IgnoreFlowIfNullOrEmpty([mail])"),), (GROUP_NAME,)
    )
    user = map_user({**PERSON, "mail": None}, existing)
    assert (user.problems, user.coverage.kept) == ((), set())


def test_groups() -> None:
    made = MappingTable((Row("userName", "mail"),), (expression("displayName", "[description]"),))
    group = map_group({"displayName": "Sales", "description": "All of Sales"}, made)
    assert group.display_name == "All of Sales"
    assert group.coverage == made.group_coverage
    [problem] = map_group({"displayName": "Sales"}, made).problems
    assert "The expression of displayName gives nothing" in problem.message
    failing = MappingTable(
        (Row("userName", "mail"),),
        (expression("displayName", "Mid([mail], Count([groupTypes]), 1)"),),
    )
    [problem] = map_group({}, failing).problems
    assert problem.code == "expression_failed"
    assert "the group in Microsoft Entra" in problem.advice
    once = MappingTable(
        (Row("userName", "mail"),), (Row("displayName", "mail", apply=Apply.only_on_create),)
    )
    assert map_group({"mail": "a"}, once).problems == ()
    assert map_group({"mail": "a"}, once, creating=True).display_name == "a"


def test_the_schema_of_an_extension_that_is_emptied_goes() -> None:
    made = table(Row(f"{HR}:costCode", "city"), Row(f"{ENTERPRISE}:department", "department"))
    full = map_user(PERSON, made)
    stored = merge(None, full.document, full.coverage)
    assert stored["schemas"][1:] == [HR, ENTERPRISE]
    empty = map_user({**PERSON, "city": None, "department": None}, made)
    target = merge(stored, empty.document, empty.coverage)
    assert target["schemas"] == stored["schemas"][:1]
    foreign = {**stored, "schemas": [*stored["schemas"], "urn:x:custom"], "urn:x:custom": {"a": 1}}
    assert merge(foreign, empty.document, empty.coverage)["schemas"][1:] == ["urn:x:custom"]


def test_a_row_that_is_removed_stops_being_covered() -> None:
    stored = merge(None, map_user(ANN).document)
    stored["addresses"][0]["formatted"] = "Main Street 1"
    for removed in DEFAULT_TABLE.users[1:]:
        rows = tuple(row for row in DEFAULT_TABLE.users if row.target != removed.target)
        made = MappingTable(rows, (GROUP_NAME,))
        emptied = map_user({"userPrincipalName": "ann@contoso.com"}, made)
        target = merge(stored, emptied.document, made.coverage)
        kept = {path for path in ("title", "displayName", "userType") if path in target}
        assert kept == ({removed.target} & {"title", "displayName", "userType"})
        work = [one for one in target["addresses"] if one["type"] == "work"]
        name = removed.target.rpartition(".")[2]
        extra = {name} if removed.target.startswith('addresses[type eq "work"]') else set()
        assert set(work[0]) == {"type", "formatted"} | extra
        assert ("emails" in target) is removed.target.startswith("emails")
        assert (ENTERPRISE in target) is removed.target.startswith(ENTERPRISE)


# -- properties -----------------------------------------------------------------------------------

SOURCES_ANY = st.sampled_from(["jobTitle", "mail", "city", "officeLocation", "userPrincipalName"])
LISTS = st.sampled_from(["otherMails", "proxyAddresses", "mail"])
TEXTS = st.sampled_from(
    [
        "ToLower([jobTitle])",
        'Join(", ", [surname], [givenName], [otherMails])',
        "Mid([mail], Count([otherMails]), 3)",
        "IgnoreFlowIfNullOrEmpty([city])",
        'Replace([mail], , "@.*", , "")',
        'Switch([city], "x", "", "empty")',
        "Guid()",
    ]
)
PATHS = [
    path
    for path in target_paths(ObjectKind.user, HR_TARGETS)
    if path not in ("userName", "active", f"{HR}:remote")
]


@st.composite
def random_table(draw: Any) -> MappingTable:
    paths = draw(st.lists(st.sampled_from(PATHS), unique=True, max_size=7))
    rows = []
    for path in paths:
        many = path.endswith(("].value", "badges"))
        apply = draw(st.sampled_from(list(Apply)))
        text = draw(TEXTS)
        if draw(st.booleans()):
            apply = Apply.only_on_create if text == "Guid()" else apply
            rows.append(expression(path, text, apply=apply))
        else:
            rows.append(Row(path, draw(LISTS if many else SOURCES_ANY), apply=apply))
    return table(*rows)


Model = User[EnterpriseUser | HrUser]


@settings(deadline=None)
@given(random_table(), PLAUSIBLE | ANYTHING, st.booleans())
def test_any_table_is_total_deterministic_and_storable(
    made: MappingTable, attributes: dict[str, Any], creating: bool
) -> None:
    values = {"id": OBJECT_ID, **attributes}
    user = map_user(values, made, creating=creating, context=CONTEXT)
    assert user == map_user(values, made, creating=creating, context=CONTEXT)
    json.dumps(user.document).encode()
    if not user.problems:
        model = Model.model_validate(
            deepcopy(user.document), scim_ctx=Context.RESOURCE_CREATION_REQUEST
        )
        stored = json.loads(json.dumps(model.model_dump(scim_ctx=Context.DEFAULT)))
        assert diff(stored, user.document) == []


@settings(deadline=None)
@given(random_table(), ATTRIBUTES, FOREIGN, ATTRIBUTES)
def test_merging_by_any_table_is_idempotent_and_keeps_the_rest(
    made: MappingTable, first: dict[str, Any], foreign: dict[str, Any], second: dict[str, Any]
) -> None:
    current = stored_user(first, foreign, primary=False)
    before = deepcopy(current)
    user = map_user({"id": OBJECT_ID, **second}, made, context=CONTEXT)
    once = merge(current, user.document, user.coverage)
    assert current == before
    assert diff(once, merge(once, user.document, user.coverage)) == []
    covered = {row.target.attribute for row in made.compiled(ObjectKind.user)}
    for name, stood in current.items():
        if name not in covered | {"userName", "schemas", ENTERPRISE}:
            assert once.get(name) == stood
    for one in current.get("emails", ()):
        if one.get("type", "").lower() not in user.coverage.types.get("emails", ()):
            same = [each for each in once["emails"] if each["value"] == one["value"]]
            assert same


@given(ATTRIBUTES)
def test_merge_does_not_repeat_a_value_beside_an_uncovered_one(attributes: dict[str, Any]) -> None:
    made = table(
        Row('emails[type eq "work"].value', "otherMails", apply=Apply.only_on_create),
    )
    user = map_user(attributes, made, creating=True)
    stored = merge(None, user.document, user.coverage)
    again = merge(stored, user.document, user.coverage)
    assert again == stored
