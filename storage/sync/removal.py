"""Removing what a user sync knows, in batches, so that nobody waits long for the write lock."""

from storage.sync.lease import Leases

BATCH = 2_000

TABLES = (
    (
        "plan_operation",
        "run_id IN (SELECT id FROM sync_run WHERE sync_id = ?)",
    ),
    (
        "mirror_member",
        "group_id IN (SELECT row_id FROM mirror_object WHERE sync_id = ?)",
    ),
    ("mirror_object", "sync_id = ?"),
    ("link", "sync_id = ?"),
)
"""What may have very many rows, in an order in which nothing refers to what is gone."""


class Removal(Leases):
    """Empties the tables of one user sync."""

    async def remove_rows(self) -> None:
        """Remove plans, mirror and links, batch by batch; called again it goes on."""
        for table, condition in TABLES:
            while await self._remove(table, condition):
                pass

    async def _remove(self, table: str, condition: str) -> int:
        async with self._writing() as session:
            return await session.execute(
                f"DELETE FROM {table} WHERE row_id IN "
                f"(SELECT row_id FROM {table} WHERE {condition} LIMIT {BATCH})",
                (self.sync_id,),
            )

    async def give_up_tombstones(self, authority: str, successor: str) -> None:
        """Have deleted resources of one source belong to another when they are restored."""
        old, new = f'"authority":"{authority}"', f'"authority":"{successor}"'
        async with self._writing() as session:
            await session.execute(
                "UPDATE tombstone SET state = REPLACE(state, ?, ?) WHERE deleted_by = ? "
                "AND workspace_id = (SELECT workspace_id FROM user_sync WHERE id = ?)",
                (old, new, authority, self.sync_id),
            )
