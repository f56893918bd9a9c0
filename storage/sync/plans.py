"""Sync plans: the durable, ordered list of SCIM operations that a run wants."""

from collections.abc import Iterable, Sequence
from typing import Any

from scim.provisioning.operations import (
    Action,
    Operation,
    OperationStatus,
    Outcome,
    PlannedOperation,
)
from scim.provisioning.records import RunPhase
from scim.provisioning.source import ObjectKind, ObjectProblem
from storage.database import Row, Session
from storage.sync.room import Room
from storage.sync.values import from_json, to_json_or_null, to_text

OPERATION_COLUMNS = (
    "seq, phase, action, kind, source_id, label, method, path, body, before, after, stamp, "
    "status, code, message, advice, resource_id"
)
ROW_COLUMNS = f"{OPERATION_COLUMNS}, applied_at, decided_by, decided_at"
"""What is read of an operation: also what became of it later."""

READ_PHASE = -1
"""The phase of problems that reading found: they are not part of what planning can redo."""

MEMBERSHIP_ACTIONS = (Action.add_members, Action.remove_members)

INSERT = (
    f"INSERT INTO plan_operation (run_id, {OPERATION_COLUMNS}, size) VALUES ({', '.join('?' * 19)})"
)
SUPERSEDE = "UPDATE plan_operation SET status = 'superseded' WHERE status IN ('pending', 'held')"

Values = tuple[Any, ...]


