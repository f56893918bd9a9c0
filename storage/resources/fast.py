"""The read lane's statements: one for each read, prepared once and run many times."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

import orjson
from scim2_models import (
    ResourceType,
    ResponseParameters,
    ScimProvider,
    SearchRequest,
    default_comparison_key,
)

from scim.caller import Caller
from scim.ezto import EZTO_USER_URN
from scim.fast.ports import Ezto, FastReader, SearchPlan, Shows, StoredRow
from scim.provisioning.keys import comparison_key
from storage.database import Database
from storage.filters.query import SearchQuery
from storage.filters.sql import FALSE, TRUE, Sql
from storage.filters.values import storable
from storage.resources import fast_sql
from storage.resources.documents import Codec
from storage.resources.fast_access import FastAccess, RowAccess, open_access
from storage.resources.reading import Reader, keeps, keeps_extension
from storage.resources.rows import Place
from storage.resources.source_names import STATEMENT, source_names
from storage.resources.sources import ezto_extension
from storage.resources.store import codecs_of


class FastResources(FastReader):
    """Reads the stored resources of every workspace.

    Args:
        database: the open database.
        provider: the schemas and resource types of the service.
    """

    def __init__(self, database: Database, provider: ScimProvider) -> None:
        self._database = database
        self._codecs = codecs_of(provider)
        self._endpoints = {name: codec.endpoint for name, codec in self._codecs.items()}
        self._access = open_access(database)
        self._reading = Reading(database, self._access, self._codecs)
        self._folds = provider.policy.comparison_key is default_comparison_key

    @property
    def immediate(self) -> bool:
        """See :attr:`FastReader.immediate`."""
        return self._access.immediate

    def impatient(self) -> AbstractContextManager[None]:
        """See :meth:`FastReader.impatient`."""
        return self._access.impatient()

    def shows(self, types: list[ResourceType], parameters: ResponseParameters[Any] | None) -> Shows:
        """See :meth:`FastReader.shows`."""
        codecs = [self._codecs[str(each.name)] for each in types]
        return Shows(
            any(c.has_groups and keeps(parameters, c.model, "groups") for c in codecs),
            any(c.has_members and keeps(parameters, c.model, "members") for c in codecs),
            any(c.has_ezto for c in codecs) and keeps_extension(parameters, EZTO_USER_URN),
        )

    async def point(
        self, caller: Caller, type_name: str, resource_id: str, shows: Shows
    ) -> StoredRow | None:
        """See :meth:`FastReader.point`."""
        if not storable(resource_id):
            return None
        source = str(caller.source)
        found = await self._access.rows(
            fast_sql.point(self._database.dialect, shows),
            (
                *fast_sql.parameters(shows, source),
                resource_id,
                caller.workspace_id,
                type_name,
            ),
        )
        if not found:
            return None
        return (await self._reading.stored(found, shows, caller.workspace_id, source))[0]

    def plan(
        self,
        caller: Caller,
        types: list[ResourceType],
        search: SearchRequest[Any],
        literals: tuple[str, ...] = (),
    ) -> SearchPlan:
        """See :meth:`FastReader.plan`."""
        shows = self.shows(types, search)
        place = Place(caller.workspace_id, caller.source, self._endpoints)
        names = list(dict.fromkeys(str(each.name) for each in types))
        query = Reader(place, self._codecs).query(self._database.dialect, names, search)
        query.columns = Sql("r.row_id, r.id")
        slots = literals if self._folds else tuple(each + "\0" for each in literals)
        return Plan(self._database, self._access, self._reading, query, shows, place, slots)


Slot = tuple[int, int, bool]
"""A parameter that a literal goes into: its position, the literal's, and whether it is folded."""


class Plan:
    """One search, prepared.

    Attributes:
        statement: the read of a page; its last two parameters are limit and offset.
        fits: each literal has its places among the parameters.
    """

    def __init__(
        self,
        database: Database,
        access: FastAccess,
        reading: "Reading",
        query: SearchQuery,
        shows: Shows,
        place: Place,
        literals: tuple[str, ...],
    ) -> None:
        self._database = database
        self._access = access
        self._reading = reading
        self._query = query
        self._workspace_id = place.workspace_id
        self._source = str(place.source)
        self._before = fast_sql.parameters(shows, self._source)
        self._shows = shows
        self.statement = self._page_statement(query)
        self._count = Sql(f"SELECT COUNT(*) FROM resource r WHERE {query.condition.text}")
        self._parameters = self.statement.parameters[:-2]
        self._slots = _slots(self._parameters, literals)
        self._count_slots = _slots(query.condition.parameters, literals)
        self._literals = len(literals)
        self.fits = {slot[1] for slot in self._slots} == set(range(len(literals)))

    def _page_statement(self, query: SearchQuery) -> Sql:
        rows = query.statement(TRUE, query.descending, 1, 1)
        way, nulls = ("DESC", "FIRST") if query.descending else ("ASC", "LAST")
        by = f"p.sort_value {way} NULLS {nulls}, " if query.key is not None else ""
        order = f"ORDER BY {by}r.id {way}"
        return fast_sql.page(self._database.dialect, self._shows, rows, order)

    async def page(
        self, literals: tuple[str, ...], start: int, count: int | None
    ) -> tuple[int, list[StoredRow]] | None:
        """See :meth:`SearchPlan.page`."""
        if self._query.condition is FALSE:
            return 0, []
        if count is None or not self.fits or len(literals) != self._literals:
            return None
        rows: list[StoredRow] = []
        if count:
            own = _filled(self._parameters, self._slots, literals)
            found = await self._access.rows(
                self.statement.text, (*self._before, *own, count, start)
            )
            rows = await self._stored(found)
        if (rows or start == 0) and len(rows) < count:
            return start + len(rows), rows
        counted = _filled(self._query.condition.parameters, self._count_slots, literals)
        return await self._access.total(self._count.text, counted), rows

    async def cursor_page(self, position: Any) -> tuple[int, list[StoredRow], Any, Any]:
        """See :meth:`SearchPlan.cursor_page`."""
        page = await self._query.page(self._database.session, position)
        ids = [row["row_id"] for row in page.rows]
        if not ids:
            return page.total, [], page.next, page.previous
        marks = ", ".join("?" * len(ids))
        found = await self._access.rows(
            f"SELECT {fast_sql.columns(self._database.dialect, self._shows)} FROM resource r "
            f"WHERE r.row_id IN ({marks})",
            (*self._before, *ids),
        )
        rows = {row.id: row for row in await self._stored(found)}
        ordered = [rows[each["id"]] for each in page.rows if each["id"] in rows]
        return page.total, ordered, page.next, page.previous

    async def _stored(self, found: Sequence[Sequence[Any]]) -> list[StoredRow]:
        return await self._reading.stored(found, self._shows, self._workspace_id, self._source)


