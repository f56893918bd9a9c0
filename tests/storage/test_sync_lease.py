"""The lease: one worker at a time, and a worker that lost it writes nothing."""

import asyncio

import pytest

from scim.provisioning.records import Lease, LeaseLost, RunMode
from scim.provisioning.source import SourcePage
from tests.storage.test_sync_world import USER, World, user, world

__all__ = ["world"]


async def write(world: World, lease: Lease, name: str) -> None:
    async with world.store.unit_of_work(lease):
        await world.store.set_planned_with(name)


def test_one_owner_at_a_time(world: World) -> None:
    assert world.run(world.store.claim("b", 60)) is None
    world.run(world.store.release(world.lease))
    taken = world.run(world.store.claim("b", 60))
    assert taken == Lease(world.sync_id, "b", world.lease.fence + 1)


def test_an_expired_lease_is_taken_over_and_a_renewed_one_is_not(world: World) -> None:
    world.now += 59_000_000
    world.run(world.store.renew(world.lease, 60))
    world.now += 59_000_000
    assert world.run(world.store.claim("b", 60)) is None
    world.now += 2_000_000
    assert world.run(world.store.claim("b", 60)) is not None
    with pytest.raises(LeaseLost):
        world.run(world.store.renew(world.lease, 60))


def test_an_expired_lease_that_nobody_took_is_still_good(world: World) -> None:
    world.now += 3_600_000_000
    world.run(write(world, world.lease, "still mine"))
    world.run(world.store.renew(world.lease, 60))
    assert world.run(world.store.claim("b", 60)) is None


def test_claiming_again_fences_the_earlier_lease_of_the_same_owner(world: World) -> None:
    again = world.claim("a")
    assert again.fence == world.lease.fence + 1
    with pytest.raises(LeaseLost):
        world.run(write(world, world.lease, "zombie"))
    world.run(world.store.release(world.lease))
    world.run(write(world, again, "ours"))
    assert world.run(world.store.planned_with()) == "ours"


def test_a_worker_that_lost_its_lease_writes_nothing(world: World) -> None:
    world.merge(USER, user("u", name="Ann"), next_cursor="2")
    world.now += 61_000_000
    world.claim("b")
    page = SourcePage((user("u", name="Zombie"),), delta_cursor="d")
    for attempt in (
        world.store.merge_page(USER, page, world.lease),
        world.store.sweep(USER, world.lease),
        world.store.start_run(
            RunMode.initial, trigger="t", actor="", preview=False, lease=world.lease
        ),
        write(world, world.lease, "zombie"),
    ):
        with pytest.raises(LeaseLost):
            world.run(attempt)
    assert world.run(world.store.records(["u"]))["u"].attributes == {"name": "Ann"}
    assert world.run(world.store.cursor(USER)).next_cursor == "2"
    assert world.run(world.store.planned_with()) == ""
    assert world.run(world.store.runs()) == []


def test_a_lease_of_another_sync_is_refused(world: World) -> None:
    foreign = Lease("another", "a", 1)
    with pytest.raises(ValueError, match="another"):
        world.run(world.store.renew(foreign, 60))


def test_a_crash_inside_a_unit_of_work_leaves_nothing(world: World) -> None:
    async def crash() -> None:
        async with world.store.unit_of_work(world.lease):
            await world.store.merge_page(USER, SourcePage((user("u"),)), world.lease)
            await world.store.set_planned_with("half")
            assert set(await world.store.records(["u"])) == {"u"}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(crash())
    assert world.run(world.store.records(["u"])) == {}
    assert world.run(world.store.planned_with()) == ""


def test_a_crash_inside_a_page_leaves_neither_objects_nor_cursor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "_advance", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.merge(USER, user("u"), next_cursor="2")
    assert world.run(world.store.records(["u"])) == {}
    assert world.run(world.store.cursor(USER)).next_cursor is None
    assert world.merge(USER, user("u"), next_cursor="2") == 1


def test_racing_workers_get_one_lease(world: World) -> None:
    world.run(world.store.release(world.lease))

    async def race() -> list[Lease | None]:
        return await asyncio.gather(*(world.store.claim(f"w{n}", 60) for n in range(8)))

    won = [lease for lease in world.run(race()) if lease]
    assert len(won) == 1


def test_a_takeover_waits_for_an_open_unit_of_work(world: World) -> None:
    """A worker whose lease ran out inside a batch still commits it, before anybody else starts."""
    order: list[str] = []

    async def batch(entered: asyncio.Event) -> None:
        async with world.store.unit_of_work(world.lease):
            entered.set()
            for _ in range(50):
                await asyncio.sleep(0)
            await world.store.set_planned_with("batch")
            order.append("batch")

    async def takeover(entered: asyncio.Event) -> None:
        await entered.wait()
        world.now += 3_600_000_000
        assert await world.store.claim("b", 60)
        order.append("claim")

    async def both() -> None:
        entered = asyncio.Event()
        await asyncio.gather(batch(entered), takeover(entered))

    world.run(both())
    assert order == ["batch", "claim"]
    assert world.run(world.store.planned_with()) == "batch"
