"""The lease of a user sync: one worker at a time, told apart by a growing fencing token.

A store that claimed the lease writes under it until it gives it back: each of its transactions
checks the token first. So a worker that slept past its lease, and was replaced meanwhile, can
write nothing any more, in whatever phase it wakes up.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from scim.provisioning.records import Lease, LeaseLost
from storage.database import Database, Dialect, Session, now_us
from storage.sync.room import Clock, Room

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

REHEARSAL = "rehearsal"
"""Who holds the lease inside of a transaction that is taken back."""


class Leases(Room):
    """Claims, keeps and checks the right to run the sync."""

    def __init__(self, database: Database, sync_id: str, *, clock: Clock = now_us) -> None:
        """Speak about one sync; see :class:`Room`."""
        super().__init__(database, sync_id, clock=clock)
        self._held: Lease | None = None

    async def claim(
        self, owner: str, seconds: float, *, gone: Callable[[str], bool] | None = None
    ) -> Lease | None:
        """Take the lease, or return ``None`` while another owner holds it.

        An owner that claims again gets a new fencing token; its earlier lease is lost.

        Args:
            owner: names the process, up to 64 characters.
            seconds: how long the lease lasts without a heartbeat.
            gone: tells whether another owner's process has certainly ended, so that nobody has
                to wait until its lease runs out.
        """
        now = self._clock()
        async with self.database.transaction() as session:
            row = await session.row(
                "UPDATE user_sync SET lease_owner = ?, lease_until = ?, fence = fence + 1 "
                "WHERE id = ? AND (lease_owner = '' OR lease_until < ? OR lease_owner = ?) "
                "RETURNING fence",
                (owner, now + round(seconds * 1_000_000), self.sync_id, now, owner),
            )
            if row is None and gone is not None:
                row = await self._take_from_the_dead(session, owner, seconds, gone)
        self._held = Lease(self.sync_id, owner, row["fence"]) if row else None
        return self._held

    async def _take_from_the_dead(
        self, session: Session, owner: str, seconds: float, gone: Callable[[str], bool]
    ) -> dict[str, int] | None:
        holder = await session.row(
            "SELECT lease_owner, fence FROM user_sync WHERE id = ?", (self.sync_id,)
        )
        if holder is None or not gone(holder["lease_owner"]):
            return None
        return await session.row(
            "UPDATE user_sync SET lease_owner = ?, lease_until = ?, fence = fence + 1 "
            "WHERE id = ? AND lease_owner = ? AND fence = ? RETURNING fence",
            (
                owner,
                self._clock() + round(seconds * 1_000_000),
                self.sync_id,
                holder["lease_owner"],
                holder["fence"],
            ),
        )

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
        if self._held == lease:
            self._held = None

    @asynccontextmanager
    async def unit_of_work(self, lease: Lease) -> AsyncIterator[None]:
        """Open one transaction for everything inside, target included, or nothing.

        Raises:
            LeaseLost: on entry, when the lease's fencing token is no longer current.
        """
        async with self._fenced(lease, short=True):
            yield

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[Lease]:
        """Open a transaction that is taken back at its end, with a lease to work under in it.

        What happens inside is seen inside only; whoever runs the sync meanwhile keeps the lease.
        It holds SQLite's write lock, so keep it short.
        """
        kept = self._held
        try:
            async with self.database.transaction() as session:
                row = await session.row(
                    "UPDATE user_sync SET lease_owner = ?, fence = fence + 1 WHERE id = ? "
                    "RETURNING fence",
                    (REHEARSAL, self.sync_id),
                )
                if row is None:
                    raise LookupError(f"There is no user sync {self.sync_id}.")
                self._held = Lease(self.sync_id, REHEARSAL, row["fence"])
                yield self._held
                raise _TakenBack
        except _TakenBack:
            pass
        finally:
            self._held = kept

    @asynccontextmanager
    async def _writing(self, *, short: bool = False) -> AsyncIterator[Session]:
        """Open a transaction, checked against the lease that this store claimed, or join one."""
        if self._held is None or self.database.in_transaction:
            async with super()._writing(short=short) as session:
                yield session
            return
        async with self._fenced(self._held, short=short) as session:
            yield session

    @asynccontextmanager
    async def _fenced(self, lease: Lease, *, short: bool = False) -> AsyncIterator[Session]:
        """Open a transaction that holds the lease until it commits.

        SQLite's transaction has the one write lock already. On PostgreSQL the sync's row is
        locked against another claim; rows that merely refer to the sync can still be added.
        """
        async with self._transaction(short=short) as session:
            row = await session.row(FENCE[session.dialect], (self._own(lease),))
            if row is None or (row["lease_owner"], row["fence"]) != (lease.owner, lease.fence):
                raise _lost(lease)
            yield session

    def _own(self, lease: Lease) -> str:
        if lease.sync_id != self.sync_id:
            raise ValueError(f"This is the lease of sync {lease.sync_id}, not of {self.sync_id}.")
        return self.sync_id


class _TakenBack(Exception):
    """Ends a rehearsal."""


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"{lease.owner} no longer holds the lease of sync {lease.sync_id} (token {lease.fence}): "
        "another worker took it over."
    )
