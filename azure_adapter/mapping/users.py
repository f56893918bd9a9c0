"""Maps the attributes of a Graph user to a SCIM user.

Sources: Microsoft Graph: user resource type; RFC 7643 §4.1 and §4.3; the table in ``table``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from azure_adapter.mapping.compiled import CompiledRow, Work
from azure_adapter.mapping.coverage import Coverage
from azure_adapter.mapping.expressions import EvaluationContext
from azure_adapter.mapping.rows import RowKind
from azure_adapter.mapping.table import DEFAULT_TABLE, USER_COVERAGE, MappingTable
from azure_adapter.mapping.targets import USER_SCHEMA
from azure_adapter.mapping.text import LENGTH_LIMIT, MappingProblem
from scim.provisioning.source import MANAGER, ObjectKind

_NO_CONTEXT: Final = EvaluationContext()


@dataclass(frozen=True, slots=True)
class MappedUser:
    """A source user as a SCIM user.

    Attributes:
        document: SCIM JSON with ``schemas``; empty attributes are omitted. ``externalId`` and
            the manager are references and not in it. Without a known ``accountEnabled`` it has
            no ``active``.
        user_name: The userName, or None (then there is a problem, unless the row of userName
            applies only on create and this is none).
        email: The work address, or None.
        manager: Source id of the manager, or None.
        notes: What was stripped, cut or left out.
        problems: Why no SCIM user can be made of it; empty when one can.
        coverage: What this mapping decides about: the table's coverage, without the targets of
            rows that were left out (IgnoreFlowIfNullOrEmpty) or failed.
    """

    document: dict[str, Any]
    user_name: str | None
    email: str | None
    manager: str | None
    notes: tuple[str, ...] = ()
    problems: tuple[MappingProblem, ...] = ()
    coverage: Coverage = USER_COVERAGE


def map_user(
    attributes: Mapping[str, Any],
    table: MappingTable = DEFAULT_TABLE,
    *,
    creating: bool = False,
    context: EvaluationContext = _NO_CONTEXT,
) -> MappedUser:
    """Map the attributes of one user; total and deterministic for any JSON, never raises.

    Args:
        attributes: Graph properties by name. One that is missing, null, empty or of a wrong
            type is omitted from the document.
        table: The mapping.
        creating: The user is new: rows that apply only on create apply.
        context: What expressions depend on beside the attributes.
    """
    work = Work(context)
    document: dict[str, Any] = {"schemas": [USER_SCHEMA]}
    rows = table.compiled(ObjectKind.user, creating=creating)
    left_out = apply_rows(rows, attributes, document, work)
    document["schemas"] += [name for name in document if name.startswith("urn:")]
    if "userName" not in document or len(document["userName"]) > LENGTH_LIMIT:
        _check_user_name(document, rows, left_out, work, creating)
    emails = document.get("emails", ())
    return MappedUser(
        document,
        document.get("userName"),
        next((one["value"] for one in emails if one["type"] == "work"), None),
        work.reading.text(attributes.get(MANAGER), MANAGER),
        tuple(dict.fromkeys(work.reading.notes)),
        tuple(work.problems),
        table.coverage_without(ObjectKind.user, left_out) if left_out else table.coverage,
    )


def apply_rows(
    rows: tuple[CompiledRow, ...],
    attributes: Mapping[str, Any],
    document: dict[str, Any],
    work: Work,
) -> list[CompiledRow]:
    """Put the values of rows into a document; returns the rows whose target is left alone."""
    left_out: list[CompiledRow] = []
    for row in rows:
        items = row.values(attributes, work)
        if items is None:
            left_out.append(row)
            continue
        for item in items:
            row.place(document, item)
    return left_out


def _check_user_name(
    document: dict[str, Any],
    rows: tuple[CompiledRow, ...],
    left_out: list[CompiledRow],
    work: Work,
    creating: bool,
) -> None:
    """Say why a document has no usable userName; an unusable one is taken out of it.

    There is nothing to say when its row does not apply or has failed already, or when it leaves
    the userName of an existing user alone.
    """
    row = next((one for one in rows if one.target.path == "userName"), None)
    name = document.pop("userName", None)
    if row is None or (row in left_out and (work.problems or not creating)):
        return
    work.problems.append(_no_user_name(row) if name is None else _too_long(row, len(name)))


def _source_words(row: CompiledRow) -> str:
    if row.row.kind is RowKind.direct:
        return str(row.row.source)
    return f"value from the expression of userName (row {row.number} of the mapping)"


def _no_user_name(row: CompiledRow) -> MappingProblem:
    words = _source_words(row)
    return MappingProblem(
        "no_user_name",
        f"The user has no {words}, and a user needs a userName.",
        f"Give the user a {words} in Microsoft Entra."
        if row.row.kind is RowKind.direct
        else "Give the user what the expression reads, or change the row.",
    )


def _too_long(row: CompiledRow, length: int) -> MappingProblem:
    words = _source_words(row)
    return MappingProblem(
        "user_name_too_long",
        f"The {words} has {length} characters; at most {LENGTH_LIMIT} are kept.",
        f"Shorten the user's {words} in Microsoft Entra."
        if row.row.kind is RowKind.direct
        else "Shorten what the expression reads, or change the row.",
    )
