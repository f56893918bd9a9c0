"""Audit, look-ups and the borders of a workspace, on both databases."""

import pytest
from scim2_models import (
    NotFoundException,
    SearchRequest,
)

from scim.provisioning.records import Candidate, UniqueField
from storage.resources.audit import current_run
from tests.storage.test_resource_world import (
    OKTA,
    USER,
    USERS,
    Play,
    World,
    add_workspace,
    open_store,
)


def test_each_write_is_audited(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user()
        user.title = "Boss"
        await world.okta.update(USER, user)
        await world.okta.delete(USER, user.id)
        rows = await world.audit()
        assert [row["action"] for row in rows] == ["create", "update", "delete"]
        assert rows[1]["changes"] == {"title": {"old": None, "new": "Boss"}}
        assert rows[2]["changes"] == {
            "title": {"old": "Boss", "new": None},
            "userName": {"old": "ann", "new": None},
        }
        assert {row["actor"] for row in rows} == {"scim_client:okta"}

    play(check)


def test_a_sync_run_is_its_own_change_log(play: Play) -> None:
    async def check(world: World) -> None:
        token = current_run.set("run-1")
        try:
            await world.user(store=world.sync)
            await world.user("bob", store=world.okta)
        finally:
            current_run.reset(token)
        first, second = await world.audit()
        assert (first["run_id"], first["changes"]) == ("run-1", None)
        assert second["changes"] is not None

    play(check)


def test_users_are_found_by_the_unique_field(play: Play) -> None:
    async def check(world: World) -> None:
        ann = await world.user("Ann", emails=[{"value": "a@example.com", "type": "work"}])
        bob = await world.user("bob", emails=[{"value": "a@example.com", "primary": True}])
        await world.user("eve", emails=[{"value": "a@example.com", "type": "home"}])
        by_email = await world.sync.find_users(UniqueField.email, ["A@EXAMPLE.com", "b@x.example"])
        assert [each.resource_id for each in by_email["A@EXAMPLE.com"]] == [ann.id, bob.id]
        assert by_email["b@x.example"] == []
        names = [f"nobody{number}" for number in range(600)]
        by_name = await world.sync.find_users(UniqueField.username, [*names, "aNN", "\0"])
        assert by_name["aNN"] == [Candidate(ann.id, OKTA, "Ann")]
        assert await world.okta.count("User") == 3

    play(check)


def test_ids_that_no_database_takes_are_not_found(play: Play) -> None:
    async def check(world: World) -> None:
        with pytest.raises(NotFoundException):
            await world.okta.get(USER, "a\0b")
        assert await world.okta.documents(["a\0b"]) == {}
        assert await world.okta.member_ids("a\0b") == set()
        assert await world.okta.restorable(["a\0b", "\ud800"]) == {}

    play(check)


def test_the_store_of_a_workspace_sees_only_its_own(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user()
        other = await open_store(world.database)
        assert other.place.workspace_id == world.workspace_id
        stranger = World(world.database, await add_workspace(world.database, "other")).okta
        with pytest.raises(NotFoundException):
            await stranger.get(USER, user.id)
        assert (await stranger.search([USER], SearchRequest[USERS]())).total == 0
        assert await stranger.documents([user.id]) == {}

    play(check)
