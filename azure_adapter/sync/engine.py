"""One run of a user sync: read, plan, check, apply, report; each phase durable and resumable.

A run that a killed process left behind is taken up in the phase it was in: reading goes on at the
saved cursor, planning starts again from the mirror, applying goes on with what is pending.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from azure_adapter.sync.check import check_plan
from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.executor import Executor
from azure_adapter.sync.planning import Planning
from azure_adapter.sync.reading import Reading
from azure_adapter.sync.summary import failures, tally
from scim.provisioning.operations import OperationStatus
from scim.provisioning.ports import ProvisioningTarget, SourceReader, SyncStore
from scim.provisioning.records import (
    Lease,
    LeaseLost,
    RunMode,
    RunPhase,
    RunRecord,
    RunStatus,
    SourceError,
)
from scim.provisioning.source import ObjectKind

log = logging.getLogger(__name__)

LEASE_S = 60.0
"""How long a lease lasts without a heartbeat, in seconds."""

MOST_NOTES = 20

RECENT_RUNS = 50
"""How far back it is looked for a run that was no preview."""


class AlreadyRunning(Exception):
    """Another process runs this user sync now; wait for it, or look at its progress."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        phase: read, plan, check, apply or report.
        done: objects or operations so far, in this phase.
        total: of how many, or ``None`` when that is not known yet.
        message: the same in words.
    """

    phase: str
    done: int
    total: int | None = None
    message: str = ""


def _now_us() -> int:
    return time.time_ns() // 1_000


@dataclass(slots=True)
class SyncEngine:
    """Runs one user sync.

    Attributes:
        config: what the administrator decided.
        store: the sync's durable state.
        source: reads the directory.
        target: where SCIM operations go.
        owner: names this process in the lease.
        progress: told what happens, while it happens.
        now_us: the clock, microseconds since the epoch.
        lease_s: how long the lease lasts without a heartbeat.
    """

    config: SyncConfig
    store: SyncStore
    source: SourceReader
    target: ProvisioningTarget
    owner: str
    progress: Callable[[Progress], None] | None = None
    now_us: Callable[[], int] = _now_us
    lease_s: float = LEASE_S

    async def run(
        self,
        *,
        full: bool = False,
        preview: bool = False,
        allow: bool = False,
        trigger: str = "manual",
        actor: str = "",
    ) -> RunRecord:
        """Run the sync once, or take up the run that an interrupted process left behind.

        Args:
            full: read everything (initial cycle), even if changes could be read.
            preview: stop after the check; nothing is applied.
            allow: apply, this once, what the safeguards would hold.
            trigger: who or what started it (manual, schedule, cli, api, demo).
            actor: the person or token.

        Returns:
            The finished run. What went wrong is in it; only a defect or a lost lease raises.

        Raises:
            AlreadyRunning: another process runs it now.
            LeaseLost: another process took it over meanwhile.
        """
        lease = await self.store.claim(self.owner, self.lease_s)
        if lease is None:
            raise AlreadyRunning(
                f"The user sync {self.config.name!r} is running in another process. Wait until it "
                "has finished, then start it again."
            )
        async with self._held(lease):
            run = await self._begin(lease, full=full, preview=preview, trigger=trigger, actor=actor)
            try:
                return await self._phases(lease, run, allow=allow)
            except SourceError as error:
                return await self.store.update_run(
                    run.id, status=RunStatus.failed, error=error, finished=True
                )

    @asynccontextmanager
    async def _held(self, lease: Lease) -> AsyncIterator[None]:
        """Keep the lease alive by a heartbeat, and give it back at the end."""
        heart = asyncio.create_task(self._beat(lease))
        try:
            yield
        finally:
            heart.cancel()
            with suppress(asyncio.CancelledError):
                await heart
            await self.store.release(lease)

    async def _beat(self, lease: Lease) -> None:
        """Renew the lease three times in its life; a beat that fails is left to the next.

        Nothing depends on it but that nobody else takes over: every write checks the fence.
        """
        while True:
            await asyncio.sleep(self.lease_s / 3)
            try:
                await self.store.renew(lease, self.lease_s)
            except LeaseLost:
                return
            except Exception:
                log.warning("The lease of %s could not be renewed.", lease.sync_id, exc_info=True)

    async def _begin(
        self, lease: Lease, *, full: bool, preview: bool, trigger: str, actor: str
    ) -> RunRecord:
        left = await self.store.unfinished_run()
        if left is not None:
            return await self.store.update_run(
                left.id, note="Taken up again after its process had stopped."
            )
        users = await self.store.cursor(ObjectKind.user)
        groups = await self.store.cursor(ObjectKind.group)
        started = any(not run.preview for run in await self.store.runs(limit=RECENT_RUNS))
        incremental = not full and started and bool(users.delta_cursor and groups.delta_cursor)
        mode = RunMode.incremental if incremental else RunMode.initial
        run = await self.store.start_run(
            mode, trigger=trigger, actor=actor, preview=preview, lease=lease
        )
        if full:
            await self.store.begin_initial(ObjectKind.user)
            await self.store.begin_initial(ObjectKind.group)
        return run

    async def _phases(self, lease: Lease, run: RunRecord, *, allow: bool) -> RunRecord:
        if run.phase is RunPhase.read:
            run = await self._read(lease, run, allow=allow)
        if run.phase in (RunPhase.plan, RunPhase.check):
            run = await self._plan(run, allow=allow)
        if run.phase is RunPhase.apply:
            run = await self._apply(lease, run)
        return await self._report(run)

    # -- the phases ----------------------------------------------------------

    async def _read(self, lease: Lease, run: RunRecord, *, allow: bool) -> RunRecord:
        reading = Reading(
            self.config, self.store, self.source, lease, run, allow=allow, progress=self._tell_read
        )
        mode = await reading.read()
        return await self.store.update_run(run.id, phase=RunPhase.plan, mode=mode)

    async def _plan(self, run: RunRecord, *, allow: bool) -> RunRecord:
        await self.store.clear_plan(run.id)
        fingerprint = self.config.fingerprint()
        if await self.store.planned_with() != fingerprint:
            await self.store.mark_all_dirty()
            await self.store.set_planned_with(fingerprint)
        planning = Planning(
            self.config,
            self.store,
            self.target,
            run.id,
            preview=run.preview,
            now_us=self.now_us,
            progress=lambda done: self._tell("plan", done, message=f"{done} objects planned"),
        )
        await planning.plan()
        notes = planning.notes[:MOST_NOTES]
        if not allow:
            notes += await check_plan(self.config, self.store, run.id, self.now_us())
        if not run.preview:
            await self.store.supersede(run.id)
        for note in notes:
            await self.store.update_run(run.id, note=note)
        checksum = await self.store.checksum(run.id)
        phase = RunPhase.report if run.preview else RunPhase.apply
        return await self.store.update_run(run.id, phase=phase, checksum=checksum)

    async def _apply(self, lease: Lease, run: RunRecord) -> RunRecord:
        counted = await self.store.count_operations(run.id)
        total = sum(
            number
            for (_, _, status), number in counted.items()
            if status == OperationStatus.pending
        )
        executor = Executor(
            self.store,
            self.target,
            lease,
            run.id,
            now_us=self.now_us,
            keep_alive=lambda: self.store.renew(lease, self.lease_s),
            progress=lambda done: self._tell(
                "apply", done, total, f"{done} of {total} operations applied"
            ),
        )
        await executor.apply()
        return await self.store.update_run(run.id, phase=RunPhase.report)

    async def _report(self, run: RunRecord) -> RunRecord:
        counts = tally(
            await self.store.count_objects(run.id),
            await self.store.count_memberships(run.id),
            {kind: await self.store.count_links(kind) for kind in ObjectKind},
            preview=run.preview,
        )
        held = sum(int(counts[kind]["held"]) for kind in ("users", "groups"))
        status = RunStatus.succeeded
        if held:
            status = RunStatus.quarantined
        elif failures(counts):
            status = RunStatus.incomplete
        return await self.store.update_run(
            run.id, phase=RunPhase.done, status=status, counts=counts, finished=True
        )

    # -- progress -------------------------------------------------------------

    def _tell_read(self, kind: ObjectKind, done: int) -> None:
        self._tell("read", done, message=f"{done} {kind.value}s read")

    def _tell(self, phase: str, done: int, total: int | None = None, message: str = "") -> None:
        if self.progress is not None:
            self.progress(Progress(phase, done, total, message))
