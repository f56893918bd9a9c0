"""A sign-in that is no longer good: which state that gives, what is said, and what mends it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from azure_adapter.graph import OtherDirectory, WrongState
from azure_adapter.simulator import Directory, Fault, Simulator
from gateway.connections import NewConnection, SignInMode, endpoints_of
from gateway.settings import Settings
from gateway.signin import KeptSecrets
from gateway.wiring import Gateway
from tests.gateway.support import settings_for
from tests.graph.support import run
from tests.signin.commands import Served, created, sign_in, status_of
from tests.signin.conftest import Cli
from tests.signin.support import REDIRECT, browse

REFUSALS = {
    "interaction_required": ("needs_login", "AADSTS50076"),
    "consent_required": ("needs_login", "AADSTS65001"),
    "invalid_grant": ("needs_login", "AADSTS50173"),
    "login_required": ("needs_login", "nobody has signed in"),
    "missing_permission": ("needs_login", "GroupMember.Read.All"),
    "invalid_client": ("setup_incomplete", "AADSTS7000222"),
    "outage": ("ready", ""),
    "throttled": ("ready", ""),
}


def refuse(name: str, directory: Directory, simulator: Simulator) -> None:
    """Let the platform refuse what a user sync has signed in with."""
    simulator.tokens.revoke_all()
    if name == "interaction_required":
        tokens = simulator.refresh_tokens
        tokens.restore([(token, replace(one, mfa=False)) for token, one in tokens.saved()])
        directory.mfa = "required"
    elif name == "consent_required":
        directory.scopes = []
    elif name == "invalid_grant":
        simulator.refresh_tokens.revoke(directory)
    elif name == "invalid_client":
        directory.secret_expired = True
    elif name == "missing_permission":
        simulator.faults.add(Fault("server_error", path="/v1.0/groups", status=403, times=99))
    elif name in ("outage", "throttled"):
        effect: Any = "throttle" if name == "throttled" else "reset"
        path = f"/{directory.tenant_id}/oauth2"
        simulator.faults.add(Fault(effect, path=path, times=99, retry_after=0.001))


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_login_mends_is_told_apart_from_everything_else(
    name: str,
    cli: Cli,
    served: Served,
    directory: Directory,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    sqlite_url: str,
) -> None:
    url, simulator = served
    sync_id = created(cli, url)
    assert sign_in(cli, sync_id, monkeypatch)[0] == 0
    assert cli("sync", "run", sync_id)[0] == 0
    users = len(list(directory.live("user")))
    if name == "login_required":
        run(_forget_the_account(settings_from_environment(tmp_path, sqlite_url), sync_id))
    else:
        refuse(name, directory, simulator)
    status, out, err = cli("sync", "run", sync_id, "--json")
    assert status == 1, out
    ended = json.loads(out)
    state, said = REFUSALS[name]
    error = ended["error"]
    assert said in f"{error['message']} {error['advice']}"
    assert ended["users"]["deleted"] == 0
    found = status_of(cli, sync_id)
    assert (found["state"], said in found["reason"]) == (state, True)
    assert ("Reauthorize" in found["reason"]) is (state == "needs_login")
    assert users == len(list(directory.live("user")))
    assert directory.client_secret not in out + err + str(found)


def settings_from_environment(tmp_path: Path, sqlite_url: str) -> Settings:
    key = SecretStr(os.environ["EZTO_SECRET_KEY"])
    return settings_for(tmp_path, sqlite_url, secret_key=key)


async def _forget_the_account(settings: Settings, sync_id: str) -> None:
    async with Gateway.open(settings) as gateway:
        record = await gateway.connection(sync_id)
        kept = KeptSecrets.opened(record.secrets, gateway.secrets).with_cache("{}")
        sealed = kept.sealed(gateway.secrets)
        await gateway.user_syncs.change(record.workspace, record.id, secrets=sealed)


def test_an_application_whose_secret_expired_needs_no_login(
    cli: Cli, served: Served, directory: Directory
) -> None:
    url, simulator = served
    status, out, err = cli(
        *("connection", "create", "--name", "App", "--azure-tenant", directory.domain),
        *("--client-id", directory.client_id, "--client-secret", directory.client_secret),
        *("--authority-url", url, "--graph-url", url),
    )
    assert (status, err) == (0, "")
    sync_id = out.strip()
    assert status_of(cli, sync_id)["azure_tenant"] == directory.domain
    assert cli("sync", "run", sync_id)[0] in (0, 3)
    pinned = status_of(cli, sync_id)
    assert pinned["azure_tenant"] == directory.tenant_id, "a name is pinned by its id"
    assert set(pinned["permissions"]) == set(directory.roles)
    assert (pinned["tenant_name"], pinned["missing"]) == ("", [])
    assert status_of(cli, sync_id, "--check")["tenant_name"] == directory.display_name

    directory.secret_expired = True
    assert cli("sync", "run", sync_id)[0] == 1
    found = status_of(cli, sync_id)
    assert found["state"] == "setup_incomplete"
    assert "client secret has expired" in found["reason"]
    assert "Reauthorize" not in found["reason"]
    directory.client_secret = "a new secret"
    assert cli("connection", "credential", sync_id, "--client-secret", "a new secret")[0] == 0
    assert status_of(cli, sync_id)["state"] == "ready"

    directory.roles = ["User.Read.All"]
    simulator.tokens.revoke_all()
    assert cli("sync", "run", sync_id)[0] == 1
    found = status_of(cli, sync_id)
    assert found["state"] == "setup_incomplete"
    assert "missing: GroupMember.Read.All" in found["reason"]
    checked = status_of(cli, sync_id, "--check")
    assert checked["works"] is False
    assert "GroupMember.Read.All" in checked["check"]
    directory.roles = ["User.Read.All", "GroupMember.Read.All"]
    checked = status_of(cli, sync_id, "--check")
    assert (checked["works"], checked["state"]) == (True, "ready")


def test_a_directory_that_was_pinned_meanwhile_is_not_replaced(
    served: Served, directory: Directory, tmp_path: Path, sqlite_url: str
) -> None:
    """Two administrators of different directories sign in for the first time, at once."""
    url, _ = served
    other = "99999999-2222-4333-8444-555555555555"

    async def main() -> None:
        settings = settings_for(
            tmp_path,
            sqlite_url,
            azure_client_id=directory.client_id,
            azure_client_secret=SecretStr(directory.client_secret),
        )
        async with Gateway.open(settings) as gateway:
            new = NewConnection("A", mode=SignInMode.account, authority_url=url, graph_url=url)
            record = await gateway.connection(await gateway.create_connection(new))
            started = await gateway.sign_ins.begin(record, REDIRECT)
            query = await browse(endpoints_of(record).browser_url(started.url))
            pinned = {**record.sign_in, "azure_tenant": other}
            await gateway.user_syncs.change(record.workspace, record.id, sign_in=pinned)
            with pytest.raises(OtherDirectory) as caught:
                await gateway.sign_ins.finish(record, started.flow, query)
            assert other in caught.value.message
            assert directory.tenant_id in caught.value.message
            now = await gateway.connection(record.id)
            assert (now.azure_tenant, now.state) == (other, "needs_login")
            consent = gateway.sign_ins.begin_consent(now, REDIRECT)
            assert f"/{other}/v2.0/adminconsent?" in consent.url
            told = {"admin_consent": "True", "tenant": directory.tenant_id}
            with pytest.raises(WrongState):
                await gateway.sign_ins.finish_consent(now, consent.state, told)
            told["state"] = consent.state
            with pytest.raises(OtherDirectory):
                await gateway.sign_ins.finish_consent(now, consent.state, told)

    run(main())
