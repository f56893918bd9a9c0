"""msal 1.39, unmodified, through every flow."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_adapter.simulator import Directory
from azure_adapter.simulator.signing import thumbprints
from tests.simulator.browser import Browser
from tests.simulator.signin_support import (
    REDIRECT,
    authorize_url,
    certificate,
    claims,
    msal_app,
    redeem,
    refresh,
)
from tests.simulator.support import Wire

SCOPES = ["User.Read.All", "GroupMember.Read.All"]


@pytest.fixture
def directory() -> Directory:
    return Directory(seed=1)


@pytest.fixture
def wire(directory: Directory) -> Iterator[Wire]:
    with Wire(directory) as opened:
        yield opened


def begin(app: Any, **options: Any) -> Any:
    """Begin as msal recommends; a parameter of the wrong mode would be a warning, so an error."""
    chosen = {"scopes": SCOPES, "response_mode": "form_post", **options}
    return app.initiate_auth_code_flow(redirect_uri=REDIRECT, **chosen)


def sign_in(wire: Wire, app: Any, scopes: list[str]) -> Any:
    flow = begin(app, scopes=scopes)
    browser = Browser(wire).open(flow["auth_uri"]).press("Administrator")
    return app.acquire_token_by_auth_code_flow(flow, browser.landed)


@pytest.mark.parametrize("tenant", [None, "contoso.onmicrosoft.com", "organizations", "common"])
def test_authorization_code_flow(wire: Wire, tenant: str | None) -> None:
    app = msal_app(wire, tenant)
    result = sign_in(wire, app, SCOPES)
    assert result["token_type"] == "Bearer"
    assert set(SCOPES) <= set(result["scope"].split())
    told = result["id_token_claims"]
    assert told["tid"] == wire.directory.tenant_id
    assert told["preferred_username"] == "admin@contoso.onmicrosoft.com"
    access = claims(result["access_token"])
    assert set(SCOPES) <= set(access["scp"].split())
    assert access["idtyp"] == "user"
    assert "roles" not in access
    account = app.get_accounts()[0]
    assert account["home_account_id"] == f"{told['oid']}.{told['tid']}"
    assert account["username"] == told["preferred_username"]
    wire.token = result["access_token"]
    assert wire.get("/users/delta").status_code == 200
    assert wire.json("/me")["id"] == told["oid"]


@pytest.mark.filterwarnings("ignore:response_mode=:UserWarning")
@pytest.mark.parametrize("mode", ["query", "fragment", None])
def test_other_response_modes(wire: Wire, mode: str | None) -> None:
    app = msal_app(wire)
    flow = begin(app, response_mode=mode)
    browser = Browser(wire).open(flow["auth_uri"]).press("Administrator")
    assert browser.url.startswith(f"{REDIRECT}{'#' if mode == 'fragment' else '?'}")
    assert "access_token" in app.acquire_token_by_auth_code_flow(flow, browser.landed)


def test_silent_refresh_rotates(wire: Wire) -> None:
    app = msal_app(wire)
    first = sign_in(wire, app, SCOPES)
    account = app.get_accounts()[0]
    assert app.acquire_token_silent(SCOPES, account)["access_token"] == first["access_token"]
    second = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert second["access_token"] != first["access_token"]
    third = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert third["token_type"] == "Bearer"
    assert len(wire.simulator.refresh_tokens) == 3


def test_default_scope_in_both_flows(wire: Wire) -> None:
    scopes = ["https://graph.microsoft.com/.default"]
    app = msal_app(wire)
    result = sign_in(wire, app, scopes)
    account = app.get_accounts()[0]
    assert app.acquire_token_silent(scopes, account)["access_token"] == result["access_token"]
    assert claims(app.acquire_token_for_client(scopes)["access_token"])["idtyp"] == "app"


@pytest.mark.parametrize("style", ["interaction_required", "invalid_grant"])
@pytest.mark.parametrize(("mfa", "number"), [("required", 50076), ("enrolment", 50079)])
def test_a_second_factor_asked_for_later(wire: Wire, style: Any, mfa: Any, number: int) -> None:
    app = msal_app(wire)
    sign_in(wire, app, SCOPES)
    wire.directory.mfa = mfa
    wire.simulator.settings.interaction_error = style
    account = app.get_accounts()[0]
    refused = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert refused["error"] == style
    assert refused["error_description"].startswith(f"AADSTS{number}: ")
    flow = begin(app, prompt="login")
    browser = Browser(wire).open(flow["auth_uri"]).press("Administrator")
    assert browser.page is not None
    assert browser.page.title.startswith("Verify your identity")
    browser.press("Approve")
    assert "access_token" in app.acquire_token_by_auth_code_flow(flow, browser.landed)
    account = app.get_accounts()[0]
    again = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert "access_token" in again


def test_revoked_and_inactive_refresh_tokens(directory: Directory) -> None:
    now = [1_700_000_000.0]
    directory.clock = lambda: now[0]
    with Wire(directory) as wire:
        wire.simulator.settings.unattended = "accept"
        tokens = []
        for _ in range(2):
            answer = wire.send("GET", authorize_url(directory))
            tokens.append(_redeemed(wire, answer.headers["location"])["refresh_token"])
        wire.simulator.refresh_tokens.revoke(directory)
        assert _refused(wire, tokens[0]) == ("invalid_grant", 50173)
        answer = wire.send("GET", authorize_url(directory))
        fresh = _redeemed(wire, answer.headers["location"])["refresh_token"]
        now[0] += 89 * 86400
        renewed = refresh(wire, fresh).json()["refresh_token"]
        now[0] += 2 * 86400
        assert _refused(wire, fresh) == ("invalid_grant", 700082)
        assert refresh(wire, renewed).status_code == 200


def test_a_certificate_with_each_padding(wire: Wire) -> None:
    private, public = certificate()
    wire.directory.installation.app.certificates.append(public)
    scopes = ["https://graph.microsoft.com/.default"]
    modern = msal_app(wire, credential={"private_key": private, "public_certificate": public})
    assert "access_token" in modern.acquire_token_for_client(scopes)
    sha1 = thumbprints(public)[0]
    hexadecimal = _hex(sha1)
    old = msal_app(wire, credential={"private_key": private, "thumbprint": hexadecimal})
    assert "access_token" in old.acquire_token_for_client(scopes)
    result = sign_in(wire, modern, SCOPES)
    assert "access_token" in result


def test_a_foreign_certificate(wire: Wire) -> None:
    private, public = certificate()
    app = msal_app(wire, credential={"private_key": private, "public_certificate": public})
    refused = app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
    assert refused["error"] == "invalid_client"
    assert refused["error_codes"] == [700027]


def test_an_expired_certificate(wire: Wire) -> None:
    private, public = certificate(-1)
    wire.directory.installation.app.certificates.append(public)
    app = msal_app(wire, credential={"private_key": private, "public_certificate": public})
    refused = app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
    assert refused["error"] == "invalid_client"


def test_missing_consent_is_told_at_refresh(wire: Wire) -> None:
    app = msal_app(wire)
    sign_in(wire, app, SCOPES)
    wire.directory.scopes = ["User.Read"]
    account = app.get_accounts()[0]
    refused = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert refused["error"] == "consent_required"
    assert refused["error_codes"] == [65001]
    assert refused["suberror"] == "consent_required"


def test_denial_reaches_msal(wire: Wire) -> None:
    app = msal_app(wire)
    flow = begin(app)
    browser = Browser(wire).open(flow["auth_uri"]).press("Cancel")
    result = app.acquire_token_by_auth_code_flow(flow, browser.landed)
    assert result["error"] == "access_denied"


def _redeemed(wire: Wire, location: str) -> dict[str, Any]:
    body: dict[str, Any] = redeem(wire, httpx.URL(location).params["code"]).json()
    return body


def _refused(wire: Wire, token: str) -> tuple[str, int]:
    body = refresh(wire, token).json()
    return body["error"], body["error_codes"][0]


def _hex(encoded: str) -> str:
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).hex()
