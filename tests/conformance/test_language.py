"""The language of the data files."""

import json
from pathlib import Path
from typing import Any

import pytest

from conformance import scim_error
from conformance.exchange import Exchange
from conformance.replay.expectations import problems
from conformance.replay.paths import find
from conformance.replay.scenario import Malformed, load
from conformance.replay.values import ENTERPRISE, Unfilled, fill, text
from conformance.suites.replay import replay_suites

DOCUMENT = {
    "active": False,
    "name": {"givenName": "Ada"},
    "emails": [{"type": "work", "value": "a", "primary": True}, {"type": "home", "value": "b"}],
    ENTERPRISE: {"manager": {"value": "m"}},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("active", [False]),
        ("name/givenName", ["Ada"]),
        ("emails/*/value", ["a", "b"]),
        ("emails[type=home]/value", ["b"]),
        ("emails[primary=true]/type", ["work"]),
        (f"{ENTERPRISE}/manager/value", ["m"]),
        ("name/givenName/further", []),
        ("groups/*/value", []),
        ("", [DOCUMENT]),
    ],
)
def test_paths(path: str, found: list[Any]) -> None:
    assert find(DOCUMENT, path) == found


@pytest.mark.parametrize(
    ("expectation", "right"),
    [
        (["active", "is", False], True),
        (["active", "is", 0], False),
        (["active", "is", "False"], False),
        (["emails/*/value", "are", ["b", "a"]], True),
        (["emails/*/value", "are", ["a"]], False),
        (["emails/*/value", "are", ["a", "a"]], False),
        (["emails/*/value", "has", "a"], True),
        (["emails/*/value", "lacks", "a"], False),
        (["emails/*", "count", 2], True),
        (["groups", "absent"], True),
        (["name", "absent"], False),
        (["name", "present"], True),
        (["name/givenName", "not", "Bob"], True),
        (["title", "not", "Bob"], False),
        (["name/givenName", "matches", "^A"], True),
        (["name/givenName", "one-of", ["Ada", "Bob"]], True),
        (["name/givenName", "type", "string"], True),
        (["active", "type", "integer"], False),
        (["name/givenName", "at-least", 3], False),
        (["@etag", "is", "x"], True),
        (["@location", "present"], False),
    ],
)
def test_expectations(expectation: list[Any], right: bool) -> None:
    exchange = Exchange("GET", "/", status=200, headers={"etag": "x"}, text=json.dumps(DOCUMENT))

    assert (problems([expectation], exchange, {}) == []) is right


def test_templates() -> None:
    values = {"user": {"id": "1", "meta": {"version": "v"}}, "prefix": "p"}

    assert fill({"{E}:x": ["{user.meta}", "{prefix}-{user.id}", 7, None]}, values) == {
        f"{ENTERPRISE}:x": [{"version": "v"}, "p-1", 7, None]
    }
    assert text(["/", {"repeat": "({prefix}", "times": 2}, "x"], values) == "/(p(px"
    assert fill('{"userName": 1}', values) == '{"userName": 1}'
    with pytest.raises(Unfilled, match=r"user\.name"):
        fill("{user.name}", values)


@pytest.mark.parametrize(
    "change",
    [
        {"requests": []},
        {"unknown": 1},
        {"request": {"method": "GET", "path": "/", "anwser": []}},
        {"request": {"method": "GET", "path": "/", "answer": [["id", "iz", 1]]}},
        {"request": {"path": "/"}},
    ],
)
def test_malformed_files_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    check = {"name": "n", "rule": "r", "rfc": "RFC", "why": "w"}
    check["request"] = {"method": "GET", "path": "/"}  # type: ignore[assignment]
    file = tmp_path / "suite.json"
    file.write_text(json.dumps({"suite": "s", "title": "t", "checks": [check]}))
    load(file)

    file.write_text(json.dumps({"suite": "s", "title": "t", "checks": [{**check, **change}]}))
    with pytest.raises(Malformed):
        load(file)


def test_every_check_says_what_it_is_about() -> None:
    suites = [*replay_suites("checks"), *replay_suites("providers")]
    checks = [each.check for suite in suites for each in suite.collection.scenarios]

    assert len(checks) > 150
    assert all(each.rule and each.why and each.source for each in checks)
    assert all(each.rfc.startswith("RFC ") and "§" in each.rfc for each in checks if each.rfc)
    assert len({each.name for each in suites}) == len(suites)


def _error(**changes: Any) -> Exchange:
    body = {"schemas": [scim_error.ERROR], "status": "400", "detail": "No.", **changes}
    headers = {"content-type": "application/scim+json"}
    return Exchange("GET", "/", status=400, headers=headers, text=json.dumps(body))


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, True),
        ({"scimType": "invalidFilter"}, True),
        ({"detail": None}, True),
        ({"status": 400}, False),
        ({"status": "404"}, False),
        ({"schemas": []}, False),
        ({"detail": ""}, False),
        ({"detail": "Traceback (most recent call last)"}, False),
        ({"detail": "1 validation error for User [type=missing, input_value={}]"}, False),
        ({"detail": 'File "/usr/lib/x.py", line 3'}, False),
        ({"detail": "sqlite3.IntegrityError: UNIQUE constraint failed"}, False),
    ],
)
def test_error_shapes(changes: dict[str, Any], right: bool) -> None:
    assert (scim_error.problems(_error(**changes)) == []) is right


def test_wrong_statuses_and_types_of_errors() -> None:
    exchange = _error(scimType="invalidValue")

    assert scim_error.problems(exchange, (400,), ("invalidValue",)) == []
    assert scim_error.problems(exchange, (409,)) == ["expected status 409, got 400"]
    assert scim_error.problems(exchange, (400,), ("noTarget", "invalidPath")) == [
        "expected scimType noTarget or invalidPath, found 'invalidValue'"
    ]
