"""Matching by the Unique field, and what a sync may not touch."""

from __future__ import annotations

import pytest

from azure_adapter.sync.config import DeletionPolicy
from scim.provisioning.authority import Source, SourceKind
from scim.provisioning.operations import Action
from scim.provisioning.records import UniqueField
from tests.databases import run
from tests.sync.stories import person, problems, rename, rows
from tests.sync.world import SERVICE, assert_in_step, world


def test_a_user_made_by_hand_is_taken_over_and_keeps_the_rest(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            by_hand = await w.add_dashboard_user(
                userName="Ann@Contoso.com",
                nickName="Annie",
                emails=[{"value": "home@example.com", "type": "home"}],
            )
            source_id = person(w.directory, jobTitle="Engineer")
            report = await w.sync()
            assert report["users"]["updated"] == 1
            assert report["users"]["created"] == 0
            user = (await w.users())[source_id]
            assert user["id"] == by_hand
            assert user["nickName"] == "Annie"
            assert user["title"] == "Engineer"
            assert {one["value"] for one in user["emails"]} == {
                "home@example.com",
                "ann@contoso.com",
            }
            assert await w.foreign() == []

    run(story())


def test_joining_never_turns_a_disabled_user_on(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            await w.add_dashboard_user(userName="ann@contoso.com", active=False)
            source_id = person(w.directory)
            await w.sync()
            assert (await w.users())[source_id]["active"] is False

    run(story())


def test_a_joined_user_is_deactivated_and_let_go_never_deleted(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            by_hand = await w.add_dashboard_user(userName="ann@contoso.com")
            source_id = person(w.directory)
            await w.sync()
            w.directory.delete_user(source_id)
            report = await w.sync()
            assert report["users"]["disabled"] == 1
            assert report["users"]["deleted"] == 0
            assert await w.users() == {}
            (document,) = (await w.target().read([by_hand])).values()
            assert document["active"] is False

    run(story())


def test_a_user_of_another_source_is_an_error_on_that_object_only(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            pushed = w.resources(Source(SourceKind.scim_client, "okta"))
            user_type = SERVICE.get_resource_type("User")
            model = SERVICE.get_model(user_type)
            await pushed.create(user_type, model.model_validate({"userName": "ann@contoso.com"}))
            before = await w.foreign()
            person(w.directory)
            bob = person(w.directory, "bob")
            report = await w.sync()
            assert report["status"] == "incomplete"
            assert report["users"]["failed"] == 1
            assert await problems(w) == [("ann@contoso.com", "other_authority")]
            assert list(await w.users()) == [bob]
            assert await w.foreign() == before

    run(story())


def test_two_candidates_are_an_error_with_their_names(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            for name in ("one", "two"):
                await w.add_dashboard_user(
                    userName=name, emails=[{"value": "ANN@contoso.com", "type": "work"}]
                )
            person(w.directory)
            await w.sync()
            assert await problems(w) == [("ann@contoso.com", "ambiguous_match")]
            assert await w.users() == {}

    run(story())


def test_email_means_the_work_or_primary_address_and_nothing_else(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            await w.add_dashboard_user(
                userName="somebody", emails=[{"value": "ann@contoso.com", "type": "home"}]
            )
            source_id = person(w.directory)
            report = await w.sync()
            assert report["users"]["created"] == 1
            assert (await w.users())[source_id]["userName"] == "ann@contoso.com"

    run(story())


def test_an_object_without_the_unique_field_fails_alone_and_heals(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            ann, bob = person(w.directory, mail=None), person(w.directory, "bob")
            boss = person(w.directory, "boss", mail=None)
            w.directory.set_manager(bob, boss)
            group = w.directory.add_group(displayName="All")
            for member in (ann, bob, boss):
                w.directory.add_member(group, member)
            report = await w.sync()
            assert report["users"]["failed"] == 2
            assert {code for _, code in await problems(w)} == {"no_unique_value"}
            assert await w.groups() == {group: ("All", frozenset({bob}))}
            w.directory.update_user(ann, mail="ann@contoso.com")
            w.directory.update_user(boss, mail="boss@contoso.com")
            report = await w.sync()
            assert report["status"] == "succeeded"
            await assert_in_step(w)

    run(story())


def test_two_source_objects_with_one_address_are_errors_on_both(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            person(w.directory, mail="team@contoso.com")
            person(w.directory, "bob", mail="Team@contoso.com")
            report = await w.sync()
            assert report["users"]["failed"] == 2
            assert {code for _, code in await problems(w)} == {"shared_unique_value"}
            assert await w.users() == {}

    run(story())


def test_a_leaver_is_never_a_candidate(database_url: str) -> None:
    """Nobody inherits an account: a new object with the same address is a new user."""

    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email, deletion_policy=DeletionPolicy.deactivate)
            old = person(w.directory)
            await w.sync()
            account = (await w.users())[old]["id"]
            w.directory.delete_user(old)
            new = person(w.directory)
            report = await w.sync()
            assert report["users"]["failed"] == 0, await problems(w)
            users = await w.users()
            assert users[new]["id"] != account
            assert users[new]["userName"] == "ann@contoso.com"
            assert users[old]["id"] == account
            assert users[old]["active"] is False
            assert users[old]["userName"].startswith("ann@contoso.com.released-")

    run(story())


@pytest.mark.parametrize("new_first", [False, True])
def test_a_deletion_that_frees_a_name_comes_first(database_url: str, new_first: bool) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            old = person(w.directory)
            if new_first:
                new = person(w.directory, "bob")
                await w.sync()
                w.directory.delete_user(old)
                w.directory.update_user(new, userPrincipalName="ann@contoso.com")
            else:
                await w.sync()
                w.directory.delete_user(old)
                new = person(w.directory)
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            assert (await w.users())[new]["userName"] == "ann@contoso.com"
            await assert_in_step(w)

    run(story())


def test_deactivate_keeps_the_user_and_drops_memberships(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(deletion_policy=DeletionPolicy.deactivate)
            ann = person(w.directory)
            group = w.directory.add_group(displayName="All")
            w.directory.add_member(group, ann)
            await w.sync()
            w.directory.delete_user(ann)
            report = await w.sync()
            assert report["users"]["disabled"] == 1
            assert (await w.users())[ann]["active"] is False
            assert await w.groups() == {group: ("All", frozenset())}

    run(story())


def test_who_reported_to_a_leaver_has_no_manager_until_the_leaver_is_back(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann, boss = person(w.directory), person(w.directory, "boss")
            w.directory.set_manager(ann, boss)
            await w.sync()
            await assert_in_step(w)
            w.directory.delete_user(boss)
            report = await w.sync()
            assert (report["users"]["updated"], report["users"]["deleted"]) == (1, 1)
            await assert_in_step(w)
            w.directory.restore_user(boss)
            await w.sync()
            await assert_in_step(w)

    run(story())


def test_a_user_name_that_is_taken_here_is_an_error_with_advice(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(unique_field=UniqueField.email)
            await w.add_dashboard_user(userName="ANN@contoso.com")
            before = await w.foreign()
            person(w.directory)
            bob = person(w.directory, "bob")
            report = await w.sync()
            assert (report["users"]["created"], report["users"]["failed"]) == (1, 1)
            (failed,) = [
                row for row in await w.store().operations(w.runs[-1].id) if row.status == "failed"
            ]
            assert failed.code == "uniqueness"
            assert "ann@contoso.com" in failed.message
            assert "next run tries again" in failed.advice
            assert list(await w.users()) == [bob]
            assert await w.foreign() == before

    run(story())


@pytest.mark.parametrize("field", list(UniqueField))
def test_editing_the_unique_field_relinks_nobody(database_url: str, field: UniqueField) -> None:
    """Linked, the Graph id alone identifies, whoever has the address or the name meanwhile."""

    async def story() -> None:
        async with world(database_url) as w:
            other = UniqueField.email if field is UniqueField.username else UniqueField.username
            w.configure(unique_field=field)
            people = [person(w.directory, name) for name in ("ann", "bob")]
            await w.sync()
            before = {one: (await w.users())[one]["id"] for one in people}
            emails = [{"value": "bob@contoso.com", "type": "work"}]
            await w.add_dashboard_user(userName="somebody", emails=emails)
            foreign = await w.foreign()
            w.configure(unique_field=other)
            report = await w.sync()
            assert report["status"] == "succeeded"
            assert report["users"]["updated"] == report["users"]["created"] == 0
            rename(w.directory, people[0], "carl")
            await w.sync(full=True)
            assert {one: (await w.users())[one]["id"] for one in people} == before
            assert await w.foreign() == foreign

    run(story())


def test_after_an_edit_of_the_unique_field_new_objects_are_matched_by_the_new_one(
    database_url: str,
) -> None:
    """Also against objects that were read before the edit: two with one address are an error."""

    async def story() -> None:
        async with world(database_url) as w:
            person(w.directory, "ann", mail="team@contoso.com")
            await w.sync()
            w.configure(unique_field=UniqueField.email)
            person(w.directory, "bob", mail="team@contoso.com")
            await w.sync()
            assert await problems(w) == [("bob@contoso.com", "shared_unique_value")]

    run(story())


def test_characters_that_no_database_holds_are_stripped_and_noted(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory, displayName="An\0n K")
            report = await w.sync()
            assert report["status"] == "succeeded"
            assert (await w.users())[ann]["displayName"] == "Ann K"
            assert any("stripped" in note for note in report["notes"])
            told = [row.message for row in await rows(w) if row.operation.action is Action.create]
            assert "stripped" in told[0]

    run(story())
