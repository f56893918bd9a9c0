"""The mirror: what pages, sweeps and marks do to it, one rule a test."""

import pytest

from scim.provisioning.records import LinkRecord, LinkState
from scim.provisioning.source import MemberChange, Presence, SourceChange
from tests.storage.test_sync_world import GROUP, OTHER, USER, World, group, user, world

__all__ = ["world"]

SOFT, GONE = Presence.soft_deleted, Presence.deleted


def attributes(world: World, source_id: str) -> object:
    return world.run(world.store.records([source_id]))[source_id].attributes


def members(world: World, group_id: str) -> set[str]:
    return {each.source_id for each in world.run(world.store.source_members(group_id))}


def initial(world: World, *changes: SourceChange) -> None:
    kind = changes[0].kind
    world.run(world.store.begin_initial(kind))
    world.merge(kind, *changes, delta="d")
    world.run(world.store.sweep(kind, world.lease))
    world.settle()


def test_absent_keeps_and_none_clears(world: World) -> None:
    initial(world, user("u", name="Ann", mail="a@x", phone=None))
    assert attributes(world, "u") == {"name": "Ann", "mail": "a@x"}
    assert world.merge(USER, user("u", mail=None), delta="e") == 1
    assert attributes(world, "u") == {"name": "Ann"}
    world.settle()
    assert world.merge(USER, user("u", mail=None, never_set=None), delta="e") == 0


def test_an_object_seen_again_unchanged_stays_clean(world: World) -> None:
    initial(world, user("u", name="Ann", b=[1, {"y": 1, "x": 2}]))
    assert world.merge(USER, user("u", b=[1, {"x": 2, "y": 1}]), delta="e") == 0
    assert world.merge(USER, user("u"), delta="e") == 0
    assert world.dirty() == set()


def test_an_initial_cycle_shows_objects_whole_and_then_adds_up(world: World) -> None:
    initial(world, user("u", name="Ann", mail="a@x"))
    world.run(world.store.begin_initial(USER))
    assert world.merge(USER, user("u", name="Ann"), next_cursor="2") == 1
    world.merge(USER, user("u", phone="1"), next_cursor="3")
    assert attributes(world, "u") == {"name": "Ann", "phone": "1"}


def test_an_unchanged_initial_cycle_dirties_nothing(world: World) -> None:
    initial(world, user("u", name="Ann"), user("v"))
    initial(world, group("g", "u", "v"))
    for kind, change in ((USER, user("u", name="Ann")), (GROUP, group("g", "u", "v"))):
        world.run(world.store.begin_initial(kind))
        assert world.merge(kind, change, next_cursor="2") == 0
    assert world.run(world.store.count_absent(USER)) == (1, 2)


def test_cursors_go_with_their_page(world: World) -> None:
    store = world.store
    first = world.run(store.begin_initial(USER))
    assert (first.generation, first.swept) == (1, False)
    world.merge(USER, user("u"), next_cursor="n")
    assert world.run(store.cursor(USER)).next_cursor == "n"
    world.merge(USER, delta="d1")
    done = world.run(store.cursor(USER))
    assert (done.next_cursor, done.delta_cursor, done.swept) == (None, "d1", False)
    world.run(store.sweep(USER, world.lease))
    world.merge(USER, next_cursor="n2")
    going = world.run(store.cursor(USER))
    assert (going.next_cursor, going.delta_cursor, going.swept) == ("n2", "d1", True)
    again = world.run(store.begin_initial(USER))
    assert (again.next_cursor, again.delta_cursor, again.generation) == (None, None, 2)
    assert world.run(store.cursor(GROUP)).generation == 0


def test_members_and_managers_are_stubs_until_they_are_read(world: World) -> None:
    world.merge(USER, user("u", manager="boss"), delta="d")
    world.merge(
        GROUP,
        SourceChange(GROUP, "g", members=(MemberChange("d", OTHER), MemberChange("late", USER))),
        delta="d",
    )
    found = world.run(world.store.records(["boss", "d", "late"]))
    assert {each.presence for each in found.values()} == {Presence.unknown}
    assert found["d"].kind is OTHER
    assert world.dirty() == {"u", "g"}
    assert world.run(world.store.reports_of(["boss"])) == {"u"}
    world.settle()
    assert world.merge(USER, user("late", name="L"), delta="e") == 2
    assert world.dirty() == {"late", "g"}
    world.merge(USER, user("u", manager=None), delta="e")
    assert world.run(world.store.reports_of(["boss"])) == set()


def test_a_manager_stays_when_a_later_page_does_not_mention_it(world: World) -> None:
    world.merge(USER, user("u", manager="boss"), next_cursor="2")
    world.merge(USER, user("u", name="Ann"), delta="d")
    assert attributes(world, "u") == {"manager": "boss", "name": "Ann"}
    assert world.run(world.store.reports_of(["boss"])) == {"u"}


def test_groups_follow_the_presence_of_their_members(world: World) -> None:
    initial(world, user("u", name="Ann"))
    initial(world, group("g", "u"))
    for presence in (SOFT, Presence.present):
        assert world.merge(USER, user("u", presence), delta="e") == 2
        assert world.dirty() == {"u", "g"}
        assert members(world, "g") == {"u"}
        world.settle()
    assert world.merge(USER, user("u", GONE), delta="e") == 2
    assert members(world, "g") == set()
    assert world.run(world.store.groups_of(["u"])) == set()
    assert attributes(world, "u") == {"name": "Ann"}


def test_a_group_is_dirty_only_when_its_members_really_change(world: World) -> None:
    initial(world, user("u"), user("v"))
    initial(world, group("g", "u"))
    assert world.merge(GROUP, group("g", "u", without=("v", "nobody")), delta="e") == 0
    assert world.run(world.store.records(["nobody"])) == {}
    assert world.merge(GROUP, group("g", "v", without=("u",)), delta="e") == 1
    assert members(world, "g") == {"v"}


