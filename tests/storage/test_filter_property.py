"""Filters and sorting in SQL agree with scim2-models' evaluator, on both databases."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scim2_models import ScimFilter, SearchRequest
from scim2_server.utils import parametrize

from storage.database import Database
from storage.resources.store import ResourceStore
from tests.storage.test_filter_strategies import ID, SORTS, filters, groups, users
from tests.storage.test_resource_world import GROUP, GROUPS, USER, USERS, open_store

QUICK = settings(
    deadline=None,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)
SEARCHES: list[tuple[Any, Any]] = [
    ([USER], USERS),
    ([GROUP], GROUPS),
    ([USER, GROUP], USERS | GROUPS),
]


@pytest.fixture
def stores(
    sqlite_url: str, postgres_url: str, runner: asyncio.Runner
) -> Iterator[list[ResourceStore]]:
    """A store on SQLite and one on PostgreSQL, side by side."""
    databases = [
        runner.run(Database.open(url, shared=False, migrate=False))
        for url in (sqlite_url, postgres_url)
    ]
    try:
        yield [runner.run(open_store(database)) for database in databases]
    finally:
        for database in databases:
            runner.run(database.close())


async def fill(store: ResourceStore, people: list[Any], teams: list[Any]) -> list[str]:
    """Replace what is stored, and return the ids."""
    async with store.database.transaction() as session:
        await session.execute("DELETE FROM resource")
    made = []
    async with store.operation():
        for number, person in enumerate(map(dict, people)):
            name = f"{person.pop('userName', 'Ann')}{number}"
            user = USERS.model_validate({**person, "userName": name})
            made.append((await store.create(USER, user)).id)
        for team in teams:
            members = [{"value": made[n]} for n in team["members"] if n < len(people)]
            group = GROUPS.model_validate({**team, "members": members})
            made.append((await store.create(GROUP, group)).id)
    return made


def with_ids(text: str, ids: list[str]) -> str:
    """Put ids in the place of their numbers."""
    for number in range(8):
        known = ids[number] if number < len(ids) else "unknown"
        text = text.replace(ScimFilter.quote(f"{ID}{number}"), ScimFilter.quote(known))
    return text


def request(model: Any, **parameters: Any) -> SearchRequest[Any] | None:
    """Return a search, or ``None`` when the models refuse it."""
    try:
        return parametrize(SearchRequest, model)(**parameters)
    except ValidationError:
        return None


async def everything(store: ResourceStore, types: Any, model: Any) -> list[Any]:
    page = await store.search(types, SearchRequest[model]())
    assert page.total == len(page.resources)
    return page.resources


async def on_each(
    stores: list[ResourceStore], check: Callable[[ResourceStore], Awaitable[None]]
) -> None:
    for store in stores:
        await check(store)


@given(
    people=st.lists(users, min_size=1, max_size=5),
    teams=st.lists(groups, max_size=2),
    texts=st.lists(filters, min_size=6, max_size=12),
)
@QUICK
def test_filters_agree_with_the_evaluator(
    stores: list[ResourceStore],
    runner: asyncio.Runner,
    people: list[Any],
    teams: list[Any],
    texts: list[str],
) -> None:
    async def check(store: ResourceStore) -> None:
        ids = await fill(store, people, teams)
        for types, model in SEARCHES:
            stored = await everything(store, types, model)
            for text in texts:
                search = request(model, filter=with_ids(text, ids))
                if search is None:
                    continue
                page = await store.search(types, search)
                expected = [each.id for each in stored if matches(search, each)]
                found = [each.id for each in page.resources]
                assert (page.total, found) == (len(expected), expected), (
                    store.database.dialect,
                    text,
                )

    runner.run(on_each(stores, check))


def matches(search: SearchRequest[Any], resource: Any) -> bool:
    bound = ScimFilter[type(resource)](search.filter.ast)  # type: ignore[misc,union-attr]
    return bound.match(resource)


@given(
    people=st.lists(users, min_size=1, max_size=6),
    teams=st.lists(groups, max_size=2),
    orders=st.lists(
        st.tuples(st.sampled_from(SORTS), st.sampled_from(["ascending", "descending"])),
        min_size=3,
        max_size=6,
    ),
    count=st.integers(1, 4),
)
@settings(QUICK, max_examples=20)
def test_sorting_and_cursors_agree_with_the_search_request(
    stores: list[ResourceStore],
    runner: asyncio.Runner,
    people: list[Any],
    teams: list[Any],
    orders: list[tuple[str, str]],
    count: int,
) -> None:
    async def check(store: ResourceStore) -> None:
        await fill(store, people, teams)
        for types, model in SEARCHES:
            stored = await everything(store, types, model)
            for sort_by, sort_order in orders:
                way = {"sort_by": sort_by, "sort_order": sort_order}
                search = request(model, **way)
                if search is None:
                    continue
                page = await store.search(types, search)
                values = [search.sort_value(each) for each in page.resources]
                assert values == [search.sort_value(each) for each in search.sort(stored)], way
                await walk(store, types, request(model, cursor="", count=count, **way), page)

    runner.run(on_each(stores, check))


async def walk(store: ResourceStore, types: Any, search: Any, whole: Any) -> None:
    """Follow the cursors to the end and back: each resource comes once, in order."""
    ids = [each.id for each in whole.resources]
    pages = [await store.search(types, search)]
    assert pages[0].previous is None
    while pages[-1].next is not None:
        pages.append(await store.search(types, search, position=pages[-1].next))
    assert [each.id for page in pages for each in page.resources] == ids
    back = [pages[-1]]
    while back[-1].previous is not None:
        back.append(await store.search(types, search, position=back[-1].previous))
    start = sum(len(page.resources) for page in pages[:-1])
    found = [each.id for page in reversed(back[1:]) for each in page.resources]
    assert found == ids[:start]
