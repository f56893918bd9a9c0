"""The read phase: delta pages merge into the mirror, each together with its cursor.

An interrupted or failed read deletes nothing, and goes on where it stopped. What an initial cycle
did not return is swept only after its last page, and not at all when it returned far less than
the mirror holds.
"""

from collections.abc import Callable

from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.safeguards import far_less
from scim.provisioning.ports import SourceReader, SyncStore
from scim.provisioning.records import (
    CursorRecord,
    Gaps,
    Lease,
    RunMode,
    RunRecord,
    SourceCursorExpired,
)
from scim.provisioning.source import ObjectKind

KINDS = (ObjectKind.user, ObjectKind.group)


class Reading:
    """Reads the source for one run.

    Args:
        config: the user sync.
        store: its mirror and cursors.
        source: the directory.
        lease: checked with each page.
        run: the run.
        allow: believe an initial cycle that returned far less than before.
        progress: told the kind and how many objects were read.
    """

    def __init__(
        self,
        config: SyncConfig,
        store: SyncStore,
        source: SourceReader,
        lease: Lease,
        run: RunRecord,
        *,
        allow: bool,
        progress: Callable[[ObjectKind, int], None],
    ) -> None:
        self._config = config
        self._store = store
        self._source = source
        self._lease = lease
        self._run = run
        self._allow = allow
        self._progress = progress
        self._mode = run.mode

    async def read(self) -> RunMode:
        """Read users, then groups; returns the mode, which an expired cursor makes initial."""
        for kind in KINDS:
            try:
                await self._chain(kind)
            except SourceCursorExpired as expired:
                await self._start_again(kind, expired)
                await self._chain(kind)
            await self._sweep(kind)
        return self._mode

    async def _chain(self, kind: ObjectKind) -> None:
        """Read one chain to its end, from its beginning, its cursor or its last delta."""
        cursor = await self._store.cursor(kind)
        if cursor.generation == 0 or (cursor.gaps and cursor.next_cursor is None):
            cursor = await self._begin_initial(kind, cursor)
        start = cursor.next_cursor or cursor.delta_cursor
        read = 0
        async for page in self._source.pages(kind, start):
            async with self._store.unit_of_work(self._lease):
                await self._store.merge_page(kind, page, self._lease)
                await self._store.add_problems(self._run.id, page.problems)
            read += len(page.changes)
            self._progress(kind, read)

    async def _begin_initial(self, kind: ObjectKind, cursor: CursorRecord) -> CursorRecord:
        """Begin to read everything: the first time, or because objects could not be read."""
        if cursor.gaps:
            self._mode = RunMode.initial
            await self._store.update_run(
                self._run.id,
                note=f"Some {kind.value}s could not be read the last time, so all of them were "
                "read again.",
            )
        return await self._store.begin_initial(kind)

    async def _start_again(self, kind: ObjectKind, expired: SourceCursorExpired) -> None:
        self._mode = RunMode.initial
        await self._store.begin_initial(kind)
        await self._store.update_run(
            self._run.id,
            note=f"{expired.message} Everything was read again (a fresh initial cycle of "
            f"{kind.value}s).",
        )

    async def _sweep(self, kind: ObjectKind) -> None:
        """Take what an initial cycle did not return for deleted, if that can be believed."""
        cursor: CursorRecord = await self._store.cursor(kind)
        if cursor.swept or cursor.delta_cursor is None:
            return
        absent, present = await self._store.count_absent(kind)
        if cursor.gaps is Gaps.nameless and absent:
            await self._store.update_run(
                self._run.id,
                note=f"A {kind.value} of the directory came without its id. It may be one of the "
                f"{absent} that were not returned, so nothing was deleted for that.",
            )
            return
        if not self._allow and far_less(self._config.safeguard, absent, present):
            await self._store.update_run(
                self._run.id,
                note=f"The directory returned only {present - absent} of {present} known "
                f"{kind.value}s. That is so much less that nothing was deleted for it. If they "
                "are really gone, run a full sync again and allow it.",
            )
            return
        await self._store.sweep(kind, self._lease)
