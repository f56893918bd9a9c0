"""OAuth 2.0 client credentials (RFC 6749 §4.4): client secrets and the access tokens they buy.

The client id is the id of the SCIM client, so that it stays while secrets rotate. An access token
dies with the secret that it was bought with.
"""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scim.identifiers import new_id
from storage.access.clients import (
    TokenInfo,
    TokenRecord,
    ensure_client,
    token_info,
    token_record,
)
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
from storage.database import Database, Session, now_us
from storage.sync.room import Clock

CLIENT_SECRET_PREFIX = "ezto_cs_"  # noqa: S105 - what every secret begins with, not one of them

ACCESS_TOKEN_PREFIX = "ezto_at_"  # noqa: S105 - what every token begins with, not one of them

ACCESS_TOKEN_LENGTH = len(ACCESS_TOKEN_PREFIX) + SECRET_LENGTH

MOST_ACCESS_TOKENS = 1_000
"""Live access tokens of one secret; a client that asks for more loses its oldest."""

COLUMNS = (
    "s.id, s.client_id, s.scopes, s.created_at, s.expires_at, s.last_used_at, s.revoked_at, "
    "c.name, c.profile, c.workspace_id"
)


@dataclass(frozen=True, slots=True)
class NewClientSecret:
    """What the administrator copies into the identity provider, once.

    Attributes:
        client_id: what the client calls itself.
        secret: its secret, which cannot be shown again.
        secret_id: what the secret is revoked by.
    """

    client_id: str
    secret: str
    secret_id: str


class OAuthClients:
    """The client secrets of all workspaces, and the access tokens."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock = now_us,
        revoked: Callable[[], None] = lambda: None,
    ) -> None:
        """Work on a database; see :class:`storage.access.clients.ScimClients`."""
        self._database = database
        self._clock = clock
        self._revoked = revoked

    async def create_secret(
        self,
        workspace: int,
        name: str,
        profile: str | None = None,
        scopes: Iterable[str] = SCOPES,
        expires_at: int | None = None,
        *,
        replace_oldest: bool = False,
    ) -> NewClientSecret:
        """Make a secret for the client of this name, which is created when there is none.

        Raises:
            ValueError: a scope is unknown, or there is none.
            TooManyLive: the client has two live secrets, and none is to be replaced.
        """
        allowed = checked_scopes(scopes)
        secret, secret_id, now = new_secret(CLIENT_SECRET_PREFIX), new_id(), self._clock()
        async with self._database.transaction() as session:
            client_id = await ensure_client(session, workspace, name, profile, now)
            excess = await excess_of(session, "oauth_secret", client_id, now)
            if excess and not replace_oldest:
                raise TooManyLive("client secrets", name, excess)
            await revoke_all(session, "oauth_secret", excess[: len(excess) - MOST_LIVE + 1], now)
            await session.execute(
                "INSERT INTO oauth_secret (id, client_id, secret_hash, scopes, created_at, "
                "expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                (secret_id, client_id, digest(secret), allowed, now, expires_at),
            )
        if excess:
            self._revoked()
        return NewClientSecret(client_id, secret, secret_id)

    async def check(self, client_id: str, secret: str) -> TokenRecord | None:
        """Return what a client's secret allows, or ``None`` if it is not one of its live ones."""
        rows = await self._database.session.rows(
            f"SELECT {COLUMNS}, s.secret_hash FROM oauth_secret AS s JOIN scim_client AS c "
            "ON c.id = s.client_id WHERE s.client_id = ? AND s.revoked_at IS NULL "
            "AND (s.expires_at IS NULL OR s.expires_at > ?)",
            (client_id if client_id.isascii() and client_id.isprintable() else "", self._clock()),
        )
        given = digest(secret)
        good = [row for row in rows if hmac.compare_digest(row["secret_hash"], given)]
        return token_record(good[0]) if good else None

    async def issue(
        self, record: TokenRecord, scopes: Iterable[str], seconds: int
    ) -> tuple[str, int]:
        """Return a new access token for a client whose secret was checked, and its lifetime.

        It lives as many seconds as is said, but no longer than the secret. Expired ones are
        cleared away.
        """
        text, now = new_secret(ACCESS_TOKEN_PREFIX), self._clock()
        until = now + seconds * 1_000_000
        if record.expires_at is not None:
            until = min(until, record.expires_at)
        async with self._database.transaction() as session:
            await _clear(session, record.id, now)
            await session.execute(
                "INSERT INTO oauth_token (token_hash, secret_id, scopes, created_at, expires_at) "
                "VALUES (?, ?, ?, ?, ?)",
                (digest(text), record.id, checked_scopes(scopes), now, until),
            )
            await note_use(session, "oauth_secret", record.id, now)
        return text, (until - now) // 1_000_000

    async def authenticate(self, token: str) -> TokenRecord | None:
        """Return what an access token allows, or ``None`` for one that is not good (any more)."""
        if len(token) != ACCESS_TOKEN_LENGTH or not token.startswith(ACCESS_TOKEN_PREFIX):
            return None
        now = self._clock()
        row = await self._database.session.row(
            "SELECT s.id, s.client_id, a.scopes, a.expires_at, s.last_used_at, c.name, c.profile, "
            "c.workspace_id FROM oauth_token AS a JOIN oauth_secret AS s ON s.id = a.secret_id "
            "JOIN scim_client AS c ON c.id = s.client_id "
            "WHERE a.token_hash = ? AND a.expires_at > ? AND s.revoked_at IS NULL",
            (digest(token), now),
        )
        if row is None:
            return None
        if (row["last_used_at"] or 0) <= now - USED_EVERY_US:
            async with self._database.transaction() as session:
                await note_use(session, "oauth_secret", row["id"], now)
        return token_record(row)

    async def revoke(self, workspace: int | None, secret_id: str) -> bool:
        """Make a secret and its access tokens worthless; tells whether it was good before.

        Args:
            workspace: the workspace it has to be in, or ``None`` for an operator.
            secret_id: its id.
        """
        async with self._database.transaction() as session:
            done = await revoke_one(session, "oauth_secret", workspace, secret_id, self._clock())
            if done:
                await session.execute("DELETE FROM oauth_token WHERE secret_id = ?", (secret_id,))
        self._revoked()
        return done

    async def list(self, workspace: int) -> list[TokenInfo]:
        """Return the client secrets of a workspace, revoked ones included, newest first."""
        rows = await self._database.session.rows(
            f"SELECT {COLUMNS} FROM oauth_secret AS s JOIN scim_client AS c "
            "ON c.id = s.client_id WHERE c.workspace_id = ? ORDER BY s.id DESC",
            (workspace,),
        )
        return [token_info(row) for row in rows]


async def _clear(session: Session, secret_id: str, now: int) -> None:
    """Remove the expired access tokens of a secret, and the oldest where there are too many."""
    await session.execute(
        "DELETE FROM oauth_token WHERE secret_id = ? AND expires_at <= ?", (secret_id, now)
    )
    await session.execute(
        "DELETE FROM oauth_token WHERE token_hash IN (SELECT token_hash FROM oauth_token "
        "WHERE secret_id = ? ORDER BY created_at DESC LIMIT 1000000 OFFSET ?)",
        (secret_id, MOST_ACCESS_TOKENS - 1),
    )
