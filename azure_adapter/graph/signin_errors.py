"""What a refused sign-in means, as data.

Sources: Microsoft identity platform: "Authentication and authorization error codes" (AADSTS),
"OAuth 2.0 client credentials flow" (error responses); RFC 6749 §5.2. ``error`` decides, an AADSTS
number only where it says more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


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
_TENANT_ADVICE: Final = (
    "Check the directory (tenant) id in this user sync, and the Microsoft cloud."
)

UNKNOWN_TENANT: Final = Refusal("unknown_tenant", "there is no such tenant", _TENANT_ADVICE)
"""Also used for a tenant id that could not be one."""

UNKNOWN_APP: Final = Refusal("unknown_app", "the tenant has no such application", _APP_ADVICE)
"""Also used for an application id that could not be one."""

NO_SECRET: Final = Refusal("invalid_client", "the client secret is missing", _RENEW)
"""A connection without a secret."""

BY_NUMBER: Final[Mapping[int, Refusal]] = {
    7000215: Refusal("invalid_client", "the client secret is wrong", _RENEW),
    7000222: Refusal("invalid_client", "the client secret has expired", _RENEW),
    700016: UNKNOWN_APP,
    7000112: Refusal("app_disabled", "the application is disabled", _APP_ADVICE),
    90002: UNKNOWN_TENANT,
    900023: UNKNOWN_TENANT,
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
    "consent_required": Refusal(
        "consent_required",
        "the consent of an administrator is missing",
        "Have an administrator of the Azure tenant grant admin consent to the application.",
    ),
    "invalid_resource": Refusal("wrong_cloud", "the tenant has no Microsoft Graph", _TENANT_ADVICE),
    "invalid_scope": Refusal("wrong_cloud", "the tenant has no Microsoft Graph", _TENANT_ADVICE),
}
"""Refusals by the OAuth ``error``."""

TRANSIENT_NUMBERS: Final = frozenset({90033, 50196, 90055})
"""AADSTS numbers of passing trouble: transient error, loop detected, throttled."""

TRANSIENT_ERRORS: Final = frozenset({"temporarily_unavailable", "server_error"})
"""OAuth errors of passing trouble."""


def numbers(body: Mapping[str, Any]) -> list[int]:
    """List the AADSTS numbers of an error body."""
    found = body.get("error_codes")
    if not isinstance(found, list):
        return []
    return [one for one in found if isinstance(one, int) and not isinstance(one, bool)]


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
    return found or Refusal("sign_in_refused", "Microsoft refused it", _APP_ADVICE)
