"""One HTTP conversation with a remote SCIM server: bounded, patient, and without surprises.

Sources: RFC 7644 §3 (protocol), RFC 9110 §10.2.3 (Retry-After) and §15.4 (redirections), RFC 6585
§4 (429).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx
import orjson

from azure_adapter.graph.retry import Backoff, Pace, RetryPolicy
from azure_adapter.remote.answers import Answer, no_answer, read_answer
from azure_adapter.remote.errors import refused_token, unavailable, unreadable
from azure_adapter.remote.settings import RemoteSettings
from azure_adapter.remote.tokens import TokenSource
from scim.provisioning.records import SourceError

log = logging.getLogger(__name__)

PATIENCE: Final = RetryPolicy(attempts=12, budget=300.0, first_delay=0.5, longest_delay=30.0)
"""How long one request is tried: 5 minutes, most of which only throttling ever takes."""

FAILURES: Final = 4
"""How often a request is sent that fails otherwise than by throttling."""

REDIRECTS: Final = 3
"""Redirections to the same server that are followed."""

MOST_OF_WRITE: Final = 1024 * 1024
"""How much is read of an answer whose body is not needed, in bytes."""

DOWN_AFTER: Final = 25
"""So many failures in a row are an outage, even if the server answers something."""

SCIM_JSON: Final = "application/scim+json"
PLAIN_JSON: Final = "application/json"

_KEPT: Final = ("location", "etag", "retry-after")
_NONE: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        method: HTTP method.
        path: below the SCIM root, percent-encoded, such as ``/Users/17``.
        params: query parameters.
        body: JSON value, or ``None``.
        headers: further headers, such as ``If-Match``.
        shows: whether the answer is of no use without its body.
        repeatable: whether it may be sent again when nobody knows if it was received.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    shows: bool = False
    repeatable: bool = True


class Connection:
    """Sends requests to one remote SCIM server.

    Args:
        settings: where it is, and how many requests at once it gets.
        tokens: opens it.
        http: sends; it is not closed here, and must not follow redirections.
        policy: patience of one request, and size of an answer at most.
        pace: time and chance.
    """

    def __init__(
        self,
        settings: RemoteSettings,
        tokens: TokenSource,
        http: httpx.AsyncClient,
        *,
        policy: RetryPolicy = PATIENCE,
        pace: Pace | None = None,
    ) -> None:
        self._root = settings.root
        self._tokens = tokens
        self._http = http
        self._policy = policy
        self._pace = pace or Pace()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._closed_until = 0.0
        self._content_type = SCIM_JSON
        self._failed_in_a_row = 0

    async def get(self, path: str, **params: str) -> Answer:
        """Read something; an answer that is no JSON object is none."""
        return await self.ask(Asked("GET", path, params, shows=True))

    async def ask(
        self, asked: Asked, between: Callable[[], Awaitable[Answer | None]] | None = None
    ) -> Answer:
        """Send a request until there is an answer that another attempt would not mend.

        Args:
            asked: the request.
            between: called before each repetition; its answer, if any, ends the attempts.

        Returns:
            The last answer. One that has ``again`` says that patience ended; whether the server
            is down then is for :meth:`gave_up` to say.

        Raises:
            RemoteTargetError: no request could succeed now.
        """
        backoff, failures = Backoff(self._policy, self._pace), 0
        while True:
            answer = await self._send(asked, backoff.seconds_left)
            if not answer.again:
                self._failed_in_a_row = 0
                return answer
            failures += answer.status != 429
            if failures and not asked.repeatable:
                return answer
            if failures >= FAILURES or not await backoff.wait(answer.retry_after):
                return answer
            known = await between() if between else None
            if known is not None:
                return known

    async def gave_up(self, answer: Answer) -> None:
        """Decide what it means that patience ended: this one request failed, or the server did.

        Raises:
            RemoteUnavailable: it is the server: nothing else would succeed either.
        """
        self._failed_in_a_row += 1
        probe = Asked("GET", "/Users", {"count": "1"})
        if self._failed_in_a_row < DOWN_AFTER and answer.status != 429:
            alive = await self._send(probe, self._policy.attempt_seconds)
            if not alive.again:
                return
        waits = f" It asks to wait {answer.retry_after:.0f} s." if answer.retry_after else ""
        raise unavailable(answer.code or "server_error", f"{answer.detail}{waits}")

    # -- one attempt ---------------------------------------------------------

    async def _send(self, asked: Asked, seconds: float) -> Answer:
        """Send a request once; a token that is refused is renewed once."""
        await self._wait_for_the_gate()
        token = await self._tokens.token()
        answer = await self._exchange(asked, token, seconds)
        if answer.status == 401:
            renewed = await self._tokens.token(refused=token)
            if renewed == token:
                raise refused_token()
            answer = await self._exchange(asked, renewed, seconds)
        if answer.status == 401:
            raise refused_token()
        if answer.status == 415 and self._content_type == SCIM_JSON:
            self._content_type = PLAIN_JSON
            return await self._send(asked, seconds)
        self._heed(answer)
        return answer

    async def _wait_for_the_gate(self) -> None:
        delay = self._closed_until - self._pace.clock()
        if delay > 0:
            await self._pace.sleep(delay * (1 + 0.1 * self._pace.chance()))

    def _heed(self, answer: Answer) -> None:
        """Let every request wait when the server asks one to."""
        seconds = answer.retry_after or 0.0
        if answer.status in (429, 503) and 0 < seconds <= self._policy.budget:
            self._closed_until = max(self._closed_until, self._pace.clock() + seconds)

    async def _exchange(self, asked: Asked, token: str, seconds: float) -> Answer:
        """Send a request, and follow redirections within the same server."""
        url = httpx.URL(f"{self._root}{asked.path}", params=asked.params or None)
        async with self._slots:
            for _ in range(REDIRECTS + 1):
                answer = await self._once(asked, url, token, seconds)
                if answer.status not in (301, 302, 307, 308):
                    return answer
                following = _same_server(url, answer.location)
                if following is None or (answer.status < 307 and asked.method != "GET"):
                    break
                url = following
        return replace(answer, code="redirected", detail=_REDIRECTED)

    async def _once(self, asked: Asked, url: httpx.URL, token: str, seconds: float) -> Answer:
        headers = {
            "Accept": f"{SCIM_JSON}, {PLAIN_JSON}",
            "User-Agent": "ezto-gateway",
            **asked.headers,
            "Authorization": f"Bearer {token}",
        }
        content = None
        if asked.body is not None:
            content = orjson.dumps(asked.body)
            headers["Content-Type"] = self._content_type
        try:
            async with (
                asyncio.timeout(seconds),
                self._http.stream(
                    asked.method, url, headers=headers, content=content, follow_redirects=False
                ) as response,
            ):
                return await self._read(asked, response)
        except _Oversized:
            return no_answer("too_large", f"Its answer is larger than {self._most >> 20} MiB.")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return _broken(error)

    async def _read(self, asked: Asked, response: httpx.Response) -> Answer:
        succeeded = 200 <= response.status_code < 300
        content = await self._content(response, whole=asked.shows and succeeded)
        kept = {name: response.headers.get(name, "") for name in _KEPT}
        if not kept["retry-after"]:
            del kept["retry-after"]
        answer = read_answer(
            response.status_code, kept, content, now=self._pace.now(), hide=self._tokens.hide
        )
        if asked.shows and succeeded and answer.body is None:
            return no_answer("damaged_answer", "Its answer is not a JSON object.")
        return answer

    @property
    def _most(self) -> int:
        return self._policy.most_bytes

    async def _content(self, response: httpx.Response, *, whole: bool) -> bytes:
        """Return the body; of one that is not needed, nothing when it is large.

        Raises:
            _Oversized: a body that is needed is larger than the policy allows.
        """
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if whole and len(body) > self._most:
                raise _Oversized
            if not whole and len(body) > MOST_OF_WRITE:
                return b""
        return bytes(body)

    async def must_read(self, answer: Answer, what: str) -> SourceError:
        """Return the error of an answer without which nothing can be decided.

        Raises:
            RemoteUnavailable: the server is down.
        """
        if answer.again:
            await self.gave_up(answer)
        return unreadable(what, answer.detail)


class _Oversized(Exception):
    """An answer is larger than the policy allows."""


_REDIRECTED: Final = (
    "The remote server redirects to another address, which is not followed. Set its base URL to "
    "where it really is."
)


def _same_server(url: httpx.URL, location: str) -> httpx.URL | None:
    """Return where a redirection leads, or ``None`` when that is another server."""
    try:
        following = url.join(location) if location else None
    except (httpx.InvalidURL, ValueError):
        return None
    if following is None or following.userinfo:
        return None
    same = (following.scheme, following.host, following.port) == (url.scheme, url.host, url.port)
    return following if same else None


def _broken(error: Exception) -> Answer:
    """Return what stands for an answer that did not come, in words for a person."""
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return no_answer("timeout", "It did not answer in time.")
    if isinstance(error, httpx.ConnectError):
        if "CERTIFICATE" in str(error).upper():
            return no_answer("tls", "Its TLS certificate is not trusted by this machine.")
        return no_answer("unreachable", "It cannot be connected to.")
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        return no_answer("damaged_answer", "Its answer broke off or was not HTTP.")
    return no_answer("unreachable", f"The connection to it failed ({type(error).__name__}).")
