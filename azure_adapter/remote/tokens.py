"""Tokens for a remote SCIM server: one that was given, or OAuth 2.0 client credentials.

Source: RFC 6749 §2.3.1 (client authentication), §4.4 (client credentials), §5.1 and §5.2.
"""

import asyncio
import re
from typing import Any, Final, Protocol
from urllib.parse import quote_plus

import httpx

from azure_adapter.graph.payload import Damaged, parse_object
from azure_adapter.graph.retry import Backoff, Pace, RetryPolicy, parse_retry_after
from azure_adapter.remote.answers import AGAIN
from azure_adapter.remote.errors import refused_client, unavailable
from azure_adapter.remote.settings import BearerToken, ClientAuthentication, OAuthClient

MASK: Final = "***"

EARLY_S: Final = 60.0
"""A token is renewed this many seconds before it ends."""

DEFAULT_LIFETIME_S: Final = 300.0
"""How long a token is taken to be good that does not say so."""

MOST_BYTES: Final = 64 * 1024
"""Size of a token endpoint's answer at most."""

_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]+")
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_WORD: Final = re.compile(r"[a-z_]{1,40}")


class TokenSource(Protocol):
    """Gives the token of each request, and keeps it out of texts."""

    async def token(self, refused: str = "") -> str:
        """Return a token.

        Args:
            refused: one that the server refused; another is given if there can be one.

        Raises:
            RemoteCredentialRefused: there is none to be had.
            RemoteUnavailable: the token endpoint does not answer.
        """
        ...

    def hide(self, text: str) -> str:
        """Return a text without the secrets that this source knows, and what looks like one."""
        ...


class GivenToken:
    """The one token that the settings hold."""

    def __init__(self, credential: BearerToken) -> None:
        self._value = credential.value

    async def token(self, refused: str = "") -> str:
        """Return the token; there is no other. See :class:`TokenSource`."""
        del refused
        return self._value

    def hide(self, text: str) -> str:
        """Return a text without it."""
        return _hidden(text, self._value)


class ClientTokens:
    """Gets tokens for a client, and renews them before they end.

    Args:
        client: who asks.
        http: sends the requests; it is not closed.
        policy: patience of one renewal.
        pace: time and chance.
    """

    def __init__(
        self, client: OAuthClient, http: httpx.AsyncClient, policy: RetryPolicy, pace: Pace
    ) -> None:
        self._client = client
        self._http = http
        self._policy = policy
        self._pace = pace
        self._token = ""
        self._ends = 0.0
        self._seen: list[str] = []
        self._lock = asyncio.Lock()

    async def token(self, refused: str = "") -> str:
        """Return a token that is still good; see :class:`TokenSource`."""
        async with self._lock:
            stale = self._pace.clock() >= self._ends
            if not self._token or stale or self._token == refused:
                await self._renew()
            return self._token

    def hide(self, text: str) -> str:
        """Return a text without the client secret and the tokens."""
        secret = self._client.client_secret
        return _hidden(text, *self._seen, secret, quote_plus(secret))

    async def _renew(self) -> None:
        body = await self._granted()
        token, seconds = body.get("access_token"), body.get("expires_in")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise refused_client("an answer without access_token", self._client.token_url)
        self._token = token
        self._ends = self._pace.clock() + max(_number(seconds) - EARLY_S, EARLY_S)
        self._seen = [*self._seen[-1:], token]

    async def _granted(self) -> dict[str, Any]:
        """Return the answer of RFC 6749 §5.1."""
        backoff = Backoff(self._policy, self._pace)
        while True:
            status, header, body = await self._asked(backoff.seconds_left)
            if status == 200 and body:
                return body
            if status not in AGAIN and status != 200:
                raise refused_client(_word_of(status, body), self._client.token_url)
            if not await backoff.wait(parse_retry_after(header, self._pace.now())):
                what = f"HTTP {status}" if status else "no answer"
                raise unavailable(
                    "token_endpoint", f"The token endpoint {self._client.token_url} gave {what}."
                )

    async def _asked(self, seconds: float) -> tuple[int, str | None, dict[str, Any]]:
        """Ask once; returns (status, Retry-After, body), with status 0 for no usable answer."""
        form, headers = self._request()
        try:
            async with (
                asyncio.timeout(seconds),
                self._http.stream(
                    "POST", self._client.token_url, data=form, headers=headers
                ) as response,
            ):
                content = b""
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > MOST_BYTES:
                        return 0, None, {}
                waits = response.headers.get("retry-after")
                return response.status_code, waits, _object(content)
        except (httpx.HTTPError, TimeoutError):
            return 0, None, {}

    def _request(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return form and headers (RFC 6749 §4.4.2)."""
        client = self._client
        form = {"grant_type": "client_credentials"}
        form |= {"scope": client.scope} if client.scope else {}
        form |= {"audience": client.audience} if client.audience else {}
        headers = {"Accept": "application/json"}
        if client.authentication is ClientAuthentication.post:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
        else:
            pair = httpx.BasicAuth(quote_plus(client.client_id), quote_plus(client.client_secret))
            signed = next(pair.sync_auth_flow(httpx.Request("POST", client.token_url)))
            headers["Authorization"] = signed.headers["Authorization"]
        return form, headers


def _object(content: bytes) -> dict[str, Any]:
    try:
        return parse_object(content)
    except Damaged:
        return {}


def _word_of(status: int, body: dict[str, Any]) -> str:
    word = body.get("error")
    known = isinstance(word, str) and _WORD.fullmatch(word)
    return str(word) if known else f"HTTP {status}"


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return DEFAULT_LIFETIME_S


def _hidden(text: str, *secrets: str) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return _BEARER.sub(rf"\1 {MASK}", text)
