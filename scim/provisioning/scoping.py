"""What a user sync's scope and its nested groups need of the mirror: values and the port.

`storage` implements :class:`ScopeStore` as a part of :class:`scim.provisioning.ports.SyncStore`;
`azure_adapter.sync` decides with it. Everything works on sets of rows: nothing asks once an object.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scim.provisioning.source import Attributes, ObjectKind


@dataclass(frozen=True, slots=True)
class ScopeState:
    """What the mirror was last told.

    Attributes:
        fingerprint: of the scope that every ``in_scope`` follows from; "" when everything is in.
        nesting: how nested groups were last planned.
    """

    fingerprint: str = ""
    nesting: str = "kept"


@dataclass(frozen=True, slots=True)
class ScopeGroups:
    """Scoping groups and, when they count as nested, the groups inside of them.

    Attributes:
        rows: mirror rows of those that are in the source.
        unread: source ids of groups inside of them that were never read.
        dirty: whether anything about them, or about a scoping group that is gone, may have
            changed since the last plan.
    """

    rows: tuple[int, ...] = ()
    unread: tuple[str, ...] = ()
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """A present object of the mirror as the scope looks at it.

    Attributes:
        row: its mirror row.
        in_scope: what the mirror says now.
        reason: the word why.
        member: a user is a direct member of one of the groups asked about; a group is one.
        retained: it is linked and was in scope until now.
    """

    row: int
    source_id: str
    kind: ObjectKind
    attributes: Attributes
    in_scope: bool
    reason: str
    member: bool
    retained: bool


@dataclass(frozen=True, slots=True)
class RowVerdict:
    """What the scope says of one mirror row."""

    row: int
    in_scope: bool
    reason: str


@dataclass(frozen=True, slots=True)
class WantedMembers:
    """The members that a group is to have, as far as the mirror and the links know them.

    Users and groups that are in the source and in scope; devices and the like never are.

    Attributes:
        linked: resource ids of those that feed a resource.
        users: source ids of users that feed none yet.
        groups: source ids of groups that feed none yet.
    """

    linked: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class ScopeStore(Protocol):
    """The part of the durable state of one user sync that scope and nesting need."""

    async def scope_state(self) -> ScopeState:
        """Return what the mirror was last told."""
        ...

    async def set_scope_fingerprint(self, fingerprint: str) -> None:
        """Save the fingerprint of the scope (up to 64 characters)."""
        ...

    async def set_nesting(self, nesting: str) -> None:
        """Save how nested groups are planned, and make every group dirty."""
        ...

    async def scope_groups(self, source_ids: Sequence[str], *, nested: bool) -> ScopeGroups:
        """Return the scoping groups that are in the source, with those inside when ``nested``."""
        ...

    async def empty_groups(self, rows: Sequence[int], attribute: str, value: str) -> list[str]:
        """Return the source ids of the groups with this attribute that have no member at all."""
        ...

    async def scope_rows(
        self,
        kind: ObjectKind,
        after_row: int,
        limit: int,
        groups: Sequence[int],
        *,
        dirty_only: bool,
    ) -> list[ScopeRow]:
        """Return the next present objects of a kind in the order of their rows."""
        ...

    async def scope_rows_at(
        self, kind: ObjectKind, rows: Sequence[int], groups: Sequence[int]
    ) -> list[ScopeRow]:
        """Return these rows, as :meth:`scope_rows` does, as far as they are present."""
        ...

    async def scope_moved(
        self, kind: ObjectKind, groups: Sequence[int], without: str, *, but: Sequence[str] = ()
    ) -> list[int]:
        """Return the rows whose membership no longer agrees with what the mirror says of them.

        That is, present objects in scope that are no member (users), or none (groups), of the
        groups; and those that are out for the reason ``without`` and are one.

        Args:
            kind: users or groups.
            groups: mirror rows of the scoping groups, those inside of them included.
            without: the reason of objects that lack nothing but a membership.
            but: reasons of objects that are left out of the answer.
        """
        ...

    async def save_scope(self, verdicts: Sequence[RowVerdict]) -> int:
        """Save what the scope says of rows.

        What comes in or goes out becomes dirty, and so does what depends on it: its groups, those
        who report to it, and those who claim the same user. Returns how many came or went.
        """
        ...

    async def closures(self, rows: Sequence[int]) -> dict[int, list[int]]:
        """Return, by mirror row of a group, it and every present group inside of it, any depth."""
        ...

    async def soil_ancestors(self) -> int:
        """Make every group dirty that a dirty group stands in, at any depth; returns how many."""
        ...

    async def wanted_members(self, groups: Sequence[int], *, users_only: bool) -> WantedMembers:
        """Return what the direct members of these groups come to, each once, in order of ids.

        Args:
            groups: mirror rows: a group, or a group and everything inside of it.
            users_only: leave groups out.
        """
        ...
