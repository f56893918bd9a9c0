"""The identity platform's answers beside Microsoft's documented examples.

Each names its page; ``ANY`` stands for a value that differs from answer to answer.
"""

from __future__ import annotations

from unittest.mock import ANY
from urllib.parse import urlsplit

import httpx
import pytest

from azure_adapter.simulator import Directory
from tests.simulator.browser import Browser
from tests.simulator.signin_support import REDIRECT, authorize_url, redeem, refresh
from tests.simulator.support import LOGIN, Wire


def test_authorization_code_and_token() -> None:
    """v2-oauth2-auth-code-flow: successful response of both endpoints."""
    with Wire(Directory()) as wire:
        browser = Browser(wire).open(authorize_url(wire.directory, client_info=None))
        browser.press("Administrator")
        assert browser.url.startswith(f"{REDIRECT}?code=")
        assert browser.landed.keys() == {"code", "state"}
        answer = redeem(wire, browser.landed["code"], client_info="0")
        assert answer.json() == {
            "access_token": ANY,
            "token_type": "Bearer",
            "expires_in": 3599,
            "ext_expires_in": 3599,
            "scope": ANY,
            "refresh_token": ANY,
            "id_token": ANY,
        }
        assert "no-store" in answer.headers["cache-control"]


def test_token_error() -> None:
    """v2-oauth2-auth-code-flow: error response."""
    with Wire(Directory()) as wire:
        body = refresh(wire, "unknown").json()
        assert body.keys() >= {
            "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id",
        }  # fmt: skip
        assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
        assert f"Trace ID: {body['trace_id']}" in body["error_description"]
        assert body["timestamp"].endswith("Z")


def test_authorization_error() -> None:
    """v2-oauth2-auth-code-flow: error response of the authorize endpoint."""
    with Wire(Directory()) as wire:
        landed = Browser(wire).open(authorize_url(wire.directory)).press("Cancel").landed
        assert landed.keys() >= {"error", "error_description", "state"}
        assert landed["error"] == "access_denied"


def test_admin_consent() -> None:
    """v2-admin-consent: successful response."""
    directory = Directory()
    with Wire(directory) as wire:
        url = httpx.URL(
            f"{LOGIN}/{directory.tenant_id}/v2.0/adminconsent",
            params={
                "client_id": directory.client_id,
                "scope": "https://graph.microsoft.com/User.Read.All",
                "redirect_uri": "http://localhost/myapp/permissions",
                "state": "12345",
            },
        )
        browser = Browser(wire).open(str(url)).press("Administrator").press("Accept")
        assert urlsplit(browser.url).path == "/myapp/permissions"
        assert browser.landed == {
            "admin_consent": "True",
            "tenant": directory.tenant_id,
            "scope": "https://graph.microsoft.com/User.Read.All",
            "state": "12345",
        }


@pytest.mark.parametrize("tenant", ["common", "organizations", None])
def test_openid_configuration(tenant: str | None) -> None:
    """v2-protocols-oidc: sample configuration document."""
    directory = Directory()
    with Wire(directory) as wire:
        named = tenant or directory.tenant_id
        document = wire.send("GET", f"{LOGIN}/{named}/v2.0/.well-known/openid-configuration").json()
        assert document["authorization_endpoint"] == f"{LOGIN}/{named}/oauth2/v2.0/authorize"
        assert document["token_endpoint"] == f"{LOGIN}/{named}/oauth2/v2.0/token"
        assert document["jwks_uri"] == f"{LOGIN}/{named}/discovery/v2.0/keys"
        issuer = "{tenantid}" if tenant else directory.tenant_id
        assert document["issuer"] == f"{LOGIN}/{issuer}/v2.0"
        assert {"private_key_jwt", "client_secret_post", "client_secret_basic"} == set(
            document["token_endpoint_auth_methods_supported"]
        )
        assert document["response_modes_supported"] == ["query", "fragment", "form_post"]
        assert document["id_token_signing_alg_values_supported"] == ["RS256"]
        assert document.keys() >= {
            "subject_types_supported", "response_types_supported", "scopes_supported",
            "userinfo_endpoint", "end_session_endpoint", "device_authorization_endpoint",
            "tenant_region_scope", "cloud_instance_name", "cloud_graph_host_name", "msgraph_host",
        }  # fmt: skip
        keys = wire.send("GET", document["jwks_uri"]).json()["keys"]
        assert keys[0].keys() >= {"kty", "use", "kid", "x5t", "n", "e", "issuer"}


def test_instance_discovery() -> None:
    """Cloud instance discovery, as msal asks for it."""
    with Wire(Directory()) as wire:
        url = (
            f"{LOGIN}/common/discovery/instance?api-version=1.1&authorization_endpoint="
            f"{LOGIN}/common/oauth2/v2.0/authorize"
        )
        body = wire.send("GET", url).json()
        assert body.keys() == {"tenant_discovery_endpoint", "api-version", "metadata"}
        assert body["metadata"][0].keys() == {"preferred_network", "preferred_cache", "aliases"}
        assert body["metadata"][0]["preferred_network"] == "login.microsoftonline.com"
