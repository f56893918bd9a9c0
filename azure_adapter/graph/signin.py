"""Signing in with an app registration's own credential, and keeping the token while it is good.

Sources: Microsoft identity platform: OAuth 2.0 client credentials flow; msal for Python.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msal

from azure_adapter.graph.endpoints import GraphEndpoints
from azure_adapter.graph.login_http import DamagedReply, LoginHttp, LoginReply
from azure_adapter.graph.retry import Backoff, Pace, RetryPolicy, parse_retry_after
from azure_adapter.graph.signin_errors import (
    NO_SECRET,
    UNKNOWN_APP,
    UNKNOWN_TENANT,
    Refusal,
    is_transient,
    numbers,
    refusal_of,
)
from scim.provisioning.ports import SourceError, SourceNeedsLogin, SourceUnavailable

SIGN_IN_POLICY: Final = RetryPolicy(attempts=3, budget=60.0, attempt_seconds=20.0)
"""The patience of signing in."""

_MARGIN: Final = 300.0
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_CLIENT: Final = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
_SHARED: Final = frozenset({"common", "organizations", "consumers"})
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


class TokenSource(Protocol):
    """Gives access tokens for Graph."""

    async def token(self, refused: str | None = None) -> str:
        """Return a good access token.

        Args:
            refused: A token that Graph has just refused; it is not given again.

        Raises:
            SourceNeedsLogin: a person has to act.
            SourceUnavailable: sign-in does not answer now.
        """
        ...


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The credential of an app registration.

    Attributes:
        tenant_id: Directory (tenant) id or a verified domain.
        client_id: Application (client) id.
        client_secret: Secret; not in ``repr``.
    """

    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str = field(repr=False)
    until: float = 0.0


class ClientSignIn:
    """Gets tokens by client credentials; use one per running event loop.

    Args:
        credentials: Whose token.
        endpoints: Where sign-in is.
        policy: Patience with a sign-in that does not answer.
        pace: Time and chance.
    """

    def __init__(
        self,
        credentials: ClientCredentials,
        endpoints: GraphEndpoints | None = None,
        *,
        policy: RetryPolicy = SIGN_IN_POLICY,
        pace: Pace | None = None,
    ) -> None:
        self._credentials = credentials
        self._endpoints = endpoints or GraphEndpoints()
        self._policy = policy
        self._pace = pace or Pace()
        self._kept: _Kept | None = None
        self._lock = asyncio.Lock()

    async def token(self, refused: str | None = None) -> str:
        """Return a good access token; see ``TokenSource``."""
        async with self._lock:
            kept = self._kept
            if kept is None or kept.token == refused or self._pace.clock() >= kept.until:
                self._kept = None
                self._kept = kept = await self._sign_in()
            return kept.token

    async def _sign_in(self) -> _Kept:
        self._check_settings()
        backoff = Backoff(self._policy, self._pace)
        while True:
            began = self._pace.clock()
            answer = await asyncio.to_thread(self._ask)
            if isinstance(answer, _Granted):
                return _Kept(answer.token, began + _usable(answer.seconds))
            if answer.refusal is not None:
                raise self._needs_login(answer.refusal, answer.detail)
            if not await backoff.wait(answer.retry_after):
                raise self._unavailable(answer)

    def _check_settings(self) -> None:
        tenant = self._credentials.tenant_id
        if _TENANT.fullmatch(tenant) is None or tenant.lower() in _SHARED:
            raise self._needs_login(UNKNOWN_TENANT, "")
        if _CLIENT.fullmatch(self._credentials.client_id) is None:
            raise self._needs_login(UNKNOWN_APP, "")
        if not self._credentials.client_secret:
            raise self._needs_login(NO_SECRET, "")

    def _ask(self) -> _Granted | _Refused:
        """Sign in once, in a thread of its own.

        msal keeps a 400 for a minute in its application object, so each attempt has a new one.
        """
        http = LoginHttp(self._endpoints.login_http(self._policy.attempt_seconds))
        try:
            result = self._acquire(http)
        except Exception as error:  # msal raises ValueError, KeyError, RuntimeError and its own
            return _explain(http.last, error, self._pace.now())
        finally:
            http.close()
        return _granted(result) or _explain(http.last, None, self._pace.now())

    def _acquire(self, http: LoginHttp) -> Any:
        credentials = self._credentials
        app = msal.ConfidentialClientApplication(
            credentials.client_id,
            client_credential=credentials.client_secret,
            authority=f"{self._endpoints.login_url}/{credentials.tenant_id}",
            http_client=http,
            instance_discovery=False,
        )
        return app.acquire_token_for_client(scopes=[self._endpoints.scope])

    def _needs_login(self, refusal: Refusal, detail: str) -> SourceError:
        return SourceNeedsLogin(
            refusal.code, f"{self._subject()} failed: {refusal.reason}{detail}.", refusal.advice
        )

    def _unavailable(self, answer: _Refused) -> SourceError:
        return SourceUnavailable(
            "sign_in_unavailable",
            f"{self._subject()} failed: {answer.detail}.",
            "Nothing has to be done if this passes: the sync tries again. If it stays, check "
            f"that this server reaches {self._endpoints.login_url}.",
        )

    def _subject(self) -> str:
        one = self._credentials
        return f"Signing in to the Azure tenant {one.tenant_id} as application {one.client_id}"


@dataclass(frozen=True, slots=True)
class _Granted:
    token: str = field(repr=False)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Refused:
    """A sign-in that failed; ``refusal`` is None for passing trouble."""

    detail: str
    refusal: Refusal | None = None
    retry_after: float | None = None


def _granted(result: Any) -> _Granted | None:
    token = result.get("access_token") if isinstance(result, dict) else None
    if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
        return None
    seconds = result.get("expires_in")
    return _Granted(token, float(seconds) if isinstance(seconds, (int, float)) else 0.0)


def _usable(seconds: float) -> float:
    """Return for how long a token is kept: it ends early, but never before half its life."""
    return max(seconds - _MARGIN, seconds / 2)


def _explain(last: LoginReply | None, error: Exception | None, now: float) -> _Refused:
    """Say why there is no token; neither the credential nor the answer's text is repeated."""
    if last is None:
        kind = str(error) if isinstance(error, DamagedReply) else type(error).__name__
        return _Refused(f"the sign-in service could not be reached ({kind})")
    retry_after = parse_retry_after(last.headers.get("retry-after"), now)
    status, body = last.status_code, last.body()
    if is_transient(status, body):
        return _Refused(f"the sign-in service answered HTTP {status}", retry_after=retry_after)
    if isinstance(body.get("error"), str):
        return _Refused(_detail(body), refusal_of(body))
    return _Refused(
        f"the sign-in service answered HTTP {status} with something else than a token; a proxy "
        "or firewall may be in between",
        retry_after=retry_after,
    )


def _detail(body: dict[str, Any]) -> str:
    found = ", ".join(f"AADSTS{number}" for number in numbers(body))
    return f" ({found})" if found else ""
