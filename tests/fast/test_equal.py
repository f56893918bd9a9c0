"""The read lane's answers are the protocol engine's own, over generated everything."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fast.conftest import Race
from tests.fast.world import EXTENDED, HR, Lanes
from tests.storage.test_filter_strategies import (
    CORE,
    ENTERPRISE,
    SORTS,
    filters,
    groups,
    users,
    words,
)

EZTO = "urn:ezto:params:scim:schemas:extension:1.0:User"
NAMES = [
    "userName", "USERNAME", "displayName", "id", "meta", "meta.location", "meta.version", "schemas",
    "externalId", "name", "name.familyName", "emails", "emails.value", "emails.TYPE", "groups",
    "groups.display", "groups.$ref", "members", "members.value", "members.$ref", "active",
    "password", "unknown", "unknown.part", "User", "Group", f"{CORE}:userName", f"{CORE}:emails",
    f"{CORE}:emails.value", CORE, ENTERPRISE, ENTERPRISE.upper(), f"{ENTERPRISE}:department",
    f"{ENTERPRISE}:manager.value", f"{ENTERPRISE}:manager.$ref", "department", "manager",
    EZTO, f"{EZTO}:syncedFrom", f"{EZTO}:syncedFrom.value", "syncedFrom", HR, f"{HR}:grade",
    f"{HR}:costCenter", f"{HR}:badges", f"{HR}:badges.colour", f"{HR}:mentor.$ref", "grade",
    "x509Certificates", "profileUrl", "addresses.locality",
]  # fmt: skip
names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(",".join)
shown: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}),
    names.map(lambda each: {"attributes": each}),
    names.map(lambda each: {"excludedAttributes": each}),
)
pages: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {},
    optional={
        "count": st.sampled_from(["0", "1", "2", "100", "-1", "5000", "x", ""]),
        "startIndex": st.sampled_from(["1", "2", "0", "-3", "9", "1.5"]),
        "sortBy": st.sampled_from(SORTS),
        "sortOrder": st.sampled_from(["ascending", "descending", "Descending"]),
        "cursor": st.just(""),
    },
)
extended = st.fixed_dictionaries(
    {},
    optional={
        HR: st.fixed_dictionaries(
            {},
            optional={
                "costCenter": words,
                "grade": st.integers(0, 9),
                "since": st.sampled_from(["2020-01-01T00:00:00Z", "2020-05-05T01:02:03.5+02:00"]),
                "badges": st.lists(
                    st.fixed_dictionaries({}, optional={"value": words, "colour": words}),
                    max_size=2,
                ),
                "mentor": st.fixed_dictionaries(
                    {"value": words, "$ref": st.sampled_from(["Users/x", "https://x.example/y"])}
                ),
            },
        )
    },
)
schemas = st.sampled_from(
    [[CORE], [CORE, ENTERPRISE], [CORE, "urn:unknown:schema"], [CORE, EZTO, HR, ENTERPRISE]]
)
person = st.tuples(users, extended, schemas).map(
    lambda each: {**each[0], **each[1], "schemas": each[2]}
)
serial = itertools.count()


QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
generated = given(
    st.lists(person, min_size=1, max_size=4),
    st.lists(groups, max_size=3),
    st.lists(st.tuples(shown, pages, st.none() | filters), min_size=2, max_size=5),
)
Asked = list[tuple[dict[str, str], dict[str, str], str | None]]


@settings(max_examples=20, deadline=None, suppress_health_check=QUIET)
@generated
def test_both_lanes_answer_alike(
    race: Race, people: list[dict[str, Any]], teams: list[dict[str, Any]], asked: Asked
) -> None:
    alike(race, people, teams, asked)


@pytest.mark.soak
@settings(max_examples=150, deadline=None, suppress_health_check=QUIET)
@generated
def test_both_lanes_answer_alike_for_long(
    race: Race, people: list[dict[str, Any]], teams: list[dict[str, Any]], asked: Asked
) -> None:
    alike(race, people, teams, asked)


def alike(
    race: Race, people: list[dict[str, Any]], teams: list[dict[str, Any]], asked: Asked
) -> None:
    """Fill a workspace, then ask both lanes."""

    async def check(lanes: Lanes) -> None:
        paths = await _filled(lanes, people, teams)
        for parameters, paging, text in asked:
            for path in paths:
                await lanes.same(lanes.request("GET", path, **parameters))
            query = {**parameters, **paging}
            if text is not None:
                query["filter"] = text.replace("\x1aid:", paths[0].rpartition("/")[2])
            for endpoint in ("/Users", "/Groups", "/"):
                await lanes.same(lanes.request("GET", endpoint, **query), taken=False)
                body = {name: value for name, value in query.items() if value}
                search = lanes.request("POST", f"{endpoint.rstrip('/')}/.search", body)
                await lanes.same(search, taken=False)

    race(check, EXTENDED)


async def _filled(
    lanes: Lanes, people: list[dict[str, Any]], teams: list[dict[str, Any]]
) -> list[str]:
    """Create what the protocol engine takes of the resources, and return their paths."""
    made: list[str] = []
    for each in people:
        name = f"{each.get('userName') or 'ann'} {next(serial)}"
        body = {**each, "userName": name}
        status, _, told = await lanes.slow(lanes.request("POST", "/Users", body))
        if status == 201:
            made.append(f"/Users/{told['id']}")
    if not made:
        made.append(f"/Users/{await lanes.post('/Users', {'userName': f'ann {next(serial)}'})}")
    for team in teams:
        chosen = {made[n % len(made)].rpartition("/")[2] for n in team["members"]}
        body = {**team, "members": [{"value": each} for each in sorted(chosen)]}
        status, _, told = await lanes.slow(lanes.request("POST", "/Groups", body))
        if status == 201:
            made.append(f"/Groups/{told['id']}")
    return made
