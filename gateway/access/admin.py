"""Giving access and taking it: what the command line and the dashboard do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from gateway.access.issuers import NewIssuer
from gateway.access.problem import AccessProblem
from scim.caller import READ, WRITE
from storage.access import (
    BindingTaken,
    ClientRecord,
    IssuerRecord,
    JwtIssuers,
    NewClientSecret,
    OAuthClients,
    ScimClients,
    TokenInfo,
    TooManyLive,
    Workspaces,
)

PROFILES = ("generic", "entra", "okta")

LONGEST_NAME = 128


class AccessAdmin:
    """Access to the workspaces of the installation.

    Every method takes the workspace by its name. Those that take something away take it by its id
    and, unless they get ``None`` for the workspace, only inside of that workspace.

    Args:
        workspaces: where a new one is made when it is missing.
        clients: the SCIM clients and their tokens.
        oauth: their client secrets.
        issuers: the issuers of JWTs that open them.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        clients: ScimClients,
        oauth: OAuthClients,
        issuers: JwtIssuers,
    ) -> None:
        self._workspaces = workspaces
        self._clients = clients
        self._oauth = oauth
        self._issuers = issuers

    # -- giving ----------------------------------------------------------------

    async def create_token(
        self,
        workspace: str,
        name: str,
        *,
        profile: str | None = None,
        read_only: bool = False,
        expires_at: float | None = None,
        replace_oldest: bool = False,
    ) -> tuple[str, str]:
        """Return the text of a new token, which cannot be shown again, and its id.

        Workspace and client are made when missing.

        Args:
            workspace: name of the workspace.
            name: name of the SCIM client.
            profile: dialect of its provider; ``None`` keeps what the client has.
            read_only: leave the scope ``write`` out.
            expires_at: seconds since the epoch, or ``None`` for never.
            replace_oldest: revoke the oldest token where there would be more than two.

        Raises:
            AccessProblem: a name or profile is wrong, or the client has two live tokens.
        """
        room = await self._room(workspace, name, profile)
        with _told("--replace-oldest"):
            return await self._clients.create_token(
                room,
                name,
                profile,
                scopes_of(read_only=read_only),
                _moment(expires_at),
                replace_oldest=replace_oldest,
            )

    async def create_client_secret(
        self,
        workspace: str,
        name: str,
        *,
        profile: str | None = None,
        read_only: bool = False,
        expires_at: float | None = None,
        replace_oldest: bool = False,
    ) -> NewClientSecret:
        """Return a new client secret for OAuth 2.0; see :meth:`create_token`."""
        room = await self._room(workspace, name, profile)
        with _told("--replace-oldest"):
            return await self._oauth.create_secret(
                room,
                name,
                profile,
                scopes_of(read_only=read_only),
                _moment(expires_at),
                replace_oldest=replace_oldest,
            )

    async def add_issuers(
        self,
        workspace: str,
        name: str,
        issuers: Sequence[NewIssuer],
        *,
        profile: str | None = None,
        read_only: bool = False,
    ) -> list[str]:
        """Let JWTs of issuers open a SCIM client, all of them or none; return the bindings' ids.

        Raises:
            AccessProblem: something about an issuer is wrong, or it is bound already.
        """
        bindings = [issuer.binding() for issuer in issuers]
        room = await self._room(workspace, name, profile)
        with _told(""):
            return await self._issuers.add(
                room, name, bindings, profile, scopes_of(read_only=read_only)
            )

    # -- looking ---------------------------------------------------------------

    async def clients(self, workspace: str) -> list[ClientRecord]:
        """Return the SCIM clients of a workspace, by name; none if there is no such workspace."""
        room = await self._workspaces.get(workspace)
        return [] if room is None else await self._clients.clients(room.row_id)

    async def tokens(self, workspace: str) -> list[TokenInfo]:
        """Return the tokens of a workspace, revoked and expired ones included, newest first."""
        room = await self._workspaces.get(workspace)
        return [] if room is None else await self._clients.list(room.row_id)

    async def client_secrets(self, workspace: str) -> list[TokenInfo]:
        """Return the client secrets of a workspace, revoked ones included, newest first."""
        room = await self._workspaces.get(workspace)
        return [] if room is None else await self._oauth.list(room.row_id)

    async def issuers(self, workspace: str) -> list[IssuerRecord]:
        """Return the issuers of a workspace, the oldest first."""
        room = await self._workspaces.get(workspace)
        return [] if room is None else await self._issuers.list(room.row_id)

    # -- taking ----------------------------------------------------------------

    async def revoke_token(self, token_id: str, workspace: str | None = None) -> None:
        """Make a token worthless: here at once, in other processes within seconds.

        Raises:
            AccessProblem: there is no such live token.
        """
        if not await self._clients.revoke(await self._inside(workspace), token_id):
            raise AccessProblem(
                f"There is no token {token_id!r} that could be revoked. "
                "`ezto-gateway token list --all` shows their ids and states."
            )

    async def revoke_client_secret(self, secret_id: str, workspace: str | None = None) -> None:
        """Make a client secret and its access tokens worthless, as fast as a token.

        Raises:
            AccessProblem: there is no such live secret.
        """
        if not await self._oauth.revoke(await self._inside(workspace), secret_id):
            raise AccessProblem(
                f"There is no client secret {secret_id!r} that could be revoked. "
                "`ezto-gateway client list-oauth --all` shows their ids and states."
            )

    async def remove_issuer(self, issuer_id: str, workspace: str | None = None) -> None:
        """Have the tokens of an issuer open nothing any more, as fast as a token.

        Raises:
            AccessProblem: there is no such issuer.
        """
        if not await self._issuers.remove(await self._inside(workspace), issuer_id):
            raise AccessProblem(
                f"There is no issuer {issuer_id!r}. `ezto-gateway issuer list` shows their ids."
            )

    async def _inside(self, workspace: str | None) -> int | None:
        if workspace is None:
            return None
        room = await self._workspaces.get(workspace)
        return -1 if room is None else room.row_id

    async def _room(self, workspace: str, name: str, profile: str | None) -> int:
        for what, text in (("workspace", workspace), ("client", name)):
            if not text.strip() or len(text) > LONGEST_NAME or not text.isprintable():
                raise AccessProblem(
                    f"The name of the {what} has to have 1 to {LONGEST_NAME} printable characters."
                )
        if profile is not None and profile not in PROFILES:
            raise AccessProblem(
                f"There is no profile {profile!r}. Choose one of {', '.join(PROFILES)}."
            )
        return (await self._workspaces.ensure(workspace)).row_id


State = Literal["live", "expired", "revoked"]


def state_of(info: TokenInfo, now_us: int) -> State:
    """Return whether a token or client secret is still good for something."""
    if info.revoked_at is not None:
        return "revoked"
    expired = info.expires_at is not None and info.expires_at <= now_us
    return "expired" if expired else "live"


def scopes_of(*, read_only: bool) -> tuple[str, ...]:
    """Return the scopes of a new token."""
    return (READ,) if read_only else (READ, WRITE)


def _moment(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1_000_000)


@contextmanager
def _told(option: str) -> Iterator[None]:
    """Tell what the store refuses as a problem of the administrator's, with the remedy."""
    try:
        yield
    except TooManyLive as error:
        raise AccessProblem(f"{str(error)[:-1]} ({option}).") from None
    except BindingTaken as error:
        raise AccessProblem(str(error)) from None
