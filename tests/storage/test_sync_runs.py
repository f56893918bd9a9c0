"""Runs: start, progress, what an interrupted process left, history."""

import asyncio

import pytest

from scim.provisioning.records import RunMode, RunPhase, RunStatus, SourceUnavailable
from storage.access import UserSyncs
from storage.database import Database
from tests.storage.test_sync_world import World, world

__all__ = ["world"]


def test_a_run_goes_through_its_phases(world: World) -> None:
    store, run = world.store, world.start()
    assert (run.status, run.phase, run.mode) == (
        RunStatus.running,
        RunPhase.read,
        RunMode.incremental,
    )
    assert (run.sync_id, run.trigger, run.actor, run.preview) == (
        world.sync_id,
        "manual",
        "ann",
        False,
    )
    assert run.started_at == world.now
    assert world.run(store.unfinished_run()) == run
    world.run(store.update_run(run.id, mode=RunMode.initial, phase=RunPhase.plan, note="one"))
    world.run(store.update_run(run.id, note="tw\0o", counts={"users": {"created": 1}}))
    world.now += 5
    done = world.run(
        store.update_run(
            run.id,
            phase=RunPhase.done,
            status=RunStatus.failed,
            counts={"users": {"created": 2}},
            error=SourceUnavailable("unreachable", "Nothing answered.", "Try later."),
            checksum="abc",
            finished=True,
        )
    )
    assert done.finished_at == world.now
    assert (done.mode, done.phase, done.status) == (
        RunMode.initial,
        RunPhase.done,
        RunStatus.failed,
    )
    assert done.notes == ("one", "two")
    assert done.counts == {"users": {"created": 2}}
    assert (done.code, done.message, done.advice) == (
        "unreachable",
        "Nothing answered.",
        "Try later.",
    )
    assert done.checksum == "abc"
    assert world.run(store.unfinished_run()) is None
    assert world.run(store.runs()) == [done]
    assert world.run(store.update_run(run.id)) == done


def test_the_history_pages_backwards(world: World) -> None:
    started = [world.start().id for _ in range(5)]
    first = world.run(world.store.runs(limit=2))
    rest = world.run(world.store.runs(limit=9, before=first[-1].id))
    assert [run.id for run in first + rest] == started[::-1]


def test_a_run_of_another_sync_is_not_found(database: Database, runner: asyncio.Runner) -> None:
    one, two = World(database, runner, "one"), World(database, runner, "two")
    run = one.start()
    with pytest.raises(LookupError):
        two.run(two.store.update_run(run.id, note="x"))
    assert two.run(two.store.runs()) == []


def test_a_list_of_syncs_shows_their_last_runs(database: Database, runner: asyncio.Runner) -> None:
    one, two = World(database, runner, "one"), World(database, runner, "two")
    one.start()
    last = one.start()
    found = runner.run(UserSyncs(database).list(one.workspace))
    assert [(sync.name, sync.last_run) for sync in found] == [("one", last), ("two", None)]
    assert two.run(UserSyncs(database).get(two.workspace, one.sync_id)) == found[0]
