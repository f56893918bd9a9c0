"""What an initial cycle did not return is asked for one by one before anybody is deleted for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from azure_adapter.simulator import Directory, Fault, GeneratorOptions, generate
from azure_adapter.sync import reading
from scim.provisioning.records import Gaps, LeaseLost
from scim.provisioning.source import ObjectKind, Presence, SourceChange, SourcePage
from tests.databases import run
from tests.sync.test_crash import Killed, Mortal
from tests.sync.world import World, assert_in_step, world

USER, GROUP = ObjectKind.user, ObjectKind.group
KEPT = "They were kept"
UNKNOWN = "could not be determined"


def directory(users: int = 30) -> Directory:
    made = Directory(seed=9)
    generate(made, GeneratorOptions(users=users, groups=6, memberships=6, seed=9))
    return made


def omit(w: World, index: int = 2, times: int = 1) -> None:
    """Let the next pages of both chains lack all but their first objects, silently."""
    for path in ("/v1.0/users/delta", "/v1.0/groups/delta"):
        w.simulator.faults.add(Fault("omit_objects", path=path, index=index, times=times))


def leave(w: World, count: int = 3) -> set[str]:
    """Let people leave in a way that no delta tells: the last of them restorably."""
    ids = [user.id for user in list(w.directory.live("user"))[-count:]]
    for source_id in ids:
        w.directory.delete_user(source_id)
    for source_id in ids[:-1]:
        w.directory.purge_user(source_id)
    w.directory.forget_changes()
    return set(ids)


async def absences(w: World) -> tuple[int, int]:
    store = w.store()
    return (await store.count_absent(USER))[0], (await store.count_absent(GROUP))[0]


def asked(w: World) -> int:
    return sum(one.path == "/v1.0/$batch" for one in w.simulator.requests)


def test_a_cycle_that_silently_omits_objects_deletes_nobody(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, directory(), page_size=7) as w:
            await w.sync()
            users, groups = await w.users(), await w.groups()
            assert asked(w) == 0
            omit(w)
            last = list(w.directory.live("user"))[6]
            w.directory.update_user(last.id, jobTitle="Told when asked", department=None)
            w.directory.forget_changes()
            report = await w.sync(full=True)
            assert report["status"] == "succeeded"
            assert report["users"]["deleted"] == report["groups"]["deleted"] == 0
            assert report["memberships"] == {"added": 0, "removed": 0}
            assert (await w.users()).keys() == users.keys()
            assert await w.groups() == groups
            assert [note for note in report["notes"] if KEPT in note] == [
                "5 users were not returned by the directory, but are there when asked for one by "
                "one. They were kept.",
                "4 groups were not returned by the directory, but are there when asked for one by "
                "one. They were kept.",
            ]
            await assert_in_step(w)
            assert (await w.sync())["mode"] == "incremental"
            assert await absences(w) == (0, 0)
            assert w.simulator.writes == []

    run(story())


def test_who_really_left_is_deleted_and_who_was_only_omitted_is_not(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, directory(), page_size=7) as w:
            await w.sync()
            gone = leave(w)
            group = next(w.directory.live("group"))
            w.directory.delete_group(group.id)
            w.directory.purge_group(group.id)
            w.directory.forget_changes()
            omit(w)
            report = await w.sync(full=True)
            assert report["users"]["deleted"] == len(gone)
            assert report["groups"]["deleted"] == 1
            await assert_in_step(w)
            records = await w.store().records(sorted(gone))
            found = sorted(record.presence.value for record in records.values())
            assert found == ["deleted", "deleted", "soft_deleted"]
            assert any(KEPT in note for note in report["notes"])
            again = await w.sync()
            assert again["users"]["deleted"] == again["users"]["created"] == 0

    run(story())


@pytest.mark.parametrize("effect", ["throttle", "server_error", "reset", "invalid_json"])
def test_what_cannot_be_determined_stays_and_everything_is_read_again(
    database_url: str, effect: Any
) -> None:
    async def story() -> None:
        async with world(database_url, directory(), page_size=7) as w:
            await w.sync()
            users = await w.users()
            gone = leave(w)
            w.simulator.faults.add(Fault(effect, path="/v1.0/$batch", times=999))
            report = await w.sync(full=True)
            assert report["status"] == "succeeded"
            assert (await w.users()).keys() == users.keys()
            assert any(UNKNOWN in note for note in report["notes"])
            assert (await w.store().cursor(USER)).gaps is Gaps.named
            assert asked(w) <= 6, "patience ends once, not for each batch"
            w.simulator.faults.clear()
            report = await w.sync()
            assert report["mode"] == "initial"
            assert report["users"]["deleted"] == len(gone)
            await assert_in_step(w)

    run(story())


class Source:
    """Reads like the reader inside, and lets something happen before objects are asked for."""

    def __init__(self, w: World, happens: Any) -> None:
        self._reader, self._happens = w.reader, happens

    async def pages(self, kind: ObjectKind, cursor: str | None) -> AsyncIterator[SourcePage]:
        async for page in self._reader.pages(kind, cursor):
            yield page

    async def confirm_absent(
        self, kind: ObjectKind, ids: Sequence[str]
    ) -> dict[str, SourceChange | None]:
        await self._happens()
        return await self._reader.confirm_absent(kind, ids)


@pytest.mark.parametrize("signed_out", [False, True])
def test_a_permission_that_goes_missing_meanwhile_deletes_nobody(
    database_url: str, signed_out: bool
) -> None:
    async def story() -> None:
        async with world(database_url, directory(), page_size=7) as w:
            await w.sync()
            users, roles = await w.users(), list(w.directory.roles)
            gone = leave(w)

            async def revoke() -> None:
                w.directory.roles = []
                w.directory.secret_expired = signed_out
                w.simulator.tokens.revoke_all()

            engine = w.engine(source=Source(w, revoke))
            ended = await engine.run(full=True)
            if signed_out:
                assert (ended.status, ended.code) == ("failed", "invalid_client")
            else:
                assert any(UNKNOWN in note for note in ended.notes)
            assert (await w.users()).keys() == users.keys()
            w.directory.roles, w.directory.secret_expired = roles, False
            w.simulator.tokens.revoke_all()
            assert (await w.sync())["users"]["deleted"] == len(gone)
            await assert_in_step(w)

    run(story())


def test_a_worker_that_lost_its_lease_while_it_asked_sweeps_nothing(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, directory(), page_size=7) as w:
            await w.sync()
            users, gone = await w.users(), leave(w)

            async def take_over() -> None:
                async with w.database.transaction() as session:
                    await session.execute("UPDATE user_sync SET lease_until = 1")
                assert await w.store().claim("another", 60) is not None

            with pytest.raises(LeaseLost):
                await w.engine(source=Source(w, take_over)).run(full=True)
            assert (await absences(w))[0] == len(gone)
            assert not (await w.store().cursor(USER)).swept
            assert (await w.users()).keys() == users.keys()

    run(story())


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_killed_at_any_point_it_asks_again_and_says_it_once(database_url: str, late: bool) -> None:
    async def story() -> None:
        async with world(database_url, directory(12), page_size=5) as w:
            await w.sync()
            leave(w)
            kept = {user.id for user in w.directory.live("user")}
            moment, deaths, full = 1, 0, True
            while True:
                omit(w)
                store: Any = Mortal(w.store(), [moment], late=late)
                try:
                    ended = await w.engine(store=store).run(full=full)
                except Killed:
                    moment, deaths, full = moment + 3, deaths + 1, False
                    w.simulator.faults.clear()
                    assert kept <= (await w.users()).keys()
                    continue
                break
            w.simulator.faults.clear()
            assert deaths >= 5
            assert ended.status == "succeeded"
            said = [note for note in ended.notes if KEPT in note and "users" in note]
            assert len(said) <= 1
            await assert_in_step(w)

    run(story())


# -- more than are asked for ----------------------------------------------------


@pytest.mark.parametrize("clean", [True, False])
def test_of_many_a_sample_decides(
    database_url: str, clean: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_CONFIRMED", 3)

    async def story() -> None:
        async with world(database_url, directory(), page_size=7) as w:
            await w.sync()
            users, gone = await w.users(), leave(w, 8)
            if not clean:
                omit(w, index=6)
            report = await w.sync(full=True)
            if clean:
                assert report["users"]["deleted"] == len(gone)
                (note,) = [note for note in report["notes"] if "were not returned" in note]
                assert "8 users" in note
                assert "the first 3" in note
                assert "the other 5 count as gone" in note
                await assert_in_step(w)
                return
            left = users.keys() - (await w.users()).keys()
            assert left < gone
            assert len(left) == 2
            assert any("the other 6 were kept" in note for note in report["notes"])
            assert (await w.sync())["mode"] == "initial"
            await w.sync()
            await assert_in_step(w)

    run(story())


def test_nothing_at_all_is_never_believed_without_a_person(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_CONFIRMED", 3)

    async def story() -> None:
        async with world(database_url, directory()) as w:
            await w.sync()
            users = await w.users()
            assert not w.config.safeguard.enabled
            omit(w, index=0, times=999)
            report = await w.sync(full=True)
            assert (await w.users()).keys() == users.keys()
            assert any("returned only 0 of 30 known users" in note for note in report["notes"])
            w.simulator.faults.clear()
            await w.sync(full=True)
            await assert_in_step(w)

    run(story())


# -- the store ------------------------------------------------------------------


def test_spared_objects_count_as_seen_and_only_they(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, directory(5), page_size=7) as w:
            await w.sync()
            store = w.store()
            lease = await store.claim("test", 60)
            assert lease is not None
            for kind in (USER, GROUP):
                await store.begin_initial(kind)
                ids = await store.absent(kind, 1_000)
                assert len(await store.absent(kind, 2)) == 2
                assert await store.spare(kind, ids[:2], lease, unsure=False) == len(ids) - 2
                assert await store.absent(kind, 1_000) == ids[:2]
                assert (await store.cursor(kind)).gaps is Gaps.none
                assert await store.spare(kind, [], lease, unsure=True) == 2
                assert await store.absent(kind, 1_000) == []
                assert (await store.cursor(kind)).gaps is Gaps.named
                end = SourcePage((), delta_cursor="the end")
                await store.merge_page(kind, end, lease)
                assert await store.sweep(kind, lease) == 0
            edges = await w.database.session.value("SELECT COUNT(*) FROM mirror_member")
            assert edges > 0
            gone = await store.records(ids)
            assert {one.presence for one in gone.values()} == {Presence.present}
            await store.release(lease)
            with pytest.raises(LeaseLost):
                await store.spare(USER, [], lease, unsure=True)

    run(story())
