"""Who decides about a user: other sources, choices of a person, blocks, and joined users."""

from __future__ import annotations

from typing import Any

import pytest

from azure_adapter.sync.config import DeletionPolicy
from scim.provisioning.authority import DASHBOARD, Source, SourceKind
from scim.provisioning.operations import Action
from scim.provisioning.records import Choice, Resolution, UniqueField
from tests.databases import run
from tests.sync.stories import (
    OKTA,
    add_user,
    authority,
    document,
    done,
    person,
    problems,
    rows,
)
from tests.sync.world import SERVICE, World, assert_in_step, world

POLICIES = pytest.mark.parametrize("policy", list(DeletionPolicy))


async def choose(w: World, source_id: str, choice: Choice, resource_id: str = "") -> None:
    await w.store().resolve(Resolution(source_id, choice, resource_id, "ann@admin"))


async def pushed_user(w: World, name: str = "ann", **attributes: Any) -> str:
    """Make a user as an identity provider does that pushes."""
    address = f"{name}@contoso.com"
    emails = [{"value": address, "type": "work", "primary": True}]
    return await add_user(w, OKTA, **{"userName": address, "emails": emails, **attributes})


# -- a user of another source ------------------------------------------------------------


@pytest.mark.parametrize("field", list(UniqueField))
def test_joining_a_user_of_another_source_waits_for_a_person(
    database_url: str, field: UniqueField
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=field)
            theirs = await pushed_user(w, title="Theirs")
            before = await w.foreign()
            ann = person(w.directory, jobTitle="Ours")
            await w.sync()
            (failed,) = [row for row in await rows(w) if row.status == "failed"]
            assert failed.code == "other_authority"
            assert str(OKTA) in failed.message
            assert "take the user over" in failed.advice
            assert "contribute" in failed.advice
            assert await w.foreign() == before
            await choose(w, ann, Choice.take_over, theirs)
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            assert (await w.users())[ann]["id"] == theirs
            assert (await document(w, theirs))["title"] == "Ours"
            assert await authority(w, theirs) == f"user_sync:{w.config.sync_id}"
            (row,) = [one for one in await rows(w) if one.operation.action is Action.take_over]
            assert (row.operation.before or {})["authority"] == str(OKTA)
            await assert_in_step(w)

    run(story())


