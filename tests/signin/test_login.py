"""A person's login: msal against the simulated platform, and every way in which it fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from azure_adapter.graph import (
    ClientCredentials,
    ConsentDenied,
    GraphEndpoints,
    LoginFailed,
    LoginTooOld,
    MissingPermissions,
    OtherDirectory,
    WrongState,
    admin_consent_url,
    finish_consent,
    finish_login,
    login,
    start_login,
)
from azure_adapter.simulator import Directory, Fault
from scim.provisioning.records import SourceUnavailable
from tests.graph.support import run
from tests.signin.support import REDIRECT, Platform, platform

OTHER = "99999999-2222-4333-8444-555555555555"


def test_a_login_says_who_where_and_what() -> None:
    async def main() -> None:
        async with platform() as one:
            started = await one.start("")
            assert started.url.startswith("https://login.microsoftonline.com/organizations/")
            for needed in ("code_challenge=", "code_challenge_method=S256", "nonce=", "state="):
                assert needed in started.url
            flow = json.loads(json.dumps(started.flow))
            assert flow["msal"]["code_verifier"] not in started.url
            assert flow["msal"]["code_verifier"] not in repr(started)
            signed_in = await one.finish(started, await one.browse(started.url), "")
            assert signed_in.tenant_id == one.directory.tenant_id
            assert signed_in.tenant_name == one.directory.display_name
            assert signed_in.account == f"admin@{one.directory.domain}"
            assert {"User.Read.All", "GroupMember.Read.All"} <= set(signed_in.permissions)
            assert "RefreshToken" in signed_in.cache
            assert signed_in.cache not in repr(signed_in)
            assert one.simulator.writes == []

    run(main())


async def fails(one: Platform, kind: type[Exception], **changed: str) -> Exception:
    started = await one.start()
    query = {**await one.browse(started.url), **changed}
    with pytest.raises(kind) as caught:
        await one.finish(started, query)
    assert type(caught.value) is kind
    return caught.value


def test_a_foreign_state_is_refused() -> None:
    async def main() -> None:
        async with platform() as one:
            for state in ("", "other"):
                error = await fails(one, WrongState, state=state)
                assert "does not belong" in str(error)
            tokens = [r for r in one.simulator.requests if r.path.endswith("/token")]
            assert tokens == []

    run(main())


@pytest.mark.parametrize(
    ("told", "kind", "code"),
    [
        ("access_denied", ConsentDenied, "consent_denied"),
        ("consent_required", ConsentDenied, "consent_required"),
        ("login_required", LoginFailed, "login_required"),
        ("interaction_required", LoginFailed, "interaction_required"),
    ],
)
def test_what_microsoft_says_instead_of_a_code(
    told: str, kind: type[LoginFailed], code: str
) -> None:
    async def main() -> None:
        async with platform(unattended=told) as one:
            error = await fails(one, kind)
            assert isinstance(error, LoginFailed)
            assert error.code == code
            assert "AADSTS" in error.message
            assert error.advice

    run(main())


@pytest.mark.parametrize("told", ["temporarily_unavailable", "server_error"])
def test_an_outage_that_the_browser_brings_back_is_none_of_the_persons(told: str) -> None:
    async def main() -> None:
        async with platform(unattended=told) as one:
            error = await fails(one, SourceUnavailable)
            assert told in str(error)
            query = {"state": "s", "error": told, "error_description": "AADSTS90033: Busy."}
            with pytest.raises(SourceUnavailable) as caught:
                finish_consent(query, "s", endpoints=one.endpoints)
            assert "AADSTS90033" in str(caught.value)

    run(main())


def test_another_directory_than_the_pinned_one_is_refused_with_an_explanation() -> None:
    """Even if a service issues a token of another directory than the one that was asked."""

    async def main() -> None:
        async with platform() as one:
            result: dict[str, Any] = {
                "access_token": "t",
                "id_token_claims": {"tid": OTHER, "preferred_username": "eve@other.example"},
            }
            with pytest.raises(OtherDirectory) as caught:
                await login._signed_in(result, one.directory.tenant_id, "", one.endpoints)
            for said in (OTHER, one.directory.tenant_id, "eve@other.example", "pinned"):
                assert said in caught.value.message

    run(main())


def test_an_account_of_another_directory_does_not_exist_in_the_pinned_one() -> None:
    query = {
        "state": "s",
        "error": "invalid_request",
        "error_description": "AADSTS50020: User account 'x' does not exist in tenant 'y'.",
    }
    flow = {"tenant": OTHER, "until": 1e12, "msal": {"state": "s"}}

    async def main() -> None:
        async with platform() as one:
            with pytest.raises(OtherDirectory) as caught:
                await finish_login(one.app(), flow, query, endpoints=one.endpoints)
            assert "AADSTS50020" in caught.value.message

    run(main())


def test_missing_permissions_are_named() -> None:
    async def main() -> None:
        async with platform() as one:
            one.directory.installation.app.scopes = ("User.Read", "User.Read.All")
            result = {
                "access_token": "t",
                "scope": "https://graph.microsoft.com/User.Read.All openid",
                "id_token_claims": {"tid": one.directory.tenant_id},
            }
            with pytest.raises(MissingPermissions) as caught:
                await login._signed_in(result, "organizations", "", one.endpoints)
            assert caught.value.permissions == ("GroupMember.Read.All",)
            assert "GroupMember.Read.All" in caught.value.message
            assert "User.Read.All" not in caught.value.message

    run(main())


def test_a_login_ends_after_a_while() -> None:
    async def main() -> None:
        async with platform() as one:
            started = await one.start()
            query = await one.browse(started.url)
            one.time.at += 901
            with pytest.raises(LoginTooOld):
                await one.finish(started, query)

    run(main())


def test_a_code_is_good_once_and_an_answer_without_one_is_none() -> None:
    async def main() -> None:
        async with platform() as one:
            started = await one.start()
            query = await one.browse(started.url)
            await one.finish(started, query)
            with pytest.raises(LoginFailed) as caught:
                await one.finish(started, query)
            assert caught.value.code == "invalid_grant"
            assert query["code"] not in str(caught.value)
            state = {"state": started.flow["msal"]["state"]}
            with pytest.raises(LoginFailed) as caught:
                await one.finish(started, state)
            assert caught.value.code == "invalid_reply"

    run(main())


def test_a_wrong_secret_and_an_outage_are_told_apart() -> None:
    async def main() -> None:
        async with platform() as one:
            started = await one.start()
            query = await one.browse(started.url)
            one.simulator.faults.add(Fault("server_error", path=f"/{one.directory.tenant_id}"))
            with pytest.raises(SourceUnavailable):
                await one.finish(started, query)
            one.directory.secret_expired = True
            with pytest.raises(LoginFailed) as caught:
                await one.finish(started, query)
            assert caught.value.code == "invalid_client"
            assert "AADSTS7000222" in caught.value.message
            assert one.directory.client_secret not in str(caught.value)

    run(main())


@pytest.mark.parametrize(
    ("tenant", "client", "secret", "redirect", "code"),
    [
        ("a/b", "c", "s", REDIRECT, "unknown_tenant"),
        ("t", "", "s", REDIRECT, "unknown_app"),
        ("t", "c", "", REDIRECT, "invalid_client"),
        ("t", "c", "s", "http://gateway.example/callback", "redirect_mismatch"),
        ("t", "c", "s", "ftp://localhost/", "redirect_mismatch"),
    ],
)
def test_what_could_never_work_sends_nothing(
    tenant: str, client: str, secret: str, redirect: str, code: str
) -> None:
    with pytest.raises(LoginFailed) as caught:
        run(start_login(ClientCredentials(tenant, client, secret), redirect))
    assert caught.value.code == code


def test_admin_consent() -> None:
    async def main() -> None:
        directory = Directory(seed=1)
        async with platform(directory) as one:
            url = admin_consent_url(one.app(), REDIRECT, "abc", endpoints=one.endpoints)
            assert url.startswith(
                f"https://login.microsoftonline.com/{directory.tenant_id}/v2.0/adminconsent?"
            )
            query = await one.browse(url)
            assert finish_consent(query, "abc", directory.tenant_id) == directory.tenant_id
            with pytest.raises(WrongState):
                finish_consent(query, "other")
            with pytest.raises(OtherDirectory):
                finish_consent(query, "abc", OTHER)
            with pytest.raises(ConsentDenied):
                finish_consent({"state": "abc", "error": "access_denied"}, "abc")

    run(main())


@pytest.mark.parametrize(
    ("cloud", "login", "graph"),
    [
        ("global", "login.microsoftonline.com", "graph.microsoft.com"),
        ("us-government", "login.microsoftonline.us", "graph.microsoft.us"),
        ("us-government-dod", "login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("china", "login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_clouds_by_name(cloud: str, login: str, graph: str) -> None:
    endpoints = GraphEndpoints.of_cloud(cloud)
    assert (endpoints.login_url, endpoints.graph_url) == (f"https://{login}", f"https://{graph}")
    assert endpoints.cloud == cloud
    assert endpoints.browser_url(f"https://{login}/x") == f"https://{login}/x"
    assert GraphEndpoints.from_settings(f"https://{login}", f"https://{graph}").cloud == cloud
    url = admin_consent_url(ClientCredentials("t", "c"), REDIRECT, "s", endpoints=endpoints)
    assert url.startswith(f"https://{login}/t/v2.0/adminconsent?")
    with pytest.raises(ValueError, match="china"):
        GraphEndpoints.of_cloud("moon")
