"""The mirror against a plain model, over random pages, splits, replays and sweeps."""

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim.provisioning.source import (
    MANAGER,
    MemberChange,
    ObjectKind,
    Presence,
    SourceChange,
    SourcePage,
)
from storage.database import Database
from tests.storage.test_sync_world import GROUP, USER, World

USERS, GROUPS = ("u0", "u1", "u2"), ("g0", "g1")
PRESENCES = (Presence.present,) * 4 + (Presence.soft_deleted, Presence.deleted)


@dataclass
class Thing:
    kind: ObjectKind
    presence: Presence = Presence.unknown
    attributes: dict[str, Any] = field(default_factory=dict)
    generation: int = -1
    dirty: bool = False


@dataclass
class Model:
    """What the mirror must be, in the plainest words."""

    things: dict[str, Thing] = field(default_factory=dict)
    edges: dict[tuple[str, str], int] = field(default_factory=dict)
    generations: dict[ObjectKind, int] = field(default_factory=lambda: {USER: 0, GROUP: 0})
    reading_all: dict[ObjectKind, bool] = field(default_factory=lambda: {USER: True, GROUP: True})
    swept: dict[ObjectKind, bool] = field(default_factory=lambda: {USER: True, GROUP: True})

    def begin(self, kind: ObjectKind) -> None:
        self.generations[kind] += 1
        self.reading_all[kind], self.swept[kind] = True, False

    def merge(self, kind: ObjectKind, page: SourcePage) -> None:
        for change in page.changes:
            self.change(change, self.generations[kind])
        if page.delta_cursor:
            self.reading_all[kind] = False

    def change(self, change: SourceChange, generation: int) -> None:
        thing = self.things.setdefault(change.source_id, Thing(change.kind))
        first = thing.generation < generation and self.reading_all[change.kind]
        known = {} if first and change.presence is Presence.present else thing.attributes
        merged = {k: v for k, v in {**known, **change.attributes}.items() if v is not None}
        if (change.presence, merged) != (thing.presence, thing.attributes):
            thing.dirty = True
        if change.presence is not thing.presence or change.presence is Presence.deleted:
            self.dirty_groups_of(change.source_id)
        thing.kind, thing.presence, thing.attributes = change.kind, change.presence, merged
        thing.generation = generation
        if change.presence is Presence.deleted:
            self.edges = {e: g for e, g in self.edges.items() if change.source_id not in e}
        if merged.get(MANAGER):
            self.things.setdefault(merged[MANAGER], Thing(USER))
        for member in change.members:
            self.member(change.source_id, member, generation)

    def member(self, group: str, change: MemberChange, generation: int) -> None:
        edge = (group, change.source_id)
        if (edge in self.edges) == change.removed:
            self.things[group].dirty = True
        if change.removed:
            self.edges.pop(edge, None)
            return
        self.things.setdefault(change.source_id, Thing(change.kind))
        self.edges[edge] = generation

    def sweep(self, kind: ObjectKind) -> int:
        if self.swept[kind]:
            return 0
        self.swept[kind] = True
        current = self.generations[kind]
        count = 0
        for source_id, thing in self.things.items():
            there = thing.presence in (Presence.present, Presence.soft_deleted)
            if thing.kind is kind and there and thing.generation < current:
                thing.presence, thing.dirty = Presence.deleted, True
                self.dirty_groups_of(source_id)
                count += 1
        for edge, generation in list(self.edges.items()):
            group = self.things[edge[0]]
            seen = group.presence is Presence.present and group.generation == current
            if kind is GROUP and seen and generation < current:
                del self.edges[edge]
                group.dirty = True
        return count

    def dirty_groups_of(self, member: str) -> None:
        for group, each in self.edges:
            if each == member:
                self.things[group].dirty = True

    def settle(self) -> None:
        for thing in self.things.values():
            thing.dirty = False

    def count_dirty(self) -> int:
        return sum(thing.dirty for thing in self.things.values())

    def snapshot(self) -> tuple[dict[str, Any], dict[tuple[str, str], int]]:
        things = {
            name: (t.kind, t.presence, t.attributes, t.generation, t.dirty)
            for name, t in self.things.items()
        }
        return things, self.edges


def snapshot(world: World) -> tuple[dict[str, Any], dict[tuple[str, str], int]]:
    """Return what the tables hold, in the model's words."""

    async def read() -> tuple[dict[str, Any], dict[tuple[str, str], int]]:
        rows = await world.database.session.rows(
            "SELECT source_id, generation, dirty, manager_id FROM mirror_object WHERE sync_id = ?",
            (world.sync_id,),
        )
        records = await world.store.records([row["source_id"] for row in rows])
        things = {}
        for row in rows:
            record = records[row["source_id"]]
            assert row["manager_id"] == record.attributes.get(MANAGER)
            things[record.source_id] = (
                record.kind,
                record.presence,
                dict(record.attributes),
                row["generation"],
                bool(row["dirty"]),
            )
        edges = await world.database.session.rows(
            "SELECT g.source_id AS g, m.source_id AS m, e.generation FROM mirror_member AS e "
            "JOIN mirror_object AS g ON g.row_id = e.group_id "
            "JOIN mirror_object AS m ON m.row_id = e.member_id WHERE g.sync_id = ?",
            (world.sync_id,),
        )
        return things, {(row["g"], row["m"]): row["generation"] for row in edges}

    return world.run(read())