def test_who_contributes_leaves_the_profile_alone_and_brings_groups(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            theirs = await pushed_user(w, title="Theirs")
            ann = person(w.directory, jobTitle="Ours")
            group = w.directory.add_group(displayName="All")
            w.directory.add_member(group, ann)
            await w.sync()
            await choose(w, ann, Choice.contribute, theirs)
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            assert await w.groups() == {group: ("All", frozenset({ann}))}
            before = await document(w, theirs)
            assert before["title"] == "Theirs"
            assert await authority(w, theirs) == str(OKTA)
            w.directory.update_user(ann, jobTitle="Boss", accountEnabled=False)
            report = await w.sync(full=True)
            assert report["status"] == "succeeded"
            assert await document(w, theirs) == before, "nothing of the profile is written"

    run(story())


@POLICIES
def test_a_leaver_who_was_contributed_is_only_unlinked(
    database_url: str, policy: DeletionPolicy
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(deletion_policy=policy)
            theirs = await pushed_user(w)
            ann = person(w.directory)
            group = w.directory.add_group(displayName="All")
            w.directory.add_member(group, ann)
            await w.sync()
            await choose(w, ann, Choice.contribute, theirs)
            await w.sync()
            before = await document(w, theirs)
            w.directory.delete_user(ann)
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            assert report["users"]["deleted"] == 0
            assert await document(w, theirs) == before
            assert await w.users() == {}
            assert await w.groups() == {group: ("All", frozenset())}
            w.directory.restore_user(ann)
            report = await w.sync()
            assert report["status"] == "succeeded", "the choice still holds"
            assert (await w.users())[ann]["id"] == theirs

    run(story())


def test_who_was_contributed_and_is_deleted_by_its_source_is_not_brought_back(
    database_url: str,
) -> None:
    """The tombstone is the other source's to restore; the object gets a user of its own."""

    async def story() -> None:
        async with world(database_url) as w:
            theirs = await pushed_user(w)
            ann = person(w.directory)
            await w.sync()
            await choose(w, ann, Choice.contribute, theirs)
            await w.sync()
            await w.resources(OKTA).delete(SERVICE.get_resource_type("User"), theirs)
            w.directory.update_user(ann, jobTitle="Buyer")
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            assert report["users"]["restored"] == 0
            assert (await w.users())[ann]["id"] != theirs
            await assert_in_step(w)

    run(story())


def test_who_contributed_may_take_over_later(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            theirs = await pushed_user(w)
            ann = person(w.directory, jobTitle="Ours")
            await w.sync()
            await choose(w, ann, Choice.contribute, theirs)
            await w.sync()
            await choose(w, ann, Choice.take_over, theirs)
            await w.sync()
            assert (await document(w, theirs))["title"] == "Ours"
            await assert_in_step(w)
            w.directory.delete_user(ann)
            report = await w.sync()
            assert report["users"]["disabled"] == 1, "it existed before: never deleted"
            assert (await document(w, theirs))["active"] is False

    run(story())


def test_a_choice_is_of_one_user_and_not_of_whoever_matches_next(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            theirs = await pushed_user(w)
            ann = person(w.directory)
            await w.sync()
            await choose(w, ann, Choice.take_over, theirs)
            await w.resources(OKTA).delete(SERVICE.get_resource_type("User"), theirs)
            another = await pushed_user(w)
            await w.sync()
            assert await problems(w) == [("ann@contoso.com", "other_authority")]
            assert await authority(w, another) == str(OKTA)

    run(story())


def test_a_user_whom_another_source_takes_over_is_an_error_and_left_alone(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory)
            await w.sync()
            account = (await w.users())[ann]["id"]
            other = w.resources(Source(SourceKind.user_sync, "other"))
            mine = Source(SourceKind.user_sync, w.config.sync_id)
            await other.take_over(account, joined=True, owner=mine)
            w.directory.update_user(ann, jobTitle="Boss")
            before = await document(w, account)
            report = await w.sync()
            assert report["users"]["failed"] == 1
            (failed,) = [row for row in await rows(w) if row.status == "failed"]
            assert (failed.code, "user_sync:other" in failed.message) == ("other_authority", True)
            assert await document(w, account) == before
            await choose(w, ann, Choice.contribute, account)
            assert (await w.sync())["status"] == "succeeded"
            assert await document(w, account) == before
            await choose(w, ann, Choice.take_over, account)
            assert (await w.sync())["status"] == "succeeded"
            await assert_in_step(w)

    run(story())


# -- other choices ------------------------------------------------------------------------


def test_of_two_candidates_a_person_chooses_one(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            emails = [{"value": "ann@contoso.com", "type": "work"}]
            one, two = [await add_user(w, DASHBOARD, userName=n, emails=emails) for n in ("a", "b")]
            ann = person(w.directory)
            await w.sync()
            assert await problems(w) == [("ann@contoso.com", "ambiguous_match")]
            await choose(w, ann, Choice.take_over, two)
            assert (await w.sync())["status"] == "succeeded", await problems(w)
            assert (await w.users())[ann]["id"] == two
            assert await authority(w, one) == "dashboard"

    run(story())


def test_two_objects_with_one_address_become_two_users_when_a_person_says_so(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            people = [person(w.directory, name, mail="team@contoso.com") for name in ("a", "b")]
            await w.sync()
            assert {code for _, code in await problems(w)} == {"shared_unique_value"}
            for each in people:
                await choose(w, each, Choice.create)
            assert (await w.sync())["status"] == "succeeded", await problems(w)
            await assert_in_step(w)

    run(story())


def test_without_the_unique_field_a_user_is_created_when_a_person_says_so(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            ann = person(w.directory, mail=None)
            await w.sync()
            assert await problems(w) == [("ann@contoso.com", "no_unique_value")]
            await choose(w, ann, Choice.create)
            assert (await w.sync())["status"] == "succeeded"
            await assert_in_step(w)

    run(story())


def test_whose_user_name_is_taken_may_be_that_user(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            by_hand = await w.add_dashboard_user(userName="ann@contoso.com")
            ann = person(w.directory)
            await w.sync()
            assert await problems(w) == [("ann@contoso.com", "uniqueness")]
            await choose(w, ann, Choice.take_over, by_hand)
            assert (await w.sync())["status"] == "succeeded"
            assert (await w.users())[ann]["id"] == by_hand
            await assert_in_step(w)

    run(story())


def test_nobody_can_choose_a_user_whom_another_object_feeds(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            bob = person(w.directory, "bob")
            await w.sync()
            account = (await w.users())[bob]["id"]
            ann = person(w.directory)
            await choose(w, ann, Choice.take_over, account)
            assert (await w.sync())["status"] == "succeeded"
            assert (await w.users())[bob]["id"] == account
            await assert_in_step(w)

    run(story())


# -- joined users ----------------------------------------------------------------------------


@POLICIES
def test_a_joined_user_goes_back_to_the_dashboard(
    database_url: str, policy: DeletionPolicy
) -> None:
    """Deactivated and unlinked, under either policy; never deleted, and nobody's but the person's
    who made it."""

    async def story() -> None:
        async with world(database_url) as w:
            w.configure(deletion_policy=policy)
            by_hand = await w.add_dashboard_user(userName="ann@contoso.com")
            ann = person(w.directory)
            group = w.directory.add_group(displayName="All")
            w.directory.add_member(group, ann)
            await w.sync()
            w.directory.delete_user(ann)
            report = await w.sync()
            assert (report["users"]["disabled"], report["users"]["deleted"]) == (1, 0)
            assert (await document(w, by_hand))["active"] is False
            assert await authority(w, by_hand) == "dashboard"
            assert await w.users() == {}
            assert await w.groups() == {group: ("All", frozenset())}
            report = await w.sync(full=True)
            assert report["users"]["disabled"] == report["users"]["updated"] == 0

    run(story())


def test_a_new_object_does_not_inherit_a_user_who_was_let_go_of(database_url: str) -> None:
    """It carries a link of this sync; only a person can say that both are one."""

    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            emails = [{"value": "ann@contoso.com", "type": "work"}]
            by_hand = await w.add_dashboard_user(userName="annie", emails=emails)
            old = person(w.directory)
            await w.sync()
            w.directory.delete_user(old)
            await w.sync()
            new = person(w.directory)
            await w.sync()
            assert await problems(w) == [("ann@contoso.com", "uniqueness")]
            await choose(w, new, Choice.take_over, by_hand)
            assert (await w.sync())["status"] == "succeeded"
            assert (await w.users())[new]["id"] == by_hand

    run(story())


def test_a_leaver_who_was_joined_gives_the_name_up_in_the_same_cycle(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            by_hand = await w.add_dashboard_user(userName="ann@contoso.com")
            old = person(w.directory)
            await w.sync()
            w.directory.delete_user(old)
            new = person(w.directory)
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            kept = await document(w, by_hand)
            assert kept["userName"].startswith("ann@contoso.com.released-")
            assert kept["active"] is False
            assert (await w.users())[new]["userName"] == "ann@contoso.com"

    run(story())


def test_a_user_who_was_deleted_and_restored_here_is_taken_back(database_url: str) -> None:
    """A person restored the tombstone; the object comes back later and finds it standing."""

    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory)
            await w.sync()
            account = (await w.users())[ann]["id"]
            w.directory.delete_user(ann)
            await w.sync()
            await w.resources(DASHBOARD).restore(account)
            assert (await w.sync())["status"] == "succeeded"
            w.directory.restore_user(ann)
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            assert (await w.users())[ann]["id"] == account
            await assert_in_step(w)
            w.directory.delete_user(ann)
            report = await w.sync()
            assert report["users"]["deleted"] == 1, "it is the sync's own: no joined user"

    run(story())


# -- disabled here ------------------------------------------------------------------------------


def test_joining_turns_nobody_on_neither_now_nor_later(database_url: str) -> None:
    """Until Azure itself disables and enables the user, or a person here says so."""

    async def story() -> None:
        async with world(database_url) as w:
            by_hand = await w.add_dashboard_user(userName="ann@contoso.com", active=False)
            ann = person(w.directory)
            await w.sync()
            (row,) = [one for one in await rows(w) if one.operation.action is Action.take_over]
            assert "joining turns nobody on" in row.message
            w.directory.update_user(ann, jobTitle="Buyer")
            await w.sync()
            await w.sync(full=True)
            user = await document(w, by_hand)
            assert (user["active"], user["title"]) == (False, "Buyer")
            w.directory.update_user(ann, accountEnabled=False)
            await w.sync()
            w.directory.update_user(ann, accountEnabled=True)
            await w.sync()
            assert (await document(w, by_hand))["active"] is True
            await assert_in_step(w)

    run(story())


def test_a_person_may_let_azure_decide_about_a_joined_user_again(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            by_hand = await w.add_dashboard_user(userName="ann@contoso.com", active=False)
            ann = person(w.directory)
            await w.sync()
            assert await w.store().release_kept([ann]) == 1
            assert await w.store().release_kept([ann]) == 0
            await w.store().mark_dirty([ann])
            await w.sync()
            assert (await document(w, by_hand))["active"] is True
            await assert_in_step(w)

    run(story())


def test_a_block_beats_azure_and_is_no_change_in_every_cycle(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory)
            await w.sync()
            account = (await w.users())[ann]["id"]
            await w.resources(DASHBOARD).set_blocked(account, blocked=True)
            w.directory.update_user(ann, jobTitle="Buyer")
            await w.sync()
            user = await document(w, account)
            assert (user["active"], user["title"]) == (False, "Buyer")
            (row,) = [one for one in await rows(w) if one.operation.action is Action.update]
            assert "active" not in (row.operation.after or {}), "the plan says what happens"
            await w.store().mark_all_dirty()
            await w.sync()
            assert await done(w) == []
            w.directory.update_user(ann, accountEnabled=False)
            w.directory.update_user(ann, accountEnabled=True)
            await w.sync()
            assert (await document(w, account))["active"] is False
            await w.resources(DASHBOARD).set_blocked(account, blocked=False)
            await w.sync()
            await assert_in_step(w)

    run(story())


def test_disabled_in_azure_is_no_deletion_and_seen_disabled_is_created_disabled(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory)
            bob = person(w.directory, "bob", accountEnabled=False)
            await w.sync()
            users = await w.users()
            assert (users[ann]["active"], users[bob]["active"]) == (True, False)
            w.directory.update_user(ann, accountEnabled=False)
            report = await w.sync()
            assert (report["users"]["disabled"], report["users"]["deleted"]) == (1, 0)
            await assert_in_step(w)

    run(story())
