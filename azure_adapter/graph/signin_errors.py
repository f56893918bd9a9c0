"""What a refused sign-in means, as data.

Sources: Microsoft identity platform: "Authentication and authorization error codes" (AADSTS),
"OAuth 2.0 client credentials flow" (error responses); RFC 6749 §5.2. ``error`` decides, an AADSTS
number only where it says more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_NUMBER: Final = re.compile(r"AADSTS(\d{3,9})\b")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a person has to act.

    Attributes:
        code: Stable word.
        reason: What is wrong, as the end of a sentence.
        advice: What to do.
    """

    code: str
    reason: str
    advice: str


_RENEW: Final = (
    "Create a new client secret for the app registration in Microsoft Entra (Certificates & "
    "secrets) and enter its value, not its id, in this user sync."
)
_AGAIN: Final = "Sign in again with an administrator of the Azure tenant (Reauthorize)."
_APP_ADVICE: Final = (
    "Check the application (client) id and the tenant id, and that the app registration is in "
    "this tenant and enabled."
)
_CONSENT_ADVICE: Final = (
    "Have an administrator of the Azure tenant grant admin consent to the application, or sign in "
    "again as one (Reauthorize)."
)
_TENANT_ADVICE: Final = (
    "Check the directory (tenant) id in this user sync, and the Microsoft cloud."
)

UNKNOWN_TENANT: Final = Refusal("unknown_tenant", "there is no such tenant", _TENANT_ADVICE)
"""Also used for a tenant id that could not be one."""

UNKNOWN_APP: Final = Refusal("unknown_app", "the tenant has no such application", _APP_ADVICE)
"""Also used for an application id that could not be one."""

NO_SECRET: Final = Refusal("invalid_client", "the client secret is missing", _RENEW)
"""A connection without a secret."""

BAD_CERTIFICATE: Final = Refusal(
    "invalid_client",
    "the certificate or its private key cannot be used",
    "Give the private key and the certificate as one PEM file, and the passphrase if there is one.",
)
"""A certificate that msal could not use."""

NOBODY: Final = Refusal("login_required", "nobody has signed in yet", _AGAIN)
"""A token cache without an account."""

_MFA: Final = Refusal(
    "interaction_required", "Microsoft wants a second factor (MFA) from a person", _AGAIN
)
_EXPIRED_SESSION: Final = Refusal("invalid_grant", "the sign-in has expired", _AGAIN)
_REVOKED: Final = Refusal(
    "invalid_grant", "the sign-in was revoked, for example by a changed password", _AGAIN
)
_CONSENT: Final = Refusal(
    "consent_required", "the consent of an administrator is missing", _CONSENT_ADVICE
)
OTHER_DIRECTORY: Final = Refusal(
    "other_directory",
    "the account is of another directory",
    "Sign in with an administrator account of the Azure tenant of this user sync.",
)
"""Also used for a token that is of another directory than the one that was asked for."""

_BLOCKED: Final = Refusal(
    "interaction_required",
    "a Conditional Access policy blocks this sign-in",
    "Have an administrator look at the sign-in log in Microsoft Entra, and let the application or "
    "the address of this server pass; then sign in again (Reauthorize).",
)
_ACCOUNT: Final = Refusal(
    "account_unusable",
    "the account is disabled, locked, or its password has expired",
    "Mend the account in Microsoft Entra, or sign in with another administrator (Reauthorize).",
)
_REDIRECT: Final = Refusal(
    "redirect_mismatch",
    "the redirect URI is not one of the app registration's",
    "Add exactly this redirect URI, as platform Web, to the app registration in Microsoft Entra "
    "(Authentication).",
)
_ASSERTION: Final = Refusal(
    "invalid_client",
    "the certificate was not accepted",
    "Upload the certificate to the app registration in Microsoft Entra (Certificates & secrets), "
    "check that it has not expired, and that the clock of this server is right.",
)

