"""The part of a sync's store that is about decisions: holding, allowing, discarding, explaining.

:class:`scim.provisioning.ports.SyncStore` is made of this and of the rest.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from scim.provisioning.operations import (
    Action,
    Discard,
    Operation,
    OperationStatus,
    PlannedOperation,
)
from scim.provisioning.records import Lease, LinkRecord, MirrorRecord, RunRecord
from scim.provisioning.source import ObjectKind


class DecisionStore(Protocol):
    """What safeguards, approvals, undo and explanations need of the state of one user sync."""

    # planning without a trace

    def shadow(self) -> AbstractAsyncContextManager[None]:
        """Work on a copy of the mirror inside of the block; plans are written as always."""
        ...

    def rehearsal(self) -> AbstractAsyncContextManager[Lease]:
        """Open a transaction that is taken back at its end, with a lease to work under in it."""
        ...

    # safeguards

    async def hold(
        self, run_id: str, kind: ObjectKind, actions: Sequence[Action], code: str, message: str
    ) -> int:
        """Turn pending operations of these actions into held ones; returns how many."""
        ...

    async def hold_objects(
        self, run_id: str, source_ids: Sequence[str], code: str, message: str
    ) -> int:
        """Turn all pending operations about these objects into held ones; returns how many."""
        ...

    async def hold_rows(self, run_id: str, seqs: Sequence[int], code: str, message: str) -> int:
        """Turn these pending operations into held ones; returns how many."""
        ...

    async def hold_rest(self, run_id: str, message: str) -> int:
        """Hold what else is planned about users of whom something is held; returns how many."""
        ...

    async def held_rows(
        self, run_id: str, actions: Sequence[Action], after_seq: int, limit: int
    ) -> list[PlannedOperation]:
        """Return the next held operations of some actions, in the order of seq."""
        ...

    async def open_rows(
        self, run_id: str, actions: Sequence[Action], after_seq: int, limit: int
    ) -> list[PlannedOperation]:
        """Return the next pending operations of some actions, in the order of seq."""
        ...

    async def held_arrivals(self, run_id: str, source_ids: Sequence[str]) -> set[str]:
        """Return those of the objects whose creation, restore or take-over is held."""
        ...

    async def leaving(self, run_id: str, resource_ids: Sequence[str]) -> dict[str, str]:
        """Return, by resource id, how those stand that leave: held, discarded, or pending."""
        ...

    async def count_held(self, run_id: str) -> dict[str, tuple[int, int]]:
        """Return, by code, how many operations a run holds, and how many no earlier run held."""
        ...

    async def codes_held_before(self, run_id: str) -> set[str]:
        """Return the codes of what other runs of the sync hold."""
        ...

    async def held_run(self) -> str | None:
        """Return the newest run that holds anything, if any."""
        ...

    async def memberships_removed_since(self, since: int) -> int:
        """Return how many memberships this sync removed since a moment (µs)."""
        ...

    async def groups_emptied_since(self, since: int) -> int:
        """Return how many groups this sync left without members since a moment (µs)."""
        ...

    async def emptied_groups(self, run_id: str) -> list[str]:
        """Return the groups that the pending operations of a plan leave without members."""
        ...

    async def count_kept_memberships(self, *, at_most: int | None = None) -> int:
        """Return how many memberships of the source are between objects that are linked now."""
        ...

    async def count_invited(self) -> int:
        """Return how many users this sync has invited, however long ago."""
        ...

    async def set_quarantine(self, reason: str) -> None:
        """Put the sync into quarantine, or (reason "") let it out when nothing is held any more."""
        ...

    # rows of a plan

    async def operations_of(
        self, run_id: str, source_ids: Sequence[str]
    ) -> dict[str, list[PlannedOperation]]:
        """Return the rows of a plan about these objects, in the order of (phase, seq)."""
        ...

    async def replace_operation(
        self,
        run_id: str,
        seq: int,
        parts: Sequence[tuple[Operation, OperationStatus, str, str, str]],
    ) -> None:
        """Put operations in the place of one: (operation, status, code, message, advice)."""
        ...

    async def skip_pending(self, run_id: str, code: str, message: str) -> int:
        """Give up what a run has not applied yet, because it ends; returns how many."""
        ...

    # decisions of a person

    async def decide(
        self, run_id: str, seqs: Sequence[int] | None, status: str, actor: str
    ) -> tuple[int, int]:
        """Write down a decision about held operations: (how many, moment of the decision)."""
        ...

    async def decided(
        self, run_id: str, moment: int, after_seq: int, limit: int
    ) -> list[PlannedOperation]:
        """Return the next operations of a run that were decided at a moment."""
        ...

    async def discard(self, run_id: str, seqs: Sequence[int] | None, actor: str) -> int:
        """Discard held operations of a run, until their objects change; returns how many."""
        ...

    async def drop_void_discards(self) -> int:
        """Forget the discards of objects that changed since; returns how many."""
        ...

    async def apply_discards(self, run_id: str) -> int:
        """Turn planned operations that were discarded before into discarded ones; how many."""
        ...

    async def discarded_members(
        self, source_ids: Sequence[str]
    ) -> dict[tuple[str, Action], set[str]]:
        """Return the members of groups whose change was discarded, by group and action."""
        ...

    async def set_discarded_members(self, members: Mapping[tuple[str, Action], set[str]]) -> None:
        """Say which members of groups are left of discarded changes; none forgets the discard."""
        ...

    async def groups_to_recheck(self) -> list[str]:
        """Return the groups with discarded changes that are to be planned again."""
        ...

    async def discards(self, source_ids: Sequence[str] | None = None) -> list[Discard]:
        """Return what is discarded, of some objects or of all, the newest decision first."""
        ...

    # approved plans

    async def config_version(self) -> int:
        """Return the version of the configuration; it grows with each edit."""
        ...

    async def is_paused(self) -> bool:
        """Tell whether a person paused the sync."""
        ...

    async def applied_after(self, run: RunRecord) -> str | None:
        """Return the newest run of the sync that applied anything after a run ended, if any."""
        ...

    async def decided_records(
        self, run_id: str, moment: int, kind: ObjectKind, after_row: int, limit: int
    ) -> list[MirrorRecord]:
        """Return the next objects with an operation of a run that was decided at a moment."""
        ...

    async def settled_records(
        self, kind: ObjectKind, after_row: int, limit: int
    ) -> list[MirrorRecord]:
        """Return the next linked objects that nothing is to be planned for, as far as is known."""
        ...

    async def applied_objects(
        self, run_id: str, kind: ObjectKind, after: str, limit: int
    ) -> list[str]:
        """Return the next source ids that a run applied something to, in their order."""
        ...

    async def soil_applied(self, run_id: str) -> int:
        """Have the objects planned again that a run applied something to; returns how many."""
        ...

    async def keep_reviewed(self, run_id: str, reviewed: str, message: str, gone: str) -> int:
        """Leave in a plan, made again, only what a person reviewed; returns how much differs."""
        ...

    async def keep_allowed(
        self, run_id: str, holding: str, moment: int, message: str, gone: str
    ) -> int:
        """Leave in a plan, made again, only what a person allowed; returns how much differs."""
        ...

    # the past

    async def past(
        self, source_ids: Sequence[str], resource_ids: Sequence[str], limit: int = 1_000
    ) -> list[tuple[RunRecord, PlannedOperation]]:
        """Return the operations about objects or their resources with their runs, newest first."""
        ...

    async def past_memberships(
        self, members: Sequence[str], limit: int = 1_000
    ) -> list[tuple[RunRecord, PlannedOperation]]:
        """Return the changes of memberships that name one of these members, newest first."""
        ...

    async def retry_at(self, source_id: str) -> tuple[bool, int, int]:
        """Return (is to be planned again, failures in a row, when it is due) of an object."""
        ...

    async def links_to(self, resource_ids: Sequence[str]) -> list[LinkRecord]:
        """Return the links of this sync that lead, or led, to these resources."""
        ...

    async def linked(self, kind: ObjectKind, after: str, limit: int) -> list[LinkRecord]:
        """Return the next linked objects of a kind, in the order of their source ids."""
        ...

    # failed objects, and requests to stop

    async def next_retry(self) -> int | None:
        """Return when the first of the failed objects is due again (µs), ``None`` without any."""
        ...

    async def count_waiting(self) -> int:
        """Return how many failed objects wait until they are due again."""
        ...

    async def request_cancel(self, actor: str) -> bool:
        """Ask the run that is not finished to stop; tell whether there is one."""
        ...

    async def cancel_requested(self, run_id: str) -> str:
        """Return who asked that the run stops, "" for nobody."""
        ...
