"""The step of a run between reading and planning: who came into scope, and who went out of it.

Level-triggered like the rest: the mirror is told by its present content, not by events. What a page
changed is dirty, so only dirty objects are looked at again; when something about the scoping
groups is dirty, those whose membership no longer agrees with what the mirror says are found by one
query; and when the scope itself is another one, everything is looked at. What flips is dirty from
then on, with what depends on it, and the planner sees it as arriving or leaving.

A scoping group that cannot be read proves nothing: who was in scope stays in, and the run says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from azure_adapter.sync.nesting import HIDDEN
from azure_adapter.sync.scope_evaluation import in_scope
from azure_adapter.sync.scope_notes import deleted, suspicion
from azure_adapter.sync.scope_reasons import BY_MEMBERSHIP, ScopeReason, sentence
from azure_adapter.sync.scope_values import GroupInclusion, Scope
from scim.provisioning.ports import SyncStore
from scim.provisioning.records import MirrorRecord
from scim.provisioning.scoping import RowVerdict, ScopeGroups, ScopeRow
from scim.provisioning.source import ObjectKind

if TYPE_CHECKING:
    from azure_adapter.sync.config import SyncConfig

BATCH: Final = 1_000
"""How many objects are looked at, and saved, at once."""

UNFINISHED: Final = "unfinished"
"""The fingerprint while everything is looked at: a run that dies meanwhile begins again."""

WITHOUT: Final = {
    ObjectKind.user: ScopeReason.not_in_groups,
    ObjectKind.group: ScopeReason.not_assigned,
}
"""Why an object is out that lacks nothing but a membership."""


@dataclass(frozen=True, slots=True)
class ScopeVerdict:
    """Whether one object is in scope, and why.

    Attributes:
        in_scope: whether it is.
        reason: the condition that decided.
        sentence: the same for a person.
    """

    in_scope: bool
    reason: ScopeReason
    sentence: str


async def rescope(
    config: SyncConfig,
    store: SyncStore,
    *,
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Tell the mirror who is in scope; call it between reading and planning.

    With the default scope it is one small query.

    Args:
        config: the user sync, with its scope and its nested groups.
        store: its mirror; for a draft, a copy of it.
        progress: told how many objects were looked at.

    Returns:
        Notes for the run's history: scoping groups that are gone, or cannot be read.
    """
    state = await store.scope_state()
    if state.nesting != config.nested:
        await store.set_nesting(config.nested)
    scope = config.scope
    fingerprint = scope.fingerprint()
    if scope.unrestricted and not state.fingerprint:
        return []
    groups, doubt, notes = await _scoping_groups(scope, store)
    step = _Step(scope, store, groups, doubt, progress)
    if state.fingerprint != fingerprint:
        await store.set_scope_fingerprint(UNFINISHED)
        await step.look_at_everything()
        await store.set_scope_fingerprint(fingerprint)
    else:
        await step.look_at_changes()
    return notes


async def scope_of(config: SyncConfig, store: SyncStore, record: MirrorRecord) -> ScopeVerdict:
    """Tell whether one object of the mirror is in scope, without saving anything.

    For *provision on demand* and for explanations; an object that is not in the source is judged
    by what was last read of it.
    """
    scope = config.scope
    groups, doubt, _ = await _scoping_groups(scope, store)
    rows = await store.scope_rows_at(record.kind, [record.row], groups.rows)
    if rows:
        inside, reason = _judge(scope, rows[0], doubt)
    else:
        inside, reason = in_scope(scope, record, False)
    label = str(record.attributes.get("displayName") or record.source_id)
    return ScopeVerdict(inside, reason, sentence(reason, label))


async def _scoping_groups(scope: Scope, store: SyncStore) -> tuple[ScopeGroups, str, list[str]]:
    """Return the scoping groups, whether they can be believed, and notes about them."""
    if not scope.by_membership:
        return ScopeGroups(), "", []
    named = scope.users.groups
    groups = await store.scope_groups(named, nested=scope.users.nested)
    records = await store.records(named)
    silent = await store.empty_groups(groups.rows, *HIDDEN)
    doubt = suspicion(named, records, groups.unread, await store.records(silent))
    return groups, doubt, [*([doubt] if doubt else []), *deleted(named, records)]


def _judge(scope: Scope, row: ScopeRow, doubt: str) -> tuple[bool, ScopeReason]:
    """Decide about a row; while the scoping groups are in doubt, nobody who was in goes out."""
    inside, reason = in_scope(scope, row, row.member)
    if doubt and row.retained and reason in BY_MEMBERSHIP:
        return True, ScopeReason.kept
    return inside, reason


class _Step:
    """Looks at objects in batches and saves what changed."""

    def __init__(
        self,
        scope: Scope,
        store: SyncStore,
        groups: ScopeGroups,
        doubt: str,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._scope = scope
        self._store = store
        self._groups = groups
        self._doubt = doubt
        self._progress = progress
        self._count = 0

    async def look_at_everything(self) -> None:
        """Look at every present object."""
        for kind in WITHOUT:
            await self._look(kind, dirty_only=False)

    async def look_at_changes(self) -> None:
        """Look at what changed, and at whom a change of the scoping groups concerns."""
        for kind in WITHOUT:
            if self._scope.of(kind).unrestricted:
                continue
            await self._look(kind, dirty_only=True)
            if self._groups.dirty and self._by_membership(kind):
                await self._follow_members(kind)

    def _by_membership(self, kind: ObjectKind) -> bool:
        assigned = self._scope.groups.include is GroupInclusion.assigned
        return self._scope.by_membership and (kind is ObjectKind.user or assigned)

    async def _look(self, kind: ObjectKind, *, dirty_only: bool) -> None:
        row = 0
        while rows := await self._store.scope_rows(
            kind, row, BATCH, self._groups.rows, dirty_only=dirty_only
        ):
            row = rows[-1].row
            await self._save(rows)

    async def _follow_members(self, kind: ObjectKind) -> None:
        """Look at those who joined or left the scoping groups, or what is inside of them."""
        settled = (ScopeReason.kept,) if self._doubt else ()
        moved = await self._store.scope_moved(kind, self._groups.rows, WITHOUT[kind], but=settled)
        for start in range(0, len(moved), BATCH):
            some = moved[start : start + BATCH]
            await self._save(await self._store.scope_rows_at(kind, some, self._groups.rows))

    async def _save(self, rows: Sequence[ScopeRow]) -> None:
        verdicts = []
        for row in rows:
            inside, reason = _judge(self._scope, row, self._doubt)
            if (inside, reason) != (row.in_scope, row.reason):
                verdicts.append(RowVerdict(row.row, inside, reason.value))
        await self._store.save_scope(verdicts)
        self._count += len(rows)
        if self._progress is not None:
            self._progress(self._count)