def _slots(parameters: tuple[Any, ...], literals: tuple[str, ...]) -> tuple[Slot, ...]:
    """Return the parameters that hold a literal, as it is or folded."""
    found = []
    for position, parameter in enumerate(parameters):
        for index, literal in enumerate(literals):
            if parameter == literal:
                found.append((position, index, False))
            elif parameter == comparison_key(literal):
                found.append((position, index, True))
    return tuple(found)


def _filled(
    parameters: tuple[Any, ...], slots: tuple[Slot, ...], literals: tuple[str, ...]
) -> tuple[Any, ...]:
    """Return the parameters with other literals in their slots."""
    if not slots:
        return parameters
    filled = list(parameters)
    for position, index, folded in slots:
        filled[position] = comparison_key(literals[index]) if folded else literals[index]
    return tuple(filled)


class UnknownSource(Exception):
    """A resource has a source that the remembered names do not have."""


class Reading:
    """Turns rows of :func:`fast_sql.columns` into what the lane sees.

    Args:
        database: the open database.
        access: where names of sources are read.
        codecs: of every resource type.
    """

    def __init__(self, database: Database, access: RowAccess, codecs: dict[str, Codec]) -> None:
        self.access = access
        self._names = source_names(database)
        self._codecs = codecs

    async def stored(
        self, found: Sequence[Sequence[Any]], shows: Shows, workspace_id: int, source: str
    ) -> list[StoredRow]:
        """Return the rows; names of sources that are new here are read again."""
        if not shows.ezto:
            return [stored_row(row, source, self._codecs, "") for row in found]
        names = self._names.recall(workspace_id)
        if names is not None:
            try:
                return [stored_row(row, source, self._codecs, names) for row in found]
            except UnknownSource:
                pass
        rows = await self.access.rows(STATEMENT, (workspace_id, workspace_id))
        names = self._names.keep(workspace_id, rows)
        return [stored_row(row, source, self._codecs, names, strict=False) for row in found]


def stored_row(
    row: Sequence[Any], source: str, codecs: dict[str, Codec], names: str, *, strict: bool = True
) -> StoredRow:
    """Return a row of :func:`fast_sql.columns` as the lane sees it.

    Args:
        row: its columns.
        source: the caller's.
        codecs: of every resource type.
        names: of the sources of the workspace, see :class:`SourceNames`.
        strict: refuse a source that the names do not have.

    Raises:
        UnknownSource: there is one, and ``strict`` is set.
    """
    own, kind, version, document, authority, verified, status, external = row[:8]
    groups, members, links = row[8:11]
    ezto = None
    if authority is not None:
        given = orjson.loads(external) if external else ()
        external = None
        clients = []
        for client, value in given:
            clients.append(client)
            if client == source:
                external = value
        if codecs[kind].has_ezto:
            ezto, complete = _extension(authority, tuple(clients), links, names, verified, status)
            if strict and not complete:
                raise UnknownSource
    return StoredRow(
        own,
        kind,
        version,
        document,
        external,
        groups if groups and groups != "[]" else "",
        members if members and members != "[]" else "",
        ezto,
    )


@lru_cache(maxsize=4_096)
def _extension(
    authority: str,
    clients: tuple[str, ...],
    links: str | None,
    names: str,
    verified: bool | None,
    status: str | None,
) -> tuple[Ezto | None, bool]:
    """Return the ezto extension, and whether the names have every source in it.

    The authority of a resource comes first, then links, then clients. Most users of a workspace
    have the same extension, which nobody changes.
    """
    known = {f"{kind}:{own}": (kind, own, name) for kind, own, name in orjson.loads(names)}
    linked = sorted(f"user_sync:{each}" for each in orjson.loads(links or "[]"))
    given = sorted(each for each in clients if each.startswith("scim_client:"))
    wanted = [*dict.fromkeys((authority, *linked, *given))]
    found = [known[each] for each in wanted if each in known]
    complete = all(each in known for each in wanted if each.partition(":")[0] in NAMED)
    sources = [{"value": own, "display": name, "type": kind} for kind, own, name in found]
    row = {"email_verified": verified, "invite_status": status}
    value = ezto_extension(row, sources or None)
    if value is None:
        return None, complete
    syncs = (each for each in sources if each["type"] == "user_sync")
    return Ezto(value, _json(value), tuple(map(_json, syncs))), complete


NAMED = ("scim_client", "user_sync")
"""The kinds of sources that have names of their own."""


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
