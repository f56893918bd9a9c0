"""What a plan adds up to: counts for safeguards and reports, and its checksum."""

import hashlib
from collections.abc import AsyncIterator, Sequence

from scim.provisioning.operations import Action
from scim.provisioning.source import ObjectKind
from storage.database import Row
from storage.sync.plans import READ_PHASE
from storage.sync.room import Room

CHECKSUM_BATCH = 1_000
"""How many operations are read at a time for a checksum."""


class Tallies(Room):
    """Counts the operations of the sync's runs."""

    async def count_operations(self, run_id: str) -> dict[tuple[ObjectKind, Action, str], int]:
        """Return how many rows a plan has, by kind, action and status."""
        rows = await self.database.session.rows(
            "SELECT kind, action, status, COUNT(*) AS number FROM plan_operation "
            "WHERE run_id = ? GROUP BY kind, action, status",
            (run_id,),
        )
        return {
            (ObjectKind(row["kind"]), Action(row["action"]), row["status"]): row["number"]
            for row in rows
        }

    async def count_memberships(self, run_id: str) -> dict[tuple[Action, str], int]:
        """Return how many memberships the rows of a plan add or remove, by action and status."""
        rows = await self.database.session.rows(
            "SELECT action, status, SUM(size) AS number FROM plan_operation "
            "WHERE run_id = ? AND size > 0 GROUP BY action, status",
            (run_id,),
        )
        return {(Action(row["action"]), row["status"]): int(row["number"]) for row in rows}

    async def count_objects(self, run_id: str) -> dict[tuple[ObjectKind, Action, str], int]:
        """Count objects by kind, action and status; each once, by its first operation.

        An object one of whose operations failed counts with that operation. Problems without
        a source id count each on its own.
        """
        rows = await self.database.session.rows(
            "SELECT kind, action, status, COUNT(*) AS number FROM ("
            "SELECT kind, action, status, ROW_NUMBER() OVER ("
            "PARTITION BY source_id, CASE WHEN source_id = '' THEN seq ELSE 0 END "
            "ORDER BY CASE WHEN status = 'failed' THEN 0 ELSE 1 END, phase, seq) AS place "
            "FROM plan_operation WHERE run_id = ?) AS ranked "
            "WHERE place = 1 GROUP BY kind, action, status",
            (run_id,),
        )
        return {
            (ObjectKind(row["kind"]), Action(row["action"]), row["status"]): row["number"]
            for row in rows
        }

    async def applied_since(self, kind: ObjectKind, actions: Sequence[Action], since: int) -> int:
        """Return how many operations of these actions this sync applied since a moment (µs)."""
        condition, parameter = self._one_of("action", [action.value for action in actions])
        count = await self.database.session.value(
            "SELECT COUNT(*) FROM plan_operation WHERE run_id IN ("
            "SELECT id FROM sync_run WHERE sync_id = ? "
            "AND (finished_at IS NULL OR finished_at >= ?)) "
            f"AND status = 'done' AND applied_at >= ? AND kind = ? AND {condition}",
            (self.sync_id, since, since, kind.value, parameter),
        )
        return int(count)

    async def checksum(self, run_id: str) -> str:
        """Return the SHA-256 of the plan's pending operations, as hexadecimal digits.

        It covers method, path and body in the order of application: two plans with one checksum
        do the same.
        """
        digest = hashlib.sha256()
        async for row in self._pending_rows(run_id):
            for column in ("method", "path", "body"):
                digest.update((row[column] or "").encode())
                digest.update(b"\n")
        return digest.hexdigest()

    async def _pending_rows(self, run_id: str) -> AsyncIterator[Row]:
        place = (READ_PHASE, 0)
        while rows := await self.database.session.rows(
            "SELECT phase, seq, method, path, body FROM plan_operation WHERE run_id = ? "
            f"AND status = 'pending' AND (phase, seq) > (?, ?) ORDER BY phase, seq "
            f"LIMIT {CHECKSUM_BATCH}",
            (run_id, *place),
        ):
            for row in rows:
                yield row
            place = (rows[-1]["phase"], rows[-1]["seq"])
