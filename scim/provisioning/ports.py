"""The ports between the sync engine, the stores and the targets.

`azure_adapter.sync` is written against these protocols only. `storage` implements
:class:`SyncStore`, `azure_adapter.graph` implements :class:`SourceReader`, `gateway` implements
:class:`ProvisioningTarget` in process, with the same service and rules as the HTTP endpoints.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from scim.provisioning.operations import (
    Action,
    Operation,
    OperationStatus,
    Outcome,
    PlannedOperation,
)
from scim.provisioning.records import (
    Candidate,
    CursorRecord,
    Lease,
    LinkRecord,
    MemberRecord,
    MirrorRecord,
    RunMode,
    RunPhase,
    RunRecord,
    RunStatus,
    SourceError,
    UniqueField,
)
from scim.provisioning.source import ObjectKind, ObjectProblem, SourcePage

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
            SourceUnavailable: nothing can be read now.
        """
        ...


# -- the target ------------------------------------------------------------


class ProvisioningTarget(Protocol):
    """Applies SCIM operations, and answers what the planner must know."""

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


# -- the state of one user sync --------------------------------------------


class SyncStore(Protocol):
    """The durable state of one user sync: mirror, links, runs, plans.

    Every method is one short transaction, or takes part in the open :meth:`unit_of_work`.
    """

    # lease

    async def claim(self, owner: str, seconds: float) -> Lease | None:
        """Take the lease, or return ``None`` while another owner holds it."""
        ...

    async def renew(self, lease: Lease, seconds: float) -> None:
        """Prolong the lease. Raises :class:`LeaseLost` when somebody else has it."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when it is lost already."""
        ...

    def unit_of_work(self, lease: Lease) -> AbstractAsyncContextManager[None]:
        """Open one transaction for everything inside, target included, or nothing.

        Raises :class:`LeaseLost` on entry when the lease's fencing token is no longer current.
        """
        ...

    # runs

    async def start_run(
        self, mode: RunMode, *, trigger: str, actor: str, preview: bool, lease: Lease
    ) -> RunRecord:
        """Add a run in phase ``read``."""
        ...

    async def run(self, run_id: str) -> RunRecord | None:
        """Return one run, or ``None`` when this sync has no such run."""
        ...

    async def unfinished_run(self) -> RunRecord | None:
        """Return the run that an interrupted process left behind, if any."""
        ...

    async def update_run(
        self,
        run_id: str,
        *,
        phase: RunPhase | None = None,
        status: RunStatus | None = None,
        mode: RunMode | None = None,
        counts: Mapping[str, Any] | None = None,
        note: str | None = None,
        error: SourceError | None = None,
        checksum: str | None = None,
        finished: bool = False,
    ) -> RunRecord:
        """Change what is given (``note`` is appended) and return the run."""
        ...

    async def runs(self, limit: int = 50, before: str | None = None) -> list[RunRecord]:
        """Return the history, newest first."""
        ...

    # mirror

    async def cursor(self, kind: ObjectKind) -> CursorRecord:
        """Return where the chain of one kind stands."""
        ...

    async def begin_initial(self, kind: ObjectKind) -> CursorRecord:
        """Forget the cursor and begin a new generation of one kind: read everything again."""
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

    async def count_links(self, kind: ObjectKind) -> int:
        """Return how many objects of a kind are linked (state ``linked``)."""
        ...

    # plans

    async def add_operations(
        self, run_id: str, operations: Sequence[Operation], status: OperationStatus
    ) -> None:
        """Append operations to the plan of a run, in order."""
        ...

    async def add_problems(self, run_id: str, problems: Sequence[ObjectProblem]) -> None:
        """Append what could not be planned, as failed rows with action ``none``."""
        ...

    async def pending(
        self, run_id: str, status: OperationStatus, limit: int
    ) -> list[PlannedOperation]:
        """Return the next operations of a status in the order of (phase, seq)."""
        ...

    async def operations(
        self, run_id: str, after_seq: int = 0, limit: int = 1_000
    ) -> list[PlannedOperation]:
        """Return the rows of a plan in the order of seq."""
        ...

    async def count_operations(self, run_id: str) -> dict[tuple[ObjectKind, Action, str], int]:
        """Return how many rows a plan has, by kind, action and status."""
        ...

    async def count_memberships(self, run_id: str) -> dict[tuple[Action, str], int]:
        """Return how many memberships the rows of a plan add or remove, by action and status."""
        ...

    async def count_objects(self, run_id: str) -> dict[tuple[ObjectKind, Action, str], int]:
        """Count objects by kind, action and status; each once, by its first operation.

        An object one of whose operations failed counts with that operation.
        """
        ...

    async def applied_since(self, kind: ObjectKind, actions: Sequence[Action], since: int) -> int:
        """Return how many operations of these actions this sync applied since a moment (µs)."""
        ...

    async def planned(self, run_id: str, source_ids: Sequence[str]) -> set[str]:
        """Return those of the source ids that the run will create, restore or take over."""
        ...

    async def promote(
        self, run_id: str, source_ids: Sequence[str], action: Action, phase: int
    ) -> None:
        """Move the operations of an action, for some objects, to another phase."""
        ...

    async def record(
        self, run_id: str, results: Sequence[tuple[int, OperationStatus, Outcome, str]]
    ) -> None:
        """Save what became of operations: (seq, status, outcome, advice)."""
        ...

    async def hold(
        self, run_id: str, kind: ObjectKind, actions: Sequence[Action], code: str, message: str
    ) -> int:
        """Turn pending operations of these actions into held ones; returns how many."""
        ...

    async def clear_plan(self, run_id: str) -> None:
        """Drop what an interrupted planning left, so that it can start again."""
        ...

    async def supersede(self, run_id: str) -> int:
        """Mark the pending and held operations of earlier runs as superseded by this one."""
        ...

    async def checksum(self, run_id: str) -> str:
        """Return the SHA-256 of the plan's pending operations, as hexadecimal digits."""
        ...
