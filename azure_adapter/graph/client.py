"""A careful HTTP client for Microsoft Graph: it reads, page by page, and nothing else.

Sources: Microsoft Graph: "Use the Microsoft Graph API", "paging", "throttling guidance", "error
responses and resource types", "delta query overview".
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import httpx

from azure_adapter.graph import failures
from azure_adapter.graph.batch import Step, read_steps
from azure_adapter.graph.budget import ResourceBudget, cost_of
from azure_adapter.graph.endpoints import GraphEndpoints
from azure_adapter.graph.failures import page_name
from azure_adapter.graph.outcomes import Outcome, Verdict, judge
from azure_adapter.graph.outgoing import (
    BATCH_PATH,
    MOST_STEPS,
    WriteRefused,
    batch_body,
    check_outgoing,
)
from azure_adapter.graph.payload import Damaged, describe_error, parse_object
from azure_adapter.graph.permissions import lacking
from azure_adapter.graph.retry import Backoff, Pace, RetryPolicy, parse_retry_after
from azure_adapter.graph.signin import TokenSource
from scim.provisioning.records import SourceError

_NEXT: Final = "@odata.nextLink"
_DELTA: Final = "@odata.deltaLink"

_KEPT_HEADERS: Final = frozenset(
    {"retry-after", "request-id", "x-ms-resource-unit", "x-ms-throttle-limit-percentage"}
)
_NO_HEADERS: Final[Mapping[str, str]] = {}

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


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        url: Absolute URL.
        where: What it reads, for messages.
        content: Body of a batch; empty for a GET.
        headers: Further headers, such as ``ConsistencyLevel`` or ``Prefer``.
        cost: Estimated ResourceUnits.
    """

    url: str
    where: str
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    cost: float = 1.0

    @property
    def method(self) -> str:
        """POST for a batch, else GET."""
        return "POST" if self.content else "GET"


