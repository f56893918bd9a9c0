"""Everything about access that one process has, put together."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.access.admin import AccessAdmin
from gateway.access.credential import Credential
from gateway.access.jwks import KeySets, fetch_keys
from gateway.access.limits import FailureLimit, TokenBuckets
from gateway.access.verifier import JwtVerifier
from gateway.http.access import BearerAuthenticator
from gateway.http.oauth import TokenEndpoint
from gateway.settings import Settings
from scim.caller import Caller
from scim.provisioning.authority import Source, SourceKind
from storage.access import JwtIssuers, OAuthClients, ScimClients, TokenRecord, Workspaces
from storage.access.oauth import ACCESS_TOKEN_LENGTH
from storage.database import Database, now_us


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What access depends on outside of the process; tests put their own in its place.

    Attributes:
        now_us: the moment, in microseconds since the epoch.
        monotonic: seconds that only grow.
        fetch: reads the keys of an issuer.
    """

    now_us: Callable[[], int] = now_us
    monotonic: Callable[[], float] = time.monotonic
    fetch: Callable[[str], Awaitable[bytes]] = field(default=fetch_keys)


class AccessControl:
    """The repositories, the gate, and the administration of access.

    Attributes:
        clients: SCIM clients and their tokens.
        oauth: client secrets and access tokens.
        issuers: issuers of JWTs.
        admin: giving access and taking it.
        authenticator: the gate that every SCIM request passes.
        token_endpoint: where client secrets are exchanged for access tokens.
    """

    def __init__(
        self,
        database: Database,
        workspaces: Workspaces,
        settings: Settings,
        surroundings: Surroundings | None = None,
    ) -> None:
        around = surroundings or Surroundings()
        self._now_us = around.now_us
        self.clients = ScimClients(database, clock=around.now_us, revoked=self.forget)
        self.oauth = OAuthClients(database, clock=around.now_us, revoked=self.forget)
        self.issuers = JwtIssuers(database, clock=around.now_us, removed=self.forget)
        self.admin = AccessAdmin(workspaces, self.clients, self.oauth, self.issuers)
        self._verifier = JwtVerifier(
            self.issuers, KeySets(around.fetch, around.monotonic), lambda: around.now_us() / 1e6
        )
        rates = TokenBuckets(settings.rate_per_second, settings.rate_burst, around.monotonic)
        failures = FailureLimit(settings.failed_tokens_per_minute, around.monotonic)
        self.authenticator = BearerAuthenticator(self.look_up, around.monotonic, rates, failures)
        self.token_endpoint = TokenEndpoint(
            self.oauth, rates, failures, settings.oauth_token_seconds
        )

    def forget(self) -> None:
        """Believe no token any more without asking the database again."""
        self.authenticator.forget()

    async def look_up(self, token: str) -> Credential | None:
        """Return what a bearer token proves, or ``None`` if it is not good.

        Raises:
            KeysUnavailableError: it is a JWT whose issuer's keys cannot be read now.
        """
        if token.count(".") == 2:
            return await self._verifier.verify(token)
        if len(token) == ACCESS_TOKEN_LENGTH:
            return self._credential("oauth", await self.oauth.authenticate(token))
        return self._credential("token", await self.clients.authenticate(token))

    def _credential(self, kind: str, record: TokenRecord | None) -> Credential | None:
        if record is None:
            return None
        until = record.expires_at
        return Credential(
            caller=Caller(
                source=Source(SourceKind.scim_client, record.client_id),
                workspace_id=record.workspace,
                scopes=record.scopes,
                profile=record.profile,
                actor=f"{kind}:{record.id}",
            ),
            key=f"{kind}:{record.id}",
            seconds=None if until is None else (until - self._now_us()) / 1e6,
        )
