"""What saving, loading and looking back need of a ``Directory``'s inside."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure_adapter.simulator.model import Change, Entry


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking what only grows; it doubles the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class StateOperations:
    """The part of ``Directory`` that takes it apart and puts it together."""

    objects: dict[str, Entry]
    _order: dict[str, list[str]]
    _upns: dict[str, str]
    _deleted: dict[str, set[str]]
    _log: list[Change]
    _log_start: int
    _edges: int
    _ids: random.Random

    def kinds(self) -> list[str]:
        """List the kinds of objects there can be."""
        return list(self._order)

    def inner_state(self) -> dict[str, Any]:
        """Return the counters that a saved directory goes on with."""
        version, numbers, gauss = self._ids.getstate()
        return {
            "log_start": self._log_start,
            "edges": self._edges,
            "ids": [version, list(numbers), gauss],
        }

    def take_inner_state(self, state: dict[str, Any]) -> None:
        """Go on with saved counters."""
        self._log_start, self._edges = state["log_start"], state["edges"]
        version, numbers, gauss = state["ids"]
        self._ids.setstate((version, tuple(numbers), gauss))

    def take_entry(self, entry: Entry) -> None:
        """Take in a saved object, after those of its kind that are older."""
        self.objects[entry.id] = entry
        self._order[entry.kind].append(entry.id)

    def take_log(self, log: list[Change]) -> None:
        """Take in a saved log, once every object is there; the edges' other ends follow."""
        self._log = log
        for entry in self.objects.values():
            for member_id in entry.members or ():
                member = self.objects[member_id]
                member.parents = [*(member.parents or ()), entry.id]
            if entry.manager in self.objects:
                manager = self.objects[entry.manager]
                manager.reports = [*(manager.reports or ()), entry.id]
        self.rebuild_indexes({})

    def drop_log_after(self, position: int) -> None:
        """Give a copy of this directory a log of its own that ends at a position."""
        self._log = self._log[: position - self._log_start]

    def rebuild_indexes(self, created: dict[str, int]) -> None:
        """Make the indexes of a copy fit its objects.

        Args:
            created: How many of the newest objects of each kind it does not have.
        """
        self._order = {
            kind: ids[: len(ids) - created.get(kind, 0)] for kind, ids in self._order.items()
        }
        self._upns, self._deleted = {}, {kind: set() for kind in self._order}
        for entry in self.objects.values():
            if entry.deleted is not None:
                self._deleted[entry.kind].add(entry.id)
            elif entry.kind == "user":
                self._upns[entry.attrs["userPrincipalName"].lower()] = entry.id

    def deleted(self, kind: str) -> list[Entry]:
        """List the soft-deleted, restorable objects of a kind in order of deletion."""
        found = [self.objects[object_id] for object_id in self._deleted[kind]]
        return sorted(found, key=lambda entry: (entry.deleted or 0.0, entry.id))

    def _mark(self, entry: Entry, deleted: float | None) -> None:
        """Say when an object was deleted softly, or that it no longer is."""
        entry.deleted = deleted
        (self._deleted[entry.kind].discard if deleted is None else self._deleted[entry.kind].add)(
            entry.id
        )
