"""Creations: nobody is made twice, and nobody's account is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.remote.crooked import Cut, Odd, Reply, error, no_bulk, no_filter_by, on, times
from tests.remote.support import create_group, create_user, people, use, user_names


@pytest.mark.parametrize(
    "rule",
    [
        on("POST", "/Users", Cut()),
        on("POST", "/Users", Cut(after=True)),
        on("POST", "/Users", Cut(after=True, bytes_first=20)),
        on("POST", "/Users", lambda reply: error(502, "Lost.")),
        on("POST", "/Users", lambda reply: replace(reply, body=b'{"id": "tru', headers={})),
    ],
    ids=["before", "after", "half an answer", "an error though done", "damaged"],
)
@pytest.mark.parametrize("filters", [True, False], ids=["by externalId", "by name"])
def test_a_creation_whose_answer_is_lost_is_not_made_twice(
    odd: Odd, rule: Any, filters: bool
) -> None:
    settings, app = odd
    also = [] if filters else [no_filter_by("externalId")]

    async def work(target: Any) -> None:
        await target.apply([create_user("s9", "old@x.com")])
        app.rules = [no_bulk, *also, times(1, rule)]
        (created,) = await target.apply(people(1))
        if created.code == "no_id":
            assert not filters
            (created,) = await target.apply(people(1))
        assert created.status == 201
        assert await user_names(target, 1) == [1]
        assert list(await target.read([created.resource_id])) == [created.resource_id]

    use(settings, work)


@pytest.mark.parametrize("filters", [True, False], ids=["by externalId", "by name"])
def test_a_group_is_not_made_twice_though_names_may_repeat(odd: Odd, filters: bool) -> None:
    settings, app = odd
    also = [] if filters else [no_filter_by("externalId")]

    async def work(target: Any) -> None:
        app.rules = [no_bulk, *also, times(1, on("POST", "/Groups", Cut(after=True)))]
        (first,) = await target.apply([create_group("g1", "Staff")])
        again, other = await target.apply(
            [create_group("g1", "Staff"), create_group("g2", "Staff")]
        )
        assert [first.status, again.status, other.status] == [201, 201, 201]
        assert first.resource_id == again.resource_id != other.resource_id

    use(settings, work)


def test_what_an_earlier_attempt_made_is_brought_to_the_wanted_state(odd: Odd) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        half = create_user("s1", "ann@x.com", active=False, title="Nurse", nickName="A")
        (first,) = await target.apply([half])
        wanted = create_user("s1", "anna@x.com", title="Chief", name={"givenName": "Anna"})
        (second,) = await target.apply([wanted])
        assert (second.status, second.resource_id) == (201, first.resource_id)
        document = (await target.read([first.resource_id]))[first.resource_id]
        shown = {name: document.get(name) for name in ("userName", "active", "title", "nickName")}
        assert shown == {
            "userName": "anna@x.com",
            "active": True,
            "title": "Chief",
            "nickName": "A",
        }
        patched = len(app.sent("PATCH"))
        (third,) = await target.apply([wanted])
        assert (third.status, third.changed, len(app.sent("PATCH"))) == (201, False, patched)

    use(settings, work)


@pytest.mark.parametrize("external_id", [None, "S1", "somebody else's"])
@pytest.mark.parametrize("bulk", [True, False])
def test_an_account_of_somebody_else_is_never_adopted(
    odd: Odd, external_id: str | None, bulk: bool
) -> None:
    settings, _ = odd

    async def work(target: Any) -> None:
        theirs = create_user("x", "u0@x.com", title="Theirs")
        body = {name: value for name, value in (theirs.body or {}).items() if name != "externalId"}
        body |= {"externalId": external_id} if external_id else {}
        (made,) = await target.apply([replace(theirs, body=body)])
        taken, other = await target.apply(people(2))
        assert (taken.status, taken.code, taken.resource_id) == (409, "uniqueness", "")
        assert made.resource_id in taken.message
        assert "did not create" in taken.message
        assert other.status == 201
        document = (await target.read([made.resource_id]))[made.resource_id]
        assert document["title"] == "Theirs"

    use(replace(settings, bulk=bulk), work)


def test_two_resources_with_the_same_external_id_are_left_alone(odd: Odd) -> None:
    settings, _ = odd

    async def work(target: Any) -> None:
        twin = create_user("s0", "twin@x.com")
        await target.apply([twin, replace(create_user("s0", "other@x.com"), source_id="x")])
        (refused,) = await target.apply(people(1))
        assert (refused.status, refused.code) == (409, "ambiguous")
        assert "Remove all but one" in refused.message

    use(replace(settings, bulk=False, concurrency=1), work)


def test_an_answer_without_an_id_is_looked_up(odd: Odd) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        await target.apply([create_user("s9", "old@x.com")])
        app.rules = [no_bulk, on("POST", "/Users", lambda reply: Reply(201))]
        (created,) = await target.apply(people(1))
        assert created.status == 201
        assert created.resource_id in await target.read([created.resource_id])

    use(settings, work)
