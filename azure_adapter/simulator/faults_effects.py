"""What planned faults do to a finished answer.

Sources: Microsoft Graph: throttling guidance, error responses, paging.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from azure_adapter.simulator.faults import Fault
from azure_adapter.simulator.faults_bodies import html_body, throttled_body, unavailable_body

Headers = list[tuple[str, str]]
Ending = Literal["whole", "closed", "reset"]
"""How an answer ends: complete, or the connection is closed, or reset, after ``cut`` bytes."""


@dataclass(slots=True)
class Answer:
    """A complete answer on its way out.

    Attributes:
        status: HTTP status.
        headers: Header pairs without Content-Length.
        body: Whole body.
        ending: How it ends.
        cut: Bytes of the body that are sent before a premature end; None for not even a status.
    """

    status: int
    headers: Headers
    body: bytes
    ending: Ending = "whole"
    cut: int | None = None


def spoil(fault: Fault, answer: Answer, url: str) -> Answer:
    """Apply a fault's effect to an answer.

    Args:
        fault: A fault that fired, with an effect on answers.
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


def _html_error(fault: Fault, _answer: Answer, _url: str) -> Answer:
    headers = [("Content-Type", "text/html; charset=us-ascii")]
    if fault.retry_after is not None:
        headers.extend(_retry_after(fault.retry_after))
    return Answer(fault.status, headers, html_body(fault.status))


def _reset(_fault: Fault, answer: Answer, _url: str) -> Answer:
    answer.ending = "reset"
    return answer


def _reset_body(_fault: Fault, answer: Answer, _url: str) -> Answer:
    answer.ending, answer.cut = "reset", len(answer.body) // 2
    return answer


def _truncate(_fault: Fault, answer: Answer, _url: str) -> Answer:
    answer.ending, answer.cut = "closed", len(answer.body) // 2
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


def _omit(fault: Fault, answer: Answer, _url: str) -> Answer:
    def damage(page: dict[str, Any]) -> None:
        page["value"] = page["value"][: fault.index]

    return _edit_page(answer, damage)


_SPOILERS: Final[dict[str, Callable[[Fault, Answer, str], Answer]]] = {
    "throttle": _throttle,
    "server_error": _server_error,
    "html_error": _html_error,
    "reset": _reset,
    "reset_body": _reset_body,
    "truncate": _truncate,
    "invalid_json": _invalid_json,
    "object_without_id": _without_id,
    "malformed_object": _malformed,
    "repeat_next_link": _repeat_next_link,
    "duplicate_items": _duplicate,
    "omit_objects": _omit,
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
