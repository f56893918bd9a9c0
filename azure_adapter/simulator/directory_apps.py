"""The apps of a simulated directory: what is installed, and what it was granted.

Sources: Microsoft identity platform: "Application and service principal objects"; Microsoft
Entra: "Grant tenant-wide admin consent to an application", Conditional Access (MFA).
"""

from __future__ import annotations

from typing import Literal

from azure_adapter.simulator.registrations import Installation, Registration, Secret

Mfa = Literal["", "required", "enrolment"]
"""What sign-in wants beside the account: nothing, a second factor, or its enrolment first."""


class AppOperations:
    """The app half of ``Directory``; it is never used on its own.

    Attributes:
        installations: Apps in this tenant by lower-case client id; the first one is the tenant's
            own, made with it.
        admins: Object ids of users who may consent for the organization.
        mfa: What sign-in wants beside the account.
        member_read_hidden: Whether ``Member.Read.Hidden`` is granted. Without it the members of
            groups with ``visibility`` "HiddenMembership" come silently empty.
    """

    def __init__(self, app: Registration) -> None:
        self.installations: dict[str, Installation] = {}
        self.admins: set[str] = set()
        self.mfa: Mfa = ""
        self.member_read_hidden = False
        self.install(app)

    def install(self, app: Registration, *, granted: bool = True) -> Installation:
        """Put an app into this tenant.

        Args:
            app: The registration.
            granted: Whether an administrator consented to everything that it asks for.

        Raises:
            ValueError: An app with this client id is here already.
        """
        key = app.client_id.lower()
        if key in self.installations:
            raise ValueError(f"the app {app.client_id} is installed already")
        installation = self.installations[key] = Installation(app)
        if granted:
            installation.grant_everything()
        return installation

    @property
    def installation(self) -> Installation:
        """The tenant's own app."""
        return next(iter(self.installations.values()))

    @property
    def client_id(self) -> str:
        """Application (client) id of the tenant's own app."""
        return self.installation.app.client_id

    @property
    def client_secret(self) -> str:
        """The newest secret of the tenant's own app; empty without one."""
        secrets = self.installation.app.secrets
        return secrets[-1].value if secrets else ""

    @client_secret.setter
    def client_secret(self, value: str) -> None:
        self.installation.app.secrets.append(Secret(value))

    @property
    def secret_expired(self) -> bool:
        """Whether every secret of the tenant's own app counts as expired (AADSTS7000222)."""
        secrets = self.installation.app.secrets
        return bool(secrets) and all(one.expires is not None for one in secrets)

    @secret_expired.setter
    def secret_expired(self, value: bool) -> None:
        for one in self.installation.app.secrets:
            one.expires = 0.0 if value else None

    @property
    def roles(self) -> list[str]:
        """Application permissions granted to the tenant's own app."""
        return self.installation.roles

    @roles.setter
    def roles(self, value: list[str]) -> None:
        self.installation.roles = value

    @property
    def scopes(self) -> list[str]:
        """Delegated permissions granted to the tenant's own app, for everybody."""
        return self.installation.scopes

    @scopes.setter
    def scopes(self, value: list[str]) -> None:
        self.installation.scopes = value
