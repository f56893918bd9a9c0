"""What a person discarded before stays away from the plan until its source object changes."""

from collections.abc import Sequence

from azure_adapter.sync.member_parts import MEMBER_ACTIONS, members_of, parted
from scim.provisioning.operations import Action, OperationStatus, PlannedOperation
from scim.provisioning.ports import SyncStore

DISCARDED = "discarded"
MESSAGE = "It was discarded before, and the source object has not changed since."

PAGE = 500

Known = dict[tuple[str, Action], set[str]]


class Discarding:
    """Takes discarded operations out of one plan, and forgets discards that have ended.

    Args:
        store: the state of the user sync.
        run_id: the run.
        keeps: False changes the plan only (a preview).
    """

    def __init__(self, store: SyncStore, run_id: str, *, keeps: bool) -> None:
        self._store = store
        self._run_id = run_id
        self._keeps = keeps

    async def discard(self, planned_groups: Sequence[str]) -> None:
        """Take out what was discarded.

        Args:
            planned_groups: the groups with discarded members that this plan decided about.
        """
        if not await self._store.discards():
            return
        if self._keeps:
            await self._store.drop_void_discards()
        await self._store.apply_discards(self._run_id)
        left = await self._discard_members()
        if self._keeps and planned_groups:
            known = await self._store.discarded_members(planned_groups)
            ended = {key: left.get(key, set()) for key in known if left.get(key) != known[key]}
            await self._store.set_discarded_members(ended)

    async def _discard_members(self) -> Known:
        """Take discarded members out of changes; returns those that were there."""
        left: Known = {}
        after = 0
        while rows := await self._store.open_rows(self._run_id, MEMBER_ACTIONS, after, PAGE):
            after = rows[-1].seq
            groups = sorted({row.operation.source_id for row in rows})
            known = await self._store.discarded_members(groups)
            for row in rows:
                key = (row.operation.source_id, row.operation.action)
                if key in known:
                    there = await self._take_out(row, known[key])
                    left.setdefault(key, set()).update(there)
        return left

    async def _take_out(self, row: PlannedOperation, known: set[str]) -> set[str]:
        place = (OperationStatus.discarded, DISCARDED, MESSAGE, "")
        parts = parted(row, lambda member: place if member in known else None)
        if parts:
            await self._store.replace_operation(self._run_id, row.seq, parts)
        return known.intersection(members_of(row.operation))