class Plans(Room):
    """Keeps the plans of the sync's runs."""

    async def add_operations(
        self,
        run_id: str,
        operations: Sequence[Operation],
        status: OperationStatus,
        *,
        code: str = "",
    ) -> None:
        """Append operations to the plan of a run, in order; ``code`` says why they stand so."""
        await self._append(run_id, [_operation_values(each, status, code) for each in operations])

    async def add_problems(self, run_id: str, problems: Sequence[ObjectProblem]) -> None:
        """Append what could not be planned, as failed rows with action ``none``.

        Those added while the run reads survive :meth:`clear_plan`: planning does not find them.
        """
        phase = await self.database.session.value(
            "SELECT phase FROM sync_run WHERE id = ?", (run_id,)
        )
        place = READ_PHASE if phase == RunPhase.read.value else 0
        await self._append(run_id, [_problem_values(each, place) for each in problems])

    async def pending(
        self, run_id: str, status: OperationStatus, limit: int
    ) -> list[PlannedOperation]:
        """Return the next operations of a status in the order of (phase, seq)."""
        rows = await self.database.session.rows(
            f"SELECT {ROW_COLUMNS} FROM plan_operation "
            "WHERE run_id = ? AND status = ? ORDER BY phase, seq LIMIT ?",
            (run_id, status.value, limit),
        )
        return [planned_operation(row) for row in rows]

    async def operations(
        self, run_id: str, after_seq: int = 0, limit: int = 1_000
    ) -> list[PlannedOperation]:
        """Return the rows of a plan in the order of seq."""
        rows = await self.database.session.rows(
            f"SELECT {ROW_COLUMNS} FROM plan_operation "
            "WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (run_id, after_seq, limit),
        )
        return [planned_operation(row) for row in rows]

    async def planned(self, run_id: str, source_ids: Sequence[str]) -> set[str]:
        """Return those of the source ids that the run will create, restore or join."""
        wanted, parameter = self._wanted(source_ids)
        rows = await self.database.session.rows(
            f"SELECT wanted.value FROM {wanted} WHERE (SELECT 1 FROM plan_operation AS p "
            "WHERE p.source_id = wanted.value AND p.run_id = ? "
            "AND p.action IN ('create', 'restore', 'take_over', 'contribute') "
            "AND p.status IN ('pending', 'done') LIMIT 1) = 1",
            (parameter, run_id),
        )
        return {row["value"] for row in rows}

    async def promote(
        self, run_id: str, source_ids: Sequence[str], action: Action, phase: int
    ) -> None:
        """Move the operations of an action, for some objects, to another phase."""
        condition, parameter = self._one_of("source_id", source_ids)
        async with self._writing() as session:
            await session.execute(
                f"UPDATE plan_operation SET phase = ? WHERE run_id = ? AND {condition} "
                "AND action = ?",
                (phase, run_id, parameter, action.value),
            )

    async def record(
        self, run_id: str, results: Sequence[tuple[int, OperationStatus, Outcome, str]]
    ) -> None:
        """Save what became of operations: (seq, status, outcome, advice)."""
        now = self._clock()
        async with self._writing() as session:
            await session.many(
                "UPDATE plan_operation SET status = ?, code = ?, "
                "message = COALESCE(NULLIF(?, ''), message), advice = ?, "
                "resource_id = COALESCE(NULLIF(?, ''), resource_id), applied_at = ? "
                "WHERE run_id = ? AND seq = ?",
                [
                    (
                        status.value,
                        to_text(outcome.code),
                        to_text(outcome.message),
                        to_text(advice),
                        outcome.resource_id,
                        now if status is OperationStatus.done else None,
                        run_id,
                        seq,
                    )
                    for seq, status, outcome, advice in results
                ],
            )

    async def clear_plan(self, run_id: str) -> None:
        """Drop what an interrupted planning left, so that it can start again.

        What was applied already, and problems that reading found, stay.
        """
        async with self._writing() as session:
            await session.execute(
                "DELETE FROM plan_operation WHERE run_id = ? AND phase <> ? AND status <> 'done'",
                (run_id, READ_PHASE),
            )

    async def operations_of(
        self, run_id: str, source_ids: Sequence[str]
    ) -> dict[str, list[PlannedOperation]]:
        """Return the rows of a plan about these objects, in the order of (phase, seq)."""
        wanted, parameter = self._wanted(source_ids)
        columns = ", ".join(f"p.{name}" for name in ROW_COLUMNS.split(", "))
        rows = await self.database.session.rows(
            f"SELECT {columns} FROM {wanted} CROSS JOIN plan_operation AS p "
            "WHERE p.source_id = wanted.value AND p.run_id = ? ORDER BY p.phase, p.seq",
            (parameter, run_id),
        )
        found: dict[str, list[PlannedOperation]] = {}
        for row in rows:
            found.setdefault(row["source_id"], []).append(planned_operation(row))
        return found

    async def replace_operation(
        self,
        run_id: str,
        seq: int,
        parts: Sequence[tuple[Operation, OperationStatus, str, str, str]],
    ) -> None:
        """Put operations in the place of one: the first takes its row, others are appended.

        Args:
            run_id: the run.
            seq: the operation that is replaced.
            parts: (operation, status, code, message, advice), at least one.
        """
        async with self._writing() as session:
            last = await self._last_seq(session, run_id)
            await session.execute(
                "DELETE FROM plan_operation WHERE run_id = ? AND seq = ?", (run_id, seq)
            )
            rows = [
                (run_id, place, *_operation_values(operation, status, code, message, advice))
                for place, (operation, status, code, message, advice) in zip(
                    [seq, *range(last + 1, last + len(parts))], parts, strict=True
                )
            ]
            await session.many(INSERT, rows)

    async def skip_pending(self, run_id: str, code: str, message: str) -> int:
        """Give up what a run has not applied yet, because it ends; returns how many."""
        async with self._writing() as session:
            return await session.execute(
                "UPDATE plan_operation SET status = 'skipped', code = ?, message = ? "
                "WHERE run_id = ? AND status = 'pending'",
                (code, to_text(message), run_id),
            )

    async def supersede(self, run_id: str, *, held: bool = True) -> int:
        """Mark open operations of the sync's other runs as superseded by this one.

        A preview supersedes other previews only. Any other run supersedes all that is pending,
        and what is held of objects that it planned anew, also of those that turned out to need
        nothing any more: what nobody decided about and nothing replaced stays held.

        Args:
            run_id: the run that was just planned.
            held: False leaves alone what runs hold (it was chosen from that).

        Returns:
            how many operations were superseded.
        """
        async with self._writing() as session:
            mine = await session.row("SELECT preview FROM sync_run WHERE id = ?", (run_id,))
            if mine is None:
                return 0
            others = "SELECT id FROM sync_run WHERE sync_id = ? AND id <> ?"
            count = await session.execute(
                f"{SUPERSEDE} AND run_id IN ({others} AND preview = TRUE)",
                (self.sync_id, run_id),
            )
            if mine["preview"]:
                return count
            count += await session.execute(
                f"{SUPERSEDE} AND status = 'pending' AND run_id IN ({others})",
                (self.sync_id, run_id),
            )
            if not held:
                return count
            return count + await session.execute(
                f"{SUPERSEDE} AND run_id IN ({others}) AND (EXISTS (SELECT 1 "
                "FROM plan_operation AS new WHERE new.source_id = plan_operation.source_id "
                "AND new.run_id = ?) OR EXISTS (SELECT 1 FROM mirror_object AS m "
                "WHERE m.sync_id = ? AND m.source_id = plan_operation.source_id "
                "AND m.dirty = FALSE))",
                (self.sync_id, run_id, run_id, self.sync_id),
            )

    async def _append(self, run_id: str, values: Sequence[Values]) -> None:
        if not values:
            return
        async with self._writing(short=True) as session:
            last = await self._last_seq(session, run_id)
            await session.many(
                INSERT,
                [(run_id, last + number, *each) for number, each in enumerate(values, 1)],
            )

    async def _last_seq(self, session: Session, run_id: str) -> int:
        last = await session.value(
            "SELECT MAX(seq) FROM plan_operation WHERE run_id = ?", (run_id,)
        )
        return last or 0


