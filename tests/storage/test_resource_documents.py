"""Documents, passwords, limits and uniqueness, on both databases."""

from typing import Any

import pytest
from scim2_models import (
    Context,
    ForbiddenException,
    InvalidValueException,
    UniquenessException,
)

from tests.storage.test_resource_world import (
    USER,
    USERS,
    Play,
    World,
    add_workspace,
)


def test_a_resource_comes_back_as_it_was_written(play: Play) -> None:
    async def check(world: World) -> None:
        given = {
            "userName": "Ann",
            "title": "",
            "emails": [{"value": "Ann@Example.com", "type": "work", "primary": True}],
            "x509Certificates": [{"value": "aGVsbG8="}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "7"},
        }
        made = await world.okta.create(USER, USERS.model_validate(given))
        read = await world.okta.get(USER, made.id)
        assert read == made
        dumped = read.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
        stored = (await world.okta.documents([made.id]))[made.id]
        assert dumped == stored
        assert {name: dumped[name] for name in given} == {
            **given,
            "emails": [{"value": "Ann@example.com", "type": "work", "primary": True}],
        }

    play(check)


def test_an_update_that_changes_nothing_keeps_the_version(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user(password="secret", externalId="x1")
        same = await world.okta.update(USER, user)
        assert same == user
        user.password = "secret"
        assert (await world.okta.update(USER, user)).meta.version == user.meta.version
        user.password = "other"
        changed = await world.okta.update(USER, user)
        assert changed.meta.version == 'W/"2"'
        assert changed.password is None
        assert [row["action"] for row in await world.audit()] == ["create", "update"]

    play(check)


def test_passwords_are_hashed_and_never_shown(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user(password="se cret")
        assert user.password is None
        row = await world.database.session.row("SELECT * FROM resource")
        assert row is not None
        assert row["password_hash"].startswith("$argon2id$")
        user.title = "Boss"
        await world.okta.update(USER, user)
        kept = await world.database.session.row("SELECT * FROM resource")
        assert kept is not None
        assert kept["password_hash"] == row["password_hash"]
        everything = str(kept["document"]) + str(kept["search"]) + str(await world.audit())
        assert "se cret" not in everything
        assert (await world.audit())[0]["changes"]["password"] == {
            "old": "changed",
            "new": "changed",
        }

    play(check)


def test_a_blocked_user_stays_inactive(play: Play) -> None:
    async def check(world: World) -> None:
        user = await world.user(active=True)
        with pytest.raises(ForbiddenException):
            await world.okta.set_blocked(user.id, blocked=True)
        await world.dashboard.set_blocked(user.id, blocked=True)
        await world.dashboard.set_blocked(user.id, blocked=True)
        assert (await world.okta.get(USER, user.id)).active is False
        user.active, user.title = True, "Boss"
        changed = await world.okta.update(USER, user)
        assert (changed.active, changed.title) == (False, "Boss")
        await world.dashboard.set_blocked(user.id, blocked=False)
        changed.active = True
        assert (await world.okta.update(USER, changed)).active is True

    play(check)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("userName", {"userName": "a" * 501}),
        ("displayName", {"displayName": "a" * 501}),
        ("externalId", {"externalId": "a" * 501}),
        ("userName", {"userName": "\U0001d160" * 400}),
        ("title", {"title": "a\0b"}),
        ("name", {"name": {"givenName": "\0"}}),
        ("externalId", {"externalId": "\0"}),
        ("password", {"password": "\0"}),
        ("roles", {"roles": [{"value": "a\0"}]}),
    ],
)
def test_limits_name_the_attribute(play: Play, attribute: str, value: dict[str, Any]) -> None:
    async def check(world: World) -> None:
        resource = USERS.model_validate({"userName": "ann", **value})
        with pytest.raises(InvalidValueException) as refused:
            await world.okta.create(USER, resource)
        assert attribute in refused.value.detail
        assert await world.okta.count("User") == 0

    play(check)


def test_lone_surrogates_are_refused(play: Play) -> None:
    async def check(world: World) -> None:
        resource = USERS.model_construct(user_name="a\ud800", schemas=[])
        with pytest.raises(InvalidValueException, match="userName"):
            await world.okta.create(USER, resource)

    play(check)


def test_a_taken_user_name_is_named(play: Play) -> None:
    async def check(world: World) -> None:
        await world.user("Straße")
        await world.user("STRASSE")
        with pytest.raises(UniquenessException) as refused:
            await world.user("sTRAßE")
        assert "sTRAßE" in refused.value.detail
        assert "userName" in refused.value.detail
        other = World(world.database, await add_workspace(world.database, "other"))
        await other.user("straße")

    play(check)


def test_a_failed_write_leaves_the_open_transaction_usable(play: Play) -> None:
    async def check(world: World) -> None:
        async with world.okta.operation():
            await world.user("ann")
            with pytest.raises(UniquenessException):
                await world.user("ANN")
            await world.user("bob")
        assert await world.okta.count("User") == 2

    play(check)
