"""The engine of a user sync: starts runs, takes up what was interrupted, and ends them.

One run at a time has a sync, whatever it is for: a cycle, the application of a reviewed plan, what
a person allowed, a retry, a look for drift, an undo. A run that a killed process left behind is
taken up first. A preview applies nothing and is never taken up.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from azure_adapter.sync.approvals import reviewed_run
from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.custody import LEASE_S, LISTEN_S, Custody, RunCancelled, custody
from azure_adapter.sync.progress import Progress, Tell
from azure_adapter.sync.refusals import (
    AlreadyRunning,
    NoSuchRun,
    NothingToDecide,
    NothingToUndo,
)
from azure_adapter.sync.requests import Prepare, Request
from azure_adapter.sync.run_work import Parts, RunWork
from azure_adapter.sync.starting import check_paused, close_left_preview, covers, mode_of
from scim.provisioning.ports import (
    EnrollmentPort,
    ProvisioningTarget,
    SourceReader,
    SyncStore,
)
from scim.provisioning.records import (
    Lease,
    RunKind,
    RunPhase,
    RunRecord,
    SourceError,
)
from scim.provisioning.source import ObjectKind

__all__ = ["AlreadyRunning", "Progress", "SyncEngine"]


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
        enrollment: invites people; ``None``: nobody is invited here.
        gone: tells whether another owner's process has certainly ended.
        now_us: the clock, microseconds since the epoch.
        lease_s: how long the lease lasts without a heartbeat.
        listen_s: how often it is looked whether a person wants the run to stop.
    """

    config: SyncConfig
    store: SyncStore
    source: SourceReader
    target: ProvisioningTarget
    owner: str
    progress: Tell | None = None
    enrollment: EnrollmentPort | None = None
    gone: Callable[[str], bool] | None = None
    now_us: Callable[[], int] = _now_us
    lease_s: float = LEASE_S
    listen_s: float = LISTEN_S

    async def run(
        self,
        *,
        full: bool = False,
        preview: bool = False,
        allow: bool = False,
        trigger: str = "manual",
        actor: str = "",
    ) -> RunRecord:
        """Run a cycle, or take up the one that an interrupted process left behind.

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
            SyncPaused: a person paused it, and this is no preview.
            LeaseLost: another process took it over meanwhile.
        """
        options: dict[str, Any] = {"allow": True} if allow else {}
        if preview:
            options["fingerprint"] = self.config.fingerprint()
        return await self.do(
            Request(
                RunKind.cycle,
                trigger,
                actor,
                preview=preview,
                full=full,
                reads=True,
                options=options,
            )
        )

    async def retry(self, *, trigger: str = "retry", actor: str = "") -> RunRecord:
        """Apply what failed before and is due again, reading nothing."""
        return await self.do(Request(RunKind.retry, trigger, actor))

    async def drift(self, *, preview: bool, trigger: str = "manual", actor: str = "") -> RunRecord:
        """Compare every linked resource with what the mirror maps to; repair it or list it."""
        options = {"fingerprint": self.config.fingerprint()} if preview else {}
        return await self.do(
            Request(RunKind.drift, trigger, actor, preview=preview, options=options)
        )

    async def preview_draft(
        self,
        draft: dict[str, Any],
        *,
        reads: bool,
        trigger: str = "manual",
        actor: str = "",
    ) -> RunRecord:
        """Preview the configuration of this engine, which is not saved yet.

        Args:
            draft: what it is, kept with the run.
            reads: the mirror lacks something that the draft needs.
            trigger: who or what started it.
            actor: the person or token.
        """
        options = {"draft": draft, "fingerprint": self.config.fingerprint()}
        return await self.do(
            Request(RunKind.draft, trigger, actor, preview=True, reads=reads, options=options)
        )

    async def apply(
        self,
        run_id: str,
        checksum: str,
        *,
        save: Prepare | None = None,
        trigger: str = "manual",
        actor: str = "",
    ) -> RunRecord:
        """Apply the plan of a preview exactly as a person reviewed it.

        Args:
            run_id: the preview.
            checksum: of its plan, as the person saw it.
            save: saves the configuration that was previewed, in the transaction that starts the
                run.
            trigger: who or what started it.
            actor: the person or token.

        Raises:
            NoSuchRun, NotReviewable, PlanOutdated: see :func:`reviewed_run`.
            SyncPaused, NotPaused: an undo is applied to a paused sync, all else to one that runs.
            AlreadyRunning: another process runs it now.
        """
        fingerprint = self.config.fingerprint()
        reviewed = await reviewed_run(self.store, run_id, checksum, fingerprint=fingerprint)

        async def prepare() -> dict[str, Any]:
            await reviewed_run(self.store, run_id, checksum, fingerprint=fingerprint)
            return dict(await save()) if save is not None else {}

        kind = RunKind.cycle if reviewed.kind is RunKind.draft else reviewed.kind
        return await self.do(
            Request(
                RunKind.reviewed,
                trigger,
                actor,
                options={"as": kind.value},
                reviewed_run=run_id,
                undoes_run=reviewed.undoes_run,
                reconfigures=save is not None,
                prepare=prepare,
            )
        )

    async def allow(
        self, run_id: str, seqs: Sequence[int] | None, *, trigger: str, actor: str
    ) -> RunRecord:
        """Apply held operations of a run, exactly these, once; ``None`` means all of them.

        Raises:
            NoSuchRun: the sync has no such run.
            NothingToDecide: none of them is held any more.
            AlreadyRunning, SyncPaused
        """
        await self._existing(run_id)

        async def prepare() -> dict[str, Any]:
            count, moment = await self.store.decide(run_id, seqs, "superseded", actor)
            if not count:
                raise nothing_held(run_id, await self.store.held_run())
            return {"moment": moment}

        return await self.do(
            Request(RunKind.allowed, trigger, actor, reviewed_run=run_id, prepare=prepare)
        )

    async def undo(self, run_id: str, *, trigger: str = "manual", actor: str = "") -> RunRecord:
        """Return a preview that takes back what a run applied; apply it with :meth:`apply`.

        Raises:
            NoSuchRun: the sync has no such run.
            NothingToUndo: it applied nothing.
            AlreadyRunning: another process runs it now.
        """
        await self.undoable(run_id)
        return await self.do(Request(RunKind.undo, trigger, actor, preview=True, undoes_run=run_id))

    async def undoable(self, run_id: str) -> None:
        """Refuse a run that there is nothing to take back of.

        Raises:
            NoSuchRun, NothingToUndo: see :meth:`undo`.
        """
        await self._existing(run_id)
        done = [
            await self.store.applied_objects(run_id, kind, "", 1)
            for kind in (ObjectKind.user, ObjectKind.group)
        ]
        if not any(done):
            raise NothingToUndo(f"The run {run_id} applied nothing, so there is nothing to undo.")

    async def finish_left(self) -> RunRecord | None:
        """Finish the run that an interrupted process left behind, if any; returns it.

        Raises:
            AlreadyRunning: another process runs the sync now.
        """
        if await self.store.unfinished_run() is None:
            return None
        async with self.kept() as kept:
            return await self.take_up(kept)

    async def do(self, request: Request) -> RunRecord:
        """Do what is asked for, after what an interrupted process left behind.

        Raises:
            AlreadyRunning: another process runs the sync now.
            SyncPaused, NotPaused: see :meth:`apply`.
        """
        await check_paused(self.store, self.config.name, request)
        async with self.kept() as kept:
            if not request.preview and not request.reconfigures:
                left = await self.take_up(kept)
                if left is not None and covers(left, request):
                    return left
            run = await self.begin(kept.lease, request)
            return await self.carry(kept, run)

    # -- what a run is made of -----------------------------------------------------

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[Custody]:
        """Have the sync to oneself inside of the block.

        Raises:
            AlreadyRunning: another process has it.
        """
        keeping = custody(
            self.store,
            self.owner,
            lease_s=self.lease_s,
            listen_s=self.listen_s,
            gone=self.gone,
        )
        async with keeping as kept:
            if kept is None:
                raise AlreadyRunning(
                    f"The user sync {self.config.name!r} is running in another process.",
                    "Wait until it has finished, then start it again.",
                )
            yield kept

    async def begin(self, lease: Lease, request: Request) -> RunRecord:
        """Add a run, with all that belongs to its beginning, in one transaction."""
        await close_left_preview(self.store)
        mode = await mode_of(self.store, request)
        async with self.store.unit_of_work(lease):
            await check_paused(self.store, self.config.name, request)
            if request.reconfigures and await self.store.unfinished_run() is not None:
                raise AlreadyRunning(
                    f"A run of the user sync {self.config.name!r} was interrupted.",
                    "Sync once, so that it is finished, then preview again.",
                )
            more = dict(await request.prepare()) if request.prepare is not None else {}
            if request.full:
                for kind in (ObjectKind.user, ObjectKind.group):
                    await self.store.begin_initial(kind, self.config.properties(kind))
            return await self.store.start_run(
                mode,
                trigger=request.trigger,
                actor=request.actor,
                preview=request.preview,
                lease=lease,
                phase=RunPhase.read if request.reads else RunPhase.plan,
                options={**request.remembered(), **more},
                reviewed_run=request.reviewed_run,
                undoes_run=request.undoes_run,
            )

    async def carry(self, kept: Custody, run: RunRecord) -> RunRecord:
        """Carry a run to its end, whatever that is."""
        work = RunWork(self.parts, kept.lease, run)
        try:
            return await kept.interruptible(run.id, work.carry())
        except RunCancelled as cancelled:
            return await work.cancelled(cancelled.by)
        except SourceError as error:
            return await work.failed(error)

    @property
    def parts(self) -> Parts:
        """What its runs work with."""
        return Parts(
            config=self.config,
            store=self.store,
            source=self.source,
            target=self.target,
            enrollment=self.enrollment,
            now_us=self.now_us,
            progress=self.progress,
        )

    async def take_up(self, kept: Custody) -> RunRecord | None:
        """Finish the run that an interrupted process left behind, if any."""
        left = await self.store.unfinished_run()
        if left is None:
            return None
        run = await self.store.update_run(
            left.id, note="Taken up again after its process had stopped."
        )
        return await self.carry(kept, run)

    async def _existing(self, run_id: str) -> RunRecord:
        run = await self.store.run(run_id)
        if run is None:
            raise NoSuchRun(f"This user sync has no run {run_id!r}.")
        return run


def nothing_held(run_id: str, elsewhere: str | None) -> NothingToDecide:
    """Return why held operations of a run cannot be decided about."""
    advice = ""
    if elsewhere is not None and elsewhere != run_id:
        advice = f"What is held now stands in the run {elsewhere}."
    return NothingToDecide(
        f"None of these operations of the run {run_id} is held any more: they were decided, or "
        "planned anew.",
        advice,
    )
