"""Mapping rows, checked and compiled once: how each is read, and where its values go."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from azure_adapter.mapping.expressions import (
    EvaluationContext,
    Expression,
    ExpressionError,
    Failure,
    Ignored,
    compile_expression,
)
from azure_adapter.mapping.items import (
    MANY_TYPES,
    Items,
    constant_items,
    direct_reader,
    expression_items,
)
from azure_adapter.mapping.placing import Place, placer
from azure_adapter.mapping.rows import (
    Apply,
    Row,
    RowKind,
    TableProblem,
    expression_problem,
)
from azure_adapter.mapping.sources import Source, SourceType, find_source
from azure_adapter.mapping.targets import Target, TargetError, TargetType, find_target
from azure_adapter.mapping.text import MappingProblem, Reading
from scim.provisioning.source import ObjectKind

UNIQUE_TARGETS: Final = ("userName", 'emails[type eq "work"].value')
"""What SelectUniqueValue may feed: attributes in which the user store can be searched."""


@dataclass(slots=True)
class Work:
    """The mapping of one object.

    Attributes:
        context: The clock, chance, and what is taken.
        reading: Reads values and notes what it changed.
        problems: Rows that failed.
    """

    context: EvaluationContext
    reading: Reading = field(default_factory=Reading)
    problems: list[MappingProblem] = field(default_factory=list)


Values = Callable[[Mapping[str, Any], Work], Items | None]
"""Gives a row's values for an object; None when its target is to be left alone."""


@dataclass(frozen=True, slots=True)
class CompiledRow:
    """A row that can be applied.

    Attributes:
        number: Its number, from 1.
        row: The row as it is written.
        target: What it feeds.
        sources: What it reads.
        expression: Its expression, if it is one.
        values: How its values are read.
        place: Puts one value into a document.
    """

    number: int
    row: Row
    target: Target
    sources: tuple[Source, ...]
    expression: Expression | None
    values: Values
    place: Place

    @property
    def always(self) -> bool:
        """Whether it applies to changes too."""
        return self.row.apply is Apply.always


class _Refused(Exception):
    """A row that cannot be used."""

    def __init__(self, code: str, message: str, advice: str) -> None:
        super().__init__(message)
        self.parts = (code, message, advice)


def compile_row(
    kind: ObjectKind, number: int, row: Row, extensions: Mapping[str, Target]
) -> CompiledRow | TableProblem:
    """Check and compile one row.

    Args:
        kind: user or group.
        number: The row's number, from 1.
        row: The row.
        extensions: Custom attributes by their lower-case path.
    """
    try:
        target = find_target(row.target, kind, extensions)
        _check_primary(row, target)
        default = _default(row, target)
        return _COMPILE[row.kind](kind, number, row, target, default)
    except TargetError as error:
        return TableProblem(kind, number, error.code, error.message, error.advice)
    except _Refused as refused:
        return TableProblem(kind, number, *refused.parts)
    except ExpressionError as error:
        return expression_problem(kind, number, error)


def _check_primary(row: Row, target: Target) -> None:
    if row.primary and not target.many:
        raise _Refused(
            "not_multi_valued",
            f"{target.path} cannot be primary: that is for values of e-mail addresses, phone "
            "numbers and the like.",
            "Remove primary from the row.",
        )


def _default(row: Row, target: Target) -> Items:
    if row.default is None or row.default == "":
        return ()
    try:
        return constant_items(row.default, target, "The default")
    except Failure as failure:
        raise _Refused(
            "default",
            f"{target.path} cannot have the default {row.default!r}. {failure.message}",
            f"Give a default that is a {target.type.value}, or none.",
        ) from None


# -- direct ---------------------------------------------------------------------------------------


def _compile_direct(
    kind: ObjectKind, number: int, row: Row, target: Target, default: Items
) -> CompiledRow:
    try:
        source = find_source(str(row.source), kind)
    except Failure as failure:
        raise _Refused(
            "unknown_source", failure.message, "Choose one of the attributes in docs/mapping.md."
        ) from None
    _check_source(source, target)
    values = _direct_values(source, target, default)
    return CompiledRow(number, row, target, (source,), None, values, placer(target, row.primary))


def _check_source(source: Source, target: Target) -> None:
    if source.type in MANY_TYPES and not target.many:
        raise _several(f"[{source.name}]", target)
    fitting = (SourceType.boolean, SourceType.any)
    if target.type is TargetType.boolean and source.type not in fitting:
        raise _Refused(
            "type",
            f"{target.path} takes True or False, and {source.name} is a text.",
            "Use an attribute that is true or false, or an expression such as "
            f'IIF([{source.name}] = "…", True, False).',
        )


def _several(what: str, target: Target) -> _Refused:
    return _Refused(
        "several_values",
        f"{target.path} takes one value, and {what} may have several.",
        "Take one of them with Item, or put them together with Join.",
    )


def _direct_values(source: Source, target: Target, default: Items) -> Values:
    read, name, member = direct_reader(source, target), source.select or "id", source.member

    def values(attributes: Mapping[str, Any], work: Work) -> Items:
        value = attributes.get(name)
        if member:
            value = value.get(member) if isinstance(value, Mapping) else None
        if value is None:
            return default
        return read(value, work.reading) or default

    return values


# -- constants ------------------------------------------------------------------------------------


