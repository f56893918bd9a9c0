"""Secrets that the store hands out: 256 random bits behind a prefix, kept as a SHA-256.

Nothing slower than SHA-256 is needed, since nobody can guess 256 random bits. Rows are found by
the hash, so no comparison ever walks along a secret.
"""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any

from storage.database import Session

SECRET_BYTES = 32

SECRET_LENGTH = 43
"""How many characters 256 bits take in base64url."""

SCOPES = ("read", "write")
"""What a token allows: reading, and changing, the users and groups of its workspace."""

MOST_LIVE = 2
"""How many secrets of one kind a client has at once: the old and the new one of a rotation."""

USED_EVERY_US = 60_000_000
"""``last_used_at`` is written at most this often."""

LIVE = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"
"""The condition that a row is still good for something; its parameter is the moment."""


def new_secret(prefix: str) -> str:
    """Return a secret that nobody has seen before."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def digest(text: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def checked_scopes(scopes: Iterable[str]) -> str:
    """Return scopes as they are stored, in the order of :data:`SCOPES`.

    Raises:
        ValueError: one is unknown, or there is none.
    """
    given = set(scopes)
    unknown = given - set(SCOPES)
    if unknown or not given:
        named = ", ".join(sorted(unknown)) or "none given"
        raise ValueError(f"Unknown scopes ({named}). Use {' or '.join(SCOPES)}, or both.")
    return " ".join(scope for scope in SCOPES if scope in given)


async def excess_of(session: Session, table: str, client_id: str, now: int) -> list[str]:
    """Return the live secrets of a client, the oldest first, if there is no room for another."""
    rows = await session.rows(
        f"SELECT id FROM {table} WHERE client_id = ? AND {LIVE} ORDER BY created_at, id",
        (client_id, now),
    )
    return [row["id"] for row in rows] if len(rows) >= MOST_LIVE else []


async def revoke_all(session: Session, table: str, ids: Iterable[str], now: int) -> None:
    """Revoke rows of a table by their ids."""
    await session.many(f"UPDATE {table} SET revoked_at = ? WHERE id = ?", [(now, i) for i in ids])


async def revoke_one(
    session: Session, table: str, workspace: int | None, row_id: str, now: int
) -> bool:
    """Revoke one row of a workspace (of any, if ``None``); tells whether it was not before."""
    inside, parameters = "", list[Any]((now, row_id))
    if workspace is not None:
        inside = "AND client_id IN (SELECT id FROM scim_client WHERE workspace_id = ?) "
        parameters.append(workspace)
    row = await session.row(
        f"UPDATE {table} SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL {inside}"
        "RETURNING id",
        parameters,
    )
    return row is not None


async def note_use(session: Session, table: str, row_id: str, now: int) -> None:
    """Write down that a secret was just used."""
    await session.execute(
        f"UPDATE {table} SET last_used_at = ? WHERE id = ? "
        "AND (last_used_at IS NULL OR last_used_at < ?)",
        (now, row_id, now),
    )
