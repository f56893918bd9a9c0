"""Carry out a scenario: make what is given, send what is to be sent, judge what comes back."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from conformance import scim_error
from conformance.exchange import Exchange
from conformance.outcome import Outcome
from conformance.replay import expectations
from conformance.replay.scenario import Request, Scenario
from conformance.replay.values import ALIASES, Unfilled, fill, text
from conformance.server import Server
from conformance.wire import Wire


class _NotGiven(Exception):
    """What a scenario takes as given could not be made."""


def run(scenario: Scenario, server: Server, profile: str = "") -> Outcome:
    """Carry out a scenario and take away what it made."""
    missing = [reason for each in scenario.needs if (reason := server.lacks(each))]
    if missing:
        return Outcome.skipped(scenario.check, "; ".join(missing))
    wire = server.wire(profile)
    started = time.perf_counter()
    problems: list[str] = []
    with wire.recording() as exchanges:
        try:
            _play(scenario, server.prefix, wire, problems)
        except _NotGiven as error:
            problems.append(str(error))
        except Unfilled as error:
            problems.append(f"the rest was not sent: {error}")
    seconds = time.perf_counter() - started
    server.clean()
    return Outcome.judged(scenario.check, problems, exchanges, seconds)


def _play(scenario: Scenario, prefix: str, wire: Wire, problems: list[str]) -> None:
    values: dict[str, Any] = {"prefix": f"{prefix}-{uuid.uuid4().hex[:8]}"}
    values["random"] = str(uuid.uuid4())
    for name, given in scenario.given.items():
        values[name] = _make(name, given, wire, values)
    for each in scenario.requests:
        exchange = _send(each, wire, values)
        if each.save:
            values[each.save] = exchange.json
        problems += [f"{exchange.brief()}: {one}" for one in _judge(each, exchange, values)]


def _make(name: str, given: Any, wire: Wire, values: Mapping[str, Any]) -> Any:
    kind, wishes = (given, {}) if isinstance(given, str) else next(iter(given.items()))
    unique = f"{values['prefix']}-{name}"
    if kind == "user":
        path, body = "/Users", _user(unique, wishes)
    else:
        path, body = "/Groups", _group(unique, wishes)
    exchange = wire.send("POST", path, fill(body, values))
    made = exchange.json
    if exchange.status != 201 or not isinstance(made, dict) or "id" not in made:
        raise _NotGiven(f"the {kind} that the check needs could not be created")
    return made


def _user(unique: str, wishes: Mapping[str, Any]) -> dict[str, Any]:
    schemas = [ALIASES["USER"], *([ALIASES["E"]] if "{E}" in wishes else [])]
    usual = {
        "schemas": schemas,
        "userName": f"{unique}@example.com",
        "name": {"givenName": "Ada", "familyName": "Byron"},
        "displayName": "Ada Byron",
        "active": True,
    }
    return {key: value for key, value in {**usual, **wishes}.items() if value is not None}


def _group(unique: str, wishes: Any) -> dict[str, Any]:
    if isinstance(wishes, list):
        wishes = {"members": [{"value": f"{{{each}.id}}"} for each in wishes]}
    return {"schemas": [ALIASES["GROUP"]], "displayName": unique, **wishes}


def _send(request: Request, wire: Wire, values: Mapping[str, Any]) -> Exchange:
    content = text(request.raw, values).encode() if request.raw is not None else None
    if request.octets is not None:
        content = bytes.fromhex(request.octets)
    headers = {name: _header(value, values) for name, value in request.headers.items()}
    if request.token:
        headers["authorization"] = None if request.token == "none" else "Bearer not-a-token"  # noqa: S105
    return wire.send(
        request.method,
        text(request.path, values),
        fill(request.body, values),
        content=content,
        headers=headers,
    )


def _header(value: str | None, values: Mapping[str, Any]) -> str | None:
    return None if value is None else str(fill(value, values))


def _judge(request: Request, exchange: Exchange, values: Mapping[str, Any]) -> list[str]:
    if request.error is not None:
        found = scim_error.problems(exchange, request.status, request.error)
        return found + expectations.problems(request.answer, exchange, values)
    if exchange.failure:
        return [f"no answer: {exchange.failure}"]
    if exchange.status not in request.statuses():
        wanted = " or ".join(str(each) for each in request.statuses())
        return [f"expected status {wanted}"]
    if request.sane and exchange.status >= 400:
        return scim_error.problems(exchange)
    expected = request.answer if exchange.text else [e for e in request.answer if e[0][:1] == "@"]
    return expectations.problems(expected, exchange, values)
