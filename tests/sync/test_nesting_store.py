"""Groups in groups in the mirror, against plain walks over sets, with cycles, on both databases."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim.provisioning.records import LinkRecord, LinkState
from scim.provisioning.scoping import RowVerdict
from scim.provisioning.source import MemberChange, ObjectKind, Presence, SourceChange
from storage.database import Database
from tests.storage.test_sync_world import GROUP, OTHER, USER, World

NAMES = itertools.count()
GROUPS = [f"g{number}" for number in range(6)]
MEMBERS = [*GROUPS, *(f"u{number}" for number in range(6)), "device"]
GONE = [Presence.soft_deleted, Presence.deleted]

Edge = tuple[str, str]

edges = st.sets(st.tuples(st.sampled_from(GROUPS), st.sampled_from(MEMBERS)), max_size=25).map(
    lambda found: {(group, member) for group, member in found if group != member}
)
gone = st.dictionaries(st.sampled_from(MEMBERS[:-1]), st.sampled_from(GONE), max_size=3)
some = st.sets(st.sampled_from(MEMBERS[:-1]), max_size=5)


def kind_of(name: str) -> ObjectKind:
    return {"g": GROUP, "u": USER}.get(name[0], OTHER)


def fill(world: World, found: set[Edge], leavers: dict[str, Presence]) -> dict[str, int]:
    """Tell the mirror of the groups and users; returns their rows."""
    for kind in (USER, GROUP):
        world.run(world.store.begin_initial(kind))
        world.merge(kind, delta="d")
    world.merge(USER, *(SourceChange(USER, name) for name in MEMBERS if name[0] == "u"), delta="d")
    changes = []
    for group in GROUPS:
        members = sorted(member for holder, member in found if holder == group)
        told = tuple(MemberChange(member, kind_of(member)) for member in members)
        changes.append(SourceChange(GROUP, group, members=told))
    world.merge(GROUP, *changes, delta="d")
    for name, presence in leavers.items():
        world.merge(kind_of(name), SourceChange(kind_of(name), name, presence), delta="d")
    records = world.run(world.store.records(MEMBERS))
    return {name: record.row for name, record in records.items()}


def remaining(found: set[Edge], leavers: dict[str, Presence]) -> set[Edge]:
    """Return the memberships that are left: what is gone for good has none."""
    purged = {name for name, presence in leavers.items() if presence is Presence.deleted}
    return {edge for edge in found if not purged & set(edge)}


def walk(start: str, found: set[Edge], leavers: dict[str, Presence]) -> set[str]:
    """Return a group and every present group inside of it."""
    seen, waiting = set[str](), [start]
    while waiting:
        group = waiting.pop()
        if group not in seen:
            seen.add(group)
            below = [member for holder, member in found if holder == group]
            waiting += [one for one in below if one[0] == "g" and one not in leavers]
    return seen


QUICK: dict[str, Any] = {
    "max_examples": 50,
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}


@settings(**QUICK)
@given(edges, gone)
def test_what_is_inside_of_groups(
    database: Database, runner: asyncio.Runner, found: set[Edge], leavers: dict[str, Presence]
) -> None:
    world = World(database, runner, f"inside {next(NAMES)}")
    rows = fill(world, found, leavers)
    left = remaining(found, leavers)
    inside = world.run(world.store.closures([rows[group] for group in GROUPS]))
    names = {row: name for name, row in rows.items()}
    assert {names[root]: {names[row] for row in below} for root, below in inside.items()} == {
        group: walk(group, left, leavers) for group in GROUPS
    }


@settings(**QUICK)
@given(edges, gone, some)
def test_a_change_makes_every_group_above_dirty(
    database: Database,
    runner: asyncio.Runner,
    found: set[Edge],
    leavers: dict[str, Presence],
    changed: set[str],
) -> None:
    world = World(database, runner, f"above {next(NAMES)}")
    fill(world, found, leavers)
    world.settle()
    world.run(world.store.mark_dirty(sorted(changed)))
    world.run(world.store.soil_ancestors())
    dirty = {name for name in changed if name[0] == "g"}
    while (
        above := {group for group, member in remaining(found, leavers) if member in dirty} - dirty
    ):
        dirty |= above
    assert world.dirty() == dirty | changed


@settings(**QUICK)
@given(edges, gone, some, some, st.booleans())
def test_the_members_that_a_group_is_to_have(
    database: Database,
    runner: asyncio.Runner,
    found: set[Edge],
    leavers: dict[str, Presence],
    linked: set[str],
    out: set[str],
    flattened: bool,
) -> None:
    world = World(database, runner, f"wanted {next(NAMES)}")
    rows = fill(world, found, leavers)
    resources = {name: f"{world.sync_id[-20:]}-{name}" for name in linked}
    states = {name: LinkState.tombstone if name == "u0" else LinkState.linked for name in linked}
    links = [LinkRecord(n, kind_of(n), resources[n], states[n]) for n in sorted(linked)]
    world.run(world.store.put_links(links))
    world.run(world.store.save_scope([RowVerdict(rows[name], False, "guest") for name in out]))
    left = remaining(found, leavers)
    for group in GROUPS:
        inside = walk(group, left, leavers) if flattened else {group}
        members = {member for holder, member in left if holder in inside}
        members -= {"device", *leavers, *out}
        if flattened:
            members = {member for member in members if member[0] == "u"}
        wanted = world.run(
            world.store.wanted_members([rows[one] for one in inside], users_only=flattened)
        )
        ready = {one for one in members & linked if states[one] is LinkState.linked}
        assert wanted.linked == tuple(sorted(resources[one] for one in ready))
        assert wanted.users == tuple(sorted(m for m in members - ready if m[0] == "u"))
        assert wanted.groups == tuple(sorted(m for m in members - ready if m[0] == "g"))


def test_groups_that_hide_their_members_and_are_empty(
    database: Database, runner: asyncio.Runner
) -> None:
    world = World(database, runner)
    hidden = {"visibility": "HiddenMembership", "displayName": 'a "quoted"\0 name'}
    told = (MemberChange("u", USER),)
    world.merge(
        GROUP,
        SourceChange(GROUP, "empty", attributes=hidden),
        SourceChange(GROUP, "full", attributes=hidden, members=told),
        SourceChange(GROUP, "open", attributes={"visibility": "Public"}),
        SourceChange(
            GROUP, "says so", attributes={"description": '"visibility":"HiddenMembership"'}
        ),
        delta="d",
    )
    records = world.run(world.store.records(["empty", "full", "open", "says so"]))
    rows = [record.row for record in records.values()]
    found = world.run(world.store.empty_groups(rows, "visibility", "HiddenMembership"))
    assert found == ["empty"]


def test_groups_are_planned_again_when_nesting_is_switched(
    database: Database, runner: asyncio.Runner
) -> None:
    world = World(database, runner)
    fill(world, {("g0", "g1"), ("g1", "u1")}, {})
    world.settle()
    world.run(world.store.set_nesting("flattened"))
    assert world.dirty() == set(GROUPS)
    assert world.run(world.store.scope_state()).nesting == "flattened"
