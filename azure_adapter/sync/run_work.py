"""The work of one run, phase by phase: read, plan and check, apply, report.

Each phase is durable: a run is taken up in the phase in which its process stopped. Reading goes on
at the saved cursor, planning starts again from the mirror, applying goes on with what is pending.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from azure_adapter.sync.config import Enrollment, SyncConfig
from azure_adapter.sync.executor import Executor
from azure_adapter.sync.progress import Progress, Tell
from azure_adapter.sync.reading import Reading
from azure_adapter.sync.run_plans import BY_THEMSELVES, Planned, RunPlan
from azure_adapter.sync.states import check_phase
from azure_adapter.sync.summary import failures, tally
from scim.provisioning.operations import Action, OperationStatus
from scim.provisioning.ports import (
    EnrollmentPort,
    ProvisioningTarget,
    SourceReader,
    SyncStore,
)
from scim.provisioning.records import (
    Lease,
    MirrorRecord,
    RunKind,
    RunPhase,
    RunRecord,
    RunStatus,
    SourceError,
)
from scim.provisioning.source import ObjectKind

CANCELLED = "cancelled"
UNREACHABLE = "The run could not go on; the next one plans it again."


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run works with.

    Attributes:
        config: what the administrator decided.
        store: the sync's durable state.
        source: reads the directory.
        target: where SCIM operations go.
        enrollment: invites people; ``None``: nobody is invited here.
        now_us: the clock, microseconds since the epoch.
        progress: told what happens, while it happens.
    """

    config: SyncConfig
    store: SyncStore
    source: SourceReader
    target: ProvisioningTarget
    enrollment: EnrollmentPort | None
    now_us: Callable[[], int]
    progress: Tell | None

    def tell(self, phase: str, done: int, total: int | None = None, message: str = "") -> None:
        """Tell whoever listens how far the run is."""
        if self.progress is not None:
            self.progress(Progress(phase, done, total, message))


def planned_config(parts: Parts) -> SyncConfig:
    """Return the configuration to plan with: nobody is invited where nobody can be."""
    if parts.enrollment is not None:
        return parts.config
    return replace(parts.config, enrollment=Enrollment.only_sync)


