"""The data files' format, read strictly: a misspelt key is an error and not a weaker check."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any

from conformance.outcome import Check
from conformance.replay.expectations import OPERATORS

_USUAL = {
    "GET": (200,),
    "POST": (200, 201),
    "PUT": (200,),
    "PATCH": (200, 204),
    "DELETE": (204,),
}


class Malformed(Exception):
    """A data file does not follow the format."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request and what is expected of its answer.

    Attributes:
        method: the HTTP method.
        path: path and query, a template for a text.
        body: a template that is sent as JSON.
        raw: a template for a text that is sent as it is.
        octets: bytes in hexadecimal that are sent as they are.
        headers: sent beside the usual ones; ``null`` leaves one away.
        token: ``"none"`` or ``"wrong"`` instead of the right one.
        save: the name under which the answer is kept.
        status: the statuses that are right.
        answer: expectations on the answer, when it has a body.
        error: the answer has to be a SCIM error; its ``scimType`` is one of these, or any.
        sane: the answer may be of success, but if it is an error, then a SCIM error.
    """

    method: str
    path: Any
    body: Any = None
    raw: Any = None
    octets: str | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    token: str = ""
    save: str = ""
    status: tuple[int, ...] = ()
    answer: tuple[tuple[Any, ...], ...] = ()
    error: tuple[str, ...] | None = None
    sane: bool = False

    def statuses(self) -> tuple[int, ...]:
        """The statuses that are right for this request."""
        return self.status or _USUAL.get(self.method, (200,))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A check as data: what is there before, what is sent, and what is seen afterwards."""

    check: Check
    given: Mapping[str, Any]
    requests: tuple[Request, ...]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """A data file: a suite's name, what it is about, and its scenarios."""

    name: str
    title: str
    profile: str
    scenarios: tuple[Scenario, ...]


def load(file: Traversable) -> Collection:
    """Read a data file.

    Raises:
        Malformed: it does not follow the format.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        _only(data, {"suite", "title", "profile", "about", "source", "checks"})
        scenarios = tuple(_scenario(data, each) for each in data["checks"])
        _distinct([each.check.name for each in scenarios])
        return Collection(data["suite"], data["title"], data.get("profile", ""), scenarios)
    except (KeyError, TypeError, ValueError, Malformed) as error:
        raise Malformed(f"{file.name}: {type(error).__name__}: {error}") from error


def _scenario(data: Mapping[str, Any], each: Mapping[str, Any]) -> Scenario:
    keys = {"name", "rule", "rfc", "why", "source", "given", "needs", "request", "requests", "then"}
    _only(each, keys)
    source = each.get("source", data.get("source", ""))
    check = Check(data["suite"], each["name"], each["rule"], each["rfc"], each["why"], source)
    sent = [_request(one) for one in each.get("requests", [each.get("request")]) if one]
    seen = [_request({"method": "GET", **one}) for one in each.get("then", [])]
    given = each.get("given", {})
    if not sent:
        raise Malformed(f"{check.name} sends nothing")
    needs = (*each.get("needs", []), *_implied(given, [*sent, *seen]))
    return Scenario(check, given, (*sent, *seen), tuple(dict.fromkeys(needs)))


def _request(data: Mapping[str, Any]) -> Request:
    known = {"method", "path", "body", "raw", "octets", "headers", "token", "save", "status"}
    _only(data, known | {"answer", "error", "sane"})
    for path, operator, *operand in data.get("answer", []):
        if operator not in OPERATORS or len(operand) > 1:
            raise Malformed(f"unknown expectation {path} {operator}")
    status = data.get("status", ())
    return Request(
        **{
            **data,
            "status": (status,) if isinstance(status, int) else tuple(status),
            "answer": tuple(tuple(each) for each in data.get("answer", [])),
            "error": tuple(data["error"]) if "error" in data else None,
        }
    )


def _implied(given: Mapping[str, Any], requests: list[Request]) -> list[str]:
    kinds = {_kind(each) for each in given.values()}
    text = json.dumps([(each.path, each.body) for each in requests])
    implied = {
        "Group": "group" in kinds or "/Groups" in text,
        "patch": any(each.method == "PATCH" for each in requests),
        "filter": "filter=" in text or '"filter"' in text,
        "bulk": '"/Bulk"' in text,
        "enterprise": "{E}" in text,
    }
    return [need for need, there in implied.items() if there]


def _kind(given: Any) -> str:
    return given if isinstance(given, str) else next(iter(given))


def _only(data: Mapping[str, Any], known: set[str]) -> None:
    if unknown := set(data) - known:
        raise Malformed(f"unknown keys {sorted(unknown)}")


def _distinct(names: list[str]) -> None:
    if twice := {each for each in names if names.count(each) > 1}:
        raise Malformed(f"names used twice: {sorted(twice)}")
