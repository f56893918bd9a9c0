"""The check phase: safeguards look at the whole plan before anything is applied.

First what was discarded before is taken out. Then the kinds that take objects away are weighed,
and what depends on them is held with them. What is left of membership changes and invitations is
weighed last: memberships of people who leave are a part of their leaving, not counted twice.
"""

from collections.abc import AsyncIterator, Mapping, Sequence

from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.dependents import PAGE, Dependents, leaving_of
from azure_adapter.sync.discarded import Discarding
from azure_adapter.sync.member_parts import members_of, parted
from azure_adapter.sync.safeguards import (
    DELETIONS,
    DISABLES,
    EMPTIED,
    GROUP_DELETIONS,
    INVITATIONS,
    REMOVALS,
    WINDOW_S,
    Guarded,
    Load,
    reason,
    trips,
)
from scim.provisioning.operations import (
    HELD_ADVICE,
    Action,
    OperationStatus,
    PlannedOperation,
)
from scim.provisioning.ports import SyncStore
from scim.provisioning.source import ObjectKind

ARRIVALS = (Action.create, Action.restore, Action.take_over)

Counted = Mapping[tuple[ObjectKind, Action, str], int]


class Check:
    """Checks the plan of one run.

    Args:
        config: the user sync.
        store: its state.
        run_id: the run.
        now_us: the moment, microseconds; the window of the safeguards ends there.
        keeps: False changes the plan only, nothing that later runs see (a preview).
    """

    def __init__(
        self, config: SyncConfig, store: SyncStore, run_id: str, now_us: int, *, keeps: bool
    ) -> None:
        self._limits = config.safeguard
        self._store = store
        self._run_id = run_id
        self._since = now_us - WINDOW_S * 1_000_000
        self._keeps = keeps
        self._sentences: list[str] = []

    async def check(self, planned_groups: Sequence[str] = (), *, allow: bool = False) -> list[str]:
        """Hold what trips a safeguard, with what depends on it; everything else stays pending.

        Args:
            planned_groups: see :meth:`Discarding.discard`.
            allow: apply, this once, what safeguards would hold.

        Returns:
            A sentence for each kind that was held: what, how many, the limit, the choices.
        """
        discarding = Discarding(self._store, self._run_id, keeps=self._keeps)
        await discarding.discard(planned_groups)
        if not allow and self._limits.enabled:
            await self._weigh_departures()
        await Dependents(self._store, self._run_id).hold()
        if not allow and self._limits.enabled:
            await self._weigh_removals()
            await self._weigh_emptied()
            await self._weigh_invitations()
        return self._sentences

    # -- the kinds -------------------------------------------------------------

    async def _weigh_departures(self) -> None:
        counted = await self._store.count_operations(self._run_id)
        both = _pending(counted, DELETIONS) + _pending(counted, DISABLES)
        gone = (Action.delete, Action.unlink)
        for guarded in (DELETIONS, DISABLES, GROUP_DELETIONS):
            planned = _pending(counted, guarded)
            if not planned:
                continue
            users = guarded.kind is ObjectKind.user
            load = Load(
                planned=planned,
                recent=await self._recent(guarded.kind, guarded.actions),
                linked=await self._store.count_links(guarded.kind),
                lost=await self._recent(guarded.kind, gone),
                together=both if users else planned,
            )
            if self._trips(guarded, load):
                await self._store.hold(
                    self._run_id,
                    guarded.kind,
                    guarded.actions,
                    guarded.code,
                    self._sentences[-1],
                )

    async def _weigh_removals(self) -> None:
        counted = await self._store.count_memberships(self._run_id)
        total = counted.get((Action.remove_members, OperationStatus.pending.value), 0)
        if not total:
            return
        recent = await self._store.memberships_removed_since(self._since)
        some = await self._store.count_kept_memberships(at_most=1)
        if some and total + recent <= self._limits.at_least:
            return
        planned = await self._count_stayers()
        kept = await self._count_kept(planned + recent)
        load = Load(planned=planned, recent=recent, linked=kept + planned, lost=recent)
        if self._trips(REMOVALS, load):
            await self._hold_stayers(REMOVALS, None)

    async def _count_kept(self, risky: int) -> int:
        """Count the memberships that stay, as far as it matters: with so many nothing trips."""
        percent = self._limits.percent
        enough = risky * 100 // percent + 1 if percent else None
        return await self._store.count_kept_memberships(at_most=enough)

    async def _weigh_emptied(self) -> None:
        groups = await self._store.emptied_groups(self._run_id)
        if not groups:
            return
        recent = await self._store.groups_emptied_since(self._since)
        linked = await self._store.count_links(ObjectKind.group)
        if len(groups) < linked and len(groups) + recent <= self._limits.at_least:
            return
        chosen = await self._losing_stayers(set(groups))
        load = Load(planned=len(chosen), recent=recent, linked=linked)
        if self._trips(EMPTIED, load):
            await self._hold_stayers(EMPTIED, chosen)

    async def _weigh_invitations(self) -> None:
        counted = await self._store.count_operations(self._run_id)
        planned = _pending(counted, INVITATIONS)
        if not planned:
            return
        arriving = sum(
            number
            for (kind, action, status), number in counted.items()
            if kind is ObjectKind.user and action in ARRIVALS and status == OperationStatus.pending
        )
        recent = await self._recent(ObjectKind.user, INVITATIONS.actions)
        load = Load(
            planned=planned,
            recent=recent,
            linked=await self._store.count_links(ObjectKind.user) + arriving,
            first=await self._store.count_invited() <= recent,
        )
        if self._trips(INVITATIONS, load):
            await self._store.hold(
                self._run_id,
                INVITATIONS.kind,
                INVITATIONS.actions,
                INVITATIONS.code,
                self._sentences[-1],
            )

    async def _recent(self, kind: ObjectKind, actions: Sequence[Action]) -> int:
        return await self._store.applied_since(kind, actions, self._since)

    def _trips(self, guarded: Guarded, load: Load) -> bool:
        if not trips(self._limits, guarded, load):
            return False
        self._sentences.append(reason(self._limits, guarded, load))
        return True

    # -- memberships of those who stay -----------------------------------------

    async def _removals(self) -> AsyncIterator[tuple[PlannedOperation, set[str]]]:
        """Yield pending removals, with those of their members who leave anyway."""
        after = 0
        while rows := await self._store.open_rows(self._run_id, REMOVALS.actions, after, PAGE):
            after = rows[-1].seq
            leaving = set(await leaving_of(self._store, self._run_id, rows))
            for row in rows:
                yield row, leaving.intersection(members_of(row.operation))

    async def _count_stayers(self) -> int:
        count = 0
        async for row, leavers in self._removals():
            count += len(set(members_of(row.operation)) - leavers)
        return count

    async def _losing_stayers(self, groups: set[str]) -> set[str]:
        """Return those of the groups that lose somebody who does not leave anyway."""
        chosen = set()
        async for row, leavers in self._removals():
            group = row.operation.source_id
            if group in groups and set(members_of(row.operation)) - leavers:
                chosen.add(group)
        return chosen

    async def _hold_stayers(self, guarded: Guarded, groups: set[str] | None) -> None:
        """Hold the removal of those who stay, in some groups or in all."""
        place = (OperationStatus.held, guarded.code, self._sentences[-1], HELD_ADVICE)
        async for row, leavers in self._removals():
            if groups is not None and row.operation.source_id not in groups:
                continue
            places = dict.fromkeys(set(members_of(row.operation)) - leavers, place)
            parts = parted(row, places.get)
            if parts:
                await self._store.replace_operation(self._run_id, row.seq, parts)


def _pending(counted: Counted, guarded: Guarded) -> int:
    return sum(
        number
        for (kind, action, status), number in counted.items()
        if kind is guarded.kind and action in guarded.actions and status == OperationStatus.pending
    )
