"""The part of a sync's store that keeps plans: the ordered operations that its runs want.

:class:`scim.provisioning.ports.SyncStore` is made of this and of the rest.
"""

from collections.abc import Sequence
from typing import Protocol

from scim.provisioning.operations import (
    Action,
    Operation,
    OperationStatus,
    Outcome,
    PlannedOperation,
)
from scim.provisioning.source import ObjectKind, ObjectProblem


class PlanStore(Protocol):
    """What the planner and the executor need of the plans of one user sync."""

    async def add_operations(
        self,
        run_id: str,
        operations: Sequence[Operation],
        status: OperationStatus,
        *,
        code: str = "",
    ) -> None:
        """Append operations to the plan of a run, in order; ``code`` says why they stand so."""
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

        An object one of whose operations failed, or else is held, counts with that operation.
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

    async def clear_plan(self, run_id: str) -> None:
        """Drop what an interrupted planning left, so that it can start again."""
        ...

    async def supersede(self, run_id: str, *, held: bool = True) -> int:
        """Mark open operations of other runs as superseded by this one; returns how many.

        ``held=False`` leaves alone what runs hold.
        """
        ...

    async def checksum(self, run_id: str) -> str:
        """Return the SHA-256 of what a person sees of a plan, as hexadecimal digits."""
        ...
