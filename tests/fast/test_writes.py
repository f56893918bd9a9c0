"""Writes through the fast handler: the engine's answers, shared commits, no one's write lost."""

import asyncio
from typing import Any

import pytest

from storage.database import Database
from tests.fast.conftest import Race
from tests.fast.test_equal import EZTO
from tests.fast.world import EXTENDED, HR, Lanes, Told
from tests.scim.world import PATCH_OP, op
from tests.storage.test_filter_strategies import ENTERPRISE

BODIES: list[dict[str, Any]] = [
    {"userName": "{n}"},
    {"userName": "{n}", "externalId": "x{n}", "title": "}{", "nickName": '"],"id":'},
    {"userName": "{n}", ENTERPRISE: {"department": "d", "manager": {"value": "m"}}},
    {"userName": "{n}", HR: {"grade": 3, "costCenter": "c", "badges": [{"value": "b"}]}},
    {"userName": "{n}", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", EZTO]},
    {"userName": "{n}", "emails": [{"value": "not an address"}]},
    {"userName": "taken"},
    {"displayName": "without a name"},
]
PATCHES: list[tuple[dict[str, Any], ...]] = [
    (op("replace", "title", "new"),),
    (op("replace", "title", "old"),),
    (op("add", None, {"nickName": "n", "active": False}), op("remove", "title")),
    (op("replace", "unknownAttribute", "x"),),
    (op("replace", "userName", "taken"),),
    (op("replace", "id", "x"),),
]


def _bare(told: Told, lanes: Lanes) -> str:
    """An answer without ids and moments, to compare writes on two resources."""
    status, headers, body = told
    text = repr((status, dict(sorted(headers.items())), _sorted(body)))
    own = body.get("id", "") if isinstance(body, dict) else ""
    for each, name in ((own, "ID"), (lanes.caller.source.id, "CLIENT")):
        text = text.replace(each, name) if each else text
    return text


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        moved = {"created", "lastModified"}
        return {k: _sorted(v) for k, v in sorted(value.items()) if k not in moved}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("profile", ["generic", "entra"])
def test_creations_and_patches_are_answered_alike(race: Race, profile: str) -> None:
    async def check(slow: Lanes) -> None:
        fast = await Lanes.open(slow.database, EXTENDED, profile=profile)
        own: list[str] = []
        for lanes in (slow, fast):
            await lanes.post("/Users", {"userName": "taken"})
            own.append(await lanes.post("/Users", {"userName": "patched"}))

        async def alike(method: str, path: str, body: Any, **query: str) -> None:
            paths = [path.replace("OWN", each) for each in own]
            one = await slow.slow(slow.request(method, paths[0], body, **query))
            other = await fast.write(fast.request(method, paths[1], body, **query))
            texts = [_bare(one, slow), _bare(other, fast)]
            texts = [t.replace(each, "OWN") for t, each in zip(texts, own, strict=True)]
            assert texts[0] == texts[1]

        for number, body in enumerate(BODIES):
            for suffix, query in (("a", {}), ("b", {"attributes": "userName"})):
                named = {"displayName": "d", **body}
                if "userName" in named:
                    named["userName"] = named["userName"].replace("{n}", f"{suffix}{number}")
                await alike("POST", "/Users", named, **query)
        for patch in PATCHES:
            body = {"schemas": [PATCH_OP], "Operations": list(patch)}
            await alike("PATCH", "/Users/OWN", body)
            await alike("PATCH", "/Users/OWN", body, excludedAttributes="meta,name")
        await alike("PATCH", "/Users/nobody", {"schemas": [PATCH_OP], "Operations": []})
        await alike("POST", "/Users", {"userName": "z"}, attributes="id", excludedAttributes="id")

    race(check, EXTENDED, profile=profile)


def test_members_are_added_without_reading_the_group(race: Race) -> None:
    async def check(lanes: Lanes) -> None:
        users = [await lanes.post("/Users", {"userName": f"ann{n}"}) for n in range(3)]
        team = await lanes.post("/Groups", {"displayName": "t", "members": [{"value": users[0]}]})
        path = f"/Groups/{team}"
        version = 1
        for value, changes in ((users[1], True), (users[1], False), (users[2], True)):
            body = {"schemas": [PATCH_OP], "Operations": [op("add", "members", [{"value": value}])]}
            told = await lanes.write(lanes.request("PATCH", path, body))
            version += changes
            assert told == (204, {"ETag": f'W/"{version}"'}, None)
        body = {"schemas": [PATCH_OP], "Operations": [op("add", "members", [{"value": "nobody"}])]}
        refused = lanes.request("PATCH", path, body)
        assert await lanes.write(refused) == await lanes.slow(refused)
        gone = lanes.request("PATCH", "/Groups/nothing", body)
        assert await lanes.write(gone) == await lanes.slow(gone)
        _, _, shown = await lanes.same(lanes.request("GET", path))
        assert [each["value"] for each in shown["members"]] == users

    race(check, profile="entra")


def test_parallel_writes_lose_nothing_and_fail_alone(race: Race) -> None:
    async def check(lanes: Lanes) -> None:
        team = await lanes.post("/Groups", {"displayName": "team"})
        users = [await lanes.post("/Users", {"userName": f"u{n}"}) for n in range(8)]

        async def add(value: str) -> int:
            body = {"schemas": [PATCH_OP], "Operations": [op("add", "members", [{"value": value}])]}
            return (await lanes.write(lanes.request("PATCH", f"/Groups/{team}", body)))[0]

        async def create(name: str) -> int:
            return (await lanes.write(lanes.request("POST", "/Users", {"userName": name})))[0]

        found = await asyncio.gather(
            *(add(each) for each in users),
            *(add(f"nobody{n}") for n in range(4)),
            *(create("same") for _ in range(4)),
            *(create(f"new{n}") for n in range(4)),
        )
        assert found[:8] == [204] * 8
        assert found[8:12] == [400] * 4
        assert sorted(found[12:16]) == [201, 409, 409, 409]
        assert found[16:] == [201] * 4
        _, _, group = await lanes.same(lanes.request("GET", f"/Groups/{team}"))
        assert {each["value"] for each in group["members"]} == set(users)
        assert group["meta"]["version"] == 'W/"9"'

    race(check, profile="entra")


def test_writes_at_the_same_time_share_a_commit(sqlite_url: str, runner: asyncio.Runner) -> None:
    async def check() -> None:
        database = await Database.open(sqlite_url, shared=False, migrate=False)
        statements: list[str] = []

        async def write(number: int) -> None:
            async with database.operation() as session:
                session.direct.connection.set_trace_callback(statements.append)  # type: ignore[attr-defined]
                await session.execute(
                    "INSERT INTO workspace (name, created_at) VALUES (?, 0)", (f"w{number}",)
                )
                if number % 5 == 4:
                    raise LookupError

        done = await asyncio.gather(*(write(n) for n in range(20)), return_exceptions=True)
        assert sum(isinstance(each, LookupError) for each in done) == 4
        assert await database.session.value("SELECT COUNT(*) FROM workspace") == 16
        assert statements.count("COMMIT") < 5
        await database.close()

    runner.run(check())


def test_a_cancelled_write_leaves_nothing_behind(sqlite_url: str, runner: asyncio.Runner) -> None:
    async def check() -> None:
        database = await Database.open(sqlite_url, shared=False, migrate=False)
        inside, never = asyncio.Event(), asyncio.Event()
        text = "INSERT INTO workspace (name, created_at) VALUES (?, 0)"

        async def stuck() -> None:
            async with database.operation() as session:
                await session.execute(text, ("stuck",))
                inside.set()
                await never.wait()

        async def write(name: str) -> None:
            async with database.operation() as session:
                await session.execute(text, (name,))

        first = asyncio.create_task(stuck())
        await inside.wait()
        waiting = [asyncio.create_task(write(f"w{n}")) for n in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        first.cancel()
        await asyncio.gather(first, *waiting, return_exceptions=True)
        async with database.transaction() as session:
            await session.execute(text, ("after",))
        rows = await database.session.rows("SELECT name FROM workspace ORDER BY row_id")
        assert [row["name"] for row in rows] == ["w0", "w2", "after"]
        await database.close()

    runner.run(check())
