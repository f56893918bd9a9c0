"""The commands about access, typed as an operator types them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli import run
from gateway.settings import PREFIX, Settings
from tests.access.support import HTTP
from tests.gateway.support import KEY, live_gateway, settings_for

Cli = Callable[..., tuple[int, str, str]]
TENANT = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def cli(
    sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.setenv("EZTO_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("EZTO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("EZTO_SECRET_KEY", KEY)

    def call(*arguments: str) -> tuple[int, str, str]:
        status = run(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def listed(cli: Cli, *arguments: str) -> list[dict[str, str]]:
    status, out, err = cli(*arguments, "--json")
    assert (status, err) == (0, "")
    found: list[dict[str, str]] = json.loads(out)
    return found


def test_tokens_are_made_listed_rotated_and_revoked(cli: Cli) -> None:
    made = [cli("token", "create", "--name", "Entra", "--profile", "entra") for _ in range(2)]
    assert [(status, len(out), err) for status, out, err in made] == [(0, 49, "")] * 2
    status, out, err = cli("token", "create", "--name", "Entra")
    assert (status, out) == (1, "")
    assert err.startswith("Error: The SCIM client 'Entra' has 2 live tokens already")
    assert err.endswith("(--replace-oldest).\n")
    assert cli("token", "create", "--name", "Entra", "--replace-oldest", "--read-only")[0] == 0
    live = listed(cli, "token", "list")
    assert [each["scopes"] for each in live] == [["read"], ["read", "write"]]
    assert {each["state"] for each in live} == {"live"}
    status, out, err = cli("token", "revoke", live[0]["id"])
    assert (status, out, err) == (0, "", f"Revoked the token {live[0]['id']}.\n")
    status, _, err = cli("token", "revoke", live[0]["id"])
    assert status == 1
    assert "token list --all" in err
    states = [each["state"] for each in listed(cli, "token", "list", "--all")]
    assert sorted(states) == ["live", "revoked", "revoked"]
    table = cli("token", "list")[1]
    assert table.splitlines()[0].split()[:3] == ["id", "client", "profile"]
    assert made[0][1].strip() not in table
    assert cli("token", "list", "--workspace", "nowhere", "--json")[1].strip() == "[]"


def test_an_expiry_is_shown(cli: Cli) -> None:
    cli("token", "create", "--workspace", "acme", "--expires-in-days", "90")
    (token,) = listed(cli, "token", "list", "--workspace", "acme")
    assert token["expires_at"] > token["created_at"]
    assert token["last_used_at"] is None
    (client,) = listed(cli, "client", "list", "--workspace", "acme")
    assert (client["name"], client["profile"]) == ("default", "generic")
    assert "default" in cli("client", "list", "--workspace", "acme")[1]


def test_a_profile_that_is_none_is_refused(cli: Cli) -> None:
    status, _, err = cli("token", "create", "--profile", "azure")
    assert (status, "azure" in err) == (2, True)


def test_a_client_secret_works_and_is_revoked(cli: Cli, sqlite_url: str, tmp_path: Path) -> None:
    status, out, err = cli("client", "create-oauth", "--name", "Entra", "--profile", "entra")
    assert (status, err) == (0, "")
    pairs = dict(line.split("=", 1) for line in out.splitlines())
    second = json.loads(cli("client", "create-oauth", "--name", "Entra", "--json")[1])
    assert second["client_id"] == pairs["client_id"]
    assert cli("client", "create-oauth", "--name", "Entra")[0] == 1
    secrets = listed(cli, "client", "list-oauth")
    assert [each["state"] for each in secrets] == ["live", "live"]
    status, _, err = cli("client", "revoke-oauth", second["id"])
    assert (status, "Revoked" in err) == (0, True)
    assert cli("client", "revoke-oauth", second["id"])[0] == 1
    auth = (pairs["client_id"], pairs["client_secret"])
    data = {"grant_type": "client_credentials"}
    with live_gateway(settings_for(tmp_path, sqlite_url)) as live:
        url = f"{live.url}/oauth/token"
        assert HTTP.post(url, data=data, auth=auth).status_code == 200
        bad = (second["client_id"], second["client_secret"])
        assert HTTP.post(url, data=data, auth=bad).status_code == 401


def test_issuers_are_added_listed_and_removed(cli: Cli) -> None:
    status, out, err = cli("issuer", "add", "--entra", TENANT, "--name", "Entra")
    assert (status, len(out.split()), err) == (0, 2, "")
    v1, v2 = listed(cli, "issuer", "list")
    assert (v1["issuer"], v1["directory"]) == (f"https://sts.windows.net/{TENANT}/", TENANT)
    assert (v2["profile"], v2["algorithms"]) == ("entra", ["RS256"])
    assert v1["issuer"] in cli("issuer", "list")[1]
    assert cli("issuer", "add", "--entra", TENANT, "--workspace", "b")[0] == 1
    assert "Removed" in cli("issuer", "remove", v1["id"])[2]
    assert cli("issuer", "remove", v1["id"])[0] == 1
    status, out, _ = cli(
        *("issuer", "add", "--workspace", "acme", "--issuer", "https://id.example"),
        *("--audience", "ezto", "--jwks-url", "https://id.example/keys", "--algorithm", "ES256"),
        *("--claim", "client_id=app", "--read-only"),
    )
    (other,) = listed(cli, "issuer", "list", "--workspace", "acme")
    assert (other["id"], other["scopes"]) == (out.strip(), ["read"])
    assert (other["claims"], other["algorithms"]) == ({"client_id": "app"}, ["ES256"])


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        ((), 2, "--entra"),
        (("--issuer", "x"), 2, "--jwks-url"),
        (("--entra", TENANT, "--issuer", "x"), 2, "Leave them out"),
        (("--entra", "contoso.com"), 1, "directory id"),
        (("--issuer", "x", "--audience", "y", "--jwks-url", "http://x.example"), 1, "https"),
        (("--entra", TENANT, "--claim", "x"), 2, "NAME=VALUE"),
    ],
)
def test_an_issuer_that_cannot_be(
    cli: Cli, arguments: tuple[str, ...], status: int, word: str
) -> None:
    got, out, err = cli("issuer", "add", *arguments)
    assert (got, out) == (status, "")
    assert err.startswith("Error: ")
    assert word in err
