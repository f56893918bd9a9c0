"""userNames and addresses that move between people within one cycle."""

from __future__ import annotations

import pytest

from azure_adapter.sync.config import DeletionPolicy
from scim.provisioning.operations import Action
from scim.provisioning.records import UniqueField
from tests.databases import run
from tests.sync.stories import done, person, problems, rename, rotate, rows
from tests.sync.world import World, assert_in_step, world

FIELDS = pytest.mark.parametrize("field", list(UniqueField))


async def accounts(w: World) -> dict[str, str]:
    """Return the resource id of each linked user by Graph id."""
    return {source_id: user["id"] for source_id, user in (await w.users()).items()}


@FIELDS
@pytest.mark.parametrize("size", [2, 3, 5])
def test_names_and_addresses_go_round_within_one_cycle(
    database_url: str, field: UniqueField, size: int
) -> None:
    async def story() -> None:
        async with world(database_url, page_size=2) as w:
            w.configure(unique_field=field)
            people = [person(w.directory, f"p{number}") for number in range(size)]
            await w.sync()
            before = await accounts(w)
            rotate(w.directory, people)
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            assert report["users"]["updated"] == size
            assert await accounts(w) == before
            await assert_in_step(w)
            rotate(w.directory, people)
            rotate(w.directory, people)
            assert (await w.sync(full=True))["status"] == "succeeded"
            assert await accounts(w) == before
            await assert_in_step(w)

    run(story())


@FIELDS
def test_a_chain_of_renames_needs_one_cycle(database_url: str, field: UniqueField) -> None:
    """Each takes the name that the next one gives up; the last one gets a new name."""

    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=field)
            people = [person(w.directory, f"p{number}") for number in range(6)]
            await w.sync()
            before = await accounts(w)
            for number in reversed(range(6)):
                rename(w.directory, people[number], f"p{number + 1}")
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            assert await accounts(w) == before
            await assert_in_step(w)

    run(story())


def test_a_chain_that_ends_at_somebody_who_keeps_the_name_moves_nobody(database_url: str) -> None:
    """Nobody loses a name for one that cannot be had: all of them wait, with the reason."""

    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            await w.add_dashboard_user(userName="taken@contoso.com")
            people = [person(w.directory, f"p{number}") for number in range(3)]
            await w.sync()
            rename(w.directory, people[2], "taken")
            rename(w.directory, people[1], "p2")
            rename(w.directory, people[0], "p1")
            w.directory.update_user(people[0], jobTitle="Buyer")
            report = await w.sync()
            assert report["users"]["failed"] == 3
            assert {code for _, code in await problems(w)} == {"uniqueness"}
            users = await w.users()
            assert [users[one]["userName"] for one in people] == [
                f"p{number}@contoso.com" for number in range(3)
            ]
            assert users[people[0]]["title"] == "Buyer", "everything but the name is changed"
            rename(w.directory, people[2], "p3")
            assert (await w.sync())["status"] == "succeeded"
            await assert_in_step(w)

    run(story())


def test_a_disable_does_not_wait_for_a_name(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            await w.add_dashboard_user(userName="taken@contoso.com")
            ann = person(w.directory)
            await w.sync()
            rename(w.directory, ann, "taken")
            w.directory.update_user(ann, accountEnabled=False)
            report = await w.sync()
            assert report["users"]["failed"] == 1
            user = (await w.users())[ann]
            assert (user["userName"], user["active"]) == ("ann@contoso.com", False)

    run(story())


@FIELDS
@pytest.mark.parametrize("policy", list(DeletionPolicy))
def test_a_name_is_used_again_by_a_new_object_in_the_same_cycle(
    database_url: str, field: UniqueField, policy: DeletionPolicy
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=field, deletion_policy=policy)
            group = w.directory.add_group(displayName="All")
            old = person(w.directory)
            w.directory.add_member(group, old)
            await w.sync()
            account = (await accounts(w))[old]
            w.directory.delete_user(old)
            new = person(w.directory)
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            users = await w.users()
            assert users[new]["userName"] == "ann@contoso.com"
            assert users[new]["id"] != account, "nobody inherits an account"
            assert await w.groups() == {group: ("All", frozenset())}
            told = {
                (row.operation.source_id, row.operation.action): row.message
                for row in await rows(w)
            }
            assert old in told[new, Action.create], "the log of the new user tells it"
            if policy is DeletionPolicy.deactivate:
                assert users[old]["userName"].startswith("ann@contoso.com.released-")
                assert new in told[old, Action.release_name], "and that of the old one"
            else:
                await assert_in_step(w)

    run(story())


@FIELDS
def test_swapped_while_one_leaves_and_another_takes_the_name(
    database_url: str, field: UniqueField
) -> None:
    """Ann leaves, Bob becomes ann, a new person becomes bob, and Eve takes Bob's old address."""

    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=field)
            ann, bob = person(w.directory), person(w.directory, "bob")
            await w.sync()
            before = await accounts(w)
            w.directory.delete_user(ann)
            rename(w.directory, bob, "ann")
            new = person(w.directory, "bob")
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            now = await accounts(w)
            assert now[bob] == before[bob]
            assert now[new] not in before.values()
            await assert_in_step(w)

    run(story())


def test_another_spelling_of_the_name_is_a_change_of_it_alone(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory)
            await w.sync()
            before = await accounts(w)
            w.directory.update_user(
                ann, userPrincipalName="ANN@Contoso.com", mail="Ann@contoso.com"
            )
            await w.sync()
            assert [action for _, action in await done(w)] == [Action.update]
            assert await accounts(w) == before
            await assert_in_step(w)

    run(story())


def test_a_leaver_whose_name_is_gone_keeps_the_new_one_until_azure_gives_another(
    database_url: str,
) -> None:
    """Restored, the old user cannot have the old name back: an error with choices."""

    async def story() -> None:
        async with world(database_url) as w:
            old = person(w.directory)
            await w.sync()
            before = (await accounts(w))[old]
            w.directory.delete_user(old)
            await w.sync()
            by_hand = await w.add_dashboard_user(userName="ann@contoso.com")
            w.directory.restore_user(old)
            report = await w.sync()
            assert report["users"]["failed"] == 1
            (failed,) = [row for row in await rows(w) if row.status == "failed"]
            assert failed.code == "uniqueness"
            assert "cannot be restored" in failed.message
            assert "choose to take that user over" in failed.advice
            assert await w.users() == {}
            rename(w.directory, old, "ann.k")
            report = await w.sync()
            assert report["users"]["restored"] == 1, await problems(w)
            assert (await accounts(w))[old] == before, "the same user, under the new name"
            await assert_in_step(w)
            assert [one["id"] for one in await w.foreign()] == [by_hand]

    run(story())
