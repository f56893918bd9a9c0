"""Whole syncs into a remote server: it ends equal to the directory, killed or not."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azure_adapter.remote import BearerToken, RemoteSettings, RemoteTarget
from azure_adapter.simulator import Directory, GeneratorOptions, churn, generate
from azure_adapter.sync.config import DeletionPolicy
from azure_adapter.sync.summary import summary
from scim.provisioning.records import RunStatus
from scim.provisioning.source import ObjectKind
from tests.databases import run
from tests.remote import support
from tests.remote.crooked import Crooked, Cut, error, on, times
from tests.remote.test_contract import remote
from tests.sync.oracle import expected_groups, expected_users, observed_users
from tests.sync.test_crash import Killed, Mortal
from tests.sync.world import World, world


def small_directory(seed: int = 3) -> Directory:
    directory = Directory(seed=seed)
    generate(directory, GeneratorOptions(users=12, groups=4, memberships=4, seed=seed))
    return directory


class Story:
    """A user sync that feeds a remote server."""

    def __init__(self, world: World, target: RemoteTarget) -> None:
        self.world = world
        self.target = target

    async def sync(self, **options: Any) -> dict[str, Any]:
        return summary(await self.world.engine(target=self.target).run(**options))

    async def killed_at(self, moment: int, *, late: bool) -> bool:
        """Run in a process that dies at a moment; tell whether it did."""
        countdown = [moment]
        engine = self.world.engine(
            store=Mortal(self.world.store(), countdown, late=late),  # type: ignore[arg-type]
            target=Mortal(self.target, countdown, late=late),
        )
        try:
            await engine.run()
        except Killed:
            return True
        return False

    async def linked(self, kind: ObjectKind) -> dict[str, str]:
        """Return the resource ids of the linked objects by Graph id."""
        rows = await self.world.database.session.rows(
            "SELECT source_id, resource_id FROM link WHERE kind = ? AND state = 'linked'",
            [kind.value],
        )
        return {row["source_id"]: row["resource_id"] for row in rows}

    async def total(self, endpoint: str) -> int:
        answer = await self.target._connection.get(endpoint, count="1")
        assert answer.body is not None
        return int(answer.body["totalResults"])

    async def assert_in_step(self, others: int = 0) -> None:
        """The server equals the directory; it has ``others`` beside it, and no duplicate."""
        users, groups = await self.linked(ObjectKind.user), await self.linked(ObjectKind.group)
        documents = await self.target.read(list(users.values()), ObjectKind.user)
        named = await self.target.read(list(groups.values()), ObjectKind.group)
        sources = {resource_id: source_id for source_id, resource_id in (users | groups).items()}
        assert observed_users(
            {source_id: documents[each] for source_id, each in users.items()}, sources
        ) == expected_users(self.world.directory)
        observed = {}
        for source_id, each in groups.items():
            members = {sources[one] for one in await self.target.members(each)}
            observed[source_id] = (named[each]["displayName"], frozenset(members))
        assert observed == expected_groups(self.world.directory)
        assert await self.total("/Users") == len(users) + others
        assert await self.total("/Groups") == len(groups)


@contextlib.asynccontextmanager
async def telling(
    database_url: str, settings: RemoteSettings, directory: Directory | None = None
) -> AsyncIterator[Story]:
    async with (
        world(database_url, directory or small_directory(), page_size=5) as w,
        support.opened(settings, links=w.store().links_of_resources) as target,
    ):
        yield Story(w, target)


@pytest.fixture
def second_url(tmp_path: Path, sqlite_template_file: Path) -> str:
    """The URL of the database of the server that is fed."""
    file = tmp_path / "second.sqlite"
    file.write_bytes(sqlite_template_file.read_bytes())
    return f"sqlite://{file}"


@pytest.mark.parametrize("kind", ["gateway singly", "peer", "bare"])
def test_it_follows_the_directory_whatever_the_server_offers(
    sqlite_url: str, second_url: str, tmp_path: Path, kind: str
) -> None:
    follow(sqlite_url, second_url, tmp_path, kind)


def test_it_follows_the_directory(database_url: str, second_url: str, tmp_path: Path) -> None:
    follow(database_url, second_url, tmp_path, "gateway")


def follow(database_url: str, second_url: str, directory: Path, kind: str) -> None:
    async def story(settings: RemoteSettings) -> None:
        async with telling(database_url, settings) as it:
            told = await it.sync()
            assert told["status"] == "succeeded", told
            await it.assert_in_step()
            for round_ in range(2):
                churn(it.world.directory, random.Random(round_), amount=15)
                told = await it.sync()
                assert told["status"] == "succeeded", told
                await it.assert_in_step()
            before = await it.sync(full=True)
            assert before["status"] == "succeeded"
            assert sum(before[each]["updated"] for each in ("users", "groups")) == 0, before
            await it.assert_in_step()

    with remote(kind, second_url, directory) as settings:
        run(story(settings))


@pytest.mark.parametrize(("kind", "late"), [("gateway", False), ("gateway singly", True)])
def test_killed_again_and_again_it_makes_nobody_twice(
    sqlite_url: str, second_url: str, tmp_path: Path, kind: str, late: bool
) -> None:
    async def story(settings: RemoteSettings) -> None:
        async with telling(sqlite_url, settings) as it:
            moment, deaths = 1, 0
            while await it.killed_at(moment, late=late):
                moment, deaths = moment + 3, deaths + 1
            assert deaths >= 5
            await it.assert_in_step()
            churn(it.world.directory, random.Random(5), amount=15)
            moment = 1
            while await it.killed_at(moment, late=late):
                moment += 2
            await it.assert_in_step()
            assert (await it.sync())["status"] == "succeeded"

    with remote(kind, second_url, tmp_path) as settings:
        run(story(settings))


@pytest.mark.parametrize("created", ["/Users", "/Groups"])
def test_killed_between_the_creation_and_its_record_it_repeats_the_batch(
    database_url: str, second_url: str, tmp_path: Path, created: str
) -> None:
    """The server made them all, and nothing of that was written down."""

    class Lost:
        transactional = False

        def __init__(self, target: RemoteTarget) -> None:
            self._target = target
            self.done = False

        def __getattr__(self, name: str) -> Any:
            return getattr(self._target, name)

        async def apply(self, operations: Any) -> Any:
            outcomes = await self._target.apply(operations)
            if operations[0].path == created and operations[0].method == "POST":
                self.done = True
                assert all(each.ok for each in outcomes)
                raise Killed
            return outcomes

    async def story(settings: RemoteSettings) -> None:
        async with telling(database_url, settings) as it:
            dying = Lost(it.target)
            with pytest.raises(Killed):
                await it.world.engine(target=dying).run()
            assert dying.done
            made = await it.total(created)
            assert made > 0
            assert (await it.sync())["status"] == "succeeded"
            assert await it.total(created) == made
            await it.assert_in_step()

    with remote("gateway", second_url, tmp_path) as settings:
        run(story(settings))


def test_users_who_were_there_before_are_joined_and_never_deleted(
    sqlite_url: str, second_url: str, tmp_path: Path
) -> None:
    async def story(settings: RemoteSettings) -> None:
        async with telling(sqlite_url, settings) as it:
            ids = [each.id for each in it.world.directory.live("user")]
            names = {
                each.id: each.attrs["userPrincipalName"] for each in it.world.directory.live("user")
            }
            known = [support.create_user("", names[each]) for each in ids[:2]]
            stranger = support.create_user("other", "stranger@elsewhere.example")
            before = [each.resource_id for each in await it.target.apply([*known, stranger])]
            assert (await it.sync())["status"] == "succeeded"
            linked = await it.linked(ObjectKind.user)
            assert [linked[each] for each in ids[:2]] == before[:2]
            await it.assert_in_step(others=1)
            it.world.directory.delete_user(ids[0])
            it.world.directory.delete_user(ids[2])
            await it.sync()
            left = await it.target.read([before[0], linked[ids[2]]])
            assert list(left) == [before[0]]
            assert left[before[0]]["active"] is False
            await it.assert_in_step(others=2)

    with remote("gateway", second_url, tmp_path) as settings:
        run(story(settings))


def test_a_person_who_comes_back_is_made_anew(
    sqlite_url: str, second_url: str, tmp_path: Path
) -> None:
    """Nothing can be restored on a server that only speaks SCIM."""

    async def story(settings: RemoteSettings) -> None:
        async with telling(sqlite_url, settings) as it:
            await it.sync()
            someone = next(iter(it.world.directory.live("user"))).id
            first = (await it.linked(ObjectKind.user))[someone]
            it.world.directory.delete_user(someone)
            await it.sync()
            await it.assert_in_step()
            it.world.directory.restore_user(someone)
            await it.sync()
            await it.sync()
            await it.assert_in_step()
            assert (await it.linked(ObjectKind.user))[someone] != first

    with remote("gateway", second_url, tmp_path) as settings:
        run(story(settings))


def test_leavers_are_disabled_where_that_is_the_policy(
    sqlite_url: str, second_url: str, tmp_path: Path
) -> None:
    async def story(settings: RemoteSettings) -> None:
        async with telling(sqlite_url, settings) as it:
            it.world.configure(deletion_policy=DeletionPolicy.deactivate)
            await it.sync()
            someone = next(iter(it.world.directory.live("user"))).id
            resource_id = (await it.linked(ObjectKind.user))[someone]
            it.world.directory.delete_user(someone)
            assert (await it.sync())["status"] == "succeeded"
            assert (await it.target.read([resource_id]))[resource_id]["active"] is False

    with remote("gateway", second_url, tmp_path) as settings:
        run(story(settings))


def test_a_server_with_hiccups_is_fed_all_the_same(
    sqlite_url: str, odd: tuple[RemoteSettings, Crooked]
) -> None:
    settings, app = odd
    chance = random.Random(11)
    mishaps = [
        error(429, retry_after="3"),
        error(503, "Busy."),
        error(500, "Sorry."),
        Cut(),
        Cut(after=True),
        Cut(after=True, bytes_first=15),
    ]

    def hiccup(_seen: Any) -> Any:
        return chance.choice(mishaps) if chance.random() < 0.15 else None

    async def story() -> None:
        async with telling(sqlite_url, settings) as it:
            app.rules = [hiccup]
            await it.sync()
            for round_ in range(3):
                churn(it.world.directory, random.Random(round_), amount=12)
                await it.sync()
            app.rules = []
            for _ in range(4):
                told = await it.sync()
            assert told["status"] == "succeeded", told
            await it.assert_in_step()

    run(story())


def test_an_outage_fails_the_run_with_advice_and_the_next_one_goes_on(
    sqlite_url: str, odd: tuple[RemoteSettings, Crooked]
) -> None:
    settings, app = odd

    async def story() -> None:
        async with telling(sqlite_url, replace(settings, bulk=False)) as it:
            app.rules = [lambda _: error(503, "Down.")]
            run_ = await it.world.engine(target=it.target).run()
            assert (run_.status, run_.code) == (RunStatus.failed, "server_error")
            assert "Down." in run_.message
            assert run_.advice
            app.rules = [times(10_000, on("POST", "/Users", error(401)))]
            run_ = await it.world.engine(target=it.target).run()
            assert (run_.status, run_.code) == (RunStatus.failed, "unauthorized")
            app.rules = []
            assert (await it.sync())["status"] == "succeeded"
            await it.assert_in_step()

    run(story())


def test_nobody_there(sqlite_url: str) -> None:
    async def story() -> None:
        settings = RemoteSettings("http://127.0.0.1:9/scim", BearerToken("t"))
        async with telling(sqlite_url, settings) as it:
            run_ = await it.world.engine(target=it.target).run()
            assert (run_.status, run_.code) == (RunStatus.failed, "unreachable")

    run(story())
