"""References between the operations of a Bulk request: ``bulkId:…`` (RFC 7644 §3.7.2).

scim2-server resolves those that are whole strings. These functions also find them in the filters
of PATCH paths and at the end of URIs, and take them out of a resource.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from pydantic import BaseModel
from scim2_models import BulkOperation, Path, Resource
from scim2_models.path import Comparison, LogicalExpr, Not, ValuePath
from scim2_server.bulk import BULK_ID_PREFIX


class Replacement(Protocol):
    """What a reference stands for."""

    def id_of(self, bulk_id: str) -> str:
        """Return the id of the resource."""
        ...

    def location_of(self, bulk_id: str) -> str | None:
        """Return its URI, relative to the SCIM root."""
        ...


class Finder:
    """Notes the references of a value, and replaces none."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def id_of(self, bulk_id: str) -> str:
        """See :meth:`Replacement.id_of`."""
        self.found.append(bulk_id)
        return BULK_ID_PREFIX + bulk_id

    def location_of(self, bulk_id: str) -> None:  # noqa: ARG002
        """See :meth:`Replacement.location_of`."""
        return


AnyOperation = BulkOperation[Resource[Any]]

Links = list[tuple[str, Any]]
"""References that a creation leaves out: the path they are written at, and the value."""


def replaced(value: Any, replacement: Replacement) -> Any:
    """Return a value with every ``bulkId:`` reference in it replaced, also in URIs and paths.

    A value without any comes back as it is; models are copied with the changed fields only.
    """
    if isinstance(value, Path):
        return _replaced_in_path(value, replacement)
    if isinstance(value, str):
        return _replaced_in_text(value, replacement)
    if isinstance(value, list):
        items = [replaced(item, replacement) for item in value]
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    if isinstance(value, dict):
        entries = {key: replaced(item, replacement) for key, item in value.items()}
        return entries if any(entries[key] is not value[key] for key in value) else value
    if isinstance(value, BaseModel):
        updates = {}
        for name in type(value).model_fields:
            field = getattr(value, name)
            new = replaced(field, replacement)
            if new is not field:
                updates[name] = new
        location = _location(value, replacement) if "value" in updates else None
        if location is not None:
            updates["ref"] = location
        return value.model_copy(update=updates) if updates else value
    return value


def _location(referring: BaseModel, replacement: Replacement) -> str | None:
    """Return the ``$ref`` that a reference lacked, which could not be known when it was sent."""
    value = str(getattr(referring, "value", ""))
    if getattr(referring, "ref", "") is not None or not value.startswith(BULK_ID_PREFIX):
        return None
    return replacement.location_of(value.removeprefix(BULK_ID_PREFIX))


def _replaced_in_text(text: str, replacement: Replacement) -> str:
    """Replace a reference that is the whole text, or the last segment of a URI."""
    head, slash, last = text.rpartition("/")
    if not last.startswith(BULK_ID_PREFIX):
        return text
    return head + slash + replacement.id_of(last.removeprefix(BULK_ID_PREFIX))


def _replaced_in_path(path: "Path[Any]", replacement: Replacement) -> "Path[Any]":
    """Replace the references in the filter of a PATCH path."""
    if BULK_ID_PREFIX not in path:
        return path
    selected = _replaced_in_filter(path.ast, replacement)
    return path if selected == path.ast else type(path)(str(selected))


def _replaced_in_filter(node: Any, replacement: Replacement) -> Any:
    if isinstance(node, LogicalExpr):
        terms = tuple(_replaced_in_filter(term, replacement) for term in node.terms)
        return replace(node, terms=terms)
    if isinstance(node, Not):
        return replace(node, expr=_replaced_in_filter(node.expr, replacement))
    if isinstance(node, ValuePath):
        return replace(node, val_filter=_replaced_in_filter(node.val_filter, replacement))
    if isinstance(node, Comparison) and isinstance(node.value, str):
        return replace(node, value=_replaced_in_text(node.value, replacement))
    return node


def replaced_in_operation(operation: AnyOperation, replacement: Replacement) -> AnyOperation:
    """Return an operation with the references in its path and its data replaced."""
    updates: dict[str, Any] = {}
    for name in ("path", "data"):
        value = getattr(operation, name)
        new = replaced(value, replacement)
        if new is not value:
            updates[name] = new
    return operation.model_copy(update=updates) if updates else operation


def without_references(
    data: Resource[Any], unknown: Callable[[str], bool]
) -> tuple[Resource[Any], Links]:
    """Return a resource without the values that hold a reference which is not known yet.

    A multi-valued attribute loses the entries that do, any other attribute its whole value.

    Args:
        data: the resource that is to be created.
        unknown: whether no resource has been created for a bulkId yet.
    """
    return _reduced(data, "", unknown)


def _reduced(data: Any, prefix: str, unknown: Callable[[str], bool]) -> tuple[Any, Links]:
    links: Links = []
    updates: dict[str, Any] = {}
    model = type(data)
    for name in model.model_fields:
        value = getattr(data, name)
        if not _refers(value, unknown):
            continue
        path = f"{prefix}{model._scim_name(name)}"
        if name in model.__scim_info__.extensions:
            updates[name], inner = _reduced(value, f"{path}:", unknown)
            links += inner
        elif isinstance(value, list):
            later = [entry for entry in value if _refers(entry, unknown)]
            kept = [entry for entry in value if not _refers(entry, unknown)]
            updates[name] = kept or None
            links.append((path, later))
        else:
            updates[name] = None
            links.append((path, value))
    return (data.model_copy(update=updates) if updates else data), links


def _refers(value: Any, unknown: Callable[[str], bool]) -> bool:
    finder = Finder()
    replaced(value, finder)
    return any(unknown(bulk_id) for bulk_id in finder.found)
