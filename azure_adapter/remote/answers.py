"""What a remote SCIM server answers, whatever it sends: read with tolerance, told without secrets.

Source: RFC 7644 §3.12 (errors).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from azure_adapter.graph.payload import Damaged, parse_object
from azure_adapter.graph.retry import parse_retry_after
from scim.provisioning.operations import Outcome

AGAIN: Final = frozenset({0, 408, 425, 429, 500, 502, 503, 504, 509})
"""Statuses after which another attempt makes sense; 0 stands for no usable answer."""

LONGEST_DETAIL: Final = 300
"""How much of a server's own words is repeated, in characters."""

_WORDS: Final = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "unsupported",
    409: "uniqueness",
    410: "not_found",
    412: "changed",
    413: "too_large",
    429: "throttled",
    501: "unsupported",
}
_SCIM_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,49}")

Hide = Callable[[str], str]
"""Takes secrets out of a text."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one request, or to one operation of a Bulk request.

    Attributes:
        status: HTTP status; 0 when there was no usable answer.
        body: the JSON object it holds, or ``None``.
        location: the Location header, or ``location`` in Bulk.
        etag: the ETag header.
        retry_after: seconds that the server asks to wait.
        code: ``scimType``, or a stable word for the status; "" for success.
        detail: what went wrong, in a sentence without secrets.
    """

    status: int
    body: Mapping[str, Any] | None = None
    location: str = ""
    etag: str = ""
    retry_after: float | None = None
    code: str = ""
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether the request succeeded."""
        return 200 <= self.status < 300

    @property
    def again(self) -> bool:
        """Whether another attempt makes sense."""
        return self.status in AGAIN

    @property
    def missing(self) -> bool:
        """Whether the resource is not there."""
        return self.status in (404, 410)

    @property
    def conflict(self) -> bool:
        """Whether another resource has a value that must be unique (RFC 7644 §3.12)."""
        return self.status == 409 or self.code == "uniqueness"

    @property
    def resource_id(self) -> str:
        """The id of the resource that it shows or points to, or ""."""
        shown = id_of(self.body or {})
        return shown or self.location.rstrip("/").rpartition("/")[2]

    def outcome(self) -> Outcome:
        """Return it as the outcome of an operation that failed."""
        status = {0: 504, 410: 404}.get(self.status, self.status)
        return Outcome(status=status, code=self.code, message=self.detail)


def no_answer(code: str, detail: str) -> Answer:
    """Return what stands for an answer that never came, or cannot be used."""
    return Answer(0, code=code, detail=detail)


def read_answer(
    status: int, headers: Mapping[str, str], content: bytes, *, now: float, hide: Hide
) -> Answer:
    """Read an HTTP answer; never raises.

    Args:
        status: HTTP status.
        headers: by lower-case name.
        content: the body, as much of it as was read.
        now: seconds since the epoch, for a Retry-After that is a date.
        hide: takes secrets out of what the server says.
    """
    body = _parsed(content)
    code, detail = ("", "") if 200 <= status < 300 else described(status, body, hide)
    return Answer(
        status,
        body,
        headers.get("location", ""),
        headers.get("etag", ""),
        parse_retry_after(headers.get("retry-after"), now),
        code,
        detail,
    )


def described(status: int, body: Mapping[str, Any] | None, hide: Hide) -> tuple[str, str]:
    """Return (code, sentence) of an error answer."""
    said = body or {}
    scim_type, detail = said.get("scimType"), said.get("detail")
    word = scim_type if isinstance(scim_type, str) and hide(scim_type) == scim_type else ""
    code = word if _SCIM_TYPE.fullmatch(word) else word_for(status)
    sentence = f"The remote server answered HTTP {status}"
    if not isinstance(detail, str) or not detail.strip():
        return code, f"{sentence}{_phrase(status)}."
    text = hide(" ".join(detail.split()))
    return code, f"{sentence}: {text[:LONGEST_DETAIL]}{'…' if len(text) > LONGEST_DETAIL else ''}"


def word_for(status: int) -> str:
    """Return the stable word for a status that has no ``scimType``."""
    return _WORDS.get(status) or ("server_error" if status >= 500 else f"http_{status}")


def id_of(document: Mapping[str, Any]) -> str:
    """Return the id of a resource, or "" when it has none; some servers send numbers."""
    value = document.get("id")
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, str | int) else ""


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        return parse_object(content) if content else None
    except Damaged:
        return None


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""
