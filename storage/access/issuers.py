"""Issuers whose JWTs open the workspace of a SCIM client."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from scim.identifiers import new_id
from storage.access.clients import ensure_client
from storage.access.errors import BindingTaken
from storage.access.secrets import SCOPES, USED_EVERY_US, checked_scopes, note_use
from storage.database import Database, Row, Session, now_us
from storage.sync.room import Clock
from storage.sync.values import from_json, to_json

COLUMNS = (
    "i.id, i.client_id, i.issuer, i.audience, i.directory, i.claims, i.jwks_url, i.algorithms, "
    "i.scopes, i.created_at, i.last_used_at, c.name, c.profile, c.workspace_id"
)


@dataclass(frozen=True, slots=True)
class IssuerBinding:
    """What a JWT must say to open a SCIM client.

    Attributes:
        issuer: the claim ``iss``, exactly.
        audience: one of the claim ``aud``, exactly.
        jwks_url: where the issuer's keys are (RFC 7517 §5).
        algorithms: of ``RS256`` and ``ES256``, those that may sign.
        directory: the claim ``tid``, exactly, or "" where the issuer has none.
        claims: further claims that must have exactly these values.
    """

    issuer: str
    audience: str
    jwks_url: str
    algorithms: tuple[str, ...]
    directory: str
    claims: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class IssuerRecord:
    """A binding, and the SCIM client that it opens. Moments are microseconds."""

    id: str
    client_id: str
    client_name: str
    workspace: int
    profile: str
    binding: IssuerBinding
    scopes: frozenset[str]
    created_at: int
    last_used_at: int | None


Records = list[IssuerRecord]


class JwtIssuers:
    """The issuers of all workspaces."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock = now_us,
        removed: Callable[[], None] = lambda: None,
    ) -> None:
        """Work on a database.

        Args:
            database: the open database.
            clock: what tells the time.
            removed: called after every removal, so that who remembers good tokens forgets.
        """
        self._database = database
        self._clock = clock
        self._removed = removed

    async def add(
        self,
        workspace: int,
        name: str,
        bindings: Sequence[IssuerBinding],
        profile: str | None = None,
        scopes: Iterable[str] = SCOPES,
    ) -> list[str]:
        """Bind issuers to the client of this name, created when there is none; return the ids.

        Raises:
            ValueError: a scope is unknown, or there is none.
            BindingTaken: an issuer and audience open a client already, here or elsewhere; then
                none of them is added.
        """
        allowed, now = checked_scopes(scopes), self._clock()
        async with self._database.transaction() as session:
            client_id = await ensure_client(session, workspace, name, profile, now)
            return [
                await _insert(session, client_id, binding, allowed, now) for binding in bindings
            ]

    async def of_issuer(self, issuer: str) -> Records:
        """Return the bindings of an issuer, in whichever workspaces they are."""
        return await self._select("i.issuer = ?", (issuer,))

    async def list(self, workspace: int) -> Records:
        """Return the bindings of a workspace, the oldest first."""
        return await self._select("c.workspace_id = ?", (workspace,))

    async def remove(self, workspace: int | None, issuer_id: str) -> bool:
        """Remove a binding; its tokens open nothing from now on. Tells whether there was one.

        Args:
            workspace: the workspace it has to be in, or ``None`` for an operator.
            issuer_id: its id.
        """
        inside = (
            ""
            if workspace is None
            else (" AND client_id IN (SELECT id FROM scim_client WHERE workspace_id = ?)")
        )
        parameters = (issuer_id,) if workspace is None else (issuer_id, workspace)
        async with self._database.transaction() as session:
            row = await session.row(
                f"DELETE FROM jwt_issuer WHERE id = ?{inside} RETURNING id", parameters
            )
        self._removed()
        return row is not None

    async def note_use(self, record: IssuerRecord) -> None:
        """Write down, once a minute, that a token of this binding was accepted."""
        now = self._clock()
        if (record.last_used_at or 0) <= now - USED_EVERY_US:
            async with self._database.transaction() as session:
                await note_use(session, "jwt_issuer", record.id, now)

    async def _select(self, condition: str, parameters: tuple[object, ...]) -> Records:
        rows = await self._database.session.rows(
            f"SELECT {COLUMNS} FROM jwt_issuer AS i JOIN scim_client AS c ON c.id = i.client_id "
            f"WHERE {condition} ORDER BY i.id",
            parameters,
        )
        return [_record(row) for row in rows]


async def _insert(
    session: Session, client_id: str, binding: IssuerBinding, scopes: str, now: int
) -> str:
    row = await session.row(
        "INSERT INTO jwt_issuer (id, client_id, issuer, audience, directory, claims, jwks_url, "
        "algorithms, scopes, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (issuer, audience) DO NOTHING RETURNING id",
        (
            new_id(),
            client_id,
            binding.issuer,
            binding.audience,
            binding.directory,
            to_json(dict(binding.claims)),
            binding.jwks_url,
            " ".join(binding.algorithms),
            scopes,
            now,
        ),
    )
    if row is None:
        raise BindingTaken(binding.issuer, binding.audience)
    return str(row["id"])


def _record(row: Row) -> IssuerRecord:
    return IssuerRecord(
        id=row["id"],
        client_id=row["client_id"],
        client_name=row["name"],
        workspace=row["workspace_id"],
        profile=row["profile"],
        binding=IssuerBinding(
            issuer=row["issuer"],
            audience=row["audience"],
            jwks_url=row["jwks_url"],
            algorithms=tuple(row["algorithms"].split()),
            directory=row["directory"],
            claims=from_json(row["claims"], {}),
        ),
        scopes=frozenset(row["scopes"].split()),
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
    )
