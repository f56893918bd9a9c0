"""The parts a simulated directory is made of: objects, their changes, and folded changes.

A directory object is one ``Entry``. Every mutation appends ``Change`` records to one log; a
position in that log is what a delta token names. ``fold`` turns a window of the log into what
one delta round has to say. Source: Microsoft Graph: delta query overview.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple


class Entry:
    """One directory object: a user, group, device, service principal or contact.

    Attributes:
        id: Object id, a GUID in text form.
        kind: ``user``, ``group``, ``device``, ``servicePrincipal`` or ``orgContact``.
        attrs: Graph property name to JSON value. A missing key was never set, None was cleared.
        members: For groups: member id to the edge's sequence number, ascending; else None.
        parents: Ids of groups that hold this object, None while there are none.
        manager: For users: id of the manager or None.
        reports: Ids of users whose manager this is, None while there are none.
        deleted: Time of soft deletion in seconds since the epoch, None while live.
    """

    __slots__ = ("attrs", "deleted", "id", "kind", "manager", "members", "parents", "reports")

    def __init__(self, kind: str, object_id: str, attrs: dict[str, Any]) -> None:
        self.id = object_id
        self.kind = kind
        self.attrs = attrs
        self.members: dict[str, int] | None = {} if kind == "group" else None
        self.parents: list[str] | None = None
        self.manager: str | None = None
        self.reports: list[str] | None = None
        self.deleted: float | None = None

    def copy(self) -> Entry:
        """Copy the entry, its collections included."""
        made = Entry(self.kind, self.id, dict(self.attrs))
        made.members = None if self.members is None else dict(self.members)
        made.parents = None if self.parents is None else list(self.parents)
        made.reports = None if self.reports is None else list(self.reports)
        made.manager, made.deleted = self.manager, self.deleted
        return made

    @property
    def odata_type(self) -> str:
        """The type annotation of relation entries, for example ``#microsoft.graph.user``."""
        return odata_type(self.kind)


def odata_type(kind: str) -> str:
    """Build the ``@odata.type`` value of a kind."""
    return f"#microsoft.graph.{kind}"


MISSING: Final = object()
"""Stands in a change for a property that was never set before."""


class Op(IntEnum):
    """What happened to an object."""

    CREATED = 1
    UPDATED = 2
    SOFT_DELETED = 3
    PURGED = 4
    RESTORED = 5
    MANAGER = 6
    MEMBER = 7


class Change(NamedTuple):
    """One record of the change log.

    Attributes:
        kind: Kind of the object that changed.
        op: What happened.
        id: Object id.
        detail: What is needed to tell the change and to take it back. UPDATED: changed
            property to its previous value; MANAGER: previous manager id (or None); MEMBER:
            (member id, member kind, edge), the edge negative when it went, 0 when it only was
            told again; RESTORED: time of deletion; PURGED: the entry before, and its edges by
            group id; else None.
    """

    kind: str
    op: Op
    id: str
    detail: Any


@dataclass(slots=True)
class Folded:
    """Everything that happened to one object inside one window of the log.

    Attributes:
        whole: Created or restored: every property has to be told.
        lifecycle: Created, deleted or restored: tell it whatever was selected.
        properties: Names of changed properties.
        managers: Ids of previous managers, oldest first; empty when the manager is unchanged.
        manager_changed: Whether the manager changed.
        members: Member id to member kind of every edge that was added or removed.
    """

    whole: bool = False
    lifecycle: bool = False
    properties: set[str] = field(default_factory=set)
    managers: list[str] = field(default_factory=list)
    manager_changed: bool = False
    members: dict[str, str] = field(default_factory=dict)

    def absorb(self, change: Change) -> None:
        """Add one record to the summary."""
        if change.op is Op.UPDATED:
            self.properties.update(change.detail)
        elif change.op is Op.MEMBER:
            member_id, member_kind, _ = change.detail
            self.members[member_id] = member_kind
        elif change.op is Op.MANAGER:
            self.manager_changed = True
            if change.detail is not None:
                self.managers.append(change.detail)
        else:
            self.lifecycle = True
            self.whole = self.whole or change.op in (Op.CREATED, Op.RESTORED)


def fold(changes: Iterable[Change], kind: str) -> list[tuple[str, Folded]]:
    """Summarize a window of the change log per object.

    Args:
        changes: Records in the order they happened.
        kind: Only objects of this kind.

    Returns:
        (object id, summary) in the order of each object's first change.
    """
    folded: dict[str, Folded] = {}
    for change in changes:
        if change.kind != kind:
            continue
        summary = folded.get(change.id)
        if summary is None:
            summary = folded[change.id] = Folded()
        summary.absorb(change)
    return list(folded.items())
