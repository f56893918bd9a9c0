"""Throttling, errors and outages: everything is tried again, and nobody waits for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azure_adapter.graph import RetryPolicy
from azure_adapter.remote import (
    BearerToken,
    RemoteCredentialRefused,
    RemoteSettings,
    RemoteUnavailable,
)
from azure_adapter.remote.connection import DOWN_AFTER, FAILURES
from tests.remote.crooked import Cut, Hang, Odd, error, no_bulk, on, times
from tests.remote.support import TITLE, Sleeps, patch, people, quick, use


@pytest.mark.parametrize(
    ("header", "least"), [("7", 7.0), ("2.128", 2.128), ("Wed, 01 Jan 2098 00:00:00 GMT", None)]
)
def test_retry_after_is_honoured(odd: Odd, header: str, least: float | None) -> None:
    settings, app = odd
    app.rules = [no_bulk, times(2, on("POST", "/Users", error(429, retry_after=header)))]
    sleeps = Sleeps()

    async def work(target: Any) -> None:
        if least is None:
            with pytest.raises(RemoteUnavailable) as caught:
                await target.apply(people(1))
            assert caught.value.code == "throttled"
            assert "It asks to wait" in caught.value.message
            return
        (created,) = await target.apply(people(1))
        assert created.status == 201
        assert len(app.sent("POST", "/Users")) == 3
        assert sleeps.asked == [least, least]

    use(settings, work, pace=quick(sleeps))


def test_a_server_error_is_tried_again_and_another_refusal_is_not(odd: Odd) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        (created,) = await target.apply(people(1))
        path = f"/Users/{created.resource_id}"
        app.rules = [times(FAILURES - 1, on("PATCH", "", error(503, "Busy.")))]
        assert [each.status for each in await target.apply([patch(path, TITLE)])] == [200]
        app.rules = [on("PATCH", "", error(422, "Odd."))]
        (refused,) = await target.apply([patch(path, TITLE)])
        assert (refused.status, refused.code) == (422, "http_422")
        assert refused.message == "The remote server answered HTTP 422: Odd."
        assert len(app.sent("PATCH")) == FAILURES + 1

    use(settings, work)


def test_an_operation_that_the_server_always_fails_at_blocks_no_other(odd: Odd) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        created = await target.apply(people(3))
        paths = [f"/Users/{each.resource_id}" for each in created]
        app.rules = [no_bulk, on("PATCH", paths[1], error(500, "Cannot."))]
        done = await target.apply([patch(path, TITLE) for path in paths])
        assert [each.status for each in done] == [200, 500, 200]
        assert done[1].code == "server_error"

    use(settings, work)


def test_an_operation_that_gets_no_answer_ends_and_blocks_no_other(odd: Odd) -> None:
    settings, app = odd
    hasty = RetryPolicy(attempts=12, budget=300.0, attempt_seconds=0.8)

    async def prepare(target: Any) -> list[str]:
        return [f"/Users/{each.resource_id}" for each in await target.apply(people(2))]

    paths = use(settings, prepare)

    async def work(target: Any) -> None:
        app.rules = [on("PATCH", paths[0], Hang())]
        done = await target.apply([patch(path, TITLE) for path in paths])
        assert [(each.status, each.code) for each in done] == [(504, "timeout"), (200, "")]
        assert len(app.sent("PATCH", paths[0])) == FAILURES

    use(replace(settings, bulk=False), work, policy=hasty)


def test_a_server_that_goes_down_ends_the_batch_and_keeps_what_was_done(odd: Odd) -> None:
    settings, app = odd
    down = times(10_000, lambda _: error(503, "Down."))

    async def work(target: Any) -> None:
        created = await target.apply(people(6))
        paths = [f"/Users/{each.resource_id}" for each in created]
        good = times(2, lambda seen: (lambda real: real) if seen.is_("PATCH") else None)
        app.rules = [no_bulk, good, down]
        done = await target.apply([patch(path, TITLE) for path in paths])
        assert [each.status for each in done].count(200) == 2
        assert {each.status for each in done} == {200, 503}
        told = next(each for each in done if not each.ok)
        assert told.message.startswith("The remote SCIM server cannot be used now.")
        before = len(app.seen)
        with pytest.raises(RemoteUnavailable) as caught:
            await target.apply([patch(path, TITLE) for path in paths])
        assert caught.value.advice
        assert len(app.seen) - before <= settings.concurrency * FAILURES + settings.concurrency
        app.rules = []
        done = await target.apply([patch(path, TITLE) for path in paths])
        assert {each.status for each in done} == {200}

    use(settings, work)


def test_nothing_but_failures_is_an_outage_whatever_else_the_server_answers(odd: Odd) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        created = await target.apply(people(DOWN_AFTER + 5))
        app.rules = [no_bulk, on("PATCH", "", error(500, "Cannot."))]
        paths = [f"/Users/{each.resource_id}" for each in created]
        done = await target.apply([patch(path, TITLE) for path in paths])
        assert [each.status for each in done].count(500) == DOWN_AFTER - 1
        assert done[-1].status == 503

    use(settings, work)


def test_nobody_there_is_told_as_such() -> None:
    settings = RemoteSettings("http://127.0.0.1:9/scim/v2", BearerToken("t"))

    async def work(target: Any) -> None:
        for call in (target.check(), target.read(["1"]), target.apply(people(1))):
            with pytest.raises(RemoteUnavailable) as caught:
                await call
            assert caught.value.code == "unreachable"

    use(settings, work)


@pytest.mark.parametrize(
    "rule",
    [
        on("PATCH", "", Cut()),
        on("PATCH", "", Cut(after=True)),
        on("PATCH", "", Cut(after=True, bytes_first=20)),
    ],
    ids=["before", "after", "half an answer"],
)
def test_a_change_survives_a_broken_connection(odd: Odd, rule: Any) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        (created,) = await target.apply(people(1))
        app.rules = [times(2, rule)]
        (done,) = await target.apply([patch(f"/Users/{created.resource_id}", TITLE)])
        assert done.status == 200
        document = (await target.read([created.resource_id]))[created.resource_id]
        assert document["title"] == "Chief"

    use(settings, work)


def test_a_refused_token_stops_everything(odd: Odd) -> None:
    settings, _ = odd

    async def work(target: Any) -> None:
        for call in (target.check(), target.apply(people(2)), target.members("1")):
            with pytest.raises(RemoteCredentialRefused) as caught:
                await call
            assert caught.value.code == "unauthorized"
            assert caught.value.status == 401

    use(replace(settings, credential=BearerToken("t")), work)
