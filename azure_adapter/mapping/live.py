"""What a mapping table does with one real object, row by row: the live test.

``test_mapping`` is what an administrator calls a test; a pytest module imports this module, not
the name, which pytest would take for a test of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from azure_adapter.mapping.compiled import CompiledRow, Work
from azure_adapter.mapping.expressions import EvaluationContext, ExpressionError, Ignored
from azure_adapter.mapping.rows import Row
from azure_adapter.mapping.table import MappingTable
from scim.provisioning.source import ObjectKind

REDACTED: Final = "[Redact]"
"""What is shown instead of a value that must not be shown (Entra: Redact)."""


class Outcome(StrEnum):
    """What became of a row."""

    value = "value"
    """It gave a value."""
    default = "default"
    """The source was empty: the default."""
    empty = "empty"
    """It gave nothing: the attribute is removed."""
    ignored = "ignored"
    """The attribute is left alone (IgnoreFlowIfNullOrEmpty)."""
    not_applied = "not_applied"
    """It applies only on create."""
    failed = "failed"
    """It has no value for this object: an error on the object."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What a row does with an object.

    Attributes:
        number: Number of the row, from 1.
        row: The row.
        outcome: What became of it.
        sources: The source attributes that it reads, by name, as they are in the object.
        result: Value for the target: one, a list of them, or None; ``[Redact]`` when it must not
            be shown.
        notes: What was stripped, cut or left out.
        error: Why it failed, in a sentence; empty when it did not.
        shown: The expression with a caret under the character that is to blame.
    """

    number: int
    row: Row
    outcome: Outcome
    sources: Mapping[str, Any]
    result: Any = None
    notes: tuple[str, ...] = ()
    error: str = ""
    shown: str = ""


def test_mapping(
    table: MappingTable,
    attributes: Mapping[str, Any],
    *,
    kind: ObjectKind = ObjectKind.user,  # noqa: PT028
    creating: bool = True,  # noqa: PT028
    context: EvaluationContext | None = None,  # noqa: PT028
) -> tuple[RowResult, ...]:
    """Show what each row of a table does with one object; never raises.

    Args:
        table: The mapping.
        attributes: The object's properties as Graph gives them, ``id`` included.
        kind: What the object is.
        creating: Show rows that apply only on create too.
        context: What expressions depend on beside the attributes.
    """
    work_context = context or EvaluationContext()
    return tuple(_result(one, attributes, work_context, creating) for one in table.compiled(kind))


def _result(
    one: CompiledRow, attributes: Mapping[str, Any], context: EvaluationContext, creating: bool
) -> RowResult:
    hidden = one.expression is not None and one.expression.redacted
    sources = {
        source.name: REDACTED if hidden else source.value(attributes) for source in one.sources
    }
    if not creating and not one.always:
        return RowResult(one.number, one.row, Outcome.not_applied, sources)
    work = Work(context)
    items = one.values(attributes, work)
    if items is None:
        return _left_alone(one, attributes, work, sources)
    outcome = _outcome(one, attributes, context, bool(items))
    shown: Any = REDACTED if hidden and items else _shown(one, items)
    notes = () if hidden else tuple(work.reading.notes)
    return RowResult(one.number, one.row, outcome, sources, shown, notes)


def _left_alone(
    one: CompiledRow, attributes: Mapping[str, Any], work: Work, sources: Mapping[str, Any]
) -> RowResult:
    if not work.problems:
        return RowResult(one.number, one.row, Outcome.ignored, sources)
    shown = ""
    try:
        if one.expression is not None and not one.expression.redacted:
            one.expression.evaluate(attributes, work.context, one.target.path)
    except ExpressionError as error:
        shown = error.render()
    message = work.problems[0].message
    return RowResult(one.number, one.row, Outcome.failed, sources, error=message, shown=shown)


def _outcome(
    one: CompiledRow, attributes: Mapping[str, Any], context: EvaluationContext, has_items: bool
) -> Outcome:
    if not has_items:
        return Outcome.empty
    if one.row.default is None:
        return Outcome.value
    if one.expression is not None:
        value = one.expression.evaluate(attributes, context, one.target.path)
        is_empty = not isinstance(value, Ignored) and value in (None, "", ())
    else:
        is_empty = all(source.value(attributes) in (None, "", []) for source in one.sources)
    return Outcome.default if is_empty and one.sources else Outcome.value


def _shown(one: CompiledRow, items: Any) -> Any:
    values = list(items)
    if one.target.many:
        return values or None
    return values[0] if values else None
