"""What depends on a held operation is held too: names, managers, members, the rest of a person.

A leaver whose deletion is held keeps the user name that a new colleague needs, and the groups;
nobody can be made the report, or a group the home, of somebody whose creation is held.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from azure_adapter.sync import phases
from azure_adapter.sync.member_parts import MEMBER_ACTIONS, members_of, parted
from scim.provisioning.keys import comparison_key
from scim.provisioning.operations import (
    BULK_ID,
    Action,
    OperationStatus,
    PlannedOperation,
    references,
)
from scim.provisioning.ports import SyncStore

DEPENDS = "depends"
DISCARDED = "discarded"

PAGE = 100
"""How many operations are looked at at once; one may have 1,000 members."""

MEMBERS = 2_000
"""How many members are asked about at once."""

NAMED = (Action.create, Action.restore, Action.take_over, Action.update, Action.disable)
"""Operations that may need a userName."""

FREEING = (Action.delete, Action.release_name)
"""Operations that free one, when they are in the phase that frees names."""

ADVICE = "It goes with what it depends on: allow both, or discard both, in Quarantine."

TOGETHER = "Something else about the same person is held, so this waits for it."
BOSS = "The manager's creation is held, so this waits for it."
STAYS = "The member's own deletion is held, so the membership stays until that is decided."
ARRIVES = "The member's creation is held, so the membership waits for it."
KEPT = "The member's deletion was discarded, so the membership stays."


class Dependents:
    """Holds what depends on the held operations of one plan.

    Args:
        store: the state of the user sync.
        run_id: the run.
    """

    def __init__(self, store: SyncStore, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._names: set[str] = set()

    async def hold(self) -> None:
        """Hold all of it; called once, after the kinds that take objects away were looked at."""
        held = bool(await self._store.count_held(self._run_id))
        if held:
            await self._hold_people()
            await self._hold_managers()
        if held or await self._store.discards():
            await self._hold_members()

    async def _hold_people(self) -> None:
        """Hold the rest of each person, and who needs a name that stays taken, to the end."""
        while True:
            await self._store.hold_rest(self._run_id, TOGETHER)
            names = await self._freed_names() - self._names
            self._names |= names
            needing = await self._needing(names) if names else {}
            if not needing:
                return
            for source_id, name in needing.items():
                message = f"It needs the user name {name!r}, which only a held operation frees."
                await self._store.hold_objects(self._run_id, [source_id], DEPENDS, message)

    async def _freed_names(self) -> set[str]:
        """Return the folded names that held operations would free."""
        names = set()
        async for row in self._pages("held", FREEING):
            name = (row.operation.before or {}).get("userName")
            if row.operation.phase == phases.FREE_NAMES and isinstance(name, str):
                names.add(comparison_key(name))
        return names

    async def _needing(self, names: set[str]) -> dict[str, str]:
        """Return the objects that are about to take one of the names, with the name."""
        needing = {}
        async for row in self._pages("pending", NAMED):
            name = _wanted_name(row)
            if name and comparison_key(name) in names:
                needing[row.operation.source_id] = name
        return needing

    async def _hold_managers(self) -> None:
        async for rows in self._batches("pending", [Action.assign_manager]):
            bosses = {row.seq: set(references(row.operation.body)) for row in rows}
            wanted = {one for several in bosses.values() for one in several}
            held = await self._store.held_arrivals(self._run_id, sorted(wanted))
            seqs = [seq for seq, several in bosses.items() if several & held]
            await self._store.hold_rows(self._run_id, seqs, DEPENDS, BOSS)

    async def _hold_members(self) -> None:
        async for rows in self._batches("pending", MEMBER_ACTIONS):
            places = await self._places(rows)
            for row in rows:
                parts = parted(row, places.get)
                if parts:
                    await self._store.replace_operation(self._run_id, row.seq, parts)

    async def _places(
        self, rows: Sequence[PlannedOperation]
    ) -> dict[str, tuple[OperationStatus, str, str, str]]:
        """Return what becomes of the members that cannot go on."""
        added = [row for row in rows if row.operation.action is Action.add_members]
        removed = [row for row in rows if row.operation.action is Action.remove_members]
        told = {one for row in added for one in members_of(row.operation)}
        sources = sorted(one[len(BULK_ID) :] for one in told if one.startswith(BULK_ID))
        held = await self._store.held_arrivals(self._run_id, sources) if sources else set()
        leaving = await leaving_of(self._store, self._run_id, removed)
        places = {"held": _held(STAYS), "discarded": _discarded(KEPT)}
        found = {one: places[how] for one, how in leaving.items() if how in places}
        return found | {f"{BULK_ID}{one}": _held(ARRIVES) for one in held}

    # rows

    async def _pages(
        self, status: str, actions: Sequence[Action]
    ) -> AsyncIterator[PlannedOperation]:
        async for rows in self._batches(status, actions):
            for row in rows:
                yield row

    async def _batches(
        self, status: str, actions: Sequence[Action]
    ) -> AsyncIterator[list[PlannedOperation]]:
        read = self._store.held_rows if status == "held" else self._store.open_rows
        after = 0
        while rows := await read(self._run_id, actions, after, PAGE):
            after = rows[-1].seq
            yield rows


async def leaving_of(
    store: SyncStore, run_id: str, removals: Sequence[PlannedOperation]
) -> dict[str, str]:
    """Return how those of the removed members stand that leave: held, discarded or pending."""
    members = sorted({one for row in removals for one in members_of(row.operation)})
    leaving: dict[str, str] = {}
    for start in range(0, len(members), MEMBERS):
        leaving |= await store.leaving(run_id, members[start : start + MEMBERS])
    return leaving


def _wanted_name(row: PlannedOperation) -> str | None:
    """Return the userName that an operation takes; a restored user takes the old one."""
    after: dict[str, Any] = row.operation.after or {}
    name = after.get("userName")
    if name is None and row.operation.action is Action.restore:
        name = row.operation.label
    return name if isinstance(name, str) else None


def _held(message: str) -> tuple[OperationStatus, str, str, str]:
    return OperationStatus.held, DEPENDS, message, ADVICE


def _discarded(message: str) -> tuple[OperationStatus, str, str, str]:
    return OperationStatus.discarded, DISCARDED, message, ""
