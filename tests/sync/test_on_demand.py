"""Provision on demand: one person or group, dry or for real, and what each step says."""

from __future__ import annotations

from typing import Any

import pytest

from azure_adapter.simulator import Directory
from azure_adapter.sync.on_demand import OnDemand, OnDemandReport, StepName, StepStatus
from azure_adapter.sync.refusals import AlreadyRunning, SyncPaused
from scim.provisioning.records import RunKind
from scim.provisioning.source import ObjectKind
from tests.databases import run
from tests.sync.plans import LIMITS, memberships, mirror, people
from tests.sync.world import World, assert_in_step, world

USER, GROUP = ObjectKind.user, ObjectKind.group


async def provision(
    w: World, identifier: str, kind: ObjectKind = USER, *, apply: bool = True
) -> OnDemandReport:
    demand = OnDemand(w.engine(), kind, identifier, actor="ada")
    return await demand.provision(apply=apply)


def step(report: OnDemandReport, name: str) -> Any:
    return next(each for each in report.steps if each.name == name)


def actions(report: OnDemandReport) -> list[tuple[str, str]]:
    told = step(report, "apply").output.get("operations", [])
    return [(each["action"], each["status"]) for each in told]


def test_a_dry_run_shows_all_and_changes_nothing(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(3)
        async with world(database_url, directory) as w:
            await w.sync()
            new = directory.add_user(
                userPrincipalName="n@contoso.com", displayName="New", jobTitle="Buyer"
            )
            directory.set_manager(new, users[0])
            known, runs = await mirror(w), await w.store().runs()
            report = await provision(w, "n@contoso.com", apply=False)
            assert await mirror(w) == known
            assert await w.store().runs() == runs
            assert set(await w.users()) == set(users)
            assert report.ok
            assert (report.source_id, report.applied, report.run_id) == (new, False, "")
            assert [each.name for each in report.steps] == list(StepName)
            assert step(report, "read").output["manager"] == users[0]
            assert step(report, "scope").output["in_scope"]
            assert step(report, "match").input["value"] == "n@contoso.com"
            assert "created" in step(report, "match").reason
            assert step(report, "map").output["title"] == "Buyer"
            assert actions(report) == [("create", "pending")]
            assert "would be applied" in step(report, "apply").reason

    run(story())


def test_for_real_it_takes_the_way_of_every_run(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(3)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.update_user(users[0], jobTitle="Buyer")
            directory.update_user(users[1], jobTitle="Engineer")
            for identifier in (users[0], "P0@Contoso.com"):
                report = await provision(w, identifier)
                assert report.ok, report
                assert report.source_id == users[0]
            documents = await w.users()
            assert documents[users[0]]["title"] == "Buyer"
            assert "title" not in documents[users[1]]
            assert report.resource_id == documents[users[0]]["id"]
            assert step(report, "apply").reason == "Everything is as it should be."
            (last, first, *_) = await w.store().runs()
            assert (first.kind, first.trigger, first.actor) == (
                RunKind.on_demand,
                "on demand",
                "ada",
            )
            assert first.counts["users"]["updated"] == 1
            assert last.id == report.run_id
            await w.sync()
            await assert_in_step(w)

    run(story())


def test_a_group_comes_with_its_members(database_url: str) -> None:
    async def story() -> None:
        directory, users, teams = people(4, groups=1)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.remove_member(teams[0], users[0])
            directory.rename_group(teams[0], "Renamed")
            other = directory.add_group(displayName="Other")
            directory.add_member(other, users[2])
            report = await provision(w, "Renamed", GROUP)
            assert report.ok, report
            assert {action for action, _ in actions(report)} == {"update", "remove_members"}
            assert await memberships(w, teams[0]) == frozenset(users[1:])
            report = await provision(w, other, GROUP)
            assert await memberships(w, other) == {users[2]}
            report = await provision(w, "Renamed", GROUP)
            assert not actions(report)
            await w.sync()
            await assert_in_step(w)

    run(story())


def test_who_left_is_found_by_the_id(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(4)
        async with world(database_url, directory) as w:
            await w.sync()
            directory.delete_user(users[0])
            dry = await provision(w, users[0], apply=False)
            assert actions(dry) == [("delete", "pending")]
            assert "deleted in the directory" in step(dry, "read").reason
            report = await provision(w, users[0])
            assert actions(report) == [("delete", "done")]
            assert users[0] not in await w.users()
            directory.restore_user(users[0])
            report = await provision(w, users[0])
            assert actions(report) == [("restore", "done")]
            await w.sync()
            await assert_in_step(w)

    run(story())


def two_of_one_mail() -> Directory:
    directory = Directory(seed=2)
    for name in ("ann", "bob"):
        directory.add_user(
            userPrincipalName=f"{name}@contoso.com", displayName=name, mail="both@contoso.com"
        )
    for _ in range(2):
        directory.add_group(displayName="Twice")
    return directory


def test_where_it_stops_it_says_why_and_what_to_do(database_url: str) -> None:
    async def story() -> None:
        directory = two_of_one_mail()
        async with world(database_url, directory) as w:
            await w.sync()
            nobody = await provision(w, "nobody@contoso.com")
            assert not nobody.ok
            assert [each.status for each in nobody.steps] == [
                StepStatus.failed,
                *[StepStatus.skipped] * 4,
            ]
            assert "has no user 'nobody@contoso.com'" in step(nobody, "read").reason
            several = await provision(w, "both@contoso.com")
            assert "ann@contoso.com" in step(several, "read").reason
            assert "by its id" in step(several, "read").advice
            twice = await provision(w, "Twice", GROUP)
            assert step(twice, "read").status is StepStatus.failed
            for name in ("one", "two"):
                await w.add_dashboard_user(
                    userName=name, emails=[{"value": "x@contoso.com", "type": "work"}]
                )
            from scim.provisioning.records import UniqueField

            w.configure(unique_field=UniqueField.email)
            directory.add_user(
                userPrincipalName="x@contoso.com", displayName="X", mail="x@contoso.com"
            )
            matched = await provision(w, "x@contoso.com")
            assert step(matched, "match").status is StepStatus.failed
            assert "matches 2 users" in step(matched, "match").reason
            assert step(matched, "match").advice
            assert step(matched, "apply").status is StepStatus.skipped

    run(story())


def test_safeguards_and_other_runs_count_for_one_person_too(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(1)
        async with world(database_url, directory) as w:
            await w.sync()
            w.configure(safeguard=LIMITS)
            directory.delete_user(users[0])
            held = await provision(w, users[0])
            assert not held.ok
            assert "Nobody would remain" in step(held, "apply").reason
            assert set(await w.users()) == set(users)
            lease = await w.store().claim("somebody else", 60)
            assert lease is not None
            assert (await provision(w, users[0], apply=False)).source_id == users[0]
            with pytest.raises(AlreadyRunning):
                await provision(w, users[0])
            await w.store().release(lease)
            async with w.database.transaction() as session:
                await session.execute("UPDATE user_sync SET paused = TRUE")
            with pytest.raises(SyncPaused):
                await provision(w, users[0])
            assert (await provision(w, users[0], apply=False)).source_id == users[0]

    run(story())
