"""Getting access tokens, for the application itself or for a person who signed in.

msal is blocking, so each attempt runs in a thread of its own, with a new application object:
msal keeps a refusal for a minute in it. Sources: Microsoft identity platform: OAuth 2.0 client
credentials flow, refresh tokens; msal for Python.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msal

from azure_adapter.graph.credentials import ClientCredentials, is_directory_id
from azure_adapter.graph.endpoints import GraphEndpoints
from azure_adapter.graph.login_http import DamagedReply, LoginHttp, LoginReply
from azure_adapter.graph.permissions import SCOPES, facts_of
from azure_adapter.graph.retry import Backoff, Pace, RetryPolicy, parse_retry_after
from azure_adapter.graph.signin_errors import (
    NOBODY,
    OTHER_DIRECTORY,
    Refusal,
    detail,
    is_transient,
    refusal_of,
)
from azure_adapter.graph.threads import in_thread
from scim.provisioning.records import SourceError, SourceNeedsLogin, SourceUnavailable

SIGN_IN_POLICY: Final = RetryPolicy(attempts=3, budget=60.0, attempt_seconds=20.0)
"""The patience of signing in."""

_MARGIN: Final = 300.0
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")

Save = Callable[[str], Awaitable[object]]
"""Keeps a token cache, which is as secret as a password."""


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
class Granted:
    """A token, and how long it is good."""

    token: str = field(repr=False)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """A sign-in that failed; ``refusal`` is None for passing trouble."""

    detail: str
    refusal: Refusal | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str = field(repr=False)
    until: float = 0.0


class SignIn(ABC):
    """Gets tokens and keeps them while they are good; use one per running event loop.

    Args:
        credentials: The app registration.
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
        self.credentials = credentials
        self.endpoints = endpoints or GraphEndpoints()
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
                self._kept = kept = await self._sign_in(fresh=refused is not None)
            return kept.token

    async def _sign_in(self, *, fresh: bool) -> _Kept:
        refusal = self.credentials.problem()
        if refusal is not None:
            raise self._needs_login(refusal, "")
        backoff = Backoff(self._policy, self._pace)
        while True:
            began = self._pace.clock()
            answer = await in_thread(lambda: self._ask(fresh=fresh))
            await self._after()
            if isinstance(answer, Granted):
                self._check_directory(answer.token)
                return _Kept(answer.token, began + _usable(answer.seconds))
            if answer.refusal is not None:
                raise self._needs_login(answer.refusal, answer.detail)
            if not await backoff.wait(answer.retry_after):
                raise self._unavailable(answer)

    def _ask(self, *, fresh: bool) -> Granted | Refused:
        """Sign in once; runs in a thread."""
        seconds, now = self._policy.attempt_seconds, self._pace.now()
        return ask(
            self.endpoints, seconds, now, lambda http: self._acquire(self._app(http), fresh=fresh)
        )

    def _app(self, http: LoginHttp) -> Any:
        return new_app(self.credentials, self.endpoints, http)

    @abstractmethod
    def _acquire(self, app: Any, *, fresh: bool) -> Any:
        """Ask msal for a token."""

    async def _after(self) -> None:  # noqa: B027 - most have nothing to do
        """Do what has to be done after an attempt."""

    def _check_directory(self, token: str) -> None:
        """Refuse a token of another directory than the one that was asked for."""
        asked, told = self.credentials.tenant_id, facts_of(token).tenant_id
        if told and is_directory_id(asked) and told.lower() != asked.lower():
            raise self._needs_login(OTHER_DIRECTORY, f" ({told})")

    def _needs_login(self, refusal: Refusal, said: str) -> SourceError:
        return SourceNeedsLogin(
            refusal.code, f"{self._subject()} failed: {refusal.reason}{said}.", refusal.advice
        )

    def _unavailable(self, answer: Refused) -> SourceError:
        return unavailable(self._subject(), answer, self.endpoints)

    def _subject(self) -> str:
        one = self.credentials
        return f"Signing in to the Azure tenant {one.tenant_id} as application {one.client_id}"


class ClientSignIn(SignIn):
    """Gets tokens of the application itself, by client credentials."""

    def _acquire(self, app: Any, *, fresh: bool) -> Any:  # noqa: ARG002 - each app has no cache
        return app.acquire_token_for_client(scopes=[self.endpoints.scope])


