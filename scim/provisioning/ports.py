"""The ports between the sync engine, the stores and the targets.

`azure_adapter.sync` is written against these protocols only. `storage` implements
:class:`SyncStore`, `azure_adapter.graph` implements :class:`SourceReader`, `gateway` implements
:class:`ProvisioningTarget` in process, with the same service and rules as the HTTP endpoints.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from scim.provisioning.decisions import DecisionStore
from scim.provisioning.operations import (
    Operation,
    Outcome,
)
from scim.provisioning.plan_store import PlanStore
from scim.provisioning.records import (
    Authority,
    Candidate,
    CursorRecord,
    EnrollmentState,
    Lease,
    LinkRecord,
    MemberRecord,
    MirrorRecord,
    Resolution,
    UniqueField,
)
from scim.provisioning.run_store import RunStore
from scim.provisioning.scoping import ScopeStore
from scim.provisioning.source import FoundObject, ObjectKind, SourceChange, SourcePage

# -- the source ------------------------------------------------------------


class SourceReader(Protocol):
    """Reads a source directory page by page; only ever reads."""

    def pages(self, kind: ObjectKind, cursor: str | None) -> AsyncIterator[SourcePage]:
        """Yield the pages of a delta chain, from its beginning or from a cursor on.

        Args:
            kind: users or groups.
            cursor: ``None`` for an initial cycle; else a ``next_cursor`` (resume) or a
                ``delta_cursor`` (incremental cycle) of an earlier page.

        Raises:
            SourceCursorExpired: the cursor is no longer good; start a fresh initial cycle.
            SourceNeedsLogin: a person has to sign in, or to grant a permission.
            SourceUnavailable: nothing can be read now.
        """
        ...

    async def one(self, kind: ObjectKind, identifier: str) -> FoundObject:
        """Find one object by what people call it, and read it whole.

        Args:
            kind: users or groups.
            identifier: id, userPrincipalName or mail of a user; id or displayName of a group.

        Raises:
            SourceError: it cannot be read now.
        """
        ...

    async def confirm_absent(
        self, kind: ObjectKind, ids: Sequence[str]
    ) -> dict[str, SourceChange | None]:
        """Ask about objects that an initial cycle did not return, before they count as deleted.

        Args:
            kind: users or groups.
            ids: their source ids.

        Returns:
            By id: present, with its attributes but without members; soft_deleted; or deleted.
            ``None`` for what cannot be determined, an outage included.

        Raises:
            SourceNeedsLogin: nothing can be asked.
        """
        ...


# -- the target ------------------------------------------------------------


class ProvisioningTarget(Protocol):
    """Applies SCIM operations, and answers what the planner must know.

    Attributes:
        transactional: whether what it applies commits or rolls back with the open unit of work.
            One that is not (a server over HTTP) is called outside of any transaction; then an
            operation may be applied again after a crash.
    """

    @property
    def transactional(self) -> bool:
        """Whether what it applies commits with the unit of work."""
        ...

    async def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Apply operations in order, each on its own: one that fails leaves the others.

        References (``bulkId:``) are already resolved. The answer has one outcome an operation.
        """
        ...

    async def read(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the current SCIM documents by id, without members and groups; missing: absent."""
        ...

    async def restorable(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the documents of those of the ids that are tombstones and can be restored."""
        ...

    async def find(self, field: UniqueField, values: Sequence[str]) -> dict[str, list[Candidate]]:
        """Return the users that hold a value, by the value as given (folded when compared).

        ``email`` means the work or primary address and nothing else, ``username`` userName.
        """
        ...

    async def members(self, group_id: str) -> set[str]:
        """Return the ids of a group's current members."""
        ...

    async def authorities(self, ids: Sequence[str]) -> dict[str, Authority]:
        """Return who decides about resources, by id; missing ones are absent.

        A target that knows one source only answers nothing: then everything is this sync's.
        """
        ...

    async def enrollment(self, ids: Sequence[str]) -> dict[str, EnrollmentState]:
        """Return how far users are enrolled, by id; missing ones are absent.

        A target that keeps no enrollment answers nothing.
        """
        ...


# -- enrollment ------------------------------------------------------------


class EnrollmentPort(Protocol):
    """Enrolls users of one workspace, inside the unit of work that is open."""

    async def invite(
        self, people: Sequence[tuple[str, str]], sync_id: str, actor: str
    ) -> list[Outcome]:
        """Invite people to verify an address; invitations and mails commit with the batch.

        Nobody is invited twice: who has a live invitation to that address, or has verified it,
        counts as success with ``changed=False``.

        Args:
            people: (resource id, address) of each.
            sync_id: the user sync that invites.
            actor: who stands behind it.

        Returns:
            one outcome each, in order. A refusal has a code (``not_found``, ``no_address``,
            ``changed_address``, ``inactive``) and says what to do.
        """
        ...

    async def trust(self, resource_ids: Sequence[str]) -> None:
        """Take the present addresses of users for verified; ids that are no users are ignored."""
        ...


# -- the state of one user sync --------------------------------------------


class SyncStore(ScopeStore, RunStore, PlanStore, DecisionStore, Protocol):
    """The durable state of one user sync: mirror, links, runs, plans.

    Every method is one short transaction, or takes part in the open :meth:`unit_of_work`.
    """

    # mirror

    async def cursor(self, kind: ObjectKind) -> CursorRecord:
        """Return where the chain of one kind stands."""
        ...

    async def begin_initial(self, kind: ObjectKind, properties: Sequence[str] = ()) -> CursorRecord:
        """Forget the cursor and begin a new generation of one kind: read everything again.

        ``properties`` are those of the source that the new chain reads.
        """
        ...

    async def merge_page(self, kind: ObjectKind, page: SourcePage, lease: Lease) -> int:
        """Merge one page into the mirror and save its cursor with it, in one transaction.

        Objects whose presence, attributes or members really changed become dirty; an object
        seen again unchanged does not. Returns how many became dirty. A page that is merged
        twice, or in pieces, ends in the same mirror.
        """
        ...

    async def sweep(self, kind: ObjectKind, lease: Lease) -> int:
        """After the last page of an initial cycle: what was not seen in it is deleted.

        Objects and membership edges of older generations go; returns how many objects became
        ``deleted``. Never called for a chain that has not reached its delta cursor.
        """
        ...

    async def count_absent(self, kind: ObjectKind) -> tuple[int, int]:
        """Return (present objects that the current generation has not seen, all present ones)."""
        ...

    async def absent(self, kind: ObjectKind, limit: int) -> list[str]:
        """Return source ids of present objects that the current generation has not seen.

        The first ones in the order of their rows.
        """
        ...

    async def spare(
        self, kind: ObjectKind, gone: Sequence[str], lease: Lease, *, unsure: bool
    ) -> int:
        """Keep present objects that the current generation has not seen from the sweep.

        They, and the memberships of spared groups, count as seen. Returns how many were spared.

        Args:
            kind: users or groups.
            gone: source ids of those that are left to the sweep.
            lease: checked.
            unsure: whether it is unknown what became of some: then the next cycle is an initial
                one, as after objects that could not be read.
        """
        ...

    async def mark_all_dirty(self) -> None:
        """Plan everything anew, because the configuration changed."""
        ...

    async def dirty(
        self, kind: ObjectKind, after_row: int, limit: int, *, include_waiting: bool = True
    ) -> list[MirrorRecord]:
        """Return the next dirty objects in the order of ``row``.

        ``include_waiting`` also returns those whose back-off has not passed yet.
        """
        ...

    async def records(self, source_ids: Sequence[str]) -> dict[str, MirrorRecord]:
        """Return objects of the mirror by source id."""
        ...

    async def groups_of(self, source_ids: Sequence[str]) -> set[str]:
        """Return the source ids of the groups that have one of these as a direct member."""
        ...

    async def reports_of(self, source_ids: Sequence[str]) -> set[str]:
        """Return the source ids of the users whose manager is one of these."""
        ...

    async def source_members(self, group_source_id: str) -> list[MemberRecord]:
        """Return the direct members of a source group."""
        ...

    async def set_unique_keys(self, keys: Mapping[str, str | None]) -> None:
        """Save the folded value of the Unique field by source id."""
        ...

    async def sharing(self, keys: Sequence[str]) -> dict[str, list[str]]:
        """Return, by folded value, the source ids of the present objects that hold it."""
        ...

    async def mark_dirty(self, source_ids: Sequence[str]) -> None:
        """Plan these objects again in the next run (used when what they depend on changed)."""
        ...

    async def settle(self, stamps: Mapping[str, str]) -> None:
        """Mark objects as clean, by source id, if their stamp is still this one."""
        ...

    async def fail(self, source_ids: Sequence[str], retry_at: int) -> None:
        """Count a failure; the objects stay dirty and wait until ``retry_at``."""
        ...

    async def fail_many(self, retry_at: Mapping[str, int]) -> None:
        """Count a failure of each of the objects, by source id, with its own moment to retry."""
        ...

    async def settle_run(self, run_id: str) -> int:
        """Mark as clean the objects whose operations in this run are all done.

        An object whose stamp is no longer the planned one stays dirty. Returns how many.
        """
        ...

    async def planned_with(self) -> str:
        """Return the fingerprint of the configuration that the mirror was last planned with."""
        ...

    async def set_planned_with(self, fingerprint: str) -> None:
        """Save that fingerprint."""
        ...

    # links

    async def links_of_resources(self, resource_ids: Sequence[str]) -> dict[str, list[LinkRecord]]:
        """Return the links of *any* sync of the workspace to these resources, by resource id."""
        ...

    async def put_link(self, link: LinkRecord) -> None:
        """Add or change a link."""
        ...

    async def put_links(self, links: Sequence[LinkRecord]) -> None:
        """Add or change links, all at once."""
        ...

    async def set_enrollment(self, source_ids: Sequence[str], enrollment: str) -> int:
        """Write how far the invitations of linked users are; returns how many changed."""
        ...

    async def count_links(self, kind: ObjectKind) -> int:
        """Return how many objects of a kind are linked (state ``linked``)."""
        ...

    # choices

    async def resolutions(self, source_ids: Sequence[str]) -> dict[str, Resolution]:
        """Return what a person chose for objects, by source id."""
        ...

    async def resolve(self, resolution: Resolution) -> None:
        """Save a choice, instead of an earlier one, and have the object planned again at once."""
        ...

    async def release_kept(self, source_ids: Sequence[str]) -> int:
        """Let the source decide again whether users are enabled that were disabled when joined.

        Returns how many were kept disabled until now.
        """
        ...

    async def mark_due(self, source_ids: Sequence[str]) -> int:
        """Have the users that these objects feed invited by the next plan; returns how many."""
        ...