def _operation_values(
    operation: Operation,
    status: OperationStatus,
    code: str = "",
    message: str = "",
    advice: str = "",
) -> Values:
    return (
        operation.phase,
        operation.action.value,
        operation.kind.value,
        operation.source_id,
        to_text(operation.label),
        operation.method,
        operation.path,
        to_json_or_null(operation.body),
        to_json_or_null(operation.before),
        to_json_or_null(operation.after),
        operation.stamp,
        status.value,
        code,
        to_text(message or operation.message),
        to_text(advice),
        "",
        _memberships(operation),
    )


def _problem_values(problem: ObjectProblem, phase: int) -> Values:
    return (
        phase,
        Action.none.value,
        problem.kind.value,
        problem.source_id,
        to_text(problem.label),
        "",
        "",
        None,
        None,
        None,
        "",
        OperationStatus.failed.value,
        to_text(problem.code),
        to_text(problem.message),
        to_text(problem.advice),
        "",
        0,
    )


def _memberships(operation: Operation) -> int:
    """Return how many memberships an operation adds or removes.

    A path with a value filter (``members[value eq "…"]``) names one member without a value.
    """
    if operation.action not in MEMBERSHIP_ACTIONS:
        return 0
    steps: Iterable[Any] = (operation.body or {}).get("Operations", ())
    values = (step.get("value") for step in steps)
    return sum(len(value) if isinstance(value, list) else 1 for value in values)


def planned_operation(row: Row) -> PlannedOperation:
    """Return the operation of a row with :data:`ROW_COLUMNS`."""
    operation = Operation(
        action=Action(row["action"]),
        kind=ObjectKind(row["kind"]),
        source_id=row["source_id"],
        label=row["label"],
        method=row["method"],
        path=row["path"],
        body=from_json(row["body"]),
        before=from_json(row["before"]),
        after=from_json(row["after"]),
        phase=row["phase"],
        stamp=row["stamp"],
    )
    return PlannedOperation(
        seq=row["seq"],
        operation=operation,
        status=OperationStatus(row["status"]),
        code=row["code"],
        message=row["message"],
        advice=row["advice"],
        resource_id=row["resource_id"],
        applied_at=row["applied_at"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
    )
