"""OAuth 2.0 client credentials over HTTP (RFC 6749 §4.4, RFC 8414)."""

from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest

from gateway.access.problem import AccessProblem
from gateway.settings import Settings
from storage.access import NewClientSecret
from tests.access.support import HTTP, World, assert_scim_error, assert_unknown

GRANT = {"grant_type": "client_credentials"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def client(world: World) -> NewClientSecret:
    made: NewClientSecret = world.do("create_client_secret", world.workspace, "Entra")
    return made


def basic(client: NewClientSecret) -> tuple[str, str]:
    return client.client_id, client.secret


def post(client: NewClientSecret) -> dict[str, str]:
    return {"client_id": client.client_id, "client_secret": client.secret}


def ask(world: World, data: Any = None, **options: Any) -> httpx.Response:
    if isinstance(data, (bytes, str)):
        return HTTP.post(f"{world.live.url}/oauth/token", content=data, **options)
    return HTTP.post(f"{world.live.url}/oauth/token", data=data or GRANT, **options)


def assert_error(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.headers.get("www-authenticate", "").startswith("Basic ") == (status == 401)
    told: str = answer.json()["error_description"]
    assert all(0x20 <= ord(each) <= 0x7E and each not in '"\\' for each in told)
    return told


def granted(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert body["token_type"] == "Bearer"
    return body


def test_both_ways_to_authenticate_give_a_token_that_opens(
    world: World, client: NewClientSecret
) -> None:
    for answer in (
        ask(world, auth=basic(client)),
        ask(world, {**GRANT, **post(client)}),
        ask(world, {**GRANT, "client_id": client.client_id}, auth=basic(client)),
        ask(world, {**GRANT, "resource": "https://x", "scope": ""}, auth=basic(client)),
    ):
        body = granted(answer)
        assert body["scope"] == "read write"
        assert world.get(body["access_token"]).status_code == 200
    assert world.post(body["access_token"]).status_code == 201


def test_it_outlives_the_longest_provisioning_run(world: World, client: NewClientSecret) -> None:
    assert Settings().oauth_token_seconds >= 7_200
    body = granted(ask(world, auth=basic(client)))
    assert body["expires_in"] == 7_200
    world.clock.advance(90 * 60)
    assert world.get(body["access_token"]).status_code == 200
    world.clock.advance(7_200 - 90 * 60)
    assert_unknown(world.get(body["access_token"]))


def test_a_token_ends_with_its_secret(world: World) -> None:
    until = world.clock.now + 100
    client = world.do("create_client_secret", world.workspace, "Entra", expires_at=until)
    body = granted(ask(world, auth=basic(client)))
    assert body["expires_in"] == 100
    world.clock.advance(100)
    assert_unknown(world.get(body["access_token"]))
    assert_error(ask(world, auth=basic(client)), 401, "invalid_client")


def test_scopes_narrow_and_never_widen(world: World, client: NewClientSecret) -> None:
    body = granted(ask(world, {**GRANT, "scope": "read"}, auth=basic(client)))
    assert body["scope"] == "read"
    assert_scim_error(world.post(body["access_token"]), 403)
    reader = world.do("create_client_secret", world.workspace, "Reader", read_only=True)
    assert granted(ask(world, auth=basic(reader)))["scope"] == "read"
    for scope in ("write", "read write", "admin"):
        answer = ask(world, {**GRANT, "scope": scope}, auth=basic(reader))
        assert "read" in assert_error(answer, 400, "invalid_scope")


def test_a_client_that_is_not_known_is_told_nothing_more(
    world: World, client: NewClientSecret
) -> None:
    other = world.do("create_client_secret", world.workspace, "Okta")
    told = {
        assert_error(ask(world, auth=auth), 401, "invalid_client")
        for auth in (
            (client.client_id, "wrong"),
            (client.client_id, other.secret),
            ("nobody", client.secret),
            ("no\0body", "x"),
            ("né", "x"),
            (client.client_id, ""),
        )
    }
    assert len(told) == 1
    assert_error(ask(world), 401, "invalid_client")
    assert_error(ask(world, {**GRANT, "client_id": client.client_id}), 401, "invalid_client")
    for header in ("Bearer x", "Basic", "Basic !", "Basic YQ==", "Basic /w==", "Basic JWZmOmE="):
        answer = ask(world, headers={"Authorization": header})
        assert_error(answer, 401, "invalid_client")


def test_wrong_requests_are_told_what_is_wrong(world: World, client: NewClientSecret) -> None:
    auth, grant = basic(client), "grant_type=client_credentials"
    form = {"headers": {"Content-Type": FORM}, "auth": auth}
    for answer, word in (
        (ask(world, {"scope": "read"}, auth=auth), "grant_type"),
        (ask(world, {**GRANT, **post(client)}, auth=auth), "one way"),
        (ask(world, {**GRANT, "client_id": "other"}, auth=auth), "client_id"),
        (ask(world, f"{grant}&scope=read&scope=write", **form), "more than once"),
        (ask(world, f"{grant}&{grant}", **form), "more than once"),
        (ask(world, b"grant_type=\xff", **form), "form"),
        (ask(world, "a=b&" * 100, **form), "form"),
        (ask(world, grant, headers={"Content-Type": "application/json"}, auth=auth), FORM),
    ):
        assert word in assert_error(answer, 400, "invalid_request")
    assert_error(ask(world, b"x" * 20_000, **form), 413, "invalid_request")
    for kind in ("password", "authorization_code", "CLIENT_CREDENTIALS"):
        answer = ask(world, {"grant_type": kind}, auth=auth)
        assert_error(answer, 400, "unsupported_grant_type")


def test_credentials_in_the_url_are_not_read(world: World, client: NewClientSecret) -> None:
    url = f"{world.live.url}/oauth/token"
    answer = HTTP.post(url, params={**GRANT, **post(client)}, data={"x": "y"})
    assert_error(answer, 401, "invalid_client")
    got = HTTP.get(url, params={**GRANT, **post(client)})
    assert (got.status_code, got.headers["allow"]) == (405, "POST")


def test_basic_is_form_encoded_first(world: World, client: NewClientSecret) -> None:
    encoded = quote_plus(client.client_id.replace("-", "%2D"), safe="%"), client.secret
    granted(ask(world, auth=encoded))


def test_the_secret_rotates_and_the_client_id_stays(world: World, client: NewClientSecret) -> None:
    old = granted(ask(world, auth=basic(client)))["access_token"]
    second = world.do("create_client_secret", world.workspace, "Entra")
    assert second.client_id == client.client_id
    with pytest.raises(AccessProblem, match="2 live client secrets"):
        world.do("create_client_secret", world.workspace, "Entra")
    for each in (client, second):
        granted(ask(world, auth=basic(each)))
    world.do("create_client_secret", world.workspace, "Entra", replace_oldest=True)
    assert_error(ask(world, auth=basic(client)), 401, "invalid_client")
    assert_unknown(world.get(old))
    granted(ask(world, auth=basic(second)))


def test_a_revoked_secret_takes_its_tokens_along_at_once(
    world: World, client: NewClientSecret
) -> None:
    token = granted(ask(world, auth=basic(client)))["access_token"]
    other = world.other_process()
    world.live.do(other.authenticator.caller(f"Bearer {token}"))
    assert world.get(token).status_code == 200
    world.do("revoke_client_secret", client.secret_id)
    assert_unknown(world.get(token))
    assert_error(ask(world, auth=basic(client)), 401, "invalid_client")
    world.clock.advance(5)
    with pytest.raises(Exception, match="expired or revoked"):
        world.live.do(other.authenticator.caller(f"Bearer {token}"))
    with pytest.raises(AccessProblem, match="list-oauth"):
        world.do("revoke_client_secret", client.secret_id)


def test_it_is_the_same_source_as_the_clients_tokens(world: World, client: NewClientSecret) -> None:
    user = world.post(world.token("Entra")).json()
    token = granted(ask(world, auth=basic(client)))["access_token"]
    patch = {"Operations": [{"op": "replace", "path": "title", "value": "x"}]}
    assert world.call("PATCH", token, f"/Users/{user['id']}", json=patch).status_code == 200
    (info,) = world.do("client_secrets", world.workspace)
    assert (info.id, info.last_used_at) == (client.secret_id, world.clock.now_us())


def test_expired_tokens_are_cleared_away_and_the_oldest_make_room(
    world: World, client: NewClientSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept() -> int:
        number: int = world.live.do(
            world.live.gateway.database.session.value(
                "SELECT COUNT(*) AS n FROM oauth_token WHERE secret_id = ?", (client.secret_id,)
            )
        )
        return number

    monkeypatch.setattr("storage.access.oauth.MOST_ACCESS_TOKENS", 3)
    tokens = []
    for _ in range(4):
        tokens.append(granted(ask(world, auth=basic(client)))["access_token"])
        world.clock.advance(6)
    assert kept() == 3
    assert_unknown(world.get(tokens[0]))
    assert world.get(tokens[-1]).status_code == 200
    world.clock.advance(7_200)
    ask(world, auth=basic(client))
    assert kept() == 1


def test_a_token_of_one_workspace_opens_no_other(world: World, client: NewClientSecret) -> None:
    token = granted(ask(world, auth=basic(client)))["access_token"]
    user = world.post(token).json()
    there = world.do("create_client_secret", f"{world.workspace}-b", "Entra")
    stranger = granted(ask(world, auth=basic(there)))["access_token"]
    assert_scim_error(world.get(stranger, f"/Users/{user['id']}"), 404)


def test_the_metadata_say_where_and_how(world: World) -> None:
    answer = HTTP.get(f"{world.live.url}/.well-known/oauth-authorization-server")
    assert answer.status_code == 200
    assert answer.json() == {
        "issuer": world.live.url,
        "token_endpoint": f"{world.live.url}/oauth/token",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": ["read", "write"],
        "response_types_supported": [],
    }
