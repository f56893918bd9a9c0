"""The worker: starts what is due and what was asked for, several user syncs at once.

Any number of workers may share a database. What one had taken when it died is taken by another;
the run itself goes on where it stopped.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import structlog

from azure_adapter.sync.refusals import AlreadyRunning, SyncRefused
from gateway.connections import ConnectionProblem
from gateway.enrollment.upkeep import keeping_order
from gateway.mail.delivery import delivering
from gateway.secrets import UnreadableSecretError
from gateway.syncs.fields import FieldsInvalid
from gateway.syncs.owner import has_ended, process_owner
from gateway.work import calls
from gateway.work.schedule import Schedule
from scim.provisioning.records import LeaseLost
from storage.database import now_us
from storage.work import SCHEDULE, DueSchedule, RequestRecord

if TYPE_CHECKING:
    from gateway.wiring import Gateway

AT_ONCE: Final = 2
"""How many user syncs run at once, unless said otherwise."""

POLL_S: Final = 1.0
"""How often the queue in the database is looked at, for what other processes asked."""

UPKEEP_US: Final = 15_000_000
"""How often it is looked for dead workers and failed objects, and said that this one lives."""

LATER_S: Final = 5.0
"""When a request is tried again whose user sync runs elsewhere."""

GRACE_S: Final = 20.0
"""How long runs may still take when the worker is asked to stop; then another takes them up."""

RETRY: Final = "retry"
"""The trigger of what retries failed objects by itself."""

REFUSED = (SyncRefused, ConnectionProblem, UnreadableSecretError, ValueError)
"""What is nobody's defect; the message tells the person who asked."""

log = structlog.stdlib.get_logger("gateway.work")


class Worker:
    """Does what is due, and what was asked for.

    Args:
        gateway: the gateway.
        at_once: how many user syncs run at once.
        owner: names this worker, so that it is recognised as dead.
        clock: microseconds since the epoch.
        grace_s: how long runs may still take when it is asked to stop.
        gone: tells whether a worker of a name has certainly ended.
    """

    def __init__(
        self,
        gateway: "Gateway",
        *,
        at_once: int = AT_ONCE,
        owner: str | None = None,
        clock: Callable[[], int] = now_us,
        grace_s: float = GRACE_S,
        gone: Callable[[str], bool] = has_ended,
    ) -> None:
        self._gateway = gateway
        self._queue = gateway.queue
        self._at_once = at_once
        self._owner = owner or process_owner()
        self._clock = clock
        self._grace_s = grace_s
        self._gone = gone
        self._running: dict[str, asyncio.Task[None]] = {}
        self._kept_up_at: int | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until asked to stop; nothing that goes wrong ends it before."""
        while not stop.is_set():
            self._queue.news.clear()
            try:
                await self.look()
            except Exception:
                log.exception("the queue cannot be worked on")
            await self._wait(stop)
        await self._end()

    async def look(self) -> None:
        """Look once: at schedules, at failed objects, at dead workers, at the queue."""
        await self._schedules()
        if self._kept_up_at is None or self._clock() - self._kept_up_at >= UPKEEP_US:
            self._kept_up_at = self._clock()
            await self._keep_up()
        while len(self._running) < self._at_once:
            request = await self._queue.store.claim(self._owner)
            if request is None:
                return
            self._begin(request)

    async def settle(self) -> None:
        """Wait until everything that was begun has ended."""
        while self._running:
            await asyncio.wait(self._running.values())

    # -- what is due -----------------------------------------------------------------

    async def _schedules(self) -> None:
        for due in await self._queue.store.due_schedules():
            try:
                await self._schedule(due)
            except Exception:
                log.exception("a schedule cannot be followed", sync=due.sync_id)

    async def _schedule(self, due: DueSchedule) -> None:
        schedule, now, store = _schedule_of(due), self._clock(), self._queue.store
        next_at = schedule.next_after(now, sync_id=due.sync_id, anchor=due.created_at)
        missed = schedule.runs and due.due_at is not None and due.due_at <= now
        async with self._gateway.database.transaction():
            fires = missed and await store.is_automatic(due.sync_id)
            if not await store.set_next(due, due.due_at if missed and not fires else next_at):
                return
            if fires:
                options = calls.start(full=schedule.is_full(due.runs_since_full))
                await store.enqueue(due.sync_id, options, trigger=SCHEDULE)

    async def _keep_up(self) -> None:
        store = self._queue.store
        await store.heartbeat(self._owner, self._running.keys())
        await store.recover(self._is_lost)
        await store.prune()
        for sync_id in await store.due_retries():
            await store.enqueue(sync_id, calls.start(retry=True), trigger=RETRY)

    def _is_lost(self, owner: str) -> bool:
        return owner != self._owner and self._gone(owner)

    # -- what was asked for ------------------------------------------------------------

    def _begin(self, request: RequestRecord) -> None:
        task = asyncio.create_task(self._work(request))
        self._running[request.id] = task
        task.add_done_callback(lambda _: self._ended(request))

    def _ended(self, request: RequestRecord) -> None:
        self._running.pop(request.id, None)
        self._queue.news.set()

    async def _work(self, request: RequestRecord) -> None:
        try:
            await self._do(request)
        except asyncio.CancelledError:
            with suppress(Exception):
                await self._queue.store.give_back(request)
        except Exception:
            log.exception("what became of a request cannot be saved", request=request.id)

    async def _do(self, request: RequestRecord) -> None:
        store = self._queue.store
        try:
            with self._queue.turn(request.sync_id):
                run = await calls.perform(self._gateway.control, request)
        except (AlreadyRunning, LeaseLost):
            await store.give_back(request, seconds=LATER_S)
        except REFUSED as error:
            await store.finish(request, message=str(error), failed=True)
        except Exception:
            log.exception("a request failed", request=request.id, sync=request.sync_id)
            message = f"Something went wrong in the gateway. Its log has it: request {request.id}."
            await store.finish(request, message=message, failed=True)
        else:
            await store.finish(request, run_id=run.id if run is not None else None)

    # -- waiting and stopping ------------------------------------------------------------

    async def _wait(self, stop: asyncio.Event) -> None:
        """Wait for something to do, for the order to stop, or for the next look."""
        waits = [asyncio.create_task(event.wait()) for event in (stop, self._queue.news)]
        try:
            await asyncio.wait(waits, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _end(self) -> None:
        """Let runs come to their end, and interrupt those that take too long."""
        tasks = list(self._running.values())
        if not tasks:
            return
        log.info("waiting for runs to end", runs=len(tasks), seconds=self._grace_s)
        _, late = await asyncio.wait(tasks, timeout=self._grace_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)


def _schedule_of(due: DueSchedule) -> Schedule:
    """Return the schedule of a user sync; one that cannot be used starts nothing."""
    try:
        return Schedule.from_json(due.settings.get("schedule") or {})
    except FieldsInvalid as error:
        log.warning("a schedule cannot be used", sync=due.sync_id, name=due.name, error=str(error))
        return Schedule()


@asynccontextmanager
async def working(gateway: "Gateway", *, at_once: int = AT_ONCE) -> AsyncIterator[None]:
    """Work beside whatever is done inside of the block: runs, mails, links that expire."""
    stop = asyncio.Event()
    worker = asyncio.create_task(Worker(gateway, at_once=at_once).run(stop))
    others = [
        asyncio.create_task(delivering(gateway.postman)),
        asyncio.create_task(keeping_order(gateway.enrollment, gateway.outbox)),
    ]
    try:
        yield
    finally:
        stop.set()
        await worker
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
