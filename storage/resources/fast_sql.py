"""The statements of the read lane: one for each read, whatever stands beside the document."""

from functools import lru_cache

from scim.fast.ports import Shows
from storage.database import Dialect
from storage.filters.sql import Sql

NAMES = (
    "id, type, version, document, authority, email_verified, invite_status, external, "
    "group_rows, member_rows, links"
)
"""What a row has, in this order; what is not shown is NULL."""


def array(dialect: Dialect, *items: str) -> str:
    """Return the JSON array of some values."""
    function = "json_array" if dialect == "sqlite" else "json_build_array"
    return f"{function}({', '.join(items)})"


def gathered(dialect: Dialect, item: str, rest: str, order: str = "") -> str:
    """Return the subquery that gathers rows into one JSON array.

    Args:
        dialect: of the database.
        item: one entry.
        rest: FROM and WHERE.
        order: a column that orders the entries.
    """
    if dialect == "postgres":
        by = f" ORDER BY {order}" if order else ""
        return f"(SELECT json_agg({item}{by}) {rest})"
    if not order:
        return f"(SELECT json_group_array({item}) {rest})"
    inner = f"SELECT {item} AS item {rest} ORDER BY {order}"
    return f"(SELECT json_group_array(json(item)) FROM ({inner}))"


def _memberships(dialect: Dialect, near: str, far: str) -> str:
    return gathered(
        dialect,
        array(dialect, "t.id", "t.type", "t.display"),
        f"FROM membership m JOIN resource t ON t.row_id = m.{far} WHERE m.{near} = r.row_id",
        "m.row_id",
    )


@lru_cache(maxsize=16)
def columns(dialect: Dialect, shows: Shows) -> str:
    """Return the columns of a read of ``resource r``.

    Its parameter is the caller's source, unless the ezto extension is shown, which has them all.
    """
    null = "NULL" if dialect == "sqlite" else "CAST(NULL AS TEXT)"
    external = "(SELECT x.value FROM external_id x WHERE x.resource_id = r.row_id AND x.source = ?)"
    authority = links = null
    if shows.ezto:
        external = gathered(
            dialect,
            array(dialect, "x.source", "x.value"),
            "FROM external_id x WHERE x.resource_id = r.row_id",
        )
        links = gathered(
            dialect, "l.sync_id", "FROM link l WHERE l.resource_id = r.id AND l.state = 'linked'"
        )
        authority = "r.authority"
    groups = _memberships(dialect, "member_id", "group_id") if shows.groups else null
    members = _memberships(dialect, "group_id", "member_id") if shows.members else null
    return (
        f"r.id, r.type, r.version, r.document, {authority} AS authority, r.email_verified, "
        f"r.invite_status, {external} AS external, {groups} AS group_rows, "
        f"{members} AS member_rows, {links} AS links"
    )


def parameters(shows: Shows, source: str) -> tuple[str, ...]:
    """Return the parameters of :func:`columns`."""
    return () if shows.ezto else (source,)


@lru_cache(maxsize=16)
def point(dialect: Dialect, shows: Shows) -> str:
    """Return the read of one resource by id, workspace and type."""
    where = "WHERE r.id = ? AND r.workspace_id = ? AND r.type = ?"
    return f"SELECT {columns(dialect, shows)} FROM resource r {where}"


def page(dialect: Dialect, shows: Shows, rows: Sql, order: str) -> Sql:
    """Return the read of the rows that a search finds.

    What stands beside a document is gathered for the rows of the page only, never for those that
    are skipped or sorted away.

    Args:
        dialect: of the database.
        shows: what is read.
        rows: the search: ``row_id`` and ``sort_value``, in order.
        order: the same order, of ``p.sort_value`` and ``r.id``.
    """
    joined = "CROSS JOIN resource r WHERE r.row_id = p.row_id"
    if dialect == "postgres":  # always by the primary key, whatever the statistics say
        one = "SELECT * FROM resource i WHERE i.row_id = p.row_id OFFSET 0"
        joined = f"JOIN LATERAL ({one}) r ON TRUE"
    text = f"SELECT {columns(dialect, shows)}, p.sort_value FROM ({rows.text}) p {joined} {order}"
    return Sql(text, rows.parameters)
