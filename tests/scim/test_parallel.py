"""Parallel writes: nothing is lost, nothing is refused needlessly, nothing runs forever."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from scim.caller import Caller
from storage.database import Database
from tests.scim.world import CLIENT, Answer, Api, add_workspace, op

TASKS = 16
PATIENCE = 30
"""Seconds after which a test is believed to run forever."""

Many = Callable[[Callable[[list[Api]], Any]], None]


@pytest.fixture
def many(shared_url: str, runner: asyncio.Runner) -> Many:
    """Run ``check(apis)``: sixteen callers of one workspace.

    On PostgreSQL each has connections of its own, like sixteen processes. A SQLite file belongs
    to one server process, beside which a command may write: the callers share two connections.
    """
    opened = 2 if shared_url.startswith("sqlite") else TASKS

    async def run(check: Callable[[list[Api]], Any]) -> None:
        databases = [
            await Database.open(shared_url, shared=False, migrate=False) for _ in range(opened)
        ]
        try:
            workspace = await add_workspace(databases[0])
            caller = Caller(CLIENT, workspace)
            async with asyncio.timeout(PATIENCE):
                await check([Api(databases[n % opened], caller) for n in range(TASKS)])
        finally:
            for database in databases:
                await database.close()

    return lambda check: runner.run(run(check))


async def together(*requests: Any) -> list[Answer]:
    return list(await asyncio.gather(*requests))


def assert_statuses(answers: list[Answer], *allowed: int) -> None:
    assert {each.status for each in answers} <= set(allowed), [
        each.body for each in answers if each.status not in allowed
    ]


def test_members_of_one_group(many: Many) -> None:
    async def check(apis: list[Api]) -> None:
        people = [await apis[0].user(f"user{number}") for number in range(2 * TASKS)]
        group = await apis[0].group("staff", *people[TASKS:])
        path = f"/Groups/{group}"

        async def swap(number: int) -> Answer:
            return await apis[number].patch(
                path,
                op("add", "members", [{"value": people[number]}]),
                op("remove", f'members[value eq "{people[TASKS + number]}"]'),
            )

        assert_statuses(await together(*(swap(number) for number in range(TASKS))), 200)
        assert await apis[0].members(group) == set(people[:TASKS])
        assert (await apis[0].get(path)).body["meta"]["version"] == f'W/"{TASKS + 1}"'

    many(check)


def test_one_user(many: Many) -> None:
    async def check(apis: list[Api]) -> None:
        user = await apis[0].user("ann")
        path = f"/Users/{user}"

        async def add(number: int) -> Answer:
            return await apis[number].patch(path, op("add", "roles", [{"value": f"r{number}"}]))

        assert_statuses(await together(*(add(number) for number in range(TASKS))), 200)
        read = await apis[0].get(path)
        assert {each["value"] for each in read.body["roles"]} == {f"r{n}" for n in range(TASKS)}
        assert read.body["meta"]["version"] == f'W/"{TASKS + 1}"'
        assert len(await apis[0].audit(user)) == TASKS + 1

    many(check)


def test_a_condition_holds_for_one_only(many: Many) -> None:
    async def check(apis: list[Api]) -> None:
        user = await apis[0].user("ann")
        answers = await together(
            *(
                api.patch(f"/Users/{user}", op("replace", "title", f"{n}"), if_match='W/"1"')
                for n, api in enumerate(apis)
            )
        )
        assert sorted(each.status for each in answers) == [200] + [412] * (TASKS - 1)

    many(check)


def test_one_user_name_is_given_once(many: Many) -> None:
    async def check(apis: list[Api]) -> None:
        answers = await together(*(api.post("/Users", {"userName": "ann"}) for api in apis))
        assert sorted(each.status for each in answers) == [201] + [409] * (TASKS - 1)
        assert {each.body.get("scimType") for each in answers if each.status == 409} == {
            "uniqueness"
        }

    many(check)


def test_replacing_and_deleting_race_safely(many: Many) -> None:
    async def check(apis: list[Api]) -> None:
        user = await apis[0].user("ann")
        path = f"/Users/{user}"
        requests = [
            api("DELETE", path) if n % 4 == 3 else api("PUT", path, {"userName": f"ann{n}"})
            for n, api in enumerate(apis)
        ]
        answers = await together(*requests)
        assert_statuses(answers, 200, 204, 404)
        assert [each.status for each in answers].count(204) == 1
        assert (await apis[0].get(path)).status == 404
        puts = [each for each in answers if each.status == 200]
        actions = [each.action for each in await apis[0].audit(user)]
        assert actions == ["create", *["update"] * len(puts), "delete"]

    many(check)


def test_users_that_go_while_they_join(many: Many) -> None:
    async def check(apis: list[Api]) -> None:
        people = [await apis[0].user(f"user{number}") for number in range(TASKS // 2)]
        groups = [await apis[0].group(f"group{number}") for number in range(TASKS // 2)]
        everybody = [{"value": each} for each in people]
        joins = [
            api.patch(f"/Groups/{group}", op("add", "members", everybody))
            for api, group in zip(apis, groups, strict=False)
        ]
        leaves = [
            api("DELETE", f"/Users/{user}")
            for api, user in zip(apis[TASKS // 2 :], people, strict=True)
        ]
        answers = await together(
            *(each for pair in zip(joins, leaves, strict=True) for each in pair)
        )
        assert_statuses(answers, 200, 204, 400, 409)
        assert_statuses(answers[1::2], 204)
        for group in groups:
            assert await apis[0].members(group) == set()

    many(check)


def test_circles_of_groups_in_parallel(many: Many) -> None:
    async def check(apis: list[Api]) -> None:
        def operation(name: str, other: str) -> dict[str, Any]:
            data = {"displayName": name, "members": [{"value": f"bulkId:{other}"}]}
            return {"method": "POST", "path": "/Groups", "bulkId": name, "data": data}

        answers = await together(
            *(api.bulk(operation("a", "b"), operation("b", "a")) for api in apis)
        )
        assert {op["status"] for each in answers for op in each.body["Operations"]} == {"201"}
        assert (await apis[0].get("/Groups", count=0)).body["totalResults"] == 2 * TASKS

    many(check)
