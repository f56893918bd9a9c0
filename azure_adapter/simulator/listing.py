"""Plain reads: collections with paging, single objects, members, deleted items, organization.

Sources: Microsoft Graph: List users, Get user, List groups, Get group, List group members, List
group transitive members, List deletedItems, List organization, paging, advanced queries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

from azure_adapter.simulator.filters import Filter, FilterError, parse_filter
from azure_adapter.simulator.model import Entry
from azure_adapter.simulator.permissions import DELETED_READERS, READERS
from azure_adapter.simulator.properties import ALWAYS_COLLECTIONS, DEFAULTS, unknown_properties
from azure_adapter.simulator.replies import (
    GraphError,
    GraphRequest,
    Reply,
    bad_request,
    not_found,
)
from azure_adapter.simulator.tokens import BadTokenError, seal, unseal

_MAX_TOP: Final = 999
_EXPANDED: Final = 20
_UNSUPPORTED: Final = ("$orderby", "$search", "$skip")
_Item = TypeVar("_Item")


def list_objects(request: GraphRequest, kind: str) -> Reply:
    """Answer ``GET /users`` and ``GET /groups``."""
    names = selection(request, kind)
    matching = _matching(request, kind)
    expanded = _expansion(request, kind)
    return _paged(
        request,
        f"{kind}s{_selected(names, expanded)}",
        matching.source,
        matching.wanted,
        lambda entry: _expand(request, entry, render(entry, names or DEFAULTS[kind]), expanded),
    )


def count_objects(request: GraphRequest, kind: str) -> Reply:
    """Answer ``GET /users/$count`` and ``GET /groups/$count``: a number in plain text."""
    if not _eventual(request):
        raise GraphError(
            400,
            "Request_UnsupportedQuery",
            "$count is not currently supported without the header ConsistencyLevel: eventual.",
        )
    matching = _matching(request, kind)
    return Reply(200, str(sum(1 for one in matching.source if matching.wanted(one) is not None)))


def get_object(request: GraphRequest, kind: str, key: str) -> Reply:
    """Answer ``GET /users/{id | userPrincipalName}`` and ``GET /groups/{id}``."""
    entry = find_live(request, kind, key)
    names, expanded = selection(request, kind), _expansion(request, kind)
    context = f"{request.base}/$metadata#{kind}s{_selected(names, expanded)}/$entity"
    item = _expand(request, entry, render(entry, names or DEFAULTS[kind]), expanded)
    return Reply(200, {"@odata.context": context, **item})


def get_manager(request: GraphRequest, key: str) -> Reply:
    """Answer ``GET /users/{id}/manager``: 404 when there is none or it is deleted."""
    manager = request.directory.find_user(find_live(request, "user", key).manager or "")
    if manager is None:
        raise not_found("manager")
    names = selection(request, "user") or DEFAULTS["user"]
    context = f"{request.base}/$metadata#directoryObjects/$entity"
    body = {"@odata.context": context, "@odata.type": manager.odata_type}
    return Reply(200, {**body, **render(manager, names)})


def list_members(request: GraphRequest, group_id: str, *, transitive: bool) -> Reply:
    """Answer ``GET /groups/{id}/members`` and ``/transitiveMembers``.

    Soft-deleted members and service principals do not come (v1.0); members of a
    hidden-membership group come silently empty without ``Member.Read.Hidden``.
    """
    group = find_live(request, "group", group_id)
    names = _raw_select(request)
    members = _transitive(request, group) if transitive else _direct(request, group)
    return _paged(
        request,
        f"directoryObjects{_selected(names)}",
        members,
        lambda member: None if member.kind == "servicePrincipal" else member,
        lambda member: _render_member(request, member, names),
    )


def list_deleted(request: GraphRequest, kind: str) -> Reply:
    """Answer ``GET /directory/deletedItems/microsoft.graph.{user|group}``."""
    names = selection(request, kind)
    shown = names or (*DEFAULTS[kind], "deletedDateTime")
    return _paged(
        request,
        f"{kind}s{_selected(names)}",
        request.directory.deleted(kind),
        lambda entry: entry,
        lambda entry: render(entry, shown),
    )


def get_deleted(request: GraphRequest, object_id: str) -> Reply:
    """Answer ``GET /directory/deletedItems/{id}``."""
    entry = request.directory.get(object_id)
    if entry is None or entry.deleted is None:
        raise not_found(object_id)
    request.require(DELETED_READERS[entry.kind])
    names = selection(request, entry.kind) or (*DEFAULTS[entry.kind], "deletedDateTime")
    context = f"{request.base}/$metadata#directoryObjects/$entity"
    body = {"@odata.context": context, "@odata.type": entry.odata_type}
    return Reply(200, {**body, **render(entry, names)})


def find_live(request: GraphRequest, kind: str, key: str) -> Entry:
    """Find a live object by id (users also by userPrincipalName) or answer 404."""
    directory = request.directory
    entry = directory.find_user(key) if kind == "user" else directory.get(key)
    if entry is None or entry.kind != kind or entry.deleted is not None:
        raise not_found(key)
    return entry


def selection(request: GraphRequest, kind: str) -> tuple[str, ...] | None:
    """Read ``$select``; None when absent, 400 for a property that the type does not have."""
    names = _raw_select(request)
    unknown = unknown_properties(kind, names or ())
    if unknown:
        raise bad_request(
            "Parsing OData Select and Expand failed: Could not find a property named "
            f"'{unknown[0]}' on type 'microsoft.graph.{kind}'."
        )
    return names


def render(entry: Entry, names: Iterable[str]) -> dict[str, Any]:
    """Show properties as a plain read does: what was never set comes as null or ``[]``."""
    item: dict[str, Any] = {"id": entry.id}
    for name in names:
        if name not in item:
            item[name] = entry.attrs.get(name, [] if name in ALWAYS_COLLECTIONS else None)
    if entry.deleted is not None:
        _render_deleted(entry, item)
    return item


def _render_deleted(entry: Entry, item: dict[str, Any]) -> None:
    if "deletedDateTime" in item:
        when = datetime.fromtimestamp(entry.deleted or 0, UTC)
        item["deletedDateTime"] = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    if "userPrincipalName" in item:
        item["userPrincipalName"] = entry.id.replace("-", "") + item["userPrincipalName"]


def _raw_select(request: GraphRequest) -> tuple[str, ...] | None:
    text = request.params.get("$select")
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    return names or None


def _selected(names: tuple[str, ...] | None, expanded: str | None = None) -> str:
    shown = [*(names or ()), *([f"{expanded}()"] if expanded else ())]
    return f"({','.join(shown)})" if shown else ""


@dataclass(frozen=True, slots=True)
class _Matching:
    """Ids to look at, and what makes an entry of one, or None when it does not fit."""

    source: Sequence[str]
    wanted: Callable[[str], Entry | None]


def _matching(request: GraphRequest, kind: str) -> _Matching:
    directory, asked = request.directory, _filter(request, kind)

    def wanted(object_id: str) -> Entry | None:
        entry = directory.get(object_id)
        return entry if entry and entry.deleted is None and asked.test(entry) else None

    source: Sequence[str] = directory.ids_of(kind)
    if asked.ids is not None:
        source = [one for one in sorted(asked.ids) if _is(directory.get(one), kind)]
    elif asked.upns is not None:
        found = (directory.find_user(one) for one in sorted(asked.upns))
        source = [entry.id for entry in found if entry is not None]
    return _Matching(source, wanted)


def _is(entry: Entry | None, kind: str) -> bool:
    return entry is not None and entry.kind == kind


def _filter(request: GraphRequest, kind: str) -> Filter:
    for name in _UNSUPPORTED:
        if name in request.params:
            raise GraphError(400, "Request_UnsupportedQuery", f"{name} is not supported here.")
    text = request.params.get("$filter")
    if text is None:
        return Filter(lambda _entry: True)
    try:
        asked = parse_filter(text, kind)
    except FilterError as error:
        raise GraphError(400, "Request_UnsupportedQuery", str(error)) from error
    if asked.advanced and not (_eventual(request) and _counts(request)):
        raise GraphError(
            400,
            "Request_UnsupportedQuery",
            "Operator or property is supported only with the header ConsistencyLevel: eventual "
            "and $count=true.",
        )
    return asked


def _expansion(request: GraphRequest, kind: str) -> str | None:
    """Read ``$expand``: one relation, of which at most 20 objects come."""
    asked = request.params.get("$expand")
    if asked is None:
        return None
    name = asked.partition("(")[0].strip()
    if name != {"user": "manager", "group": "members"}[kind]:
        raise bad_request(f"Parsing OData Select and Expand failed: cannot expand '{name}'.")
    return name


def _expand(
    request: GraphRequest, entry: Entry, item: dict[str, Any], relation: str | None
) -> dict[str, Any]:
    if relation == "members":
        members = _direct(request, entry)[:_EXPANDED]
        item["members"] = [_render_member(request, member, None) for member in members]
    elif relation == "manager" and entry.manager is not None:
        manager = request.directory.find_user(entry.manager)
        if manager is not None:
            item["manager"] = _render_member(request, manager, None)
    return item


def _direct(request: GraphRequest, group: Entry) -> list[Entry]:
    hidden = group.attrs.get("visibility") == "HiddenMembership"
    if hidden and not request.sees_hidden():
        return []
    found = (request.directory.objects[member_id] for member_id in group.members or ())
    return [member for member in found if member.deleted is None]


def _transitive(request: GraphRequest, group: Entry) -> list[Entry]:
    seen: dict[str, Entry] = {}
    waiting = [group]
    while waiting:
        for member in _direct(request, waiting.pop()):
            if member.id in seen or member.id == group.id:
                continue
            seen[member.id] = member
            if member.kind == "group":
                waiting.append(member)
    return list(seen.values())


def _render_member(
    request: GraphRequest, member: Entry, names: tuple[str, ...] | None
) -> dict[str, Any]:
    wanted = names or DEFAULTS[member.kind]
    item: dict[str, Any] = {"@odata.type": member.odata_type}
    known = [name for name in wanted if not unknown_properties(member.kind, (name,))]
    item.update(render(member, known))
    if not _readable(request, member.kind):
        item.update({name: None for name in known if name != "id"})
    return item


def _readable(request: GraphRequest, kind: str) -> bool:
    return not request.roles.isdisjoint(READERS[kind])


def _paged(
    request: GraphRequest,
    context: str,
    source: Sequence[_Item],
    wanted: Callable[[_Item], Entry | None],
    shown: Callable[[Entry], dict[str, Any]],
) -> Reply:
    """Cut one page out of a source; the skip token holds where in it the next one starts."""
    size, start = _page_size(request), _start(request)
    counted = _counts(request) and _eventual(request)
    body: dict[str, Any] = {"@odata.context": f"{request.base}/$metadata#{context}"}
    if counted and not start:
        body["@odata.count"] = sum(1 for item in source if wanted(item) is not None)
    found: list[Entry] = []
    for index in range(start, len(source)):
        entry = wanted(source[index])
        if entry is None:
            continue
        if len(found) == size:
            body["@odata.nextLink"] = _next_link(request, index, counted)
            break
        found.append(entry)
    body["value"] = [shown(entry) for entry in found]
    return Reply(200, body)


def _counts(request: GraphRequest) -> bool:
    return request.params.get("$count", "").lower() == "true"


def _eventual(request: GraphRequest) -> bool:
    return request.headers.get("consistencylevel", "").lower() == "eventual"


def _page_size(request: GraphRequest) -> int:
    text = request.params.get("$top")
    if text is None:
        return request.simulator.settings.list_page_size
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_TOP:
        raise GraphError(
            400,
            "Request_UnsupportedQuery",
            f"Invalid page size specified: '{text}'. Must be between 1 and {_MAX_TOP} inclusive.",
        )
    return int(text)


def _start(request: GraphRequest) -> int:
    token = request.params.get("$skiptoken")
    if not token:
        return 0
    try:
        state = unseal(token)
    except BadTokenError as error:
        raise bad_request("Badly formed token.") from error
    if state.get("eventual") and not _eventual(request):
        raise GraphError(
            400, "Directory_ExpiredPageToken", "The specified page token value has expired."
        )
    if state.get("path") != list(request.segments):
        raise bad_request("Badly formed token.")
    return int(state["start"])


def _next_link(request: GraphRequest, start: int, eventual: bool) -> str:
    token = seal({"path": list(request.segments), "start": start, "eventual": eventual})
    kept = {name: value for name, value in request.params.items() if name != "$skiptoken"}
    query = "&".join(f"{name}={quote(value, safe=',')}" for name, value in kept.items())
    path = "/".join(quote(segment) for segment in request.segments)
    return f"{request.base}/{path}?{query}{'&' if query else ''}$skiptoken={token}"
