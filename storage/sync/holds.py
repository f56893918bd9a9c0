"""What a safeguard holds back of a plan, and what depends on it."""

from collections.abc import Sequence

from scim.provisioning.operations import HELD_ADVICE, Action, PlannedOperation
from scim.provisioning.source import ObjectKind
from storage.sync.discards import SCOPED_STAMP
from storage.sync.plans import ROW_COLUMNS, planned_operation
from storage.sync.room import Room
from storage.sync.values import to_text

DEPENDS = "depends"
"""The code of an operation that is held because of another one."""

LEAVING = "('delete', 'disable', 'unlink')"
COMING = "('create', 'restore', 'take_over')"

HELD_BEFORE = (
    "SELECT 1 FROM plan_operation AS o JOIN sync_run AS r ON r.id = o.run_id "
    "WHERE r.sync_id = ? AND r.id <> ? AND r.preview = FALSE AND o.status = 'held'"
)


class Holds(Room):
    """Holds operations back, and answers what is held."""

    async def hold(
        self, run_id: str, kind: ObjectKind, actions: Sequence[Action], code: str, message: str
    ) -> int:
        """Turn pending operations of these actions into held ones; returns how many."""
        condition, parameter = self._one_of("action", [action.value for action in actions])
        return await self._hold(
            run_id, code, message, f"kind = ? AND {condition}", (kind.value, parameter)
        )

    async def hold_objects(
        self, run_id: str, source_ids: Sequence[str], code: str, message: str
    ) -> int:
        """Turn all pending operations about these objects into held ones; returns how many."""
        condition, parameter = self._one_of("source_id", source_ids)
        return await self._hold(run_id, code, message, condition, (parameter,))

    async def hold_rows(self, run_id: str, seqs: Sequence[int], code: str, message: str) -> int:
        """Turn these pending operations into held ones; returns how many."""
        condition, parameter = self._one_of("seq", seqs)
        return await self._hold(run_id, code, message, condition, (parameter,))

    async def hold_rest(self, run_id: str, message: str) -> int:
        """Hold what else is planned about users of whom something is held; returns how many."""
        return await self._hold(
            run_id,
            DEPENDS,
            message,
            "kind = 'user' AND EXISTS (SELECT 1 FROM plan_operation AS h "
            "WHERE h.source_id = plan_operation.source_id AND h.run_id = ? "
            "AND h.status = 'held')",
            (run_id,),
        )

    async def _hold(
        self, run_id: str, code: str, message: str, condition: str, parameters: tuple[object, ...]
    ) -> int:
        async with self._writing() as session:
            return await session.execute(
                "UPDATE plan_operation SET status = 'held', code = ?, message = CASE "
                "WHEN message = '' THEN ? ELSE message || ' ' || ? END, advice = ? "
                f"WHERE run_id = ? AND status = 'pending' AND {condition}",
                (code, to_text(message), to_text(message), HELD_ADVICE, run_id, *parameters),
            )

    async def held_rows(
        self, run_id: str, actions: Sequence[Action], after_seq: int, limit: int
    ) -> list[PlannedOperation]:
        """Return the next held operations of some actions, in the order of seq."""
        return await self._chosen_rows(run_id, "held", actions, after_seq, limit)

    async def open_rows(
        self, run_id: str, actions: Sequence[Action], after_seq: int, limit: int
    ) -> list[PlannedOperation]:
        """Return the next pending operations of some actions, in the order of seq."""
        return await self._chosen_rows(run_id, "pending", actions, after_seq, limit)

    async def _chosen_rows(
        self, run_id: str, status: str, actions: Sequence[Action], after_seq: int, limit: int
    ) -> list[PlannedOperation]:
        condition, parameter = self._one_of("action", [action.value for action in actions])
        rows = await self.database.session.rows(
            f"SELECT {ROW_COLUMNS} FROM plan_operation WHERE run_id = ? AND status = '{status}' "
            f"AND seq > ? AND {condition} ORDER BY seq LIMIT ?",
            (run_id, after_seq, parameter, limit),
        )
        return [planned_operation(row) for row in rows]

    async def held_arrivals(self, run_id: str, source_ids: Sequence[str]) -> set[str]:
        """Return those of the objects whose creation, restore or take-over is held."""
        wanted, parameter = self._wanted(source_ids)
        rows = await self.database.session.rows(
            f"SELECT wanted.value FROM {wanted} WHERE EXISTS (SELECT 1 FROM plan_operation AS p "
            "WHERE p.source_id = wanted.value AND p.run_id = ? AND p.status = 'held' "
            f"AND p.action IN {COMING})",
            (parameter, run_id),
        )
        return {row["value"] for row in rows}

    async def leaving(self, run_id: str, resource_ids: Sequence[str]) -> dict[str, str]:
        """Return, by resource id, how those stand that leave: ``held``, ``discarded``, ``pending``.

        An object leaves when it is no longer in the source, or out of scope; one that is only
        disabled there keeps its memberships.
        """
        wanted, parameter = self._wanted(resource_ids)
        gone = (
            "m.sync_id = l.sync_id AND m.source_id = l.source_id "
            "AND (m.presence <> 'present' OR m.in_scope = FALSE)"
        )
        rows = await self.database.session.rows(
            f"SELECT l.resource_id, CASE WHEN p.status IS NOT NULL THEN p.status "
            "ELSE 'discarded' END AS status "
            f"FROM {wanted} CROSS JOIN link AS l CROSS JOIN mirror_object AS m "
            "LEFT JOIN plan_operation AS p ON p.source_id = l.source_id AND p.run_id = ? "
            f"AND p.action IN {LEAVING} "
            f"WHERE l.resource_id = wanted.value AND l.sync_id = ? AND {gone} "
            "AND (p.status IN ('held', 'discarded', 'pending') OR EXISTS ("
            "SELECT 1 FROM sync_discard AS d WHERE d.sync_id = l.sync_id "
            f"AND d.source_id = l.source_id AND d.action IN {LEAVING} "
            f"AND d.stamp = ({SCOPED_STAMP.format(sync='d.sync_id', source='d.source_id')})))",
            (parameter, run_id, self.sync_id),
        )
        return {row["resource_id"]: row["status"] for row in rows}

    async def count_held(self, run_id: str) -> dict[str, tuple[int, int]]:
        """Return, by code, how many operations a run holds, and how many no earlier run held."""
        rows = await self.database.session.rows(
            "SELECT p.code, COUNT(*) AS number, COUNT(CASE WHEN NOT EXISTS ("
            f"{HELD_BEFORE} AND o.source_id = p.source_id AND o.action = p.action) THEN 1 END) "
            "AS fresh FROM plan_operation AS p WHERE p.run_id = ? AND p.status = 'held' "
            "GROUP BY p.code",
            (self.sync_id, run_id, run_id),
        )
        return {row["code"]: (row["number"], row["fresh"]) for row in rows}

    async def codes_held_before(self, run_id: str) -> set[str]:
        """Return the codes of what other runs of the sync hold."""
        rows = await self.database.session.rows(
            HELD_BEFORE.replace("SELECT 1", "SELECT DISTINCT o.code"), (self.sync_id, run_id)
        )
        return {row["code"] for row in rows}

    async def held_run(self) -> str | None:
        """Return the newest run that holds anything, if any."""
        found = await self.database.session.value(
            "SELECT MAX(r.id) AS id FROM sync_run AS r WHERE r.sync_id = ? AND r.preview = FALSE "
            "AND EXISTS (SELECT 1 FROM plan_operation AS p WHERE p.run_id = r.id "
            "AND p.status = 'held')",
            (self.sync_id,),
        )
        return None if found is None else str(found)
