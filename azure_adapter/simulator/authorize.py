"""The authorize endpoint: what an app asks for, and how it is answered.

Sources: Microsoft identity platform: "OAuth 2.0 authorization code flow" (request an
authorization code, error codes), "Admin consent", "OpenID Connect" (``prompt``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from azure_adapter.simulator.accounts import Account
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.grants import Code, SignIn
from azure_adapter.simulator.identity_errors import IdentityError, missing, unknown_client
from azure_adapter.simulator.pages import post_page
from azure_adapter.simulator.registrations import Installation, Registration
from azure_adapter.simulator.state import Simulator
from azure_adapter.simulator.token_grants import client_info, split_scopes

_MODES: Final = ("query", "fragment", "form_post")
_PROMPTS: Final = frozenset({"", "none", "login", "consent", "select_account", "create"})


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request, or a request for admin consent, as it arrived.

    Attributes:
        tenant: The tenant of the path, as written.
        params: Query parameters.
        admin_consent: Whether this is the admin consent endpoint.
    """

    tenant: str
    params: Mapping[str, str]
    admin_consent: bool = False

    @property
    def redirect_uri(self) -> str:
        """Where the answer goes."""
        return self.params.get("redirect_uri", "")

    @property
    def prompt(self) -> str:
        """How much interaction the app wants."""
        return self.params.get("prompt", "")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes asked for, as written."""
        return tuple(self.params.get("scope", "").split())

    def state(self) -> dict[str, Any]:
        """Return what a page needs to go on."""
        return {"tenant": self.tenant, "params": dict(self.params), "admin": self.admin_consent}


def registration(simulator: Simulator, asked: Asked) -> Registration:
    """Find the app, and check what must hold before anything is sent to it.

    Raises:
        IdentityError: For the person, not the app: unknown app, or a foreign redirect URI.
    """
    client_id = asked.params.get("client_id", "")
    if not client_id:
        raise missing("client_id")
    app = simulator.find_app(client_id)
    if app is None:
        raise unknown_client(client_id, asked.tenant)
    if not asked.redirect_uri or not app.redirects_to(asked.redirect_uri):
        raise IdentityError(
            400,
            "invalid_request",
            50011,
            f"The redirect URI '{asked.redirect_uri}' specified in the request does not match "
            f"the redirect URIs configured for the application '{client_id}'.",
        )
    return app


def check_request(asked: Asked) -> None:
    """Check the rest of the request.

    Raises:
        IdentityError: For the app: a missing or unknown parameter, or a foreign resource.
    """
    if asked.admin_consent:
        return
    params = asked.params
    if params.get("response_type") != "code":
        raise IdentityError(
            400,
            "unsupported_response_type",
            700054,
            f"response_type '{params.get('response_type', '')}' is not enabled for the "
            "application.",
        )
    if not asked.scopes:
        raise missing("scope")
    if params.get("response_mode", "query") not in _MODES or asked.prompt not in _PROMPTS:
        raise IdentityError(400, "invalid_request", 90014, "A parameter's value is unknown.")
    if "code_challenge_method" in params and "code_challenge" not in params:
        raise missing("code_challenge")
    if params.get("code_challenge_method", "plain") not in ("S256", "plain"):
        raise IdentityError(
            400, "invalid_request", 501491, "Invalid Code_Challenge_method. Use S256 or plain."
        )
    split_scopes(asked.scopes)


def missing_permissions(
    asked: Asked, app: Registration, installation: Installation | None, account: Account
) -> list[str]:
    """List the delegated permissions that the app asks for and does not have."""
    _, names, _ = split_scopes(asked.scopes)
    wanted: list[str] = []
    for name in names:
        wanted.extend(app.scopes if name == ".default" else [name])
    allowed = set() if installation is None else installation.granted(account.object_id)
    return [name for name in dict.fromkeys(wanted) if name not in allowed]


def code_answer(
    simulator: Simulator, asked: Asked, directory: Directory, account: Account, *, mfa: bool
) -> Response:
    """Issue a code and send it to the app."""
    params = asked.params
    sign_in = SignIn(
        directory.tenant_id,
        params["client_id"],
        account.object_id,
        asked.scopes,
        mfa,
        directory.clock(),
    )
    code = simulator.codes.issue(
        Code(
            sign_in,
            asked.redirect_uri,
            params.get("code_challenge", ""),
            params.get("code_challenge_method", "plain"),
            params.get("nonce", ""),
        )
    )
    values = {"code": code}
    if params.get("client_info") == "1":
        values["client_info"] = client_info(directory, account)
    return answer_app(asked, values)


def consent_answer(asked: Asked, directory: Directory) -> Response:
    """Tell the app that an administrator agreed."""
    values = {"admin_consent": "True", "tenant": directory.tenant_id}
    if asked.scopes:
        values["scope"] = " ".join(asked.scopes)
    return answer_app(asked, values)


def error_answer(asked: Asked, error: str, number: int, text: str) -> Response:
    """Tell the app that there will be no code."""
    body = IdentityError(400, error, number, text).body()
    values = {"error": error, "error_description": str(body["error_description"])}
    if error == "access_denied":
        values["error_subcode"] = "cancel"
    values["error_uri"] = str(body["error_uri"])
    if asked.admin_consent:
        values = {"admin_consent": "True", **values}
    return answer_app(asked, values)


def answer_app(asked: Asked, values: dict[str, str]) -> Response:
    """Send an answer to the app in the response mode that it asked for."""
    if "state" in asked.params:
        values["state"] = asked.params["state"]
    mode = asked.params.get("response_mode", "query")
    uri = asked.redirect_uri
    if mode == "form_post":
        return post_page(uri, values)
    encoded = urlencode(values)
    if mode == "fragment":
        return RedirectResponse(f"{uri}#{encoded}", 302)
    joint = "&" if urlsplit(uri).query else "?"
    return RedirectResponse(f"{uri}{joint}{encoded}", 302)
