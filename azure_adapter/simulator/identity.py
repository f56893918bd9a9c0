"""The identity platform's side: discovery documents and the token endpoint.

Sources: Microsoft identity platform: OpenID Connect discovery, OAuth 2.0 client credentials
flow, "Authentication and authorization error codes" (AADSTS).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

import orjson
from starlette.requests import Request
from starlette.responses import Response

from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.hosts import GRAPH_HOSTS, base_url
from azure_adapter.simulator.state import Simulator

_SHARED_TENANTS: Final = frozenset({"common", "organizations"})
_DEFAULT_SCOPE: Final = "/.default"
_RESOURCES: Final = GRAPH_HOSTS | {"00000003-0000-0000-c000-000000000000"}
_CLOUDS: Final = (
    ("login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"),
    ("login.partner.microsoftonline.cn", "login.chinacloudapi.cn"),
    ("login.microsoftonline.us", "login.usgovcloudapi.net"),
)


class IdentityError(Exception):
    """A refusal of the identity platform.

    Args:
        status: HTTP status.
        error: OAuth error, for example ``invalid_client``.
        number: AADSTS number.
        text: Description without the AADSTS prefix.
    """

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.error = error
        self.number = number
        self.text = text

    def body(self) -> dict[str, Any]:
        """Build the error body that the token endpoint answers with."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        return {
            "error": self.error,
            "error_description": (
                f"AADSTS{self.number}: {self.text} Trace ID: {trace} "
                f"Correlation ID: {correlation} Timestamp: {now}"
            ),
            "error_codes": [self.number],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }


async def discovery_endpoint(request: Request) -> Response:
    """Answer ``GET /{tenant}/v2.0/.well-known/openid-configuration``."""
    simulator: Simulator = request.app.state.simulator
    tenant = request.path_params["tenant"]
    try:
        directory = None if tenant in _SHARED_TENANTS else _directory(simulator, tenant)
    except IdentityError as error:
        return _json(error.body(), error.status)
    tid = "{tenantid}" if directory is None else directory.tenant_id
    return _json(discovery_document(base_url(request.headers), tenant, tid))


def discovery_document(base: str, tenant: str, tenant_id: str) -> dict[str, Any]:
    """Build the OpenID Connect discovery document of a tenant.

    Args:
        base: Scheme and host of the identity platform.
        tenant: The tenant as the caller wrote it.
        tenant_id: Its id for the issuer, or ``{tenantid}`` for shared endpoints.
    """
    oauth = f"{base}/{tenant}/oauth2/v2.0"
    return {
        "token_endpoint": f"{oauth}/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        "jwks_uri": f"{base}/{tenant}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{base}/{tenant_id}/v2.0",
        "request_uri_parameter_supported": False,
        "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
        "authorization_endpoint": f"{oauth}/authorize",
        "device_authorization_endpoint": f"{oauth}/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{oauth}/logout",
        "tenant_region_scope": "WW",
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
    }


async def instance_endpoint(request: Request) -> Response:
    """Answer ``GET /common/discovery/instance``: the clouds and their aliases."""
    asked = request.query_params.get("authorization_endpoint", "")
    tenant = asked.split("/")[3] if asked.count("/") >= 3 else "common"
    return _json(
        {
            "tenant_discovery_endpoint": (
                f"{base_url(request.headers)}/{tenant}/v2.0/.well-known/openid-configuration"
            ),
            "api-version": "1.1",
            "metadata": [
                {
                    "preferred_network": aliases[0],
                    "preferred_cache": aliases[min(1, len(aliases) - 1)],
                    "aliases": list(aliases),
                }
                for aliases in _CLOUDS
            ],
        }
    )


async def token_endpoint(request: Request) -> Response:
    """Answer ``POST /{tenant}/oauth2/v2.0/token``."""
    simulator: Simulator = request.app.state.simulator
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    form.update(_basic_credentials(request.headers))
    try:
        directory = _directory(simulator, request.path_params["tenant"])
        return _json(_client_credentials(simulator, directory, form))
    except IdentityError as error:
        return _json(error.body(), error.status)


def _directory(simulator: Simulator, tenant: str) -> Directory:
    directory = simulator.find_directory(tenant)
    if directory is None:
        raise IdentityError(
            400,
            "invalid_tenant",
            90002,
            f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and "
            "are signing into the correct cloud. Check with your subscription administrator, "
            "this may happen if there are no active subscriptions for the tenant.",
        )
    return directory


def _client_credentials(
    simulator: Simulator, directory: Directory, form: Mapping[str, str]
) -> dict[str, Any]:
    _check_grant(form)
    _check_client(directory, form)
    audience = _audience(form.get("scope", ""))
    lifetime = simulator.settings.token_lifetime
    token = simulator.tokens.issue(
        directory,
        issuer=f"https://sts.windows.net/{directory.tenant_id}/",
        audience=audience,
        lifetime=lifetime,
    )
    return {
        "token_type": "Bearer",
        "expires_in": int(lifetime),
        "ext_expires_in": int(lifetime),
        "access_token": token,
    }


def _check_grant(form: Mapping[str, str]) -> None:
    for name in ("grant_type", "client_id"):
        if not form.get(name):
            raise IdentityError(
                400,
                "invalid_request",
                900144,
                f"The request body must contain the following parameter: '{name}'.",
            )
    if form["grant_type"] != "client_credentials":
        raise IdentityError(
            400,
            "unsupported_grant_type",
            70003,
            f"The app requested an unsupported grant type '{form['grant_type']}'.",
        )


def _check_client(directory: Directory, form: Mapping[str, str]) -> None:
    client_id = form["client_id"]
    if client_id.lower() != directory.client_id.lower():
        raise IdentityError(
            400,
            "unauthorized_client",
            700016,
            f"Application with identifier '{client_id}' was not found in the directory "
            f"'{directory.display_name}'. This can happen if the application has not been "
            "installed by the administrator of the tenant or consented to by any user in the "
            "tenant. You may have sent your authentication request to the wrong tenant.",
        )
    secret = form.get("client_secret", "")
    if not hmac.compare_digest(secret.encode(), directory.client_secret.encode()):
        raise IdentityError(
            401,
            "invalid_client",
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the "
            "client secret value, not the client secret ID, for a secret added to app "
            f"'{client_id}'.",
        )
    if directory.secret_expired:
        raise IdentityError(
            401,
            "invalid_client",
            7000222,
            f"The provided client secret keys for app '{client_id}' are expired. Visit the Azure "
            "portal to create new keys for your app.",
        )


def _audience(scope: str) -> str:
    scopes = scope.split()
    if len(scopes) != 1 or not scopes[0].endswith(_DEFAULT_SCOPE):
        raise IdentityError(
            400,
            "invalid_scope",
            1002012,
            f"The provided value for scope {scope} is not valid. Client credential flows must "
            "have a scope value with /.default suffixed to the resource identifier (application "
            "ID URI).",
        )
    audience = scopes[0].removesuffix(_DEFAULT_SCOPE)
    if audience.removeprefix("https://").rstrip("/") not in _RESOURCES:
        raise IdentityError(
            400,
            "invalid_resource",
            500011,
            f"The resource principal named {audience} was not found in the tenant.",
        )
    return audience


def _basic_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return {}
    client_id, _, secret = pair.partition(":")
    return {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}


def _json(body: dict[str, Any], status: int = 200) -> Response:
    headers = {
        "Cache-Control": "no-store, no-cache",
        "Content-Type": "application/json; charset=utf-8",
        "x-ms-request-id": str(uuid.uuid4()),
    }
    return Response(orjson.dumps(body), status, headers)
