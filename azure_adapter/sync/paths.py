"""Values in SCIM documents by attribute path, and references however they are written. Pure."""

from collections.abc import Mapping
from typing import Any

from scim.provisioning.operations import BULK_ID

Document = dict[str, Any]


def with_paths(document: Mapping[str, Any], values: Mapping[str, Any]) -> Document:
    """Return a document with other values at some paths; ``None`` stands for no value."""
    result: Document = dict(document)
    for path, value in values.items():
        name, sub = _split(path)
        if sub is None:
            _put(result, name, value)
            continue
        inner = dict(result.get(name) or {})
        _put(inner, sub, value)
        _put(result, name, inner or None)
    return result


def at_path(document: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path, ``None`` when there is none."""
    name, sub = _split(path)
    value = document.get(name)
    if sub is None:
        return value
    return value.get(sub) if isinstance(value, Mapping) else None


def _split(path: str) -> tuple[str, str | None]:
    """Take a path apart; a URN has dots of its own (RFC 7644 §3.10)."""
    separator = ":" if path.startswith("urn:") else "."
    name, mark, sub = path.rpartition(separator) if separator == ":" else path.partition(".")
    return (name, sub) if mark and sub else (path, None)


def _put(document: Document, name: str, value: Any) -> None:
    if value is None:
        document.pop(name, None)
    else:
        document[name] = value


def normal(value: Any, ids: Mapping[str, str]) -> Any:
    """Return a value in which references are the ids of resources, however they were written."""
    if isinstance(value, str):
        return resource_of(value, ids) if value.startswith(BULK_ID) else value
    if isinstance(value, Mapping):
        if "$ref" in value and "value" in value:
            return normal(value["value"], ids)
        return {name: normal(inner, ids) for name, inner in value.items()}
    return [normal(inner, ids) for inner in value] if isinstance(value, list) else value


def resource_of(member: str, ids: Mapping[str, str]) -> str:
    """Return the resource that a member names: by its id, or by a reference."""
    source_id = member.removeprefix(BULK_ID)
    return ids.get(source_id, member) if source_id != member else member
