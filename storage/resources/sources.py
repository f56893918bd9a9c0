"""The read-only ezto extension: columns of the resource, and the sources that feed a user."""

from collections.abc import Sequence
from typing import Any

from storage.database import Row, Session
from storage.filters.sources import sources_sql
from storage.resources.members import chunks, marks


async def read_sources(session: Session, row_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return ``syncedFrom`` of resources by row, the authority first."""
    found: dict[int, dict[tuple[str, str], dict[str, Any]]] = {}
    for chunk in chunks(row_ids):
        rows = await session.rows(
            f"SELECT * FROM ({sources_sql(session.dialect)}) s WHERE s.row_id IN ({marks(chunk)}) "
            "ORDER BY place, source_id",
            tuple(chunk),
        )
        for row in rows:
            entry = {"value": row["source_id"], "display": row["name"], "type": row["kind"]}
            of = found.setdefault(row["row_id"], {})
            of.setdefault((row["kind"], row["source_id"]), entry)
    return {row_id: list(entries.values()) for row_id, entries in found.items()}


def ezto_extension(row: Row, sources: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    """Return the extension of a row, ``None`` when nothing in it has a value."""
    verified, status = row.get("email_verified"), row.get("invite_status")
    values = {
        "emailVerified": None if verified is None else bool(verified),
        "inviteStatus": status,
        "syncedFrom": sources,
    }
    return {name: value for name, value in values.items() if value is not None} or None
