"""The plan phase: gathers facts in batches, asks the pure planner, stores the plan.

Memory is bounded by a batch; whatever an event does not say (a manager or a member arrived later,
a name is needed by somebody else) is looked up in the mirror.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import islice

from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.facts import Decision, UserFacts
from azure_adapter.sync.group_lookups import GroupLookups
from azure_adapter.sync.nesting import NestedGroups
from azure_adapter.sync.phases import FREE_NAMES
from azure_adapter.sync.plan_groups import plan_group, plan_members
from azure_adapter.sync.plan_users import plan_user
from azure_adapter.sync.redacting import redacted
from azure_adapter.sync.source_mapping import SourceMapping
from azure_adapter.sync.user_lookups import UserLookups
from scim.provisioning.operations import Action, Operation, OperationStatus
from scim.provisioning.ports import ProvisioningTarget, SyncStore
from scim.provisioning.records import MirrorRecord
from scim.provisioning.source import ObjectKind, ObjectProblem

MOST_NOTES = 20
"""How many notes about single objects a run has; the operations have all of them."""

BATCH = 1_000
"""How many mirror objects are planned at once."""

MEMBER_OPERATIONS = 10
"""How many operations of up to 1,000 memberships each are made before they are saved."""

MOST_MEMBERSHIPS = 10_000
"""How many memberships of small groups are saved together."""

RETRY_FIRST_S = 300
RETRY_MOST_S = 86_400
"""An object that fails waits 5 minutes, then twice as long each time, at most a day."""


def retry_after(failures: int) -> int:
    """Return how many seconds an object waits after it failed so many times in a row."""
    return int(min(RETRY_FIRST_S * 2 ** min(failures, 16), RETRY_MOST_S))


class Planning:
    """Plans the dirty part of the mirror for one run.

    Args:
        config: the user sync.
        store: its state.
        target: where the operations will go, asked for what is there now.
        run_id: the run.
        preview: nothing about failures is remembered.
        now_us: the clock, microseconds.
        progress: told how many objects were planned.
    """

    def __init__(
        self,
        config: SyncConfig,
        store: SyncStore,
        target: ProvisioningTarget,
        run_id: str,
        *,
        preview: bool,
        now_us: Callable[[], int],
        progress: Callable[[int], None],
    ) -> None:
        self._config = config
        self._store = store
        self._target = target
        self._run_id = run_id
        self._preview = preview
        self._now_us = now_us
        self._progress = progress
        self._count = 0
        self._promoted: list[str] = []
        self._mapping = SourceMapping(config, now_us())
        self._redacted = config.mapping.redacted
        self.notes: list[str] = []

    async def plan(self) -> None:
        """Plan users, then groups."""
        await self._prepare_users()
        await self._prepare_groups()
        async for batch in self._dirty(ObjectKind.user):
            await self._plan_users(batch)
        await self._store.promote(self._run_id, self._promoted, Action.delete, FREE_NAMES)
        async for batch in self._dirty(ObjectKind.group):
            await self._plan_groups(batch)

    async def _dirty(self, kind: ObjectKind) -> AsyncIterator[list[MirrorRecord]]:
        row = 0
        while batch := await self._store.dirty(kind, row, BATCH):
            row = batch[-1].row
            yield batch
            self._count += len(batch)
            self._progress(self._count)

    async def _prepare_users(self) -> None:
        """Save every dirty user's Unique field, and mark what hangs on those who come or go."""
        async for batch in self._dirty(ObjectKind.user):
            keys = {record.source_id: self._mapping.unique_key(record) for record in batch}
            await self._store.set_unique_keys(keys)
            moved = [record.source_id for record in batch if _comes_or_goes(record)]
            affected = await self._store.reports_of(moved) | await self._store.groups_of(moved)
            await self._store.mark_dirty(sorted(affected))
        self._count = 0

    async def _prepare_groups(self) -> None:
        """Mark the groups that hold a group which comes or goes; flattened, one that changed."""
        async for batch in self._dirty(ObjectKind.group):
            moved = [record.source_id for record in batch if _comes_or_goes(record)]
            await self._store.mark_dirty(sorted(await self._store.groups_of(moved)))
        if self._config.nested is NestedGroups.flattened:
            await self._store.soil_ancestors()
        self._count = 0

    # -- users ---------------------------------------------------------------

    async def _plan_users(self, batch: Sequence[MirrorRecord]) -> None:
        lookups = UserLookups(self._config, self._store, self._target, self._mapping)
        facts = await lookups.gather(batch)
        decisions = [(each.record, plan_user(self._config, each)) for each in facts]
        self._note_mapping(facts)
        await self._save(decisions)

    def _note_mapping(self, facts: Iterable[UserFacts]) -> None:
        for each in facts:
            if len(self.notes) >= MOST_NOTES:
                return
            self.notes.extend(f"{each.label}: {note}" for note in each.mapped.notes[:1])

    # -- groups --------------------------------------------------------------

    async def _plan_groups(self, batch: Sequence[MirrorRecord]) -> None:
        """Plan groups; small ones are saved together, members of a large one a few at a time."""
        lookups = GroupLookups(self._config, self._store, self._target, self._run_id, self._mapping)
        ready: list[tuple[MirrorRecord, Decision]] = []
        memberships = 0
        async for facts in lookups.gather(batch):
            decision, members = plan_group(facts), plan_members(facts)
            some = list(islice(members, MEMBER_OPERATIONS))
            decision.operations += some
            ready.append((facts.record, decision))
            memberships += sum(map(_memberships, some))
            if memberships >= MOST_MEMBERSHIPS:
                await self._save(ready)
                ready, memberships = [], 0
            while more := list(islice(members, MEMBER_OPERATIONS)):
                await self._store.add_operations(self._run_id, more, OperationStatus.pending)
        await self._save(ready)
        self.notes += lookups.notes

    # -- saving --------------------------------------------------------------

    async def _save(self, decisions: Sequence[tuple[MirrorRecord, Decision]]) -> None:
        operations: list[Operation] = []
        problems: list[ObjectProblem] = []
        settled: dict[str, str] = {}
        promoted: list[str] = []
        for record, decision in decisions:
            operations += [redacted(each, self._redacted) for each in decision.operations]
            promoted += decision.promote
            if decision.problem:
                problems.append(decision.problem)
            elif not decision.operations:
                settled[record.source_id] = record.stamp
        await self._change_links(decisions)
        if operations:
            await self._store.add_operations(self._run_id, operations, OperationStatus.pending)
        self._promoted += promoted
        if problems:
            await self._store.add_problems(self._run_id, problems)
            await self._remember_failures(decisions)
        if settled:
            await self._store.settle(settled)

    async def _change_links(self, decisions: Sequence[tuple[MirrorRecord, Decision]]) -> None:
        if self._preview:
            return
        frees = [record.source_id for record, decision in decisions if decision.frees]
        renews = [record.source_id for record, decision in decisions if decision.renews]
        if frees:
            await self._store.release_kept(frees)
        if renews:
            await self._store.mark_due(renews)

    async def _remember_failures(self, decisions: Sequence[tuple[MirrorRecord, Decision]]) -> None:
        if self._preview:
            return
        failed: dict[int, list[str]] = {}
        for record, decision in decisions:
            if decision.problem:
                failed.setdefault(record.failures, []).append(record.source_id)
        for failures, source_ids in failed.items():
            wait = retry_after(failures) * 1_000_000
            await self._store.fail(source_ids, self._now_us() + wait)


def _memberships(operation: Operation) -> int:
    """Return how many memberships an operation adds or removes."""
    steps = (operation.body or {}).get("Operations", ())
    return sum(len(step["value"]) for step in steps)


def _comes_or_goes(record: MirrorRecord) -> bool:
    """Whether the object's groups, and those who report to it, must be planned again."""
    return record.is_linked != record.is_wanted
