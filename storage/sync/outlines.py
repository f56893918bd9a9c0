"""The rows of a plan in outline: what reports and lists show, without bodies and member lists."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from scim.provisioning.operations import Action, OperationStatus
from scim.provisioning.source import ObjectKind
from storage.database import Row
from storage.sync.room import Room
from storage.sync.values import from_json

PAGE = 500
"""How many rows are in memory at once."""

_MEMBERS = "action IN ('add_members', 'remove_members')"
_COLUMNS = (
    "seq, phase, action, kind, source_id, label, status, code, message, advice, resource_id, size, "
    f"CASE WHEN {_MEMBERS} THEN NULL ELSE before END AS before, "
    f"CASE WHEN {_MEMBERS} THEN NULL ELSE after END AS after"
)


@dataclass(frozen=True, slots=True)
class OutlineRow:
    """One row of a plan in outline.

    Attributes:
        before: the attributes that change, as they were; empty for memberships.
        after: the same, as they will be.
        memberships: how many memberships it adds or removes.
    """

    seq: int
    action: Action
    kind: ObjectKind
    source_id: str
    label: str
    status: OperationStatus
    code: str
    message: str
    advice: str
    resource_id: str
    memberships: int
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


class PlanOutlines(Room):
    """Reads the plans of one user sync in outline."""

    async def of_status(self, run_id: str, status: OperationStatus) -> AsyncIterator[OutlineRow]:
        """Yield the rows of one status in the order in which they are applied."""
        place = (-2, 0)
        while True:
            rows = await self.database.session.rows(
                f"SELECT {_COLUMNS} FROM plan_operation WHERE run_id = ? AND status = ? "
                "AND (phase, seq) > (?, ?) ORDER BY phase, seq LIMIT ?",
                (run_id, status.value, *place, PAGE),
            )
            for row in rows:
                yield _outline(row)
            if len(rows) < PAGE:
                return
            place = (rows[-1]["phase"], rows[-1]["seq"])

    async def without(
        self, run_id: str, statuses: Collection[OperationStatus]
    ) -> AsyncIterator[OutlineRow]:
        """Yield the rows of a run but those of some statuses, in the order of seq."""
        after = 0
        while True:
            rows = await self.database.session.rows(
                f"SELECT {_COLUMNS} FROM plan_operation WHERE run_id = ? AND seq > ? "
                "ORDER BY seq LIMIT ?",
                (run_id, after, PAGE),
            )
            for row in rows:
                if row["status"] not in statuses:
                    yield _outline(row)
            if len(rows) < PAGE:
                return
            after = rows[-1]["seq"]


def _outline(row: Row) -> OutlineRow:
    return OutlineRow(
        seq=row["seq"],
        action=Action(row["action"]),
        kind=ObjectKind(row["kind"]),
        source_id=row["source_id"],
        label=row["label"],
        status=OperationStatus(row["status"]),
        code=row["code"],
        message=row["message"],
        advice=row["advice"],
        resource_id=row["resource_id"],
        memberships=row["size"],
        before=from_json(row["before"]) or {},
        after=from_json(row["after"]) or {},
    )
