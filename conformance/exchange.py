"""One request and its answer, as the reports show them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHOWN = 4000
"""Longer bodies are cut in reports."""

_SECRET = {"authorization", "proxy-authorization", "cookie", "set-cookie"}


@dataclass(slots=True)
class Exchange:
    """A request that was sent and what came back; secrets are left out of it.

    Attributes:
        method: the HTTP method.
        url: the whole address.
        sent_headers: the request's headers, lower-case names.
        sent: the request's body.
        status: the answer's status, 0 when no answer came.
        headers: the answer's headers, lower-case names.
        text: the answer's body.
        failure: why no answer came.
    """

    method: str
    url: str
    sent_headers: dict[str, str] = field(default_factory=dict)
    sent: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    failure: str = ""

    @property
    def json(self) -> Any:
        """The answer's body as JSON, ``None`` where it is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None

    @property
    def succeeded(self) -> bool:
        """Whether the answer is one of success."""
        return 200 <= self.status < 300

    def request_lines(self) -> str:
        """The request as it would look on the wire, without secrets."""
        head = [f"{self.method} {self.url}", *_lines(self.sent_headers)]
        return _message(head, self.sent)

    def response_lines(self) -> str:
        """The answer as it would look on the wire, without secrets."""
        if self.failure:
            return f"no answer: {self.failure}"
        return _message([str(self.status), *_lines(self.headers)], self.text)

    def brief(self) -> str:
        """The exchange in one line."""
        answer = self.failure or str(self.status)
        return f"{self.method} {self.url} -> {answer}"


def public(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with lower-case names, what is secret in them replaced."""
    lowered = {name.lower(): value for name, value in headers.items()}
    return {name: "***" if name in _SECRET else value for name, value in lowered.items()}


def _lines(headers: Mapping[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]


def _message(head: list[str], body: str) -> str:
    if len(body) > SHOWN:
        body = f"{body[:SHOWN]}… ({len(body)} characters)"
    return "\n".join([*head, "", body] if body else head)