attributes = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Ann", "Bob", None]),
        "tags": st.sampled_from([["x"], [], None]),
        MANAGER: st.sampled_from([*USERS, "boss", None]),
    },
)
members = st.builds(
    MemberChange,
    st.sampled_from([*USERS, *GROUPS, "stranger"]),
    st.just(USER),
    st.booleans(),
).map(lambda m: MemberChange(m.source_id, GROUP, m.removed) if m.source_id in GROUPS else m)
presences = st.sampled_from(PRESENCES)
user_changes = st.builds(
    SourceChange, st.just(USER), st.sampled_from(USERS), presences, attributes, st.just(())
)
group_changes = st.builds(
    SourceChange,
    st.just(GROUP),
    st.sampled_from(GROUPS),
    presences,
    attributes.map(lambda known: {k: v for k, v in known.items() if k != MANAGER}),
    st.lists(members, max_size=3).map(tuple),
)


def page_of(changes: st.SearchStrategy[SourceChange]) -> st.SearchStrategy[SourcePage]:
    return st.builds(
        lambda found, last: SourcePage(
            tuple(found), next_cursor=None if last else "n", delta_cursor="d" if last else None
        ),
        st.lists(changes, max_size=4),
        st.booleans(),
    )


Step = tuple[str, ObjectKind, SourcePage | None]
kinds = st.sampled_from([USER, GROUP])
steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("merge"), st.just(USER), page_of(user_changes)),
    st.tuples(st.just("merge"), st.just(GROUP), page_of(group_changes)),
    st.tuples(st.just("begin"), kinds, st.none()),
    st.tuples(st.just("sweep"), kinds, st.none()),
    st.tuples(st.just("settle"), kinds, st.none()),
)
plans = st.lists(steps, min_size=3, max_size=14)


def examples(number: int) -> settings:
    return settings(
        max_examples=number,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


counter = iter(range(1_000_000))


def new_world(database: Database, runner: asyncio.Runner) -> World:
    return World(database, runner, f"sync {next(counter)}")


def follow(world: World, model: Model, step: Step) -> None:
    """Take one step in both, and compare what they answer."""
    what, kind, page = step
    if what == "merge" and page is not None:
        before = model.count_dirty()
        model.merge(kind, page)
        became = world.run(world.store.merge_page(kind, page, world.lease))
        assert became == model.count_dirty() - before
    elif what == "begin":
        model.begin(kind)
        cursor = world.run(world.store.begin_initial(kind))
        assert (cursor.generation, cursor.swept) == (model.generations[kind], False)
    elif what == "sweep" and not model.reading_all[kind]:
        assert world.run(world.store.sweep(kind, world.lease)) == model.sweep(kind)
    elif what == "settle":
        model.settle()
        world.settle()


@examples(40)
@given(plan=plans)
def test_the_mirror_agrees_with_the_model(
    database: Database, runner: asyncio.Runner, plan: list[Step]
) -> None:
    world, model = new_world(database, runner), Model()
    for step in plan:
        follow(world, model, step)
        assert snapshot(world) == model.snapshot()
    for kind in (USER, GROUP):
        assert world.run(world.store.cursor(kind)).swept == model.swept[kind]


def take(world: World, step: Step, pages: list[SourcePage]) -> None:
    what, kind, _ = step
    if what == "merge":
        for page in pages:
            world.run(world.store.merge_page(kind, page, world.lease))
    elif what == "begin":
        world.run(world.store.begin_initial(kind))
    elif what == "settle":
        world.settle()
    elif world.run(world.store.cursor(kind)).delta_cursor:
        world.run(world.store.sweep(kind, world.lease))


def pieces(page: SourcePage, cuts: list[int]) -> list[SourcePage]:
    """Cut a page; its cursor goes with the last piece."""
    places = sorted({min(cut, len(page.changes)) for cut in cuts} | {0, len(page.changes)})
    parts = [SourcePage(page.changes[begin:end]) for begin, end in itertools.pairwise(places)]
    return [*parts, SourcePage((), (), page.next_cursor, page.delta_cursor)]


@examples(20)
@given(plan=plans, cuts=st.lists(st.integers(0, 4), max_size=3))
def test_pages_in_pieces_and_pages_merged_twice_end_in_the_same_mirror(
    database: Database, runner: asyncio.Runner, plan: list[Step], cuts: list[int]
) -> None:
    whole, cut, twice = (new_world(database, runner) for _ in range(3))
    for step in plan:
        page = step[2]
        take(whole, step, [page] if page else [])
        take(cut, step, pieces(page, cuts) if page else [])
        take(twice, step, [page, page] if page else [])
    things, edges = snapshot(whole)
    assert snapshot(cut) == (things, edges)
    again, same_edges = snapshot(twice)
    assert same_edges == edges
    assert {k: v[:-1] for k, v in again.items()} == {k: v[:-1] for k, v in things.items()}
    missed = [name for name, thing in things.items() if thing[-1] and not again[name][-1]]
    assert not missed


@examples(15)
@given(changes=st.lists(user_changes, max_size=4, unique_by=lambda change: change.source_id))
def test_a_page_that_comes_again_changes_nothing(
    database: Database, runner: asyncio.Runner, changes: list[SourceChange]
) -> None:
    world = new_world(database, runner)
    world.merge(USER, *changes, next_cursor="2")
    before = snapshot(world)
    world.settle()
    assert world.merge(USER, *changes, next_cursor="2") == 0
    things, _ = snapshot(world)
    assert {k: v[:-1] for k, v in things.items()} == {k: v[:-1] for k, v in before[0].items()}
