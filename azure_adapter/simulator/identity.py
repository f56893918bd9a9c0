"""The identity platform's documents and its token endpoint.

Sources: Microsoft identity platform: OpenID Connect discovery, "OAuth 2.0 and OpenID Connect
protocols", "Authentication and authorization error codes" (AADSTS).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

from azure_adapter.simulator import token_grants
from azure_adapter.simulator.client_auth import authenticate, basic_credentials
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.hosts import base_url
from azure_adapter.simulator.identity_errors import IdentityError, missing, unknown_tenant
from azure_adapter.simulator.signing import key_set
from azure_adapter.simulator.state import Simulator
from azure_adapter.simulator.token_grants import TokenRequest

SHARED_TENANTS: Final = frozenset({"common", "organizations"})
"""Endpoints that are no one tenant's."""

_CLOUDS: Final = (
    ("login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"),
    ("login.partner.microsoftonline.cn", "login.chinacloudapi.cn"),
    ("login.microsoftonline.us", "login.usgovcloudapi.net"),
)
_GRANTS: Final[dict[str, Callable[[TokenRequest], dict[str, Any]]]] = {
    "client_credentials": token_grants.client_credentials,
    "authorization_code": token_grants.authorization_code,
    "refresh_token": token_grants.refresh_token,
}


async def discovery_endpoint(request: Request) -> Response:
    """Answer ``GET /{tenant}/v2.0/.well-known/openid-configuration``."""
    simulator: Simulator = request.app.state.simulator
    tenant = request.path_params["tenant"]
    try:
        tid = "{tenantid}" if _shared(tenant) else find_tenant(simulator, tenant).tenant_id
    except IdentityError as error:
        return json_answer(error.body(), error.status)
    return json_answer(discovery_document(base_url(request.headers), tenant, tid))


async def keys_endpoint(request: Request) -> Response:
    """Answer ``GET /{tenant}/discovery/v2.0/keys``: the JWKS document."""
    simulator: Simulator = request.app.state.simulator
    tenant = request.path_params["tenant"]
    base = base_url(request.headers)
    try:
        tid = "{tenantid}" if _shared(tenant) else find_tenant(simulator, tenant).tenant_id
    except IdentityError as error:
        return json_answer(error.body(), error.status)
    return json_answer(key_set(f"{base}/{tid}/v2.0"))


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
    return json_answer(
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
    body = (await request.body()).decode("utf-8", "replace")
    form = dict(parse_qsl(body, keep_blank_values=True))
    form.update(basic_credentials(request.headers))
    try:
        return json_answer(_token(request, simulator, form))
    except IdentityError as error:
        return json_answer(error.body(), error.status)


def find_tenant(simulator: Simulator, tenant: str) -> Directory:
    """Find a tenant by id or domain.

    Raises:
        IdentityError: AADSTS90002.
    """
    directory = simulator.find_directory(tenant)
    if directory is None:
        raise unknown_tenant(tenant)
    return directory


def json_answer(body: dict[str, Any], status: int = 200) -> Response:
    """Build an answer of the identity platform."""
    headers = {
        "Cache-Control": "no-store, no-cache",
        "Content-Type": "application/json; charset=utf-8",
        "P3P": 'CP="DSP CUR OTPi IND OTRi ONL FIN"',
        "x-ms-request-id": str(uuid.uuid4()),
    }
    return Response(orjson.dumps(body), status, headers)


def _token(request: Request, simulator: Simulator, form: dict[str, str]) -> dict[str, Any]:
    directory = _asked_tenant(simulator, request.path_params["tenant"], form)
    for name in ("grant_type", "client_id"):
        if not form.get(name):
            raise missing(name)
    answer = _GRANTS.get(form["grant_type"])
    if answer is None:
        raise IdentityError(
            400,
            "unsupported_grant_type",
            70003,
            f"The app requested an unsupported grant type '{form['grant_type']}'.",
        )
    skew = simulator.settings.clock_skew + request.scope.get("simulator.skew", 0.0)
    return answer(
        TokenRequest(
            simulator,
            directory,
            authenticate(directory, form),
            form,
            base_url(request.headers),
            skew,
        )
    )


def _asked_tenant(simulator: Simulator, tenant: str, form: dict[str, str]) -> Directory:
    """Find the tenant; at a shared endpoint it is the one that the code or token belongs to."""
    if not _shared(tenant):
        return find_tenant(simulator, tenant)
    home = simulator.codes.tenant_of(form.get("code", "")) or simulator.refresh_tokens.tenant_of(
        form.get("refresh_token", "")
    )
    if form.get("grant_type") == "client_credentials":
        raise IdentityError(
            400,
            "invalid_request",
            50194,
            "Application is not configured as a multi-tenant application. Usage of the /common "
            "endpoint is not supported for such apps.",
        )
    return simulator.directory if home is None else find_tenant(simulator, home)


def _shared(tenant: str) -> bool:
    return tenant.lower() in SHARED_TENANTS
