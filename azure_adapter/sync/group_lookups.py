"""Looks up what decides about groups: a few queries for a batch, two for the members of each.

A group may have 100,000 members, so that they come as ids, and one group after the other.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from azure_adapter.mapping import MappedGroup
from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.nesting import HIDDEN, NestedGroups
from azure_adapter.sync.plan_groups import GroupFacts, hides_members
from azure_adapter.sync.source_mapping import SourceMapping
from scim.provisioning.ports import ProvisioningTarget, SyncStore
from scim.provisioning.records import LinkState, MirrorRecord

BATCH: Final = 100
"""How many groups are looked up at once; in flattened mode each with all that is inside."""


class GroupLookups:
    """Gathers the facts of groups for one run.

    Args:
        config: the user sync.
        store: its state.
        target: asked for what is there now.
        run_id: the run, whose plan tells which users are about to be provisioned.
        mapping: maps source objects.

    Attributes:
        notes: what a person should know of groups that hide their members.
    """

    def __init__(
        self,
        config: SyncConfig,
        store: SyncStore,
        target: ProvisioningTarget,
        run_id: str,
        mapping: SourceMapping,
    ) -> None:
        self._flattened = config.nested is NestedGroups.flattened
        self._store = store
        self._target = target
        self._run_id = run_id
        self._mapping = mapping
        self.notes: list[str] = []

    async def gather(self, groups: Sequence[MirrorRecord]) -> AsyncIterator[GroupFacts]:
        """Yield the facts of each group, in order."""
        for start in range(0, len(groups), BATCH):
            batch = groups[start : start + BATCH]
            ids = [record.link.resource_id for record in batch if record.link]
            current = await self._target.read(ids)
            linked = {
                record.link.resource_id
                for record in batch
                if record.link and record.link.state is LinkState.linked
            }
            gone = [one for one in ids if one not in linked or one not in current]
            restorable = await self._target.restorable(gone) if gone else {}
            inside = await self._inside(batch)
            for record in batch:
                yield await self._facts(record, current, restorable, inside.get(record.row, []))

    async def _inside(self, batch: Sequence[MirrorRecord]) -> dict[int, list[int]]:
        """Return, by row, the groups whose direct members are the members of each group."""
        rows = [record.row for record in batch if record.is_wanted]
        if not self._flattened:
            return {row: [row] for row in rows}
        return await self._store.closures(rows)

    async def _facts(
        self,
        record: MirrorRecord,
        current: dict[str, dict[str, Any]],
        restorable: dict[str, dict[str, Any]],
        inside: Sequence[int],
    ) -> GroupFacts:
        link = record.link
        document = current.get(link.resource_id) if link else None
        deleted = restorable.get(link.resource_id) if link else None
        mapped = self._mapping.group(record, creating=document is None and deleted is None)
        wanted = await self._store.wanted_members(inside, users_only=self._flattened)
        arriving = await self._store.planned(self._run_id, wanted.users) if wanted.users else set()
        has: set[str] = set()
        if link and link.state is LinkState.linked and document is not None and inside:
            has = await self._target.members(link.resource_id)
        silent = await self._silent(record, inside)
        if silent and has:
            self._note(mapped, len(has.difference(wanted.linked)))
        return GroupFacts(
            record=record,
            mapped=mapped,
            current=document,
            restorable=deleted,
            linked=wanted.linked,
            arriving=tuple(sorted({*arriving, *wanted.groups})),
            current_members=frozenset(has),
            silent=silent,
        )

    async def _silent(self, record: MirrorRecord, inside: Sequence[int]) -> bool:
        """Tell whether members of the group, or of one inside of it, may be hidden from us."""
        if not inside or (len(inside) == 1 and not hides_members(record)):
            return False
        return bool(await self._store.empty_groups(inside, *HIDDEN))

    def _note(self, mapped: MappedGroup, kept: int) -> None:
        if kept:
            self.notes.append(
                f"The group {mapped.display_name!r} hides its members and came empty; its {kept} "
                "members were kept. Grant Member.Read.Hidden to keep it in step."
                if not self._flattened
                else f"A group inside of {mapped.display_name!r} hides its members and came empty, "
                f"or it does so itself; {kept} members were kept. Grant Member.Read.Hidden to keep "
                "it in step."
            )
