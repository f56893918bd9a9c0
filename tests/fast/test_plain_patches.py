"""PATCHes that only set plain attributes: taken by the short cut, and answered as the engine does.

Two users begin alike, one is patched by the protocol engine and the other by the fast handler;
answers, versions, stored documents and the audit have to agree, refusals included.
"""

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim.fast.patching import PlainPatches
from scim.fast.writing import FastHandler
from tests.fast.conftest import Race
from tests.fast.test_equal import QUIET, person
from tests.fast.world import EXTENDED, HR, Lanes
from tests.scim.world import PATCH_OP, op
from tests.storage.test_filter_strategies import CORE, ENTERPRISE, words

PATHS = [
    "title", "TITLE", "nickName", "displayName", "active", "userType", "locale", "name.givenName",
    "name.formatted", "name", f"{ENTERPRISE}:department", f"{CORE}:title", f"{CORE}:name.givenName",
    f"{ENTERPRISE}:manager", f"{HR}:costCenter", f"{HR}:grade", "userName", "id", "externalId",
    "emails", "profileUrl", "nothing", "meta", "groups", "password", "",
]  # fmt: skip
values = st.one_of(
    words, st.booleans(), st.none(), st.sampled_from(["", "True", " x ", "a\x00b", "ß", "é", 3])
)
objects = st.dictionaries(
    st.sampled_from(["title", "active", "nickName", "displayName", "TITLE", "emails", "id"]),
    values,
    max_size=3,
)
PLAIN = [
    "title", "nickName", "displayName", "userType", "name.givenName", "name.middleName",
    f"{ENTERPRISE}:department", f"{ENTERPRISE}:costCenter", f"{CORE}:title", f"{HR}:costCenter",
]  # fmt: skip
verbs = st.sampled_from(["add", "replace", "Replace"])
operations = st.one_of(
    st.builds(op, verbs, st.sampled_from(PLAIN), words),
    st.builds(op, verbs, st.just("active"), st.booleans()),
    st.builds(op, verbs, st.sampled_from(PATHS), values),
    st.builds(op, st.sampled_from(["add", "replace"]), st.none(), objects),
)
patches = st.lists(operations, min_size=1, max_size=2)

AUDIT = "SELECT action, changes FROM audit WHERE resource_id = ? ORDER BY row_id"
ROW = (
    "SELECT version, display, display_name_key, active, user_name_key, document, search "
    "FROM resource WHERE id = ?"
)


def _unlike(own: str, value: Any) -> Any:
    """Return a JSON value without what differs between two users on purpose."""
    if isinstance(value, dict):
        moved = {"created", "lastModified"}
        return {k: _unlike(own, v) for k, v in sorted(value.items()) if k not in moved}
    if isinstance(value, list):
        return [_unlike(own, each) for each in value]
    return value.replace(own, "OWN") if isinstance(value, str) else value


async def _state(lanes: Lanes, own: str) -> Any:
    row = await lanes.database.session.row(ROW, (own,))
    assert row is not None
    told = {**row, "document": orjson.loads(row["document"])}
    search = told["search"]
    told["search"] = orjson.loads(search) if isinstance(search, str) else search
    entries = await lanes.database.session.rows(AUDIT, (own,))
    changes = [(each["action"], orjson.loads(each["changes"])) for each in entries]
    return _unlike(own, {**told, "audit": [list(each) for each in changes]})


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(
    one=person,
    sent=st.lists(patches, min_size=2, max_size=6),
    blocked=st.booleans(),
    profile=st.sampled_from(["generic", "entra"]),
)
def test_nobody_can_tell_which_way_a_patch_went(
    race: Race, one: dict[str, Any], sent: list[list[Any]], blocked: bool, profile: str
) -> None:
    async def check(slow: Lanes) -> None:
        both = (slow, await Lanes.open(slow.database, EXTENDED, profile=profile))
        owns = [await each.post("/Users", {**one, "userName": "patched"}) for each in both]
        if blocked:
            async with slow.database.transaction() as session:
                await session.execute("UPDATE resource SET blocked = TRUE")
        for each in sent:
            body = {"schemas": [PATCH_OP], "Operations": each}
            told = [
                _unlike(own, list(await serve(lanes.request("PATCH", f"/Users/{own}", body))))
                for lanes, own, serve in zip(both, owns, (both[0].slow, both[1].write), strict=True)
            ]
            told = [_named(each, lanes) for each, lanes in zip(told, both, strict=True)]
            assert told[0] == told[1]
        states = [await _state(lanes, own) for lanes, own in zip(both, owns, strict=True)]
        assert states[0] == states[1]

    race(check, EXTENDED, profile=profile)


def _named(told: Any, lanes: Lanes) -> Any:
    """Return an answer without the id of its client."""
    text = orjson.dumps(told).decode()
    return orjson.loads(text.replace(lanes.caller.source.id, "CLIENT"))


PLAIN_BODIES: list[list[Any]] = [
    [op("replace", "title", "Engineer")],
    [op("Replace", "active", False)],
    [op("Add", f"{ENTERPRISE}:department", "Sales"), op("replace", "name.givenName", "Ann")],
    [op("replace", None, {"active": True, "displayName": "Ann"})],
    [op("replace", f"{HR}:costCenter", "c")],
]
OTHER_BODIES: list[list[Any]] = [
    [op("remove", "title")],
    [op("replace", "title", "")],
    [op("replace", "userName", "x")],
    [op("replace", "active", "False")],
    [op("replace", 'emails[type eq "work"].value', "a@example.com")],
    [op("replace", "title", "x"), op("replace", "nothing", "x")],
]


@pytest.mark.parametrize("sent", PLAIN_BODIES)
def test_what_providers_send_is_plain(sent: list[Any]) -> None:
    assert _plain(sent)


@pytest.mark.parametrize("sent", OTHER_BODIES)
def test_what_is_more_than_a_value_is_left_to_the_engine(sent: list[Any]) -> None:
    assert not _plain(sent)


def _plain(sent: list[Any]) -> bool:
    user = next(each for each in EXTENDED.provider.resource_types if each.name == "User")
    patches = PlainPatches(EXTENDED.get_model(user))
    body = orjson.dumps({"schemas": [PATCH_OP], "Operations": sent})
    return patches.read(body, "application/scim+json; charset=utf-8") is not None


def test_parallel_plain_patches_lose_nothing(race: Race) -> None:
    """On PostgreSQL each is one statement that notices the others, and is repeated if need be."""

    async def check(lanes: Lanes) -> None:
        own = await lanes.post("/Users", {"userName": "everybody"})
        paths = ["title", "nickName", "userType", "locale", "name.givenName", "name.familyName"]

        async def one(path: str, number: int) -> int:
            sent = {"schemas": [PATCH_OP], "Operations": [op("replace", path, f"{path}{number}")]}
            assert isinstance(lanes.writer, FastHandler)
            return (await lanes.write(lanes.request("PATCH", f"/Users/{own}", sent)))[0]

        statuses = await asyncio.gather(*(one(path, n) for n in range(3) for path in paths))
        assert set(statuses) == {200}
        _, _, told = await lanes.slow(lanes.request("GET", f"/Users/{own}"))
        assert told["meta"]["version"] == f'W/"{1 + 3 * len(paths)}"'
        for path in paths:
            holder, _, name = path.rpartition(".")
            value = (told[holder] if holder else told)[name]
            assert value.startswith(path)

    race(check, EXTENDED)
