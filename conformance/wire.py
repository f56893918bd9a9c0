"""The one way by which the kit speaks to a server: it records, and notes what was created."""

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from conformance.exchange import Exchange, public
from conformance.ledger import Ledger

SCIM = "application/scim+json"
PATIENCE = 10.0
"""The longest wait for a server that answers 429, in seconds."""

_TRIES = 10


class Wire:
    """A connection to a server with one token, or with none; it is for one thread."""

    def __init__(self, url: str, token: str | None, ledger: Ledger, tls: ssl.SSLContext) -> None:
        self.url = url
        self._ledger = ledger
        self._token = token
        self._record: list[Exchange] | None = None
        self._client = httpx.Client(verify=tls, timeout=httpx.Timeout(60.0, connect=10.0))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    @contextmanager
    def recording(self) -> Iterator[list[Exchange]]:
        """Collect the exchanges of a block."""
        before, self._record = self._record, []
        try:
            yield self._record
        finally:
            self._record = before

    @property
    def last(self) -> Exchange | None:
        """The newest exchange of the innermost recording block."""
        return self._record[-1] if self._record else None

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Exchange:
        """Send a request and return what happened.

        Args:
            method: the HTTP method.
            path: the path and query, relative to the server's base address.
            body: sent as JSON unless it is ``None``.
            content: sent as it is, in place of ``body``.
            headers: sent beside the usual ones; ``None`` as a value leaves one away.
        """
        if content is None and body is not None:
            content = json.dumps(body, ensure_ascii=False).encode()
        merged = {**self._usual(content is not None), **(headers or {})}
        wanted = {name: value for name, value in merged.items() if value is not None}
        return self.request(method, path, content=content, headers=wanted)[0]

    def request(
        self, method: str, path: str, **options: Any
    ) -> tuple[Exchange, httpx.Response | None]:
        """Send a request as httpx takes it, and wait where the server asks to wait."""
        exchange, response = self._once(method, path, options)
        for _ in range(_TRIES):
            if exchange.status != httpx.codes.TOO_MANY_REQUESTS:
                break
            time.sleep(_seconds(exchange.headers.get("retry-after", "1")))
            exchange, response = self._once(method, path, options)
        if self._record is not None:
            self._record.append(exchange)
        self._ledger.observe(path, exchange, self.delete)
        return exchange, response

    def bearer(self) -> dict[str, str]:
        """The header that carries the token."""
        return {"authorization": f"Bearer {self._token}"} if self._token else {}

    def delete(self, path: str) -> Exchange:
        """Delete the resource at a path."""
        return self.send("DELETE", path)

    def _usual(self, has_body: bool) -> dict[str, str]:
        kind = {"content-type": SCIM} if has_body else {}
        return {"accept": SCIM, **kind, **self.bearer()}

    def _once(
        self, method: str, path: str, options: dict[str, Any]
    ) -> tuple[Exchange, httpx.Response | None]:
        exchange = Exchange(method, self.url + path)
        try:
            request = self._client.build_request(method, self.url + path, **options)
            exchange.url = str(request.url)
            exchange.sent_headers = public(_shown(request.headers))
            exchange.sent = request.content.decode(errors="replace")
            response = self._client.send(request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            exchange.failure = f"{type(error).__name__}: {error}"
            return exchange, None
        exchange.status = response.status_code
        exchange.headers = public(response.headers)
        exchange.text = response.text
        return exchange, response


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    hidden = {"host", "user-agent", "accept-encoding", "connection"}
    return {name: value for name, value in headers.items() if name.lower() not in hidden}


def _seconds(text: str) -> float:
    try:
        return min(max(float(text), 0.05), PATIENCE)
    except ValueError:
        return 1.0
