"""What the read lane takes, one shape of request at a time; each is compared with the engine."""

import pytest

from scim.fast.literals import is_address, taken_apart
from tests.fast.conftest import Race
from tests.fast.world import Lanes
from tests.storage.test_filter_strategies import ENTERPRISE


async def _people(lanes: Lanes) -> tuple[str, str, str]:
    ann = await lanes.post(
        "/Users",
        {
            "userName": "Ann@x.example",
            "externalId": "x-1",
            "emails": [{"value": "Ann@x.example", "type": "work"}],
        },
    )
    bob = await lanes.post(
        "/Users",
        {"userName": "bob", ENTERPRISE: {"department": "R&D", "manager": {"value": ann}}},
    )
    team = await lanes.post(
        "/Groups", {"displayName": "team", "members": [{"value": ann}, {"value": bob}]}
    )
    return ann, bob, team


FILTERS = [
    'userName eq "ann@X.example"',
    'userName Eq "nobody"',
    'externalId eq "x-1"',
    'id eq "{ann}"',
    'emails[type eq "work" and value eq "ANN@x.example"]',
    'emails.value eq "ann@x.example"',
    'emails eq "ann@x.example" or userName eq "bob@x.example"',
    'userName eq "bob" and active pr',
    'groups.value eq "{team}"',
    f'{ENTERPRISE}:department eq "r&d"',
    'manager eq "{ann}"',
    'userName eq "a\\\\b"',
    'userName eq ""',
    "not (active eq true)",
    'meta.lastModified gt "2020-01-01T00:00:00Z"',
    'emails[type eq "a type that is far longer than the side table keeps of a type, by much"]',
]


def test_filters_and_their_next_literals(race: Race) -> None:
    async def check(lanes: Lanes) -> None:
        ann, _, team = await _people(lanes)
        for _ in range(2):
            for text in FILTERS:
                query = {"filter": text.format(ann=ann, team=team)}
                await lanes.same(lanes.request("GET", "/Users", **query))
        for name in ("bob", "Ann@X.EXAMPLE", "straße", "nobody", "a" * 600, "\u00a0"):
            request = lanes.request("GET", "/Users", filter=f'userName eq "{name}"')
            await lanes.same(request)
        assert len(lanes.lane._lists._values) < len(FILTERS) + 6

    race(check)


def test_an_invalid_address_keeps_its_error(race: Race) -> None:
    async def check(lanes: Lanes) -> None:
        await _people(lanes)
        for literal in ("ann@x.example", "not an address", "A <ann@x.example>"):
            request = lanes.request("GET", "/Users", filter=f'emails.value eq "{literal}"')
            await lanes.same(request, taken=literal == "ann@x.example")

    race(check)


def test_conditions(race: Race) -> None:
    async def check(lanes: Lanes) -> None:
        ann, _, team = await _people(lanes)
        for path in (f"/Users/{ann}", f"/Groups/{team}", f"/users/{ann}"):
            _, headers, _ = await lanes.same(lanes.request("GET", path))
            tag = headers["ETag"]
            for given in (tag, "*", f'W/"9", {tag}', 'W/"9"', ""):
                status, _, _ = await lanes.same(
                    lanes.request("GET", path, headers={"If-None-Match": given})
                )
                assert status == (200 if given in ('W/"9"', "") else 304)
            request = lanes.request("GET", path, headers={"If-Match": 'W/"9"'})
            assert await lanes.fast(request) is None
            assert (await lanes.slow(request))[0] == 412

    race(check)


def test_what_the_lane_leaves_to_the_engine(race: Race) -> None:
    async def check(lanes: Lanes) -> None:
        ann, _, _ = await _people(lanes)
        for method, path in (
            ("GET", "/Users/nobody"), ("GET", "/Users/a\0b"), ("GET", "/Me"), ("GET", "/Schemas"),
            ("GET", f"/Groups/{ann}"), ("GET", f"/Users/{ann}/x"), ("DELETE", f"/Users/{ann}"),
            ("GET", "/Users/.search"), ("GET", "/Nothing"), ("POST", "/Users"),
        ):  # fmt: skip
            assert await lanes.fast(lanes.request(method, path)) is None, path
        for query in (
            {"filter": "userName eq"}, {"filter": "unknown eq 1"}, {"sortBy": "name"},
            {"count": "many"}, {"cursor": "", "startIndex": "1"}, {"cursor": "forged"},
            {"attributes": "id", "excludedAttributes": "id"}, {"filter": 'password eq "x"'},
        ):  # fmt: skip
            assert await lanes.fast(lanes.request("GET", "/Users", **query)) is None, query

    race(check)


def test_a_caller_without_the_scope_is_refused_by_the_engine(race: Race) -> None:
    async def check(lanes: Lanes) -> None:
        request = lanes.request("GET", "/Users")
        assert await lanes.fast(request) is None
        assert (await lanes.slow(request))[0] == 403

    race(check, scopes=frozenset({"write"}))


def test_totals_follow_writes(race: Race) -> None:
    async def check(lanes: Lanes) -> None:
        ann, bob, _ = await _people(lanes)
        request = lanes.request("GET", "/Users", count="1")
        for total in (2, 2):
            assert (await lanes.same(request))[2]["totalResults"] == total
        await lanes.post("/Users", {"userName": "eve"})
        assert (await lanes.same(request))[2]["totalResults"] == 3
        for each in (ann, bob):
            await lanes.slow(lanes.request("DELETE", f"/Users/{each}"))
        assert (await lanes.same(request))[2]["totalResults"] == 1

    race(check)


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        ('userName eq "ann"', ("ann",)),
        ('emails[type eq "work" and value eq "a@b.example"]', ("a@b.example",)),
        ('userName eq "a" or displayName EQ "b"', ("a", "b")),
        ('userName sw "ann"', ()),
        ('userName eq "a\\"b"', ()),
        ('userName eq ""', ()),
        ('userName eq "open', ()),
        ("active eq true", ()),
    ],
)
def test_literals_are_told_from_the_rest(text: str, literals: tuple[str, ...]) -> None:
    shape, found = taken_apart(text)
    assert found == literals
    rebuilt = shape[0]
    for literal, rest in zip(found, shape[1:], strict=True):
        rebuilt += f'"{literal}"{rest}'
    assert rebuilt == text


def test_addresses_that_are_compared_as_they_stand() -> None:
    assert is_address("Ann@Example.COM")
    assert not is_address("ann")
    assert not is_address("A <ann@example.com>")
