"""Nested groups in whole syncs: kept, flattened, with cycles, switched, hidden deep down."""

from __future__ import annotations

from typing import Any

from azure_adapter.mapping import map_group
from azure_adapter.simulator import Directory
from azure_adapter.sync.nesting import NestedGroups
from azure_adapter.sync.plan_groups import GroupFacts, plan_members
from azure_adapter.sync.scope import GroupScope, Inclusion, Scope, UserScope
from scim.provisioning.operations import Action
from scim.provisioning.records import LinkRecord, MirrorRecord
from scim.provisioning.source import ObjectKind, Presence
from tests.databases import run
from tests.sync.scope_oracle import assert_scoped
from tests.sync.test_scope_syncs import NOTHING, Company, person
from tests.sync.world import world

FLATTENED = NestedGroups.flattened


def test_flattened_a_group_has_everybody_inside_and_no_group(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        async with world(database_url, company.directory) as w:
            w.configure(nested=FLATTENED)
            assert (await w.sync())["status"] == "succeeded"
            everybody = {company.ann, company.bob, company.cid, company.guest, company.away}
            assert (await w.groups())[company.all] == ("All", frozenset(everybody))
            await assert_scoped(w)
            for full in (False, True):
                assert (await w.sync(full=full))["memberships"] == NOTHING

    run(story())


def test_a_change_deep_down_reaches_every_group_above(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        directory = company.directory
        async with world(database_url, directory) as w:
            w.configure(nested=FLATTENED)
            await w.sync()
            directory.add_member(company.platform, company.dan)
            report = await w.sync()
            assert report["memberships"] == {"added": 3, "removed": 0}
            await assert_scoped(w)
            directory.remove_member(company.engineering, company.platform)
            report = await w.sync()
            assert report["memberships"] == {"added": 0, "removed": 6}
            await assert_scoped(w)
            directory.delete_group(company.engineering)
            await w.sync()
            await assert_scoped(w)
            directory.delete_user(company.ann)
            await w.sync()
            await assert_scoped(w)

    run(story())


def test_groups_that_contain_each_other(database_url: str) -> None:
    async def story() -> None:
        directory = Directory(seed=8)
        people = [person(directory, f"p{number}") for number in range(3)]
        ring = [directory.add_group(displayName=f"Ring {number}") for number in range(3)]
        for number, group in enumerate(ring):
            directory.add_member(group, people[number])
            directory.add_member(group, ring[(number + 1) % 3])
        async with world(database_url, directory) as w:
            w.configure(nested=FLATTENED)
            assert (await w.sync())["status"] == "succeeded"
            assert {members for _, members in (await w.groups()).values()} == {frozenset(people)}
            directory.remove_member(ring[0], ring[1])
            await w.sync()
            await assert_scoped(w)
            assert (await w.groups())[ring[0]][1] == frozenset(people[:1])

    run(story())


def test_switching_plans_the_groups_again_and_back(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        async with world(database_url, company.directory) as w:
            await w.sync()
            await assert_scoped(w)
            for nested in (FLATTENED, NestedGroups.kept, FLATTENED):
                w.configure(nested=nested)
                report = await w.sync()
                assert report["mode"] == "incremental"
                assert report["users"]["updated"] == 0
                assert report["memberships"] != NOTHING
                await assert_scoped(w)
                assert (await w.sync(full=True))["memberships"] == NOTHING

    run(story())


def test_out_of_scope_nobody_is_a_member_but_groups_inside_still_count(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        async with world(database_url, company.directory) as w:
            w.configure(
                nested=FLATTENED,
                scope=Scope(
                    UserScope(guests=Inclusion.exclude),
                    GroupScope(ids=frozenset({company.all})),
                ),
            )
            await w.sync()
            members = {company.ann, company.bob, company.cid, company.away}
            assert await w.groups() == {company.all: ("All", frozenset(members))}
            company.directory.update_user(company.guest, userType="Member")
            await w.sync()
            assert (await w.groups())[company.all][1] == frozenset({*members, company.guest})

    run(story())


def test_a_hidden_group_deep_down_takes_nobody_out(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        directory = company.directory
        directory.update_group(company.platform, visibility="HiddenMembership")
        directory.member_read_hidden = True
        async with world(database_url, directory) as w:
            w.configure(nested=FLATTENED)
            await w.sync()
            before = await w.groups()
            directory.member_read_hidden = False
            w.simulator.tokens.revoke_all()
            report = await w.sync(full=True)
            assert report["memberships"]["removed"] == 0
            assert await w.groups() == before
            assert any("hides its members" in note for note in report["notes"])
            directory.member_read_hidden = True
            w.simulator.tokens.revoke_all()
            directory.remove_member(company.engineering, company.bob)
            await w.sync(full=True)
            await assert_scoped(w)

    run(story())


# -- pure ----------------------------------------------------------------------------


def group_facts(**more: Any) -> GroupFacts:
    link = LinkRecord("g", ObjectKind.group, "resource")
    attributes = {"displayName": "Everybody"}
    record = MirrorRecord("g", ObjectKind.group, Presence.present, attributes, link=link)
    mapped = map_group(attributes)
    return GroupFacts(record, mapped, current={"displayName": "Everybody"}, **more)


def test_members_of_a_large_group_are_planned_a_thousand_at_a_time_and_only_when_asked() -> None:
    ids = tuple(f"{number:06}" for number in range(2_500))
    operations = plan_members(group_facts(linked=ids, arriving=("new",)))
    first = next(operations)
    assert first.action is Action.add_members
    sizes = [len((one.after or {})["members"]) for one in (first, *operations)]
    assert sizes == [1_000, 1_000, 501]


def test_members_that_stay_are_in_no_operation() -> None:
    facts = group_facts(linked=("a", "b"), current_members=frozenset({"b", "c"}))
    removed, added = plan_members(facts)
    assert (removed.before, added.after) == ({"members": ["c"]}, {"members": ["a"]})


def test_what_is_missing_of_a_silent_group_proves_nothing() -> None:
    facts = group_facts(linked=("a",), current_members=frozenset({"b"}), silent=True)
    (added,) = plan_members(facts)
    assert added.action is Action.add_members
