"""Provision on demand: one person or group, in five steps that each say what they saw and why.

read → scope → match → map → apply, as Entra's *provision on demand* shows them. For real it takes
the way of every run: the object is merged into the mirror like a page, planned, checked and
applied, and stands in the history. A dry run does the same in a transaction that is taken back.
"""

from collections.abc import Sequence
from dataclasses import replace

from azure_adapter.sync.engine import SyncEngine
from azure_adapter.sync.explained_steps import apply_step, map_step, match_step, scope_step
from azure_adapter.sync.requests import Request
from azure_adapter.sync.run_plans import RunPlan
from azure_adapter.sync.run_work import planned_config
from azure_adapter.sync.scope import rescope, scope_of
from azure_adapter.sync.starting import check_paused
from azure_adapter.sync.steps import (
    OnDemandReport,
    Step,
    StepName,
    StepStatus,
    failed,
    skipped,
)
from scim.provisioning.operations import PlannedOperation
from scim.provisioning.records import (
    Lease,
    MirrorRecord,
    RunKind,
    RunMode,
    RunPhase,
    SourceError,
)
from scim.provisioning.source import (
    FoundObject,
    MemberChange,
    ObjectKind,
    Presence,
    SourceChange,
    SourcePage,
)

__all__ = ["OnDemand", "OnDemandReport", "Step", "StepName", "StepStatus"]

TRIGGER = "on demand"

STOPPED = "An earlier step stopped."

MOST_ROWS = 100
"""How many operations are shown at most; memberships come 1,000 in one."""


