"""What a person chose for objects, whose link waits for something, and what a chain reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from scim.provisioning.records import Choice, LinkRecord, LinkState, Resolution
from scim.provisioning.source import SourceChange
from storage.database import Database
from tests.storage.test_sync_world import GROUP, USER, World


@pytest.fixture
def world(database: Database, runner: asyncio.Runner) -> Iterator[World]:
    with database.activated():
        yield World(database, runner)


def put(world: World, **changes: object) -> LinkRecord:
    link = replace(LinkRecord("ann", USER, "r-1"), **changes)  # type: ignore[arg-type]
    world.run(world.store.put_link(link))
    return link


def linked(world: World, source_id: str = "ann") -> LinkRecord:
    record = world.run(world.store.records([source_id]))[source_id]
    assert record.link is not None
    return record.link


def test_a_choice_is_kept_and_replaced_by_the_next_one(world: World) -> None:
    first = Resolution("ann", Choice.contribute, "r-1", "eve")
    world.run(world.store.resolve(first))
    found = world.run(world.store.resolutions(["ann", "bob"]))
    assert found == {"ann": replace(first, decided_at=world.now)}
    second = Resolution("ann", Choice.create, "", "bob", 7)
    world.run(world.store.resolve(second))
    assert world.run(world.store.resolutions(["ann"])) == {"ann": second}
    assert world.run(world.store.withdraw("ann")) is True
    assert world.run(world.store.withdraw("ann")) is False
    assert world.run(world.store.resolutions(["ann"])) == {}


def test_a_choice_is_of_one_sync(database: Database, runner: asyncio.Runner) -> None:
    with database.activated():
        one, other = World(database, runner, "one"), World(database, runner, "other")
        one.run(one.store.resolve(Resolution("ann", Choice.create)))
        assert other.run(other.store.resolutions(["ann"])) == {}
        assert other.run(other.store.withdraw("ann")) is False
        assert one.run(one.store.resolutions(["ann"])).keys() == {"ann"}


def test_an_object_that_failed_is_planned_at_once_when_a_person_chose(world: World) -> None:
    world.merge(USER, SourceChange(USER, "ann"), SourceChange(USER, "bob"))
    world.settle()
    world.run(world.store.fail(["ann"], world.now + 1_000_000))
    assert world.run(world.store.dirty(USER, 0, 9, include_waiting=False)) == []
    world.run(world.store.resolve(Resolution("ann", Choice.create)))
    (due,) = world.run(world.store.dirty(USER, 0, 9, include_waiting=False))
    assert (due.source_id, due.failures) == ("ann", 0)
    world.settle()
    world.run(world.store.withdraw("ann"))
    assert world.dirty() == {"ann"}


def test_a_link_keeps_what_its_invitation_came_to(world: World) -> None:
    world.merge(USER, SourceChange(USER, "ann"))
    put(world, enrollment="due")
    assert linked(world).enrollment == "due"
    put(world, enrollment="sent")
    put(world, state=LinkState.tombstone)
    assert linked(world).enrollment == "sent", "a restored user keeps its status"
    put(world)
    assert linked(world).enrollment == "sent"
    put(world, resource_id="r-2")
    assert linked(world).enrollment == "", "another user has not been invited"


def test_who_is_due_is_marked_once(world: World) -> None:
    world.merge(USER, SourceChange(USER, "ann"), SourceChange(USER, "bob"))
    put(world, enrollment="sent")
    assert world.run(world.store.mark_due(["ann", "bob", "nobody"])) == 1
    assert world.run(world.store.mark_due(["ann"])) == 0
    assert linked(world).enrollment == "due"


def test_a_user_is_kept_disabled_until_released(world: World) -> None:
    world.merge(USER, SourceChange(USER, "ann"))
    put(world, joined=True, kept_disabled=True)
    assert linked(world).kept_disabled is True
    assert world.run(world.store.release_kept(["ann"])) == 1
    assert world.run(world.store.release_kept(["ann"])) == 0
    assert linked(world).kept_disabled is False
    assert linked(world).joined is True


def test_a_chain_remembers_what_it_reads(world: World) -> None:
    assert world.run(world.store.cursor(USER)).properties == ()
    begun = world.run(world.store.begin_initial(USER, ["mail", "displayName", "manager"]))
    assert begun.properties == ("displayName", "mail", "manager")
    world.merge(USER, SourceChange(USER, "ann"), next_cursor="n")
    world.merge(USER, SourceChange(USER, "bob"), delta="d")
    assert world.run(world.store.cursor(USER)).properties == begun.properties
    assert world.run(world.store.cursor(GROUP)).properties == ()
    again = world.run(world.store.begin_initial(USER, ["mail"]))
    assert again.properties == ("mail",)
