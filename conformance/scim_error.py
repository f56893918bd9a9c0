"""Whether an answer that reports an error is the SCIM error that RFC 7644 section 3.12 defines."""

import re
from collections.abc import Collection
from typing import Any

from conformance.exchange import Exchange

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
MEDIA_TYPES = ("application/scim+json", "application/json")

_INTERNALS = re.compile(
    r"Traceback \(most recent|\bpydantic|\bsqlite|\bpsycopg|\basyncpg|\bsqlalchemy|\btortoise|"
    r"\bmongo(?:db|ose)|\bORA-\d{4}|SQLSTATE|\bsite-packages\b|\bnode_modules\b|"
    r"\.(?:py|rb|php|cs)[\\\":]|(?<![\w./:-])/(?:usr|home|opt|var|srv|app)/\w|\b[A-Z]:\\\\\w|"
    r"\w+\.java:\d+|"
    r"\b\w+(?:Pointer|Reference|Argument|State)Exception\b|input_value=|input_type=|"
    r"validation errors? for |\bINSERT INTO\b|\bSELECT\b.+\bFROM\b|<html",
    re.IGNORECASE,
)


def problems(
    exchange: Exchange, statuses: Collection[int] = (), scim_types: Collection[str] = ()
) -> list[str]:
    """What in an answer is not as a SCIM error has to be.

    Args:
        exchange: the request and its answer.
        statuses: the statuses that are right, any of an error when empty.
        scim_types: the values of ``scimType`` that are right, any or none when empty.
    """
    found = [_status(exchange, statuses), *leaks(exchange)]
    if exchange.status >= 400:
        found += [_media_type(exchange), *_body(exchange, scim_types)]
    return [each for each in found if each]


def leaks(exchange: Exchange) -> list[str]:
    """What in an answer shows the server's insides."""
    leak = _INTERNALS.search(exchange.text) if exchange.status >= 400 else None
    return [f"the answer shows internals: {leak[0]!r}"] if leak else []


def _status(exchange: Exchange, statuses: Collection[int]) -> str:
    if exchange.failure:
        return f"no answer: {exchange.failure}"
    if statuses and exchange.status not in statuses:
        return f"expected status {_choice(statuses)}, got {exchange.status}"
    return "" if exchange.status >= 400 else f"expected an error, got {exchange.status}"


def _media_type(exchange: Exchange) -> str:
    sent = exchange.headers.get("content-type", "")
    kind = sent.partition(";")[0].strip().lower()
    return "" if kind in MEDIA_TYPES else f"an error's content type is {sent or 'missing'}"


def _body(exchange: Exchange, scim_types: Collection[str]) -> list[str]:
    body = exchange.json
    if not isinstance(body, dict):
        return ["the error's body is not a JSON object"]
    return [
        _schemas(body),
        _repeated(body, exchange.status),
        _detail(body),
        _scim_type(body, scim_types),
    ]


def _schemas(body: dict[str, Any]) -> str:
    schemas = body.get("schemas")
    if isinstance(schemas, list) and ERROR in schemas:
        return ""
    return f"schemas of an error is [{ERROR!r}], found {schemas!r}"


def _repeated(body: dict[str, Any], status: int) -> str:
    given = body.get("status")
    return "" if given == str(status) else f"status in the body is '{status}', found {given!r}"


def _detail(body: dict[str, Any]) -> str:
    detail = body.get("detail")
    if detail is None or (isinstance(detail, str) and detail.strip()):
        return ""
    return f"detail is a sentence for people, found {detail!r}"


def _scim_type(body: dict[str, Any], scim_types: Collection[str]) -> str:
    given = body.get("scimType")
    if not scim_types or given in scim_types:
        return ""
    return f"expected scimType {_choice(scim_types)}, found {given!r}"


def _choice(values: Collection[Any]) -> str:
    return " or ".join(str(each) for each in values)
