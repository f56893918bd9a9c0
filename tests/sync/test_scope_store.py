"""What the mirror says of the scope equals a plain model of it, whatever happened in between.

The model knows objects and memberships as dicts and sets, walks groups one by one, and looks at
everything each time. The step under test looks at what changed.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.scope import (
    Clause,
    GroupInclusion,
    GroupScope,
    Inclusion,
    Operator,
    Scope,
    ScopeReason,
    ScopingFilter,
    UserScope,
    in_scope,
    rescope,
    scope_of,
)
from azure_adapter.sync.scope_reasons import BY_MEMBERSHIP
from scim.provisioning.records import LinkRecord
from scim.provisioning.source import MemberChange, ObjectKind, Presence, SourceChange
from storage.database import Database
from tests.storage.test_sync_world import GROUP, USER, World

NAMES = itertools.count()
HIDDEN = "HiddenMembership"

SALES = (ScopingFilter((Clause("department", Operator.equals, "Sales"),)),)
SCOPES = [
    Scope(),
    Scope(UserScope(groups=("g0",))),
    Scope(UserScope(groups=("g0",), nested=False)),
    Scope(UserScope(groups=("g1", "g2"), rules=SALES, guests=Inclusion.exclude)),
    Scope(UserScope(rules=SALES, disabled=Inclusion.exclude)),
    Scope(UserScope(groups=("g0",)), GroupScope(GroupInclusion.assigned)),
    Scope(UserScope(groups=("g3", "nobody-knows"))),
    Scope(groups=GroupScope(GroupInclusion.none)),
]


@dataclass(slots=True)
class Thing:
    """What the model knows of one object."""

    source_id: str
    kind: ObjectKind
    presence: Presence = Presence.unknown
    attributes: dict[str, Any] = field(default_factory=dict)
    linked: bool = False
    in_scope: bool = True
    reason: str = ""


class Model:
    """The directory as it was told, and who is in scope."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.edges: set[tuple[str, str]] = set()
        self.scope = Scope()
        self.doubted = False

    def known(self, source_id: str) -> Thing:
        kind = GROUP if source_id.startswith("g") else USER
        return self.things.setdefault(source_id, Thing(source_id, kind))

    def inside(self) -> set[str]:
        """Walk from the scoping groups to the groups that count, one step after the other."""
        found: set[str] = set()
        waiting = [one for one in self.scope.users.groups if self.is_present(one)]
        while waiting:
            group = waiting.pop()
            if group in found:
                continue
            found.add(group)
            if self.scope.users.nested:
                below = [member for holder, member in self.edges if holder == group]
                waiting += [one for one in below if one[0] == "g" and self.is_present(one)]
        return found

    def is_present(self, source_id: str) -> bool:
        thing = self.things.get(source_id)
        return thing is not None and thing.presence is Presence.present

    def in_doubt(self, inside: set[str]) -> bool:
        for root in self.scope.users.groups:
            thing = self.things.get(root)
            if thing is None or thing.presence is Presence.unknown:
                return True
        for group in inside:
            members = [member for holder, member in self.edges if holder == group]
            if not members and self.things[group].attributes.get("visibility") == HIDDEN:
                return True
            for member in members if self.scope.users.nested else ():
                if member[0] == "g" and self.things[member].presence is Presence.unknown:
                    return True
        return False

    def tell(self) -> None:
        """Look at every present object."""
        inside = self.inside()
        self.doubted = bool(self.scope.users.groups) and self.in_doubt(inside)
        for thing in self.things.values():
            if thing.presence is not Presence.present:
                continue
            if thing.kind is GROUP:
                member = thing.source_id in inside
            else:
                member = any((group, thing.source_id) in self.edges for group in inside)
            said, why = in_scope(self.scope, thing, member)
            kept = self.doubted and thing.in_scope and thing.linked and why in BY_MEMBERSHIP
            thing.in_scope = said or kept
            thing.reason = "kept" if kept else why.value


