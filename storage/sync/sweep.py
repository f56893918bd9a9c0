"""The sweep that ends an initial cycle: what it did not show is no longer in the source."""

from collections.abc import Sequence

from scim.provisioning.records import CursorRecord, Gaps, Lease
from scim.provisioning.source import ObjectKind, Presence
from storage.database import Session
from storage.sync.merge import Merging
from storage.sync.values import stamp_of

BATCH = 1_000
"""How many objects are rewritten at a time."""

ABSENT = "sync_id = ? AND kind = ? AND presence IN ('present', 'soft_deleted') AND generation < ?"
"""The condition of objects that the current generation has not seen."""

ABSENT_PRESENT = "sync_id = ? AND kind = ? AND presence = 'present' AND generation < ?"
"""The condition of those among them that count as being there."""


class Sweeping(Merging):
    """Removes from the mirror what a complete initial cycle did not show."""

    async def sweep(self, kind: ObjectKind, lease: Lease) -> int:
        """Mark what the current generation has not seen as deleted, once.

        Memberships of a removed object stay in the mirror (presence decides), so that an object
        that was only missing for a while comes back with them. Memberships that a group no
        longer shows are removed.

        Returns:
            how many objects became ``deleted``.

        Raises:
            LeaseLost: the lease is no longer current; nothing was swept.
            RuntimeError: the chain has not reached its delta cursor, so that what it did not
                show yet may still come.
        """
        async with self._fenced(lease) as session:
            cursor = await self._cursor(session, kind)
            if cursor.swept:
                return 0
            if cursor.delta_cursor is None:
                raise RuntimeError(
                    f"The initial cycle of {kind.value}s of sync {self.sync_id} is not complete: "
                    "read it to its end before sweeping."
                )
            await self._soil_groups_of_absent(session, kind, cursor)
            count = await self._delete_absent(session, kind, cursor)
            if kind is ObjectKind.group:
                await self._delete_stale_edges(session, cursor)
            await session.execute(
                "UPDATE sync_cursor SET swept = TRUE WHERE sync_id = ? AND kind = ?",
                (self.sync_id, kind.value),
            )
            if session.dialect == "postgres":
                # What plans next must not go by what the tables were before this cycle.
                await session.execute("ANALYZE mirror_object, mirror_member")
        return count

    async def count_absent(self, kind: ObjectKind) -> tuple[int, int]:
        """Return (present objects that the current generation has not seen, all present ones)."""
        session = self.database.session
        cursor = await self._cursor(session, kind)
        row = await session.row(
            "SELECT COUNT(*) AS present, "
            "COUNT(CASE WHEN generation < ? THEN 1 END) AS absent "
            "FROM mirror_object WHERE sync_id = ? AND kind = ? AND presence = 'present'",
            (cursor.generation, self.sync_id, kind.value),
        )
        return (row["absent"], row["present"]) if row else (0, 0)

    async def absent(self, kind: ObjectKind, limit: int) -> list[str]:
        """Return source ids of present objects that the current generation has not seen."""
        session = self.database.session
        cursor = await self._cursor(session, kind)
        rows = await session.rows(
            f"SELECT source_id FROM mirror_object WHERE {ABSENT_PRESENT} ORDER BY row_id LIMIT ?",
            (self.sync_id, kind.value, cursor.generation, limit),
        )
        return [row["source_id"] for row in rows]

    async def spare(
        self, kind: ObjectKind, gone: Sequence[str], lease: Lease, *, unsure: bool
    ) -> int:
        """Keep present objects that the current generation has not seen from the sweep.

        They count as seen, and so do the memberships of groups among them, which the sweep would
        take for stale otherwise.

        Args:
            kind: users or groups.
            gone: source ids of those that are left to the sweep.
            lease: checked.
            unsure: whether it is unknown what became of some: then the next cycle is an initial
                one, as after objects that could not be read.

        Returns:
            how many were spared.

        Raises:
            LeaseLost: the lease is no longer current; nothing changed.
        """
        async with self._fenced(lease) as session:
            cursor = await self._cursor(session, kind)
            condition, parameter = self._one_of("source_id", gone)
            spared = f"{ABSENT_PRESENT} AND NOT ({condition})"
            named = (self.sync_id, kind.value, cursor.generation, parameter)
            if kind is ObjectKind.group:
                await session.execute(
                    "UPDATE mirror_member SET generation = ? WHERE group_id IN "
                    f"(SELECT row_id FROM mirror_object WHERE {spared})",
                    (cursor.generation, *named),
                )
            count = await session.execute(
                f"UPDATE mirror_object SET generation = ? WHERE {spared}",
                (cursor.generation, *named),
            )
            if unsure:
                await session.execute(
                    "UPDATE sync_cursor SET gaps = ? WHERE sync_id = ? AND kind = ? AND gaps < ?",
                    (Gaps.named.value, self.sync_id, kind.value, Gaps.named.value),
                )
        return count

    async def _soil_groups_of_absent(
        self, session: Session, kind: ObjectKind, cursor: CursorRecord
    ) -> None:
        await session.execute(
            "UPDATE mirror_object SET dirty = TRUE, failures = 0, retry_at = 0 WHERE row_id IN ("
            "SELECT e.group_id FROM mirror_object AS m CROSS JOIN mirror_member AS e "
            "WHERE m.sync_id = ? AND m.kind = ? AND m.presence IN ('present', 'soft_deleted') "
            "AND m.generation < ? AND e.member_id = m.row_id)",
            (self.sync_id, kind.value, cursor.generation),
        )

    async def _delete_absent(self, session: Session, kind: ObjectKind, cursor: CursorRecord) -> int:
        count = 0
        deleted = Presence.deleted
        while rows := await session.rows(
            f"SELECT row_id, attributes FROM mirror_object WHERE {ABSENT} LIMIT {BATCH}",
            (self.sync_id, kind.value, cursor.generation),
        ):
            await session.many(
                "UPDATE mirror_object SET presence = ?, stamp = ?, dirty = TRUE, failures = 0, "
                "retry_at = 0 WHERE row_id = ?",
                [(deleted.value, stamp_of(deleted, r["attributes"]), r["row_id"]) for r in rows],
            )
            count += len(rows)
        return count

    async def _delete_stale_edges(self, session: Session, cursor: CursorRecord) -> None:
        """Remove the memberships that the groups seen in this generation no longer show."""
        rows = await session.rows(
            "SELECT DISTINCT g.row_id FROM mirror_object AS g CROSS JOIN mirror_member AS e "
            "WHERE g.sync_id = ? AND g.kind = 'group' AND g.presence = 'present' "
            "AND g.generation = ? AND e.group_id = g.row_id AND e.generation < ?",
            (self.sync_id, cursor.generation, cursor.generation),
        )
        groups = [row["row_id"] for row in rows]
        await self._update(session, "dirty = TRUE, failures = 0, retry_at = 0", [], groups)
        condition, parameter = self._one_of("group_id", groups)
        await session.execute(
            f"DELETE FROM mirror_member WHERE {condition} AND generation < ?",
            (parameter, cursor.generation),
        )
