"""The HTTP client that msal is given: requests-like, bounded, and it remembers the last answer.

msal keeps neither the status nor the headers of a refusal, and writes a reply that is not JSON
into the log, token included. So answers are checked before msal sees them. Source: msal's
``oauth2cli.http`` (what it expects of a client).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

_MOST_BYTES: Final = 1024 * 1024


class DamagedReply(Exception):
    """An answer that no sign-in service gives: cut, too large, or not JSON."""


@dataclass(frozen=True, slots=True)
class LoginReply:
    """An answer in the shape that msal expects.

    Attributes:
        status_code: HTTP status.
        text: The body.
        headers: Headers with lower-case names.
    """

    status_code: int
    text: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)

    def raise_for_status(self) -> None:
        """Raise for an error status, as msal may ask."""
        if self.status_code >= 400:
            raise DamagedReply(f"HTTP status {self.status_code}")

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the answer; an empty one when it is none."""
        try:
            value = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


class LoginHttp:
    """A requests-like client over a blocking httpx client.

    Attributes:
        last: The last answer, or None while there is none.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.last: LoginReply | None = None

    def get(self, url: str, **options: Any) -> LoginReply:
        """Send a GET (discovery)."""
        return self._send("GET", url, **options)

    def post(self, url: str, **options: Any) -> LoginReply:
        """Send a POST (token)."""
        return self._send("POST", url, **options)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        **_ignored: Any,
    ) -> LoginReply:
        self.last = None
        options: dict[str, Any] = {"params": params, "headers": headers}
        if isinstance(data, dict):  # a client assertion comes as bytes, which httpx would repr
            options["data"] = {name: _text(value) for name, value in data.items()}
        else:
            options["content"] = data
        with self._client.stream(method, url, **options) as response:
            text = _read(response)
            named = {name.lower(): value for name, value in response.headers.items()}
            reply = LoginReply(response.status_code, text, named)
        self.last = reply
        if reply.status_code < 500 and reply.status_code != 429 and not reply.body():
            raise DamagedReply(f"the answer (HTTP {reply.status_code}) is not JSON")
        return reply


def _text(value: Any) -> Any:
    return value.decode("ascii") if isinstance(value, bytes) else value


def _read(response: httpx.Response) -> str:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > _MOST_BYTES:
            raise DamagedReply("the answer is too large")
        parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")
