"""Limits over HTTP, and that no secret stays anywhere."""

import io
from pathlib import Path

import pytest

from gateway.logs import configure_logging
from gateway.settings import PREFIX, Settings, SettingsError
from tests.access.support import (
    HTTP,
    Issuer,
    KeyServer,
    World,
    assert_scim_error,
    assert_unknown,
    world_on,
)


def test_over_the_rate_is_a_scim_429_that_says_when(sqlite_url: str, tmp_path: Path) -> None:
    with world_on(tmp_path, sqlite_url, rate_per_second=0.5, rate_burst=2) as world:
        token, other = world.token(), world.token("other")
        assert [world.get(token).status_code for _ in range(2)] == [200, 200]
        answer = world.get(token)
        assert "0.5 requests a second (and 2 at once)" in assert_scim_error(answer, 429)
        assert answer.headers["retry-after"] == "2"
        assert world.get(other).status_code == 200
        world.clock.advance(2)
        assert world.get(token).status_code == 200
        assert world.get(token).status_code == 429


def test_new_tokens_of_one_client_or_issuer_do_not_evade_it(
    sqlite_url: str, tmp_path: Path, key_server: KeyServer
) -> None:
    with world_on(tmp_path, sqlite_url, rate_per_second=1, rate_burst=4) as world:
        issuer = key_server.issuer(world.clock)
        client = world.do("create_client_secret", world.workspace, "Entra")
        url, auth = f"{world.live.url}/oauth/token", (client.client_id, client.secret)
        data = {"grant_type": "client_credentials"}
        bodies = [HTTP.post(url, data=data, auth=auth).json() for _ in range(3)]
        assert world.get(bodies[0]["access_token"]).status_code == 200
        assert world.get(bodies[1]["access_token"]).status_code == 429
        answer = HTTP.post(url, data=data, auth=auth)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert answer.json()["error"] == "temporarily_unavailable"
        world.do("add_issuers", world.workspace, "JWT", [issuer.binding()])
        answers = [world.get(issuer.sign(jti=str(number))) for number in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429]


def test_guessing_is_429_and_a_good_token_still_opens(
    lone_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.limits.PAUSE_SECONDS", 0)
    world, token = lone_world, lone_world.token()
    for _ in range(Settings().failed_tokens_per_minute):
        assert_unknown(world.get("ezto_wrong"))
    answer = world.get("ezto_wrong")
    assert "30 wrong tokens a minute" in assert_scim_error(answer, 429)
    assert answer.headers["retry-after"] == "2"
    assert world.get(token).status_code == 200
    client = world.do("create_client_secret", world.workspace, "Entra")
    url, data = f"{world.live.url}/oauth/token", {"grant_type": "client_credentials"}
    assert HTTP.post(url, data=data, auth=(client.client_id, "x")).status_code == 429
    assert HTTP.post(url, data=data, auth=(client.client_id, client.secret)).status_code == 200
    world.clock.advance(120)
    assert_unknown(world.get("ezto_wrong"))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RATE_PER_SECOND", "-1"),
        ("RATE_PER_SECOND", "inf"),
        ("RATE_BURST", "0"),
        ("FAILED_TOKENS_PER_MINUTE", "-1"),
        ("OAUTH_TOKEN_SECONDS", "59"),
        ("OAUTH_TOKEN_SECONDS", "86401"),
    ],
)
def test_limits_that_make_no_sense(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + variable, value)
    with pytest.raises(SettingsError, match=variable):
        Settings.load()


# -- secrets -------------------------------------------------------------------------------


def test_no_secret_is_in_the_log_or_in_the_database(
    sqlite_url: str, tmp_path: Path, log: io.StringIO, key_server: KeyServer
) -> None:
    with world_on(tmp_path, sqlite_url) as world:
        secrets = use_everything(world, key_server.issuer(world.clock), log)
        files = [path for path in tmp_path.iterdir() if path.is_file()]
        stored = b"".join(path.read_bytes() for path in files)
    stored += b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"scim_token" in stored
    assert b"SCIM client of secrets" in stored
    for secret in secrets:
        assert secret not in log.getvalue()
        assert secret.encode() not in stored
        assert secret.removeprefix("ezto_")[10:40].encode() not in stored


@pytest.mark.postgres
def test_no_secret_is_in_postgresql_either(
    postgres_url: str, tmp_path: Path, log: io.StringIO, key_server: KeyServer
) -> None:
    with world_on(tmp_path, postgres_url) as world:
        secrets = use_everything(world, key_server.issuer(world.clock), log)
        session = world.live.gateway.database.session
        tables = world.live.do(
            session.rows("SELECT tablename AS n FROM pg_tables WHERE schemaname = 'public'")
        )
        dump = "".join(
            str(world.live.do(session.rows(f'SELECT * FROM "{table["n"]}"'))) for table in tables
        )
    assert "SCIM client of secrets" in dump
    for secret in secrets:
        assert secret not in log.getvalue()
        assert secret not in dump


def use_everything(world: World, issuer: Issuer, log: io.StringIO) -> list[str]:
    """Send every kind of secret, good and bad, to everywhere it belongs and does not."""
    configure_logging("debug", "json", log)
    name = "SCIM client of secrets"
    token = world.token(name)
    client = world.do("create_client_secret", world.workspace, name)
    url, data = f"{world.live.url}/oauth/token", {"grant_type": "client_credentials"}
    auth = (client.client_id, client.secret)
    access = HTTP.post(url, data=data, auth=auth).json()["access_token"]
    HTTP.post(url, data={**data, "client_id": auth[0], "client_secret": auth[1]})
    HTTP.post(url, data={**data, "client_secret": auth[1], "scope": auth[1]}, auth=auth)
    HTTP.post(url, data={"grant_type": client.secret}, auth=auth)
    world.do("add_issuers", world.workspace, name, [issuer.binding()])
    signed, expired = issuer.sign(), issuer.sign(exp=1)
    for each in (token, access, signed):
        assert world.get(each).status_code == 200
        assert world.post(each, each[-8:]).status_code == 201
    for each in (expired, client.secret, "ezto_" + "G" * 43):
        assert_unknown(world.get(each))
    return [token, access, client.secret, signed, expired]
