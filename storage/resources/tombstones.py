"""Deleted resources: out of every list, index and match at once, restorable for 30 days."""

from collections.abc import Sequence
from typing import Any

import orjson
from scim2_models import NotFoundException

from scim.provisioning.authority import DASHBOARD, SourceKind
from storage.database import Row, Session, now_us
from storage.resources import members
from storage.resources.rows import Place

LIFETIME_US = 30 * 24 * 3_600 * 1_000_000
"""How long a tombstone can be restored."""

COLUMNS = (
    "row_id, id, type, authority, joined, blocked, user_name_key, display, display_name_key, "
    "active, version, created_at, modified_at, password_hash, email_verified, invite_status, "
    "document, search"
)
FLAGS = ("joined", "blocked", "active", "email_verified")
EMAIL = ("value_key", "type_key", "is_primary")
EXTERNAL = ("source", "value", "value_key")


async def bury(session: Session, place: Place, row: Row) -> None:
    """Move a row, with all that stands beside it, into a tombstone."""
    state = await _state(session, row["row_id"])
    now = now_us()
    await session.execute(
        "INSERT INTO tombstone (id, workspace_id, type, deleted_by, deleted_at, expires_at, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            row["id"],
            place.workspace_id,
            row["type"],
            str(place.source),
            now,
            now + LIFETIME_US,
            orjson.dumps(state).decode(),
        ),
    )
    await session.execute("DELETE FROM resource WHERE row_id = ?", (row["row_id"],))


async def _state(session: Session, row_id: int) -> dict[str, Any]:
    (columns,) = await session.rows(f"SELECT {COLUMNS} FROM resource WHERE row_id = ?", (row_id,))
    for name in FLAGS:
        columns[name] = None if columns[name] is None else bool(columns[name])
    return {
        "columns": columns,
        "members": list(await members.all_members(session, row_id)),
        "groups": await _groups(session, row_id),
        "emails": await _beside(session, "resource_email", EMAIL, row_id),
        "external_ids": await _beside(session, "external_id", EXTERNAL, row_id),
    }


async def _groups(session: Session, row_id: int) -> list[str]:
    rows = await session.rows(
        "SELECT t.id FROM membership m JOIN resource t ON t.row_id = m.group_id "
        "WHERE m.member_id = ? ORDER BY m.row_id",
        (row_id,),
    )
    return [row["id"] for row in rows]


async def _beside(
    session: Session, table: str, columns: Sequence[str], row_id: int
) -> list[list[Any]]:
    rows = await session.rows(
        f"SELECT {', '.join(columns)} FROM {table} WHERE resource_id = ? ORDER BY row_id", (row_id,)
    )
    return [[row[name] for name in columns] for row in rows]


async def standing(session: Session, place: Place, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the documents of those of the ids that the caller may restore.

    They are tombstones that have not expired, and whose authority the caller is; a person may
    restore any.
    """
    found: dict[str, dict[str, Any]] = {}
    for chunk in members.id_chunks(ids):
        rows = await session.rows(
            "SELECT id, state FROM tombstone WHERE workspace_id = ? AND expires_at > ? "
            f"AND id IN ({members.marks(chunk)})",
            (place.workspace_id, now_us(), *chunk),
        )
        for row in rows:
            columns = orjson.loads(row["state"])["columns"]
            if place.source == DASHBOARD or columns["authority"] == str(place.source):
                found[row["id"]] = orjson.loads(columns["document"])
    return found


async def take_state(session: Session, place: Place, resource_id: str) -> dict[str, Any]:
    """Remove a tombstone and return its state.

    Raises:
        NotFoundException: there is none, or it has expired.
    """
    text = None
    for (each,) in members.id_chunks([resource_id]):
        text = await session.value(
            "DELETE FROM tombstone WHERE id = ? AND workspace_id = ? AND expires_at > ? "
            "RETURNING state",
            (each, place.workspace_id, now_us()),
        )
    if text is None:
        raise NotFoundException(
            detail=f"{resource_id!r} cannot be restored: it was not deleted in the last 30 days."
        )
    state: dict[str, Any] = orjson.loads(text)
    return state


async def revive(session: Session, place: Place, state: dict[str, Any]) -> Row:
    """Insert the row of a tombstone again, with its addresses and externalIds."""
    columns = {"workspace_id": place.workspace_id, **state["columns"]}
    await session.execute(
        f"INSERT INTO resource ({', '.join(columns)}) VALUES ({members.marks([*columns])})",
        tuple(columns.values()),
    )
    row_id = columns["row_id"]
    for table, names, rows in (
        ("resource_email", EMAIL, _flagged(state["emails"])),
        ("external_id", EXTERNAL, state["external_ids"]),
    ):
        await session.many(
            f"INSERT INTO {table} (resource_id, workspace_id, {', '.join(names)}) "
            f"VALUES (?, ?, {members.marks(names)})",
            [(row_id, place.workspace_id, *row) for row in rows],
        )
    await _rejoin(session, place, row_id, state)
    return columns


def _flagged(emails: list[list[Any]]) -> list[list[Any]]:
    return [[value, kind, bool(primary)] for value, kind, primary in emails]


async def _rejoin(session: Session, place: Place, row_id: int, state: dict[str, Any]) -> None:
    """Restore the memberships whose other side still stands.

    One whose other side is a tombstone too is noted there, so that the order in which a group and
    its members are restored does not matter. A user sync plans the memberships of its own groups
    itself: what the source took away meanwhile must not come back for a moment.
    """
    own = state["columns"]["id"]
    groups = await members.row_ids(session, place.workspace_id, state["groups"])
    for planned in await _planned(session, place, list(groups)):
        del groups[planned]
    users = await members.row_ids(session, place.workspace_id, state["members"])
    await members.insert(session, [(groups[g], row_id) for g in state["groups"] if g in groups])
    await members.insert(session, [(row_id, users[m]) for m in state["members"] if m in users])
    await _note(session, place, "members", own, [g for g in state["groups"] if g not in groups])
    await _note(session, place, "groups", own, [m for m in state["members"] if m not in users])


async def _planned(session: Session, place: Place, ids: Sequence[str]) -> list[str]:
    """Return those of the ids whose memberships the caller, a user sync, plans itself."""
    if place.source.kind is not SourceKind.user_sync:
        return []
    found: list[str] = []
    for chunk in members.id_chunks(ids):
        rows = await session.rows(
            "SELECT id FROM resource WHERE workspace_id = ? AND authority = ? "
            f"AND id IN ({members.marks(chunk)})",
            (place.workspace_id, str(place.source), *chunk),
        )
        found += [row["id"] for row in rows]
    return found


async def _note(
    session: Session, place: Place, side: str, resource_id: str, others: Sequence[str]
) -> None:
    for chunk in members.chunks(others):
        rows = await session.rows(
            "SELECT id, state FROM tombstone WHERE workspace_id = ? "
            f"AND id IN ({members.marks(chunk)})",
            (place.workspace_id, *chunk),
        )
        for row in rows:
            state = orjson.loads(row["state"])
            if resource_id not in state[side]:
                state[side].append(resource_id)
                await session.execute(
                    "UPDATE tombstone SET state = ? WHERE id = ?",
                    (orjson.dumps(state).decode(), row["id"]),
                )