def test_the_sweep_deletes_what_an_initial_cycle_did_not_show(world: World) -> None:
    initial(world, user("u"), user("v"), user("w"))
    initial(world, group("g", "u", "v"), group("h", "v"), group("gone", "u"))
    world.run(world.store.begin_initial(USER))
    world.merge(USER, user("u"), user("w"), delta="d")
    assert world.run(world.store.sweep(USER, world.lease)) == 1
    assert world.dirty() == {"v", "g", "h"}
    assert world.run(world.store.records(["v"]))["v"].presence is GONE
    assert world.run(world.store.sweep(USER, world.lease)) == 0
    world.settle()
    world.run(world.store.begin_initial(GROUP))
    world.merge(GROUP, group("g", "u"), group("h", "v"), delta="d")
    assert world.run(world.store.sweep(GROUP, world.lease)) == 1
    assert world.dirty() == {"gone", "g"}
    assert members(world, "g") == {"u"}
    assert members(world, "h") == {"v"}
    assert world.run(world.store.cursor(GROUP)).swept


def test_an_incomplete_initial_cycle_is_never_swept(world: World) -> None:
    initial(world, user("u"))
    world.run(world.store.begin_initial(USER))
    world.merge(USER, user("v"), next_cursor="2")
    with pytest.raises(RuntimeError, match="not complete"):
        world.run(world.store.sweep(USER, world.lease))
    assert world.run(world.store.records(["u"]))["u"].presence is Presence.present


def test_a_soft_deleted_group_keeps_its_members_in_a_sweep(world: World) -> None:
    initial(world, user("u"))
    initial(world, group("g", "u"), group("h"))
    world.run(world.store.begin_initial(GROUP))
    world.merge(GROUP, SourceChange(GROUP, "g", SOFT), group("h"), delta="d")
    world.run(world.store.sweep(GROUP, world.lease))
    assert members(world, "g") == {"u"}


def test_back_off_settling_and_marks(world: World) -> None:
    store = world.store
    world.merge(USER, user("u"), user("v"), user("w"), delta="d")
    later = world.now + 60_000_000
    world.run(store.fail(["u"], later))
    world.run(store.fail(["u"], later))
    ready = world.run(store.dirty(USER, 0, 10, include_waiting=False))
    assert [each.source_id for each in ready] == ["v", "w"]
    assert world.run(store.records(["u"]))["u"].failures == 2
    world.now = later
    assert len(world.run(store.dirty(USER, 0, 10, include_waiting=False))) == 3

    world.run(store.settle({"v": ready[0].stamp, "w": "another"}))
    assert world.dirty() == {"u", "w"}
    world.run(store.mark_dirty(["v"]))
    assert world.dirty() == {"u", "v", "w"}
    world.settle()
    world.run(store.mark_all_dirty())
    page = world.run(store.dirty(USER, 0, 2))
    rest = world.run(store.dirty(USER, page[-1].row, 2))
    assert [each.source_id for each in page + rest] == ["u", "v", "w"]


def test_a_change_at_the_source_ends_the_waiting(world: World) -> None:
    world.merge(USER, user("u"), delta="d")
    world.run(world.store.fail(["u"], world.now + 60_000_000))
    world.merge(USER, user("u", name="Ann"), delta="e")
    (record,) = world.run(world.store.dirty(USER, 0, 10, include_waiting=False))
    assert record.failures == 0


def test_unique_keys_are_shared_by_present_objects_only(world: World) -> None:
    world.merge(USER, user("u"), user("v"), user("w", SOFT), delta="d")
    world.run(world.store.set_unique_keys({"u": "a@x", "v": "a@x", "w": "a@x", "nobody": "b"}))
    assert world.run(world.store.sharing(["a@x", "b"])) == {"a@x": ["u", "v"]}
    world.run(world.store.set_unique_keys({"u": None}))
    assert world.run(world.store.sharing(["a@x"])) == {"a@x": ["v"]}


def test_links_come_with_records_and_members(world: World) -> None:
    store = world.store
    world.merge(USER, user("u"), user("v"), delta="d")
    world.merge(GROUP, group("g", "u", "v"), delta="d")
    link = LinkRecord("u", USER, "r1", LinkState.linked, True, world.sync_id)
    world.run(store.put_link(link))
    assert world.run(store.records(["u"]))["u"].link == link
    found = {each.source_id: each.link for each in world.run(store.source_members("g"))}
    assert found == {"u": link, "v": None}
    assert world.run(store.count_links(USER)) == 1
    gone = LinkRecord("u", USER, "r1", LinkState.tombstone, False, world.sync_id)
    world.run(store.put_link(gone))
    assert world.run(store.count_links(USER)) == 0
    assert world.run(store.links_of_resources(["r1", "r2"])) == {"r1": [gone]}


def test_links_of_resources_covers_the_other_syncs_of_the_workspace(world: World) -> None:
    other = World(world.database, world.runner, "other")
    link = LinkRecord("x", USER, "r1", sync_id=other.sync_id)
    world.run(other.store.put_link(link))
    assert world.run(world.store.links_of_resources(["r1"])) == {"r1": [link]}


def test_values_that_databases_refuse_do_not_stop_a_page(world: World) -> None:
    world.merge(USER, user("u", name="a\0b", half="\ud83d!", big=2**70, deep={"\0": None}))
    found = attributes(world, "u")
    assert isinstance(found, dict)
    assert (found["name"], found["half"]) == ("a\0b", "?!")
    assert found["big"] == pytest.approx(2**70)
