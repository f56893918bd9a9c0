"""Lays a mapped document over a stored one, and says what that changes.

``merge`` gives the document as it should be, ``diff`` the PATCH operations that lead there (RFC
7644 §3.5.2), ``changes`` the same as before and after for the provisioning log.
"""

from collections.abc import Iterator, Mapping
from json import dumps
from typing import Any, Final

from azure_adapter.mapping.coverage import Coverage
from azure_adapter.mapping.table import USER_COVERAGE
from azure_adapter.mapping.text import folded

_NOT_COMPARED: Final = frozenset({"schemas", "id", "meta", "groups", "members", "password"})
"""What no document decides: server-assigned (RFC 7643 §3.1), references, or never returned."""

Document = dict[str, Any]


def merge(
    current: Mapping[str, Any] | None,
    desired: Mapping[str, Any],
    coverage: Coverage = USER_COVERAGE,
) -> Document:
    """Return a stored document as it should be; neither argument is changed.

    Args:
        current: The stored SCIM document, or None for a new resource.
        desired: What the mapping wants, references added by the planner included.
        coverage: What the mapping decides about.

    Returns:
        Covered attributes as desired (removed when absent there), everything else as it was. An
        attribute that is desired although it is not covered is set.
    """
    if current is None:
        return {**_copy(coverage.defaults), **_copy(desired)}
    result: Document = _copy(current)
    for name in coverage.simple:
        result.pop(name, None)
    for name, wanted in desired.items():
        if name != "schemas" and name not in coverage.subs and name not in coverage.types:
            result[name] = _copy(wanted)
    for name, covered in coverage.subs.items():
        _put(result, name, _merge_subs(result.get(name), desired.get(name), covered))
    for name, covered in coverage.types.items():
        old, wanted = result.get(name), desired.get(name)
        parts = coverage.parts.get(name)
        if parts:
            wanted = _merge_parts(old, wanted, parts)
        _put(result, name, _merge_values(old, wanted, covered))
    _put(result, "schemas", _merge_schemas(result, desired, coverage))
    return result


def diff(current: Mapping[str, Any], target: Mapping[str, Any]) -> list[Document]:
    """Return the PATCH operations that turn a stored document into a target.

    Sub-attributes are changed one by one, multi-valued attributes as whole lists. The order of
    values has no meaning and makes no difference. Source: RFC 7644 §3.5.2.

    Returns:
        Operation objects with ``op``, ``path`` and ``value``; an empty list when nothing differs.
    """
    return [_operation(*difference) for difference in _differences(current, target)]


def changes(
    current: Mapping[str, Any] | None, target: Mapping[str, Any]
) -> tuple[Document, Document]:
    """Return (before, after) by attribute path, of what differs; None stands for no value."""
    before: Document = {}
    after: Document = {}
    for path, old, new in _differences(current or {}, target):
        before[path], after[path] = old, new
    return before, after


def manager_value(reference: str) -> Document:
    """Return the value of the enterprise ``manager`` attribute (RFC 7643 §4.3).

    Args:
        reference: Resource id of the manager, or a ``bulkId:`` reference.
    """
    return {"value": reference, "$ref": f"Users/{reference}"}


def _copy(value: Any) -> Any:
    """Copy a JSON value; several times as fast as ``copy.deepcopy``."""
    if isinstance(value, Mapping):
        return {name: _copy(one) for name, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list) else value


def _put(document: Document, name: str, value: Any) -> None:
    if _empty(value):
        document.pop(name, None)
    else:
        document[name] = value


def _empty(value: Any) -> bool:
    """Say whether a value counts as none (RFC 7643 §2.5)."""
    return value is None or (isinstance(value, (dict, list)) and not value)


def _merge_subs(old: Any, wanted: Any, covered: frozenset[str]) -> Document:
    old = old if isinstance(old, dict) else {}
    wanted = wanted if isinstance(wanted, Mapping) else {}
    kept = {name: value for name, value in old.items() if name not in covered}
    for name, value in wanted.items():
        kept[name] = old[name] if _same_reference(old.get(name), value) else _copy(value)
    return kept


def _same_reference(old: Any, wanted: Any) -> bool:
    """Say whether two complex values refer to the same resource, however ``$ref`` is written."""
    if not isinstance(old, dict) or not isinstance(wanted, Mapping) or "$ref" not in wanted:
        return False
    return _same(old.get("value"), wanted.get("value"))


