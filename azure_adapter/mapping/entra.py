"""Imports attribute mappings from Entra: the schema of a provisioning job, as it is downloaded.

Sources: Microsoft Graph: synchronizationSchema, synchronizationRule, objectMapping,
attributeMapping and attributeMappingSource resource types; Entra: "Export provisioning
configuration", "Customize user provisioning attribute-mappings".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from azure_adapter.mapping.compiled import CompiledRow, compile_row
from azure_adapter.mapping.expressions import ExpressionError, parse
from azure_adapter.mapping.expressions.nodes import Attribute, Literal
from azure_adapter.mapping.rows import Apply, Row, RowKind, TableProblem
from azure_adapter.mapping.table import DEFAULT_TABLE, MAX_ROWS, MappingTable
from azure_adapter.mapping.targets import Target, extensions_by_path
from scim.provisioning.source import ObjectKind

_KINDS: Final = {"user": ObjectKind.user, "group": ObjectKind.group}
_ENTRA: Final = re.compile(r"azure active directory|entra id", re.IGNORECASE)
_PRIMARY: Final = 'emails[type eq "work"].value'


class SchemaError(ValueError):
    """A file that is no exported schema; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of the schema that was not imported.

    Attributes:
        where: Name of the object mapping, or of the synchronization rule.
        target: Target attribute; empty when the whole mapping was left out.
        source: Its source, as it is written; empty when there is none.
        reason: Why, in sentences.
    """

    where: str
    target: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportedSchema:
    """What was imported.

    Attributes:
        table: The mapping; it can be used as it is.
        left_out: What was not imported, and why.
        changed: What was imported in another form, in sentences.
    """

    table: MappingTable
    left_out: tuple[LeftOut, ...]
    changed: tuple[str, ...]


@dataclass(slots=True)
class _Import:
    extensions: Mapping[str, Target]
    rows: dict[ObjectKind, list[Row]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def leave(self, where: str, target: str, source: str, reason: str) -> None:
        self.left_out.append(LeftOut(where, target, source, reason))


def import_schema(schema: Any, extensions: Iterable[str | Target] = ()) -> ImportedSchema:
    """Make a mapping table of an exported schema.

    Args:
        schema: The JSON value of the file ("Review your schema", Download), or of Graph's answer
            to ``GET …/synchronization/jobs/{id}/schema``.
        extensions: Custom attributes that may be mapped to.

    Raises:
        SchemaError: it is no such schema, or maps nothing that can be imported.
    """
    custom = tuple(extensions)
    work = _Import(extensions_by_path(custom))
    for rule in _rules(schema):
        _take_rule(work, rule)
    if not work.rows:
        raise SchemaError(
            "The schema has no enabled mapping of users or groups from Microsoft Entra ID. "
            "Download the schema of the application that users are provisioned to."
        )
    users = _completed(work, ObjectKind.user)
    groups = _completed(work, ObjectKind.group)
    _note_defaults(work, users)
    table = MappingTable(tuple(users), tuple(groups), custom)
    return ImportedSchema(table, tuple(work.left_out), tuple(work.changed))


def _rules(schema: Any) -> list[Mapping[str, Any]]:
    rules = schema.get("synchronizationRules") if isinstance(schema, Mapping) else None
    if not isinstance(rules, list):
        raise SchemaError(
            "This is no provisioning schema: it has no synchronizationRules. In Microsoft Entra, "
            "open the application's provisioning, attribute mappings, show advanced options, "
            "review your schema, and download it."
        )
    return [one for one in rules if isinstance(one, Mapping)]


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _take_rule(work: _Import, rule: Mapping[str, Any]) -> None:
    name, origin = _text(rule.get("name")), _text(rule.get("sourceDirectoryName"))
    if origin and not _ENTRA.search(origin):
        reason = f"It does not start in Microsoft Entra ID, but in {origin}."
        work.leave(name, "", "", reason)
        return
    for mapping in _objects(rule.get("objectMappings")):
        _take_object_mapping(work, mapping)


def _take_object_mapping(work: _Import, mapping: Mapping[str, Any]) -> None:
    where, object_name = _text(mapping.get("name")), _text(mapping.get("sourceObjectName"))
    where = where or f"{object_name or 'Unnamed'} mapping"
    kind = _KINDS.get(object_name.lower())
    if kind is None:
        work.leave(where, "", "", f"A user sync maps users and groups, not {object_name!r}.")
    elif mapping.get("enabled") is False:
        work.leave(where, "", "", "It is not enabled.")
    elif kind in work.rows:
        work.leave(where, "", "", f"Another mapping of {kind.value}s came first.")
    else:
        work.rows[kind] = []
        _note_scope(work, where, mapping.get("scope"))
        for one in _objects(mapping.get("attributeMappings")):
            _take_mapping(work, kind, where, one)


def _note_scope(work: _Import, where: str, scope: Any) -> None:
    if isinstance(scope, Mapping) and scope:
        work.leave(where, "", "", "Its scoping filter: set the scope of the user sync instead.")


# -- one attribute mapping ------------------------------------------------------------------------


def _take_mapping(work: _Import, kind: ObjectKind, where: str, mapping: Mapping[str, Any]) -> None:
    target, source = _text(mapping.get("targetAttributeName")), mapping.get("source")
    written = _written(source)
    try:
        row = _with_flow(_row(target, source, mapping), mapping)
    except _NotImported as reason:
        work.leave(where, target, written, str(reason))
        return
    fitted, changes = _fitted(work, kind, row)
    if isinstance(fitted, TableProblem):
        reason_text = f"{fitted.message} {fitted.advice}" if fitted.advice else fitted.message
        work.leave(where, target, written, _reason(fitted, reason_text))
        return
    if _is_taken(work, kind, fitted):
        work.leave(where, target, written, "Another row feeds the same attribute.")
        return
    if len(work.rows[kind]) == MAX_ROWS:
        work.leave(where, target, written, f"A table has at most {MAX_ROWS} rows.")
        return
    work.rows[kind].append(fitted)
    told = [*changes, *_changes(kind, mapping, fitted)]
    work.changed += [f"{kind.value} {fitted.target}: {one}" for one in told]


class _NotImported(Exception):
    """Why an attribute mapping has no row."""


def _reason(problem: TableProblem, text: str) -> str:
    return problem.message if problem.code == "read_only_target" else text


def _written(source: Any) -> str:
    if not isinstance(source, Mapping):
        return ""
    return _text(source.get("expression")) or _text(source.get("name"))


def _row(target: str, source: Any, mapping: Mapping[str, Any]) -> Row:
    default = mapping.get("defaultValue")
    default = default if isinstance(default, str) and default.strip() else None
    primary = target.replace(" ", "").lower() == _PRIMARY.replace(" ", "").lower()
    if not isinstance(source, Mapping) or not _written(source):
        if default is None:
            raise _NotImported("It has neither a source nor a default value.")
        return Row(target, default, RowKind.constant, None, Apply.only_on_create, primary)
    match _text(source.get("type")).lower() or "attribute":
        case "constant":
            return Row(target, _constant(source), RowKind.constant, None, primary=primary)
        case "attribute":
            return Row(target, _attribute(source), RowKind.direct, default, primary=primary)
        case "function":
            return Row(target, _expression(source), RowKind.expression, default, primary=primary)
    raise _NotImported(f"Sources of type {source.get('type')!r} are not known.")


def _attribute(source: Mapping[str, Any]) -> str:
    """Return the name of a source attribute; the expression says it too, in brackets."""
    name = _text(source.get("name"))
    return name or _text(source.get("expression")).removeprefix("[").removesuffix("]")


def _constant(source: Mapping[str, Any]) -> str:
    name = source.get("name")
    if isinstance(name, str) and name:
        return name
    written = _text(source.get("expression"))
    try:
        node = parse(written)
    except ExpressionError:
        return written
    return str(node.value) if isinstance(node, Literal) else written


def _expression(source: Mapping[str, Any]) -> str:
    written = _text(source.get("expression"))
    if not written:
        raise _NotImported("The export does not write its expression.")
    return written


def _with_flow(row: Row, mapping: Mapping[str, Any]) -> Row:
    """Apply ``flowType``: when values flow."""
    match (_text(mapping.get("flowType")) or "Always").lower():
        case "always":
            return row
        case "objectaddonly" | "attributeaddonly":
            return replace(row, apply=Apply.only_on_create)
        case "valueaddonly" | "multivalueaddonly":
            return _keeping(row)
    raise _NotImported(f"The flow type {mapping.get('flowType')!r} is not known.")


def _keeping(row: Row) -> Row:
    """Return a row that never removes a value."""
    if row.kind is RowKind.constant:
        return row
    inner = row.source if row.kind is RowKind.expression else f"[{row.source}]"
    expression = f"IgnoreFlowIfNullOrEmpty({inner})"
    return replace(row, source=expression, kind=RowKind.expression)


def _fitted(work: _Import, kind: ObjectKind, row: Row) -> tuple[Row | TableProblem, list[str]]:
    """Return the row, changed so that it can be used where that keeps its meaning."""
    row = _simplified(row)
    found = compile_row(kind, 1, row, work.extensions)
    if isinstance(found, CompiledRow):
        return replace(row, target=found.target.path), []
    if found.code == "only_on_create":
        fitted, _ = _fitted(work, kind, replace(row, apply=Apply.only_on_create))
        return fitted, ["applies only on create, as its function demands."]
    if found.code == "default":
        fitted, _ = _fitted(work, kind, replace(row, default=None))
        return fitted, [f"without the default {row.default!r}. {found.message}"]
    return found, []


def _simplified(row: Row) -> Row:
    """Return an expression that only names an attribute or a constant as such a row."""
    if row.kind is not RowKind.expression:
        return row
    try:
        node = parse(str(row.source))
    except ExpressionError:
        return row
    if isinstance(node, Attribute):
        return replace(row, source=node.name, kind=RowKind.direct)
    if isinstance(node, Literal):
        return replace(row, source=node.value, kind=RowKind.constant)
    return row


def _is_taken(work: _Import, kind: ObjectKind, row: Row) -> bool:
    found = compile_row(kind, 1, row, work.extensions)
    many = isinstance(found, CompiledRow) and found.target.many
    same = [one for one in work.rows[kind] if one.target == row.target]
    return bool(same) and (not many or any(one.source == row.source for one in same))


_MATCHED: Final[Mapping[ObjectKind, str]] = {
    ObjectKind.user: "here the Unique field of the user sync does.",
    ObjectKind.group: "here a group is known by its id.",
}


def _changes(kind: ObjectKind, mapping: Mapping[str, Any], row: Row) -> Iterable[str]:
    flow = _text(mapping.get("flowType")).lower()
    if row.kind is RowKind.constant and not isinstance(mapping.get("source"), Mapping):
        yield "has no source, so that its default value is set on create only."
    if flow == "attributeaddonly":
        yield "applies only on create, instead of whenever it has no value."
    if flow in ("valueaddonly", "multivalueaddonly"):
        yield "an empty source leaves it alone (IgnoreFlowIfNullOrEmpty)."
    priority = mapping.get("matchingPriority")
    if isinstance(priority, int) and priority > 0:
        yield f"matched {kind.value}s (priority {priority}); {_MATCHED[kind]}"


# -- the whole table ------------------------------------------------------------------------------


def _completed(work: _Import, kind: ObjectKind) -> list[Row]:
    """Return the rows of a kind, with what every table needs."""
    defaults = DEFAULT_TABLE.users if kind is ObjectKind.user else DEFAULT_TABLE.groups
    rows = work.rows.get(kind)
    if rows is None:
        work.changed.append(f"The schema does not map {kind.value}s: the usual rows are used.")
        return list(defaults)
    required = defaults[0]
    if any(row.target == required.target for row in rows):
        return rows
    work.changed.append(
        f"{kind.value} {required.target}: added, from {required.source}, because a {kind.value} "
        "needs one."
    )
    return [required, *rows[: MAX_ROWS - 1]]


def _note_defaults(work: _Import, rows: Iterable[Row]) -> None:
    if any(row.default is not None for row in rows):
        work.changed.append(
            "Default values are used whenever the source is empty; Entra uses them on create only."
        )


__all__ = [
    "ImportedSchema",
    "LeftOut",
    "SchemaError",
    "import_schema",
]
