"""Delta queries over users and groups: rounds, pages, tokens.

A chain begins at a position of the directory's change log. An initial round walks the objects in
order of creation and ends with a delta token of the position at which it *began*, so that what
changes meanwhile is told by the next round; a delta round folds the window between its token's
position and the present. Tokens hold everything else a page needs. Sources: Microsoft Graph:
delta query overview, "user: delta", "group: delta".
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import quote

from azure_adapter.simulator.delta_query import DeltaQuery, parse_query, resume, token_of
from azure_adapter.simulator.model import Entry, Folded, fold, odata_type
from azure_adapter.simulator.properties import ALWAYS_COLLECTIONS, KNOWN
from azure_adapter.simulator.replies import GraphRequest, Reply

Page = tuple[list[dict[str, Any]], DeltaQuery | None]


def answer_delta(request: GraphRequest, kind: str) -> Reply:
    """Answer ``GET /{users|groups}/delta``.

    Args:
        request: The request, with its options or a token.
        kind: ``user`` or ``group``.

    Returns:
        A page with either ``@odata.nextLink`` or ``@odata.deltaLink``.

    Raises:
        GraphError: 400 for what delta queries do not support, 400 or 410 for expired tokens.
    """
    query = resume(request, kind) or parse_query(request, kind)
    items, following = _page(request, query)
    body: dict[str, Any] = {"@odata.context": _context(request, query)}
    body.update(_link(request, query, following))
    body["value"] = items
    return Reply(200, body)


def _page(request: GraphRequest, query: DeltaQuery) -> Page:
    """Build a page, with the variations that concern a page as a whole."""
    settings = request.simulator.settings
    if query.finished:
        return [], None
    if query.blank:
        return [], replace(query, blank=False)
    page = _Page(request, query)
    items, following = page.initial() if query.since is None else page.changes()
    if settings.duplicates and items:
        items.append(items[0])
    if settings.empty_pages and following is not None:
        following = replace(following, blank=True)
    return items, following


def _context(request: GraphRequest, query: DeltaQuery) -> str:
    selected = f"({','.join(query.select)})" if query.select is not None else ""
    return f"{request.base}/$metadata#{query.kind}s{selected}"


def _link(request: GraphRequest, query: DeltaQuery, following: DeltaQuery | None) -> dict[str, str]:
    base = f"{request.base}/{query.kind}s/delta"
    if following is not None:
        token = token_of(following, request.directory)
        return {"@odata.nextLink": f"{base}?$skiptoken={quote(token)}"}
    token = token_of(query.next_round(), request.directory)
    return {"@odata.deltaLink": f"{base}?$deltatoken={quote(token)}"}


@dataclass(slots=True)
class _Page:
    """Builds one page; ``links`` counts the member links still allowed on it."""

    request: GraphRequest
    query: DeltaQuery
    links: int = 0

    def __post_init__(self) -> None:
        self.links = self.request.simulator.settings.link_limit

    def initial(self) -> Page:
        """Build a page of an initial round."""
        query, items = self.query, list[dict[str, Any]]()
        order = self.request.directory.ids_of(query.kind)
        index, edge, turn = query.index, query.offset, query.turn
        while turn < self._turns():
            while index < query.bound:
                if self._full(items):
                    return items, replace(query, index=index, offset=edge, turn=turn)
                edge = self._tell_initial(items, order[index], edge, turn)
                if edge:
                    return items, replace(query, index=index, offset=edge, turn=turn)
                index += 1
            index, turn = 0, turn + 1
        return items, None

    def changes(self) -> Page:
        """Build a page of a delta round."""
        query, items = self.query, list[dict[str, Any]]()
        changed = self._folded()
        index, offset = query.index, query.offset
        while index < len(changed):
            if self._full(items):
                return items, replace(query, index=index, offset=offset)
            offset = self._tell_change(items, *changed[index], offset)
            if offset:
                return items, replace(query, index=index, offset=offset)
            index += 1
        return items, None

    def _turns(self) -> int:
        return self.query.scatter if self.query.tracks("members") else 1

    def _full(self, items: list[dict[str, Any]]) -> bool:
        return len(items) >= self.request.simulator.settings.page_size or self.links <= 0

    def _folded(self) -> list[tuple[str, Folded]]:
        query, directory = self.query, self.request.directory
        start, end = query.since or 0, query.until
        return self.request.simulator.round(
            (directory.tenant_id, query.kind, start, end),
            lambda: fold(directory.changes_between(start, end), query.kind),
        )

    def _tell_initial(
        self, items: list[dict[str, Any]], object_id: str, edge: int, turn: int
    ) -> int:
        """Append one object of an initial round; return the edge to go on after, or 0."""
        if not self._wanted(object_id):
            return 0
        entry, settings = self.request.directory.get(object_id), self.request.simulator.settings
        if entry is None or entry.deleted is not None:
            purged, soft = settings.initial_contains_purged, settings.initial_contains_deleted
            if (purged if entry is None else soft) and turn == 0:
                items.append(self._removed(object_id, entry))
            return 0
        members, rest = self._initial_members(entry, edge, turn)
        if not members and (turn or edge):
            return 0
        item = self._properties(entry)
        if members:
            item["members@delta"] = members
        if self.query.tracks("manager") and entry.manager is not None:
            item["manager@delta"] = [_related("user", entry.manager)]
        items.append(item)
        return rest

    def _initial_members(
        self, entry: Entry, edge: int, turn: int
    ) -> tuple[list[dict[str, Any]], int]:
        """List members after an edge; and the last edge told when the page is full, or 0."""
        if not entry.members or not self._tells_members(entry):
            return [], 0
        edges = list(entry.members.values())
        told, last = list[dict[str, Any]](), edge
        start = bisect_right(edges, edge)
        turns = self._turns()
        for member_id, number in islice(entry.members.items(), start, None):
            if number % turns != turn or self._left(member_id):
                continue
            if self.links <= 0:
                return told, last
            told.append(self._member(member_id))
            self.links -= 1
            last = number
        return told, 0

    def _tell_change(
        self, items: list[dict[str, Any]], object_id: str, summary: Folded, offset: int
    ) -> int:
        """Append one changed object; return the number of members told so far, or 0."""
        if not self._wanted(object_id):
            return 0
        entry = self.request.directory.get(object_id)
        if entry is None or entry.deleted is not None:
            items.append(self._removed(object_id, entry))
            return 0
        members, rest = self._changed_members(entry, summary, offset)
        managers = self._changed_manager(entry, summary)
        names = summary.properties.intersection(self.query.names)
        changed = summary.properties if self.query.select is None else names
        if not (summary.lifecycle or members or managers or changed):
            return 0
        item = self._properties(entry, None if self._in_full(summary) else names)
        if members:
            item["members@delta"] = members
        if managers:
            item["manager@delta"] = managers
        items.append(item)
        return rest

    def _in_full(self, summary: Folded) -> bool:
        return summary.whole or not self.query.minimal(self.request)

    def _changed_members(
        self, entry: Entry, summary: Folded, offset: int
    ) -> tuple[list[dict[str, Any]], int]:
        if not summary.members or entry.members is None or not self._tells_members(entry):
            return [], 0
        end = offset + self.links
        told = [
            _related(kind, one, gone=one not in entry.members or self._left(one))
            for one, kind in islice(summary.members.items(), offset, end)
        ]
        self.links -= len(told)
        return told, end if end < len(summary.members) else 0

    def _changed_manager(self, entry: Entry, summary: Folded) -> list[dict[str, Any]]:
        if not summary.manager_changed or not self.query.tracks("manager"):
            return []
        former = dict.fromkeys(one for one in summary.managers if one != entry.manager)
        told = [_related("user", manager_id, gone=True) for manager_id in former]
        if entry.manager is not None:
            told.append(_related("user", entry.manager))
        return told

    def _properties(self, entry: Entry, only: set[str] | None = None) -> dict[str, Any]:
        attrs = entry.attrs
        item = {
            name: attrs[name]
            for name in self.query.names
            if name in attrs and (only is None or name in only)
        }
        if only is None and self.request.simulator.settings.never_set_is_null:
            for name in self.query.names:
                if name in KNOWN[entry.kind]:
                    item.setdefault(name, [] if name in ALWAYS_COLLECTIONS else None)
        item["id"] = entry.id
        return item

    def _removed(self, object_id: str, entry: Entry | None) -> dict[str, Any]:
        reason = self.request.simulator.settings.group_reason
        if self.query.kind != "group" or reason == "documented":
            return removed(object_id, "deleted" if entry is None else "changed")
        return removed(object_id, reason)

    def _left(self, member_id: str) -> bool:
        """Say whether a member counts as gone because it was deleted softly."""
        directory = self.request.directory
        if not directory.soft_delete_tells_groups:
            return False
        member = directory.get(member_id)
        return member is not None and member.kind == "user" and member.deleted is not None

    def _member(self, member_id: str) -> dict[str, Any]:
        return _related(self.request.directory.objects[member_id].kind, member_id)

    def _tells_members(self, entry: Entry) -> bool:
        if not self.query.tracks("members"):
            return False
        hidden = entry.attrs.get("visibility") == "HiddenMembership"
        return not hidden or self.request.sees_hidden()

    def _wanted(self, object_id: str) -> bool:
        return self.query.ids is None or object_id in self.query.ids


def removed(object_id: str, reason: str) -> dict[str, Any]:
    """Build a removal entry. Source: Microsoft Graph: delta query overview.

    Args:
        object_id: Id of the removed object.
        reason: ``changed`` (restorable) or ``deleted`` (for good).
    """
    return {"id": object_id, "@removed": {"reason": reason}}


def _related(kind: str, object_id: str, *, gone: bool = False) -> dict[str, Any]:
    entry: dict[str, Any] = {"@odata.type": odata_type(kind), "id": object_id}
    if gone:
        entry["@removed"] = {"reason": "deleted"}
    return entry
