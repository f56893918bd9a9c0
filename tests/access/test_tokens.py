"""Bearer tokens end to end: scopes, expiry, last use, rotation, revocation."""

import asyncio

import pytest

from gateway.access.admin import state_of
from gateway.access.problem import AccessProblem
from tests.access.support import World, assert_scim_error, assert_unknown


def test_scopes_are_kept_and_a_missing_one_is_named(world: World) -> None:
    writer, reader = world.token(), world.token("Reader", read_only=True)
    assert world.post(writer).status_code == 201
    assert world.get(reader).json()["totalResults"] == 1
    answer = world.post(reader, "bob")
    assert "'write'" in assert_scim_error(answer, 403)
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="ezto", error="insufficient_scope", scope="write"'
    )
    assert "www-authenticate" not in world.get(writer, "/Users/none").headers


def test_an_expiry_bites_to_the_second(world: World) -> None:
    token = world.token(expires_at=world.clock.now + 60)
    assert world.get(token).status_code == 200
    world.clock.advance(59.9)
    assert world.get(token).status_code == 200
    world.clock.advance(0.1)
    assert_unknown(world.get(token))


def test_last_use_is_noted(world: World) -> None:
    token = world.token()
    assert world.do("tokens", world.workspace)[0].last_used_at is None
    world.get(token)
    assert world.do("tokens", world.workspace)[0].last_used_at == world.clock.now_us()


def test_two_tokens_live_at_once_and_a_third_is_refused_with_the_remedy(world: World) -> None:
    old, new = world.token(), world.token()
    assert [world.get(each).status_code for each in (old, new)] == [200, 200]
    with pytest.raises(AccessProblem) as refusal:
        world.token()
    oldest = world.do("tokens", world.workspace)[-1].id
    for word in ("'Entra'", "2 live tokens", oldest, "--replace-oldest"):
        assert word in str(refusal.value)
    assert world.get(world.token("another client")).status_code == 200
    world.do("revoke_token", oldest)
    third = world.token()
    assert_unknown(world.get(old))
    assert [world.get(each).status_code for each in (new, third)] == [200, 200]


def test_replacing_the_oldest_bites_at_once(world: World) -> None:
    old, new = world.token(), world.token()
    assert world.get(old).status_code == 200
    third = world.token(replace_oldest=True)
    assert_unknown(world.get(old))
    assert [world.get(each).status_code for each in (new, third)] == [200, 200]


def test_an_expired_token_does_not_count(world: World) -> None:
    world.token(expires_at=world.clock.now + 1)
    world.token()
    world.clock.advance(1)
    world.token()
    states = [state_of(t, world.clock.now_us()) for t in world.do("tokens", world.workspace)]
    assert states == ["live", "live", "expired"]


def test_racing_creations_leave_two(world: World) -> None:
    async def race() -> list[object]:
        admin = world.access.admin
        await admin.create_token(world.workspace, "made")
        made = (admin.create_token(world.workspace, "Okta") for _ in range(8))
        return list(await asyncio.gather(*made, return_exceptions=True))

    results = world.live.do(race())
    assert sum(isinstance(each, tuple) for each in results) == 2
    assert sum(isinstance(each, AccessProblem) for each in results) == 6


def test_a_revocation_bites_at_once_here_and_within_five_seconds_elsewhere(world: World) -> None:
    token = world.token()
    other = world.other_process()
    header = f"Bearer {token}"
    assert world.get(token).status_code == 200
    world.live.do(other.authenticator.caller(header))
    world.do("revoke_token", world.do("tokens", world.workspace)[0].id)
    assert_unknown(world.get(token))
    world.live.do(other.authenticator.caller(header))
    world.clock.advance(5)
    with pytest.raises(Exception, match="expired or revoked"):
        world.live.do(other.authenticator.caller(header))


def test_only_what_lives_here_can_be_revoked(world: World) -> None:
    world.token()
    (info,) = world.do("tokens", world.workspace)
    for workspace in ("default", "no such workspace"):
        with pytest.raises(AccessProblem, match="token list"):
            world.do("revoke_token", info.id, workspace)
    world.do("revoke_token", info.id, world.workspace)
    with pytest.raises(AccessProblem, match="no token"):
        world.do("revoke_token", info.id)


def test_a_client_keeps_its_profile_and_its_external_ids(world: World) -> None:
    old = world.token(profile="entra")
    user = {"userName": "ann", "externalId": "e-1"}
    assert world.call("POST", old, json=user).status_code == 201
    new = world.token()
    found = world.get(new, '/Users?filter=externalId eq "e-1"').json()
    assert found["totalResults"] == 1
    (client,) = world.do("clients", world.workspace)
    assert (client.name, client.profile) == ("Entra", "entra")
    stranger = world.token("Okta")
    assert world.get(stranger, '/Users?filter=externalId eq "e-1"').json()["totalResults"] == 0


def test_the_audit_names_the_token(world: World) -> None:
    user = world.post(world.token()).json()
    (info,) = world.do("tokens", world.workspace)
    actors = world.live.do(
        world.live.gateway.database.session.rows(
            "SELECT actor FROM audit WHERE resource_id = ?", (user["id"],)
        )
    )
    assert [info.id in each["actor"] for each in actors] == [True]


@pytest.mark.parametrize(
    ("arguments", "options", "word"),
    [
        (("", "Entra"), {}, "workspace"),
        (("a", " "), {}, "client"),
        (("a", "x" * 129), {}, "128"),
        (("a", "tab\t"), {}, "printable"),
        (("a", "Entra"), {"profile": "azure"}, "generic, entra, okta"),
    ],
)
def test_what_cannot_be_made(
    world: World, arguments: tuple[str, str], options: dict[str, str], word: str
) -> None:
    with pytest.raises(AccessProblem, match=word):
        world.do("create_token", *arguments, **options)


def test_nothing_is_in_a_workspace_that_is_none(world: World) -> None:
    for what in ("clients", "tokens", "client_secrets", "issuers"):
        assert world.do(what, "no such workspace") == []
