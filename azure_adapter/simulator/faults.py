"""Planned faults: what goes wrong at a cloud service, on demand.

A ``Fault`` says for which requests it fires and what it does to their answers; a ``FaultPlan``
holds the queued ones. Source: Microsoft Graph: throttling guidance, error responses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, get_args

import orjson

from azure_adapter.simulator.faults_bodies import throttled_body, unavailable_body

Effect = Literal[
    "throttle",
    "server_error",
    "truncate",
    "invalid_json",
    "object_without_id",
    "malformed_object",
    "repeat_next_link",
    "duplicate_items",
    "slow",
]
"""What a fault does; see ``Fault``."""

EFFECTS: Final[tuple[str, ...]] = get_args(Effect)
"""Every effect name."""

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Answer:
    """A complete answer on its way out.

    Attributes:
        status: HTTP status.
        headers: Header pairs without Content-Length.
        body: Whole body.
        cut: Bytes after which the connection is closed, None to send everything.
    """

    status: int
    headers: Headers
    body: bytes
    cut: int | None = None


@dataclass(slots=True)
class Fault:
    """One planned fault.

    Attributes:
        effect: ``throttle`` (429), ``server_error`` (``status``), ``truncate`` (half the body,
            then the connection closes), ``invalid_json``, ``object_without_id``,
            ``malformed_object`` (a displayName that is no string), ``repeat_next_link`` (the
            page names itself as the next one), ``duplicate_items`` (the page's items twice) or
            ``slow`` (``seconds`` before the answer).
        path: Prefix of the paths it concerns, for example ``/v1.0/users/delta``.
        nth: It fires from the nth matching request on, counted from 1.
        times: For how many matching requests it fires.
        status: Status of ``server_error``.
        retry_after: Value of ``Retry-After`` in seconds, may be fractional; None for no header.
        seconds: Delay of ``slow``.
        index: Which object of the page is damaged.
        seen: Matching requests so far.
    """

    effect: Effect
    path: str = "/v1.0/"
    nth: int = 1
    times: int = 1
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    index: int = 0
    seen: int = 0

    def __post_init__(self) -> None:
        """Refuse what could never fire."""
        if self.effect not in EFFECTS:
            raise ValueError(f"unknown effect {self.effect!r}; known: {', '.join(EFFECTS)}")
        if self.nth < 1 or self.times < 1 or self.seconds < 0:
            raise ValueError("nth and times are at least 1, seconds is not negative")
        if self.retry_after is not None:
            self.retry_after = float(self.retry_after)

    @property
    def spent(self) -> bool:
        """Whether it has fired for the last time."""
        return self.seen >= self.nth + self.times - 1

    def fires(self, path: str) -> bool:
        """Count a request and say whether the fault hits it."""
        if not path.startswith(self.path):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass(slots=True)
class FaultPlan:
    """The queued faults of a simulator; at most one effect per request, slowness aside."""

    faults: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Queue a fault."""
        self.faults.append(fault)

    def clear(self) -> None:
        """Forget every queued fault."""
        self.faults.clear()

    def take(self, path: str) -> list[Fault]:
        """Count a request against every fault and return those that hit it, in queue order."""
        hits = [fault for fault in self.faults if fault.fires(path)]
        self.faults = [fault for fault in self.faults if not fault.spent]
        return hits


def fault_from(data: Mapping[str, Any]) -> Fault:
    """Build a fault from JSON.

    Raises:
        ValueError: An unknown field, a value of the wrong type, or no effect.
    """
    known = {one.name for one in fields(Fault)} - {"seen"}
    unknown = data.keys() - known
    if unknown:
        raise ValueError(f"a fault has no field {', '.join(sorted(unknown))}")
    try:
        return Fault(**data)
    except TypeError as error:
        raise ValueError(str(error)) from error


def spoil(fault: Fault, answer: Answer, url: str) -> Answer:
    """Apply a fault's effect to an answer.

    Args:
        fault: A fault that fired.
        answer: What would be sent without it.
        url: Absolute URL of the request, for ``repeat_next_link``.

    Returns:
        What is sent instead.
    """
    return _SPOILERS[fault.effect](fault, answer, url)


def _throttle(fault: Fault, answer: Answer, _url: str) -> Answer:
    headers = [
        *_ids(answer.headers),
        *_retry_after(2.128 if fault.retry_after is None else fault.retry_after),
        ("Content-Type", "application/json"),
        ("x-ms-throttle-scope", "Tenant_Application/ReadWrite/simulator"),
        ("x-ms-throttle-information", "ResourceUnitLimitExceeded"),
    ]
    return Answer(429, headers, throttled_body(_request_id(answer.headers)))


def _server_error(fault: Fault, answer: Answer, _url: str) -> Answer:
    headers = [*_ids(answer.headers), ("Content-Type", "application/json")]
    if fault.retry_after is not None:
        headers.extend(_retry_after(fault.retry_after))
    body = unavailable_body(fault.status, _request_id(answer.headers))
    return Answer(fault.status, headers, body)


def _truncate(_fault: Fault, answer: Answer, _url: str) -> Answer:
    answer.cut = len(answer.body) // 2
    return answer


def _invalid_json(_fault: Fault, answer: Answer, _url: str) -> Answer:
    answer.body = answer.body[:-1] + b",]"
    return answer


def _without_id(fault: Fault, answer: Answer, _url: str) -> Answer:
    def damage(page: dict[str, Any]) -> None:
        page["value"][fault.index].pop("id", None)

    return _edit_page(answer, damage)


def _malformed(fault: Fault, answer: Answer, _url: str) -> Answer:
    def damage(page: dict[str, Any]) -> None:
        page["value"][fault.index]["displayName"] = {"unexpected": ["object"]}

    return _edit_page(answer, damage)


def _repeat_next_link(_fault: Fault, answer: Answer, url: str) -> Answer:
    def damage(page: dict[str, Any]) -> None:
        page.pop("@odata.deltaLink", None)
        page["@odata.nextLink"] = url

    return _edit_page(answer, damage)


def _duplicate(_fault: Fault, answer: Answer, _url: str) -> Answer:
    def damage(page: dict[str, Any]) -> None:
        page["value"] = page["value"] * 2

    return _edit_page(answer, damage)


def _unchanged(_fault: Fault, answer: Answer, _url: str) -> Answer:
    return answer


_SPOILERS: Final[dict[str, Callable[[Fault, Answer, str], Answer]]] = {
    "throttle": _throttle,
    "server_error": _server_error,
    "truncate": _truncate,
    "invalid_json": _invalid_json,
    "object_without_id": _without_id,
    "malformed_object": _malformed,
    "repeat_next_link": _repeat_next_link,
    "duplicate_items": _duplicate,
    "slow": _unchanged,
}


def _edit_page(answer: Answer, edit: Callable[[dict[str, Any]], None]) -> Answer:
    """Change a page's JSON; an answer that is no page, or too short a one, stays as it is."""
    try:
        page = orjson.loads(answer.body)
        edit(page)
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        return answer
    answer.body = orjson.dumps(page)
    return answer


def _ids(headers: Headers) -> Headers:
    kept = ("request-id", "client-request-id", "x-ms-ags-diagnostic")
    return [(name, value) for name, value in headers if name.lower() in kept]


def _request_id(headers: Headers) -> str:
    return {name.lower(): value for name, value in headers}.get("request-id", "")


def _retry_after(seconds: float) -> Headers:
    return [("Retry-After", f"{seconds:g}")]
