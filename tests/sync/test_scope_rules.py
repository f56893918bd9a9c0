"""Scoping filters: every operator, what is empty, and agreement with a second evaluator."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_adapter.sync.scope import Clause, Match, Operator, ScopingFilter
from azure_adapter.sync.scope_rules import holds, lets_in
from azure_adapter.sync.scope_values import WITHOUT_VALUE
from scim.provisioning.source import ObjectKind

USER, GROUP = ObjectKind.user, ObjectKind.group

CASES: list[tuple[Operator, Any, Any, bool]] = [
    (Operator.equals, "Sales", "Sales", True),
    (Operator.equals, "Sales", "sales", False),
    (Operator.equals, "Sales", "Sales ", False),
    (Operator.not_equals, "Sales", "IT", True),
    (Operator.not_equals, "Sales", "Sales", False),
    (Operator.starts_with, "Sa", "Sales", True),
    (Operator.starts_with, "sa", "Sales", False),
    (Operator.ends_with, "es", "Sales", True),
    (Operator.ends_with, "Sales", "es", False),
    (Operator.includes, "ale", "Sales", True),
    (Operator.includes, "ALE", "Sales", False),
    (Operator.not_includes, "ale", "Sales", False),
    (Operator.not_includes, "x", "Sales", True),
    (Operator.in_list, ("IT", "Sales"), "Sales", True),
    (Operator.in_list, ("IT", "HR"), "Sales", False),
    (Operator.not_in_list, ("IT", "HR"), "Sales", True),
    (Operator.not_in_list, ("IT", "Sales"), "Sales", False),
    (Operator.regex_match, "([1-9][0-9])", "10", True),
    (Operator.regex_match, "([1-9][0-9])", "99", True),
    (Operator.regex_match, "([1-9][0-9])", "100", False),
    (Operator.regex_match, "([1-9][0-9])", "9", False),
    (Operator.regex_match, "Sales|IT", "Sales Dept", False),
    (Operator.regex_match, "(?i)sales|it", "IT", True),
    (Operator.regex_match, "^Sal.*$", "Sales", True),
    (Operator.regex_match, "(a|a)*b", "a" * 60, False),
    (Operator.not_regex_match, "(a*)*b", "a" * 60, True),
    (Operator.not_regex_match, "Sales|IT", "Sales Dept", True),
    (Operator.not_regex_match, "Sales", "Sales", False),
    (Operator.greater_than, 1_000_000, "1000001", True),
    (Operator.greater_than, 1_000_000, "1000000", False),
    (Operator.greater_than, -5, "-4", True),
    (Operator.greater_than, 5, "12 apples", False),
    (Operator.greater_than, 5, "6.5", False),
    (Operator.greater_than_or_equals, 1_000_000, "1000000", True),
    (Operator.greater_than_or_equals, 1_000_000, "999999", False),
    (Operator.is_not_null, None, "Sales", True),
    (Operator.is_null, None, "Sales", False),
]


@pytest.mark.parametrize(("operator", "wanted", "value", "expected"), CASES)
def test_what_a_clause_says_of_a_text(
    operator: Operator, wanted: Any, value: str, expected: bool
) -> None:
    assert holds(Clause("department", operator, wanted), {"department": value}) is expected


@pytest.mark.parametrize("domain", ["domain.com", "Domain.com"])
def test_entras_own_example_of_a_domain(domain: str) -> None:
    clause = Clause("userPrincipalName", Operator.regex_match, r".*\@domain.com")
    expected = domain == "domain.com"
    assert holds(clause, {"userPrincipalName": f"ann@{domain}"}) is expected
    assert not holds(clause, {"userPrincipalName": f"ann@{domain}.evil.example"})


@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("empty", [{}, {"department": None}, {"department": ""}])
def test_an_empty_attribute_is_false_but_for_is_null(operator: Operator, empty: Any) -> None:
    value = {"IN": ("x",), "NOT IN": ("x",), "GREATER_THAN": 1}.get(operator.value, "x")
    clause = Clause("department", operator, None if operator in WITHOUT_VALUE else value)
    assert holds(clause, empty) is (operator is Operator.is_null)


@pytest.mark.parametrize(
    ("value", "is_true", "is_false"),
    [(True, True, False), (False, False, True), (None, False, False), ("true", False, False)],
)
def test_flags(value: Any, is_true: bool, is_false: bool) -> None:
    attributes = {"accountEnabled": value}
    assert holds(Clause("accountEnabled", Operator.is_true), attributes) is is_true
    assert holds(Clause("accountEnabled", Operator.is_false), attributes) is is_false


def test_an_attribute_with_many_values_includes_whole_ones() -> None:
    attributes = {"proxyAddresses": ["SMTP:ann@x.com", "smtp:a@y.com"]}

    def holds_for(operator: Operator, value: str | None = None) -> bool:
        return holds(Clause("proxyAddresses", operator, value), attributes)

    assert holds_for(Operator.includes, "SMTP:ann@x.com")
    assert not holds_for(Operator.includes, "ann")
    assert holds_for(Operator.not_includes, "ann")
    assert not holds_for(Operator.equals, "SMTP:ann@x.com")
    assert holds_for(Operator.is_not_null)
    assert holds(Clause("proxyAddresses", Operator.is_null), {"proxyAddresses": []})


def test_members_of_complex_attributes_and_entras_names() -> None:
    attributes = {
        "employeeOrgData": {"division": "West"},
        "onPremisesExtensionAttributes": {"extensionAttribute3": "vip"},
        "mobilePhone": "+420",
    }
    west = Clause("employeeOrgData.division", Operator.equals, "West")
    assert holds(west, attributes)
    assert not holds(west, {"employeeOrgData": None})
    assert holds(Clause("extensionAttribute3", Operator.equals, "vip"), attributes)
    assert holds(Clause("mobile", Operator.is_not_null), attributes)
    deleted = Clause("IsSoftDeleted", Operator.is_true)
    assert holds(deleted, {"accountEnabled": False})
    assert not holds(deleted, {"accountEnabled": True})


def test_a_users_name_is_compared_as_azure_has_it() -> None:
    upn = "ann_partner.com#EXT#@contoso.com"
    clause = Clause("userPrincipalName", Operator.includes, "#EXT#")
    assert holds(clause, {"userPrincipalName": upn})


def test_case_is_ignored_where_the_clause_says_so() -> None:
    for operator, value in (
        (Operator.equals, "SALES"),
        (Operator.starts_with, "sA"),
        (Operator.includes, "ALE"),
        (Operator.in_list, ("it", "SALES")),
        (Operator.regex_match, "s.*S"),
    ):
        assert holds(
            Clause("department", operator, value, ignore_case=True), {"department": "Sales"}
        )
    other = Clause("department", Operator.not_equals, "SALES", ignore_case=True)
    assert not holds(other, {"department": "Sales"})


def test_clauses_are_joined_as_the_filter_says_and_filters_by_or() -> None:
    sales = Clause("department", Operator.equals, "Sales")
    prague = Clause("city", Operator.equals, "Prague")
    both = ScopingFilter((sales, prague))
    either = ScopingFilter((sales, prague), match=Match.any)
    ann = {"department": "Sales", "city": "Brno"}
    assert not lets_in((both,), ann, USER)
    assert lets_in((either,), ann, USER)
    assert lets_in((both, ScopingFilter((sales,))), ann, USER)
    assert lets_in((), {}, USER)


# -- a second evaluator ------------------------------------------------------------

TEXTS = st.sampled_from(["", "a", "A", "ab", "Sales", "sales", "10", "-3", "1000", "Straße", "İ"])
VALUES = st.one_of(st.none(), TEXTS, st.booleans(), st.lists(TEXTS, max_size=3), st.integers(-9, 9))
PATTERNS = st.sampled_from(["a|b", "(a+)+", "[0-9]{1,4}", ".*s", "A?a*", "sales", ".+"])


@st.composite
def clauses(draw: st.DrawFn) -> Clause:
    operator = draw(st.sampled_from(list(Operator)))
    value: Any = draw(TEXTS.filter(bool))
    if operator in (Operator.greater_than, Operator.greater_than_or_equals):
        value = draw(st.integers(-1000, 1000))
    elif operator in (Operator.in_list, Operator.not_in_list):
        value = tuple(draw(st.lists(TEXTS.filter(bool), min_size=1, max_size=3)))
    elif operator in (Operator.regex_match, Operator.not_regex_match):
        value = draw(PATTERNS)
    elif operator in WITHOUT_VALUE:
        value = None
    return Clause("department", operator, value)


def reference(clause: Clause, value: Any) -> bool:
    """The same semantics once more, as an administrator would tell them."""
    operator, wanted = clause.operator, clause.value
    empty = value in (None, "", [])
    if operator is Operator.is_null:
        return empty
    if empty:
        return False
    if operator is Operator.is_not_null:
        return True
    if operator in (Operator.is_true, Operator.is_false):
        return value is (operator is Operator.is_true)
    if isinstance(value, list):
        if operator is Operator.includes:
            return wanted in value
        return operator is Operator.not_includes and wanted not in value
    if operator in (Operator.greater_than, Operator.greater_than_or_equals):
        assert isinstance(wanted, int)
        if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
            return False
        strictly = operator is Operator.greater_than
        return int(value) > wanted if strictly else int(value) >= wanted
    text = str(value)
    positive = {
        Operator.equals: lambda: text == wanted,
        Operator.starts_with: lambda: text.startswith(str(wanted)),
        Operator.ends_with: lambda: text.endswith(str(wanted)),
        Operator.includes: lambda: str(wanted) in text,
        Operator.in_list: lambda: isinstance(wanted, tuple) and text in wanted,
        Operator.regex_match: lambda: re.fullmatch(str(wanted), text) is not None,
    }
    if operator in positive:
        return positive[operator]()
    opposite = {
        Operator.not_equals: Operator.equals,
        Operator.not_includes: Operator.includes,
        Operator.not_in_list: Operator.in_list,
        Operator.not_regex_match: Operator.regex_match,
    }
    return not positive[opposite[operator]]()


@given(clauses(), VALUES)
def test_both_evaluators_agree(clause: Clause, value: Any) -> None:
    assert holds(clause, {"department": value}) is reference(clause, value)


@given(clauses(), st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_clause_is_total(clause: Clause, value: Any) -> None:
    assert holds(clause, {"department": value}) in (True, False)
