"""The pages of sign-in, pressed through by a browser without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from azure_adapter.simulator import Directory, Registration, Secret, create_app
from tests.simulator.browser import Browser
from tests.simulator.signin_support import (
    REDIRECT,
    authorize_url,
    claims,
    redeem,
    refresh,
    tokens_for,
)
from tests.simulator.support import LOGIN, Wire


@pytest.fixture
def directory() -> Directory:
    return Directory(seed=1)


@pytest.fixture
def wire(directory: Directory) -> Iterator[Wire]:
    with Wire(directory) as opened:
        yield opened


@pytest.fixture
def browser(wire: Wire) -> Browser:
    return Browser(wire)


def titled(browser: Browser) -> str:
    assert browser.page is not None
    return browser.page.title


def test_accept_goes_back_with_a_code(wire: Wire, browser: Browser) -> None:
    browser.open(authorize_url(wire.directory))
    assert titled(browser).startswith("Pick an account")
    browser.press("Administrator")
    assert browser.url.startswith(f"{REDIRECT}?code=")
    assert browser.landed.keys() == {"code", "client_info", "state"}
    assert browser.landed["state"] == "state-1"
    body = redeem(wire, browser.landed["code"]).json()
    assert claims(body["id_token"])["nonce"] == "nonce-1"
    assert body.keys() == {
        "token_type", "scope", "expires_in", "ext_expires_in", "access_token", "refresh_token",
        "id_token", "client_info",
    }  # fmt: skip


def test_pages_are_whole_without_scripts_and_readable_aloud(wire: Wire, browser: Browser) -> None:
    browser.open(authorize_url(wire.directory, login_hint='<"&'))
    pages = [browser.page]
    wire.directory.mfa = "required"
    pages.append(browser.press("Administrator").page)
    wire.directory.scopes = []
    pages.append(browser.press("Approve").page)
    pages.append(browser.open(f"{LOGIN}/x/oauth2/v2.0/authorize?client_id=y").page)
    for page in pages:
        assert page is not None
        names = [tag for tag, _ in page.tags]
        assert not {"script", "link", "img", "iframe"} & set(names)
        assert ("html", {"lang": "en"}) in page.tags
        assert names.count("h1") == names.count("main") == names.count("title") == 1
        fields = [given["id"] for tag, given in page.tags if given.get("type") == "text"]
        assert set(fields) <= set(page.labels)
        assert all(form.buttons for form in page.forms)
        assert all(not name.startswith("on") for _, given in page.tags for name in given)
        policy = page.answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "no-store" in page.answer.headers["cache-control"]
    first = pages[0]
    assert first is not None
    typed = [given["value"] for _, given in first.tags if given.get("type") == "text"]
    assert typed == ['<"&']


@pytest.mark.parametrize(
    ("press", "error"),
    [
        ("Cancel", "access_denied"),
        ("The session has expired", "login_required"),
        ("More interaction", "interaction_required"),
        ("Sign-in is overloaded", "temporarily_unavailable"),
        ("Sign-in is broken", "server_error"),
    ],
)
def test_refusals_reach_the_app(wire: Wire, browser: Browser, press: str, error: str) -> None:
    browser.open(authorize_url(wire.directory)).press(press)
    assert browser.landed["error"] == error
    assert browser.landed["state"] == "state-1"
    assert browser.landed["error_description"].startswith("AADSTS")


def test_consent_by_an_administrator(wire: Wire, browser: Browser) -> None:
    wire.directory.scopes = ["User.Read"]
    browser.open(authorize_url(wire.directory)).press("Administrator")
    assert titled(browser).startswith("Permissions requested")
    assert browser.page is not None
    assert "User.Read.All" in browser.page.text
    browser.press("Cancel")
    assert browser.landed["error"] == "access_denied"
    assert "AADSTS65004" in browser.landed["error_description"]
    browser.open(authorize_url(wire.directory)).press("Administrator")
    browser.press("Accept")
    assert "code" in browser.landed
    assert wire.directory.scopes == ["User.Read"]
    browser.open(authorize_url(wire.directory, prompt="consent"))
    browser.press("Accept", organization="1")
    browser.open(authorize_url(wire.directory, scope="GroupMember.Read.All"))
    browser.press("Accept", organization="1")
    assert wire.directory.scopes == ["User.Read", "GroupMember.Read.All"]


def test_an_ordinary_user_needs_an_administrator(wire: Wire, browser: Browser) -> None:
    wire.directory.scopes = []
    browser.open(authorize_url(wire.directory)).press("Ordinary User")
    assert titled(browser).startswith("Need admin approval")
    browser.press("Return to the app")
    assert browser.landed["error"] == "access_denied"
    assert "AADSTS90094" in browser.landed["error_description"]
    browser.open(authorize_url(wire.directory, scope="User.Read openid")).press("Ordinary User")
    browser.press("Accept")
    assert "code" in browser.landed
    browser.open(authorize_url(wire.directory, prompt="select_account")).press("Ordinary User")
    browser.press("Have an admin account?").press("Administrator").press("Accept")
    assert "code" in browser.landed


def test_any_enabled_user_signs_in(wire: Wire, browser: Browser) -> None:
    user = wire.directory.add_user(userPrincipalName="ann@contoso.com", displayName="Ann")
    browser.open(authorize_url(wire.directory)).press("Next", account="ANN@contoso.com")
    access = claims(redeem(wire, browser.landed["code"]).json()["access_token"])
    assert (access["oid"], access["upn"]) == (user, "ann@contoso.com")
    wire.directory.disable_user(user)
    browser.open(authorize_url(wire.directory)).press("Next", account="ann@contoso.com")
    assert browser.page is not None
    assert browser.page.alerts[0].startswith("AADSTS50057")
    browser.press("Next", account="nobody@contoso.com")
    assert browser.page.alerts[0].startswith("AADSTS50034")


def test_users_who_went_keep_no_tokens(wire: Wire) -> None:
    user = wire.directory.add_user(userPrincipalName="ann@contoso.com", displayName="Ann")
    token = tokens_for(wire, login_hint="ann@contoso.com")["refresh_token"]
    wire.directory.disable_user(user)
    assert refresh(wire, token).json()["error_codes"] == [50057]
    wire.directory.delete_user(user)
    assert refresh(wire, token).json()["error_codes"] == [500341]


def test_second_factor(wire: Wire, browser: Browser) -> None:
    wire.directory.mfa = "enrolment"
    browser.open(authorize_url(wire.directory)).press("Administrator")
    assert browser.page is not None
    assert "enrol" in browser.page.text
    browser.press("I can't do that now")
    assert browser.landed["error"] == "interaction_required"
    browser.open(authorize_url(wire.directory)).press("Administrator").press("Approve")
    assert "code" in browser.landed
    browser.open(authorize_url(wire.directory))
    assert "code" in browser.landed


def test_a_page_cannot_be_skipped(wire: Wire, browser: Browser) -> None:
    wire.directory.mfa = "required"
    browser.open(authorize_url(wire.directory)).press("Administrator")
    assert browser.page is not None
    form = browser.page.forms[0]
    url = f"{LOGIN}{form.action}"
    answer = wire.send("POST", url, data={**form.fields, "action": "accept"})
    assert "Verify your identity" in answer.text
    for fields in ({}, {"flow": "forged"}):
        assert wire.send("POST", url, data=fields).status_code == 400


def test_sessions(wire: Wire, browser: Browser) -> None:
    silent = authorize_url(wire.directory, prompt="none")
    assert browser.open(silent).landed["error"] == "login_required"
    browser.open(authorize_url(wire.directory)).press("Administrator")
    assert "code" in browser.open(authorize_url(wire.directory)).landed
    assert "code" in browser.open(silent).landed
    wire.directory.scopes = []
    assert browser.open(silent).landed["error"] == "consent_required"
    wire.directory.mfa = "required"
    assert browser.open(silent).landed["error"] == "interaction_required"
    wire.simulator.end_sessions()
    assert browser.open(silent).landed["error"] == "login_required"


def test_two_accounts_in_one_session(wire: Wire, browser: Browser) -> None:
    wire.directory.add_user(userPrincipalName="ann@contoso.com", displayName="Ann")
    browser.open(authorize_url(wire.directory)).press("Administrator")
    browser.open(authorize_url(wire.directory, prompt="login"))
    browser.press("Next", account="ann@contoso.com")
    silent = browser.open(authorize_url(wire.directory, prompt="none")).landed
    assert (silent["error"], silent["error_description"][:12]) == (
        "interaction_required",
        "AADSTS16000:",
    )
    hinted = authorize_url(wire.directory, prompt="none", login_hint="ANN@contoso.com")
    assert "code" in browser.open(hinted).landed
    browser.open(authorize_url(wire.directory)).press("Ann")
    assert "code" in browser.landed


def two_tenants() -> tuple[Directory, Directory]:
    app = Registration("aaaaaaaa-0000-4000-8000-000000000000", [Secret("shared")])
    one = Directory("1" * 8, app=app)
    two = Directory("2" * 8, domain="fabrikam.example", display_name="Fabrikam", app=app)
    return one, two


def test_another_directory() -> None:
    one, two = two_tenants()
    with Wire(one) as wire:
        wire.simulator.directories[two.tenant_id] = two
        browser = Browser(wire).open(authorize_url(one))
        browser.press("Administrator admin@fabrikam.example")
        assert browser.page is not None
        assert browser.page.alerts[0].startswith("AADSTS50020")
        browser.press("Administrator admin@contoso")
        assert redeem(wire, browser.landed["code"]).status_code == 200
        browser.open(authorize_url(one, "organizations", prompt="select_account"))
        browser.press("Administrator admin@fabrikam.example")
        code = browser.landed["code"]
        refused = redeem(wire, code).json()
        assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [700005])
        browser.open(authorize_url(one, "organizations", prompt="select_account"))
        browser.press("Administrator admin@fabrikam.example")
        url = f"{LOGIN}/organizations/oauth2/v2.0/token"
        form = {
            "grant_type": "authorization_code",
            "client_id": one.client_id,
            "client_secret": "shared",
            "code": browser.landed["code"],
            "redirect_uri": REDIRECT,
            "code_verifier": "v" * 43,
        }
        answer = wire.send("POST", url, data=form).json()
        assert claims(answer["id_token"])["tid"] == two.tenant_id


def test_tenants_do_not_share_tokens() -> None:
    one, two = two_tenants()
    two.add_user(userPrincipalName="bob@fabrikam.example", displayName="Bob")
    app = create_app([one, two])
    assert app.state.simulator.find_app(one.client_id) is one.installation.app
    assert one.installation.app is two.installation.app
    two.roles = []
    assert one.roles


@pytest.mark.parametrize("answer", ["accept", "deny"])
def test_admin_consent(wire: Wire, browser: Browser, answer: str) -> None:
    directory = wire.directory
    directory.roles, directory.scopes = [], []
    url = (
        f"{LOGIN}/{directory.tenant_id}/v2.0/adminconsent?client_id={directory.client_id}"
        f"&scope=https://graph.microsoft.com/.default&redirect_uri={REDIRECT}&state=12345"
    )
    browser.open(url).press("Ordinary User")
    assert titled(browser).startswith("Need admin approval")
    browser.press("Have an admin account?").press("Administrator")
    assert browser.page is not None
    assert "User.Read.All (application)" in browser.page.text
    if answer == "deny":
        browser.press("Cancel")
        assert browser.landed["error"] == "consent_required"
        assert browser.landed["error_description"].startswith("AADSTS65004")
        assert browser.landed["admin_consent"] == "True"
        assert directory.roles == []
        return
    browser.press("Accept")
    assert browser.landed == {
        "admin_consent": "True",
        "tenant": directory.tenant_id,
        "scope": "https://graph.microsoft.com/.default",
        "state": "12345",
    }
    assert directory.roles == ["User.Read.All", "GroupMember.Read.All"]


def test_admin_consent_installs_an_app_of_another_tenant() -> None:
    one = two_tenants()[0]
    foreign = Directory("3" * 8, client_id="another", domain="third.example")
    with Wire(one) as wire:
        wire.simulator.directories[foreign.tenant_id] = foreign
        browser = Browser(wire).open(authorize_url(one, foreign.tenant_id))
        browser.press("Administrator admin@third.example").press("Accept", organization="1")
        assert "code" in browser.landed
        assert one.client_id in foreign.installations


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({"client_id": "unknown"}, "AADSTS700016"),
        ({"client_id": None}, "AADSTS900144"),
        ({"redirect_uri": "https://evil.example/"}, "AADSTS50011"),
        ({"redirect_uri": None}, "AADSTS50011"),
    ],
)
def test_what_may_not_reach_an_app(
    wire: Wire, browser: Browser, changed: dict[str, Any], number: str
) -> None:
    browser.open(authorize_url(wire.directory, **changed))
    assert browser.page is not None
    assert browser.page.answer.status_code == 400
    assert browser.page.alerts[0].startswith(number)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": None}, "invalid_request"),
        ({"scope": "https://vault.azure.net/x"}, "invalid_resource"),
        ({"prompt": "maybe"}, "invalid_request"),
        ({"response_mode": "pigeon"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "S1"}, "invalid_request"),
    ],
)
def test_malformed_requests(
    wire: Wire, browser: Browser, changed: dict[str, Any], error: str
) -> None:
    landed = browser.open(authorize_url(wire.directory, **changed)).landed
    assert (landed["error"], landed["state"]) == (error, "state-1")


def test_registered_redirect_uris(wire: Wire, browser: Browser) -> None:
    app = wire.directory.installation.app
    app.redirect_uris = ["https://gateway.example/callback?x=1", "http://localhost/callback"]
    allowed = ["https://gateway.example/callback?x=1", "http://localhost:9999/callback"]
    refused = ["https://gateway.example/callback", "http://localhost:9999/other"]
    refused += ["https://gateway.example:444/callback?x=1", "http://127.0.0.1:9999/callback"]
    for uri in allowed:
        browser.open(authorize_url(wire.directory, redirect_uri=uri, prompt="select_account"))
        assert browser.press("Administrator").url.startswith(uri)
    for uri in refused:
        browser.open(authorize_url(wire.directory, redirect_uri=uri))
        assert browser.page is not None
        assert browser.page.alerts[0].startswith("AADSTS50011")


@pytest.mark.parametrize("what", ["accept", "access_denied", "login_required"])
def test_unattended(wire: Wire, browser: Browser, what: str) -> None:
    wire.simulator.settings.unattended = what
    landed = browser.open(authorize_url(wire.directory)).landed
    assert landed.get("error", "accept") == what
