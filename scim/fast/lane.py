"""The read lane: which requests it takes, and how it answers them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, NamedTuple, cast

from scim2_models import ResourceType, ResponseParameters, SCIMException, SearchRequest
from scim2_server.conditions import Conditions
from scim2_server.requests import ScimRequest
from scim2_server.routing import RESERVED_NAMES

from scim.caller import READ, Caller
from scim.dialects import mend
from scim.fast.kept import Kept
from scim.fast.literals import is_address, sample, taken_apart
from scim.fast.patching import PlainPatches
from scim.fast.ports import FastReader, SearchPlan, Shows, StoredRow, TooSlow
from scim.fast.splice import Splicer
from scim.fast.views import View
from scim.service import GatewayService

KEPT_PLANS = 4_096
KEPT_VIEWS = 1_024
LONGEST_KEY = 4_096
"""Characters of the parameters of a search that is remembered."""

PAGING = ("startIndex", "count")
SEARCHED = ("filter", "sortBy", "sortOrder", "attributes", "excludedAttributes")
HIGHEST = 10**9
LIST_HEAD = '{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":'


class FastAnswer(NamedTuple):
    """An answer that is ready to be sent."""

    status: HTTPStatus
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class PointView:
    """What a read of one resource shows."""

    view: View
    shows: Shows
    parameters: ResponseParameters[Any]


@dataclass(frozen=True, slots=True)
class ListView:
    """A search that was prepared, and what its answer shows, by resource type.

    Attributes:
        plan: how it is run.
        views: what is shown, by resource type.
        count: the size of a page that is asked for without one.
        addresses: its literals have to be e-mail addresses.
    """

    plan: SearchPlan
    views: Mapping[str, View]
    count: int | None
    addresses: bool = False


class FastLane:
    """Answers reads from stored documents.

    Args:
        service: whose answers these are; it validates, and says what is wrong.
        reader: reads stored rows.
    """

    def __init__(self, service: GatewayService, reader: FastReader) -> None:
        self._service = service
        self._reader = reader
        self._versioned = service.etag_supported
        self._types: dict[str, ResourceType] = {}
        endpoints = {}
        for each in service.provider.resource_types:
            endpoint = service.endpoint_of(each)
            endpoints[str(each.name)] = endpoint
            self._types.setdefault(endpoint.casefold(), each)
        self._splicers = {
            str(each.name): Splicer(service, each, endpoints)
            for each in service.provider.resource_types
        }
        self._points: Kept[tuple[Any, ...], PointView] = Kept(KEPT_VIEWS)
        self._lists: Kept[tuple[Any, ...], ListView] = Kept(KEPT_PLANS)
        self._patches = {
            name: PlainPatches(service.get_model(each))
            for name, each in self._types.items()
            if "members" not in service.get_model(each).model_fields
        }
        self._plain = {name: self._point_view(each, {}) for name, each in self._types.items()}
        largest: SearchRequest[Any] = SearchRequest(count=HIGHEST)
        service._bound_count(largest)
        self._most = largest.count or HIGHEST

    async def answer(self, request: ScimRequest, caller: Caller) -> FastAnswer | None:
        """Answer a request, or return ``None`` for the protocol engine to do it."""
        if READ not in caller.scopes or not self._versioned:
            return None
        try:
            return await self._answer(request, caller)
        except SCIMException:
            return None

    @property
    def immediate(self) -> bool:
        """Whether reads can be tried without waiting."""
        return self._reader.immediate

    def answer_now(self, request: ScimRequest, caller: Caller) -> FastAnswer | None:
        """Answer as :meth:`answer` does, or return ``None`` where that would have to wait."""
        with self._reader.impatient():
            steps = self.answer(request, caller)
            try:
                steps.send(None)
            except StopIteration as done:
                return cast(FastAnswer | None, done.value)
            except TooSlow:
                return None
            steps.close()
            return None

    async def _answer(self, request: ScimRequest, caller: Caller) -> FastAnswer | None:
        segments = request.path.strip("/").split("/")
        if request.method == "GET":
            if len(segments) == 2 and segments[0] not in RESERVED_NAMES:
                return await self._point(request, caller, *segments)
            if len(segments) == 1 and segments[0] not in RESERVED_NAMES:
                return await self._search(request, caller, segments[0])
        elif request.method == "POST" and segments[-1] == ".search" and len(segments) <= 2:
            return await self._search_with_body(request, caller, segments[0])
        return None

    # -- one resource ----------------------------------------------------------

    async def _point(
        self, request: ScimRequest, caller: Caller, endpoint: str, resource_id: str
    ) -> FastAnswer | None:
        name = endpoint.casefold()
        resource_type = self._types.get(name)
        if resource_type is None or resource_id == ".search":
            return None
        wanted = self._plain[name]
        if request.query:
            wanted = self.asked(resource_type, request)
        type_name = str(resource_type.name)
        row = await self._reader.point(caller, type_name, resource_id, wanted.shows)
        if row is None:
            return None
        base_url = request.base_url.rstrip("/")
        text, location, tag = self._splicers[type_name].render(
            row, wanted.view, base_url, tagged=True
        )
        return self._conditional(request, text, location, tag)

    def _conditional(
        self, request: ScimRequest, text: str, location: str, tag: str
    ) -> FastAnswer | None:
        """Return the answer, 304 if the client has it already."""
        if request.headers:
            conditions = self._service.read_conditions(request)
            if conditions.if_match:
                return None
            if not Conditions(if_none_match=conditions.if_none_match).check(tag, "GET"):
                return FastAnswer(HTTPStatus.NOT_MODIFIED, {"ETag": tag}, b"")
        headers = {"Content-Location": location, "ETag": tag}
        return FastAnswer(HTTPStatus.OK, headers, text.encode())

    def plain(self, endpoint: str) -> tuple[ResourceType, PointView, PlainPatches | None] | None:
        """Return the resource type of an endpoint, what a plain answer shows, and plain PATCHes."""
        name = endpoint.casefold()
        found = self._types.get(name)
        if found is None or not self._versioned:
            return None
        return found, self._plain[name], self._patches.get(name)

    def asked(self, resource_type: ResourceType, request: ScimRequest) -> PointView:
        """Return the view of the parameters of a read, remembered by their text."""
        query = request.query
        if not query:
            return self._plain[self._service.endpoint_of(resource_type).casefold()]
        key = (resource_type.name, query.get("attributes"), query.get("excludedAttributes"))
        found = self._points.get(key)
        if found is None:
            found = self._point_view(resource_type, mend(request, self._service.shapes).query)
            if sum(map(len, filter(None, key))) <= LONGEST_KEY:
                self._points.keep(key, found)
        return found

    def written(
        self, request: ScimRequest, row: StoredRow, view: View, status: HTTPStatus
    ) -> FastAnswer:
        """Answer a write with the resource that it stored."""
        base_url = request.base_url.rstrip("/")
        text, location, _ = self._splicers[row.type].render(row, view, base_url)
        headers = {"Content-Location": location, "ETag": f'W/"{row.version}"'}
        if status is HTTPStatus.CREATED:
            headers["Location"] = location
        return FastAnswer(status, headers, text.encode())

    def _point_view(self, resource_type: ResourceType, query: Mapping[str, str]) -> PointView:
        with self._service.provider:
            parameters = self._service.read_response_parameters(resource_type, query)
            view = self._splicers[str(resource_type.name)].view(parameters, listed=False)
            shows = self._reader.shows([resource_type], parameters)
            return PointView(view, shows, parameters)

    # -- searches --------------------------------------------------------------

    def _searched(self, endpoint: str) -> list[ResourceType] | None:
        if endpoint in ("", ".search"):
            return list(self._service.provider.resource_types)
        found = self._types.get(endpoint.casefold())
        return None if found is None else [found]

    async def _search(
        self, request: ScimRequest, caller: Caller, endpoint: str
    ) -> FastAnswer | None:
        types = self._searched(endpoint)
        query = request.query
        if types is None or endpoint == ".search":
            return None
        if "cursor" in query:
            mended = mend(request, self._service.shapes).query
            with self._service.provider:
                search, position = self._service.read_search_query(types, mended)
            return await self._found(request, caller, types, search, position)
        start, count = _number(query, "startIndex"), _number(query, "count")
        if (start is None and "startIndex" in query) or (count is None and "count" in query):
            return None
        shape, literals = taken_apart(query.get("filter", ""))
        key = (
            endpoint,
            caller.workspace_id,
            caller.source,
            caller.profile,
            shape,
            *map(query.get, SEARCHED[1:]),
            "filter" in query,
        )
        prepared = self._lists.get(key)
        if prepared is None:
            prepared, literals = self._prepare(request, caller, types, shape, literals)
            if len(repr(key)) <= LONGEST_KEY and (literals or len(shape) == 1):
                self._lists.keep(key, prepared)
        if prepared.addresses and not all(map(is_address, literals)):
            return None
        start = max(1, start or 1)
        wanted = prepared.count if count is None else min(max(0, count), self._most)
        page = await prepared.plan.page(literals, start - 1, wanted)
        if page is None:
            return None
        return self._listed(request, prepared.views, page[0], page[1], f'"startIndex":{start},')

    def _prepare(
        self,
        request: ScimRequest,
        caller: Caller,
        types: list[ResourceType],
        shape: tuple[str, ...],
        literals: tuple[str, ...],
    ) -> tuple[ListView, tuple[str, ...]]:
        """Prepare a search for all filters of a shape, or where that fails for this one."""
        query = {name: value for name, value in request.query.items() if name not in PAGING}
        for addresses in (False, True) if literals else ():
            text, strings = sample(shape, addresses=addresses)
            try:
                view = self._list_view(request, caller, types, {**query, "filter": text}, strings)
            except SCIMException:
                continue
            if view.plan.fits:
                return replace(view, addresses=addresses), literals
        return self._list_view(request, caller, types, query, ()), ()

    def _list_view(
        self,
        request: ScimRequest,
        caller: Caller,
        types: list[ResourceType],
        query: Mapping[str, str],
        literals: tuple[str, ...],
    ) -> ListView:
        asked = ScimRequest("GET", request.base_url, request.path, query, subject=caller)
        with self._service.provider:
            search, _ = self._service.read_search_query(
                types, mend(asked, self._service.shapes).query
            )
            plan = self._reader.plan(caller, types, search, literals)
            return ListView(plan, self._views(types, search), search.count)

    def _views(
        self, types: list[ResourceType], parameters: ResponseParameters[Any]
    ) -> dict[str, View]:
        names = [str(each.name) for each in types]
        return {name: self._splicers[name].view(parameters, listed=True) for name in names}

    async def _search_with_body(
        self, request: ScimRequest, caller: Caller, endpoint: str
    ) -> FastAnswer | None:
        types = self._searched(endpoint)
        if types is None:
            return None
        self._service.check_body(request)
        body = mend(request, self._service.shapes).body
        with self._service.provider:
            search, position = self._service.read_search_body(
                types, body, request.header("Content-Type")
            )
        return await self._found(request, caller, types, search, position)

    async def _found(
        self,
        request: ScimRequest,
        caller: Caller,
        types: list[ResourceType],
        search: SearchRequest[Any],
        position: Any,
    ) -> FastAnswer | None:
        """Answer a search that was read by the service."""
        with self._service.provider:
            plan = self._reader.plan(caller, types, search)
            views = self._views(types, search)
            if search.cursor is None:
                start = search.start_index or 1
                page = await plan.page((), start - 1, search.count)
                if page is None:
                    return None
                return self._listed(request, views, *page, f'"startIndex":{start},')
            total, rows, following, previous = await plan.cursor_page(position)
            told = ""
            for name, place in (("nextCursor", following), ("previousCursor", previous)):
                sealed = self._service._seal(types, search, place) if search.count else None
                if sealed is not None:
                    told += f'"{name}":"{sealed}",'
            return self._listed(request, views, total, rows, told)

    def _listed(
        self,
        request: ScimRequest,
        views: Mapping[str, View],
        total: int,
        rows: list[StoredRow],
        told: str,
    ) -> FastAnswer:
        base_url = request.base_url.rstrip("/")
        texts = [self._splicers[r.type].render(r, views[r.type], base_url).text for r in rows]
        body = (
            f'{LIST_HEAD}{total},{told}"itemsPerPage":{len(texts)},'
            f'"Resources":[{",".join(texts)}]}}'
        )
        return FastAnswer(HTTPStatus.OK, {}, body.encode())


def _number(query: Mapping[str, str], name: str) -> int | None:
    """Return a parameter that is plainly a number."""
    text = query.get(name)
    if text is None or len(text) > 9 or not text.isascii():
        return None
    digits = text[1:] if text.startswith("-") else text
    return int(text) if digits.isdigit() else None
