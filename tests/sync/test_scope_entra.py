"""Scoping filters of an exported Entra configuration."""

from __future__ import annotations

from typing import Any

import pytest

from azure_adapter.sync.scope import (
    Clause,
    Operator,
    ScopeInvalid,
    ScopingFilter,
    rules_from_entra,
)
from scim.provisioning.source import ObjectKind


def clause(name: str, operator: str, *values: Any) -> dict[str, Any]:
    return {
        "sourceOperandName": name,
        "operatorName": operator,
        "targetOperand": {"values": list(values)},
    }


def exported(*clauses: dict[str, Any]) -> dict[str, Any]:
    return {
        "groups": [{"name": "Sales", "clauses": list(clauses)}],
        "categoryFilterGroups": [],
        "inputFilterGroups": [],
    }


def test_an_exported_filter() -> None:
    told = exported(
        clause("department", "EQUALS", "Sales"),
        clause("country", "EQUALS", "Germany", "France"),
        clause("IsSoftDeleted", "IS FALSE"),
        clause("employeeId", "Greater_Than", "1000000"),
        clause("mobile", "IS NOT NULL"),
        clause("userPrincipalName", "REGEX MATCH", r".*\@contoso\.com"),
    )
    assert rules_from_entra(told, ObjectKind.user) == (
        ScopingFilter(
            (
                Clause("department", Operator.equals, "Sales"),
                Clause("country", Operator.in_list, ("Germany", "France")),
                Clause("IsSoftDeleted", Operator.is_false),
                Clause("employeeId", Operator.greater_than, 1_000_000),
                Clause("mobile", Operator.is_not_null),
                Clause("userPrincipalName", Operator.regex_match, r".*\@contoso\.com"),
            ),
            "Sales",
        ),
    )


@pytest.mark.parametrize("nothing", [None, {}, {"groups": []}, {"groups": None}])
def test_no_filter(nothing: object) -> None:
    assert rules_from_entra(nothing, ObjectKind.user) == ()


@pytest.mark.parametrize(
    ("told", "where"),
    [
        (exported(clause("department", "&", "x")), "rules[0].clauses[0].operator"),
        (exported(clause("appRoleAssignments", "EQUALS", "x")), "rules[0].clauses[0].attribute"),
        (exported(clause("department", "EQUALS")), "rules[0].clauses[0].value"),
        (exported(), "rules[0].clauses"),
        ({"groups": ["x"]}, "rules[0]"),
        ({"groups": "x"}, "groups"),
        ({"inputFilterGroups": [{}]}, "inputFilterGroups"),
        ({"scope": []}, "scope"),
    ],
)
def test_what_cannot_be_taken_over_is_told(told: object, where: str) -> None:
    with pytest.raises(ScopeInvalid) as caught:
        rules_from_entra(told, ObjectKind.user)
    assert where in {problem.where for problem in caught.value.problems}