class RunWork:
    """Carries one run to its end.

    Args:
        parts: what it works with.
        lease: checked by every write.
        run: the run, in any phase.
    """

    def __init__(self, parts: Parts, lease: Lease, run: RunRecord) -> None:
        self._parts = parts
        self._store = parts.store
        self._lease = lease
        self._run = run

    async def carry(self) -> RunRecord:
        """Do what is left of the run, and return it as it ended.

        Raises:
            LeaseLost: another worker took the sync over.
            SourceError: the source, or a remote target, cannot be used now.
        """
        if self._run.phase is RunPhase.read:
            await self._read()
        if self._run.phase is RunPhase.plan:
            await self._plan()
        if self._run.phase is RunPhase.apply:
            await self._apply()
        return await self._report()

    async def cancelled(self, by: str) -> RunRecord:
        """End the run because a person asked for it: what was done is settled, no more is."""
        message = f"The run was cancelled by {by}; the next run plans it again."
        await self._give_up(CANCELLED, message)
        return await self._end(RunStatus.cancelled, note=f"Cancelled by {by}.")

    async def failed(self, error: SourceError) -> RunRecord:
        """End the run because it cannot go on."""
        await self._give_up(error.code, UNREACHABLE)
        return await self._end(RunStatus.failed, error=error)

    async def _give_up(self, code: str, message: str) -> None:
        await self._store.skip_pending(self._run.id, code, message)
        if not self._run.preview:
            await self._store.settle_run(self._run.id)

    # -- the phases ----------------------------------------------------------------

    async def _read(self) -> None:
        parts = self._parts
        reading = Reading(
            parts.config,
            self._store,
            parts.source,
            self._lease,
            self._run,
            allow=bool(self._run.options.get("allow")),
            progress=lambda kind, done: parts.tell(
                "read", done, message=f"{done} {kind.value}s read"
            ),
        )
        mode = await reading.read()
        check_phase(self._run.phase, RunPhase.plan)
        self._run = await self._store.update_run(self._run.id, phase=RunPhase.plan, mode=mode)

    async def _plan(self) -> None:
        parts = self._parts
        plan = RunPlan(
            planned_config(parts),
            self._store,
            parts.target,
            self._run,
            now_us=parts.now_us,
            progress=lambda done: parts.tell("plan", done, message=f"{done} objects planned"),
            checking=lambda: parts.tell("check", 0, message="safeguards look at the plan"),
            only=await self._only(),
        )
        planned = await plan.plan()
        await self._save_plan(planned)

    async def _only(self) -> MirrorRecord | None:
        """Return the one object that a run on demand is about."""
        source_id = self._run.options.get("source_id")
        if not source_id:
            return None
        return (await self._store.records([str(source_id)])).get(str(source_id))

    async def _save_plan(self, planned: Planned) -> None:
        """Go on to the next phase, together with what planning found."""
        store, run = self._store, self._run
        notes = [*planned.notes, *await self._waiting()]
        phase = RunPhase.report if run.preview else RunPhase.apply
        check_phase(run.phase, phase)
        async with store.unit_of_work(self._lease):
            for note in notes:
                await store.update_run(run.id, note=note)
            self._run = await store.update_run(
                run.id,
                phase=phase,
                checksum=planned.checksum or None,
                counts={"quarantine": planned.counts()},
            )
            if not run.preview and planned.reason:
                await store.set_quarantine(planned.reason)

    async def _waiting(self) -> list[str]:
        """Say how many failed objects a run that nobody waits for left alone."""
        if self._run.kind is not RunKind.cycle or self._run.trigger not in BY_THEMSELVES:
            return []
        waiting = await self._store.count_waiting()
        return (
            [f"{waiting} object(s) that failed before wait for their next try."] if waiting else []
        )

    async def _apply(self) -> None:
        parts = self._parts
        counted = await self._store.count_operations(self._run.id)
        total = sum(
            number
            for (_, _, status), number in counted.items()
            if status == OperationStatus.pending
        )
        executor = Executor(
            self._store,
            parts.target,
            self._lease,
            self._run,
            now_us=parts.now_us,
            enrollment=parts.enrollment,
            invites=parts.config.enrollment is Enrollment.send_email,
            progress=lambda done: parts.tell(
                "apply", done, total, f"{done} of {total} operations applied"
            ),
        )
        await executor.apply()
        if self._run.undoes_run is not None:
            await self._store.soil_applied(self._run.id)
        check_phase(self._run.phase, RunPhase.report)
        self._run = await self._store.update_run(self._run.id, phase=RunPhase.report)

    async def _report(self) -> RunRecord:
        held = await self._store.count_held(self._run.id)
        return await self._end(RunStatus.quarantined if held else None)

    async def _end(
        self,
        status: RunStatus | None,
        *,
        note: str | None = None,
        error: SourceError | None = None,
    ) -> RunRecord:
        """Count what was done, and end the run; ``None`` finds its status from the counts."""
        store, run = self._store, self._run
        counts = tally(
            await store.count_objects(run.id),
            await store.count_memberships(run.id),
            {kind: await store.count_links(kind) for kind in ObjectKind},
            preview=run.preview,
            invited=await self._count_invited(),
        )
        counts["quarantine"] = run.counts.get("quarantine", {})
        async with store.unit_of_work(self._lease):
            if not run.preview:
                await store.set_quarantine("")
            return await store.update_run(
                run.id,
                phase=RunPhase.done,
                status=status or _ended(counts),
                counts=counts,
                note=note,
                error=error,
                finished=True,
            )

    async def _count_invited(self) -> int:
        counted = OperationStatus.pending if self._run.preview else OperationStatus.done
        operations = await self._store.count_operations(self._run.id)
        return operations.get((ObjectKind.user, Action.invite, counted.value), 0)


def _ended(counts: Mapping[str, Any]) -> RunStatus:
    """Return how a run ended that came to its end and holds nothing."""
    return RunStatus.incomplete if failures(counts) else RunStatus.succeeded
