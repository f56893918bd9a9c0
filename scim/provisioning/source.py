"""What a source directory says: objects, changes, pages.

The vocabulary is neutral: nothing here names Microsoft Graph, so that the mirror in `storage`
can keep any directory. A property that a page does not mention is UNSET and simply absent from
``attributes``; ``None`` means that the source says the value is empty. The two are different:
absent keeps what the mirror knows, ``None`` clears it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Attributes = Mapping[str, Any]
"""JSON values by property name of the source, such as ``{"displayName": "Ann", "mail": None}``."""

MANAGER = "manager"
"""The property under which a user's manager is kept: the source id of the manager, or ``None``."""


class ObjectKind(StrEnum):
    """What an object of the source is."""

    user = "user"
    group = "group"
    other = "other"
    """A device, service principal or contact: known as a member, never provisioned."""


class Presence(StrEnum):
    """Whether an object is in the source."""

    present = "present"
    soft_deleted = "soft_deleted"
    """Removed, restorable in the source for 30 days."""
    deleted = "deleted"
    """Removed for good, or not seen by a complete initial cycle."""
    unknown = "unknown"
    """Only referred to (as a member or manager); never itself read."""


@dataclass(frozen=True, slots=True)
class MemberChange:
    """One edge of a group's membership that was added or removed."""

    source_id: str
    kind: ObjectKind
    removed: bool = False


@dataclass(frozen=True, slots=True)
class SourceChange:
    """One object of a delta page.

    Attributes:
        kind: user or group.
        source_id: the object's id in the source (Graph ``id``).
        presence: present, soft_deleted or deleted.
        attributes: the properties that the page mentions (see the module's docstring).
        members: membership edges that this page adds or removes (groups only).
    """

    kind: ObjectKind
    source_id: str
    presence: Presence = Presence.present
    attributes: Attributes = field(default_factory=dict)
    members: tuple[MemberChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectProblem:
    """An object of the source that cannot be used, said in a sentence a person can act on.

    Attributes:
        kind: user or group.
        source_id: its id, or "" when the source did not give one.
        label: what a person recognises it by (a name or the JSON's beginning).
        code: a stable word for programs, such as ``malformed`` or ``no_unique_value``.
        message: what is wrong, with which object.
        advice: what to do about it.
    """

    kind: ObjectKind
    source_id: str
    label: str
    code: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class FoundObject:
    """What the source has by one identifier.

    Attributes:
        change: the one object that fits, whole, with its manager or its direct members; ``None``
            when none does, or several do.
        others: what the several that fit are called.
        problem: why the one that fits cannot be used.
        complete: False when a group has more members than were read.
    """

    change: SourceChange | None
    others: tuple[str, ...] = ()
    problem: ObjectProblem | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class SourcePage:
    """One page of a delta chain.

    Attributes:
        changes: the objects of the page, in the order of the page.
        problems: the objects that could not be read.
        next_cursor: where the chain goes on, or ``None`` on its last page.
        delta_cursor: where the next incremental cycle starts; only on the last page.
    """

    changes: tuple[SourceChange, ...]
    problems: tuple[ObjectProblem, ...] = ()
    next_cursor: str | None = None
    delta_cursor: str | None = None
