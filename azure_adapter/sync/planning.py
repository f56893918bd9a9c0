"""The plan phase: gathers facts in batches, asks the pure planner, stores the plan.

Memory is bounded by a batch; whatever an event does not say (a manager or a member arrived later,
a name is needed by somebody else) is looked up in the mirror.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from azure_adapter.mapping import MappedUser, map_group, map_user
from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.facts import Decision, NameHolder, UserFacts
from azure_adapter.sync.phases import FREE_NAMES
from azure_adapter.sync.plan_groups import GroupFacts, hides_members, plan_group
from azure_adapter.sync.plan_users import plan_user, unique_value
from scim.provisioning.keys import comparison_key
from scim.provisioning.operations import Action, Operation, OperationStatus
from scim.provisioning.ports import ProvisioningTarget, SyncStore
from scim.provisioning.records import Candidate, LinkState, MirrorRecord, UniqueField
from scim.provisioning.source import ObjectKind, ObjectProblem, Presence

BATCH = 500
"""How many mirror objects are planned at once."""

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
        self.notes: list[str] = []

    async def plan(self) -> None:
        """Plan users, then groups."""
        await self._prepare_users()
        await self._prepare_groups()
        async for batch in self._dirty(ObjectKind.user):
            await self._plan_users(batch)
        await self._store.promote(self._run_id, self._promoted, Action.delete, FREE_NAMES)
        async for batch in self._dirty(ObjectKind.group):
            for record in batch:
                await self._plan_group(record)

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
            keys = {}
            for record in batch:
                value = unique_value(self._config, map_user(record.attributes))
                keys[record.source_id] = comparison_key(value) if value else None
            await self._store.set_unique_keys(keys)
            moved = [record.source_id for record in batch if _comes_or_goes(record)]
            affected = await self._store.reports_of(moved) | await self._store.groups_of(moved)
            await self._store.mark_dirty(sorted(affected))
        self._count = 0

    async def _prepare_groups(self) -> None:
        """Mark the groups that hold a group which comes or goes."""
        async for batch in self._dirty(ObjectKind.group):
            moved = [record.source_id for record in batch if _comes_or_goes(record)]
            await self._store.mark_dirty(sorted(await self._store.groups_of(moved)))
        self._count = 0

    # -- users ---------------------------------------------------------------

    async def _plan_users(self, batch: Sequence[MirrorRecord]) -> None:
        mapped = {record.source_id: map_user(record.attributes) for record in batch}
        facts = await _UserLookups(self._config, self._store, self._target).gather(batch, mapped)
        decisions = [(each.record, plan_user(self._config, each)) for each in facts]
        self._note_mapping(mapped.values())
        await self._save(decisions)

    def _note_mapping(self, mapped: Iterable[MappedUser]) -> None:
        for user in mapped:
            self.notes.extend(f"{user.user_name}: {note}" for note in user.notes[:1])

    # -- groups --------------------------------------------------------------

    async def _plan_group(self, record: MirrorRecord) -> None:
        mapped = map_group(record.attributes)
        link = record.link
        ids = [link.resource_id] if link else []
        current = await self._target.read(ids)
        linked = bool(link and link.state is LinkState.linked and link.resource_id in current)
        restorable = {} if linked else await self._target.restorable(ids)
        present = record.presence is Presence.present
        members = await self._store.source_members(record.source_id) if present else []
        unlinked = [
            member.source_id
            for member in members
            if member.link is None or member.link.state is not LinkState.linked
        ]
        planned = await self._store.planned(self._run_id, unlinked)
        planned |= {
            member.source_id
            for member in members
            if member.kind is ObjectKind.group and member.source_id in unlinked
        }
        has = await self._target.members(link.resource_id) if link and linked and present else set()
        facts = GroupFacts(
            record=record,
            mapped=mapped,
            current=current.get(link.resource_id) if link else None,
            restorable=restorable.get(link.resource_id) if link else None,
            members=tuple(members),
            planned=frozenset(planned),
            current_members=frozenset(has),
        )
        if hides_members(record) and not members and has:
            self.notes.append(
                f"The group {mapped.display_name!r} hides its members and came empty; its "
                f"{len(has)} members were kept. Grant Member.Read.Hidden to keep it in step."
            )
        await self._save([(record, plan_group(facts))])

    # -- saving --------------------------------------------------------------

    async def _save(self, decisions: Sequence[tuple[MirrorRecord, Decision]]) -> None:
        operations: list[Operation] = []
        problems: list[ObjectProblem] = []
        settled: dict[str, str] = {}
        promoted: list[str] = []
        for record, decision in decisions:
            operations += decision.operations
            promoted += decision.promote
            if decision.problem:
                problems.append(decision.problem)
            elif not decision.operations:
                settled[record.source_id] = record.stamp
        if operations:
            await self._store.add_operations(self._run_id, operations, OperationStatus.pending)
        self._promoted += promoted
        if problems:
            await self._store.add_problems(self._run_id, problems)
            await self._remember_failures(decisions)
        await self._store.settle(settled)

    async def _remember_failures(self, decisions: Sequence[tuple[MirrorRecord, Decision]]) -> None:
        if self._preview:
            return
        for record, decision in decisions:
            if decision.problem:
                wait = retry_after(record.failures) * 1_000_000
                await self._store.fail([record.source_id], self._now_us() + wait)


def _comes_or_goes(record: MirrorRecord) -> bool:
    """Whether the object's groups, and those who report to it, must be planned again."""
    linked = record.link is not None and record.link.state is LinkState.linked
    return linked != (record.presence is Presence.present)


