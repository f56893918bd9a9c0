"""Reads the scoping filters of an exported Entra provisioning configuration.

Source: Microsoft Graph: filter, filterGroup, filterClause (synchronization schema): an object
mapping has ``scope: {"groups": [{"name", "clauses": [{"sourceOperandName", "operatorName",
"targetOperand": {"values": []}}]}]}``, groups joined by *or* and clauses by *and*, as ours are.
"""

from collections.abc import Mapping
from typing import Any

from azure_adapter.sync.scope_parsing import rules_from_json
from azure_adapter.sync.scope_problems import Problems, ScopeInvalid
from azure_adapter.sync.scope_values import (
    WITH_LIST,
    WITHOUT_VALUE,
    Operator,
    ScopingFilter,
)
from scim.provisioning.source import ObjectKind

GROUP_SETS = ("groups", "categoryFilterGroups", "inputFilterGroups")
"""The sets of filter groups that Entra's filter has; only the first is a scoping filter."""


def rules_from_entra(scope: object, kind: ObjectKind) -> tuple[ScopingFilter, ...]:
    """Read the ``scope`` of an exported object mapping as scoping filters.

    Args:
        scope: its JSON; ``None`` is no filter.
        kind: whether the mapping is one of users or of groups.

    Raises:
        ScopeInvalid: something in it cannot be taken over; every problem is told.
    """
    problems = Problems()
    given = problems.mapping(scope, GROUP_SETS)
    for name in GROUP_SETS[1:]:
        if given.get(name):
            with problems.at(name):
                problems.add("These filters are not of the scope.", "Take them over by hand.")
    with problems.at("groups"):
        groups = problems.items(given.get("groups"), 1_000)
    if problems.found:
        raise ScopeInvalid(problems.found)
    return rules_from_json([_rule(group) for group in groups], kind)


def _rule(group: Any) -> Any:
    if not isinstance(group, Mapping):
        return group
    clauses = group.get("clauses")
    listed = clauses if isinstance(clauses, list) else []
    return {"name": group.get("name") or "", "clauses": [_clause(clause) for clause in listed]}


def _clause(clause: Any) -> Any:
    """Return a clause in our words; what is wrong with it is found when it is read."""
    if not isinstance(clause, Mapping):
        return clause
    operand = clause.get("targetOperand")
    values = operand.get("values") if isinstance(operand, Mapping) else None
    told = [value for value in values if value is not None] if isinstance(values, list) else []
    operator = str(clause.get("operatorName") or "").replace("_", " ").upper()
    if operator == Operator.equals.value and len(told) > 1:
        operator = Operator.in_list.value
    elif operator == Operator.not_equals.value and len(told) > 1:
        operator = Operator.not_in_list.value
    ours = {"attribute": clause.get("sourceOperandName"), "operator": operator}
    if operator in {one.value for one in WITHOUT_VALUE} or not told:
        return ours
    several = operator in {one.value for one in WITH_LIST} or len(told) > 1
    return {**ours, "value": told if several else told[0]}
