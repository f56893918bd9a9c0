"""Quarantine: what trips is held with what depends on it; everything else goes through."""

from __future__ import annotations

from dataclasses import replace

from azure_adapter.sync.config import DeletionPolicy
from tests.databases import run
from tests.sync.plans import (
    DONE,
    HELD,
    LIMITS,
    Action,
    memberships,
    people,
    rows,
    state,
)
from tests.sync.world import World, assert_in_step, world

TIGHT = replace(LIMITS, percent=10, at_least=1)


async def quarantined(w: World) -> None:
    """Sync, and expect that something is held."""
    assert (await w.sync())["status"] == "quarantined"


def test_a_leaver_whose_deletion_is_held_keeps_groups_and_name(database_url: str) -> None:
    """A new colleague who needs the name waits; everybody else's changes go through."""

    async def story() -> None:
        directory, users, teams = people(20, groups=1)
        async with world(database_url, directory) as w:
            await w.sync()
            w.configure(safeguard=TIGHT)
            for user in users[:4]:
                directory.delete_user(user)
            directory.remove_member(teams[0], users[5])
            heir = directory.add_user(
                userPrincipalName="p0@contoso.com", displayName="Heir", accountEnabled=True
            )
            directory.add_member(teams[0], heir)
            directory.set_manager(users[6], heir)
            directory.update_user(users[7], jobTitle="Promoted")
            await quarantined(w)
            last = w.runs[-1]
            assert len(await rows(w, last, action=Action.delete, status=HELD)) == 4
            (created,) = await rows(w, last, action=Action.create)
            assert (created.status, created.code) == (HELD, "depends")
            assert "'p0@contoso.com'" in created.message
            (boss,) = await rows(w, last, action=Action.assign_manager)
            assert (boss.status, boss.code) == (HELD, "depends")
            (added,) = await rows(w, last, action=Action.add_members)
            assert (added.status, added.code) == (HELD, "depends")
            removed = await rows(w, last, action=Action.remove_members)
            assert sorted(row.status for row in removed) == [DONE, HELD]
            assert await memberships(w, teams[0]) == frozenset(users) - {users[5]}
            documents = await w.users()
            assert documents[users[0]]["userName"] == "p0@contoso.com"
            assert documents[users[7]]["title"] == "Promoted"
            assert await state(w) == ("quarantined", last.notes[0])
            await w.engine().allow(last.id, None, trigger="manual", actor="admin")
            await assert_in_step(w)
            assert await state(w) == ("ready", "")

    run(story())


def test_who_is_held_under_deactivate_is_not_renamed(database_url: str) -> None:
    async def story() -> None:
        directory, users, teams = people(12, groups=1)
        async with world(database_url, directory) as w:
            w.configure(deletion_policy=DeletionPolicy.deactivate)
            await w.sync()
            w.configure(safeguard=TIGHT)
            for user in users[:3]:
                directory.delete_user(user)
            directory.add_user(
                userPrincipalName="p1@contoso.com", displayName="Heir", accountEnabled=True
            )
            await quarantined(w)
            last = w.runs[-1]
            assert {row.operation.action for row in await rows(w, last, status=HELD)} == {
                Action.disable,
                Action.release_name,
                Action.create,
                Action.remove_members,
            }
            documents = await w.users()
            assert documents[users[1]]["userName"] == "p1@contoso.com"
            assert documents[users[1]]["active"] is True
            assert await memberships(w, teams[0]) == frozenset(users)

    run(story())


def test_names_that_hang_on_a_held_rename_are_held_to_the_end(database_url: str) -> None:
    """x is disabled and renamed, y takes x's name, z takes y's: all of it waits for x."""

    async def story() -> None:
        directory, users, _ = people(10)
        async with world(database_url, directory) as w:
            await w.sync()
            w.configure(safeguard=replace(LIMITS, percent=0, at_least=0))
            x, y, z = users[:3]
            directory.update_user(x, userPrincipalName="new@contoso.com", accountEnabled=False)
            directory.update_user(y, userPrincipalName="p0@contoso.com")
            directory.update_user(z, userPrincipalName="p1@contoso.com")
            directory.update_user(users[3], jobTitle="Buyer")
            await quarantined(w)
            documents = await w.users()
            assert [documents[user]["userName"] for user in (x, y, z)] == [
                f"p{number}@contoso.com" for number in range(3)
            ]
            assert documents[users[3]]["title"] == "Buyer"
            assert not await rows(w, w.runs[-1], action=Action.release_name, status=DONE)
            await w.engine().allow(w.runs[-1].id, None, trigger="manual", actor="admin")
            await assert_in_step(w)

    run(story())