class AccountSignIn(SignIn):
    """Gets tokens of a person who signed in, from the token cache of that login.

    Args:
        credentials: The app registration, its tenant being the person's directory.
        cache: The token cache as the login gave it.
        save: Keeps the token cache whenever it changed.
        endpoints: Where sign-in is.
        policy: Patience with a sign-in that does not answer.
        pace: Time and chance.
    """

    def __init__(
        self,
        credentials: ClientCredentials,
        cache: str,
        save: Save,
        endpoints: GraphEndpoints | None = None,
        *,
        policy: RetryPolicy = SIGN_IN_POLICY,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(credentials, endpoints, policy=policy, pace=pace)
        self._cache = new_cache(cache)
        self._save = save

    def _app(self, http: LoginHttp) -> Any:
        return new_app(self.credentials, self.endpoints, http, self._cache)

    def _acquire(self, app: Any, *, fresh: bool) -> Any:
        scopes = [f"{self.endpoints.graph_url}/{name}" for name in SCOPES]
        for account in app.get_accounts():
            found = app.acquire_token_silent_with_error(scopes, account, force_refresh=fresh)
            if found is not None:
                return found
        return NOBODY

    async def _after(self) -> None:
        if self._cache.has_state_changed:
            await self._save(self._cache.serialize())


def new_cache(text: str = "") -> Any:
    """Make a token cache; a text that is none makes an empty one."""
    cache = msal.SerializableTokenCache()
    try:
        cache.deserialize(text or None)
    except (ValueError, AttributeError):
        cache = msal.SerializableTokenCache()
    return cache


def new_app(
    credentials: ClientCredentials, endpoints: GraphEndpoints, http: LoginHttp, cache: Any = None
) -> Any:
    """Make msal's application object, for one attempt."""
    return msal.ConfidentialClientApplication(
        credentials.client_id,
        client_credential=credentials.msal(),
        authority=f"{endpoints.login_url}/{credentials.tenant_id}",
        http_client=http,
        token_cache=cache,
        instance_discovery=False,
    )


def ask(
    endpoints: GraphEndpoints, seconds: float, now: float, acquire: Callable[[LoginHttp], Any]
) -> Granted | Refused:
    """Call msal once, and say what came of it; blocking."""
    http = LoginHttp(endpoints.login_http(seconds))
    try:
        result = acquire(http)
    except Exception as error:  # msal raises ValueError, KeyError, RuntimeError and its own
        return explain(http.last, error, now)
    finally:
        http.close()
    if isinstance(result, Refusal):
        return Refused("", result)
    return _granted(result) or explain(http.last, None, now)


def explain(last: LoginReply | None, error: Exception | None, now: float) -> Refused:
    """Say why there is no token; neither the credential nor the answer's text is repeated."""
    if last is None:
        kind = str(error) if isinstance(error, DamagedReply) else type(error).__name__
        return Refused(f"the sign-in service could not be reached ({kind})")
    retry_after = parse_retry_after(last.headers.get("retry-after"), now)
    status, body = last.status_code, last.body()
    if is_transient(status, body):
        return Refused(f"the sign-in service answered HTTP {status}", retry_after=retry_after)
    if isinstance(body.get("error"), str):
        return Refused(detail(body), refusal_of(body))
    return Refused(
        f"the sign-in service answered HTTP {status} with something else than a token; a proxy "
        "or firewall may be in between",
        retry_after=retry_after,
    )


def unavailable(subject: str, answer: Refused, endpoints: GraphEndpoints) -> SourceError:
    """Build the error of a sign-in service that does not answer."""
    return SourceUnavailable(
        "sign_in_unavailable",
        f"{subject} failed: {answer.detail}.",
        "Nothing has to be done if this passes: the sync tries again. If it stays, check "
        f"that this server reaches {endpoints.login_url}.",
    )


def _granted(result: Any) -> Granted | None:
    token = result.get("access_token") if isinstance(result, dict) else None
    if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
        return None
    seconds = result.get("expires_in")
    return Granted(token, float(seconds) if isinstance(seconds, (int, float)) else 0.0)


def _usable(seconds: float) -> float:
    """Return for how long a token is kept: it ends early, but never before half its life."""
    return max(seconds - _MARGIN, seconds / 2)
