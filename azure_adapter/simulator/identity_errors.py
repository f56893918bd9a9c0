"""What the identity platform refuses, with its AADSTS numbers.

Source: Microsoft identity platform: "Microsoft Entra authentication and authorization error
codes"; "OAuth 2.0 authorization code flow" (error codes of both endpoints).
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any


class IdentityError(Exception):
    """A refusal of the identity platform.

    Args:
        status: HTTP status.
        error: OAuth error, for example ``invalid_client``.
        number: AADSTS number.
        text: Description without the AADSTS prefix.
        suberror: Finer class of the refusal, where Microsoft gives one.
    """

    def __init__(
        self, status: int, error: str, number: int, text: str, suberror: str | None = None
    ) -> None:
        super().__init__(text)
        self.status = status
        self.error = error
        self.number = number
        self.text = text
        self.suberror = suberror

    def body(self) -> dict[str, Any]:
        """Build the error body that the token endpoint answers with."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        body = {
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
        if self.suberror is not None:
            body["suberror"] = self.suberror
        return body


def unknown_tenant(tenant: str) -> IdentityError:
    """Build AADSTS90002."""
    return IdentityError(
        400,
        "invalid_tenant",
        90002,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and "
        "are signing into the correct cloud. Check with your subscription administrator, "
        "this may happen if there are no active subscriptions for the tenant.",
    )


def unknown_client(client_id: str, directory_name: str) -> IdentityError:
    """Build AADSTS700016."""
    return IdentityError(
        400,
        "unauthorized_client",
        700016,
        f"Application with identifier '{client_id}' was not found in the directory "
        f"'{directory_name}'. This can happen if the application has not been "
        "installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
    )


def wrong_secret(client_id: str) -> IdentityError:
    """Build AADSTS7000215."""
    return IdentityError(
        401,
        "invalid_client",
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the "
        "client secret value, not the client secret ID, for a secret added to app "
        f"'{client_id}'.",
    )


def expired_secret(client_id: str) -> IdentityError:
    """Build AADSTS7000222."""
    return IdentityError(
        401,
        "invalid_client",
        7000222,
        f"The provided client secret keys for app '{client_id}' are expired. Visit the Azure "
        "portal to create new keys for your app.",
    )


def no_credential() -> IdentityError:
    """Build AADSTS7000218."""
    return IdentityError(
        401,
        "invalid_client",
        7000218,
        "The request body must contain the following parameter: 'client_assertion' or "
        "'client_secret'.",
    )


def bad_assertion(text: str) -> IdentityError:
    """Build AADSTS700027: an assertion that no registered certificate signed."""
    return IdentityError(
        401,
        "invalid_client",
        700027,
        f"The certificate with identifier used to sign the client assertion is not registered "
        f"on application. {text}",
    )


def assertion_time() -> IdentityError:
    """Build AADSTS700024."""
    return IdentityError(
        401,
        "invalid_client",
        700024,
        "Client assertion is not within its valid time range. Current time and the assertion's "
        "times differ.",
    )


def missing(name: str) -> IdentityError:
    """Build AADSTS900144."""
    return IdentityError(
        400,
        "invalid_request",
        900144,
        f"The request body must contain the following parameter: '{name}'.",
    )


def consent_needed(app_name: str, client_id: str, error: str) -> IdentityError:
    """Build AADSTS65001."""
    return IdentityError(
        400,
        error,
        65001,
        f"The user or administrator has not consented to use the application with ID "
        f"'{client_id}' named '{app_name}'. Send an interactive authorization request for this "
        "user and resource.",
        suberror="consent_required",
    )


def mfa_needed(error: str, *, enrolment: bool) -> IdentityError:
    """Build AADSTS50076, or 50079 when the user has to enrol first."""
    due = "Due to a configuration change made by your administrator, or because you moved to a "
    if enrolment:
        text = f"{due}new location, you must enroll in multi-factor authentication to access."
        return IdentityError(400, error, 50079, text, suberror="basic_action")
    text = f"{due}new location, you must use multi-factor authentication to access."
    return IdentityError(400, error, 50076, text, suberror="basic_action")


def invalid_grant(number: int, text: str) -> IdentityError:
    """Build another ``invalid_grant``."""
    return IdentityError(400, "invalid_grant", number, text)
