"""Who may write what, externalIds by source, what a deletion leaves, on both databases."""

import pytest
from scim2_models import (
    ForbiddenException,
    NotFoundException,
    SearchRequest,
    UniquenessException,
)

from scim.provisioning.authority import DASHBOARD
from scim.provisioning.records import Candidate, UniqueField
from tests.storage.test_resource_world import (
    GROUP,
    GROUPS,
    OKTA,
    USER,
    USERS,
    Play,
    World,
)


def test_external_ids_are_scoped_to_the_source(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user(externalId="okta-1")
        theirs = await world.entra.get(USER, user.id)
        assert theirs.external_id is None
        theirs.external_id = "Entra-1"
        updated = await world.entra.update(USER, theirs)
        assert updated.external_id == "Entra-1"
        assert (await world.okta.get(USER, user.id)).external_id == "okta-1"
        assert (await world.sync.get(USER, user.id)).external_id is None
        for store, value, found in (
            (world.okta, "okta-1", 1),
            (world.okta, "Entra-1", 0),
            (world.entra, "Entra-1", 1),
            (world.entra, "entra-1", 0),
        ):
            search = SearchRequest[USERS](filter=f'externalId eq "{value}"')
            assert (await store.search([USER], search)).total == found
        theirs = await world.entra.get(USER, user.id)
        theirs.external_id = None
        assert (await world.entra.update(USER, theirs)).external_id is None

    play(check)


def test_a_sync_keeps_no_external_id(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user(store=world.sync, externalId="graph-id")
        assert user.external_id is None
        user.external_id = "graph-id"
        assert (await world.sync.update(USER, user)).meta.version == user.meta.version

    play(check)


def test_only_the_authority_writes_the_profile(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user()
        theirs = await world.entra.get(USER, user.id)
        theirs.title = "Boss"
        with pytest.raises(ForbiddenException, match="scim_client:okta"):
            await world.entra.update(USER, theirs)
        group = await world.group(user)
        for refused in (
            world.entra.delete(GROUP, group.id),
            world.entra.change_members(group.id, remove=[user.id]),
            world.dashboard.update(GROUP, GROUPS(id=group.id, display_name="x")),
        ):
            with pytest.raises(ForbiddenException):
                await refused

    play(check)


def test_another_source_only_unlinks(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user()
        await world.group(user, name="okta")
        await world.group(user, name="entra", store=world.entra)
        theirs = await world.entra.get(USER, user.id)
        theirs.external_id = "e1"
        await world.entra.update(USER, theirs)
        await world.entra.delete(USER, user.id)
        left = await world.entra.get(USER, user.id)
        assert left.external_id is None
        assert [each.display for each in left.groups] == ["okta"]
        assert await world.okta.restorable([user.id]) == {}

    play(check)


def test_take_over_and_the_deletion_of_a_joined_user(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user(store=world.dashboard, active=True)
        await world.okta.take_over(user.id, joined=True)
        await world.okta.take_over(user.id, joined=True)
        with pytest.raises(ForbiddenException):
            await world.entra.take_over(user.id, joined=True)
        with pytest.raises(NotFoundException):
            await world.entra.take_over("unknown", joined=True)
        await world.group(user)
        mine = await world.okta.get(USER, user.id)
        mine.external_id = "o1"
        await world.okta.update(USER, mine)
        await world.okta.delete(USER, user.id)
        left = await world.okta.get(USER, user.id)
        assert (left.active, left.groups, left.external_id) == (False, None, None)
        row = await world.database.session.row("SELECT * FROM resource WHERE type = 'User'")
        assert row is not None
        assert (row["authority"], bool(row["joined"])) == (str(DASHBOARD), False)

    play(check)


def test_a_deleted_user_comes_back_with_its_groups(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user(
            externalId="x1", emails=[{"value": "ann@example.com", "type": "work"}]
        )
        kept, gone = await world.group(user, name="kept"), await world.group(user, name="gone")
        before = await world.database.session.row("SELECT * FROM resource WHERE type = 'User'")
        await world.okta.delete(USER, user.id)
        await world.okta.delete(GROUP, gone.id)
        assert (await world.okta.get(GROUP, kept.id)).members is None
        assert set(await world.okta.restorable([user.id, "unknown"])) == {user.id}
        await world.okta.restore(user.id)
        back = await world.okta.get(USER, user.id)
        assert [each.display for each in back.groups] == ["kept"]
        assert back.external_id == "x1"
        assert back.meta.created == user.meta.created
        after = await world.database.session.row("SELECT * FROM resource WHERE type = 'User'")
        assert before is not None
        assert after is not None
        assert before["row_id"] == after["row_id"]
        found = await world.okta.find_users(UniqueField.email, ["ANN@example.com"])
        assert found == {"ANN@example.com": [Candidate(user.id, OKTA, "ann")]}
        await world.okta.restore(gone.id)
        assert await world.okta.member_ids(gone.id) == {user.id}
        assert [row["action"] for row in await world.audit()][-2:] == ["restore", "restore"]

    play(check)


def test_a_group_and_its_member_come_back_in_any_order(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user()
        group = await world.group(user)
        await world.okta.delete(GROUP, group.id)
        await world.okta.delete(USER, user.id)
        await world.okta.restore(group.id)
        assert await world.okta.member_ids(group.id) == set()
        await world.okta.restore(user.id)
        assert await world.okta.member_ids(group.id) == {user.id}

    play(check)


def test_what_cannot_be_restored(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user()
        await world.okta.delete(USER, user.id)
        with pytest.raises(NotFoundException):
            await world.okta.restore("unknown")
        with pytest.raises(ForbiddenException):
            await world.entra.restore(user.id)
        taken = await world.user()
        with pytest.raises(UniquenessException, match="ann"):
            await world.okta.restore(user.id)
        assert set(await world.okta.restorable([user.id])) == {user.id}
        await world.okta.delete(USER, taken.id)
        async with world.database.transaction() as session:
            await session.execute("UPDATE tombstone SET expires_at = 1")
        assert await world.okta.restorable([user.id]) == {}
        with pytest.raises(NotFoundException):
            await world.okta.restore(user.id)

    play(check)
