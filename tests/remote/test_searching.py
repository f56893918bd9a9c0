"""Reading and searching with the filters there are, as far as they can be believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azure_adapter.remote import RemoteUnsuitable
from scim.provisioning.records import UniqueField
from tests.remote.crooked import (
    Odd,
    Reply,
    Seen,
    error,
    no_discovery,
    no_filter_by,
    no_or,
    offers,
    on,
)
from tests.remote.support import create_user, people, use, user_names


def test_a_server_without_discovery_is_used_all_the_same(odd: Odd) -> None:
    settings, app = odd
    for rule in (no_discovery, on("GET", "Config", Reply(200, b"[]")), offers(bulk=7, filter=[])):
        app.rules = [rule]

        async def work(target: Any) -> None:
            assert (await target.check()).bulk is False
            assert {each.status for each in await target.apply(people(3))} == {201}

        use(settings, work)


@pytest.mark.parametrize("several", [True, False], ids=["or", "no or"])
@pytest.mark.parametrize("by_id", [True, False], ids=["id", "no id"])
def test_it_reads_and_finds_with_the_filters_there_are(
    odd: Odd, several: bool, by_id: bool
) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        created = await target.apply(people(60))
        app.rules = [*([] if several else [no_or]), *([] if by_id else [no_filter_by("id")])]
        before = len(app.seen)
        ids = [each.resource_id for each in created]
        assert set(await target.read([*ids, "nobody"])) == set(ids)
        assert await user_names(target, 60) == [1] * 60
        asked = len(app.seen) - before
        assert (asked < 20) == (several and by_id), asked

    use(replace(settings, bulk=False), work)


def everything(seen: Seen) -> Any:
    """Ignore filters: answer with everybody."""
    if not seen.filter:
        return None
    return lambda reply: replace(reply, body=EVERYBODY)


EVERYBODY = {
    "totalResults": 2,
    "Resources": [{"id": "1", "userName": "a@x.com"}, {"id": "2", "userName": "b@x.com"}],
}


def nobody(seen: Seen) -> Reply | None:
    """Understand no filter, and find nobody."""
    return Reply(200, {"totalResults": 0, "Resources": []}) if seen.filter else None


def first_only(seen: Seen) -> Any:
    """Heed only the first condition of a filter."""
    if " or " not in seen.filter:
        return None
    return Reply(200, {"totalResults": 0, "Resources": []})


@pytest.mark.parametrize("rule", [everything, nobody, no_filter_by("userName")])
def test_filters_that_cannot_be_believed_stop_the_sync(odd: Odd, rule: Any) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        await target.apply(people(2))
        app.rules = [rule]
        for call in (target.check(), target.find(UniqueField.username, ["u0@x.com"])):
            with pytest.raises(RemoteUnsuitable) as caught:
                await call
            assert caught.value.code == "no_filters"

    use(settings, work)


def test_half_understood_filters_are_noticed(odd: Odd) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        await target.apply(people(3))

    use(settings, work)
    app.rules = [first_only]

    async def find(target: Any) -> None:
        assert await user_names(target, 3) == [1, 1, 1]

    use(settings, find)


def test_an_email_filter_that_finds_nobody_is_not_believed(odd: Odd) -> None:
    settings, app = odd

    def only_value_path(seen: Seen) -> Reply | None:
        return nobody(seen) if seen.filter.startswith("emails.") else None

    async def work(target: Any) -> None:
        emails = [{"value": "ann@x.com", "type": "work"}]
        (ann,) = await target.apply([create_user("s1", "ann@y.com", emails=emails)])
        app.rules = [only_value_path]
        found = await target.find(UniqueField.email, ["ANN@x.com"])
        assert [each.resource_id for each in found["ANN@x.com"]] == [ann.resource_id]

    use(settings, work)

    async def hopeless(target: Any) -> None:
        app.rules = [lambda seen: nobody(seen) if seen.filter.startswith("emails") else None]
        with pytest.raises(RemoteUnsuitable) as caught:
            await target.find(UniqueField.email, ["ann@x.com"])
        assert caught.value.code == "no_email_filter"

    use(settings, hopeless)


def test_one_value_that_a_server_refuses_hides_no_other(odd: Odd) -> None:
    settings, app = odd

    def picky(seen: Seen) -> Reply | None:
        return error(400, "Odd value.", "invalidValue") if "u1@x.com" in seen.filter else None

    async def work(target: Any) -> None:
        await target.apply([each for each in people(8) if each.source_id != "s1"])
        await target.check()
        app.rules = [picky]
        assert await user_names(target, 8) == [1, 0, 1, 1, 1, 1, 1, 1]
        app.rules, before = [], len(app.seen)
        assert await user_names(target, 8) == [1, 0, 1, 1, 1, 1, 1, 1]
        assert len(app.seen) - before == 1

    use(settings, work)


@pytest.mark.parametrize("cursor", [True, False], ids=["cursor", "index"])
def test_what_a_search_finds_may_come_in_pages(odd: Odd, cursor: bool) -> None:
    settings, app = odd
    ids: dict[str, str] = {}

    def one_a_page(seen: Seen) -> Reply | None:
        found = [name for name in ids if f'"{name}"' in seen.filter]
        if not seen.filter:
            return None
        assert ("cursor" in seen.query) == cursor
        at = int(seen.query["cursor"] or 0 if cursor else seen.query.get("startIndex", 1)) - (
            not cursor
        )
        page: dict[str, Any] = {
            "Resources": [{"id": ids[each], "userName": each} for each in found[at : at + 1]]
        }
        if not cursor:
            page["totalResults"] = len(found)
        elif at + 1 < len(found):
            page["nextCursor"] = str(at + 1)
        return Reply(200, page)

    async def work(target: Any) -> None:
        created = await target.apply(people(5))
        ids.update((f"u{n}@x.com", each.resource_id) for n, each in enumerate(created))

    use(settings, work)
    pages = {"cursor": True, "index": False}
    app.rules = [*([offers(pagination=pages)] if cursor else []), one_a_page]

    async def find(target: Any) -> None:
        assert await user_names(target, 5) == [1] * 5

    use(settings, find)
