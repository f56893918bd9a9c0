"""A directory as it was: what a replica shows that lags behind.

Every change in the log holds what is needed to take it back. Source: Microsoft Graph: "Use the
Microsoft Graph API" (eventual consistency of directory objects).
"""

from __future__ import annotations

import copy
from typing import Any

from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.model import MISSING, Change, Entry, Op


def as_of(directory: Directory, position: int) -> Directory:
    """Build a directory's earlier state.

    Args:
        directory: The directory now; it stays as it is.
        position: A position of its log that is still known.

    Returns:
        A directory for reading that shares whatever did not change since.
    """
    return _Rewinding(directory, position).run()


class _Rewinding:
    def __init__(self, directory: Directory, position: int) -> None:
        self._changes = directory.changes_between(position, directory.position)
        self._then = copy.copy(directory)
        self._then.objects = dict(directory.objects)
        self._then.drop_log_after(position)
        self._created: dict[str, int] = {}
        self._owned: set[str] = set()

    def run(self) -> Directory:
        for change in reversed(self._changes):
            self._take_back(change)
        self._then.rebuild_indexes(self._created)
        return self._then

    def _take_back(self, change: Change) -> None:
        if change.op is Op.CREATED:
            self._then.objects.pop(change.id, None)
            self._created[change.kind] = self._created.get(change.kind, 0) + 1
        elif change.op is Op.PURGED:
            self._revive(*change.detail)
        elif change.id in self._then.objects:
            self._undo(self._own(change.id), change.op, change.detail)

    def _undo(self, entry: Entry, op: Op, detail: Any) -> None:
        if op is Op.UPDATED:
            for name, old in detail.items():
                if old is MISSING:
                    entry.attrs.pop(name, None)
                else:
                    entry.attrs[name] = old
        elif op is Op.SOFT_DELETED:
            entry.deleted = None
        elif op is Op.RESTORED:
            entry.deleted = detail
        elif op is Op.MANAGER:
            entry.manager = detail
        else:
            self._undo_edge(entry, detail[0], detail[2])

    def _undo_edge(self, group: Entry, member_id: str, edge: int) -> None:
        if group.members is None or edge == 0:
            return
        if edge > 0:
            group.members.pop(member_id, None)
        else:
            _put_back(group, member_id, -edge)

    def _revive(self, before: Entry, edges: dict[str, int]) -> None:
        self._then.objects[before.id] = before.copy()
        self._owned.add(before.id)
        for group_id, edge in edges.items():
            if group_id in self._then.objects:
                _put_back(self._own(group_id), before.id, edge)

    def _own(self, object_id: str) -> Entry:
        """Copy an entry before it is changed for the first time."""
        if object_id not in self._owned:
            self._owned.add(object_id)
            self._then.objects[object_id] = self._then.objects[object_id].copy()
        return self._then.objects[object_id]


def _put_back(group: Entry, member_id: str, edge: int) -> None:
    """Give a group an edge back, in its old place: edges are in ascending order."""
    members = {**(group.members or {}), member_id: edge}
    group.members = dict(sorted(members.items(), key=lambda item: item[1]))
