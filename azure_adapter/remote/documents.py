"""Documents as JSON: what a PATCH makes of one, and what a PUT of it holds. Pure.

For servers without PATCH: the resource is read, changed here, and put back. JSON instead of
models, so that nothing the server has and we do not know is lost.

Source: RFC 7644 §3.5.1 (PUT) and §3.5.2 (PATCH).
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, cast

import orjson
from scim2_models import InvalidPathException, Path
from scim2_models.path import AttrPath, CompareOperator, Comparison, FilterNode, ValuePath

from azure_adapter.mapping import ENTERPRISE

Document = dict[str, Any]

READ_ONLY: Final = frozenset({"meta", "groups"})
"""What the server assigns and no PUT holds (RFC 7643 §3.1 and §4.1)."""

CORE: Final = "urn:ietf:params:scim:schemas:core:2.0:"


class Untranslatable(ValueError):
    """An operation that cannot be turned into a PUT; the message says which."""


def patched(document: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> Document:
    """Return a document as the operations of a PATCH leave it; the argument is not changed.

    Args:
        document: the whole resource, members included if an operation is about them.
        operations: as in a PATCH body.

    Raises:
        Untranslatable: a path that is more than attributes and one ``eq`` filter.
    """
    result: Document = deepcopy(dict(document))
    for operation in operations:
        _apply(result, operation)
    return cast(Document, _assigned(result))


def put_body(document: Mapping[str, Any]) -> Document:
    """Return what a PUT sends of a resource: everything but what the server assigns."""
    body = {name: deepcopy(value) for name, value in document.items() if name not in READ_ONLY}
    urns = [name for name in body if name.lower().startswith("urn:")]
    body["schemas"] = list(dict.fromkeys([*body.get("schemas", ()), *urns]))
    return body


def _apply(document: Document, operation: Mapping[str, Any]) -> None:
    op, text, value = str(operation["op"]).lower(), operation.get("path"), operation.get("value")
    if not text:
        for name, one in (value if isinstance(value, Mapping) else {}).items():
            _write(document, name, op, one)
        return
    if _names_schema(document, text):
        _write(document, text, op, value)
        return
    path = _parsed(text)
    if isinstance(path, ValuePath):
        _write_selected(_holder(document, path.attr_path), path, op, value)
    elif path.sub_attr:
        holder = _holder(document, path)
        parent = _value(holder, path.attr)
        inner = parent if isinstance(parent, dict) else {}
        _write(inner, path.sub_attr, op, value)
        holder[_spelled(holder, path.attr)] = inner
    else:
        _write(_holder(document, path), path.attr, op, value)


def _parsed(text: str) -> AttrPath | ValuePath:
    try:
        path = Path[Any](text).ast
    except InvalidPathException:
        path = None
    if isinstance(path, AttrPath | ValuePath):
        return path
    raise Untranslatable(f"the path {text!r}")


def _holder(document: Document, path: AttrPath) -> Document:
    """Return the object that an attribute is in: the resource, or one of its extensions."""
    if path.uri is None or path.uri.lower().startswith(CORE.lower()):
        return document
    name = _spelled(document, path.uri)
    if not isinstance(document.get(name), dict):
        document[name] = {}
    extension: Document = document[name]
    return extension


def _names_schema(document: Document, text: str) -> bool:
    """Tell whether a path is a whole extension (RFC 7644 §3.10)."""
    known = {ENTERPRISE, *document, *document.get("schemas", ())}
    return text.lower() in {str(each).lower() for each in known if str(each).startswith("urn:")}


def _write(holder: Document, attribute: str, op: str, value: Any) -> None:
    name = _spelled(holder, attribute)
    old = holder.get(name)
    if op == "remove":
        kept = _without(old, value)
        holder[name] = kept
    elif op == "add" and isinstance(old, list):
        had = {_identity(one) for one in old}
        holder[name] = [*old, *(one for one in _items(value) if _identity(one) not in had)]
    elif isinstance(old, dict) and isinstance(value, Mapping):
        holder[name] = {**old, **deepcopy(value)}
    else:
        holder[name] = deepcopy(value)


def _without(old: Any, value: Any) -> Any:
    """Return what a removal leaves: of a list with values named, those that were not."""
    if not isinstance(old, list) or value is None:
        return None
    gone = {_identity(one) for one in _items(value)}
    return [one for one in old if _identity(one) not in gone]


def _write_selected(holder: Document, path: ValuePath, op: str, value: Any) -> None:
    name = _spelled(holder, path.attr_path.attr)
    old = holder.get(name)
    entries = [one for one in old if isinstance(one, dict)] if isinstance(old, list) else []
    wanted = dict(_conditions(path.val_filter))
    chosen = [one for one in entries if all(_equal(one.get(k), v) for k, v in wanted.items())]
    if op == "remove" and not path.sub_attr:
        holder[name] = [one for one in entries if not any(one is gone for gone in chosen)]
        return
    if not chosen and op != "remove":
        chosen = [dict(wanted)]
        entries += chosen
    for one in chosen:
        if path.sub_attr:
            _write(one, path.sub_attr, op, value)
        elif isinstance(value, Mapping):
            one.update(deepcopy(value))
    holder[name] = entries


def _conditions(node: FilterNode) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, Comparison) or node.op is not CompareOperator.eq:
        raise Untranslatable(f"the filter {node}")
    yield node.attr_path.attr, node.value


def _items(value: Any) -> list[Any]:
    return [deepcopy(one) for one in value] if isinstance(value, list) else [deepcopy(value)]


def _identity(value: Any) -> Hashable:
    """Return what tells a value of a list from others: ``value`` with its type, or all of it."""
    if isinstance(value, Mapping) and "value" in value:
        kind = value.get("type")
        return str(value["value"]), "" if kind in _RESOURCES else str(kind or "")
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


_RESOURCES: Final = frozenset({"User", "Group"})
"""Types of members: they say what ``value`` refers to, and tell no two members apart."""


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    return bool(one == other)


def _value(holder: Mapping[str, Any], attribute: str) -> Any:
    return holder.get(_spelled(holder, attribute))


def _spelled(holder: Mapping[str, Any], attribute: str) -> str:
    """Return how an attribute is spelled there; names have no case (RFC 7643 §2.1)."""
    if attribute in holder:
        return attribute
    return next((name for name in holder if name.lower() == attribute.lower()), attribute)


def _assigned(value: Any) -> Any:
    """Return a value without the members of objects that count as none (RFC 7643 §2.5)."""
    if isinstance(value, list):
        return [_assigned(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _assigned(one) for name, one in value.items()}
    return {name: one for name, one in kept.items() if one not in (None, [], {})}
