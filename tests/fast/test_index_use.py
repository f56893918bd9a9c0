"""The read lane's statements go through indexes, on both databases."""

import asyncio
import re
from typing import Any

import pytest
from scim2_models import SearchRequest

from scim.caller import Caller
from scim.fast.ports import Shows
from scim.schema import build_provider
from storage.resources import fast_sql
from storage.resources.fast import FastResources, Plan
from storage.resources.store import ResourceStore
from tests.storage.test_index_use import ID, assert_indexed, plan, store
from tests.storage.test_resource_world import GROUP, GROUPS, USER, USERS

__all__ = ["store"]

ALL = Shows(groups=True, members=True, ezto=True)
SEARCHES = {
    'userName eq "ann500@example.com"': "uq_resource_user_name",
    'emails[type eq "work" and value eq "ann500@example.com"]': "ix_email_value",
    'externalId eq "x500"': "ix_external_id_value",
    "": "ix_resource_list",
}


async def _assert_indexed(store: ResourceStore, text: str, given: Any, index: str) -> str:
    steps = await plan(store, text, given)
    if store.database.dialect == "sqlite":
        for known in ("SCAN p", "SCAN n", "SCAN (subquery"):
            steps = steps.replace(known, "READ")
    if store.database.dialect == "postgres":
        # What stands beside few rows is cheapest by scanning tables this small.
        assert re.search(index, steps), (index, steps)
        assert "Seq Scan on resource r" not in steps, steps
        return steps
    assert_indexed("sqlite", steps, index)
    return steps


def test_a_resource_is_read_by_its_id(store: ResourceStore, runner: asyncio.Runner) -> None:
    async def check() -> None:
        place = store.place
        before = fast_sql.parameters(ALL, str(place.source))
        for name, own in (("User", "id-500"), ("Group", "group-5")):
            given = (*before, own, place.workspace_id, name)
            text = fast_sql.point(store.database.dialect, ALL)
            await _assert_indexed(store, text, given, ID)

    runner.run(check())


@pytest.mark.parametrize(("text", "index"), SEARCHES.items())
def test_a_page_is_read_through_an_index(
    store: ResourceStore, runner: asyncio.Runner, text: str, index: str
) -> None:
    async def check() -> None:
        reader = FastResources(store.database, build_provider())
        caller = Caller(store.place.source, store.place.workspace_id)
        search = SearchRequest[USERS](filter=text or None, count=100, start_index=1)
        found = reader.plan(caller, [USER], search)
        assert isinstance(found, Plan)
        given = (*found._before, *found._parameters, 100, 0)
        steps = await _assert_indexed(store, found.statement.text, given, index)
        if store.database.dialect == "sqlite":
            assert "SCAN" not in steps
            assert "ix_resource_active" not in steps

    runner.run(check())


def test_a_page_of_groups_lists_members_of_the_page_only(
    store: ResourceStore, runner: asyncio.Runner
) -> None:
    async def check() -> None:
        reader = FastResources(store.database, build_provider())
        caller = Caller(store.place.source, store.place.workspace_id)
        search = SearchRequest[GROUPS](count=2, start_index=51)
        found = reader.plan(caller, [GROUP], search)
        assert isinstance(found, Plan)
        page = await found.page((), 50, 2)
        assert page is not None
        total, rows = page
        assert total == 100
        assert len(rows) == 2
        assert rows[0].members.count("id-") == 30

    runner.run(check())
