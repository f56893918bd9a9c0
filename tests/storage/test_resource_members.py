"""Memberships by difference, also by many tasks at once, on both databases."""

import asyncio
from typing import Any

import pytest
from scim2_models import (
    InvalidValueException,
    NotFoundException,
    PreconditionFailedException,
    ResponseParameters,
)

from tests.storage.test_resource_world import (
    GROUP,
    GROUPS,
    USER,
    Play,
    World,
    add_workspace,
)


def member_values(resource: Any) -> list[str]:
    return [each.value for each in resource.members or ()]


def test_members_are_read_with_reference_display_and_type(play: Play) -> None:
    async def check(world: World) -> None:
        ann = await world.user("ann", displayName="Ann B.")
        bob = await world.user("bob")
        inner = await world.group(bob, name="inner")
        group = await world.group(inner, ann, bob, ann)
        dumped = group.model_dump()["members"]
        assert dumped == [
            {"value": inner.id, "$ref": f"Groups/{inner.id}", "type": "Group", "display": "inner"},
            {"value": ann.id, "$ref": f"Users/{ann.id}", "type": "User", "display": "Ann B."},
            {"value": bob.id, "$ref": f"Users/{bob.id}", "type": "User"},
        ]
        read = await world.okta.get(USER, bob.id)
        assert [each.value for each in read.groups] == [inner.id, group.id]
        assert {each.type for each in read.groups} == {"direct"}
        without = ResponseParameters[GROUPS](excluded_attributes=["members"])
        shown = await world.okta.get(GROUP, group.id, response_parameters=without)
        assert shown.members is None

    play(check)


def test_unknown_members_are_named(play: Play) -> None:
    async def check(world: World) -> None:
        other = World(world.database, await add_workspace(world.database, "other"))
        stranger = await other.user()
        group = await world.group()
        for unknown in (stranger.id, "nobody", "a\0b"):
            with pytest.raises(InvalidValueException) as refused:
                await world.okta.change_members(group.id, add=[unknown])
            assert repr(unknown) in refused.value.detail
        with pytest.raises(InvalidValueException, match="nobody"):
            await world.group("nobody")
        with pytest.raises(NotFoundException):
            await world.okta.change_members("nothing", add=[])
        assert await world.okta.count("Group") == 1

    play(check)


def test_members_change_by_difference(play: Play) -> None:
    async def check(world: World) -> None:
        ann, bob, eve = [await world.user(name) for name in ("ann", "bob", "eve")]
        group = await world.group(ann, bob)
        store = world.okta
        assert not await store.change_members(group.id, add=[ann.id], remove=[eve.id, "nobody"])
        assert (await store.get(GROUP, group.id)).meta.version == group.meta.version
        assert await store.change_members(group.id, add=[eve.id, eve.id], remove=[ann.id])
        changed = await store.get(GROUP, group.id)
        assert member_values(changed) == [bob.id, eve.id]
        assert changed.meta.version == 'W/"2"'
        assert changed.meta.last_modified > group.meta.last_modified
        with pytest.raises(PreconditionFailedException):
            await store.change_members(group.id, add=[ann.id], expected_version='W/"1"')
        assert await store.change_members(group.id, replace=[ann.id, bob.id])
        assert not await store.change_members(group.id, replace=[bob.id, ann.id])
        assert await store.member_ids(group.id) == {ann.id, bob.id}
        rows = [row for row in await world.audit() if row["action"] == "members"]
        assert rows[0]["changes"] == {"members": {"added": [eve.id], "removed": [ann.id]}}
        assert len(rows) == 2

    play(check)


def test_an_update_replaces_members_by_difference(play: Play) -> None:
    async def check(world: World) -> None:
        ann, bob = await world.user("ann"), await world.user("bob")
        group = await world.group(ann)
        kept = await world.database.session.value("SELECT row_id FROM membership")
        group.members = [{"value": bob.id}, {"value": ann.id}]
        group = GROUPS.model_validate(group.model_dump())
        updated = await world.okta.update(GROUP, group)
        assert member_values(updated) == [ann.id, bob.id]
        assert await world.database.session.value("SELECT MIN(row_id) FROM membership") == kept
        updated.members = None
        assert (await world.okta.update(GROUP, updated)).members is None

    play(check)


def test_tasks_that_change_one_group_lose_nothing(play: Play) -> None:
    async def check(world: World) -> None:
        people = [await world.user(f"user{number}") for number in range(8)]
        group = await world.group()

        async def join(person: Any) -> None:
            async with world.okta.operation():
                current = await world.okta.get(GROUP, group.id)
                members = [{"value": each} for each in [*member_values(current), person.id]]
                current = GROUPS.model_validate({**current.model_dump(), "members": members})
                version = current.meta.version
                await world.okta.update(GROUP, current, expected_version=version)

        await asyncio.gather(*(join(person) for person in people))
        changed = await world.okta.get(GROUP, group.id)
        assert set(member_values(changed)) == {person.id for person in people}
        assert changed.meta.version == 'W/"9"'

    play(check)