def test_memberships_are_weighed_without_those_who_leave(database_url: str) -> None:
    """Two leave (few enough) while a third of the memberships of others is dropped."""

    async def story() -> None:
        directory, users, teams = people(20, groups=2)
        async with world(database_url, directory) as w:
            await w.sync()
            w.configure(safeguard=replace(LIMITS, percent=20, at_least=3))
            for user in users[:2]:
                directory.delete_user(user)
            for user in users[4:18]:
                directory.remove_member(teams[0], user)
            await quarantined(w)
            last = w.runs[-1]
            (held,) = await rows(w, last, status=HELD)
            assert held.code == "membership_removals"
            assert "remove 14 of " in held.message
            assert len(held.operation.before["members"]) == 14
            assert len(await rows(w, last, action=Action.delete, status=DONE)) == 2
            assert await memberships(w, teams[0]) == frozenset(users[2:])
            await w.engine().allow(last.id, [held.seq], trigger="manual", actor="admin")
            await assert_in_step(w)

    run(story())


def test_groups_that_would_be_empty_are_held(database_url: str) -> None:
    """Of eight teams everybody is removed, too few memberships to be held for themselves."""

    async def story() -> None:
        directory, users, teams = people(6, groups=8)
        async with world(database_url, directory) as w:
            keeping = directory.add_group(displayName="Everybody")
            for number in range(40):
                upn = f"more{number}@contoso.com"
                more = directory.add_user(userPrincipalName=upn, displayName=upn)
                directory.add_member(keeping, more)
            await w.sync()
            w.configure(safeguard=replace(LIMITS, percent=60, at_least=7))
            for team in teams:
                for user in users:
                    directory.remove_member(team, user)
            directory.rename_group(teams[0], "Renamed")
            await quarantined(w)
            last = w.runs[-1]
            held = await rows(w, last, status=HELD)
            assert {row.code for row in held} == {"groups_emptied"}
            assert "empty 8 of 9 groups" in held[0].message
            groups = await w.groups()
            assert groups[teams[0]] == ("Renamed", frozenset(users))

    run(story())


def test_kinds_together_may_not_leave_nobody(database_url: str) -> None:
    """Two deletions and two disables of four people: each kind alone would be few enough."""

    async def story() -> None:
        directory, users, _ = people(4)
        async with world(database_url, directory) as w:
            await w.sync()
            w.configure(safeguard=LIMITS)
            for user in users[:2]:
                directory.delete_user(user)
            for user in users[2:]:
                directory.update_user(user, accountEnabled=False)
            await quarantined(w)
            held = await rows(w, w.runs[-1], status=HELD)
            assert {row.code for row in held} == {"deletions", "disables"}
            assert all("Nobody would remain" in row.message for row in held)

    run(story())


def test_what_is_held_is_told_once_and_let_go_when_it_is_no_longer_planned(
    database_url: str,
) -> None:
    async def story() -> None:
        directory, users, _ = people(12)
        async with world(database_url, directory) as w:
            await w.sync()
            w.configure(safeguard=TIGHT)
            for user in users[:3]:
                directory.delete_user(user)
            await quarantined(w)
            first = w.runs[-1]
            assert first.counts["quarantine"] == {
                "held": 3,
                "newly_held": 3,
                "kinds": {"deletions": 3},
                "tripped": ["deletions"],
            }
            await quarantined(w)
            again = w.runs[-1].counts["quarantine"]
            assert (again["newly_held"], again["tripped"]) == (0, [])
            assert not await rows(w, first, status=HELD)
            directory.delete_user(users[3])
            await quarantined(w)
            more = w.runs[-1].counts["quarantine"]
            assert (more["held"], more["newly_held"], more["tripped"]) == (4, 1, [])
            for user in users[:4]:
                directory.restore_user(user)
            assert (await w.sync())["status"] == "succeeded"
            assert await state(w) == ("ready", "")
            assert await w.store().held_run() is None

    run(story())


def test_without_safeguards_everything_goes_through(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(6)
        async with world(database_url, directory) as w:
            await w.sync()
            w.configure(safeguard=replace(LIMITS, enabled=False))
            for user in users:
                directory.delete_user(user)
            assert (await w.sync())["users"]["deleted"] == 6

    run(story())
