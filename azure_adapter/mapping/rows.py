"""The rows of a mapping table as an administrator writes them, and what may be wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from azure_adapter.mapping.expressions import ExpressionError
from scim.provisioning.source import ObjectKind

Constant = str | bool | int | float
"""A constant of a row."""


class RowKind(StrEnum):
    """Where the value of a row comes from (Entra: attribute-mapping types)."""

    direct = "direct"
    """An attribute of the source object."""
    constant = "constant"
    """The same value for every object."""
    expression = "expression"
    """An expression of Entra's functions."""


class Apply(StrEnum):
    """When a row applies (Entra: "Apply this mapping")."""

    always = "always"
    """When the resource is created and whenever the object changes."""
    only_on_create = "only_on_create"
    """Only when the resource is created; later the attribute is left alone."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a mapping table.

    Attributes:
        target: SCIM path of the attribute that it feeds.
        source: Name of the source attribute, the constant, or the expression.
        kind: Which of these it is.
        default: Value when the source has none.
        apply: When it applies.
        primary: Whether the value is the ``primary`` one of a multi-valued attribute (RFC 7643
            §2.4).
    """

    target: str
    source: Constant
    kind: RowKind = RowKind.direct
    default: Constant | None = None
    apply: Apply = Apply.always
    primary: bool = False


@dataclass(frozen=True, slots=True)
class TableProblem:
    """Why a mapping table cannot be used.

    Attributes:
        kind: Whose rows are meant.
        row: Number of the row, from 1; None when the table as a whole is meant.
        code: Stable word for programs.
        message: What is wrong, in sentences.
        advice: What to do about it.
        line: Line of the expression, from 1; None when no place in it is meant.
        column: Character in that line, from 1.
        shown: The line of the expression with a caret under the character.
    """

    kind: ObjectKind
    row: int | None
    code: str
    message: str
    advice: str
    line: int | None = None
    column: int | None = None
    shown: str = ""

    @property
    def place(self) -> str:
        """Which row is meant, in words."""
        return f"{self.kind.value} row {self.row}" if self.row else f"{self.kind.value} rows"


class MappingTableError(ValueError):
    """A mapping table that cannot be used.

    Attributes:
        problems: Everything that is wrong with it.
    """

    def __init__(self, problems: Sequence[TableProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{one.place}: {one.message} {one.advice}" for one in problems))


def expression_problem(kind: ObjectKind, row: int, error: ExpressionError) -> TableProblem:
    """Return the problem of an expression that cannot be read."""
    return TableProblem(
        kind,
        row,
        "expression",
        error.message,
        f"Change the expression at line {error.line}, character {error.column}.",
        error.line,
        error.column,
        error.render(),
    )
