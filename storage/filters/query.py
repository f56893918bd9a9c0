"""The statements of a search: its condition, its pages by index and by cursor."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scim2_models import SearchRequest

from storage.database import Row, Session
from storage.filters.binding import bound_filter
from storage.filters.scopes import ResourceScope
from storage.filters.sorting import Position, SortKey, beyond, order_by, sort_key
from storage.filters.sql import FALSE, TRUE, Sql, conjunction, disjunction, sql
from storage.filters.visitor import filter_sql

NO_LIMIT = 2**62
"""SQLite knows no OFFSET without LIMIT."""


@dataclass(frozen=True, slots=True)
class FoundRows:
    """One page of found rows, with the positions of its neighbours."""

    total: int
    rows: list[Row]
    next: Any = None
    previous: Any = None


class SearchQuery:
    """One search over the resource types of a workspace, as one collection.

    Args:
        search: the request, filter and sorting checked against the models.
        scopes: one for each resource type.
        columns: what to select from the row ``r``.
    """

    def __init__(
        self, search: SearchRequest[Any], scopes: Sequence[ResourceScope], columns: Sql
    ) -> None:
        self.search = search
        self.columns = columns
        self.dialect = scopes[0].dialect if scopes else "sqlite"
        self.condition = _condition(search, scopes)
        self.key: SortKey | None = sort_key(search, scopes)
        self.descending = (
            search.sort_by is not None and search.sort_order == SearchRequest.SortOrder.descending
        )

    async def page(self, session: Session, position: Any) -> FoundRows:
        """Return the page that the request asks for."""
        if self.condition is FALSE:
            return FoundRows(0, [])
        if self.search.cursor is not None:
            return await self._cursor_page(session, position)
        start = self.search.start_index_0 or 0
        count = self.search.count
        rows = [] if count == 0 else await self._rows(session, TRUE, self.descending, count, start)
        if (rows or start == 0) and (count is None or len(rows) < count):
            return FoundRows(start + len(rows), rows)
        return FoundRows(await self.total(session), rows)

    async def total(self, session: Session) -> int:
        """Return how many resources match."""
        statement = sql("SELECT COUNT(*) FROM resource r WHERE {}", self.condition)
        return int(await session.value(statement.text, statement.parameters))

    def statement(self, further: Sql, descending: bool, limit: int | None, offset: int = 0) -> Sql:
        """Return the SELECT of the rows that match and also meet a further condition."""
        sort = self.key.read if self.key else Sql("NULL")
        where = conjunction([self.condition, further])
        plainly = self.dialect == "postgres" or not self.condition.selective
        order = order_by(self.key, descending=descending, plainly=plainly)
        parts = (self.columns, sort, where, order)
        body = sql("SELECT {}, {} AS sort_value FROM resource r WHERE {} {}", *parts)
        if limit is None and not offset:
            return body
        return sql("{} LIMIT ? OFFSET ?", body, NO_LIMIT if limit is None else limit, offset)

    async def _rows(
        self,
        session: Session,
        further: Sql,
        descending: bool,
        limit: int | None,
        offset: int = 0,
    ) -> list[Row]:
        statement = self.statement(further, descending, limit, offset)
        return await session.rows(statement.text, statement.parameters)

    async def _cursor_page(self, session: Session, position: Any) -> FoundRows:
        """Return a page by keyset (RFC 9865 §2): what is created meanwhile moves nothing."""
        total = await self.total(session)
        count = self.search.count
        if count == 0:
            return FoundRows(total, [])
        anchor = None if position is None else Position.from_json(position, self.key)
        forward = anchor is None or anchor.forward
        rows, more = await self._keyset(session, anchor, forward, count)
        if not rows:
            return FoundRows(total, [])
        other = anchor is not None and await self._exists(session, anchor, forward)
        ahead, behind = (more, other) if forward else (other, more)
        return FoundRows(
            total,
            rows,
            self._position(rows[-1], True) if ahead else None,
            self._position(rows[0], False) if behind else None,
        )

    async def _keyset(
        self, session: Session, anchor: Position | None, forward: bool, count: int | None
    ) -> tuple[list[Row], bool]:
        further = TRUE
        if anchor is not None:
            further = beyond(self.key, anchor, greater=forward is not self.descending)
        limit = None if count is None else count + 1
        rows = await self._rows(session, further, self.descending is forward, limit)
        more = count is not None and len(rows) > count
        rows = rows[:count]
        return (rows if forward else rows[::-1]), more

    async def _exists(self, session: Session, anchor: Position, forward: bool) -> bool:
        """Return whether anything is on the other side of the position, itself included."""
        greater = forward is self.descending
        further = beyond(self.key, anchor, greater=greater, equal=True)
        where = conjunction([self.condition, further])
        statement = sql("SELECT 1 AS found FROM resource r WHERE {} LIMIT 1", where)
        return await session.row(statement.text, statement.parameters) is not None

    def _position(self, row: Row, forward: bool) -> dict[str, Any]:
        value = row["sort_value"]
        if value is not None and self.key is not None:
            value = _json_value(value, self.key)
        return Position(forward, value, row["id"]).to_json()


def _json_value(value: Any, key: SortKey) -> Any:
    kind = key.kind.name
    if kind == "boolean":
        return bool(value)
    if kind == "moment":
        return int(value)
    return str(value) if kind == "number" else value


def _condition(search: SearchRequest[Any], scopes: Sequence[ResourceScope]) -> Sql:
    return disjunction([_type_condition(search, scope) for scope in scopes])


def _type_condition(search: SearchRequest[Any], scope: ResourceScope) -> Sql:
    bound = bound_filter(search, scope.model)
    matching = TRUE if bound is None else filter_sql(bound.ast, scope)
    if matching is FALSE:
        return FALSE
    by_row = scope.dialect == "sqlite" and _looked_up(matching)
    template = (
        "+r.workspace_id = ? AND +r.type = ?" if by_row else "r.workspace_id = ? AND r.type = ?"
    )
    return conjunction([sql(template, scope.workspace_id, scope.searched.name), matching])


_INDEXED = re.compile(r"\br\.(id|user_name_key|display_name_key|created_at|modified_at)\b| OR ")


def _looked_up(condition: Sql) -> bool:
    """Return whether side tables name the few rows that can meet a condition.

    Without statistics SQLite would rather walk an index of all resources of the type; a unary
    plus takes that index from it.
    """
    found = condition.selective and "r.row_id IN (" in condition.text
    return found and not _INDEXED.search(condition.text)
