"""Views of a sync's store: the planner sees other objects as due, or leaves no trace.

The planner asks the store which objects are to be planned and tells it what came out. A view
answers the first question differently, and keeps the second to itself where a run only looks. All
else goes through to the store.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from scim.provisioning.ports import SyncStore
from scim.provisioning.records import MirrorRecord
from scim.provisioning.source import ObjectKind

Choose = Callable[[ObjectKind, int, int], Awaitable[list[MirrorRecord]]]
"""Returns the next objects of a kind after a row, at most so many."""


class _View:
    """Passes everything on to a store."""

    def __init__(self, store: SyncStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _Chosen(_View):
    """Lets chosen objects be planned, and nothing but those."""

    def __init__(self, store: SyncStore, choose: Choose) -> None:
        super().__init__(store)
        self._choose = choose

    async def dirty(
        self, kind: ObjectKind, after_row: int, limit: int, *, include_waiting: bool = True
    ) -> list[MirrorRecord]:
        """Return the chosen objects instead of the dirty ones."""
        del include_waiting
        return await self._choose(kind, after_row, limit)


class _Due(_View):
    """Leaves alone what failed and is not due again."""

    async def dirty(
        self, kind: ObjectKind, after_row: int, limit: int, *, include_waiting: bool = True
    ) -> list[MirrorRecord]:
        """Return the dirty objects whose time has come."""
        del include_waiting
        return await self._store.dirty(kind, after_row, limit, include_waiting=False)


class _Looking(_View):
    """Takes note of nothing that was planned: a preview changes no object's state.

    What comes to be dirty stays dirty: it is to be planned anyway.
    """

    async def settle(self, stamps: Mapping[str, str]) -> None:
        """Leave the objects as they are."""

    async def fail(self, source_ids: Sequence[str], retry_at: int) -> None:
        """Leave the objects as they are."""


class _Still(_Looking):
    """Also marks nothing dirty."""

    async def mark_dirty(self, source_ids: Sequence[str]) -> None:
        """Leave the objects as they are."""

    async def soil_ancestors(self) -> int:
        """Leave the groups as they are."""
        return 0

    async def set_unique_keys(self, keys: Mapping[str, str | None]) -> None:
        """Leave the objects as they are."""


def chosen(store: SyncStore, choose: Choose) -> SyncStore:
    """Return a view in which chosen objects are to be planned, and no others."""
    return cast(SyncStore, _Chosen(store, choose))


def due(store: SyncStore) -> SyncStore:
    """Return a view in which objects that failed wait until they are due again."""
    return cast(SyncStore, _Due(store))


def looking(store: SyncStore) -> SyncStore:
    """Return a view for a preview of a run: nothing planned is taken for settled."""
    return cast(SyncStore, _Looking(store))


def still(store: SyncStore) -> SyncStore:
    """Return a view that changes nothing of the mirror."""
    return cast(SyncStore, _Still(store))
