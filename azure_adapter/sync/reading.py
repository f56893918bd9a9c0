"""The read phase: delta pages merge into the mirror, each together with its cursor.

An interrupted or failed read deletes nothing, and goes on where it stopped. What an initial cycle
did not return is swept only after its last page, only when the source says so when it is asked
for each of those objects, and not at all when the cycle returned far less than the mirror holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
from scim.provisioning.source import ObjectKind, Presence, SourceChange, SourcePage

KINDS = (ObjectKind.user, ObjectKind.group)

MOST_CONFIRMED = 1_000
"""How many objects that an initial cycle did not return are asked for, one by one, at most.

Of more than these, the first ones are a sample: the others count as deleted only when the source
says of every one of the sample that it is gone.
"""

NAMED = 5
"""How many properties a note names."""


@dataclass(frozen=True, slots=True)
class Absence:
    """What the source says of the objects that an initial cycle did not return.

    Attributes:
        kind: users or groups.
        count: how many there are.
        answers: what it says of those that it was asked for, by source id.
    """

    kind: ObjectKind
    count: int
    answers: Mapping[str, SourceChange | None]

    @property
    def told(self) -> list[SourceChange]:
        """Those that are known after all: still there, or in the recycle bin."""
        known = (change for change in self.answers.values() if change is not None)
        return [change for change in known if change.presence is not Presence.deleted]

    @property
    def there(self) -> int:
        """How many are still there."""
        return sum(change.presence is Presence.present for change in self.told)

    @property
    def unknown(self) -> int:
        """Of how many it could not be determined."""
        return sum(change is None for change in self.answers.values())

    @property
    def unasked(self) -> int:
        """How many it was not asked for."""
        return self.count - len(self.answers)

    @property
    def gone(self) -> list[str]:
        """The source ids of those that left, restorable or not."""
        return [
            source_id
            for source_id, change in self.answers.items()
            if change is not None and change.presence is not Presence.present
        ]

    @property
    def is_clean(self) -> bool:
        """Whether every one that it was asked for is gone."""
        return len(self.gone) == len(self.answers)

    def notes(self) -> list[str]:
        """Return what a person should know, in sentences."""
        told = []
        if self.there:
            told.append(
                f"{self._so_many(self.there)} were not returned by the directory, but are there "
                "when asked for one by one. They were kept."
            )
        if self.unknown:
            told.append(
                f"Of {self._so_many(self.unknown)} that were not returned by the directory it "
                "could not be determined whether they are gone. They were kept, and the next run "
                "reads everything again."
            )
        if self.unasked:
            told.append(self._about_the_others())
        return told

    def _about_the_others(self) -> str:
        asked = (
            f"{self._so_many(self.count)} were not returned by the directory; the first "
            f"{len(self.answers):,} were asked for one by one"
        )
        if self.is_clean:
            return f"{asked} and are gone, so the other {self.unasked:,} count as gone, too."
        return (
            f"{asked} and are not all gone, so the other {self.unasked:,} were kept, and the next "
            "run reads everything again."
        )

    def _so_many(self, count: int) -> str:
        return f"{count:,} {self.kind.value}{'s' * (count != 1)}"


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

    # -- chains ----------------------------------------------------------------

    async def _chain(self, kind: ObjectKind) -> None:
        """Read one chain to its end, from its beginning, its cursor or its last delta."""
        cursor = await self._store.cursor(kind)
        missing = self._missing(kind, cursor)
        if cursor.generation == 0 or missing or (cursor.gaps and cursor.next_cursor is None):
            cursor = await self._begin_initial(kind, cursor, missing)
        start = cursor.next_cursor or cursor.delta_cursor
        read = 0
        async for page in self._source.pages(kind, start):
            async with self._store.unit_of_work(self._lease):
                await self._store.merge_page(kind, page, self._lease)
                await self._store.add_problems(self._run.id, page.problems)
            read += len(page.changes)
            self._progress(kind, read)

    def _missing(self, kind: ObjectKind, cursor: CursorRecord) -> list[str]:
        """Return the properties that are needed and that the chain of the cursor never tells."""
        return sorted(set(self._config.properties(kind)) - set(cursor.properties))

    async def _begin_initial(
        self, kind: ObjectKind, cursor: CursorRecord, missing: list[str]
    ) -> CursorRecord:
        """Begin to read everything; says why, unless nothing was read before."""
        if cursor.next_cursor or cursor.delta_cursor:
            await self._read_again(_why_again(kind, missing))
        return await self._store.begin_initial(kind, self._config.properties(kind))

    async def _start_again(self, kind: ObjectKind, expired: SourceCursorExpired) -> None:
        await self._store.begin_initial(kind, self._config.properties(kind))
        await self._read_again(
            f"{expired.message} Everything was read again (a fresh initial cycle of {kind.value}s)."
        )

    async def _read_again(self, why: str) -> None:
        """Tell, at once, that the run reads everything: it may stop before its end."""
        self._mode = RunMode.initial
        await self._store.update_run(self._run.id, mode=self._mode, note=why)

    # -- the sweep -------------------------------------------------------------

    async def _sweep(self, kind: ObjectKind) -> None:
        """Take what an initial cycle did not return for deleted, if that can be believed.

        Everything that follows from the answers commits together, so that a process that dies
        asks again, and nothing is noted twice.
        """
        cursor: CursorRecord = await self._store.cursor(kind)
        if cursor.swept or cursor.delta_cursor is None:
            return
        count, present = await self._store.count_absent(kind)
        suspicion = self._suspicion(kind, cursor, count, present)
        if suspicion:
            await self._note(suspicion)
            return
        answers: dict[str, SourceChange | None] = {}
        if count:
            ids = await self._store.absent(kind, MOST_CONFIRMED)
            answers = await self._source.confirm_absent(kind, ids)
        async with self._store.unit_of_work(self._lease):
            await self._keep(Absence(kind, count, answers))
            await self._store.sweep(kind, self._lease)

    def _suspicion(self, kind: ObjectKind, cursor: CursorRecord, absent: int, present: int) -> str:
        """Return why nothing may be swept, or ""."""
        if absent > MOST_CONFIRMED and cursor.gaps is Gaps.nameless:
            return (
                f"A {kind.value} of the directory came without its id. It may be one of the "
                f"{absent} that were not returned, so nothing was deleted for that."
            )
        nothing_came = absent > MOST_CONFIRMED and absent >= present
        if not self._allow and (nothing_came or far_less(self._config.safeguard, absent, present)):
            return (
                f"The directory returned only {present - absent} of {present} known "
                f"{kind.value}s. That is so much less that nothing was deleted for it. If they "
                "are really gone, run a full sync again and allow it."
            )
        return ""

    async def _keep(self, absence: Absence) -> None:
        """Keep from the sweep what is not, or not known to be, gone."""
        if not absence.is_clean:
            unsure = bool(absence.unknown or absence.unasked)
            await self._store.spare(absence.kind, absence.gone, self._lease, unsure=unsure)
        if absence.told:
            page = SourcePage(tuple(absence.told))
            await self._store.merge_page(absence.kind, page, self._lease)
        for note in absence.notes():
            await self._note(note)

    async def _note(self, note: str) -> None:
        await self._store.update_run(self._run.id, note=note)


def _why_again(kind: ObjectKind, missing: list[str]) -> str:
    if not missing:
        return (
            f"Some {kind.value}s could not be read the last time, so all of them were read again."
        )
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return (
        f"The attribute mapping or the scope needs what was not read of {kind.value}s before "
        f"({', '.join(missing[:NAMED])}{more}), so all of them were read again."
    )
