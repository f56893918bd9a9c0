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
READ_PHASE = -1
"""The phase of problems that reading found: they are not part of what planning can redo."""

MEMBERSHIP_ACTIONS = (Action.add_members, Action.remove_members)

Values = tuple[Any, ...]


class Plans(Room):
    """Keeps the plans of the sync's runs."""

    async def add_operations(
        self, run_id: str, operations: Sequence[Operation], status: OperationStatus
    ) -> None:
        """Append operations to the plan of a run, in order."""
        await self._append(run_id, [_operation_values(each, status) for each in operations])

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
            f"SELECT {OPERATION_COLUMNS} FROM plan_operation "
            "WHERE run_id = ? AND status = ? ORDER BY phase, seq LIMIT ?",
            (run_id, status.value, limit),
        )
        return [_planned(row) for row in rows]

    async def operations(
        self, run_id: str, after_seq: int = 0, limit: int = 1_000
    ) -> list[PlannedOperation]:
        """Return the rows of a plan in the order of seq."""
        rows = await self.database.session.rows(
            f"SELECT {OPERATION_COLUMNS} FROM plan_operation "
            "WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (run_id, after_seq, limit),
        )
        return [_planned(row) for row in rows]

    async def planned(self, run_id: str, source_ids: Sequence[str]) -> set[str]:
        """Return those of the source ids that the run will create, restore or take over."""
        wanted, parameter = self._wanted(source_ids)
        rows = await self.database.session.rows(
            f"SELECT wanted.value FROM {wanted} WHERE (SELECT 1 FROM plan_operation AS p "
            "WHERE p.source_id = wanted.value AND p.run_id = ? "
            "AND p.action IN ('create', 'restore', 'take_over') "
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
                "UPDATE plan_operation SET status = ?, code = ?, message = ?, advice = ?, "
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

    async def hold(
        self, run_id: str, kind: ObjectKind, actions: Sequence[Action], code: str, message: str
    ) -> int:
        """Turn pending operations of these actions into held ones; returns how many."""
        condition, parameter = self._one_of("action", [action.value for action in actions])
        async with self._writing() as session:
            return await session.execute(
                "UPDATE plan_operation SET status = 'held', code = ?, message = ? "
                f"WHERE run_id = ? AND status = 'pending' AND kind = ? AND {condition}",
                (code, to_text(message), run_id, kind.value, parameter),
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

    async def supersede(self, run_id: str) -> int:
        """Mark operations of the sync's other runs as superseded by this one.

        All pending ones are, and held ones of objects that this run planned anew: what nobody
        decided about and nothing replaced stays held.

        Returns:
            how many operations were superseded.
        """
        async with self._writing() as session:
            return await session.execute(
                "UPDATE plan_operation SET status = 'superseded' "
                "WHERE status IN ('pending', 'held') "
                "AND run_id IN (SELECT id FROM sync_run WHERE sync_id = ? AND id <> ?) "
                "AND (status = 'pending' OR source_id IN "
                "(SELECT new.source_id FROM plan_operation AS new WHERE new.run_id = ?))",
                (self.sync_id, run_id, run_id),
            )

    async def _append(self, run_id: str, values: Sequence[Values]) -> None:
        if not values:
            return
        async with self._writing() as session:
            last = await self._last_seq(session, run_id)
            await session.many(
                f"INSERT INTO plan_operation (run_id, {OPERATION_COLUMNS}, size) "
                f"VALUES ({', '.join('?' * 19)})",
                [(run_id, last + number, *each) for number, each in enumerate(values, 1)],
            )

    async def _last_seq(self, session: Session, run_id: str) -> int:
        last = await session.value(
            "SELECT MAX(seq) FROM plan_operation WHERE run_id = ?", (run_id,)
        )
        return last or 0


def _operation_values(operation: Operation, status: OperationStatus) -> Values:
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
        "",
        "",
        "",
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


def _planned(row: Row) -> PlannedOperation:
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
    )
