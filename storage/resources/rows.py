"""The statements on the rows of resources: reading, locking, writing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scim2_models import NotFoundException

from scim.provisioning.authority import Source, SourceKind
from storage.database import Row, Session, now_us
from storage.filters.sql import Sql, sql
from storage.filters.values import storable
from storage.resources.documents import (
    Codec,
    EmailKey,
    Encoded,
    content_of,
    document_text,
)

STATE = (
    "r.row_id, r.id, r.type, r.authority, r.joined, r.blocked, r.active, r.version, "
    "r.created_at, r.modified_at, r.password_hash, r.user_name_key, r.email_verified, "
    "r.invite_status, r.document"
)
"""What a write has to know of a row."""


MOST_AT_ONCE = 500
"""How many ids one statement lists."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose rows, and for whom: a workspace, and the source that calls."""

    workspace_id: int
    source: Source
    endpoints: dict[str, str] = field(default_factory=dict)

    @property
    def keeps_external_ids(self) -> bool:
        """Whether externalIds of the source are rows (a user sync's link holds the Graph id)."""
        return self.source.kind is not SourceKind.user_sync


def found_columns(place: Place) -> Sql:
    """Return what a read selects, the caller's externalId included."""
    return sql(
        "r.row_id, r.id, r.type, r.document, r.email_verified, r.invite_status, "
        "(SELECT x.value FROM external_id x WHERE x.resource_id = r.row_id AND x.source = ?) "
        "AS external_id",
        str(place.source),
    )


async def read(session: Session, place: Place, type_name: str, resource_id: str) -> Row:
    """Return a row to serve.

    Raises:
        NotFoundException: no resource of the type has the id.
    """
    statement = sql(
        "SELECT {} FROM resource r WHERE r.id = ? AND r.workspace_id = ? AND r.type = ?",
        found_columns(place),
        resource_id,
        place.workspace_id,
        type_name,
    )
    row = None
    if storable(resource_id):
        row = await session.row(statement.text, statement.parameters)
    return _existing(row, type_name, resource_id)


async def lock(session: Session, place: Place, type_name: str | None, resource_id: str) -> Row:
    """Return a row to write, which others wait for until the transaction ends.

    On PostgreSQL the lock lets others add the resource to groups meanwhile (they only share its
    key). The externalId is read after the lock is there, so that it is the newest one.

    Raises:
        NotFoundException: no resource has the id (and the type, if given).
    """
    locking = " FOR NO KEY UPDATE" if session.dialect == "postgres" else ""
    statement = f"SELECT {STATE} FROM resource r WHERE r.id = ? AND r.workspace_id = ?{locking}"
    row = None
    if storable(resource_id):
        row = await session.row(statement, (resource_id, place.workspace_id))
    if row is not None and type_name is not None and row["type"] != type_name:
        row = None
    row = _existing(row, type_name or "Resource", resource_id)
    row["external_id"] = await session.value(
        "SELECT value FROM external_id WHERE resource_id = ? AND source = ?",
        (row["row_id"], str(place.source)),
    )
    return row


async def lock_many(
    session: Session, place: Place, type_name: str, ids: Sequence[str]
) -> dict[str, Row]:
    """Return rows to write, by id, locked in the order of their ids; missing ones are absent."""
    locking = " FOR NO KEY UPDATE" if session.dialect == "postgres" else ""
    found: dict[str, Row] = {}
    kept = [each for each in ids if storable(each)]
    for start in range(0, len(kept), MOST_AT_ONCE):
        some = kept[start : start + MOST_AT_ONCE]
        listed = await session.rows(
            f"SELECT {STATE}, (SELECT x.value FROM external_id x WHERE x.resource_id = r.row_id "
            "AND x.source = ?) AS external_id FROM resource r WHERE r.workspace_id = ? "
            f"AND r.type = ? AND r.id IN ({', '.join('?' * len(some))}) ORDER BY r.id{locking}",
            (str(place.source), place.workspace_id, type_name, *some),
        )
        found.update((row["id"], row) for row in listed)
    return found


async def peek(session: Session, place: Place, type_name: str, resource_id: str) -> Row:
    """Return what :func:`lock` does without locking, for a write that notices others' writes.

    Raises:
        NotFoundException: no resource of the type has the id.
    """
    row = None
    if storable(resource_id):
        row = await session.row(
            f"SELECT {STATE}, (SELECT x.value FROM external_id x WHERE x.resource_id = r.row_id "
            "AND x.source = ?) AS external_id FROM resource r "
            "WHERE r.id = ? AND r.workspace_id = ? AND r.type = ?",
            (str(place.source), resource_id, place.workspace_id, type_name),
        )
    return _existing(row, type_name, resource_id)


