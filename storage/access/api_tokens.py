"""Bearer tokens of the JSON API: each opens one workspace, with one role.

A token is ``ezto_api_`` and 256 random bits in base64url; only its SHA-256 is stored.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from scim.identifiers import new_id
from storage.access.secrets import (
    LIVE,
    SECRET_LENGTH,
    USED_EVERY_US,
    digest,
    new_secret,
    note_use,
)
from storage.database import Database, Row, now_us
from storage.sync.room import Clock

PREFIX: Final = "ezto_api_"
"""The beginning of every token, which secret scanners recognise."""

LENGTH: Final = len(PREFIX) + SECRET_LENGTH

COLUMNS: Final = "id, workspace_id, name, role, created_at, expires_at, last_used_at, revoked_at"


class Role(StrEnum):
    """What a token of the API, or an administrator, may do; each includes the ones before."""

    auditor = "auditor"
    """Looks at everything, and changes nothing."""
    user_manager = "user_manager"
    """Runs user syncs, decides about their plans, and sets them up."""
    administrator = "administrator"
    """Everything, deleting user syncs included."""

    def includes(self, other: "Role") -> bool:
        """Tell whether this role may do all that another one may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class ApiTokenRecord:
    """A token, without its text. Moments are microseconds since the epoch.

    Attributes:
        workspace: row id of the workspace that it opens.
        name: what people call it.
    """

    id: str
    workspace: int
    name: str
    role: Role
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None


Tokens = list[ApiTokenRecord]


class ApiTokens:
    """The API tokens of all workspaces.

    Args:
        database: the open database.
        clock: tells the time, for expiry and last use.
    """

    def __init__(self, database: Database, *, clock: Clock = now_us) -> None:
        self._database = database
        self._clock = clock

    async def create(
        self, workspace: int, name: str, role: Role, expires_at: int | None = None
    ) -> tuple[str, str]:
        """Make a token; returns its text, which cannot be shown again, and its id."""
        text, token_id = new_secret(PREFIX), new_id()
        async with self._database.transaction() as session:
            await session.execute(
                "INSERT INTO api_token (id, workspace_id, name, role, token_hash, created_at, "
                "expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (token_id, workspace, name, role.value, digest(text), self._clock(), expires_at),
            )
        return text, token_id

    async def authenticate(self, token: str) -> ApiTokenRecord | None:
        """Return what a token opens, or ``None`` for one that is unknown, expired or revoked."""
        if len(token) != LENGTH or not token.startswith(PREFIX):
            return None
        now = self._clock()
        row = await self._database.session.row(
            f"SELECT {COLUMNS} FROM api_token WHERE token_hash = ? AND {LIVE}",
            (digest(token), now),
        )
        if row is None:
            return None
        if (row["last_used_at"] or 0) <= now - USED_EVERY_US:
            async with self._database.transaction() as session:
                await note_use(session, "api_token", row["id"], now)
        return _record(row)

    async def revoke(self, workspace: int | None, token_id: str) -> bool:
        """Make a token worthless at once; tells whether it was not before.

        Args:
            workspace: the workspace it has to be in, or ``None`` for any.
            token_id: its id.
        """
        inside, parameters = (
            ("", []) if workspace is None else ("AND workspace_id = ? ", [workspace])
        )
        async with self._database.transaction() as session:
            row = await session.row(
                f"UPDATE api_token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL {inside}"
                "RETURNING id",
                (self._clock(), token_id, *parameters),
            )
        return row is not None

    async def list(self, workspace: int) -> Tokens:
        """Return the tokens of a workspace, revoked and expired ones included, newest first."""
        rows = await self._database.session.rows(
            f"SELECT {COLUMNS} FROM api_token WHERE workspace_id = ? ORDER BY id DESC",
            (workspace,),
        )
        return [_record(row) for row in rows]


def _record(row: Row) -> ApiTokenRecord:
    return ApiTokenRecord(
        id=row["id"],
        workspace=row["workspace_id"],
        name=row["name"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
