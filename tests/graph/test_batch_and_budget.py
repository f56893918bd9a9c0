"""Batches of reads, the one gate that lets only reads out, the budget, the time of a run."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import orjson
import pytest

from azure_adapter.graph import GraphEndpoints, GraphReader, Pace, RetryPolicy, WriteRefused
from azure_adapter.graph.budget import LARGEST, SHARE, WINDOW, ResourceBudget, cost_of, limit_of
from azure_adapter.graph.client import GraphClient
from azure_adapter.graph.outgoing import BATCH_PATH, batch_body, check_outgoing
from scim.provisioning.records import SourceCursorExpired, SourceError, SourceUnavailable
from scim.provisioning.source import Presence, SourceChange
from tests.graph.support import (
    FIRST,
    GRAPH,
    GROUPS,
    USERS,
    FakeTime,
    FakeTokens,
    Script,
    error,
    page,
    rig,
    run,
)

BATCH = f"{GRAPH}{BATCH_PATH}"


def steps(*answers: tuple[int, dict[str, Any], dict[str, str]]) -> httpx.Response:
    responses = [
        {"id": str(at), "status": status, "body": body, "headers": headers}
        for at, (status, body, headers) in enumerate(answers)
    ]
    return httpx.Response(200, json={"responses": responses})


GOOD: tuple[int, dict[str, Any], dict[str, str]] = (200, {"id": "1"}, {})
GONE = (404, {"error": {"code": "Request_ResourceNotFound"}}, {})
BUSY = (429, {"error": {"code": "TooManyRequests"}}, {"Retry-After": "2.128"})
DENIED = (403, {"error": {"code": "Authorization_RequestDenied"}}, {})


# -- the gate ------------------------------------------------------------------


def step(**changed: Any) -> bytes:
    return orjson.dumps({"requests": [{"id": "0", "method": "GET", "url": "/users", **changed}]})


@pytest.mark.parametrize(
    ("method", "url", "content"),
    [
        ("POST", BATCH, b""),
        ("POST", BATCH, b"["),
        ("POST", BATCH, b"[]"),
        ("POST", BATCH, orjson.dumps({"requests": []})),
        ("POST", BATCH, orjson.dumps({"requests": [{}] * 21})),
        ("POST", BATCH, orjson.dumps({"requests": ["x"]})),
        ("POST", BATCH, step(method="POST")),
        ("POST", BATCH, step(method="get")),
        ("POST", BATCH, step(body={})),
        ("POST", BATCH, step(url="//evil.example/users")),
        ("POST", BATCH, step(url="https://evil.example/users")),
        ("POST", BATCH, step(url=7)),
        ("POST", BATCH, batch_body(["/users"]).replace(b"{", b'{"x":1,', 1)),
        ("POST", f"{GRAPH}/v1.0/users", batch_body(["/users"])),
        ("PATCH", BATCH, batch_body(["/users"])),
        ("DELETE", f"{GRAPH}/v1.0/users/1", b""),
        ("GET", f"{GRAPH}/v1.0/users/1", b"{}"),
    ],
)
def test_nothing_but_reads_leaves(method: str, url: str, content: bytes) -> None:
    with pytest.raises(WriteRefused):
        check_outgoing(method, url, content)
    one = rig(page())

    async def main() -> None:
        with pytest.raises(WriteRefused):
            await one.client.send(method, url, "t", 1.0, content=content)
        async with GraphEndpoints().http(1.0) as http:
            with pytest.raises(WriteRefused):
                await http.request(method, url, content=content)

    run(main())
    assert one.script.requests == []


def test_a_body_that_is_streamed_is_refused() -> None:
    async def parts() -> Any:
        yield b"{}"

    async def main() -> None:
        async with GraphEndpoints().http(1.0) as http:
            with pytest.raises(WriteRefused):
                await http.post(BATCH, content=parts())

    run(main())


# -- batches -------------------------------------------------------------------


def test_steps_that_are_throttled_are_asked_again() -> None:
    one = rig(steps(GOOD, BUSY, GONE), steps(GOOD))
    found = run(one.client.batch(["/users/1", "/users/2", "/users/3"]))
    assert [(step.status, step.good, step.missing) for step in found] == [
        (200, True, False),
        (200, True, False),
        (404, False, True),
    ]
    assert one.time.slept == [2.128]
    bodies = [orjson.loads(request.content) for request in one.script.requests]
    assert [[each["url"] for each in body["requests"]] for body in bodies] == [
        ["/users/1", "/users/2", "/users/3"],
        ["/users/2"],
    ]


def test_a_step_that_stays_bad_keeps_its_status() -> None:
    one = rig(steps(BUSY), policy=RetryPolicy(attempts=3))
    assert [step.status for step in run(one.client.batch(["/users/1"]))] == [429]
    unanswered = rig(httpx.Response(200, json={"responses": []}), policy=RetryPolicy(attempts=2))
    assert [step.status for step in run(unanswered.client.batch(["/users/1"]))] == [0]


@pytest.mark.parametrize(
    "body", [{}, {"responses": 1}, {"responses": [1]}, {"responses": [{"id": "0"}]}]
)
def test_a_damaged_batch(body: dict[str, Any]) -> None:
    one = rig(httpx.Response(200, json=body), policy=RetryPolicy(attempts=2))
    with pytest.raises(SourceUnavailable):
        run(one.client.batch(["/users/1"]))


def test_a_batch_is_small() -> None:
    with pytest.raises(ValueError, match="20"):
        run(rig(page()).client.batch(["/users"] * 21))


def test_absent_objects_are_confirmed_and_what_is_unknown_stays() -> None:
    here = {"id": "here", "displayName": "Here", "jobTitle": None, "otherMails": []}
    found = (200, {**here, "manager": {"@odata.type": "#microsoft.graph.user", "id": "m"}}, {})
    odd = (200, {"id": "odd", "displayName": 7}, {})
    one = rig(
        steps(found, GONE, GONE, GONE, DENIED, GOOD, odd),
        steps(GOOD, GONE, DENIED),
    )
    ids = ["here", "soft", "hard", "hidden", "denied", "another", "odd"]
    told = run(GraphReader(one.client).confirm_absent(USERS, ids))
    attributes = {"displayName": "Here", "jobTitle": None, "otherMails": None, "manager": "m"}
    assert told == {
        "here": SourceChange(USERS, "here", Presence.present, attributes),
        "soft": SourceChange(USERS, "soft", Presence.soft_deleted),
        "hard": SourceChange(USERS, "hard", Presence.deleted),
        "hidden": SourceChange(USERS, "hidden", Presence.soft_deleted),
        "denied": None,
        "another": None,
        "odd": None,
    }
    assert [request.url.path for request in one.script.requests] == [BATCH_PATH] * 2
    asked = orjson.loads(one.script.requests[0].content)["requests"]
    assert asked[0]["url"].startswith("/users/here?$select=userPrincipalName,")
    assert asked[0]["url"].endswith("&$expand=manager($select=id)")


def test_a_thousand_are_confirmed() -> None:
    one = rig(steps(*[GONE] * 20))
    ids = [str(number) for number in range(1_000)]
    told = run(GraphReader(one.client).confirm_absent(GROUPS, ids))
    assert {change.presence for change in told.values() if change} == {Presence.deleted}
    assert len(one.script.requests) == 100


@pytest.mark.parametrize("answer", [error(503), steps(*[BUSY] * 20)])
def test_an_outage_confirms_nothing_and_ends_patience_once(answer: httpx.Response) -> None:
    one = rig(answer, policy=RetryPolicy(attempts=2))
    ids = [str(number) for number in range(1_000)]
    assert run(GraphReader(one.client).confirm_absent(USERS, ids)) == dict.fromkeys(ids)
    assert len(one.script.requests) == 2


# -- the budget ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "cost"),
    [
        ("users", 2),
        ("users?$select=id", 1),
        ("users?$select=id&$expand=manager($select=id)&$top=999", 2),
        ("users?$top=1", 1),
        ("groups/1/members", 3),
        ("groups/1/members?$select=id&$top=999", 2),
        ("groups/1/transitiveMembers", 5),
        ("users/delta?$select=id", 1),
        ("organization", 1),
    ],
)
def test_costs_as_documented(path: str, cost: int) -> None:
    assert cost_of(f"{GRAPH}/v1.0/{path}") == cost


@pytest.mark.parametrize(
    ("users", "limit"),
    [(None, 3_500), (1, 3_500), (50, 5_000), (500, 5_000), (501, LARGEST), (10**6, LARGEST)],
)
def test_limits_by_size(users: int | None, limit: float) -> None:
    assert limit_of(users) == limit


def test_the_budget_slows_down_by_itself() -> None:
    async def main() -> None:
        fake = FakeTime()
        budget = ResourceBudget(fake.pace(), users=10_000)
        began, spent = fake.at, 0
        while fake.at - began < 5 * WINDOW:
            await budget.spend(100)
            spent += 100
        rate = spent / (fake.at - began) * WINDOW
        assert rate <= LARGEST * SHARE * 1.21
        assert fake.slept
        assert budget.waited == pytest.approx(sum(fake.slept))

    run(main())


def test_what_graph_charges_counts_and_its_warning_is_heeded() -> None:
    async def main() -> None:
        fake = FakeTime()
        budget = ResourceBudget(fake.pace(), users=10_000)
        await budget.spend(1)
        budget.learn(1, {"x-ms-resource-unit": "6400"})
        await budget.spend(1)
        assert len(fake.slept) == 1
        fake.at += 100
        budget.learn(1, {"x-ms-throttle-limit-percentage": "1.3"})
        await budget.spend(1)
        assert fake.slept[1] == pytest.approx(5, rel=0.01)
        for text in ("nonsense", "nan", "-3", ""):
            budget.learn(1, {"x-ms-resource-unit": text, "x-ms-throttle-limit-percentage": text})

    run(main())


def test_a_client_spends_from_its_budget() -> None:
    answer = page(delta=f"{FIRST}?$deltatoken=1")
    answer.headers["x-ms-resource-unit"] = "9000"
    one = rig(answer)
    run(one.values())
    run(one.values())
    assert one.client.budget.waited > 0


# -- the time of a run ---------------------------------------------------------


def test_a_run_ends_in_time() -> None:
    one = rig(error(503, retry_after="50"), policy=RetryPolicy(attempts=99, run_seconds=120.0))
    with pytest.raises(SourceUnavailable) as caught:
        run(one.values())
    assert caught.value.code == "server_error"
    assert sum(one.time.slept) <= 120
    one.time.at += 100
    with pytest.raises(SourceUnavailable) as caught:
        run(one.values())
    assert caught.value.code == "out_of_time"


def test_a_cancellation_does_not_wait_for_retry_after() -> None:
    script = Script(error(429, retry_after="3600"))

    async def main() -> None:
        http = httpx.AsyncClient(transport=httpx.MockTransport(script))
        policy = RetryPolicy(budget=10_000.0)
        client = GraphClient(
            GraphEndpoints(), FakeTokens(), policy=policy, pace=Pace(chance=lambda: 0.0), http=http
        )
        reading = asyncio.create_task(client.get(f"{GRAPH}/v1.0/users"))
        for _ in range(60):
            await asyncio.sleep(0)
        assert len(script.requests) == 1
        assert not reading.done()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    began = time.monotonic()
    run(main())
    assert time.monotonic() - began < 1


# -- cursors -------------------------------------------------------------------


def test_a_stored_cursor_that_is_a_bad_request_is_forgotten() -> None:
    bad = error(400, "BadRequest", "Badly formed token.")
    link = f"{FIRST}?$deltatoken=old"

    async def read(cursor: str | None, *answers: httpx.Response) -> None:
        reader = GraphReader(rig(*answers).client)
        async for _ in reader.pages(USERS, cursor):
            pass

    with pytest.raises(SourceCursorExpired) as caught:
        run(read(link, bad))
    assert caught.value.code == "cursor_refused"
    for cursor, answers in ((None, (bad,)), (link, (page(following=f"{FIRST}?x"), bad))):
        with pytest.raises(SourceError) as other:
            run(read(cursor, *answers))
        assert other.value.code == "bad_request"
        assert not isinstance(other.value, SourceCursorExpired)
    for damaged in ("ezto-position:", "ezto-position:{}", 'ezto-position:{"delta":1}'):
        with pytest.raises(SourceCursorExpired):
            run(read(damaged, page()))
