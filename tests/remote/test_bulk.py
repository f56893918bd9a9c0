"""Bulk: whatever the server answers, each operation is done once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.remote.crooked import (
    Cut,
    Odd,
    Reply,
    Seen,
    bulk_answer,
    error,
    no_bulk,
    no_filter_by,
    offers,
    on,
    times,
)
from tests.remote.support import (
    TITLE,
    create_group,
    create_user,
    delete,
    patch,
    people,
    use,
    user_names,
)


@pytest.mark.parametrize(
    "rule",
    [
        bulk_answer(lambda done: done[:2]),
        bulk_answer(lambda done: done[::-1]),
        bulk_answer(lambda done: [*done, done[0]]),
        bulk_answer(lambda done: [{**each, "status": {"code": each["status"]}} for each in done]),
        bulk_answer(lambda done: [{**each, "status": "many"} for each in done]),
        bulk_answer(lambda done: [{"status": "201"} for _ in done]),
        bulk_answer(lambda done: [{**each, "location": None} for each in done]),
        bulk_answer(lambda _: None),
        bulk_answer(lambda _: ["odd", 7]),
        on("POST", "/Bulk", Cut(after=True)),
        on("POST", "/Bulk", Cut()),
        on("POST", "/Bulk", Reply(200, b'{"Operations": [')),
        on("POST", "/Bulk", Reply(200, b"<html>")),
        on("POST", "/Bulk", error(400, "Bulk?")),
        on("POST", "/Bulk", error(404)),
        on("POST", "/Bulk", error(500, "Cannot.")),
    ],
    ids=[
        *("too few", "backwards", "too many", "status object", "no status", "nothing named"),
        *("no location", "no list", "odd list", "lost", "never there", "truncated", "html"),
        *("refused", "absent", "broken"),
    ],
)
def test_whatever_bulk_answers_each_operation_is_done_once(odd: Odd, rule: Any) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        (old,) = await target.apply([create_user("s9", "old@x.com")])
        app.rules = [rule]
        gone = "/Users/018f0000-0000-7000-8000-000000000000"
        operations = [
            *people(3),
            create_user("s5", "old@x.com"),
            patch(f"/Users/{old.resource_id}", TITLE),
            delete(gone),
        ]
        done = await target.apply([replace(each, phase=1) for each in operations])
        assert [each.status for each in done] == [201, 201, 201, 409, 200, 204]
        assert len({each.resource_id for each in done}) == 6
        assert done[4].resource_id == old.resource_id
        app.rules = []
        assert await user_names(target, 3) == [1, 1, 1]
        found = await target.read([each.resource_id for each in done if each.status == 201])
        assert sorted(each["externalId"] for each in found.values()) == ["s0", "s1", "s2"]
        assert all(
            found[each.resource_id]["externalId"] == f"s{n}" for n, each in enumerate(done[:3])
        )

    use(settings, work)


@pytest.mark.parametrize("filters", [True, False], ids=["by externalId", "by name"])
def test_groups_of_a_lost_bulk_request_are_not_made_twice(odd: Odd, filters: bool) -> None:
    settings, app = odd
    also = [] if filters else [no_filter_by("externalId")]

    async def work(target: Any) -> None:
        app.rules = [*also, times(1, on("POST", "/Bulk", Cut(after=True)))]
        groups = [create_group(f"g{n}", "Staff") for n in range(3)]
        first = await target.apply(groups)
        again = await target.apply(groups)
        assert [each.status for each in [*first, *again]] == [201] * 6
        assert [each.resource_id for each in first] == [each.resource_id for each in again]
        assert len({each.resource_id for each in first}) == 3
        assert not app.sent("POST", "/Groups")

    use(settings, work)


def test_bulk_requests_are_no_larger_than_the_server_says(odd: Odd) -> None:
    settings, app = odd
    app.rules = [offers(bulk={"supported": True, "maxOperations": 4, "maxPayloadSize": 1_500})]

    async def work(target: Any) -> None:
        done = await target.apply(
            [*people(9), create_user("s9", "u9@x.com", title="x" * 3_000), *people(12)[10:]]
        )
        assert {each.status for each in done} == {201}
        sent = app.sent("POST", "/Bulk")
        assert all(len(each.raw) <= 1_500 for each in sent)
        assert {len(each.body["Operations"]) for each in sent} <= {2, 3, 4}
        assert "failOnErrors" not in sent[0].body
        assert any(len(each.raw) > 3_000 for each in app.sent("POST", "/Users"))
        assert await user_names(target, 12) == [1] * 12

    use(settings, work)


def test_a_bulk_request_that_is_too_large_is_split(odd: Odd) -> None:
    settings, app = odd
    limit = 3

    def too_large(seen: Seen) -> Reply | None:
        many = seen.is_("POST", "/Bulk") and len(seen.body["Operations"]) > limit
        return error(413, "Too large.") if many else None

    app.rules = [too_large]

    async def work(target: Any) -> None:
        assert {each.status for each in await target.apply(people(10))} == {201}
        sizes = [len(each.body["Operations"]) for each in app.sent("POST", "/Bulk")]
        assert sizes == [10, 5, 2, 2, 2, 2, 2]
        assert await user_names(target, 10) == [1] * 10

    use(settings, work)


def test_a_throttled_bulk_request_waits(odd: Odd) -> None:
    settings, app = odd
    app.rules = [times(3, on("POST", "/Bulk", error(429, retry_after="5")))]

    async def work(target: Any) -> None:
        assert {each.status for each in await target.apply(people(3))} == {201}
        assert len(app.sent("POST", "/Bulk")) == 4
        assert not app.sent("POST", "/Users")

    use(settings, work)


def test_an_operation_that_bulk_throttles_is_sent_again_in_its_order(odd: Odd) -> None:
    settings, app = odd

    def throttled(done: list[Any]) -> list[Any]:
        return [{**done[0], "status": "429", "response": {}}, *done[1:]]

    async def work(target: Any) -> None:
        (user,) = await target.apply(people(1))
        app.rules = [bulk_answer(throttled)]
        path = f"/Users/{user.resource_id}"
        turns = [patch(path, {**TITLE, "value": str(turn)}) for turn in range(3)]
        assert {each.status for each in await target.apply(turns)} == {200}
        sent = [each.body["Operations"][0]["value"] for each in app.sent("PATCH")]
        assert sent == ["0", "1", "2"]

    use(settings, work)


def test_bulk_is_given_up_where_it_does_not_work(odd: Odd) -> None:
    settings, app = odd
    app.rules = [no_bulk]

    async def work(target: Any) -> None:
        for _ in range(3):
            assert {each.status for each in await target.apply(people(3))} == {201}
        assert len(app.sent("POST", "/Bulk")) == 1

    use(settings, work)
