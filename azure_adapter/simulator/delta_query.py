"""What a delta request asks for: options of a first request, or the state inside a token.

Source: Microsoft Graph: delta query overview (optional query parameters, expiry of tokens).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.properties import DEFAULTS, DELTA_RELATIONS, KNOWN
from azure_adapter.simulator.replies import GraphError, GraphRequest, bad_request
from azure_adapter.simulator.tokens import BadTokenError, seal, unseal

_PREFIX: Final = "Invalid request for delta query: "
_UNSUPPORTED: Final = ("$orderby", "$search", "$top", "$skip", "$count")
_ID_TERM: Final = re.compile(r"^\s*id\s+eq\s+'([^']*)'\s*$", re.IGNORECASE)
_FILTER_LIMIT: Final = 50


@dataclass(frozen=True, slots=True)
class DeltaQuery:
    """One point of a delta chain.

    Attributes:
        kind: ``user`` or ``group``.
        select: Names of ``$select``; None when there was none.
        ids: Object ids of ``$filter``; None when there was none.
        since: Position the round starts from; None in an initial round.
        until: Position the next round starts from.
        bound: Initial rounds: how many objects existed when it began.
        index: Next object of the round.
        offset: Where to go on inside that object's members; 0 at their beginning.
        turn: Initial rounds: which pass over the memberships this is.
        scatter: Initial rounds: how many passes there are.
        blank: The next page is an empty one in between.
        finished: A question that has no data (``$deltatoken=latest``).
    """

    kind: str
    select: tuple[str, ...] | None
    ids: frozenset[str] | None
    since: int | None
    until: int
    bound: int = 0
    index: int = 0
    offset: int = 0
    turn: int = 0
    scatter: int = 1
    blank: bool = False
    finished: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Property names to tell, relations included."""
        return DEFAULTS[self.kind] if self.select is None else self.select

    def tracks(self, relation: str) -> bool:
        """Say whether a relation is asked for; groups tell members unless ``$select`` omits them.

        Source: Microsoft Graph: "group: delta", example 1.
        """
        if self.select is None:
            return self.kind == "group" and relation == "members"
        return relation in self.select

    def minimal(self, request: GraphRequest) -> bool:
        """Say whether only changed properties are wanted (``Prefer: return=minimal``)."""
        preferences = request.headers.get("prefer", "").lower().replace(" ", "")
        return self.since is not None and "return=minimal" in preferences

    def next_round(self) -> DeltaQuery:
        """Return the query that the delta link of this round stands for."""
        return DeltaQuery(self.kind, self.select, self.ids, self.until, self.until)


def parse_query(request: GraphRequest, kind: str) -> DeltaQuery:
    """Read the options of the first request of a chain.

    Raises:
        GraphError: 400 ``BadRequest`` for anything that delta queries do not support.
    """
    params, directory = request.params, request.directory
    for name in _UNSUPPORTED:
        if name in params:
            raise bad_request(f"{_PREFIX}{name} is not supported.")
    return DeltaQuery(
        kind,
        _parse_select(params.get("$select"), kind),
        _parse_filter(params.get("$filter")),
        since=None,
        until=directory.position,
        bound=len(directory.ids_of(kind)),
        scatter=request.simulator.settings.scatter,
        finished=params.get("$deltatoken", "").lower() == "latest",
    )


def _parse_select(text: str | None, kind: str) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in KNOWN[kind] and name not in DELTA_RELATIONS[kind]:
            raise bad_request(
                f"{_PREFIX}the property '{name}' is not supported on type 'microsoft.graph.{kind}'."
            )
    return names or None


def _parse_filter(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    terms = [_ID_TERM.match(term) for term in re.split(r"\s+or\s+", text, flags=re.IGNORECASE)]
    ids = [term.group(1) for term in terms if term is not None]
    if len(ids) != len(terms):
        raise bad_request(f"{_PREFIX}$filter supports only 'id eq' joined by 'or'.")
    if len(ids) > _FILTER_LIMIT:
        raise bad_request(f"{_PREFIX}$filter supports at most {_FILTER_LIMIT} objects.")
    return frozenset(ids)


def token_of(query: DeltaQuery, directory: Directory) -> str:
    """Seal a point of a chain into an opaque token."""
    return seal(
        {
            "tenant": directory.tenant_id,
            "epoch": directory.delta_epoch,
            "issued": directory.clock(),
            "kind": query.kind,
            "select": query.select,
            "ids": sorted(query.ids) if query.ids is not None else None,
            "at": [
                query.since,
                query.until,
                query.bound,
                query.index,
                query.offset,
                query.turn,
                query.scatter,
                query.blank,
            ],
        }
    )


def resume(request: GraphRequest, kind: str) -> DeltaQuery | None:
    """Read the point of the chain that a request's token names.

    Returns:
        None when the request has no token (or an empty one, or ``latest``): a chain begins.

    Raises:
        GraphError: 400 for a token that was never issued for this collection and tenant, 400 or
            410 for one that expired.
    """
    token = request.params.get("$skiptoken") or request.params.get("$deltatoken")
    if not token or token.lower() == "latest":
        return None
    try:
        state = unseal(token)
    except BadTokenError as error:
        raise bad_request("Badly formed token.") from error
    if state.get("kind") != kind or state.get("tenant") != request.directory.tenant_id:
        raise bad_request("Badly formed token.")
    query = _query_of(state)
    if _expired(state, query, request):
        raise _expiry_error(request, query)
    if query.since is not None and query.since == query.until:
        return _next_window(request, query, query.since)
    return query


def _next_window(request: GraphRequest, query: DeltaQuery, since: int) -> DeltaQuery:
    """Begin a round: up to now, and from a little earlier where replays are played."""
    directory, replay = request.directory, request.simulator.settings.replay
    return replace(
        query,
        since=max(min(directory.oldest_position, since), since - replay),
        until=max(since, directory.position),
    )


def _query_of(state: dict[str, Any]) -> DeltaQuery:
    select, ids = state["select"], state["ids"]
    return DeltaQuery(
        state["kind"],
        tuple(select) if select is not None else None,
        frozenset(ids) if ids is not None else None,
        *state["at"],
    )


def _expired(state: dict[str, Any], query: DeltaQuery, request: GraphRequest) -> bool:
    directory = request.directory
    position = query.until if query.since is None else query.since
    return (
        state["epoch"] != directory.delta_epoch
        or position < directory.oldest_position
        or directory.clock() - state["issued"] > request.simulator.settings.delta_lifetime
    )


def _expiry_error(request: GraphRequest, query: DeltaQuery) -> GraphError:
    """Answer an expired token in the configured form. Source: Microsoft Graph: delta query."""
    form = request.simulator.settings.expiry_form
    text = (
        "The sync state generation is not found. The delta token is expired and data must be "
        "synchronized again."
    )
    if form == "syncStateNotFound":
        return GraphError(400, "syncStateNotFound", text)
    if form == "goneSyncStateNotFound":
        return GraphError(410, "SyncStateNotFound", text)
    if form in ("resyncRequired", "badRequestResyncRequired"):
        status = 410 if form == "resyncRequired" else 400
        return GraphError(status, "resyncRequired", "Resync required.")
    select = f"&$select={quote(','.join(query.select))}" if query.select is not None else ""
    location = f"{request.base}/{query.kind}s/delta?$deltatoken={select}"
    return GraphError(410, "Gone", "The delta token is no longer valid.", {"Location": location})
