"""Saves what the scope of a user sync says: who came in or went out, and what depends on it."""

from collections.abc import Sequence
from typing import Any

from scim.provisioning.scoping import RowVerdict, ScopeState
from storage.database import Dialect, Row, Session
from storage.sync.room import Room

LOOKED_UP: dict[Dialect, str] = {
    "sqlite": "SELECT o.{column} FROM json_each(?) AS wanted CROSS JOIN {table} AS o "
    "WHERE {condition}",
    "postgres": "SELECT found.{column} FROM unnest(CAST(? AS {type}[])) AS wanted (value) "
    "CROSS JOIN LATERAL (SELECT o.{column} FROM {table} AS o WHERE {condition} OFFSET 0) AS found",
}
"""A column of the rows ``o`` that each wanted value leads to, by one index probe each.

Left to itself PostgreSQL reads the whole table for a thousand values, a hundred times.
"""


class ScopeSaving(Room):
    """Keeps what the scope says."""

    async def scope_state(self) -> ScopeState:
        """Return what the mirror was last told."""
        row = await self.database.session.row(
            "SELECT scope_fingerprint, nesting FROM user_sync WHERE id = ?", (self.sync_id,)
        )
        return ScopeState(row["scope_fingerprint"], row["nesting"]) if row else ScopeState()

    async def set_scope_fingerprint(self, fingerprint: str) -> None:
        """Save the fingerprint of the scope (up to 64 characters)."""
        async with self._writing() as session:
            await session.execute(
                "UPDATE user_sync SET scope_fingerprint = ? WHERE id = ?",
                (fingerprint, self.sync_id),
            )

    async def set_nesting(self, nesting: str) -> None:
        """Save how nested groups are planned, and make every group dirty."""
        async with self._writing() as session:
            await session.execute(
                "UPDATE user_sync SET nesting = ? WHERE id = ?", (nesting, self.sync_id)
            )
            await session.execute(
                "UPDATE mirror_object SET dirty = TRUE, retry_at = 0 WHERE sync_id = ? "
                "AND kind = 'group' AND presence <> 'unknown' AND (dirty = FALSE OR retry_at > 0)",
                (self.sync_id,),
            )

    async def save_scope(self, verdicts: Sequence[RowVerdict]) -> int:
        """Save what the scope says of rows; what comes in or goes out becomes dirty.

        So does what depends on it: the groups that it is in, those who report to it, and those
        who claim the same user.

        Returns:
            how many came or went.
        """
        told: dict[tuple[bool, str], list[int]] = {}
        for each in verdicts:
            told.setdefault((each.in_scope, each.reason), []).append(each.row)
        if not told:
            return 0
        async with self._writing() as session:
            flipped = [await self._tell(session, *said, rows) for said, rows in told.items()]
        return sum(flipped)

    async def _tell(
        self, session: Session, in_scope: bool, reason: str, rows: Sequence[int]
    ) -> int:
        """Save one verdict for many rows; returns how many of them it turned round."""
        condition, parameter = self._one_of("row_id", rows)
        moved = await session.rows(
            f"SELECT row_id, source_id, unique_key FROM mirror_object WHERE {condition} "
            "AND in_scope <> ?",
            (parameter, in_scope),
        )
        await session.execute(
            "UPDATE mirror_object SET dirty = CASE WHEN in_scope = ? THEN dirty ELSE TRUE END, "
            "retry_at = CASE WHEN in_scope = ? THEN retry_at ELSE 0 END, "
            f"in_scope = ?, scope_reason = ? WHERE {condition}",
            (in_scope, in_scope, in_scope, reason, parameter),
        )
        await self._soil_dependents(session, moved)
        return len(moved)

    async def _soil_dependents(self, session: Session, moved: Sequence[Row]) -> None:
        """Have planned again what depends on objects, without waiting."""
        groups = LOOKED_UP[session.dialect].format(
            column="group_id",
            table="mirror_member",
            condition="o.member_id = wanted.value",
            type="bigint",
        )
        await self._soil(session, groups, [row["row_id"] for row in moved])
        for column, named in (("manager_id", "source_id"), ("unique_key", "unique_key")):
            claiming = LOOKED_UP[session.dialect].format(
                column="row_id",
                table="mirror_object",
                condition=f"o.sync_id = ? AND o.{column} = wanted.value",
                type="text",
            )
            values = [row[named] for row in moved if row[named] is not None]
            await self._soil(session, claiming, values, self.sync_id)

    async def _soil(self, session: Session, rows: str, values: Sequence[Any], *more: str) -> None:
        """Make dirty the rows that values lead to, if there are any."""
        if not values:
            return
        _, parameter = self._one_of("value", values)
        await session.execute(
            f"UPDATE mirror_object SET dirty = TRUE, retry_at = 0 WHERE row_id IN ({rows}) "
            "AND (dirty = FALSE OR retry_at > 0)",
            (parameter, *more),
        )
