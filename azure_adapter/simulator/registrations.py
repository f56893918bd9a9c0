"""App registrations, and what a tenant granted to them.

A ``Registration`` is the application object: one, whatever the number of tenants. An
``Installation`` is its service principal in one tenant: the permissions granted there. Sources:
Microsoft identity platform: "Application and service principal objects", "Redirect URI (reply
URL) best practices and limitations", "Permissions and consent".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

DEFAULT_ROLES: Final = ("User.Read.All", "GroupMember.Read.All")
"""Application permissions granted to the simulated app registration."""

DEFAULT_SCOPES: Final = ("User.Read", "User.Read.All", "GroupMember.Read.All")
"""Delegated permissions that the simulated app registration asks for."""

OPENID_SCOPES: Final = frozenset({"openid", "profile", "email", "offline_access"})
"""Scopes of OpenID Connect: always granted."""

USER_CONSENTABLE: Final = frozenset({"User.Read", "User.ReadBasic.All"}) | OPENID_SCOPES
"""Delegated permissions to which an ordinary user may consent; others want an administrator."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(slots=True)
class Secret:
    """A client secret.

    Attributes:
        value: The secret itself.
        expires: End of its life in seconds since the epoch; None is never.
    """

    value: str
    expires: float | None = None


@dataclass(slots=True)
class Registration:
    """An app registration.

    Attributes:
        client_id: Application (client) id.
        secrets: Its client secrets.
        certificates: Its certificates, PEM.
        redirect_uris: Registered redirect URIs. While there are none, any URI on loopback is
            accepted, for a quick start; with some, they must match exactly, apart from the port
            of loopback hosts.
        roles: Application permissions that it asks for.
        scopes: Delegated permissions that it asks for.
        display_name: Name shown on the consent page.
    """

    client_id: str
    secrets: list[Secret] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)
    redirect_uris: list[str] = field(default_factory=list)
    roles: tuple[str, ...] = DEFAULT_ROLES
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    display_name: str = "simulated provisioning app"

    def redirects_to(self, uri: str) -> bool:
        """Say whether answers may be sent to a URI."""
        if not self.redirect_uris:
            return urlsplit(uri).hostname in _LOOPBACK
        return any(_same(uri, registered) for registered in self.redirect_uris)


@dataclass(slots=True)
class Installation:
    """An app in one tenant.

    Attributes:
        app: The registration.
        roles: Application permissions granted.
        scopes: Delegated permissions granted for everybody, by an administrator.
        consents: Delegated permissions granted by single users, by object id.
    """

    app: Registration
    roles: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    consents: dict[str, set[str]] = field(default_factory=dict)

    def granted(self, object_id: str) -> set[str]:
        """List the delegated permissions that hold for a user, OpenID's left out."""
        return set(self.scopes) | self.consents.get(object_id, set())

    def grant_everything(self) -> None:
        """Grant whatever the app asks for, as admin consent does."""
        self.roles = list(dict.fromkeys([*self.roles, *self.app.roles]))
        self.scopes = list(dict.fromkeys([*self.scopes, *self.app.scopes]))


def _same(uri: str, registered: str) -> bool:
    if uri == registered:
        return True
    one, other = urlsplit(uri), urlsplit(registered)
    return (
        one.hostname in _LOOPBACK
        and (one.scheme, one.hostname, one.path) == (other.scheme, other.hostname, other.path)
        and one.query == other.query
    )
