"""A careful HTTP client for Microsoft Graph: it reads, page by page, and nothing else.

Sources: Microsoft Graph: "Use the Microsoft Graph API", "paging", "throttling guidance", "error
responses and resource types", "delta query overview".
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx

from azure_adapter.graph import failures
from azure_adapter.graph.endpoints import GraphEndpoints, WriteRefused
from azure_adapter.graph.failures import page_name
from azure_adapter.graph.outcomes import Outcome, Verdict, judge
from azure_adapter.graph.payload import Damaged, describe_error, parse_object
from azure_adapter.graph.retry import Backoff, Pace, RetryPolicy, parse_retry_after
from azure_adapter.graph.signin import TokenSource

_NEXT: Final = "@odata.nextLink"
_DELTA: Final = "@odata.deltaLink"

_KEPT_HEADERS: Final = frozenset({"retry-after", "request-id"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GraphPage:
    """One page of a collection.

    Attributes:
        value: The items, as they came.
        next_link: Where the collection goes on, or None on its last page.
        delta_link: Where the next round starts; only on the last page of a delta chain.
    """

    value: list[Any]
    next_link: str | None = None
    delta_link: str | None = None


class GraphClient:
    """Sends GET requests to Graph, patiently, and never anything else.

    Args:
        endpoints: Where Graph is.
        tokens: Who signs in.
        policy: Patience of one call.
        pace: Time and chance.
        http: HTTP client to use instead of an own one; it is not closed.
    """

    def __init__(
        self,
        endpoints: GraphEndpoints,
        tokens: TokenSource,
        *,
        policy: RetryPolicy | None = None,
        pace: Pace | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self.endpoints = endpoints
        self._tokens = tokens
        self._policy = policy or RetryPolicy()
        self._pace = pace or Pace()
        self._own_http = http is None
        self._http = http or endpoints.http(self._policy.attempt_seconds)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._own_http:
            await self._http.aclose()

    async def get(self, url: str) -> dict[str, Any]:
        """Get one JSON object.

        Raises:
            ObjectNotFound: 404 for an object; it is a ``SourceError``.
            SourceError: see ``chain``.
        """
        return await self._ask(url, dict, page_name(url))

    async def chain(self, url: str) -> AsyncGenerator[GraphPage, None]:
        """Yield the pages of a collection or delta chain, following its links verbatim.

        Args:
            url: First page, absolute.

        Raises:
            SourceCursorExpired: the URL's token is no longer good.
            SourceNeedsLogin: the token or its permissions were refused.
            SourceUnavailable: no good answer within the policy's patience, or links that go in
                a circle or to another host.
            SourceError: Graph refuses the request, and will again.
        """
        seen = {_digest(url)}
        following: str | None = url
        while following is not None:
            where = f"page {len(seen)} of {page_name(following)}"
            page = await self._ask(following, read_page, where)
            self._check_links(page, seen, where)
            yield page
            following = page.next_link

    def _check_links(self, page: GraphPage, seen: set[bytes], where: str) -> None:
        for link in (page.next_link, page.delta_link):
            if link is not None and not self.endpoints.owns(link):
                raise failures.foreign_link(where)
        if page.next_link is None:
            return
        digest = _digest(page.next_link)
        if digest in seen:
            raise failures.loop(where)
        seen.add(digest)

    async def _ask(self, url: str, read: Callable[[dict[str, Any]], T], where: str) -> T:
        """Get a URL until there is a good answer or patience ends."""
        if not self.endpoints.owns(url):
            raise failures.foreign_link(where)
        backoff = Backoff(self._policy, self._pace)
        refused: str | None = None
        while True:
            token = await self._tokens.token(refused)
            try:
                answer = await self.send("GET", url, token, backoff.seconds_left)
                if answer.status_code == 200:
                    return read(parse_object(answer.content))
            except (httpx.HTTPError, TimeoutError, Damaged) as error:
                if not await backoff.wait():
                    raise failures.of_exception(error, where, backoff.failed) from None
                continue
            outcome = judge(answer.status_code, describe_error(answer.content).code)
            if outcome.verdict is Verdict.reauthorize and refused is None:
                refused = token
            elif not await self._may_retry(backoff, outcome, answer):
                raise failures.of_answer(outcome, answer, where)

    async def _may_retry(self, backoff: Backoff, outcome: Outcome, answer: httpx.Response) -> bool:
        """Wait for the next attempt; False when another one makes no sense."""
        if outcome.verdict is not Verdict.retry:
            return False
        retry_after = parse_retry_after(answer.headers.get("retry-after"), self._pace.now())
        return await backoff.wait(retry_after)

    async def send(self, method: str, url: str, token: str, seconds: float) -> httpx.Response:
        """Send one request and read its whole answer, within bounds.

        Args:
            method: ``GET``; anything else is refused.
            url: Absolute URL on this Graph.
            token: Access token.
            seconds: Time for request and answer.

        Raises:
            WriteRefused: the method is not GET, or the URL is not on this Graph.
            httpx.HTTPError: no complete answer.
            TimeoutError: no complete answer in time.
            Damaged: an answer that is too large.
        """
        if method != "GET" or not self.endpoints.owns(url):
            raise WriteRefused(f"refused to send {method} to {page_name(url)}")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        async with (
            asyncio.timeout(seconds),
            self._http.stream(method, url, headers=headers, follow_redirects=False) as response,
        ):
            body = await self._read(response)
            kept = {n: value for n, value in response.headers.items() if n in _KEPT_HEADERS}
            return httpx.Response(response.status_code, headers=kept, content=body)

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > self._policy.most_bytes:
                raise Damaged("too_large", f"larger than {self._policy.most_bytes} bytes")
        return bytes(body)


def read_page(body: dict[str, Any]) -> GraphPage:
    """Read a page; a plain listing has neither link on its last page.

    Raises:
        Damaged: ``value`` is not a list, a link is not a string, or there are both links.
    """
    value, following, delta = body.get("value"), body.get(_NEXT), body.get(_DELTA)
    if not isinstance(value, list):
        raise Damaged("damaged_answer", "a page without a list of objects")
    for link in (following, delta):
        if link is not None and not (isinstance(link, str) and link):
            raise Damaged("damaged_answer", "a page with a link that is none")
    if following is not None and delta is not None:
        raise Damaged("damaged_answer", "a page that ends and goes on")
    return GraphPage(value, following, delta)


def _digest(url: str) -> bytes:
    return hashlib.blake2b(url.encode("utf-8", "surrogatepass"), digest_size=16).digest()