BY_NUMBER: Final[Mapping[int, Refusal]] = {
    7000215: Refusal("invalid_client", "the client secret is wrong", _RENEW),
    7000222: Refusal("invalid_client", "the client secret has expired", _RENEW),
    7000218: NO_SECRET,
    700027: _ASSERTION,
    700024: _ASSERTION,
    700016: UNKNOWN_APP,
    7000112: Refusal("app_disabled", "the application is disabled", _APP_ADVICE),
    50194: Refusal(
        "unknown_app",
        "the application is of one tenant only, and no tenant was named",
        _TENANT_ADVICE,
    ),
    90002: UNKNOWN_TENANT,
    900023: UNKNOWN_TENANT,
    50020: OTHER_DIRECTORY,
    50011: _REDIRECT,
    65001: _CONSENT,
    90094: _CONSENT,
    65004: Refusal("consent_denied", "the person did not consent", _CONSENT_ADVICE),
    50105: Refusal(
        "consent_required",
        "the person is not assigned to the application",
        "Assign the person to the enterprise application in Microsoft Entra, or sign in with "
        "another administrator.",
    ),
    50076: _MFA,
    50079: _MFA,
    50158: _MFA,
    50078: _MFA,
    53003: _BLOCKED,
    53000: _BLOCKED,
    50173: _REVOKED,
    70000: _REVOKED,
    700082: Refusal("invalid_grant", "the sign-in was not used for 90 days", _AGAIN),
    70008: _EXPIRED_SESSION,
    70043: _EXPIRED_SESSION,
    700084: _EXPIRED_SESSION,
    50058: Refusal("login_required", "Microsoft wants a person to sign in", _AGAIN),
    50057: _ACCOUNT,
    50053: _ACCOUNT,
    50055: _ACCOUNT,
    50034: _ACCOUNT,
}
"""Refusals by AADSTS number, where ``error`` alone says too little."""

BY_ERROR: Final[Mapping[str, Refusal]] = {
    "invalid_client": Refusal("invalid_client", "the client secret was not accepted", _RENEW),
    "unauthorized_client": Refusal(
        "unknown_app", "the tenant does not know or not allow the application", _APP_ADVICE
    ),
    "invalid_tenant": UNKNOWN_TENANT,
    "invalid_grant": Refusal("invalid_grant", "the sign-in is no longer good", _AGAIN),
    "interaction_required": Refusal(
        "interaction_required", "Microsoft wants a person to sign in", _AGAIN
    ),
    "login_required": Refusal("login_required", "Microsoft wants a person to sign in", _AGAIN),
    "consent_required": _CONSENT,
    "access_denied": Refusal("consent_denied", "the person did not consent", _CONSENT_ADVICE),
    "invalid_resource": Refusal("wrong_cloud", "the tenant has no Microsoft Graph", _TENANT_ADVICE),
    "invalid_scope": Refusal("wrong_cloud", "the tenant has no Microsoft Graph", _TENANT_ADVICE),
}
"""Refusals by the OAuth ``error``."""

OTHERWISE: Final = Refusal("sign_in_refused", "Microsoft refused it", _APP_ADVICE)
"""What every refusal means that the tables do not know."""

TRANSIENT_NUMBERS: Final = frozenset({90033, 50196, 90055})
"""AADSTS numbers of passing trouble: transient error, loop detected, throttled."""

TRANSIENT_ERRORS: Final = frozenset({"temporarily_unavailable", "server_error"})
"""OAuth errors of passing trouble."""


def numbers(body: Mapping[str, Any]) -> list[int]:
    """List the AADSTS numbers of an error: of a body, or of the parameters of a redirect."""
    found = body.get("error_codes")
    if isinstance(found, list):
        return [one for one in found if isinstance(one, int) and not isinstance(one, bool)]
    text = body.get("error_description")
    return [int(one) for one in _NUMBER.findall(text)[:3]] if isinstance(text, str) else []


def detail(body: Mapping[str, Any]) -> str:
    """Return the AADSTS numbers of an error as the end of a sentence."""
    found = ", ".join(f"AADSTS{number}" for number in numbers(body))
    return f" ({found})" if found else ""


def is_transient(status: int, body: Mapping[str, Any]) -> bool:
    """Say whether the same sign-in may work later."""
    return (
        status == 429
        or status >= 500
        or body.get("error") in TRANSIENT_ERRORS
        or not TRANSIENT_NUMBERS.isdisjoint(numbers(body))
    )


def refusal_of(body: Mapping[str, Any]) -> Refusal:
    """Find what an error body means; every unknown one still says what to check."""
    for number in numbers(body):
        if number in BY_NUMBER:
            return BY_NUMBER[number]
    error = body.get("error")
    found = BY_ERROR.get(error) if isinstance(error, str) else None
    return found or OTHERWISE
