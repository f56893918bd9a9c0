"""What a person decided about held operations: allowed once, or discarded until a change.

A discard is remembered by object and action with the object's stamp, its last digit replaced by
``i`` (in scope) or ``o`` (out of scope), so that it ends when the source object changes or the
scope decides otherwise about it; of an object that left the source it ends when that is back
(whether Azure can still restore it makes no difference). A discarded change of memberships names
the members instead, and ends for each of them when that membership is no longer to be changed.
"""

from collections.abc import Mapping, Sequence

from scim.provisioning.operations import Action, Discard, PlannedOperation
from storage.database import Session
from storage.sync.plans import ROW_COLUMNS, planned_operation
from storage.sync.room import Room
from storage.sync.values import from_json, to_json

MEMBERS = ("add_members", "remove_members")
SCOPED_STAMP = (
    "SELECT CASE WHEN m.presence <> 'present' THEN 'gone' "
    "WHEN m.in_scope = TRUE THEN substr(m.stamp, 1, 31) || 'i' "
    "ELSE substr(m.stamp, 1, 31) || 'o' END "
    "FROM mirror_object AS m WHERE m.sync_id = {sync} AND m.source_id = {source}"
)
"""The stamp that a discard remembers."""

BATCH = 500


class Discards(Room):
    """Keeps what was decided about held operations."""

    async def decide(
        self, run_id: str, seqs: Sequence[int] | None, status: str, actor: str
    ) -> tuple[int, int]:
        """Write down a decision about held operations of a run.

        Args:
            run_id: the run that holds them.
            seqs: which ones, ``None`` for all.
            status: what becomes of them.
            actor: who decides.

        Returns:
            (how many were still held, the moment of the decision, unique in the run).
        """
        now = self._clock()
        chosen, parameters = "", list[object]()
        if seqs is not None:
            condition, parameter = self._one_of("seq", seqs)
            chosen, parameters = f" AND {condition}", [parameter]
        async with self._writing() as session:
            last = await session.value(
                "SELECT MAX(decided_at) AS at FROM plan_operation WHERE run_id = ?", (run_id,)
            )
            moment = max(now, (last or 0) + 1)
            count = await session.execute(
                "UPDATE plan_operation SET status = ?, decided_by = ?, decided_at = ? "
                f"WHERE run_id = ? AND status = 'held'{chosen}",
                (status, actor, moment, run_id, *parameters),
            )
        return count, moment

    async def decided(
        self, run_id: str, moment: int, after_seq: int, limit: int
    ) -> list[PlannedOperation]:
        """Return the next operations of a run that were decided at a moment."""
        rows = await self.database.session.rows(
            f"SELECT {ROW_COLUMNS} FROM plan_operation WHERE run_id = ? AND decided_at = ? "
            "AND seq > ? ORDER BY seq LIMIT ?",
            (run_id, moment, after_seq, limit),
        )
        return [planned_operation(row) for row in rows]

    async def discard(self, run_id: str, seqs: Sequence[int] | None, actor: str) -> int:
        """Discard held operations of a run, until their objects change; returns how many."""
        async with self._writing() as session:
            count, moment = await self.decide(run_id, seqs, "discarded", actor)
            if count:
                await self._remember(session, run_id, moment)
                await self._remember_members(run_id, moment, actor)
        return count

    async def _remember(self, session: Session, run_id: str, moment: int) -> None:
        stamp = SCOPED_STAMP.format(sync="?", source="p.source_id")
        await session.execute(
            "INSERT INTO sync_discard (sync_id, source_id, action, stamp, run_id, decided_by, "
            f"decided_at) SELECT ?, p.source_id, p.action, COALESCE(({stamp}), ''), p.run_id, "
            "MAX(p.decided_by), MAX(p.decided_at) FROM plan_operation AS p WHERE p.run_id = ? "
            f"AND p.decided_at = ? AND p.action NOT IN {MEMBERS} "
            "GROUP BY p.source_id, p.action, p.run_id "
            "ON CONFLICT (sync_id, source_id, action) DO UPDATE SET stamp = excluded.stamp, "
            "run_id = excluded.run_id, decided_by = excluded.decided_by, "
            "decided_at = excluded.decided_at",
            (self.sync_id, self.sync_id, run_id, moment),
        )

    async def _remember_members(self, run_id: str, moment: int, actor: str) -> None:
        after = 0
        while rows := await self.decided(run_id, moment, after, BATCH):
            after = rows[-1].seq
            for row in rows:
                if row.operation.action in MEMBERS:
                    await self._add_members(row, run_id, actor, moment)

    async def _add_members(
        self, row: PlannedOperation, run_id: str, actor: str, moment: int
    ) -> None:
        operation = row.operation
        told = (operation.before or {}).get("members") or (operation.after or {}).get("members")
        known = await self.discarded_members([operation.source_id])
        members = known.get((operation.source_id, operation.action), set()) | set(told or ())
        await self.database.session.execute(
            "INSERT INTO sync_discard (sync_id, source_id, action, stamp, members, run_id, "
            "decided_by, decided_at) VALUES (?, ?, ?, '', ?, ?, ?, ?) "
            "ON CONFLICT (sync_id, source_id, action) DO UPDATE SET members = excluded.members, "
            "run_id = excluded.run_id, decided_by = excluded.decided_by, "
            "decided_at = excluded.decided_at",
            (
                self.sync_id,
                operation.source_id,
                operation.action.value,
                to_json(sorted(members)),
                run_id,
                actor,
                moment,
            ),
        )

    # what planning does about them

    async def drop_void_discards(self) -> int:
        """Forget the discards of objects that changed since; returns how many."""
        stamp = SCOPED_STAMP.format(sync="sync_discard.sync_id", source="sync_discard.source_id")
        async with self._writing() as session:
            return await session.execute(
                "DELETE FROM sync_discard WHERE sync_id = ? AND members IS NULL "
                f"AND stamp <> COALESCE(({stamp}), '')",
                (self.sync_id,),
            )

    async def apply_discards(self, run_id: str) -> int:
        """Turn planned operations that were discarded before into discarded ones; how many.

        A user whose leaving was discarded also keeps its name; one whose arrival was discarded
        gets no manager and no invitation either.
        """
        stamp = SCOPED_STAMP.format(sync="d.sync_id", source="d.source_id")
        match = (
            "SELECT {what} FROM sync_discard AS d WHERE d.sync_id = ? "
            "AND d.source_id = plan_operation.source_id AND d.members IS NULL "
            f"AND d.stamp = COALESCE(({stamp}), '') "
            "AND (d.action = plan_operation.action OR (plan_operation.action = 'release_name' "
            "AND d.action IN ('delete', 'disable', 'unlink')) "
            "OR (plan_operation.action IN ('assign_manager', 'invite') "
            "AND d.action IN ('create', 'restore', 'take_over')))"
        )
        by, at = match.format(what="MAX(d.decided_by)"), match.format(what="MAX(d.decided_at)")
        async with self._writing() as session:
            return await session.execute(
                f"UPDATE plan_operation SET status = 'discarded', code = 'discarded', "
                f"decided_by = ({by}), decided_at = ({at}) "
                "WHERE run_id = ? AND status = 'pending' AND EXISTS "
                f"({match.format(what='1')})",
                (self.sync_id, self.sync_id, run_id, self.sync_id),
            )

    async def discarded_members(
        self, source_ids: Sequence[str]
    ) -> dict[tuple[str, Action], set[str]]:
        """Return the members of groups whose change was discarded, by group and action."""
        condition, parameter = self._one_of("source_id", source_ids)
        rows = await self.database.session.rows(
            "SELECT source_id, action, members FROM sync_discard WHERE sync_id = ? "
            f"AND members IS NOT NULL AND {condition}",
            (self.sync_id, parameter),
        )
        return {
            (row["source_id"], Action(row["action"])): set(from_json(row["members"]))
            for row in rows
        }

    async def set_discarded_members(self, members: Mapping[tuple[str, Action], set[str]]) -> None:
        """Say which members of groups are left of discarded changes; none forgets the discard."""
        async with self._writing() as session:
            for (source_id, action), left in members.items():
                if left:
                    await session.execute(
                        "UPDATE sync_discard SET members = ? "
                        "WHERE sync_id = ? AND source_id = ? AND action = ?",
                        (to_json(sorted(left)), self.sync_id, source_id, action.value),
                    )
                else:
                    await session.execute(
                        "DELETE FROM sync_discard "
                        "WHERE sync_id = ? AND source_id = ? AND action = ?",
                        (self.sync_id, source_id, action.value),
                    )

    async def groups_to_recheck(self) -> list[str]:
        """Return the groups with discarded changes that are to be planned again."""
        rows = await self.database.session.rows(
            "SELECT DISTINCT d.source_id FROM sync_discard AS d JOIN mirror_object AS m "
            "ON m.sync_id = d.sync_id AND m.source_id = d.source_id "
            "WHERE d.sync_id = ? AND d.members IS NOT NULL AND m.dirty = TRUE",
            (self.sync_id,),
        )
        return [row["source_id"] for row in rows]

    async def discards(self, source_ids: Sequence[str] | None = None) -> list[Discard]:
        """Return what is discarded, of some objects or of all, the newest decision first."""
        chosen, parameters = "", list[object]()
        if source_ids is not None:
            condition, parameter = self._one_of("source_id", source_ids)
            chosen, parameters = f" AND {condition}", [parameter]
        rows = await self.database.session.rows(
            "SELECT source_id, action, members, run_id, decided_by, decided_at "
            f"FROM sync_discard WHERE sync_id = ?{chosen} ORDER BY decided_at DESC, row_id",
            (self.sync_id, *parameters),
        )
        return [
            Discard(
                source_id=row["source_id"],
                action=Action(row["action"]),
                members=tuple(from_json(row["members"], ())),
                run_id=row["run_id"],
                decided_by=row["decided_by"],
                decided_at=row["decided_at"],
            )
            for row in rows
        ]
