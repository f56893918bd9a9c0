"""The client against scripted answers: patience, bounds, links, and errors that help."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from azure_adapter.graph import RetryPolicy, WriteRefused
from azure_adapter.graph.failures import ObjectNotFound
from azure_adapter.graph.outcomes import TABLE, Verdict, judge
from azure_adapter.graph.retry import parse_retry_after
from scim.provisioning.records import (
    SourceCursorExpired,
    SourceError,
    SourceNeedsLogin,
    SourceUnavailable,
)
from tests.graph.support import FIRST, GRAPH, Rig, error, page, rig, run

DONE = page({"id": "1"}, delta=f"{FIRST}?$deltatoken=a")


def fail(one: Rig, url: str = FIRST) -> SourceError:
    with pytest.raises(SourceError) as caught:
        run(one.values(url))
    assert caught.value.advice
    return caught.value


def test_pages_follow_links_verbatim() -> None:
    link = f"{FIRST}?$skiptoken=a%2Bb_-.~'(c)%27"
    one = rig(page({"id": "1"}, following=link), page(), DONE)
    one.script.answers[1] = page(following=f"{FIRST}?$skiptoken=z")
    assert run(one.values()) == [{"id": "1"}, {"id": "1"}]
    sent = [str(request.url) for request in one.script.requests]
    assert sent == [FIRST, link, f"{FIRST}?$skiptoken=z"]
    assert {request.method for request in one.script.requests} == {"GET"}
    assert one.script.requests[0].headers["authorization"] == "Bearer token-1"
    assert "prefer" not in one.script.requests[0].headers


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("2.128", 2.128),
        ("0", 0.0),
        ("-3", 0.0),
        ("Mon, 12 Jan 1970 13:46:50 GMT", 10.0),
        ("Mon, 12 Jan 1970 13:46:50", 10.0),
        ("Mon, 12 Jan 1970 13:46:30 GMT", 0.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(value: str | None, wait: float | None) -> None:
    assert parse_retry_after(value, 1_000_000.0) == wait


def test_retry_after_is_honoured_and_otherwise_the_delay_doubles() -> None:
    one = rig(error(429, "TooManyRequests", Retry_After="2.128"), error(503), error(503), DONE)
    assert len(run(one.values())) == 1
    assert one.time.slept == [2.128, 1.0, 2.0]


def test_patience_ends_by_attempts() -> None:
    one = rig(error(503, "ServiceUnavailable", request_id="abc-1"), policy=RetryPolicy(attempts=3))
    failure = fail(one)
    assert isinstance(failure, SourceUnavailable)
    assert failure.code == "server_error"
    assert len(one.script.requests) == 3
    for part in ("HTTP 503 ServiceUnavailable", "abc-1", "page 1 of /v1.0/users/delta"):
        assert part in failure.message


def test_patience_ends_by_time_without_waiting_in_vain() -> None:
    one = rig(error(429, Retry_After="1000"), policy=RetryPolicy(budget=900))
    assert fail(one).code == "throttled"
    assert one.time.slept == []


def test_a_silent_server_times_out() -> None:
    one = rig(None, policy=RetryPolicy(attempt_seconds=0.01, attempts=2))
    assert fail(one).code == "unreachable"


BROKEN: list[Any] = [
    httpx.Response(200, content=b'{"value":[{"id":"1"}'),
    httpx.Response(200, content=b"[]"),
    httpx.Response(200, content=b'{"value":{}}'),
    httpx.Response(200, content=b'{"value":[],"@odata.nextLink":5}'),
    httpx.Response(200, content=b'{"value":[],"x":NaN,"y":"\\ud800"}'),
    httpx.Response(200, content=b'{"value":[],"y":"\\ud800' + b"\xff" + b'"}'),
    page(following=f"{FIRST}?a", delta=f"{FIRST}?b"),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_damaged_answers_are_asked_for_again(broken: httpx.Response) -> None:
    one = rig(broken, DONE)
    assert len(run(one.values())) == 1
    again = fail(rig(broken, policy=RetryPolicy(attempts=2)))
    assert isinstance(again, SourceUnavailable)
    assert again.code == "damaged_answer"
    assert "page 1 of /v1.0/users/delta (tried 2 times)" in again.message


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (httpx.ConnectError("no"), "unreachable"),
        (httpx.ReadTimeout("no"), "unreachable"),
        (httpx.RemoteProtocolError("cut"), "damaged_answer"),
    ],
)
def test_network_trouble(raised: Exception, code: str) -> None:
    assert len(run(rig(raised, DONE).values())) == 1
    failure = fail(rig(raised))
    assert isinstance(failure, SourceUnavailable)
    assert failure.code == code


def test_a_page_is_bounded() -> None:
    big = httpx.Response(200, content=b'{"value":[' + b" " * 5_000 + b"]}")
    failure = fail(rig(big, policy=RetryPolicy(most_bytes=4_000, attempts=2)))
    assert failure.code == "too_large"


def test_odd_characters_do_not_cost_the_page() -> None:
    body = b'{"value":[{"id":"1","a\\u0000":["x\\ud800y\\u0000", "\\ud83d\\ude00"]}]}'
    read = run(rig(httpx.Response(200, content=body)).values())
    assert read == [{"id": "1", "a\ufffd": ["x\ufffdy\ufffd", "\U0001f600"]}]


def test_a_401_gets_one_new_token() -> None:
    one = rig(error(401, "InvalidAuthenticationToken"), DONE)
    assert len(run(one.values())) == 1
    assert [r.headers["authorization"] for r in one.script.requests] == [
        "Bearer token-1",
        "Bearer token-2",
    ]
    assert one.time.slept == []
    failure = fail(rig(error(401, "InvalidAuthenticationToken")))
    assert isinstance(failure, SourceNeedsLogin)
    assert failure.code == "token_refused"


def test_missing_permissions_name_them() -> None:
    failure = fail(rig(error(403, "Authorization_RequestDenied", "Insufficient privileges")))
    assert isinstance(failure, SourceNeedsLogin)
    assert failure.code == "missing_permission"
    assert "GroupMember.Read.All" in failure.advice
    assert "Insufficient privileges" in failure.message


@pytest.mark.parametrize(
    "answer",
    [
        error(400, "syncStateNotFound"),
        error(410, "SyncStateNotFound"),
        error(410, "resyncRequired"),
        error(400, "ResyncRequired"),
        error(410, "Gone", Location=f"{FIRST}?$deltatoken="),
        error(410),
        httpx.Response(410, content=b"gone"),
    ],
)
def test_expired_cursors(answer: httpx.Response) -> None:
    one = rig(answer)
    failure = fail(one, f"{FIRST}?$deltatoken=old")
    assert isinstance(failure, SourceCursorExpired)
    assert "old" not in failure.message
    assert len(one.script.requests) == 1


@pytest.mark.parametrize("status", [300, 302, 400, 405, 418, 501])
def test_what_cannot_help_is_not_repeated(status: int) -> None:
    one = rig(error(status, "BadRequest", "Invalid request for delta query", Location="https://x"))
    failure = fail(one)
    assert type(failure) is SourceError
    assert len(one.script.requests) == 1


def test_a_loop_of_links_is_noticed() -> None:
    second, third = f"{FIRST}?$skiptoken=2", f"{FIRST}?$skiptoken=3"
    one = rig(page(following=second), page(following=third), page(following=second))
    failure = fail(one)
    assert isinstance(failure, SourceUnavailable)
    assert failure.code == "loop"
    assert len(one.script.requests) == 3
    assert fail(rig(page(following=FIRST))).code == "loop"


@pytest.mark.parametrize("name", ["following", "delta"])
def test_the_token_never_leaves_for_another_host(name: str) -> None:
    one = rig(page(**{name: "https://graph.evil.example/v1.0/users/delta?$skiptoken=1"}))
    assert fail(one).code == "foreign_link"
    assert [request.url.host for request in one.script.requests] == ["graph.microsoft.com"]
    away = rig(DONE)
    assert fail(away, "https://evil.example/v1.0/users").code == "foreign_link"
    assert away.script.requests == []


def test_only_get_is_sent() -> None:
    one = rig(DONE)

    async def main(method: str, url: str) -> None:
        with pytest.raises(WriteRefused):
            await one.client.send(method, url, "t", 1.0)

    for method in ("POST", "PATCH", "PUT", "DELETE", "HEAD", "get"):
        run(main(method, FIRST))
    run(main("GET", "https://evil.example/"))
    assert one.script.requests == []


def test_a_missing_object_is_told_apart() -> None:
    one = rig(error(404, "Request_ResourceNotFound"))
    with pytest.raises(ObjectNotFound):
        run(one.client.get(f"{GRAPH}/v1.0/users/1"))
    assert type(fail(rig(error(404, "Other")))) is SourceError


def test_secrets_in_an_error_message_are_not_repeated() -> None:
    token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2dyYXBo"
    failure = fail(rig(error(400, "BadRequest", f"bad token {token} \n given")))
    assert token not in failure.message
    assert "bad token … given" in failure.message


def test_the_table_is_found_without_case_and_has_no_doubles() -> None:
    assert len({(row.status, row.graph_code) for row in TABLE}) == len(TABLE)
    assert judge(400, "SYNCSTATENOTFOUND").verdict is Verdict.resync
    assert judge(429, "whatever").verdict is Verdict.retry
    assert judge(404, "Request_ResourceNotFound").verdict is Verdict.skip
    assert judge(599, "").verdict is Verdict.fail
