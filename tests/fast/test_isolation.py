"""One read lane serves every workspace: what it remembers for one must never reach another."""

from __future__ import annotations

import asyncio

from scim.caller import Caller
from storage.database import Database
from tests.fast.world import Lanes
from tests.scim.world import add_client

SEARCHES = (
    {},
    {"filter": 'userName eq "ann"'},
    {"filter": 'externalId eq "x-1"'},
    {"filter": 'id eq "{user}"'},
    {"filter": 'groups.value eq "{group}"'},
    {"filter": 'emails[type eq "work" and value eq "ann@example.com"]'},
    {"filter": "active pr", "sortBy": "userName", "count": "1"},
    {"filter": "active pr", "count": "1", "startIndex": "2"},
    {"count": "0"},
)


async def _people(lanes: Lanes) -> tuple[str, str]:
    email = {"value": "ann@example.com", "type": "work"}
    ann = {"userName": "ann", "externalId": "x-1", "active": True, "emails": [email]}
    user = await lanes.post("/Users", ann)
    group = await lanes.post("/Groups", {"displayName": "all", "members": [{"value": user}]})
    return user, group


def test_no_answer_of_a_shared_lane_crosses_a_workspace_or_a_source(
    database: Database, runner: asyncio.Runner
) -> None:
    async def story() -> None:
        one, two = await Lanes.open(database), await Lanes.open(database)
        own = {one.caller: await _people(one), two.caller: await _people(two)}
        await two.post("/Users", {"userName": "bob", "active": True})
        other = await add_client(database, one.caller.workspace_id, "other", "Entra")
        sibling = Lanes(database, Caller(other, one.caller.workspace_id), one.service)
        own[sibling.caller] = own[one.caller]
        two.lane = sibling.lane = one.lane
        for _ in range(2):
            for asking in (one, two, sibling):
                for user, group in set(own.values()):
                    await _ask(asking, user, group, visible=(user, group) == own[asking.caller])
        (found,) = (await one.same(one.request("GET", "/Users")))[2]["Resources"]
        assert found["externalId"] == "x-1"
        (found,) = (await sibling.same(sibling.request("GET", "/Users")))[2]["Resources"]
        assert "externalId" not in found

    runner.run(story())


async def _ask(lanes: Lanes, user: str, group: str, *, visible: bool) -> None:
    for path in (f"/Users/{user}", f"/Groups/{group}"):
        status, _, _ = await lanes.same(lanes.request("GET", path), taken=visible)
        assert status == (200 if visible else 404)
    for search in SEARCHES:
        query = {name: text.format(user=user, group=group) for name, text in search.items()}
        for path in ("/Users", "/Groups"):
            _, _, told = await lanes.same(lanes.request("GET", path, **query), taken=False)
            shown = {each["id"] for each in told.get("Resources", ())}
            assert visible or not shown & {user, group}
