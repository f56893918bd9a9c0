"""The three grants of the token endpoint: client credentials, code, refresh token.

Sources: Microsoft identity platform: "OAuth 2.0 client credentials flow", "OAuth 2.0
authorization code flow", "ID token claims reference", "Scopes and permissions" (``.default``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from azure_adapter.simulator.accounts import Account, find_account
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.grants import SignIn, check_binding
from azure_adapter.simulator.hosts import GRAPH_HOSTS
from azure_adapter.simulator.identity_errors import (
    IdentityError,
    consent_needed,
    invalid_grant,
    mfa_needed,
    missing,
)
from azure_adapter.simulator.registrations import OPENID_SCOPES, Installation
from azure_adapter.simulator.signing import encode, sign
from azure_adapter.simulator.state import Simulator

_DEFAULT: Final = ".default"
_RESOURCES: Final = GRAPH_HOSTS | {"00000003-0000-0000-c000-000000000000"}


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token request whose client is authenticated.

    Attributes:
        simulator: The simulator.
        directory: The tenant.
        installation: The app in that tenant.
        form: The request's parameters.
        base: Scheme and host of the identity platform, as the caller knows it.
        skew: Seconds by which the platform's clock is ahead.
    """

    simulator: Simulator
    directory: Directory
    installation: Installation
    form: Mapping[str, str]
    base: str
    skew: float = 0.0

    @property
    def client_id(self) -> str:
        """The app's id."""
        return self.installation.app.client_id


def client_credentials(request: TokenRequest) -> dict[str, Any]:
    """Answer ``grant_type=client_credentials``."""
    audience = _app_audience(request.form.get("scope", ""))
    return _access(request, audience)


def authorization_code(request: TokenRequest) -> dict[str, Any]:
    """Answer ``grant_type=authorization_code``."""
    form = request.form
    for name in ("code", "redirect_uri"):
        if not form.get(name):
            raise missing(name)
    code = request.simulator.codes.redeem(request.directory, form["code"], request.client_id)
    check_binding(code, form["redirect_uri"], form.get("code_verifier", ""))
    return _for_user(request, code.sign_in, code.nonce)


def refresh_token(request: TokenRequest) -> dict[str, Any]:
    """Answer ``grant_type=refresh_token``."""
    token = request.form.get("refresh_token")
    if not token:
        raise missing("refresh_token")
    settings = request.simulator.settings
    sign_in = request.simulator.refresh_tokens.redeem(
        request.directory, token, request.client_id, single_use=settings.refresh_single_use
    )
    mfa = request.directory.mfa
    if mfa and not sign_in.mfa:
        raise mfa_needed(settings.interaction_error, enrolment=mfa == "enrolment")
    return _for_user(request, sign_in, "")


def split_scopes(scopes: tuple[str, ...]) -> tuple[str, list[str], list[str]]:
    """Split what was asked for.

    Returns:
        The prefix that names the resource as written (may be empty), the resource's own scopes
        without it, and the scopes of OpenID Connect.

    Raises:
        IdentityError: Another resource than Graph, or several.
    """
    openid = [one for one in scopes if one in OPENID_SCOPES]
    prefixes, names = set(), []
    for scope in scopes:
        if scope in OPENID_SCOPES:
            continue
        resource, _, name = scope.rpartition("/")
        if resource and resource.removeprefix("https://").rstrip("/") not in _RESOURCES:
            raise _unknown_resource(resource)
        prefixes.add(f"{resource}/" if resource else "")
        names.append(name)
    prefix = max(prefixes, default="", key=len)
    return prefix, names, openid


def granted(request_scopes: list[str], installation: Installation, object_id: str) -> set[str]:
    """List the delegated permissions that a token carries; empty when consent is missing."""
    allowed = installation.granted(object_id)
    asked = [one for one in request_scopes if one != _DEFAULT]
    if any(one not in allowed for one in asked):
        return set()
    return allowed


def _for_user(request: TokenRequest, sign_in: SignIn, nonce: str) -> dict[str, Any]:
    account = find_account(request.directory, sign_in.object_id)
    if account is None:
        raise invalid_grant(
            500341,
            f"The user account {sign_in.object_id} has been deleted from the "
            f"{request.directory.tenant_id} directory. To sign into this application, the "
            "account must be added to the directory.",
        )
    if not account.enabled:
        raise invalid_grant(50057, "The user account is disabled.")
    asked = tuple(request.form.get("scope", "").split()) or sign_in.scopes
    prefix, names, openid = split_scopes(asked)
    scopes = granted(names, request.installation, account.object_id)
    if not scopes:
        app = request.installation.app
        style = request.simulator.settings.interaction_error
        error = "invalid_grant" if style == "invalid_grant" else "consent_required"
        raise consent_needed(app.display_name, app.client_id, error)
    answer = _access(
        request, prefix.rstrip("/") or "https://graph.microsoft.com", account, frozenset(scopes)
    )
    shown = [f"{prefix}{one}" for one in sorted(scopes)]
    if _DEFAULT in names:
        shown.append(f"{prefix}{_DEFAULT}")
    answer["scope"] = " ".join([*shown, *(one for one in openid if one != "offline_access")])
    if "offline_access" in asked:
        answer["refresh_token"] = request.simulator.refresh_tokens.issue(sign_in)
    if "openid" in asked:
        answer["id_token"] = _id_token(request, account, nonce)
    if request.form.get("client_info") == "1":
        answer["client_info"] = client_info(request.directory, account)
    return answer


def client_info(directory: Directory, account: Account) -> str:
    """Build the ``client_info`` that msal asks for."""
    return encode(orjson.dumps({"uid": account.object_id, "utid": directory.tenant_id}))


def _access(
    request: TokenRequest,
    audience: str,
    account: Account | None = None,
    scopes: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    lifetime = request.simulator.settings.token_lifetime
    token = request.simulator.tokens.issue(
        request.directory,
        issuer=f"https://sts.windows.net/{request.directory.tenant_id}/",
        audience=audience,
        lifetime=lifetime,
        installation=request.installation,
        account=account,
        scopes=scopes,
        skew=request.skew,
    )
    return {
        "token_type": "Bearer",
        "expires_in": int(lifetime),
        "ext_expires_in": int(lifetime),
        "access_token": token,
    }


def _id_token(request: TokenRequest, account: Account, nonce: str) -> str:
    now = request.directory.clock() + request.skew
    claims = {
        "aud": request.client_id,
        "iss": f"{request.base}/{request.directory.tenant_id}/v2.0",
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now + request.simulator.settings.token_lifetime),
        "name": account.name,
        "oid": account.object_id,
        "preferred_username": account.upn,
        "sub": account.subject(request.client_id),
        "tid": request.directory.tenant_id,
        "ver": "2.0",
    }
    if nonce:
        claims["nonce"] = nonce
    return sign(claims)


def _app_audience(scope: str) -> str:
    scopes = scope.split()
    if len(scopes) != 1 or not scopes[0].endswith(f"/{_DEFAULT}"):
        raise IdentityError(
            400,
            "invalid_scope",
            1002012,
            f"The provided value for scope {scope} is not valid. Client credential flows must "
            "have a scope value with /.default suffixed to the resource identifier (application "
            "ID URI).",
        )
    audience = scopes[0].removesuffix(f"/{_DEFAULT}")
    if audience.removeprefix("https://").rstrip("/") not in _RESOURCES:
        raise _unknown_resource(audience)
    return audience


def _unknown_resource(audience: str) -> IdentityError:
    return IdentityError(
        400,
        "invalid_resource",
        500011,
        f"The resource principal named {audience} was not found in the tenant.",
    )
