"""The lease of a user sync: one worker at a time, told apart by a growing fencing token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scim.provisioning.records import Lease, LeaseLost
from storage.database import Dialect, Session
from storage.sync.room import Room

FENCE: dict[Dialect, str] = {
    "sqlite": "SELECT lease_owner, fence FROM user_sync WHERE id = ?",
    "postgres": "SELECT lease_owner, fence, set_config('plan_cache_mode', 'force_custom_plan', "
    "TRUE) FROM user_sync WHERE id = ? FOR NO KEY UPDATE",
}
"""Reads the fence and, on PostgreSQL, locks it.

What a sync writes grows tables from nothing within seconds. A plan that PostgreSQL cached while a
table was empty reads it from end to end, also to check a foreign key, until autovacuum looks at
it: 150,000 memberships took 100 seconds instead of 12. So plans are not cached in these
transactions.
"""


class Leases(Room):
    """Claims, keeps and checks the right to run the sync."""

    async def claim(self, owner: str, seconds: float) -> Lease | None:
        """Take the lease, or return ``None`` while another owner holds it.

        An owner that claims again gets a new fencing token; its earlier lease is lost.
        """
        now = self._clock()
        async with self.database.transaction() as session:
            row = await session.row(
                "UPDATE user_sync SET lease_owner = ?, lease_until = ?, fence = fence + 1 "
                "WHERE id = ? AND (lease_owner = '' OR lease_until < ? OR lease_owner = ?) "
                "RETURNING fence",
                (owner, now + round(seconds * 1_000_000), self.sync_id, now, owner),
            )
        return Lease(self.sync_id, owner, row["fence"]) if row else None

    async def renew(self, lease: Lease, seconds: float) -> None:
        """Prolong the lease.

        Raises:
            LeaseLost: somebody else has it, or this owner claimed it anew.
        """
        until = self._clock() + round(seconds * 1_000_000)
        async with self.database.transaction() as session:
            row = await session.row(
                "UPDATE user_sync SET lease_until = ? "
                "WHERE id = ? AND lease_owner = ? AND fence = ? RETURNING fence",
                (until, self._own(lease), lease.owner, lease.fence),
            )
        if row is None:
            raise _lost(lease)

    async def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when it is lost already."""
        async with self.database.transaction() as session:
            await session.execute(
                "UPDATE user_sync SET lease_owner = '', lease_until = 0 "
                "WHERE id = ? AND lease_owner = ? AND fence = ?",
                (self._own(lease), lease.owner, lease.fence),
            )

    @asynccontextmanager
    async def unit_of_work(self, lease: Lease) -> AsyncIterator[None]:
        """Open one transaction for everything inside, target included, or nothing.

        Raises:
            LeaseLost: on entry, when the lease's fencing token is no longer current.
        """
        async with self._fenced(lease):
            yield

    @asynccontextmanager
    async def _fenced(self, lease: Lease) -> AsyncIterator[Session]:
        """Open a transaction that holds the lease until it commits.

        SQLite's transaction has the one write lock already. On PostgreSQL the sync's row is
        locked against another claim; rows that merely refer to the sync can still be added.
        """
        async with self.database.transaction() as session:
            row = await session.row(FENCE[session.dialect], (self._own(lease),))
            if row is None or (row["lease_owner"], row["fence"]) != (lease.owner, lease.fence):
                raise _lost(lease)
            yield session

    def _own(self, lease: Lease) -> str:
        if lease.sync_id != self.sync_id:
            raise ValueError(f"This is the lease of sync {lease.sync_id}, not of {self.sync_id}.")
        return self.sync_id


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"{lease.owner} no longer holds the lease of sync {lease.sync_id} (token {lease.fence}): "
        "another worker took it over."
    )
