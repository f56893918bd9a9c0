"""Undo of a run: a reviewed plan on a paused sync that takes back exactly what the run did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from azure_adapter.simulator import Directory
from azure_adapter.sync.config import DeletionPolicy
from azure_adapter.sync.refusals import NothingToUndo, NotPaused
from scim.provisioning.authority import DASHBOARD
from scim.provisioning.records import RunKind, RunRecord
from tests.databases import run
from tests.sync.plans import DONE, PENDING, Action, people, rows
from tests.sync.test_approvals import edit_here
from tests.sync.world import World, assert_in_step, world

Change = Callable[[World, Directory, list[str], list[str]], Awaitable[None]]


async def pause(w: World, *, paused: bool = True) -> None:
    async with w.database.transaction() as session:
        await session.execute("UPDATE user_sync SET paused = ?", [paused])


async def undo(w: World, undone: RunRecord) -> RunRecord:
    """Undo a run on the paused sync: preview, and apply what it shows."""
    await pause(w)
    reviewed = await w.engine().undo(undone.id, actor="ada")
    assert (reviewed.kind, reviewed.preview, reviewed.undoes_run) == (
        RunKind.undo,
        True,
        undone.id,
    )
    planned = await rows(w, reviewed, status=PENDING)
    done = await w.engine().apply(reviewed.id, reviewed.checksum, actor="ada")
    w.runs.append(done)
    applied = await rows(w, done, status=DONE)
    assert [row.operation for row in applied] == [row.operation for row in planned]
    return done


async def store(w: World) -> dict[str, Any]:
    """Return everything that anybody sees of users and groups, by resource id."""
    session = w.database.session
    found = await session.rows("SELECT id, authority, joined, document FROM resource")
    members = await session.rows(
        "SELECT g.id AS g, u.id AS u FROM membership AS m JOIN resource AS g ON g.row_id = "
        "m.group_id JOIN resource AS u ON u.row_id = m.member_id"
    )
    import orjson

    seen = {}
    for row in found:
        document = {k: v for k, v in orjson.loads(row["document"]).items() if k != "meta"}
        inside = {each["u"] for each in members if each["g"] == row["id"]}
        seen[row["id"]] = (row["authority"], bool(row["joined"]), document, inside)
    return seen


async def changes(w: World, d: Directory, users: list[str], teams: list[str]) -> None:
    d.update_user(users[0], displayName="Other", givenName="O", jobTitle="Buyer", city="Bern")
    d.update_user(users[1], accountEnabled=False, userPrincipalName="new1@contoso.com")
    d.set_manager(users[2], users[3])
    d.rename_group(teams[0], "Renamed")


async def arrivals(w: World, d: Directory, users: list[str], teams: list[str]) -> None:
    boss = d.add_user(userPrincipalName="boss@contoso.com", displayName="Boss", mail="b@c.com")
    new = d.add_user(userPrincipalName="new@contoso.com", displayName="New")
    team = d.add_group(displayName="New team")
    d.set_manager(new, boss)
    d.set_manager(users[0], boss)
    d.add_member(teams[0], new)
    d.add_member(team, users[1])
    d.add_member(team, new)


async def departures(w: World, d: Directory, users: list[str], teams: list[str]) -> None:
    d.delete_user(users[0])
    d.delete_user(users[1])
    d.delete_group(teams[1])
    d.remove_member(teams[0], users[2])


async def returns(w: World, d: Directory, users: list[str], teams: list[str]) -> None:
    d.restore_user(users[5])
    d.update_user(users[5], displayName="Back again")


async def swap(w: World, d: Directory, users: list[str], teams: list[str]) -> None:
    """Three names go round, and a new object takes over the name of a leaver."""
    names = [f"p{number}@contoso.com" for number in range(3)]
    for number in range(3):
        d.update_user(users[number], userPrincipalName=f"moving{number}@contoso.com")
    for number in range(3):
        d.update_user(users[number], userPrincipalName=names[(number + 1) % 3])
    d.delete_user(users[3])
    d.add_user(userPrincipalName="p3@contoso.com", displayName="Heir")


async def joining(w: World, d: Directory, users: list[str], teams: list[str]) -> None:
    await w.add_dashboard_user(userName="hand@contoso.com", displayName="By hand", title="Boss")
    d.add_user(userPrincipalName="hand@contoso.com", displayName="From Azure")


CHANGES = {each.__name__: each for each in (changes, arrivals, departures, returns, swap, joining)}


@pytest.mark.parametrize("word", sorted(CHANGES))
def test_undo_takes_back_what_a_run_did(database_url: str, word: str) -> None:
    async def story() -> None:
        directory, users, teams = people(6, groups=2)
        directory.add_member(teams[0], teams[1])
        async with world(database_url, directory) as w:
            await w.sync()
            directory.delete_user(users[5])
            await w.sync()
            before = await store(w)
            await CHANGES[word](w, directory, users, teams)
            if word == "joining":
                before = await store(w)
            assert (await w.sync())["status"] == "succeeded"
            changed = await store(w)
            assert changed != before
            await undo(w, w.runs[-1])
            assert await store(w) == before
            await pause(w, paused=False)
            assert (await w.sync())["status"] == "succeeded"
            await assert_in_step(w)

    run(story())


def test_undo_under_deactivate_turns_people_on_again(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(6, groups=1)
        async with world(database_url, directory) as w:
            w.configure(deletion_policy=DeletionPolicy.deactivate)
            await w.sync()
            before = await store(w)
            directory.delete_user(users[0])
            directory.delete_user(users[1])
            directory.add_user(userPrincipalName="p1@contoso.com", displayName="Heir")
            await w.sync()
            assert not (await w.users())[users[0]]["active"]
            await undo(w, w.runs[-1])
            assert await store(w) == before

    run(story())


def test_undo_of_letting_go_joins_again(database_url: str) -> None:
    async def story() -> None:
        directory, _, _ = people(3)
        async with world(database_url, directory) as w:
            await w.add_dashboard_user(userName="hand@contoso.com", displayName="By hand")
            joined = directory.add_user(userPrincipalName="hand@contoso.com", displayName="Joined")
            await w.sync()
            before = await store(w)
            directory.delete_user(joined)
            await w.sync()
            assert (await store(w)) != before
            done = await undo(w, w.runs[-1])
            (row,) = await rows(w, done, status=DONE)
            assert row.operation.action is Action.take_over
            assert await store(w) == before
            await pause(w, paused=False)
            await w.sync()
            assert await w.store().records([joined]) is not None

    run(story())


def test_what_changed_since_is_left_alone_and_said(database_url: str) -> None:
    async def story() -> None:
        directory, users, teams = people(4, groups=1)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.update_user(users[0], jobTitle="Buyer", city="Bern")
            new = directory.add_user(userPrincipalName="n@contoso.com", displayName="New")
            gone = directory.add_user(userPrincipalName="g@contoso.com", displayName="Gone")
            directory.remove_member(teams[0], users[1])
            await w.sync()
            undone = w.runs[-1]
            await edit_here(w, users[0], "title", "By hand")
            await edit_here(w, new, "nickName", "Newbie")
            documents = await w.users()
            user_type = w.target()._service.get_resource_type("User")
            await w.resources().delete(user_type, documents[gone]["id"])
            await pause(w)
            reviewed = await w.engine().undo(undone.id)
            notes = {
                row.operation.source_id: row.message
                for row in await rows(w, reviewed, code="cannot_undo")
            }
            assert "title" in notes[users[0]]
            assert "nickName" in notes[new]
            assert "gone" in notes[gone]
            await w.engine().apply(reviewed.id, reviewed.checksum)
            after = await w.users()
            assert after[users[0]]["title"] == "By hand"
            assert "addresses" not in after[users[0]]
            assert new in after
            assert users[1] in (await w.groups())[teams[0]][1]

    run(story())


def test_the_old_name_of_somebody_may_be_taken(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(3)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.update_user(users[0], userPrincipalName="x@contoso.com", jobTitle="Buyer")
            directory.delete_user(users[1])
            await w.sync()
            undone = w.runs[-1]
            for number in range(2):
                await w.add_dashboard_user(userName=f"p{number}@contoso.com")
            await pause(w)
            reviewed = await w.engine().undo(undone.id)
            notes = await rows(w, reviewed, code="cannot_undo")
            assert len(notes) == 2
            assert all("is taken by" in row.message for row in notes)
            done = await w.engine().apply(reviewed.id, reviewed.checksum)
            assert done.status == "succeeded"
            after = await w.users()
            assert after[users[0]]["userName"] == "x@contoso.com"
            assert "title" not in after[users[0]]
            assert users[1] not in after

    run(story())


def test_an_undo_is_refused_where_it_makes_no_sense(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(2)
        async with world(database_url, directory) as w:
            await w.sync()
            await w.sync()
            await pause(w)
            with pytest.raises(NothingToUndo):
                await w.engine().undo(w.runs[-1].id)
            reviewed = await w.engine().undo(w.runs[0].id)
            await pause(w, paused=False)
            with pytest.raises(NotPaused):
                await w.engine().apply(reviewed.id, reviewed.checksum)
            await pause(w)
            await w.engine().apply(reviewed.id, reviewed.checksum)
            assert not await w.users()
            undone = w.store()
            (last, *_) = await undone.runs()
            assert last.undoes_run == w.runs[0].id
            again = await w.engine().undo(last.id)
            await w.engine().apply(again.id, again.checksum)
            assert set(await w.users()) == set(users)

    run(story())


def test_a_dashboard_user_is_given_back_as_it_was(database_url: str) -> None:
    async def story() -> None:
        directory, _, _ = people(2)
        async with world(database_url, directory) as w:
            await w.sync()
            kept = await w.add_dashboard_user(
                userName="hand@contoso.com", displayName="By hand", active=False
            )
            before = await w.resources(DASHBOARD).documents([kept])
            directory.add_user(
                userPrincipalName="hand@contoso.com", displayName="Azure", accountEnabled=True
            )
            await w.sync()
            await undo(w, w.runs[-1])
            after = await w.resources(DASHBOARD).documents([kept])
            for document in (before[kept], after[kept]):
                del document["meta"]
            assert after == before
            assert str((await w.target().authorities([kept]))[kept].source) == "dashboard"

    run(story())
