"""What the plans of the sync remember about one object."""

from collections.abc import Sequence

from scim.provisioning.operations import PlannedOperation
from scim.provisioning.records import RunRecord
from storage.sync.plans import ROW_COLUMNS, planned_operation
from storage.sync.room import Room
from storage.sync.runs import RUN_COLUMNS, run_record

MOST = 1_000
"""How many past operations about one object are answered at most."""


class Past(Room):
    """Answers what was decided about objects."""

    async def past(
        self, source_ids: Sequence[str], resource_ids: Sequence[str], limit: int = MOST
    ) -> list[tuple[RunRecord, PlannedOperation]]:
        """Return the operations about objects or their resources with their runs, newest first."""
        by_source, sources = self._wanted(source_ids)
        by_resource, resources = self._wanted(resource_ids)
        rows = await self.database.session.rows(
            f"SELECT p.run_id, {_of('p', ROW_COLUMNS)} FROM plan_operation AS p "
            "WHERE p.row_id IN ("
            f"SELECT s.row_id FROM {by_source} CROSS JOIN plan_operation AS s "
            "WHERE s.source_id = wanted.value "
            f"UNION SELECT s.row_id FROM {by_resource} CROSS JOIN plan_operation AS s "
            "WHERE s.resource_id = wanted.value) "
            "AND p.run_id IN (SELECT id FROM sync_run WHERE sync_id = ?) "
            "ORDER BY p.run_id DESC, p.phase DESC, p.seq DESC LIMIT ?",
            (sources, resources, self.sync_id, limit),
        )
        runs = await self._runs({row["run_id"] for row in rows})
        return [(runs[row["run_id"]], planned_operation(row)) for row in rows]

    async def past_memberships(
        self, members: Sequence[str], limit: int = MOST
    ) -> list[tuple[RunRecord, PlannedOperation]]:
        """Return the changes of memberships that name one of these members, newest first.

        Args:
            members: resource ids, or references to source objects.
            limit: how many at most.
        """
        if not members:
            return []
        named = " OR ".join("p.body LIKE ?" for _ in members)
        rows = await self.database.session.rows(
            f"SELECT p.run_id, {_of('p', ROW_COLUMNS)} FROM plan_operation AS p "
            "WHERE p.run_id IN (SELECT id FROM sync_run WHERE sync_id = ?) AND p.size > 0 "
            f"AND ({named}) ORDER BY p.run_id DESC, p.seq DESC LIMIT ?",
            (self.sync_id, *(f'%"{member}"%' for member in members), limit),
        )
        runs = await self._runs({row["run_id"] for row in rows})
        return [(runs[row["run_id"]], planned_operation(row)) for row in rows]

    async def _runs(self, ids: set[str]) -> dict[str, RunRecord]:
        condition, parameter = self._one_of("id", sorted(ids))
        rows = await self.database.session.rows(
            f"SELECT {RUN_COLUMNS} FROM sync_run WHERE {condition}", (parameter,)
        )
        return {row["id"]: run_record(row) for row in rows}

    async def retry_at(self, source_id: str) -> tuple[bool, int, int]:
        """Return (is to be planned again, failures in a row, when it is due) of an object."""
        row = await self.database.session.row(
            "SELECT dirty, failures, retry_at FROM mirror_object "
            "WHERE sync_id = ? AND source_id = ?",
            (self.sync_id, source_id),
        )
        return (
            (False, 0, 0) if row is None else (bool(row["dirty"]), row["failures"], row["retry_at"])
        )


def _of(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{name}" for name in columns.split(", "))