class OnDemand:
    """Provisions one object, for real or dry.

    Args:
        engine: of the user sync.
        kind: user or group.
        identifier: id, userPrincipalName or mail of a user; id or displayName of a group.
        actor: who asks for it.
    """

    def __init__(
        self, engine: SyncEngine, kind: ObjectKind, identifier: str, *, actor: str = ""
    ) -> None:
        self._engine = engine
        self._store = engine.store
        self._kind = kind
        self._identifier = identifier.strip()
        self._actor = actor
        self._steps: list[Step] = []

    async def provision(self, *, apply: bool) -> OnDemandReport:
        """Go through the five steps; ``apply=False`` changes nothing.

        Raises:
            AlreadyRunning: another process runs the sync now (only with ``apply``).
            SyncPaused: a person paused the sync (only with ``apply``).
        """
        change, complete = await self._read()
        if change is None:
            return self._report(None, (), applied=False)
        return await (self._for_real if apply else self._dry)(change, complete)

    # -- step 1: read ----------------------------------------------------------------

    async def _read(self) -> tuple[SourceChange | None, bool]:
        """Read the object; returns it, and whether all of its members were read."""
        given = {"kind": self._kind.value, "identifier": self._identifier}
        try:
            found = await self._engine.source.one(self._kind, self._identifier)
            change = found.change or await self._gone(found)
        except SourceError as error:
            self._steps.append(failed(StepName.read, given, error.message, error.advice))
            return None, False
        if change is None:
            self._steps.append(self._not_read(found))
            return None, False
        told = {"id": change.source_id, "presence": change.presence.value, **change.attributes}
        if self._kind is ObjectKind.group:
            told["members"] = len(change.members)
        reason = _read_reason(change, found.complete)
        self._steps.append(Step(StepName.read, StepStatus.succeeded, given, told, reason))
        return change, found.complete

    async def _gone(self, found: FoundObject) -> SourceChange | None:
        """Ask what became of an object that the mirror knows and the directory does not have."""
        if found.others or found.problem is not None:
            return None
        known = await self._store.records([self._identifier])
        record = known.get(self._identifier)
        if record is None or record.kind is not self._kind:
            return None
        answers = await self._engine.source.confirm_absent(self._kind, [record.source_id])
        return answers.get(record.source_id)

    def _not_read(self, found: FoundObject) -> Step:
        given = {"kind": self._kind.value, "identifier": self._identifier}
        if found.problem is not None:
            return failed(StepName.read, given, found.problem.message, found.problem.advice)
        if found.others:
            named = ", ".join(found.others)
            reason = f"{self._identifier!r} names several: {named}."
            return failed(StepName.read, given, reason, "Ask for one of them by its id.")
        return failed(
            StepName.read,
            given,
            f"The directory has no {self._kind.value} {self._identifier!r}.",
            "Look it up in Microsoft Entra; a deleted one is found by its object id.",
        )

    # -- steps 2 to 5 -----------------------------------------------------------------

    async def _for_real(self, change: SourceChange, complete: bool) -> OnDemandReport:
        engine = self._engine
        request = Request(
            RunKind.on_demand, TRIGGER, self._actor, options={"source_id": change.source_id}
        )
        await check_paused(self._store, engine.config.name, request)
        async with engine.kept() as kept:
            await engine.take_up(kept)
            record = await self._merge(change, complete, kept.lease)
            run = await engine.begin(kept.lease, request)
            run = await engine.carry(kept, run)
            rows = await self._store.operations(run.id, limit=MOST_ROWS)
            await self._explain(record, rows, run.message, run.advice)
        return self._report(record, rows, applied=True, run_id=run.id)

    async def _dry(self, change: SourceChange, complete: bool) -> OnDemandReport:
        engine = self._engine
        async with self._store.rehearsal() as lease:
            record = await self._merge(change, complete, lease)
            run = await self._store.start_run(
                RunMode.incremental,
                trigger=TRIGGER,
                actor=self._actor,
                preview=True,
                lease=lease,
                phase=RunPhase.plan,
                options={"kind": RunKind.on_demand.value, "source_id": change.source_id},
            )
            plan = RunPlan(
                planned_config(engine.parts),
                self._store,
                engine.target,
                run,
                now_us=engine.now_us,
                progress=lambda _: None,
                only=record,
            )
            await plan.plan()
            rows = await self._store.operations(run.id, limit=MOST_ROWS)
            await self._explain(record, rows)
        return self._report(record, rows, applied=False)

    async def _merge(self, change: SourceChange, complete: bool, lease: Lease) -> MirrorRecord:
        """Merge the object into the mirror, and tell whether it is in scope."""
        if change.kind is ObjectKind.group and complete:
            change = replace(change, members=await self._with_removals(change))
        await self._store.merge_page(self._kind, SourcePage((change,)), lease)
        await rescope(self._engine.config, self._store)
        return (await self._store.records([change.source_id]))[change.source_id]

    async def _with_removals(self, change: SourceChange) -> tuple[MemberChange, ...]:
        """Return the members of a group, and those that the mirror knows and it has no more."""
        if change.presence is not Presence.present:
            return change.members
        there = {member.source_id for member in change.members}
        known = await self._store.source_members(change.source_id)
        gone = [one for one in known if one.source_id not in there]
        removals = (MemberChange(one.source_id, one.kind, removed=True) for one in gone)
        return (*change.members, *removals)

    async def _explain(
        self,
        record: MirrorRecord,
        rows: Sequence[PlannedOperation],
        message: str = "",
        advice: str = "",
    ) -> None:
        """Say what the steps saw, from what was planned and what became of it."""
        engine = self._engine
        verdict = await scope_of(engine.config, self._store, record)
        self._steps.append(scope_step(record, verdict))
        self._steps.append(match_step(engine.config, record, rows))
        self._steps.append(map_step(engine.config, record, engine.now_us()))
        self._steps.append(apply_step(record, rows, message, advice))

    def _report(
        self,
        record: MirrorRecord | None,
        rows: Sequence[PlannedOperation],
        *,
        applied: bool,
        run_id: str = "",
    ) -> OnDemandReport:
        taken = {step.name for step in self._steps}
        rest = [skipped(name, STOPPED) for name in StepName if name not in taken]
        link = record.link if record is not None else None
        own = [row for row in rows if record and row.operation.source_id == record.source_id]
        resource = next((row.resource_id for row in own if row.resource_id), "")
        label = next((row.operation.label for row in own if row.operation.label), "")
        attributes = record.attributes if record is not None else {}
        names = (label, attributes.get("userPrincipalName"), attributes.get("displayName"))
        return OnDemandReport(
            kind=self._kind,
            identifier=self._identifier,
            source_id=record.source_id if record is not None else "",
            label=str(next((name for name in names if name), self._identifier)),
            applied=applied,
            run_id=run_id,
            resource_id=resource or (link.resource_id if link is not None else ""),
            steps=(*self._steps, *rest),
        )


def _read_reason(change: SourceChange, complete: bool) -> str:
    if change.presence is Presence.soft_deleted:
        return "It was deleted in the directory, and can be restored there for 30 days."
    if change.presence is Presence.deleted:
        return "It was deleted in the directory for good."
    if not complete:
        return (
            f"It was read from the directory now, with its first {len(change.members)} members; "
            "the next cycle reads the others."
        )
    return "It was read from the directory now."