class _UserLookups:
    """Looks up what decides about a batch of users, a handful of queries for all of them."""

    def __init__(self, config: SyncConfig, store: SyncStore, target: ProvisioningTarget) -> None:
        self._config = config
        self._store = store
        self._target = target

    async def gather(
        self, batch: Sequence[MirrorRecord], mapped: dict[str, MappedUser]
    ) -> list[UserFacts]:
        """Return the facts of each user of the batch."""
        present = [each for each in batch if each.presence is Presence.present]
        candidates = await self._candidates(present, mapped)
        ids = {each.link.resource_id for each in batch if each.link}
        ids |= {one.resource_id for found in candidates.values() for one in found[:1]}
        current = await self._target.read(sorted(ids))
        restorable = await self._target.restorable(sorted(ids - set(current)))
        rivals = await self._rivals(present, mapped)
        holders = await self._holders(present, mapped, current)
        managers = await self._managers(present, mapped)
        facts = []
        for record in batch:
            source_id = record.source_id
            resource_id = record.link.resource_id if record.link else ""
            found = candidates.get(source_id, ())
            if not resource_id and len(found) == 1:
                resource_id = found[0].resource_id
            manager_id, manager_planned = managers.get(source_id, ("", False))
            facts.append(
                UserFacts(
                    record=record,
                    mapped=mapped[source_id],
                    current=current.get(resource_id),
                    restorable=restorable.get(resource_id),
                    candidates=found,
                    rivals=rivals.get(source_id, ()),
                    name_holder=holders.get(source_id),
                    manager_id=manager_id,
                    manager_planned=manager_planned,
                )
            )
        return facts

    async def _candidates(
        self, present: Sequence[MirrorRecord], mapped: dict[str, MappedUser]
    ) -> dict[str, tuple[Candidate, ...]]:
        """Return who a new object may be matched with: nobody that carries a link of this sync."""
        values = {
            each.source_id: value
            for each in present
            if each.link is None
            and (value := unique_value(self._config, mapped[each.source_id])) is not None
        }
        found = await self._target.find(self._config.unique_field, sorted(set(values.values())))
        ids = sorted({one.resource_id for several in found.values() for one in several})
        links = await self._store.links_of_resources(ids)
        own = {
            resource_id
            for resource_id, several in links.items()
            if any(link.sync_id == self._config.sync_id for link in several)
        }
        return {
            source_id: tuple(one for one in found.get(value, ()) if one.resource_id not in own)
            for source_id, value in values.items()
        }

    async def _rivals(
        self, present: Sequence[MirrorRecord], mapped: dict[str, MappedUser]
    ) -> dict[str, tuple[str, ...]]:
        """Return the other present objects that claim the same value, for objects without link."""
        keys = {
            each.source_id: comparison_key(value)
            for each in present
            if each.link is None
            and (value := unique_value(self._config, mapped[each.source_id])) is not None
        }
        sharing = await self._store.sharing(sorted(set(keys.values())))
        return {
            source_id: tuple(other for other in sharing.get(key, ()) if other != source_id)
            for source_id, key in keys.items()
        }

    async def _holders(
        self,
        present: Sequence[MirrorRecord],
        mapped: dict[str, MappedUser],
        current: dict[str, dict[str, object]],
    ) -> dict[str, NameHolder]:
        """Return, for objects that want a new userName, the user of the store who has it."""
        wants = {}
        for each in present:
            name = mapped[each.source_id].user_name
            stored = current.get(each.link.resource_id) if each.link else None
            if name and (stored is None or _differs(stored.get("userName"), name)):
                wants[each.source_id] = name
        found = await self._target.find(UniqueField.username, sorted(set(wants.values())))
        holders = {
            source_id: found[name][0] for source_id, name in wants.items() if found.get(name)
        }
        ids = sorted({holder.resource_id for holder in holders.values()})
        links = await self._store.links_of_resources(ids)
        sources = {
            link.resource_id: link.source_id
            for several in links.values()
            for link in several
            if link.sync_id == self._config.sync_id and link.state is LinkState.linked
        }
        records = await self._store.records(sorted(sources.values()))
        return {
            source_id: _name_holder(holder, sources, records)
            for source_id, holder in holders.items()
            if sources.get(holder.resource_id) != source_id
        }

    async def _managers(
        self, present: Sequence[MirrorRecord], mapped: dict[str, MappedUser]
    ) -> dict[str, tuple[str, bool]]:
        """Return (resource id, is planned) of the manager of each user who has one."""
        wanted = {
            each.source_id: manager_id
            for each in present
            if (manager_id := mapped[each.source_id].manager) is not None
        }
        records = await self._store.records(sorted(set(wanted.values())))
        answer = {}
        for source_id, manager_source in wanted.items():
            manager = records.get(manager_source)
            if manager is None or manager.presence is not Presence.present:
                continue
            link = manager.link
            if link is not None and link.state is LinkState.linked:
                answer[source_id] = (link.resource_id, False)
            else:
                answer[source_id] = ("", True)
        return answer


def _differs(stored: object, name: str) -> bool:
    return not isinstance(stored, str) or comparison_key(stored) != comparison_key(name)


def _name_holder(
    holder: Candidate, sources: dict[str, str], records: dict[str, MirrorRecord]
) -> NameHolder:
    source_id = sources.get(holder.resource_id, "")
    record = records.get(source_id)
    if record is None:
        return NameHolder(holder.resource_id)
    wants = map_user(record.attributes).user_name or ""
    return NameHolder(holder.resource_id, source_id, record.presence, comparison_key(wants))