def _existing(row: Row | None, type_name: str, resource_id: str) -> Row:
    if row is None:
        raise NotFoundException(detail=f"{type_name} {resource_id!r} not found")
    return row


async def insert(session: Session, place: Place, columns: dict[str, Any]) -> int:
    """Insert a row and return its row id."""
    values = {"workspace_id": place.workspace_id, **columns}
    names = ", ".join(values)
    holes = ", ".join("?" * len(values))
    statement = f"INSERT INTO resource ({names}) VALUES ({holes}) RETURNING row_id"
    return int(await session.value(statement, tuple(values.values())))


def new_columns(
    codec: Codec, place: Place, resource_id: str, encoded: Encoded, password_hash: str | None
) -> dict[str, Any]:
    """Return the columns of a resource that is created now."""
    now = now_us()
    return {
        "id": resource_id,
        "type": codec.name,
        "authority": str(place.source),
        "joined": False,
        "blocked": False,
        **key_columns(encoded),
        "version": 1,
        "created_at": now,
        "modified_at": now,
        "password_hash": password_hash,
        "document": document_text(resource_id, codec.name, encoded.content, (now, now), 1),
    }


def key_columns(encoded: Encoded) -> dict[str, Any]:
    """Return the columns that filters read."""
    return {
        "user_name_key": encoded.user_name_key,
        "display": encoded.display,
        "display_name_key": encoded.display_name_key,
        "active": encoded.active,
        "search": encoded.search,
    }


async def change(
    session: Session,
    row: Row,
    encoded: Encoded | None = None,
    **columns: Any,
) -> None:
    """Write a new version of a row.

    Args:
        session: that of the write.
        row: as it was; it takes on the new version.
        encoded: its new content; without one only version and modification time change.
        columns: further columns.
    """
    await write(session, row, {**next_version(row, encoded), **columns})


async def write(session: Session, row: Row, columns: dict[str, Any]) -> None:
    """Write columns of a row, which takes them on."""
    settings = ", ".join(f"{name} = ?" for name in columns)
    await session.execute(
        f"UPDATE resource SET {settings} WHERE row_id = ?", (*columns.values(), row["row_id"])
    )
    row.update(columns)


def next_version(row: Row, encoded: Encoded | None = None) -> dict[str, Any]:
    """Return the columns of a row's next version; without new content, of the same content."""
    modified = max(now_us(), row["modified_at"])
    version = row["version"] + 1
    content = content_of(row["document"]) if encoded is None else encoded.content
    times = (row["created_at"], modified)
    document = document_text(row["id"], row["type"], content, times, version)
    new = {"version": version, "modified_at": modified, "document": document}
    return new if encoded is None else new | key_columns(encoded)


async def write_emails(
    session: Session, place: Place, row_id: int, emails: Sequence[EmailKey], *, fresh: bool
) -> None:
    """Bring the side table of addresses in step with a document."""
    if not fresh:
        stored = await session.rows(
            "SELECT value_key, type_key, is_primary FROM resource_email "
            "WHERE resource_id = ? ORDER BY row_id",
            (row_id,),
        )
        if [(r["value_key"], r["type_key"], bool(r["is_primary"])) for r in stored] == [*emails]:
            return
        await session.execute("DELETE FROM resource_email WHERE resource_id = ?", (row_id,))
    await session.many(
        "INSERT INTO resource_email (resource_id, workspace_id, value_key, type_key, is_primary) "
        "VALUES (?, ?, ?, ?, ?)",
        [(row_id, place.workspace_id, *email) for email in emails],
    )


async def write_external_id(
    session: Session, place: Place, row_id: int, value: tuple[str, str] | None
) -> None:
    """Set or drop the externalId that the caller gives a resource."""
    source = str(place.source)
    if value is None:
        await session.execute(
            "DELETE FROM external_id WHERE resource_id = ? AND source = ?", (row_id, source)
        )
        return
    await session.execute(
        "INSERT INTO external_id (resource_id, workspace_id, source, value, value_key) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (resource_id, source) "
        "DO UPDATE SET value = excluded.value, value_key = excluded.value_key",
        (row_id, place.workspace_id, source, *value),
    )
