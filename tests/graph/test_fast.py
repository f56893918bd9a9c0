"""The fast initial read: complete, gap-free, resumable, and only where it is safe."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from azure_adapter.graph import FastRead, GraphClient, GraphEndpoints, GraphReader
from azure_adapter.graph.ahead import in_parallel, read_ahead
from azure_adapter.graph.position import Position
from azure_adapter.simulator import (
    Directory,
    Fault,
    GeneratorOptions,
    Simulator,
    churn,
    create_app,
    generate,
)
from scim.provisioning.records import SourceCursorExpired, SourceUnavailable
from scim.provisioning.source import ObjectKind, SourcePage
from tests.graph.support import GRAPH, GROUPS, USERS, FakeTime, rig, run
from tests.graph.test_reader import Mirror

FAST = FastRead(least_users=1, least_groups=1, page=7, parallel=3)


def directory(users: int = 60, groups: int = 30, seed: int = 5) -> Directory:
    one = generate(
        Directory(seed=seed), GeneratorOptions(users=users, groups=groups, memberships=9)
    )
    for entry in list(one.deleted("user")):
        one.purge_user(entry.id)
    live = list(one.live("user"))
    one.update_user(live[0].id, displayName="First") if live else None
    if live[0].manager is None:
        one.set_manager(live[0].id, live[1].id)
    return one


@asynccontextmanager
async def fast(
    source: Directory, settings: FastRead = FAST
) -> AsyncIterator[tuple[GraphReader, Simulator]]:
    app = create_app(source, page_size=5, link_limit=20)
    simulator: Simulator = app.state.simulator
    issued = simulator.tokens.issue(source, issuer="x", audience=GRAPH, lifetime=1e6)

    class Issued:
        async def token(self, refused: str | None = None) -> str:
            return issued

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as http:
        client = GraphClient(GraphEndpoints(), Issued(), pace=FakeTime().pace(), http=http)
        yield GraphReader(client, settings), simulator


async def read(
    reader: GraphReader, kind: ObjectKind, cursor: str | None = None
) -> list[SourcePage]:
    return [one async for one in reader.pages(kind, cursor)]


def edit(source: Directory, chance: random.Random, count: int) -> None:
    """Change the directory, without restores: those are a test of their own."""
    for _ in range(count):
        users = [entry.id for entry in source.live("user")]
        groups = [entry.id for entry in source.live("group")]
        one, other, group = chance.choice(users), chance.choice(users), chance.choice(groups)
        members = sorted(set(source.get(group).members or ()) & set(users))  # type: ignore[union-attr]
        match chance.randrange(7):
            case 0:
                source.update_user(one, displayName=f"Name {chance.random()}")
            case 1:
                source.update_user(one, department=None)
            case 2 if len(users) > 10:
                source.delete_user(one)
            case 3 if one != other:
                source.set_manager(one, other)
            case 4 if len(groups) > 5:
                source.delete_group(group)
            case 5 if members:
                source.remove_member(group, members[0])
            case _ if one not in members:
                source.add_member(group, one)


async def caught_up(
    reader: GraphReader, kind: ObjectKind, mirror: Mirror, cursor: str | None
) -> tuple[Mirror, str | None]:
    """Read to the end as the engine does: an expired cursor begins everything anew."""
    try:
        pages = await read(reader, kind, cursor)
    except SourceCursorExpired:
        mirror, pages = Mirror(), await read(reader, kind)
    mirror.merge(pages)
    return mirror, pages[-1].delta_cursor


def check_against(mirror: Mirror, source: Directory, kind: str) -> None:
    """Compare a mirror with the directory, as far as live objects go.

    Listings omit deleted and service principal members, and give what was never set as null.
    """
    entries = {entry.id: entry for entry in source.live(kind)}
    assert mirror.objects.keys() == entries.keys()
    live = {entry.id for name in ("user", "group") for entry in source.live(name)}
    for object_id, entry in entries.items():
        told = mirror.objects[object_id]
        assert {told.get("manager")} & live == {entry.manager} & live
        for name in told.keys() - {"manager"}:
            assert (told[name] or None) == (entry.attrs.get(name) or None)
        hidden = entry.attrs.get("visibility") == "HiddenMembership"
        expected = set() if hidden else set(entry.members or ())
        assert mirror.members.get(object_id, set()) & live == expected & live


def listed(simulator: Simulator) -> set[str]:
    return {one.path for one in simulator.requests if not one.path.endswith("/delta")}


@pytest.mark.parametrize("kind", [USERS, GROUPS])
def test_everything_comes_and_then_the_changes(kind: ObjectKind) -> None:
    source = directory()

    async def main() -> None:
        async with fast(source) as (reader, simulator):
            mirror = Mirror()
            pages = await read(reader, kind)
            assert f"/v1.0/{kind.value}s" in listed(simulator)
            mirror.merge(pages)
            check_against(mirror, source, kind.value)
            for turn in range(3):
                churn(source, random.Random(turn), 25)
                cursor = pages[-1].delta_cursor
                assert cursor is not None
                pages = await read(reader, kind, cursor)
                mirror.merge(pages)
                check_against(mirror, source, kind.value)
            assert simulator.writes == []
            sent = {(one.method, one.path) for one in simulator.requests if one.method != "GET"}
            assert sent <= {("POST", "/v1.0/$batch")}

    run(main())


@pytest.mark.parametrize("kind", [USERS, GROUPS])
@pytest.mark.parametrize("stop", [1, 3, 5])
def test_a_read_that_breaks_off_goes_on_without_a_gap(kind: ObjectKind, stop: int) -> None:
    """Everything that changes between the pages, and between the runs, is in the end known."""
    source = directory()

    async def main() -> None:
        async with fast(source) as (reader, _):
            mirror, cursor, chance = Mirror(), None, random.Random(f"{stop}{kind}")
            for _ in range(2):
                pages, count = reader.pages(kind, cursor), 0
                async for one in pages:
                    mirror.merge([one])
                    cursor = one.next_cursor or one.delta_cursor or cursor
                    edit(source, chance, 4)
                    count += 1
                    if count == stop:
                        break
                await pages.aclose()
            mirror, cursor = await caught_up(reader, kind, mirror, cursor)
            mirror, _ = await caught_up(reader, kind, mirror, cursor)
            check_against(mirror, source, kind.value)

    run(main())


def test_what_changes_while_everything_is_listed_is_told() -> None:
    source = directory()

    async def main() -> None:
        async with fast(source) as (reader, _):
            for kind in (USERS, GROUPS):
                mirror = Mirror()
                async for one in reader.pages(kind, None):
                    mirror.merge([one])
                    edit(source, random.Random(len(mirror.objects)), 3)
                    cursor = one.delta_cursor
                mirror, _ = await caught_up(reader, kind, mirror, cursor)
                check_against(mirror, source, kind.value)

    run(main())


def test_a_restored_user_makes_everything_be_read_again() -> None:
    source = directory()
    (gone, purged) = [entry.id for entry in source.live("user")][2:4]
    source.delete_user(gone)
    source.delete_user(purged)

    async def main() -> None:
        async with fast(source) as (reader, simulator):
            for kind in (USERS, GROUPS):
                pages = await read(reader, kind)
                cursor = pages[-1].delta_cursor
                position = Position.parse(cursor or "")
                assert position is not None
                assert position.watched == {gone, purged}
                assert Position.parse(position.text()) == position
                if kind is GROUPS:
                    source.purge_user(purged)
                after = await read(reader, kind, cursor)
                kept = Position.parse(after[-1].delta_cursor or "")
                assert kept is not None
                assert kept.watched == ({gone} if kind is GROUPS else {gone, purged})
            source.restore_user(gone)
            with pytest.raises(SourceCursorExpired) as caught:
                await read(reader, GROUPS, after[-1].delta_cursor)
            assert caught.value.code == "restored_since_listing"
            simulator.faults.add(Fault("server_error", path="/v1.0/directory", times=99))
            with pytest.raises(SourceUnavailable):
                await read(reader, GROUPS, after[-1].delta_cursor)

    run(main())


@pytest.mark.parametrize("reason", ["small", "off", "managers", "deleted", "broken"])
def test_the_chain_is_read_where_listing_is_no_good(reason: str) -> None:
    source = directory()
    settings = FAST
    if reason == "small":
        settings = FastRead(least_users=61)
    if reason == "managers":
        for entry in list(source.live("user")):
            if entry.manager is not None:
                source.set_manager(entry.id, None)
    if reason == "deleted":
        source.delete_user(next(source.live("user")).id)
        settings = FastRead(least_users=1, most_watched=0)

    async def main() -> None:
        async with fast(source, settings) as (reader, simulator):
            if reason == "off":
                reader = GraphReader(reader._client)
            if reason == "broken":
                simulator.faults.add(Fault("server_error", path="/v1.0/users", times=6))
            mirror = Mirror()
            pages = await read(reader, USERS)
            mirror.merge(pages)
            check_against(mirror, source, "user")
            assert all("ezto" not in (one.next_cursor or "") for one in pages)

    run(main())


def test_groups_with_more_members_than_a_page_and_groups_that_go() -> None:
    source = directory()
    big = source.add_group(displayName="Everybody")
    for entry in list(source.live("user")):
        source.add_member(big, entry.id)

    async def main() -> None:
        async with fast(source) as (reader, simulator):
            mirror = Mirror()
            async for one in reader.pages(GROUPS, None):
                mirror.merge([one])
                if one.next_cursor and any(source.live("group")) and len(mirror.objects) < 20:
                    source.delete_group(list(source.live("group"))[-2].id)
            check_against(mirror, source, "group")
            assert len(mirror.members[big]) == 60
            assert simulator.faults.faults == []

    run(main())


def test_members_that_stay_unreadable_stop_the_run() -> None:
    source = directory()

    async def main() -> None:
        async with fast(source) as (reader, simulator):
            simulator.faults.add(Fault("server_error", path="/v1.0/$batch", times=99))
            with pytest.raises(SourceUnavailable):
                await read(reader, GROUPS)

    run(main())


# -- reading ahead -------------------------------------------------------------


def test_reading_ahead_stops_with_its_reader() -> None:
    fetched: list[int] = []
    closed: list[bool] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(9):
                fetched.append(number)
                yield number
        finally:
            closed.append(True)

    async def main() -> None:
        source = numbers()
        ahead = read_ahead(source)
        assert await anext(ahead) == 0
        await asyncio.sleep(0)
        await ahead.aclose()
        await source.aclose()  # type: ignore[attr-defined]
        assert fetched in ([0], [0, 1])
        assert closed == [True]
        assert [one async for one in read_ahead(numbers())] == list(range(9))

    run(main())


def test_work_in_parallel_is_bounded_ordered_and_cancelled() -> None:
    running: set[int] = set()
    most = 0

    async def work(number: int) -> int:
        nonlocal most
        running.add(number)
        most = max(most, len(running))
        try:
            for _ in range(10 - number % 3):
                await asyncio.sleep(0)
            if number == 77:
                raise ValueError("broken")
            return number
        finally:
            running.discard(number)

    async def main() -> None:
        assert [one async for one in in_parallel(work, range(20), 4)] == list(range(20))
        assert most == 4
        with pytest.raises(ValueError, match="broken"):
            [one async for one in in_parallel(work, range(70, 90), 4)]
        assert running == set()

    run(main())


def test_a_position_is_the_link_itself_where_there_is_no_more() -> None:
    link = f"{GRAPH}/v1.0/users/delta?$deltatoken=x"
    assert Position(link).text() == link
    assert Position.parse(link) == Position(link)
    whole: dict[str, Any] = {"listing": f"{GRAPH}/v1.0/users?$skiptoken=y"}
    one = Position(link, **whole, watched=frozenset({"b", "a"}))
    assert Position.parse(one.text()) == one
    assert one.moved(None) is None
    foreign = Position(link, "https://evil.example/v1.0/users").text()

    async def main() -> None:
        with pytest.raises(SourceCursorExpired):
            await read(GraphReader(rig().client, FAST), USERS, foreign)

    run(main())
