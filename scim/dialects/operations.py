"""What is meant by PATCH operations that do not have the form of RFC 7644 §3.5.2.

An operation is a JSON object; the names of its members are read in any case.
"""

from typing import Any

from scim.dialects.catalogue import Shape, Target, locate

READ_ONLY = frozenset({"meta", "groups"})


def member(operation: dict[str, Any], name: str) -> Any:
    """Return a member of an operation, or ``None``."""
    if name in operation:
        return operation[name]
    key = key_of(operation, name)
    return None if key is None else operation[key]


def key_of(container: dict[str, Any], name: str) -> str | None:
    """Return how a member is spelled, or ``None`` when there is none of that name."""
    if name in container:
        return name
    for key in container:
        if key.lower() == name:
            return key
    return None


def changed(operation: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a copy with other members."""
    return {**operation, **{key_of(operation, name) or name: members[name] for name in members}}


def without(operation: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a copy that lacks a member."""
    return {key: item for key, item in operation.items() if key.lower() != name}


def op_of(operation: dict[str, Any]) -> str:
    """Return what an operation does, in lower case."""
    op = member(operation, "op")
    return op.lower() if isinstance(op, str) else ""


def target_of(operation: dict[str, Any], shape: Shape) -> Target | None:
    """Return what the path of an operation points at."""
    path = member(operation, "path")
    return locate(shape, path) if isinstance(path, str) else None


def extension_path(operation: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Give a path the URN of the extension whose attribute it names."""
    path = member(operation, "path")
    if not isinstance(path, str):
        return operation
    attribute = shape.misplaced(path.partition(".")[0].strip())
    if attribute is None:
        return operation
    return changed(operation, path=f"{attribute.extension}:{path.strip()}")


def extension_keys(operation: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Move extension attributes at the root of a value without path into their extension."""
    value = member(operation, "value")
    if member(operation, "path") or not isinstance(value, dict):
        return operation
    moved = into_extension(value, shape, nulls=True)
    return operation if moved is value else changed(operation, value=moved)


def element_value_path(operation: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Let a string written to a selected element be written to its ``value``."""
    target = target_of(operation, shape)
    selected = target is not None and target.selects and not target.sub
    if not selected or not isinstance(member(operation, "value"), str):
        return operation
    if op_of(operation) == "remove" or target is None or "value" not in target.parent.subs:
        return operation
    return changed(operation, path=f"{member(operation, 'path').strip()}.value")


def only_item(operation: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Unwrap a single value that was sent as an array of one ``{"value": …}``."""
    value = member(operation, "value")
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        return operation
    target = target_of(operation, shape)
    if target is None or target.attribute.multi or target.attribute.subs:
        return operation
    names = {key.lower() for key in value[0]}
    if "value" not in names or not names <= {"value", "$ref"}:
        return operation
    item = member(value[0], "value")
    return operation if isinstance(item, list) else changed(operation, value=item)


def removal_by_path(operation: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Ignore the value of a removal whose path already says what to remove.

    On all the values of an attribute it selects which, so there it stays; an empty one selects
    none, and must never become a removal of all.
    """
    value = member(operation, "value")
    if value is None or op_of(operation) != "remove":
        return operation
    target = target_of(operation, shape)
    if target is None:
        return operation
    if not target.whole:
        return without(operation, "value")
    return changed(operation, value=[]) if value == "" else operation


def whole_element(operation: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Remove the selected elements where the sender removes their ``value``."""
    target = target_of(operation, shape)
    if op_of(operation) != "remove" or target is None or not (target.selects and target.sub):
        return operation
    if target.attribute is not target.parent.subs.get("value"):
        return operation
    path = member(operation, "path")
    return changed(operation, path=path[: path.rindex("]") + 1])


def representation(operation: dict[str, Any], shape: Shape) -> dict[str, Any]:  # noqa: ARG001
    """Ignore what is read-only in a value that is a representation of the resource.

    Such a value also holds its ``id`` or ``schemas``. Anywhere else, writing a read-only
    attribute keeps its error (RFC 7644 §3.5.2: mutability).
    """
    value = member(operation, "value")
    if member(operation, "path") or not isinstance(value, dict):
        return operation
    names = {key.lower() for key in value}
    if not names & {"id", "schemas"} or not names & READ_ONLY:
        return operation
    kept = {key: item for key, item in value.items() if key.lower() not in READ_ONLY}
    return changed(operation, value=kept)


def members_by_id(operation: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Let a removal of members name them by their id alone: labels may be out of date."""
    target = target_of(operation, shape)
    if op_of(operation) != "remove" or target is None or not target.whole:
        return operation
    value = member(operation, "value")
    entries = value if isinstance(value, list) else [value]
    if target.parent.name != "members" or not all(_names_more(entry) for entry in entries):
        return operation
    if all(len(entry) == 1 for entry in entries):
        return operation
    return changed(operation, value=[{"value": member(entry, "value")} for entry in entries])


def _names_more(entry: Any) -> bool:
    """Whether an entry has an id, with or without more."""
    return isinstance(entry, dict) and bool(member(entry, "value"))


def nothing_to_write(operation: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Read writing nothing as unassigning, and adding nothing to a list as changing nothing.

    A replacement of a whole attribute by null is the RFC's own way to unassign it, and stays.
    """
    op, key = op_of(operation), key_of(operation, "value")
    if op not in ("add", "replace") or key is None or operation[key] is not None:
        return operation
    target = target_of(operation, shape)
    if target is None or (op == "replace" and not target.selects):
        return operation
    if target.whole:
        return changed(operation, value=[])
    if target.parent.multi and not target.selects:
        return operation
    return without(changed(operation, op="remove"), "value")


def into_extension(document: dict[str, Any], shape: Shape, *, nulls: bool) -> dict[str, Any]:
    """Move attributes at the root that only an extension has into that extension.

    What the extension says already stands. A null is left where it is, or unassigns the
    attribute, as ``nulls`` says.
    """
    moved: dict[str, dict[str, Any]] = {}
    kept: dict[str, Any] = {}
    for key, item in document.items():
        attribute = shape.misplaced(key)
        if attribute is None or (item is None and not nulls):
            kept[key] = item
        else:
            moved.setdefault(attribute.extension, {})[attribute.name] = item
    if not moved:
        return document
    for urn, attributes in moved.items():
        spelled = key_of(kept, urn) or _spelling(kept, urn)
        present = kept.get(spelled)
        if present is None or isinstance(present, dict):
            said = {name.lower() for name in present or {}}
            more = {name: item for name, item in attributes.items() if name.lower() not in said}
            kept[spelled] = {**(present or {}), **more}
    return kept


def _spelling(document: dict[str, Any], urn: str) -> str:
    return next((key for key in document if key.lower() == urn.lower()), urn)