class Play:
    """Does the same to the mirror and to the model."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.model = Model()
        for kind in (USER, GROUP):
            world.run(world.store.begin_initial(kind))
            world.merge(kind, delta="d")

    def change(self, source_id: str, presence: Presence, **attributes: Any) -> None:
        thing = self.model.known(source_id)
        self.world.merge(
            thing.kind, SourceChange(thing.kind, source_id, presence, attributes), delta="d"
        )
        thing.presence = presence
        thing.attributes |= attributes
        if presence is Presence.deleted:
            self.model.edges = {edge for edge in self.model.edges if source_id not in edge}

    def connect(self, group: str, member: str, removed: bool) -> None:
        """Tell of a membership; the group is present from then on."""
        self.model.known(group)
        if not removed:
            self.model.known(member)
        kind = GROUP if member.startswith("g") else USER
        change = SourceChange(GROUP, group, members=(MemberChange(member, kind, removed),))
        self.world.merge(GROUP, change, delta="d")
        self.model.things[group].presence = Presence.present
        edge = {(group, member)}
        self.model.edges = self.model.edges - edge if removed else self.model.edges | edge

    def link(self, source_id: str) -> None:
        thing = self.model.things.get(source_id)
        if thing is None or thing.presence is Presence.unknown:
            return
        record = LinkRecord(source_id, thing.kind, f"{self.world.sync_id[-20:]}-{source_id}")
        self.world.run(self.world.store.put_link(record))
        thing.linked = True

    def rescope(self, scope: Scope) -> None:
        self.model.scope = scope
        config = SyncConfig(sync_id=self.world.sync_id, scope=scope)
        before = self.said()
        notes = self.world.run(rescope(config, self.world.store))
        self.model.tell()
        after = self.said()
        assert after == {
            thing.source_id: (thing.in_scope, thing.reason) for thing in self.model.things.values()
        }
        assert any("cannot be read" in note for note in notes) is self.model.doubted
        flipped = {one for one, (inside, _) in after.items() if before[one][0] is not inside}
        holders = {group for group, member in self.model.edges if member in flipped}
        assert flipped | {one for one in holders if self.readable(one)} <= self.world.dirty()
        self.agree_one_by_one(config)

    def readable(self, source_id: str) -> bool:
        return self.model.things[source_id].presence is not Presence.unknown

    def said(self) -> dict[str, tuple[bool, str]]:
        records = self.world.run(self.world.store.records(list(self.model.things)))
        return {one: (each.in_scope, each.scope_reason) for one, each in records.items()}

    def agree_one_by_one(self, config: SyncConfig) -> None:
        """What is said of one object alone is what was said of all of them."""
        for thing in list(self.model.things.values())[:3]:
            if thing.presence is Presence.present:
                records = self.world.run(self.world.store.records([thing.source_id]))
                verdict = self.world.run(
                    scope_of(config, self.world.store, records[thing.source_id])
                )
                assert (verdict.in_scope, verdict.reason) == (thing.in_scope, thing.reason)


USERS = st.sampled_from([f"u{number}" for number in range(5)])
GROUPS = st.sampled_from([f"g{number}" for number in range(5)])
EITHER = st.one_of(USERS, GROUPS)

people = st.tuples(
    st.just("user"),
    USERS,
    st.fixed_dictionaries(
        {
            "department": st.sampled_from(["Sales", "IT"]),
            "userType": st.sampled_from(["Guest", "Member"]),
            "accountEnabled": st.booleans(),
        }
    ),
)
teams = st.tuples(
    st.just("group"),
    GROUPS,
    st.fixed_dictionaries({"visibility": st.sampled_from(["Public", HIDDEN])}),
)
memberships = st.tuples(st.just("edge"), GROUPS, EITHER, st.sampled_from([False, False, True]))
departures = st.tuples(
    st.just("presence"),
    EITHER,
    st.sampled_from([Presence.soft_deleted, Presence.deleted, Presence.present]),
)
links = st.tuples(st.just("link"), EITHER)
scopes = st.tuples(st.just("scope"), st.sampled_from(SCOPES))
settlings = st.tuples(st.just("settle"))

STEPS = st.lists(
    st.one_of(people, teams, memberships, memberships, departures, links, scopes, settlings),
    min_size=5,
    max_size=40,
)


BASE: list[Any] = [
    *(("user", f"u{number}", {"department": "Sales"}) for number in range(3)),
    *(("edge", *edge, False) for edge in (("g0", "g1"), ("g1", "g2"), ("g1", "u1"), ("g2", "u2"))),
    ("edge", "g0", "u0", False),
]
"""Groups in groups with people at each depth, so that the first change already matters."""


def play(world: World, steps: list[Any]) -> None:
    playing = Play(world)
    for step in [*BASE, *steps]:
        match step:
            case ("user" | "group", name, attributes):
                playing.change(name, Presence.present, **attributes)
            case ("edge", group, member, removed) if group != member:
                playing.connect(group, member, removed)
            case ("presence", name, presence) if name in playing.model.things:
                playing.change(name, presence)
            case ("link", name):
                playing.link(name)
            case ("scope", scope):
                playing.rescope(scope)
            case ("settle",):
                playing.rescope(playing.model.scope)
                world.settle()
    playing.rescope(playing.model.scope)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_the_mirror_equals_the_model(
    database: Database, runner: asyncio.Runner, steps: list[Any]
) -> None:
    play(World(database, runner, f"sync {next(NAMES)}"), steps)


def test_groups_that_contain_each_other(database: Database, runner: asyncio.Runner) -> None:
    playing = Play(World(database, runner))
    for group, member in (("g0", "g1"), ("g1", "g2"), ("g2", "g0"), ("g2", "u1"), ("g3", "u2")):
        playing.connect(group, member, False)
    for name in ("u1", "u2"):
        playing.change(name, Presence.present)
    playing.rescope(Scope(UserScope(groups=("g0",))))
    assert playing.said()["u1"] == (True, "")
    assert playing.said()["u2"] == (False, ScopeReason.not_in_groups)
    playing.world.settle()
    playing.connect("g1", "g2", True)
    playing.rescope(Scope(UserScope(groups=("g0",))))
    assert playing.said()["u1"] == (False, ScopeReason.not_in_groups)


def test_a_change_deep_down_reaches_the_users(database: Database, runner: asyncio.Runner) -> None:
    scope = Scope(UserScope(groups=("g0",)))
    playing = Play(World(database, runner))
    playing.change("u1", Presence.present)
    for group, member in (("g0", "g1"), ("g1", "g2")):
        playing.connect(group, member, False)
    playing.rescope(scope)
    playing.world.settle()
    playing.connect("g2", "u1", False)
    playing.rescope(scope)
    assert playing.said()["u1"] == (True, "")


def test_a_group_that_is_deleted_puts_nobody_in_scope_any_more(
    database: Database, runner: asyncio.Runner
) -> None:
    scope = Scope(UserScope(groups=("g0",)))
    for gone in ("g0", "g1"):
        playing = Play(World(database, runner, f"without {gone}"))
        playing.change("u1", Presence.present)
        for group, member in (("g0", "g1"), ("g1", "u1")):
            playing.connect(group, member, False)
        playing.rescope(scope)
        playing.link("u1")
        playing.world.settle()
        playing.change(gone, Presence.soft_deleted)
        playing.rescope(scope)
        assert playing.said()["u1"] == (False, ScopeReason.not_in_groups)
        playing.world.settle()
        playing.change(gone, Presence.present)
        playing.rescope(scope)
        assert playing.said()["u1"] == (True, "")


def test_who_was_in_stays_while_a_scoping_group_is_hidden(
    database: Database, runner: asyncio.Runner
) -> None:
    scope = Scope(UserScope(groups=("g0",)))
    playing = Play(World(database, runner))
    playing.change("g0", Presence.present, visibility=HIDDEN)
    playing.change("u1", Presence.present)
    playing.change("u2", Presence.present)
    playing.connect("g0", "u1", False)
    playing.rescope(scope)
    playing.link("u1")
    playing.world.settle()
    playing.connect("g0", "u1", True)
    playing.rescope(scope)
    assert playing.said()["u1"] == (True, "kept")
    assert playing.said()["u2"] == (False, "not_in_groups")
    playing.world.settle()
    playing.connect("g0", "u2", False)
    playing.rescope(scope)
    assert playing.said()["u1"] == (False, "not_in_groups")
    assert playing.said()["u2"] == (True, "")


def test_a_run_that_died_while_everything_was_looked_at_begins_again(
    database: Database, runner: asyncio.Runner
) -> None:
    world = World(database, runner)
    playing = Play(world)
    for number in range(4):
        playing.change(f"u{number}", Presence.present, department="Sales" if number % 2 else "IT")
    by_rule = Scope(UserScope(rules=SALES))
    playing.rescope(by_rule)
    world.settle()

    class Dies(Exception):
        pass

    def die(_: int) -> None:
        raise Dies

    async def half_way() -> None:
        config = SyncConfig(sync_id=world.sync_id, scope=Scope(UserScope(groups=("g9",))))
        try:
            await rescope(config, world.store, progress=die)
        except Dies:
            return

    runner.run(half_way())
    for thing in playing.model.things.values():
        thing.in_scope = playing.said()[thing.source_id][0]
    playing.rescope(by_rule)