class GraphClient:
    """Reads from Graph, patiently, and never does anything else.

    Attributes:
        endpoints: Where Graph is.
        tokens: Who signs in.
        budget: ResourceUnits that may be spent.

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
        self.tokens = tokens
        self._policy = policy or RetryPolicy()
        self._pace = pace or Pace()
        self.budget = ResourceBudget(self._pace)
        self._ends: float | None = None
        self._own_http = http is None
        self._http = http or endpoints.http(self._policy.attempt_seconds)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._own_http:
            await self._http.aclose()

    async def get(self, url: str, headers: Mapping[str, str] = _NO_HEADERS) -> dict[str, Any]:
        """Get one JSON object.

        Raises:
            ObjectNotFound: 404 for an object; it is a ``SourceError``.
            SourceError: see ``chain``.
        """
        asked = Asked(url, page_name(url), headers=headers, cost=cost_of(url))
        return await self._ask(asked, dict)

    async def chain(
        self, url: str, *, stored: bool = False, headers: Mapping[str, str] = _NO_HEADERS
    ) -> AsyncGenerator[GraphPage, None]:
        """Yield the pages of a collection or delta chain, following its links verbatim.

        Args:
            url: First page, absolute.
            stored: The URL is a link that was kept; if Graph calls it a bad request, it has
                forgotten it.
            headers: Further headers of every request.

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
            asked = Asked(following, where, headers=headers, cost=cost_of(following))
            try:
                page = await self._ask(asked, read_page)
            except SourceError as error:
                if stored and following == url and error.code == "bad_request":
                    raise failures.refused_cursor(error) from None
                raise
            self._check_links(page, seen, where)
            yield page
            following = page.next_link

    async def batch(self, urls: Sequence[str]) -> list[Step]:
        """Send up to 20 reads as one request; those that are throttled or fail are sent again.

        Args:
            urls: Relative to the version, such as ``/users/1?$select=id``.

        Returns:
            The answers in the order of the URLs; one that stayed bad has its last status.

        Raises:
            SourceError: the batch as a whole failed; see ``chain``.
        """
        if len(urls) > MOST_STEPS:
            raise ValueError(f"a batch has at most {MOST_STEPS} requests")
        backoff = Backoff(self._patience(), self._pace)
        answers = dict[int, Step]()
        waiting = list(range(len(urls)))
        while waiting:
            found = await self._ask(self._batched([urls[at] for at in waiting]), read_steps)
            answers.update({at: found.get(str(n), Step(0)) for n, at in enumerate(waiting)})
            waiting = [at for at in waiting if answers[at].again]
            pauses = [answers[at].retry_after(self._pace.now()) or 0.0 for at in waiting]
            if waiting and not await backoff.wait(max(pauses) or None):
                break
        return [answers[at] for at in range(len(urls))]

    def _batched(self, urls: Sequence[str]) -> Asked:
        root = self.endpoints.graph_url
        return Asked(
            f"{root}{BATCH_PATH}",
            f"a batch of {len(urls)} reads",
            batch_body(urls),
            {"Content-Type": "application/json"},
            sum(cost_of(f"{root}/v1.0{url}") for url in urls),
        )

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

    async def _ask(self, asked: Asked, read: Callable[[dict[str, Any]], T]) -> T:
        """Ask until there is a good answer or patience ends."""
        if not self.endpoints.owns(asked.url):
            raise failures.foreign_link(asked.where)
        backoff = Backoff(self._patience(), self._pace)
        refused: str | None = None
        while True:
            if self._seconds_left() <= 0:
                raise failures.out_of_time(asked.where, self._policy.run_seconds)
            token = await self.tokens.token(refused)
            try:
                answer = await self._paid(asked, token, backoff)
                if answer.status_code == 200:
                    return read(parse_object(answer.content))
            except (httpx.HTTPError, TimeoutError, Damaged) as error:
                if not await backoff.wait():
                    raise failures.of_exception(error, asked.where, backoff.failed) from None
                continue
            outcome = judge(answer.status_code, describe_error(answer.content).code)
            if outcome.verdict is Verdict.reauthorize and refused is None:
                refused = token
            elif not await self._may_retry(backoff, outcome, answer):
                raise failures.of_answer(outcome, answer, asked.where, lacking(token))

    def _patience(self) -> RetryPolicy:
        """Return the policy of a call: no longer than the run may still take."""
        return replace(self._policy, budget=min(self._policy.budget, self._seconds_left()))

    def _seconds_left(self) -> float:
        now = self._pace.clock()
        if self._ends is None:
            self._ends = now + self._policy.run_seconds
        return max(self._ends - now, 0.0)

    async def _paid(self, asked: Asked, token: str, backoff: Backoff) -> httpx.Response:
        await self.budget.spend(asked.cost)
        answer = await self.send(
            asked.method,
            asked.url,
            token,
            backoff.seconds_left,
            content=asked.content,
            headers=asked.headers,
        )
        self.budget.learn(asked.cost, answer.headers)
        return answer

    async def _may_retry(self, backoff: Backoff, outcome: Outcome, answer: httpx.Response) -> bool:
        """Wait for the next attempt; False when another one makes no sense."""
        if outcome.verdict is not Verdict.retry:
            return False
        retry_after = parse_retry_after(answer.headers.get("retry-after"), self._pace.now())
        return await backoff.wait(retry_after)

    async def send(
        self,
        method: str,
        url: str,
        token: str,
        seconds: float,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> httpx.Response:
        """Send one request and read its whole answer, within bounds.

        Args:
            method: ``GET``, or ``POST`` for a batch of GETs; anything else is refused.
            url: Absolute URL on this Graph.
            token: Access token.
            seconds: Time for request and answer.
            content: Body of a batch.
            headers: Further headers.

        Raises:
            WriteRefused: it would not only read, or the URL is not on this Graph.
            httpx.HTTPError: no complete answer.
            TimeoutError: no complete answer in time.
            Damaged: an answer that is too large.
        """
        check_outgoing(method, url, content)
        if not self.endpoints.owns(url):
            raise WriteRefused(f"refused to send {method} to {page_name(url)}")
        sent = {**headers, "Authorization": f"Bearer {token}", "Accept": "application/json"}
        body = content or None
        async with (
            asyncio.timeout(seconds),
            self._http.stream(
                method, url, headers=sent, content=body, follow_redirects=False
            ) as response,
        ):
            read = await self._read(response)
            kept = {n: value for n, value in response.headers.items() if n in _KEPT_HEADERS}
            return httpx.Response(response.status_code, headers=kept, content=read)

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
