"""The mapping table as data: its stored form, everything that may be wrong, what it reads."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scim2_models import URN, Extension

from azure_adapter.mapping import (
    DEFAULT_TABLE,
    ENTERPRISE,
    Apply,
    MappingTable,
    MappingTableError,
    Row,
    RowKind,
    TableProblem,
    check_rows,
    extension_targets,
    graph_properties,
    table_from_json,
    table_to_json,
    target_paths,
)
from azure_adapter.mapping.sources import SOURCES
from azure_adapter.mapping.targets import extension_target
from azure_adapter.simulator.properties import KNOWN
from scim.ezto import EZTO_USER_URN
from scim.provisioning.source import ObjectKind

HR = "urn:example:params:scim:schemas:extension:hr:2.0:User"


class HrUser(Extension):
    __schema__ = URN(HR)

    cost_code: str | None = None
    badges: list[str] | None = None
    grade: int | None = None
    share: float | None = None
    remote: bool | None = None


HR_TARGETS = extension_targets(HrUser)
USER_NAME = Row("userName", "userPrincipalName")
GROUP_NAME = Row("displayName", "displayName")


def table(*rows: Row, extensions: tuple[Any, ...] = HR_TARGETS) -> MappingTable:
    """A table whose users have these rows beside a userName."""
    return MappingTable((USER_NAME, *rows), (GROUP_NAME,), extensions)


def problems(*rows: Row) -> list[TableProblem]:
    return check_rows((USER_NAME, *rows), (GROUP_NAME,), HR_TARGETS)


def expression(target: str, text: str, **more: Any) -> Row:
    return Row(target, text, RowKind.expression, **more)


def constant(target: str, value: Any, **more: Any) -> Row:
    return Row(target, value, RowKind.constant, **more)


# -- the stored form ------------------------------------------------------------------------------

ROWS = st.sampled_from(
    [
        Row("title", "jobTitle", default="None"),
        Row("nickName", "mailNickname", apply=Apply.only_on_create),
        expression("timezone", 'Switch([state], "UTC", "WA", "America/Los_Angeles")'),
        expression("locale", "Guid()", apply=Apply.only_on_create),
        constant(f"{HR}:remote", True),
        constant(f"{HR}:grade", 7, default="3"),
        constant(f"{HR}:share", 0.5),
        Row(f"{HR}:badges", "otherMails"),
        Row('emails[type eq "home"].value', "otherMails", primary=True),
        Row('emails[type eq "home"].value', "imAddresses"),
        Row('addresses[type eq "home"].locality', "city"),
    ]
)


@given(st.lists(ROWS, unique=True, max_size=8))
def test_the_stored_form_is_read_back(rows: list[Row]) -> None:
    made = table(*rows)
    stored = json.loads(json.dumps(table_to_json(made)))
    read = table_from_json(stored, HR_TARGETS)
    assert read == made
    assert read.fingerprint() == made.fingerprint()
    assert table_to_json(read) == stored


def test_the_default_table_in_its_stored_form() -> None:
    stored = table_to_json(DEFAULT_TABLE)
    assert stored["users"][0] == {
        "target": "userName",
        "kind": "direct",
        "source": "userPrincipalName",
    }
    assert stored["groups"] == [
        {"target": "displayName", "kind": "direct", "source": "displayName"}
    ]
    assert {"target": 'emails[type eq "work"].value', "kind": "direct", "source": "mail"} | {
        "primary": True
    } in stored["users"]
    assert table_from_json(stored) == DEFAULT_TABLE
    assert DEFAULT_TABLE.warnings == ()


def stored(*rows: Any, **more: Any) -> dict[str, Any]:
    value = table_to_json(DEFAULT_TABLE)
    return {**value, "users": [value["users"][0], *rows], **more}


FORM = [
    (None, None, "an object with the lists users and groups"),
    ([], None, "an object with the lists users and groups"),
    ({"users": []}, None, "an object with the lists users and groups"),
    ({**stored(), "version": 1}, None, "and nothing else"),
    (stored(groups={}), None, "The rows of groups are a list"),
    (stored("userName"), 2, "A row is an object."),
    (stored({"target": "title"}), 2, "The row has no source."),
    (stored({"source": "title"}), 2, "The row has no target."),
    (stored({"target": 1, "source": "jobTitle"}), 2, "The target is a text"),
    (stored({"target": "title", "source": 1}), 2, "The source is the name of an attribute"),
    (stored({"target": "title", "source": "jobTitle", "kind": "x"}), 2, "direct, constant, expr"),
    (stored({"target": "title", "source": "jobTitle", "apply": 1}), 2, "always, only_on_create"),
    (stored({"target": "title", "source": "jobTitle", "primary": 1}), 2, "true or false"),
    (stored({"target": "title", "source": "jobTitle", "default": []}), 2, "The default is a text"),
    (stored({"target": "title", "source": "jobTitle", "aply": "x"}), 2, "Did you mean apply?"),
    (stored({"target": "title", "source": {}, "kind": "constant"}), 2, "that of a constant"),
    (stored({"target": "title", "source": "x" * 1001, "kind": "constant"}), 2, "at most 1000"),
]


@pytest.mark.parametrize(("value", "row", "message"), FORM)
def test_the_form_is_strict(value: Any, row: int | None, message: str) -> None:
    with pytest.raises(MappingTableError) as caught:
        table_from_json(value)
    first = caught.value.problems[0]
    assert (first.code, first.row) == ("form", row)
    assert message in first.message


def test_every_problem_is_listed_with_its_row() -> None:
    value = stored(
        {"target": "titel", "source": "jobTitle"},
        {"target": "title"},
        {"target": "title", "source": "Left([jobTitle]", "kind": "expression"},
        groups=[{"target": "displayName", "source": "name"}],
    )
    with pytest.raises(MappingTableError) as caught:
        table_from_json(value)
    found = [(one.kind, one.row, one.code) for one in caught.value.problems]
    assert found == [
        (ObjectKind.user, 2, "unknown_target"),
        (ObjectKind.user, 3, "form"),
        (ObjectKind.user, 4, "expression"),
        (ObjectKind.group, 1, "unknown_source"),
    ]
    text = str(caught.value)
    assert "user row 2: There is no attribute 'titel'" in text
    assert "Did you mean title?" in text
    assert "Change the expression at line 1, character 16." in text
    assert all(one.advice for one in caught.value.problems)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["users", "groups", "target", "source", "kind", "default", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(ANY_JSON | st.fixed_dictionaries({"users": st.lists(ANY_JSON), "groups": ANY_JSON}))
def test_any_json_is_a_table_or_refused(value: Any) -> None:
    with pytest.raises(MappingTableError) as caught:
        table_from_json(value)
    assert all(one.message and one.advice for one in caught.value.problems)


# -- what may be wrong ----------------------------------------------------------------------------

WRONG = [
    (Row("titel", "jobTitle"), "unknown_target", "Did you mean title?"),
    (Row("name", "displayName"), "unknown_target", "There is no attribute 'name'"),
    (Row("emails", "mail"), "unknown_target", 'as in emails[type eq "work"].value.'),
    (Row('emails[primary eq "true"].value', "mail"), "unknown_target", "emails[type eq"),
    (Row('roles[primary eq "True"].value', "jobTitle"), "unknown_target", "There is no"),
    (Row("x509Certificates", "mail"), "unknown_target", "There is no"),
    (Row(f"{HR}:nosuch", "mail"), "unknown_target", "There is no"),
    (Row("urn:other:1.0:User:x", "mail"), "unknown_target", "extension file first"),
    (Row("id", "id"), "read_only_target", "assigned by the user store"),
    (Row("meta.created", "createdDateTime"), "read_only_target", "kept by the user store"),
    (Row("schemas", "mail"), "read_only_target", "follows from what is mapped"),
    (Row("groups", "mail"), "read_only_target", "by the user sync itself"),
    (Row('groups[value eq "1"].display', "mail"), "read_only_target", "by the user sync"),
    (Row("externalId", "mailNickname"), "read_only_target", "to the object's id"),
    (Row("password", "mail"), "read_only_target", "never synchronised"),
    (Row(f"{ENTERPRISE}:manager", "mail"), "read_only_target", "The manager is set by"),
    (Row(f"{ENTERPRISE}:manager.value", "mail"), "read_only_target", "The manager is set by"),
    (Row(f"{EZTO_USER_URN}:emailVerified", "mail"), "read_only_target", "kept by ezto auth"),
    (Row("title", "jobTitel"), "unknown_source", "Did you mean jobTitle?"),
    (Row("title", "manager"), "unknown_source", "is a reference"),
    (Row("title", "otherMails"), "several_values", "title takes one value, and [otherMails]"),
    (expression("title", 'Split([mail], "@")'), "several_values", "and the expression may"),
    (Row("active", "mail"), "type", "active takes True or False, and mail is a text"),
    (constant("active", "maybe"), "constant", "neither True nor False"),
    (constant("active", 1), "constant", "neither True nor False"),
    (constant("title", "  "), "constant", "The constant is empty"),
    (constant("userName", "admin"), "constant", "Every user would have the same userName"),
    (constant(f"{HR}:grade", "high"), "constant", "it is no whole number"),
    (constant("profileUrl", "no url"), "constant", "it is no URL"),
    (constant('emails[type eq "home"].value', "nobody"), "constant", "valid e-mail address"),
    (Row("active", "accountEnabled", default="perhaps"), "default", "neither True nor False"),
    (Row(f"{HR}:grade", "employeeId", default="high"), "default", "it is no whole number"),
    (expression("title", "Left([jobTitle])"), "expression", "Left was given 1 argument"),
    (expression("title", "Guid()"), "only_on_create", "Guid gives another value each time"),
    (expression("title", "CStr(Now())"), "only_on_create", "Now gives another value"),
    (
        expression("title", 'SelectUniqueValue("a", "b")', apply=Apply.only_on_create),
        "not_searchable",
        "cannot be used for title",
    ),
    (Row("title", "jobTitle", primary=True), "not_multi_valued", "title cannot be primary"),
    (Row("username", "mail"), "duplicate_target", "userName is fed by row 1 already"),
]


@pytest.mark.parametrize(("row", "code", "message"), WRONG, ids=[one[0].target for one in WRONG])
def test_what_is_wrong_with_a_row(row: Row, code: str, message: str) -> None:
    [problem] = problems(row)
    assert (problem.row, problem.code) == (2, code)
    assert message in problem.message
    assert problem.advice.endswith(".")
    with pytest.raises(MappingTableError):
        table(row)


def test_what_is_wrong_with_a_table() -> None:
    missing = check_rows((Row("title", "jobTitle"),), ())
    assert [(one.kind, one.row, one.code) for one in missing] == [
        (ObjectKind.user, None, "missing_target"),
        (ObjectKind.group, None, "missing_target"),
    ]
    twice = problems(Row("title", "jobTitle"), Row("TITLE", "department"))
    assert [(one.row, one.code) for one in twice] == [(3, "duplicate_target")]
    primaries = problems(
        Row('emails[type eq "work"].value', "mail", primary=True),
        Row('emails[type eq "home"].value', "otherMails", primary=True),
    )
    assert [(one.row, one.code) for one in primaries] == [(3, "two_primaries")]
    added = problems(*[Row('emails[type eq "home"].value', "mail")] * 2)
    assert added == []
    many = problems(*[Row('emails[type eq "home"].value', "mail")] * 300)
    assert [(one.row, one.code) for one in many] == [(None, "too_many_rows")]
    group = check_rows((USER_NAME,), (constant("displayName", "All"),))
    assert [one.code for one in group] == ["constant"]


def test_an_expression_s_problem_says_where() -> None:
    [problem] = problems(expression("title", 'Join(" ",\n  Lft([jobTitle], 1))'))
    assert (problem.line, problem.column) == (2, 3)
    assert problem.shown.split("\n")[1] == "  ^"


def test_warnings() -> None:
    assert "stays enabled here" in table().warnings[0]
    assert "no invitation" in table().warnings[1]
    mail = Row('emails[type eq "work"].value', "mail")
    active = Row("active", "accountEnabled")
    assert table(active, mail).warnings == ("No e-mail address is the primary one.",)
    assert table(active, replace(mail, primary=True)).warnings == ()
    late = replace(active, apply=Apply.only_on_create)
    assert len(table(late, replace(mail, primary=True)).warnings) == 1


# -- targets and sources --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("USERNAME", "userName"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:name.givenname", "name.givenName"),
        ('EMAILS[TYPE EQ "WORK"].VALUE', 'emails[type eq "work"].value'),
        ('phoneNumbers[ type  eq "Mobile" ].value', 'phoneNumbers[type eq "mobile"].value'),
        ('roles[type eq "Admin"].value', 'roles[type eq "Admin"].value'),
        (f"{ENTERPRISE.upper()}:DEPARTMENT", f"{ENTERPRISE}:department"),
        (f"{HR}:COSTCODE", f"{HR}:costCode"),
    ],
)
def test_paths_are_compared_without_case(written: str, path: str) -> None:
    rows = () if path == "userName" else (USER_NAME,)
    made = MappingTable((*rows, Row(written, "mail")), (GROUP_NAME,), HR_TARGETS)
    assert made.compiled(ObjectKind.user)[-1].target.path == path


def test_every_path_that_is_offered_can_be_mapped() -> None:
    text = "mail"
    for path in target_paths(ObjectKind.user, HR_TARGETS):
        if path in ("userName",):
            continue
        source = "accountEnabled" if path in ("active", f"{HR}:remote") else text
        assert problems(Row(path, source)) == [], path
    assert target_paths(ObjectKind.group) == ("displayName",)


def test_custom_extensions() -> None:
    assert {(one.path, one.type.value, one.many) for one in HR_TARGETS} == {
        (f"{HR}:costCode", "string", False),
        (f"{HR}:badges", "string", True),
        (f"{HR}:grade", "integer", False),
        (f"{HR}:share", "decimal", False),
        (f"{HR}:remote", "boolean", False),
    }
    by_path = table(Row(f"{HR}:costCode", "mail"), extensions=(f"{HR}:costCode",))
    assert by_path.coverage.subs[HR] == {"costCode"}
    for wrong in ("costCode", f"{ENTERPRISE}:x", f"{EZTO_USER_URN}:x", f"{HR}:a.b", "urn:x"):
        with pytest.raises(ValueError, match=r"no path|no attribute"):
            extension_target(wrong)


def test_what_is_selected() -> None:
    assert graph_properties() == (
        *graph_properties(DEFAULT_TABLE, ObjectKind.user)[:-1],
        "userType",
    )
    least = ("userPrincipalName", "manager", "accountEnabled", "displayName", "mail", "userType")
    assert graph_properties(table()) == least
    made = table(
        Row("title", "extensionAttribute3"),
        Row("nickName", "onPremisesExtensionAttributes.extensionAttribute1"),
        Row(f"{HR}:costCode", "employeeOrgData/costCenter"),
        Row("locale", "extension_0123456789abcdef0123456789abcdef_locale"),
        expression("timezone", 'Join("", [objectId], [telephoneNumber], [mobile])'),
        expression("userType", "IIF([IsSoftDeleted], [createdDateTime], [employeeHireDate])"),
        constant("preferredLanguage", "de"),
    )
    assert graph_properties(made) == (
        "userPrincipalName",
        "onPremisesExtensionAttributes",
        "employeeOrgData",
        "extension_0123456789abcdef0123456789abcdef_locale",
        "businessPhones",
        "mobilePhone",
        "accountEnabled",
        "createdDateTime",
        "employeeHireDate",
        "manager",
        "displayName",
        "mail",
        "userType",
    )
    assert graph_properties(made, ObjectKind.group)[:2] == ("displayName", "members")
    assert "visibility" in graph_properties(made, ObjectKind.group)
    assert made.reads_id
    assert not table().reads_id
    assert table(expression("title", "Guid()", apply=Apply.only_on_create)).reads_id


@pytest.mark.parametrize("kind", [ObjectKind.user, ObjectKind.group])
def test_every_source_is_a_property_of_graph(kind: ObjectKind) -> None:
    selected = {one.select for one in SOURCES[kind].values()} - {""}
    unknown = selected - KNOWN[kind.value]
    assert unknown <= {"onPremisesSecurityIdentifier"}, "the simulator does not know it"


# -- fingerprint, coverage ------------------------------------------------------------------------


def test_the_fingerprint_follows_all_that_decides() -> None:
    row = Row("title", "jobTitle")
    others = [
        Row("title", "department"),
        Row("nickName", "jobTitle"),
        replace(row, default="x"),
        replace(row, apply=Apply.only_on_create),
        expression("title", "[jobTitle]"),
        constant("title", "jobTitle"),
    ]
    prints = {table(one).fingerprint() for one in [row, *others]}
    assert len(prints) == 1 + len(others)
    assert table(row).fingerprint() == table(row).fingerprint()
    assert table(row).fingerprint() != table(row, extensions=()).fingerprint()
    assert table().fingerprint() != DEFAULT_TABLE.fingerprint()


def test_coverage_follows_the_table() -> None:
    made = table(
        Row("title", "jobTitle"),
        Row("active", "accountEnabled"),
        Row("nickName", "mailNickname", apply=Apply.only_on_create),
        Row("name.givenName", "givenName"),
        Row('emails[type eq "work"].value', "mail"),
        Row('phoneNumbers[type eq "fax"].value', "faxNumber", apply=Apply.only_on_create),
        Row('addresses[type eq "work"].locality', "city"),
        Row('addresses[type eq "work"].region', "state", apply=Apply.only_on_create),
        Row(f"{HR}:costCode", "mail"),
    )
    coverage = made.coverage
    assert coverage.kept == {"userName", "active"}
    assert coverage.simple == {"title"}
    assert coverage.subs == {ENTERPRISE: {"manager"}, "name": {"givenName"}, HR: {"costCode"}}
    assert coverage.types == {"emails": {"work"}, "phoneNumbers": set(), "addresses": {"work"}}
    assert coverage.parts == {"phoneNumbers": {}, "addresses": {"work": {"locality"}}}
    assert coverage.defaults == {"active": True}
    assert made.creates_differently
    assert not DEFAULT_TABLE.creates_differently
    assert table().coverage.kept == {"userName"}


def test_what_must_not_be_shown() -> None:
    made = table(
        expression("title", "Redact([jobTitle])"),
        expression('emails[type eq "work"].value', "Append(Redact([mailNickname]), [mail])"),
        expression(f"{ENTERPRISE}:department", "IIF(True, Redact([department]), [city])"),
        expression("name.givenName", "[givenName]"),
    )
    assert made.redacted == {"title", "emails", f"{ENTERPRISE}:department"}
    assert DEFAULT_TABLE.redacted == frozenset()


def test_a_table_is_a_value() -> None:
    assert table(Row("title", "jobTitle")) == table(Row("title", "jobTitle"))
    assert hash(table()) == hash(table())
    assert deepcopy(table_to_json(table())) == table_to_json(table())
