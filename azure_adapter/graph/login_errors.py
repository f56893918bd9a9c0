"""What can go wrong with a login, each with its own error.

Sources: Microsoft identity platform: "OAuth 2.0 authorization code flow" (error codes), AADSTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from azure_adapter.graph.signin_errors import Refusal
from scim.provisioning.records import SourceNeedsLogin


class LoginFailed(SourceNeedsLogin):
    """A login that Microsoft or the gateway refused."""

    @classmethod
    def of(cls, refusal: Refusal, said: str = "") -> Self:
        """Build the error of a refusal."""
        message = f"The login failed: {refusal.reason}{said}."
        return cls(refusal.code, message, refusal.advice)


class WrongState(LoginFailed):
    """The redirect does not belong to this login: another browser tab, or an attack."""

    def __init__(self) -> None:
        super().__init__(
            "wrong_state",
            "What the browser brought back does not belong to this login, so it was ignored.",
            "Begin the login again, and use the page that it opens.",
        )


class LoginTooOld(LoginFailed):
    """The login was begun too long ago."""

    def __init__(self) -> None:
        super().__init__(
            "login_too_old",
            "The login took longer than 15 minutes.",
            "Begin the login again.",
        )


class ConsentDenied(LoginFailed):
    """The person, or Microsoft for the person, did not consent."""


class OtherDirectory(LoginFailed):
    """The account is of another directory than the one that the user sync is pinned to."""

    @classmethod
    def between(cls, pinned: str, found: str, account: str) -> Self:
        """Build the error, naming both directories."""
        who = f"{account} is of" if account else "The account is of"
        return cls(
            "other_directory",
            f"{who} the directory {found}, but this user sync is pinned to {pinned}. Nothing was "
            "changed: reading another directory would delete everybody.",
            "Sign in with an administrator account of the pinned directory, or create another "
            "user sync for the other directory.",
        )


class MissingPermissions(LoginFailed):
    """The token lacks permissions.

    Attributes:
        permissions: Which ones.
    """

    def __init__(self, account: str, permissions: Sequence[str]) -> None:
        self.permissions = tuple(permissions)
        super().__init__(
            "missing_permission",
            f"{account or 'The account'} signed in, but these permissions are missing: "
            f"{', '.join(permissions)}.",
            "Add them to the app registration in Microsoft Entra (API permissions, Microsoft "
            "Graph), have an administrator grant admin consent, and sign in again.",
        )
