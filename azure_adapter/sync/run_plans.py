"""What each kind of run plans, and from what: the plan and check phases of a run.

=========== ================================================= ============ =====================
kind        objects that are planned                          safeguards   then
=========== ================================================= ============ =====================
cycle       dirty ones (by schedule: those that are due)      yes
draft       all, on a copy of the mirror                      yes
reviewed    as the preview's kind, but not by itself          yes          compared with it
allowed     those of the allowed operations                   no           compared with those
retry       dirty ones that are due                           yes
drift       linked ones that nothing is known to be due for   yes
undo        those that the undone run changed                 reviewed     compared in its turn
on demand   one                                               yes
=========== ================================================= ============ =====================
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from azure_adapter.sync import views
from azure_adapter.sync.approvals import keep_allowed, keep_reviewed
from azure_adapter.sync.check import Check
from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.planning import Planning
from azure_adapter.sync.scope import rescope
from azure_adapter.sync.undoing import Undoing
from scim.provisioning.ports import ProvisioningTarget, SyncStore
from scim.provisioning.records import MirrorRecord, RunKind, RunRecord
from scim.provisioning.source import ObjectKind

MOST_NOTES = 20

BY_THEMSELVES = frozenset({"schedule", "retry"})
"""Triggers of runs that nobody waits for: objects that failed are left until they are due."""


@dataclass(slots=True)
class Planned:
    """What planning and checking a run gave.

    Attributes:
        notes: sentences for its history.
        reason: why the sync goes into quarantine, "" when it does not.
        quarantine: what is held, by code: how many operations, how many newly.
        tripped: codes of safeguards that hold something now and held nothing before.
        checksum: of a preview, what a person sees of the plan.
    """

    notes: list[str] = field(default_factory=list)
    reason: str = ""
    quarantine: dict[str, tuple[int, int]] = field(default_factory=dict)
    tripped: list[str] = field(default_factory=list)
    checksum: str = ""

    def counts(self) -> dict[str, Any]:
        """Return it as JSON values, for the counts of the run."""
        return {
            "held": sum(number for number, _ in self.quarantine.values()),
            "newly_held": sum(fresh for _, fresh in self.quarantine.values()),
            "kinds": {code: number for code, (number, _) in sorted(self.quarantine.items())},
            "tripped": sorted(self.tripped),
        }


class RunPlan:
    """Plans and checks one run.

    Args:
        config: the user sync.
        store: its state.
        target: where the operations will go, asked for what is there now.
        run: the run.
        now_us: the clock, microseconds.
        progress: told how many objects were planned.
        checking: told that planning is over and the safeguards look at the plan.
        only: of a run on demand, the one object.
    """

    def __init__(
        self,
        config: SyncConfig,
        store: SyncStore,
        target: ProvisioningTarget,
        run: RunRecord,
        *,
        now_us: Callable[[], int],
        progress: Callable[[int], None],
        checking: Callable[[], None] = lambda: None,
        only: MirrorRecord | None = None,
    ) -> None:
        self._config = config
        self._store = store
        self._target = target
        self._run = run
        self._now_us = now_us
        self._progress = progress
        self._checking = checking
        self._only = only

    async def plan(self) -> Planned:
        """Plan and check from the beginning, whatever an interrupted planning left."""
        await self._store.clear_plan(self._run.id)
        async with self._stage():
            notes = await self._prepared()
            groups = await self._store.groups_to_recheck()
            notes += await self._objects()
            self._checking()
            reasons = await self._checked(groups)
            differing = await self._approved_only()
        return await self._finished([*notes[:MOST_NOTES], *reasons, *differing], reasons)

    @property
    def _kind(self) -> RunKind:
        """What is planned: of a reviewed plan, what the preview planned."""
        if self._run.kind is RunKind.reviewed:
            return RunKind(str(self._run.options.get("as") or RunKind.cycle))
        return self._run.kind

    def _stage(self) -> AbstractAsyncContextManager[None]:
        """Return where planning takes place: a draft leaves no trace in the mirror."""
        return self._store.shadow() if self._run.kind is RunKind.draft else nullcontext()

    async def _prepared(self) -> list[str]:
        """Have planned anew what the configuration decides differently now."""
        if self._kind in (RunKind.undo, RunKind.drift, RunKind.allowed):
            return []
        fingerprint = self._config.fingerprint()
        if await self._store.planned_with() != fingerprint:
            await self._store.mark_all_dirty()
            await self._store.set_planned_with(fingerprint)
        return await rescope(self._config, self._store)

    # -- planning ----------------------------------------------------------------

    async def _objects(self) -> list[str]:
        kind = self._kind
        if kind is RunKind.undo:
            undoing = Undoing(self._store, self._target, self._run, self._progress)
            return await undoing.plan()
        moment = await self._moment()
        planning = Planning(
            self._config,
            self._view(kind),
            self._target,
            self._run.id,
            preview=self._run.preview,
            now_us=lambda: moment,
            progress=self._progress,
        )
        await planning.plan()
        return planning.notes

    async def _moment(self) -> int:
        """Return what the mapping takes for now: when the run began, or the one it approves.

        So that what is planned again for an approval can be the same.
        """
        approved = self._run.reviewed_run
        before = await self._store.run(approved) if approved is not None else None
        return (before or self._run).started_at

    def _view(self, kind: RunKind) -> SyncStore:
        """Return the store as the planner is to see it."""
        store = self._store
        if kind is RunKind.allowed:
            return views.chosen(store, self._allowed)
        if kind is RunKind.on_demand:
            return views.chosen(store, self._the_one)
        if kind is RunKind.drift:
            drifted = views.chosen(store, store.settled_records)
            return views.still(drifted) if self._run.preview else drifted
        if kind is RunKind.cycle and self._run.preview:
            return views.looking(store)
        by_itself = self._run.trigger in BY_THEMSELVES and kind is RunKind.cycle
        return views.due(store) if by_itself or kind is RunKind.retry else store

    async def _allowed(self, kind: ObjectKind, after_row: int, limit: int) -> list[MirrorRecord]:
        holding, moment = self._approved()
        return await self._store.decided_records(holding, moment, kind, after_row, limit)

    async def _the_one(self, kind: ObjectKind, after_row: int, limit: int) -> list[MirrorRecord]:
        del limit
        one = self._only
        return [one] if one and one.kind is kind and one.row > after_row else []

    def _approved(self) -> tuple[str, int]:
        return str(self._run.reviewed_run), int(self._run.options["moment"])

    # -- checking ----------------------------------------------------------------

    async def _checked(self, groups: list[str]) -> list[str]:
        """Have the safeguards look at the plan; returns why they hold something, if they do.

        A person chose what is allowed, and reviews an undo operation by operation.
        """
        run = self._run
        if run.kind is RunKind.allowed or run.undoes_run is not None:
            return []
        check = Check(self._config, self._store, run.id, self._now_us(), keeps=not run.preview)
        return await check.check(groups, allow=bool(run.options.get("allow")))

    async def _approved_only(self) -> list[str]:
        """Leave in the plan what a person approved; returns a note about what differs now."""
        store, run = self._store, self._run
        if run.kind is RunKind.allowed:
            return await keep_allowed(store, run.id, *self._approved())
        if run.kind is RunKind.reviewed and run.reviewed_run is not None:
            return await keep_reviewed(store, run.id, run.reviewed_run)
        return []

    async def _finished(self, notes: list[str], reasons: list[str]) -> Planned:
        """Note what is held, and put this plan in the place of earlier ones."""
        store, run = self._store, self._run
        held = await store.count_held(run.id)
        before = await store.codes_held_before(run.id) if held else set()
        planned = Planned(notes, " ".join(reasons[:1]), held, sorted(set(held) - before))
        await store.supersede(run.id, held=run.kind is not RunKind.allowed)
        if run.preview:
            planned.checksum = await store.checksum(run.id)
        return planned
