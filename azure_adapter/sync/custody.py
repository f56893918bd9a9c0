"""Keeping a sync while a run works on it: the heartbeat of its lease, and the ear for "stop".

``custody`` claims the lease and keeps it alive. Work done inside of :meth:`Custody.interruptible`
stops within a second when a person cancels the run, from whatever process, or when another worker
took the sync over; what it was writing is rolled back, so that nothing is half done.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from scim.provisioning.ports import SyncStore
from scim.provisioning.records import Lease, LeaseLost

log = logging.getLogger(__name__)

LEASE_S = 60.0
"""How long a lease lasts without a heartbeat, in seconds.

That long a sync stands still when the process that ran it was killed on another machine (on the
same one its end is noticed at once). Shorter would take the lease from a process whose database
is merely slow; the fence keeps even that from doing harm.
"""

LISTEN_S = 0.5
"""How often it is looked whether a person wants the run to stop, in seconds."""

T = TypeVar("T")


class RunCancelled(Exception):
    """A person asked that the run stops.

    Attributes:
        by: who it was.
    """

    def __init__(self, by: str) -> None:
        super().__init__(f"The run was cancelled by {by}.")
        self.by = by


class Custody:
    """The lease of a sync while a run works, and what may interrupt it.

    Args:
        store: the state of the user sync.
        lease: what was claimed.
        lease_s: how long it lasts without a heartbeat, in seconds.
        listen_s: how often it is looked for a request to stop, in seconds.
    """

    def __init__(self, store: SyncStore, lease: Lease, lease_s: float, listen_s: float) -> None:
        self.lease = lease
        self._store = store
        self._lease_s = lease_s
        self._listen_s = listen_s
        self._lost: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def interruptible(self, run_id: str, work: Coroutine[Any, Any, T]) -> T:
        """Do some work of a run to its end, or until it has to stop.

        Raises:
            RunCancelled: a person cancelled the run.
            LeaseLost: another worker took the sync over.
        """
        listening = asyncio.create_task(self._listen(run_id))
        working = asyncio.create_task(work)
        stops: list[asyncio.Future[Exception]] = [self._lost, listening]
        try:
            either: list[asyncio.Future[Any]] = [working, *stops]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await _stopped(working)
            if working.cancelled():
                raise next(stop.result() for stop in stops if stop.done())
            return working.result()
        except asyncio.CancelledError:
            await _stopped(working)
            raise
        finally:
            await _stopped(listening)

    async def beat(self) -> None:
        """Renew the lease three times in its life; a beat that fails is left to the next.

        Nothing depends on it but that nobody else takes over: every write checks the fence.
        """
        while True:
            await asyncio.sleep(self._lease_s / 3)
            try:
                await self._store.renew(self.lease, self._lease_s)
            except LeaseLost as lost:
                self._lost.set_result(lost)
                return
            except Exception:
                name = self.lease.sync_id
                log.warning("The lease of %s could not be renewed.", name, exc_info=True)

    async def _listen(self, run_id: str) -> Exception:
        """Wait for somebody who cancels the run."""
        while True:
            try:
                by = await self._store.cancel_requested(run_id)
            except Exception:
                log.warning("The run %s could not be looked at.", run_id, exc_info=True)
                by = ""
            if by:
                return RunCancelled(by)
            await asyncio.sleep(self._listen_s)


@asynccontextmanager
async def custody(
    store: SyncStore,
    owner: str,
    *,
    lease_s: float,
    listen_s: float,
    gone: Callable[[str], bool] | None = None,
) -> AsyncIterator[Custody | None]:
    """Claim the lease of a sync, keep it alive, and give it back at the end.

    Args:
        store: the state of the user sync.
        owner: names this process in the lease.
        lease_s: how long the lease lasts without a heartbeat, in seconds.
        listen_s: how often it is looked for a request to stop, in seconds.
        gone: tells whether another owner's process has certainly ended.

    Yields:
        the custody, or ``None`` when another process has the sync.
    """
    lease = await store.claim(owner, lease_s, gone=gone)
    if lease is None:
        yield None
        return
    kept = Custody(store, lease, lease_s, listen_s)
    heart = asyncio.create_task(kept.beat())
    try:
        yield kept
    finally:
        await _stopped(heart)
        await store.release(lease)


async def _stopped(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait until it has ended, whatever it ends with."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
