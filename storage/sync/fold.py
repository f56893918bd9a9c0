"""What the changes of a page do to the mirror: a pure fold, one change after the other.

The state is what the mirror knows of everything that the page mentions. Since each change is
folded on its own, a page merged in pieces ends like the whole page, and since each only sets
what it says, a page merged twice ends like once. What has to be written is read off afterwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from scim.provisioning.source import MANAGER, MemberChange, ObjectKind, Presence, SourceChange
from storage.sync.values import from_json, stamp_of, to_json

Edge = tuple[str, str]
"""A membership: source id of the group, source id of the member."""

NEVER = -1
"""The generation of an object that was only referred to, never read."""


@dataclass(slots=True)
class Thing:
    """One object of the mirror while a page is folded.

    Attributes:
        text: its attributes as canonical JSON.
        row: its row in the mirror, 0 before it is added.
        was_dirty: whether it was dirty before the page.
        soiled: something about it changed, so that it is planned again, without back-off.
        rewritten: its own columns changed.
        seen: its generation changed.
    """

    source_id: str
    kind: ObjectKind
    presence: Presence = Presence.unknown
    text: str = "{}"
    manager: str | None = None
    stamp: str = ""
    generation: int = NEVER
    dirty: bool = False
    row: int = 0
    was_dirty: bool = False
    soiled: bool = False
    rewritten: bool = False
    seen: bool = False

    @property
    def attributes(self) -> dict[str, Any]:
        """Its attributes, by property name of the source."""
        known: dict[str, Any] = from_json(self.text)
        return known

    def soil(self) -> None:
        """Have it planned again."""
        self.dirty = self.soiled = True


class Fold:
    """The state that changes are folded into.

    Attributes:
        things: every object, by source id.
        edges: the memberships, with their generation: at least those that the page mentions and
            those of members whose presence it changes.
        generation: what objects and memberships get that are seen.
        dropped: objects whose memberships all went, on either side.
    """

    def __init__(
        self,
        things: Iterable[Thing],
        edges: dict[Edge, int],
        *,
        generation: int,
        initial: bool,
    ) -> None:
        """Start from what the mirror knows.

        Args:
            things: what it knows of the objects.
            edges: what it knows of the memberships; both ends are in ``things``.
            generation: the generation of the chain that the page belongs to.
            initial: whether that chain is an initial cycle.
        """
        self.things = {thing.source_id: thing for thing in things}
        self.edges = dict(edges)
        self.dropped: set[str] = set()
        self._stored = dict(edges)
        self._touching: dict[str, set[Edge]] = {}
        for edge in edges:
            self._index(edge)
        self.generation = generation
        self._initial = initial

    def apply(self, change: SourceChange) -> None:
        """Fold one change."""
        thing = self._known(change.source_id, change.kind)
        before = thing.presence
        self._describe(thing, change)
        if change.presence is Presence.deleted:
            self._drop_edges(thing.source_id)
        elif change.presence is not before:
            self._soil_groups_of(thing.source_id)
        for member in change.members:
            self._connect(thing, member)

    def added_edges(self) -> list[Edge]:
        """Return the memberships to add, or to give :attr:`generation`."""
        return [edge for edge, seen in self.edges.items() if self._stored.get(edge) != seen]

    def removed_edges(self) -> list[Edge]:
        """Return the memberships to remove, besides all those of :attr:`dropped`."""
        return [edge for edge in self._stored if edge not in self.edges]

    def count_dirty(self) -> int:
        """Return how many objects became dirty."""
        return sum(thing.dirty and not thing.was_dirty for thing in self.things.values())

    def _known(self, source_id: str, kind: ObjectKind) -> Thing:
        thing = self.things.get(source_id)
        if thing is None:
            thing = self.things[source_id] = Thing(source_id, kind)
        return thing

    def _describe(self, thing: Thing, change: SourceChange) -> None:
        attributes = self._merged(thing, change)
        if attributes is not None:
            thing.text = to_json(attributes)
            thing.manager = _reference(attributes.get(MANAGER))
        mentioned = _reference(change.attributes.get(MANAGER))
        if mentioned is not None:
            self._known(mentioned, ObjectKind.user)
        stamp = stamp_of(change.presence, thing.text)
        if stamp != thing.stamp:
            thing.soil()
        thing.rewritten |= stamp != thing.stamp or change.kind is not thing.kind
        thing.kind, thing.presence, thing.stamp = change.kind, change.presence, stamp
        thing.seen |= thing.generation != self.generation
        thing.generation = self.generation

    def _merged(self, thing: Thing, change: SourceChange) -> dict[str, Any] | None:
        """Return the attributes after a change, or ``None`` when it says nothing of them.

        The first time that an initial cycle shows an object it shows it whole: what it does not
        mention was cleared meanwhile. From then on pages add up.
        """
        whole = (
            self._initial
            and change.presence is Presence.present
            and thing.generation < self.generation
        )
        if not change.attributes and not whole:
            return None
        known = {} if whole else thing.attributes
        merged = {**known, **change.attributes}
        return {name: value for name, value in merged.items() if value is not None}

    def _connect(self, group: Thing, change: MemberChange) -> None:
        edge = (group.source_id, change.source_id)
        if change.removed:
            if self.edges.pop(edge, None) is not None:
                group.soil()
            return
        self._known(change.source_id, change.kind)
        if edge not in self.edges:
            group.soil()
            self._index(edge)
        self.edges[edge] = self.generation

    def _drop_edges(self, source_id: str) -> None:
        self.dropped.add(source_id)
        self._soil_groups_of(source_id)
        for edge in self._touching.pop(source_id, ()):
            self.edges.pop(edge, None)
            self._stored.pop(edge, None)

    def _soil_groups_of(self, source_id: str) -> None:
        for edge in self._touching.get(source_id, ()):
            group, member = edge
            if member == source_id and edge in self.edges:
                self.things[group].soil()

    def _index(self, edge: Edge) -> None:
        for end in edge:
            self._touching.setdefault(end, set()).add(edge)


def _reference(value: Any) -> str | None:
    """Return a source id, or ``None`` for what is none."""
    return value if isinstance(value, str) and value else None
