"""The stored form of a mapping table, as JSON values.

For example::

    {"users": [{"target": "userName", "kind": "direct", "source": "userPrincipalName"},
               {"target": "title", "kind": "expression", "source": "PCase([jobTitle])",
                "default": "Employee", "apply": "only_on_create"}, …],
     "groups": [{"target": "displayName", "kind": "direct", "source": "displayName"}]}

``default``, ``apply`` (``always``) and ``primary`` (false) may be left out.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from azure_adapter.mapping.expressions import suggestion
from azure_adapter.mapping.rows import (
    Apply,
    MappingTableError,
    Row,
    RowKind,
    TableProblem,
)
from azure_adapter.mapping.table import MAX_ROWS, MappingTable, check_rows
from azure_adapter.mapping.targets import Target
from scim.provisioning.source import ObjectKind

_PARTS: Final = {"users": ObjectKind.user, "groups": ObjectKind.group}
_KEYS: Final = ("target", "kind", "source", "default", "apply", "primary")
_MAX_CONSTANT: Final = 1_000


def table_to_json(table: MappingTable) -> dict[str, Any]:
    """Return a table as JSON values; what has its usual value is left out."""
    return {
        "users": [_row_to_json(row) for row in table.users],
        "groups": [_row_to_json(row) for row in table.groups],
    }


def _row_to_json(row: Row) -> dict[str, Any]:
    written: dict[str, Any] = {
        "target": row.target,
        "kind": row.kind.value,
        "source": row.source,
    }
    if row.default is not None:
        written["default"] = row.default
    if row.apply is not Apply.always:
        written["apply"] = row.apply.value
    if row.primary:
        written["primary"] = True
    return written


def table_from_json(value: Any, extensions: Iterable[str | Target] = ()) -> MappingTable:
    """Read a table from JSON values, strictly.

    Args:
        value: What ``table_to_json`` gave, or an administrator wrote.
        extensions: Custom attributes that may be mapped to.

    Raises:
        MappingTableError: with everything that is wrong, row by row.
    """
    custom = tuple(extensions)
    users, groups, problems = _read(value)
    if not _is_shapeless(problems):
        problems += _other_problems(check_rows(users, groups, custom), problems)
    if problems:
        raise MappingTableError(sorted(problems, key=_order))
    return MappingTable(tuple(users), tuple(groups), custom)


def _is_shapeless(problems: Iterable[TableProblem]) -> bool:
    return any(one.code == "form" and one.row is None for one in problems)


def _other_problems(
    found: Iterable[TableProblem], known: Iterable[TableProblem]
) -> list[TableProblem]:
    """Return problems of rows about which nothing was said yet."""
    told = {(one.kind, one.row) for one in known}
    return [one for one in found if one.row is None or (one.kind, one.row) not in told]


def _order(problem: TableProblem) -> tuple[bool, int]:
    return problem.kind is ObjectKind.group, problem.row or 0


def _read(value: Any) -> tuple[list[Row], list[Row], list[TableProblem]]:
    problems: list[TableProblem] = []
    if not isinstance(value, Mapping) or set(value) != set(_PARTS):
        message = "A mapping table is an object with the lists users and groups, and nothing else."
        problems.append(_form(ObjectKind.user, None, message))
        return [], [], problems
    rows = {name: _read_rows(kind, value[name], problems) for name, kind in _PARTS.items()}
    return rows["users"], rows["groups"], problems


def _read_rows(kind: ObjectKind, value: Any, problems: list[TableProblem]) -> list[Row]:
    if not isinstance(value, list):
        problems.append(_form(kind, None, f"The rows of {kind.value}s are a list."))
        return []
    rows = []
    for number, one in enumerate(value[: MAX_ROWS + 1], start=1):
        found = _row_problems(kind, number, one)
        problems += found
        rows.append(_row(one) if not found else _PLACEHOLDER)
    return rows


_PLACEHOLDER: Final = Row("", "")
"""Stands for a row that cannot be read, so that the others keep their numbers."""


def _row(value: Mapping[str, Any]) -> Row:
    return Row(
        value["target"],
        value["source"],
        RowKind(value.get("kind", RowKind.direct)),
        value.get("default"),
        Apply(value.get("apply", Apply.always)),
        value.get("primary", False),
    )


def _row_problems(kind: ObjectKind, number: int, value: Any) -> list[TableProblem]:
    if not isinstance(value, Mapping):
        return [_form(kind, number, "A row is an object.")]
    wrong = [
        f"There is no key {key!r} in a row.{suggestion(str(key), _KEYS)}"
        for key in value
        if key not in _KEYS
    ]
    wrong += [f"The row has no {key}." for key in ("target", "source") if key not in value]
    wrong += [reason for key, reason in _WRONG.items() if key in value and not _fits(key, value)]
    return [_form(kind, number, message) for message in wrong]


_WRONG: Final = {
    "target": "The target is a text: the path of a SCIM attribute.",
    "kind": f"The kind is one of {', '.join(RowKind)}.",
    "source": "The source is the name of an attribute or an expression, as a text; that of a "
    f"constant may be a number, true or false. A constant has at most {_MAX_CONSTANT} characters.",
    "default": f"The default is a text of at most {_MAX_CONSTANT} characters, a number, true, "
    "false or null.",
    "apply": f"apply is one of {', '.join(Apply)}.",
    "primary": "primary is true or false.",
}


def _fits(key: str, row: Mapping[str, Any]) -> bool:
    value = row[key]
    match key:
        case "target":
            return isinstance(value, str) and len(value) <= _MAX_CONSTANT
        case "kind":
            return value in list(RowKind)
        case "apply":
            return value in list(Apply)
        case "primary":
            return isinstance(value, bool)
        case "default":
            return value is None or _is_constant(value)
    return _is_constant(value) if row.get("kind") == RowKind.constant else isinstance(value, str)


def _is_constant(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_CONSTANT
    if isinstance(value, float):
        return abs(value) < 1e15
    return isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**63)


def _form(kind: ObjectKind, row: int | None, message: str) -> TableProblem:
    return TableProblem(kind, row, "form", message, "Correct the row and save it again.")
