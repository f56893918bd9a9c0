"""Who comes back: the same user, and the memberships that Azure says now."""

from __future__ import annotations

from scim.provisioning.authority import DASHBOARD
from tests.databases import run
from tests.sync.stories import person, problems, rename
from tests.sync.world import SERVICE, assert_in_step, world


def test_restored_within_thirty_days_it_is_the_same_user(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory)
            group = w.directory.add_group(displayName="All")
            w.directory.add_member(group, ann)
            await w.sync()
            before = (await w.users())[ann]["id"]
            w.directory.delete_user(ann)
            await w.sync()
            assert await w.users() == {}
            w.directory.restore_user(ann)
            w.directory.update_user(ann, jobTitle="Back")
            report = await w.sync()
            assert report["users"]["restored"] == 1
            user = (await w.users())[ann]
            assert (user["id"], user["title"]) == (before, "Back")
            await assert_in_step(w)

    run(story())


def test_restored_it_is_in_the_groups_that_azure_says_now(database_url: str) -> None:
    """A membership that was taken away meanwhile does not come back with the tombstone."""

    async def story() -> None:
        async with world(database_url) as w:
            ann, bob = person(w.directory), person(w.directory, "bob")
            kept, lost = (w.directory.add_group(displayName=name) for name in ("Kept", "Lost"))
            for group in (kept, lost):
                for member in (ann, bob):
                    w.directory.add_member(group, member)
            await w.sync()
            w.directory.delete_user(ann)
            w.directory.remove_member(lost, ann)
            await w.sync()
            w.directory.restore_user(ann)
            await w.sync()
            await assert_in_step(w)
            w.directory.delete_user(ann)
            await w.sync()
            w.directory.remove_member(kept, ann)
            w.directory.restore_user(ann)
            await w.sync()
            await assert_in_step(w)

    run(story())


def test_a_restored_group_has_the_members_that_azure_says_now(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann, bob = person(w.directory), person(w.directory, "bob")
            group = w.directory.add_group(displayName="All", groupTypes=["Unified"])
            w.directory.add_member(group, ann)
            await w.sync()
            w.directory.delete_group(group)
            await w.sync()
            assert await w.groups() == {}
            w.directory.restore_group(group)
            w.directory.remove_member(group, ann)
            w.directory.add_member(group, bob)
            report = await w.sync()
            assert report["groups"]["restored"] == 1
            await assert_in_step(w)

    run(story())


def test_deleted_for_its_name_and_restored_it_is_in_the_groups_that_azure_says_now(
    database_url: str,
) -> None:
    """The deletion came before the removal of memberships; none comes back with the tombstone."""

    async def story() -> None:
        async with world(database_url) as w:
            ann, bob = person(w.directory), person(w.directory, "bob")
            lost = w.directory.add_group(displayName="Lost")
            for member in (ann, bob):
                w.directory.add_member(lost, member)
            await w.sync()
            w.directory.delete_user(ann)
            new = person(w.directory)
            await w.sync()
            rename(w.directory, new, "eve")
            w.directory.remove_member(lost, ann)
            w.directory.restore_user(ann)
            report = await w.sync()
            assert report["users"]["restored"] == 1, await problems(w)
            await assert_in_step(w)

    run(story())


def test_memberships_that_others_gave_come_back_with_a_restored_user(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory)
            group = w.directory.add_group(displayName="Ours")
            w.directory.add_member(group, ann)
            await w.sync()
            account = (await w.users())[ann]["id"]
            here = w.resources(DASHBOARD)
            group_type = SERVICE.get_resource_type("Group")
            members = [{"value": account}]
            made = SERVICE.get_model(group_type).model_validate(
                {"displayName": "Theirs", "members": members}
            )
            theirs = await here.create(group_type, made)
            assert theirs.id is not None
            w.directory.delete_user(ann)
            await w.sync()
            assert await here.member_ids(theirs.id) == set()
            w.directory.restore_user(ann)
            await w.sync()
            assert await here.member_ids(theirs.id) == {account}
            assert await w.groups() == {group: ("Ours", frozenset({ann}))}

    run(story())
