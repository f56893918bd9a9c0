"""The JSON of a scope: what comes back, every problem told, and nothing ever guessed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_adapter.sync.nesting import NestedGroups, nested_from_json
from azure_adapter.sync.scope import (
    Clause,
    GroupInclusion,
    GroupScope,
    GroupType,
    Inclusion,
    Match,
    Operator,
    Scope,
    ScopeInvalid,
    ScopingFilter,
    UserScope,
)
from scim.provisioning.source import ObjectKind

GUID = "02bd9fd6-8f93-4758-87c3-1fb73740a315"


def problems(value: object) -> dict[str, str]:
    """Return what is wrong, by where."""
    with pytest.raises(ScopeInvalid) as caught:
        Scope.from_json(value)
    assert all(each.message and each.remedy for each in caught.value.problems)
    return {each.where: f"{each.message} {each.remedy}" for each in caught.value.problems}


@pytest.mark.parametrize("nothing", [None, {}, {"users": None}, {"users": {}, "groups": {}}])
def test_the_default_is_everything(nothing: object) -> None:
    scope = Scope.from_json(nothing)
    assert scope == Scope()
    assert scope.unrestricted
    assert scope.fingerprint() == ""
    assert scope.attributes() == scope.attributes(ObjectKind.group) == ()


def test_a_whole_scope() -> None:
    scope = Scope.from_json(
        {
            "users": {
                "groups": [GUID.upper(), GUID],
                "nested": False,
                "rules": [
                    {
                        "name": "Sales",
                        "match": "any",
                        "clauses": [
                            {"attribute": "Department", "operator": "equals", "value": "Sales"},
                            {"attribute": "employeeId", "operator": "Greater_Than", "value": "7"},
                            {
                                "attribute": "employeeOrgData/division",
                                "operator": "in",
                                "value": ["West", "East", "West"],
                                "ignore_case": True,
                            },
                        ],
                    }
                ],
                "guests": "exclude",
                "disabled": "EXCLUDE",
            },
            "groups": {
                "include": "assigned",
                "types": ["security", "dynamic"],
                "ids": [GUID],
                "rules": [{"clauses": [{"attribute": "mail", "operator": "IS NOT NULL"}]}],
            },
        }
    )
    assert scope.users == UserScope(
        groups=(GUID,),
        nested=False,
        rules=(
            ScopingFilter(
                (
                    Clause("department", Operator.equals, "Sales"),
                    Clause("employeeId", Operator.greater_than, 7),
                    Clause("employeeOrgData.division", Operator.in_list, ("West", "East"), True),
                ),
                "Sales",
                Match.any,
            ),
        ),
        guests=Inclusion.exclude,
        disabled=Inclusion.exclude,
    )
    assert scope.groups == GroupScope(
        GroupInclusion.assigned,
        frozenset({GroupType.security, GroupType.dynamic}),
        (ScopingFilter((Clause("mail", Operator.is_not_null),)),),
        frozenset({GUID}),
    )
    assert scope.attributes() == (
        "accountEnabled",
        "department",
        "employeeId",
        "employeeOrgData",
        "userType",
    )
    assert scope.attributes(ObjectKind.group) == (
        "groupTypes",
        "mail",
        "mailEnabled",
        "securityEnabled",
    )


def test_every_problem_is_told_at_once_and_where() -> None:
    told = problems(
        {
            "user": {},
            "users": {
                "groups": ["Sales team"],
                "nested": "yes",
                "guests": "exlude",
                "rules": [
                    {"clauses": []},
                    {"clauses": [{"attribute": "departement", "operator": "EQUALS", "value": "x"}]},
                    {"clauses": [{"attribute": "department", "operator": "LIKE", "value": "x"}]},
                    {"clauses": [{"attribute": "department", "operator": "EQUALS"}]},
                ],
            },
            "groups": {"include": "assigned", "types": ["secure"]},
        }
    )
    assert set(told) == {
        "scope",
        "users.groups[0]",
        "users.nested",
        "users.guests",
        "users.rules[0].clauses",
        "users.rules[1].clauses[0].attribute",
        "users.rules[2].clauses[0].operator",
        "users.rules[3].clauses[0].value",
        "groups.types[0]",
    }
    assert "'user'" in told["scope"]
    assert "Object ID" in told["users.groups[0]"]
    assert "exclude" in told["users.guests"]
    assert "department" in told["users.rules[1].clauses[0].attribute"]
    assert "REGEX MATCH" in told["users.rules[2].clauses[0].operator"]


def clause(attribute: str, operator: str, **more: Any) -> dict[str, Any]:
    one = {"attribute": attribute, "operator": operator, **more}
    return {"users": {"rules": [{"clauses": [one]}]}}


@pytest.mark.parametrize(
    ("value", "where", "word"),
    [
        (clause("accountEnabled", "EQUALS", value="true"), "operator", "IS TRUE"),
        (clause("department", "IS TRUE"), "operator", "EQUALS"),
        (clause("proxyAddresses", "EQUALS", value="x"), "operator", "INCLUDES"),
        (clause("proxyAddresses", "REGEX MATCH", value="x"), "operator", "INCLUDES"),
        (clause("department", "IS NULL", value="x"), "value", "no value"),
        (clause("department", "IN", value="Sales"), "value", "brackets"),
        (clause("department", "IN", value=[]), "value", "at least one"),
        (clause("department", "IN", value=[""]), "value[0]", "IS NULL"),
        (clause("department", "GREATER_THAN", value="many"), "value", "whole number"),
        (clause("department", "GREATER_THAN", value=True), "value", "whole number"),
        (clause("department", "EQUALS", value=7), "value", "quotation marks"),
        (clause("department", "EQUALS", value="x" * 2_000), "value", "1024"),
        (clause("department", "REGEX MATCH", value="a(b"), "value", "character 2"),
        (clause("department", "REGEX MATCH", value="a)b("), "value", "character 2"),
        (clause("department", "REGEX MATCH", value="(?=a)"), "value", "Look-ahead"),
        (clause("manager", "IS NULL"), "attribute", "reference"),
        (clause("id", "EQUALS", value="x"), "attribute", "ids"),
        (clause("department", "EQUALS", value="x", case=True), "", "'case'"),
    ],
)
def test_a_clause_that_could_not_work(value: object, where: str, word: str) -> None:
    told = problems(value)
    place = "users.rules[0].clauses[0]" + (f".{where}" if where else "")
    assert set(told) == {place}
    assert word in told[place]


@pytest.mark.parametrize("value", [[], 7, "all", True])
def test_what_is_no_object(value: object) -> None:
    assert "object" in problems(value)["scope"]


def test_assigned_needs_scoping_groups() -> None:
    assert "users.groups" in problems({"groups": {"include": "assigned"}})["groups.include"]
    scope = Scope.from_json({"users": {"groups": [GUID]}, "groups": {"include": "assigned"}})
    assert scope.groups.include is GroupInclusion.assigned


def test_too_much_is_refused() -> None:
    told = problems({"users": {"groups": [f"g{number}" for number in range(1_001)]}})
    assert "1000" in told["users.groups"]


def test_nested_groups() -> None:
    assert nested_from_json(None) is NestedGroups.kept
    assert nested_from_json("flattened") is NestedGroups.flattened
    for value in ("flat", 7, ["kept"]):
        with pytest.raises(ValueError, match="kept or flattened"):
            nested_from_json(value)


# -- generated ---------------------------------------------------------------------

WORDS = st.text("abcXYZ 019@.", min_size=1, max_size=8)
IDS = st.lists(st.uuids().map(str), max_size=3, unique=True)


@st.composite
def clauses(draw: st.DrawFn, names: tuple[str, ...]) -> Clause:
    operators = {
        Operator.equals: WORDS,
        Operator.not_equals: WORDS,
        Operator.includes: WORDS,
        Operator.in_list: st.lists(WORDS, min_size=1, max_size=3, unique=True).map(tuple),
        Operator.greater_than: st.integers(-(10**17), 10**17),
        Operator.is_null: st.none(),
        Operator.regex_match: st.sampled_from(["a+", "(?i)x|y", r"\d{3}"]),
    }
    operator = draw(st.sampled_from(list(operators)))
    name = draw(st.sampled_from(names))
    return Clause(name, operator, draw(operators[operator]), draw(st.booleans()))


def filters(*names: str) -> st.SearchStrategy[tuple[ScopingFilter, ...]]:
    one = st.builds(
        ScopingFilter,
        st.lists(clauses(names), min_size=1, max_size=3).map(tuple),
        st.text(max_size=10),
        st.sampled_from(Match),
    )
    return st.lists(one, max_size=2).map(tuple)


SCOPES = st.builds(
    Scope,
    st.builds(
        UserScope,
        IDS.filter(bool).map(tuple),
        st.booleans(),
        filters("department", "employeeOrgData.division", "userType"),
        st.sampled_from(Inclusion),
        st.sampled_from(Inclusion),
    ),
    st.builds(
        GroupScope,
        st.sampled_from(GroupInclusion),
        st.frozensets(st.sampled_from(GroupType)),
        filters("displayName", "description"),
        IDS.map(frozenset),
    ),
)


@given(SCOPES)
def test_what_is_written_is_read_again(scope: Scope) -> None:
    again = Scope.from_json(scope.to_json())
    assert again == scope
    assert again.fingerprint() == scope.fingerprint()


@given(SCOPES)
def test_the_fingerprint_tells_decisions_apart_and_nothing_else(scope: Scope) -> None:
    turned = replace(scope.users, groups=scope.users.groups[::-1])
    renamed = replace(turned, rules=tuple(replace(rule, name="other") for rule in turned.rules))
    assert replace(scope, users=renamed).fingerprint() == scope.fingerprint()
    nested = replace(scope.users, nested=not scope.users.nested)
    assert replace(scope, users=nested).fingerprint() != scope.fingerprint()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["users", "groups", "rules", "clauses", "operator", "value", "nested"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_scope_or_has_problems(value: Any) -> None:
    scope = None
    with suppress(ScopeInvalid):
        scope = Scope.from_json(value)
    if scope is None:
        assert problems(value)
    else:
        assert Scope.from_json(scope.to_json()) == scope