def _merge_parts(old: Any, wanted: Any, parts: Mapping[str, frozenset[str]]) -> list[Document]:
    """Give the desired values of each type what is left alone in the first old one of it."""
    wanted = wanted if isinstance(wanted, list) else []
    merged = []
    for kind, covered in parts.items():
        values = [one for one in wanted if _type(one) == kind]
        kept = _first_of(old, kind)
        left = {name: value for name, value in kept.items() if name not in covered}
        if not values and left.keys() - {"type", "primary"}:
            values = [{"type": kept["type"]}]
        merged += [{**left, **one} for one in values]
    return [*merged, *(one for one in wanted if _type(one) not in parts)]


def _first_of(values: Any, kind: str) -> Document:
    for one in values if isinstance(values, list) else []:
        if isinstance(one, dict) and _type(one) == kind:
            return one
    return {}


def _type(value: Mapping[str, Any]) -> str:
    """Return the type of a value of a multi-valued attribute, in lower case."""
    return str(value.get("type", "")).lower()


def _merge_values(old: Any, wanted: Any, covered: frozenset[str]) -> list[Any]:
    """Keep the values of types that are not covered, beside the desired ones."""
    old = old if isinstance(old, list) else []
    wanted = wanted if isinstance(wanted, list) else []
    taken = {_key(one) for one in wanted}
    kept = [_copy(one) for one in old if _is_foreign(one, covered, taken)]
    if any(one.get("primary") for one in wanted):
        for one in kept:
            one.pop("primary", None)
    merged = [*_copy(wanted), *kept]
    return _copy(old) if _same(old, merged) else merged


def _key(value: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a value of a multi-valued attribute is told apart by: its type and value."""
    text = value.get("value")
    return _type(value), folded(text) if isinstance(text, str) else ""


def _is_foreign(value: Any, covered: frozenset[str], taken: set[tuple[str, str]]) -> bool:
    """Say whether the mapping leaves a value alone.

    One that repeats a desired value, of the same type or itself without one, is not left alone.
    """
    if not isinstance(value, dict):
        return False
    kind, text = _key(value)
    if isinstance(value.get("type"), str):
        return kind not in covered and (not text or (kind, text) not in taken)
    return not text or all(text != other for _, other in taken)


def _merge_schemas(result: Document, desired: Mapping[str, Any], coverage: Coverage) -> list[str]:
    names = dict.fromkeys([*result.get("schemas", ()), *desired.get("schemas", ())])
    for name in coverage.subs:
        if ":" in name and name not in result:
            names.pop(name, None)
    return list(names)


def _differences(
    current: Mapping[str, Any], target: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, old, new) of what differs; None stands for no value."""
    for name in dict.fromkeys([*target, *current]):
        if name in _NOT_COMPARED:
            continue
        old, new = current.get(name), target.get(name)
        if isinstance(old, dict) or isinstance(new, dict):
            yield from _sub_differences(name, _members(old), _members(new))
        elif not _same(old, new):
            yield name, _or_none(old), _or_none(new)


def _sub_differences(name: str, old: Document, new: Document) -> Iterator[tuple[str, Any, Any]]:
    separator = ":" if ":" in name else "."
    for sub in dict.fromkeys([*new, *old]):
        if not _same(old.get(sub), new.get(sub)):
            yield f"{name}{separator}{sub}", _or_none(old.get(sub)), _or_none(new.get(sub))


def _members(value: Any) -> Document:
    return value if isinstance(value, dict) else {}


def _or_none(value: Any) -> Any:
    return None if _empty(value) else _copy(value)


def _operation(path: str, old: Any, new: Any) -> Document:
    if new is None:
        return {"op": "remove", "path": path}
    return {"op": "add" if old is None else "replace", "path": path, "value": new}


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, str) and isinstance(new, str):
        return old == new
    if dumps(old) == dumps(new):
        return True
    return bool(_comparable(old) == _comparable(new))


def _comparable(value: Any) -> Any:
    """Return a form in which equal SCIM values are equal.

    Values of a list have no order; ``primary`` false is the same as none (RFC 7643 §2.4).
    """
    if _empty(value):
        return None
    if isinstance(value, list):
        return sorted(dumps(_comparable(one), sort_keys=True) for one in value)
    if isinstance(value, dict):
        return {
            name: _comparable(one)
            for name, one in value.items()
            if not (_empty(one) or (name == "primary" and one is False))
        }
    return (type(value).__name__, value)
