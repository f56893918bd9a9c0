"""Memberships: rows that are read into documents, and written by difference."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from scim2_models import InvalidValueException

from storage.database import Session
from storage.filters.values import storable

T = TypeVar("T")

CHUNK = 500
"""How many parameters one statement lists."""


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield slices that fit into one statement."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def id_chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield slices of ids, without those that no database takes and no resource has."""
    return chunks([each for each in ids if storable(each)])


def marks(values: Sequence[Any]) -> str:
    """Return as many placeholders as there are values."""
    return ", ".join("?" * len(values))


async def row_ids(session: Session, workspace_id: int, ids: Sequence[str]) -> dict[str, int]:
    """Return the row ids of resources of the workspace, by id; unknown ones are absent."""
    found: dict[str, int] = {}
    for chunk in id_chunks(ids):
        rows = await session.rows(
            f"SELECT id, row_id FROM resource WHERE workspace_id = ? AND id IN ({marks(chunk)})",
            (workspace_id, *chunk),
        )
        found.update((row["id"], row["row_id"]) for row in rows)
    return found


async def known_row_ids(session: Session, workspace_id: int, ids: Sequence[str]) -> list[int]:
    """Return the row ids of resources, in order.

    Raises:
        InvalidValueException: (400) naming the first id that is no resource of the workspace.
    """
    found = await row_ids(session, workspace_id, ids)
    for each in ids:
        if each not in found:
            raise InvalidValueException(
                attribute="members",
                detail=f"The member {each!r} does not exist: it must be the id of a user or group.",
            )
    return [found[each] for each in ids]


async def present(session: Session, group: int, members: Sequence[int]) -> set[int]:
    """Return those of the rows that are members of a group."""
    found: set[int] = set()
    for chunk in chunks(members):
        rows = await session.rows(
            "SELECT member_id FROM membership "
            f"WHERE group_id = ? AND member_id IN ({marks(chunk)})",
            (group, *chunk),
        )
        found.update(row["member_id"] for row in rows)
    return found


async def all_members(session: Session, group: int) -> dict[str, int]:
    """Return the members of a group in order: row id by id."""
    rows = await session.rows(
        "SELECT t.id, t.row_id FROM membership m JOIN resource t ON t.row_id = m.member_id "
        "WHERE m.group_id = ? ORDER BY m.row_id",
        (group,),
    )
    return {row["id"]: row["row_id"] for row in rows}


async def insert(session: Session, pairs: Iterable[tuple[int, int]]) -> None:
    """Add memberships (group, member), in order; those that exist stay as they are."""
    await session.many(
        "INSERT INTO membership (group_id, member_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        list(pairs),
    )


async def remove(session: Session, group: int, members: Sequence[int]) -> None:
    """Remove members from a group."""
    for chunk in chunks(members):
        await session.execute(
            f"DELETE FROM membership WHERE group_id = ? AND member_id IN ({marks(chunk)})",
            (group, *chunk),
        )


async def read_members(
    session: Session, groups: Sequence[int], endpoints: Mapping[str, str]
) -> dict[int, list[dict[str, Any]]]:
    """Return ``members`` of groups, by row (RFC 7643 §4.2)."""
    return await _read(session, groups, endpoints, "group_id", "member_id", None)


async def read_groups(
    session: Session, members: Sequence[int], endpoints: Mapping[str, str]
) -> dict[int, list[dict[str, Any]]]:
    """Return ``groups`` of users, by row: direct memberships (RFC 7643 §4.1.2)."""
    return await _read(session, members, endpoints, "member_id", "group_id", "direct")


async def _read(
    session: Session,
    rows: Sequence[int],
    endpoints: Mapping[str, str],
    near: str,
    far: str,
    label: str | None,
) -> dict[int, list[dict[str, Any]]]:
    entries: dict[int, list[dict[str, Any]]] = {}
    for chunk in chunks(rows):
        found = await session.rows(
            f"SELECT m.{near} AS near, t.id, t.type, t.display FROM membership m "
            f"JOIN resource t ON t.row_id = m.{far} "
            f"WHERE m.{near} IN ({marks(chunk)}) ORDER BY m.row_id",
            tuple(chunk),
        )
        for row in found:
            entry = {"value": row["id"], "$ref": f"{endpoints[row['type']]}/{row['id']}"}
            if row["display"] is not None:
                entry["display"] = row["display"]
            entry["type"] = label or row["type"]
            entries.setdefault(row["near"], []).append(entry)
    return entries