def _compile_constant(
    kind: ObjectKind, number: int, row: Row, target: Target, default: Items
) -> CompiledRow:
    if target.path == "userName" or kind is ObjectKind.group:
        raise _Refused(
            "constant",
            f"Every {kind.value} would have the same {target.path}.",
            "Use an attribute or an expression.",
        )
    try:
        items = constant_items(row.source, target, "The constant") or default
    except Failure as failure:
        raise _Refused(
            "constant",
            f"{target.path} cannot have the constant {row.source!r}. {failure.message}",
            f"Give a constant that is a {target.type.value}.",
        ) from None
    if not items:
        raise _Refused("constant", "The constant is empty.", "Give it a value, or remove the row.")
    return CompiledRow(
        number, row, target, (), None, lambda _, __: items, placer(target, row.primary)
    )


# -- expressions ----------------------------------------------------------------------------------


def _compile_expression(
    kind: ObjectKind, number: int, row: Row, target: Target, default: Items
) -> CompiledRow:
    expression = compile_expression(str(row.source), lambda name: find_source(name, kind))
    _check_expression(expression, row, target)
    values = _expression_values(kind, expression, number, target, default)
    names = (one.name for one in expression.attributes)
    sources = tuple(find_source(name, kind) for name in names)
    return CompiledRow(
        number, row, target, sources, expression, values, placer(target, row.primary)
    )


def _check_expression(expression: Expression, row: Row, target: Target) -> None:
    if expression.many and not target.many:
        raise _several("the expression", target)
    if expression.only_on_create and row.apply is not Apply.only_on_create:
        raise _Refused(
            "only_on_create",
            f"{expression.only_on_create} gives another value each time, so that every user would "
            "change with every sync.",
            "Let the row apply only on create.",
        )
    if expression.rules and target.path not in UNIQUE_TARGETS:
        raise _Refused(
            "not_searchable",
            f"SelectUniqueValue cannot be used for {target.path}: the user store is searched for "
            f"{' and '.join(UNIQUE_TARGETS)} only.",
            "Use it for one of these.",
        )


def _expression_values(
    kind: ObjectKind, expression: Expression, number: int, target: Target, default: Items
) -> Values:
    label = f"{target.path} (row {number})"

    def values(attributes: Mapping[str, Any], work: Work) -> Items | None:
        reading = Reading() if expression.redacted else work.reading
        try:
            value = expression.evaluate(attributes, work.context, target.path)
            if isinstance(value, Ignored):
                return None
            items = expression_items(value, target, label, reading) or default
        except (ExpressionError, Failure) as error:
            reason = _HIDDEN if expression.redacted else str(error)
            work.problems.append(_failed(kind, number, target, reason))
            return None
        if expression.redacted and reading.notes:
            work.reading.notes.append(f"{label} was changed or left out; it is not shown (Redact).")
        return items

    return values


_HIDDEN: Final = "The reason is not shown, because it may tell the value (Redact)."


def _failed(kind: ObjectKind, number: int, target: Target, reason: str) -> MappingProblem:
    """Return the problem of an object for which a row's expression has no value."""
    return MappingProblem(
        "expression_failed",
        f"Row {number} of the mapping ({target.path}) failed: {reason}",
        f"Change the row, or the {kind.value} in Microsoft Entra.",
    )


_Compile = Callable[[ObjectKind, int, Row, Target, Items], CompiledRow]
_COMPILE: Final[Mapping[RowKind, _Compile]] = {
    RowKind.direct: _compile_direct,
    RowKind.constant: _compile_constant,
    RowKind.expression: _compile_expression,
}


def compile_rows(
    kind: ObjectKind, rows: Sequence[Row], extensions: Mapping[str, Target]
) -> tuple[tuple[CompiledRow, ...], list[TableProblem]]:
    """Check and compile the rows of one kind; returns those that are right, and all problems."""
    compiled = [
        compile_row(kind, number, row, extensions) for number, row in enumerate(rows, start=1)
    ]
    good = tuple(one for one in compiled if isinstance(one, CompiledRow))
    problems = [one for one in compiled if isinstance(one, TableProblem)]
    return good, [*problems, *_check_together(kind, good), *_check_required(kind, rows, compiled)]


def _check_together(kind: ObjectKind, rows: Sequence[CompiledRow]) -> list[TableProblem]:
    problems: list[TableProblem] = []
    seen: dict[str, int] = {}
    primary: dict[str, int] = {}
    for one in rows:
        key = one.target.path.lower()
        if key in seen and not one.target.many:
            problems.append(
                TableProblem(
                    kind,
                    one.number,
                    "duplicate_target",
                    f"{one.target.path} is fed by row {seen[key]} already.",
                    "Remove one of the two rows.",
                )
            )
        seen.setdefault(key, one.number)
        attribute = one.target.attribute
        if one.row.primary and attribute in primary:
            problems.append(
                TableProblem(
                    kind,
                    one.number,
                    "two_primaries",
                    f"Row {primary[attribute]} is the primary one of {attribute} already.",
                    "Let one row be primary.",
                )
            )
        if one.row.primary:
            primary.setdefault(attribute, one.number)
    return problems


def _check_required(
    kind: ObjectKind, rows: Sequence[Row], compiled: Sequence[CompiledRow | TableProblem]
) -> list[TableProblem]:
    required = "userName" if kind is ObjectKind.user else "displayName"
    feeds = any(isinstance(one, CompiledRow) and one.target.path == required for one in compiled)
    if feeds or any(row.target.strip().lower().endswith(required.lower()) for row in rows):
        return []
    message = f"No row feeds {required}, and a {kind.value} needs one."
    source = "userPrincipalName" if kind is ObjectKind.user else "displayName"
    advice = f"Add a row for {required}, such as the attribute {source}."
    return [TableProblem(kind, None, "missing_target", message, advice)]
