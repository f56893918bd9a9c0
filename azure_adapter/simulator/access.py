"""Access tokens: signed JWTs, good only at the simulator that issued them.

Source: Microsoft identity platform: access token claims reference (``aud``, ``iss``, ``tid``,
``appid``, ``roles``, ``scp``, ``idtyp``, ``oid``, ``upn``, ``iat``, ``nbf``, ``exp``).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal

from azure_adapter.simulator.accounts import Account
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.registrations import Installation
from azure_adapter.simulator.signing import sign

Verdict = Literal["valid", "expired", "unknown"]
"""What the Graph side thinks of a bearer token."""

HIDDEN = "Member.Read.Hidden"
"""The permission that shows hidden memberships."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What an issued token stands for.

    Attributes:
        directory: The tenant whose data it opens.
        roles: Permissions it carries, application's or delegated.
        expires: End of its life in seconds since the epoch.
        client_id: The app that it was issued to.
        object_id: The user who signed in; None for an app on its own.
    """

    directory: Directory
    roles: frozenset[str]
    expires: float
    client_id: str = ""
    object_id: str | None = None


class AccessTokens:
    """Every access token that the identity endpoints issued and nobody revoked."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    def issue(
        self,
        directory: Directory,
        *,
        issuer: str,
        audience: str,
        lifetime: float,
        installation: Installation | None = None,
        account: Account | None = None,
        scopes: frozenset[str] = frozenset(),
        skew: float = 0.0,
    ) -> str:
        """Issue a token for an app registration, on its own or for somebody who signed in.

        Args:
            directory: The tenant that the app signed in to.
            issuer: Value of the ``iss`` claim.
            audience: Value of the ``aud`` claim, for example ``https://graph.microsoft.com``.
            lifetime: Seconds for which the token is good.
            installation: The app in that tenant; the tenant's first one when None.
            account: Who signed in; None for an app on its own.
            scopes: Delegated permissions, with an account.
            skew: Seconds by which the issuer's clock is ahead, in the claims.

        Returns:
            A JWT.
        """
        installation = installation or directory.installation
        now = directory.clock()
        permissions = list(installation.roles) if account is None else sorted(scopes)
        if account is None and directory.member_read_hidden and HIDDEN not in permissions:
            permissions.append(HIDDEN)
        claims = {
            "aud": audience,
            "iss": issuer,
            "iat": int(now + skew),
            "nbf": int(now + skew),
            "exp": int(now + skew + lifetime),
            "app_displayname": installation.app.display_name,
            "appid": installation.app.client_id,
            "appidacr": "1",
            "tid": directory.tenant_id,
            "uti": secrets.token_urlsafe(16),
            "ver": "1.0",
            **_subject(account, installation, permissions),
        }
        token = sign(claims)
        self._forget_expired(now)
        self._grants[token] = Grant(
            directory,
            frozenset(permissions),
            now + lifetime,
            installation.app.client_id,
            None if account is None else account.object_id,
        )
        return token

    def check(self, token: str) -> tuple[Verdict, Grant | None]:
        """Judge a bearer token.

        Returns:
            ("valid", grant), or ("expired" or "unknown", None).
        """
        grant = self._grants.get(token)
        if grant is None:
            return "unknown", None
        if grant.directory.clock() >= grant.expires:
            return "expired", None
        return "valid", grant

    def revoke_all(self) -> int:
        """Forget every token and return how many there were."""
        count = len(self._grants)
        self._grants.clear()
        return count

    def _forget_expired(self, now: float) -> None:
        long_gone = [token for token, grant in self._grants.items() if grant.expires < now - 3600]
        for token in long_gone:
            del self._grants[token]


def _subject(
    account: Account | None, installation: Installation, permissions: list[str]
) -> dict[str, Any]:
    """Build the claims that tell an app on its own from a user; ``roles`` only if there are."""
    if account is None:
        return {"idtyp": "app", **({"roles": permissions} if permissions else {})}
    return {
        "idtyp": "user",
        "name": account.name,
        "oid": account.object_id,
        "scp": " ".join(permissions),
        "sub": account.subject(installation.app.client_id),
        "unique_name": account.upn,
        "upn": account.upn,
    }
