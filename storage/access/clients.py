"""SCIM clients, and the bearer tokens they sign in with.

A token is ``ezto_`` and 256 random bits in base64url; only its SHA-256 is stored. A client keeps
its profile and its externalIds while its tokens come and go.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scim.identifiers import new_id
from storage.access.errors import TooManyLive
from storage.access.secrets import (
    MOST_LIVE,
    SCOPES,
    SECRET_LENGTH,
    USED_EVERY_US,
    checked_scopes,
    digest,
    excess_of,
    new_secret,
    note_use,
    revoke_all,
    revoke_one,
)
from storage.database import Database, Row, Session, now_us
from storage.sync.room import Clock

TOKEN_PREFIX = "ezto_"  # noqa: S105 - what every token begins with, not one of them
"""The beginning of every token, which secret scanners recognise."""

TOKEN_LENGTH = len(TOKEN_PREFIX) + SECRET_LENGTH

DEFAULT_PROFILE = "generic"


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """One provisioning source that pushes."""

    id: str
    workspace: int
    name: str
    profile: str
    created_at: int


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What a good token says: who calls, in which workspace, allowed what.

    Attributes:
        id: of the token; for an OAuth access token that of the client secret behind it, for a
            JWT that of its issuer. It stays the same while what the client sends changes.
        expires_at: until when it is good, in microseconds since the epoch; ``None``: for good.
    """

    id: str
    client_id: str
    client_name: str
    workspace: int
    profile: str
    scopes: frozenset[str]
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A token or client secret as an administrator sees it; never its text.

    Moments are microseconds since the epoch.
    """

    id: str
    client_id: str
    client_name: str
    profile: str
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None


Clients = list[ClientRecord]

COLUMNS = (
    "t.id, t.client_id, t.scopes, t.created_at, t.expires_at, t.last_used_at, t.revoked_at, "
    "c.name, c.profile, c.workspace_id"
)


def _nobody() -> None:
    """Tell nobody."""


class ScimClients:
    """The SCIM clients of all workspaces, and their tokens."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock = now_us,
        revoked: Callable[[], None] = _nobody,
    ) -> None:
        """Work on a database.

        Args:
            database: the open database.
            clock: what tells the time, for expiry and last use.
            revoked: called after every revocation, so that who remembers good tokens forgets.
        """
        self._database = database
        self._clock = clock
        self._revoked = revoked

    async def create_token(
        self,
        workspace: int,
        name: str,
        profile: str | None = None,
        scopes: Iterable[str] = SCOPES,
        expires_at: int | None = None,
        *,
        replace_oldest: bool = False,
    ) -> tuple[str, str]:
        """Make a token for the client of this name, which is created when there is none.

        A client has at most :data:`MOST_LIVE` live tokens, the old and the new of a rotation.

        Args:
            workspace: row id of the workspace.
            name: the client's name.
            profile: the client's identity provider; ``None`` keeps what an existing client has,
                and means ``generic`` for a new one.
            scopes: what the token allows.
            expires_at: until when it is good, in microseconds since the epoch; ``None``: for good.
            replace_oldest: revoke the oldest live tokens where there would be too many.

        Returns:
            the token's text, which cannot be shown again, and its id.

        Raises:
            ValueError: a scope is unknown, or there is none.
            TooManyLive: the client has two live tokens, and none is to be replaced.
        """
        allowed = checked_scopes(scopes)
        text, token_id, now = new_secret(TOKEN_PREFIX), new_id(), self._clock()
        async with self._database.transaction() as session:
            client_id = await ensure_client(session, workspace, name, profile, now)
            excess = await excess_of(session, "scim_token", client_id, now)
            if excess and not replace_oldest:
                raise TooManyLive("tokens", name, excess)
            await revoke_all(session, "scim_token", excess[: len(excess) - MOST_LIVE + 1], now)
            await session.execute(
                "INSERT INTO scim_token (id, client_id, token_hash, scopes, created_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (token_id, client_id, digest(text), allowed, now, expires_at),
            )
        if excess:
            self._revoked()
        return text, token_id

    async def authenticate(self, token: str) -> TokenRecord | None:
        """Return what a token allows, or ``None`` for one that is unknown, expired or revoked."""
        if len(token) != TOKEN_LENGTH or not token.startswith(TOKEN_PREFIX):
            return None
        now = self._clock()
        row = await self._database.session.row(
            f"SELECT {COLUMNS} FROM scim_token AS t JOIN scim_client AS c "
            "ON c.id = t.client_id WHERE t.token_hash = ? AND t.revoked_at IS NULL "
            "AND (t.expires_at IS NULL OR t.expires_at > ?)",
            (digest(token), now),
        )
        if row is None:
            return None
        if (row["last_used_at"] or 0) <= now - USED_EVERY_US:
            async with self._database.transaction() as session:
                await note_use(session, "scim_token", row["id"], now)
        return token_record(row)

    async def revoke(self, workspace: int | None, token_id: str) -> bool:
        """Make a token worthless from now on; tells whether it was good for something before.

        Args:
            workspace: the workspace it has to be in, or ``None`` for an operator, who may reach
                every workspace.
            token_id: its id.
        """
        async with self._database.transaction() as session:
            done = await revoke_one(session, "scim_token", workspace, token_id, self._clock())
        self._revoked()
        return done

    async def list(self, workspace: int) -> list[TokenInfo]:
        """Return the tokens of a workspace, revoked and expired ones included, newest first."""
        rows = await self._database.session.rows(
            f"SELECT {COLUMNS} FROM scim_token AS t JOIN scim_client AS c "
            "ON c.id = t.client_id WHERE c.workspace_id = ? ORDER BY t.id DESC",
            (workspace,),
        )
        return [token_info(row) for row in rows]

    async def clients(self, workspace: int) -> Clients:
        """Return the SCIM clients of a workspace, by name."""
        rows = await self._database.session.rows(
            "SELECT id, workspace_id, name, profile, created_at FROM scim_client "
            "WHERE workspace_id = ? ORDER BY name",
            (workspace,),
        )
        return [
            ClientRecord(r["id"], r["workspace_id"], r["name"], r["profile"], r["created_at"])
            for r in rows
        ]


# -- what the other kinds of access share ------------------------------------------------------


async def ensure_client(
    session: Session, workspace: int, name: str, profile: str | None, now: int
) -> str:
    """Return the id of the client of this name, which is created when there is none.

    Its row stays locked until the transaction ends, so that who counts its secrets next waits.
    """
    rows = await session.rows(
        "INSERT INTO scim_client (id, workspace_id, name, profile, created_at) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (workspace_id, name) DO UPDATE SET "
        "profile = COALESCE(?, scim_client.profile) RETURNING id",
        (new_id(), workspace, name, profile or DEFAULT_PROFILE, now, profile),
    )
    return str(rows[0]["id"])


def token_record(row: Row) -> TokenRecord:
    """Return what a row says: a secret's own columns, and its client's name, profile, workspace."""
    return TokenRecord(
        id=row["id"],
        client_id=row["client_id"],
        client_name=row["name"],
        workspace=row["workspace_id"],
        profile=row["profile"],
        scopes=frozenset(row["scopes"].split()),
        expires_at=row["expires_at"],
    )


def token_info(row: Row) -> TokenInfo:
    """Return a row as an administrator sees it."""
    return TokenInfo(
        id=row["id"],
        client_id=row["client_id"],
        client_name=row["name"],
        profile=row["profile"],
        scopes=frozenset(row["scopes"].split()),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
