"""Turns the objects of Graph's delta pages into source changes; pure.

Sources: Microsoft Graph: delta query overview, "user: delta", "group: delta".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from azure_adapter.mapping.table import GROUP_PROPERTIES, USER_PROPERTIES
from scim.provisioning.source import (
    MANAGER,
    MemberChange,
    ObjectKind,
    ObjectProblem,
    Presence,
    SourceChange,
)

USER_SELECT: Final = (*USER_PROPERTIES, "userType")
"""Properties of ``/users/delta``: what the mapping needs, and userType for scoping.

``accountEnabled`` has to be named: it is not among the default properties, and a user without it
must not be taken for a disabled one.
"""

GROUP_SELECT: Final = (
    *GROUP_PROPERTIES,
    "visibility",
    "groupTypes",
    "mailEnabled",
    "securityEnabled",
)
"""Properties of ``/groups/delta``: what the mapping needs, and what kind of group it is.

``visibility`` "HiddenMembership" tells a group whose members may come silently empty.
"""

Selection = Mapping[ObjectKind, tuple[str, ...]]
"""Selected properties by kind."""

SELECT: Final[Selection] = {
    ObjectKind.user: USER_SELECT,
    ObjectKind.group: GROUP_SELECT,
}
"""What is selected unless a user sync needs something else."""

ALWAYS: Final[Selection] = {
    ObjectKind.user: ("userPrincipalName", "displayName", "accountEnabled", "userType"),
    ObjectKind.group: GROUP_SELECT,
}
"""What is selected in any case: what people recognise an object by, and what decides about it."""

COLLECTION: Final[Mapping[ObjectKind, str]] = {
    ObjectKind.user: "users",
    ObjectKind.group: "groups",
}
"""Collection names by kind."""

_NOT_KEPT: Final = frozenset({"id", "members", MANAGER})
_PROPERTY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_MUST_BE: Final[Mapping[str, tuple[type, str]]] = {
    "displayName": (str, "a text"),
    "userPrincipalName": (str, "a text"),
    "mail": (str, "a text"),
    "accountEnabled": (bool, "true or false"),
}
_KINDS: Final[Mapping[str, ObjectKind]] = {
    "#microsoft.graph.user": ObjectKind.user,
    "#microsoft.graph.group": ObjectKind.group,
}
_REASONS: Final[Mapping[str, Presence]] = {
    "changed": Presence.soft_deleted,
    "deleted": Presence.deleted,
}
_ID: Final = re.compile(r"[A-Za-z0-9._~:@-]{1,128}")
_LABEL: Final = 80


class _Malformed(Exception):
    """An object that cannot be used; the message ends the sentence "It was skipped: …"."""


def selection(asked: Mapping[ObjectKind, Iterable[str]] | None = None) -> Selection:
    """Return what to select: what is asked for, and what is needed in any case.

    Args:
        asked: Graph properties by kind; a kind that is missing gets the default.

    Raises:
        ValueError: a name that cannot be a property of Graph; the message names it.
    """
    wanted = {**SELECT, **(asked or {})}
    return {
        kind: tuple(dict.fromkeys([*map(_property, wanted[kind]), *ALWAYS[kind]]))
        for kind in SELECT
    }


def _property(name: str) -> str:
    if _PROPERTY.fullmatch(name) is None:
        raise ValueError(f"{name!r} cannot be a property of Microsoft Graph")
    return name


def read_object(kind: ObjectKind, item: Any) -> SourceChange | ObjectProblem:
    """Read one object of a delta page.

    A property that the object does not mention stays absent, one that is null stays None. All
    that came is kept: only what was selected comes.

    Args:
        kind: What the collection holds.
        item: The JSON value as it came.

    Returns:
        The change, or why this one object is skipped.
    """
    try:
        if not isinstance(item, dict):
            raise _Malformed("it is not a JSON object")
        return _change(kind, item)
    except _Malformed as error:
        return _problem(kind, item, str(error))


def _change(kind: ObjectKind, item: dict[str, Any]) -> SourceChange:
    source_id = _id(item, "id")
    if "@removed" in item:
        return SourceChange(kind, source_id, _presence(item["@removed"]))
    for name, (expected, wording) in _MUST_BE.items():
        value = item.get(name)
        if value is not None and not isinstance(value, expected):
            raise _Malformed(f"{name} is not {wording}")
    attributes = {name: value for name, value in item.items() if _is_property(name)}
    members: tuple[MemberChange, ...] = ()
    if kind is ObjectKind.user:
        attributes.update(_manager(item))
    else:
        members = tuple(_member(entry) for entry in _entries(item, "members@delta"))
    return SourceChange(kind, source_id, Presence.present, attributes, members)


def _is_property(name: str) -> bool:
    """Tell a property from the id, a relation, and an annotation of OData."""
    return name not in _NOT_KEPT and "@" not in name


def _presence(removed: Any) -> Presence:
    reason = removed.get("reason") if isinstance(removed, dict) else None
    presence = _REASONS.get(reason.lower()) if isinstance(reason, str) else None
    if presence is None:
        raise _Malformed("it is removed for a reason that is neither changed nor deleted")
    return presence


def _manager(item: dict[str, Any]) -> dict[str, str | None]:
    """Read ``manager@delta``: former managers are marked as removed, the present one is not."""
    entries = _entries(item, "manager@delta")
    if not entries:
        return {}
    present = [_id(entry, "manager@delta") for entry in entries if "@removed" not in entry]
    return {MANAGER: present[-1] if present else None}


def _member(entry: dict[str, Any]) -> MemberChange:
    """Read an entry of ``members@delta``; a removal there is about the membership only."""
    kind = _KINDS.get(str(entry.get("@odata.type")).lower(), ObjectKind.other)
    return MemberChange(_id(entry, "members@delta"), kind, removed="@removed" in entry)


def _entries(item: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = item.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise _Malformed(f"{name} is not a list of objects")
    return entries


def _id(item: dict[str, Any], where: str) -> str:
    value = item.get("id")
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise _Malformed(f"{where} has no usable id" if where != "id" else "it has no usable id")
    return value


def _problem(kind: ObjectKind, item: Any, reason: str) -> ObjectProblem:
    source_id, label = "", ""
    if isinstance(item, dict):
        found = item.get("id")
        source_id = found if isinstance(found, str) and _ID.fullmatch(found) else ""
        names = (item.get("displayName"), item.get("userPrincipalName"), source_id)
        label = next((one for one in names if isinstance(one, str) and one), "")
    label = _short(label or repr(item))
    return ObjectProblem(
        kind,
        source_id,
        label,
        "malformed",
        f"The {kind.value} {label} was skipped: {reason}.",
        f"Look at this {kind.value} in Microsoft Entra; the others were read. It is read again "
        "as soon as it changes there, or with the next full cycle.",
    )


def _short(text: str) -> str:
    return text if len(text) <= _LABEL else f"{text[:_LABEL]}…"
