"""Maps the attributes of a Graph group to a SCIM group.

Sources: Microsoft Graph: group resource type; RFC 7643 §4.2; the table in ``table``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from azure_adapter.mapping.compiled import CompiledRow, Work
from azure_adapter.mapping.coverage import Coverage
from azure_adapter.mapping.expressions import EvaluationContext
from azure_adapter.mapping.rows import RowKind
from azure_adapter.mapping.table import DEFAULT_TABLE, GROUP_COVERAGE, MappingTable
from azure_adapter.mapping.targets import GROUP_SCHEMA
from azure_adapter.mapping.text import MappingProblem
from azure_adapter.mapping.users import apply_rows
from scim.provisioning.source import ObjectKind

_NO_CONTEXT: Final = EvaluationContext()


@dataclass(frozen=True, slots=True)
class MappedGroup:
    """A source group as a SCIM group.

    Attributes:
        document: SCIM JSON with ``schemas``, without members and ``externalId``.
        display_name: The displayName, or None (then there is a problem, unless its row applies
            only on create and this is none).
        notes: What was stripped or cut.
        problems: Why no SCIM group can be made of it; empty when one can.
        coverage: What this mapping decides about.
    """

    document: dict[str, Any]
    display_name: str | None
    notes: tuple[str, ...] = ()
    problems: tuple[MappingProblem, ...] = ()
    coverage: Coverage = GROUP_COVERAGE


def map_group(
    attributes: Mapping[str, Any],
    table: MappingTable = DEFAULT_TABLE,
    *,
    creating: bool = False,
    context: EvaluationContext = _NO_CONTEXT,
) -> MappedGroup:
    """Map the attributes of one group; total and deterministic for any JSON, never raises.

    Args:
        attributes: Graph properties by name.
        table: The mapping.
        creating: The group is new: rows that apply only on create apply.
        context: What expressions depend on beside the attributes.
    """
    work = Work(context)
    document: dict[str, Any] = {"schemas": [GROUP_SCHEMA]}
    rows = table.compiled(ObjectKind.group, creating=creating)
    left_out = apply_rows(rows, attributes, document, work)
    name = document.get("displayName")
    if name is None and rows and (not left_out or (creating and not work.problems)):
        work.problems.append(_no_display_name(rows[0]))
    return MappedGroup(
        document,
        name,
        tuple(work.reading.notes),
        tuple(work.problems),
        table.coverage_without(ObjectKind.group, left_out) if left_out else table.group_coverage,
    )


def _no_display_name(row: CompiledRow) -> MappingProblem:
    if row.row.kind is RowKind.direct:
        return MappingProblem(
            "no_display_name",
            f"The group has no {row.row.source}, and a group needs a displayName.",
            f"Give the group a {row.row.source} in Microsoft Entra.",
        )
    return MappingProblem(
        "no_display_name",
        "The expression of displayName gives nothing for the group, and a group needs one.",
        "Change what the expression reads in Microsoft Entra, or the row of the mapping.",
    )
