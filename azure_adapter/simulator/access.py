"""Access tokens: opaque, shaped like a JWT, known only to the simulator that issued them.

Source: Microsoft identity platform: access tokens (claims ``aud``, ``iss``, ``tid``, ``appid``,
``roles``, ``iat``, ``nbf``, ``exp``).
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from azure_adapter.simulator.directory import Directory

Verdict = Literal["valid", "expired", "unknown"]
"""What the Graph side thinks of a bearer token."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What an issued token stands for.

    Attributes:
        directory: The tenant whose data it opens.
        roles: Application permissions it carries.
        expires: End of its life in seconds since the epoch.
    """

    directory: Directory
    roles: frozenset[str]
    expires: float


class AccessTokens:
    """Every access token that the identity endpoints issued and nobody revoked."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    def issue(self, directory: Directory, *, issuer: str, audience: str, lifetime: float) -> str:
        """Issue a token for the directory's app registration.

        Args:
            directory: The tenant that the app signed in to.
            issuer: Value of the ``iss`` claim.
            audience: Value of the ``aud`` claim, for example ``https://graph.microsoft.com``.
            lifetime: Seconds for which the token is good.

        Returns:
            A string of three base64url parts; its signature proves nothing.
        """
        now = directory.clock()
        roles = list(directory.roles)
        if directory.member_read_hidden and "Member.Read.Hidden" not in roles:
            roles.append("Member.Read.Hidden")
        claims = {
            "aud": audience,
            "iss": issuer,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + lifetime),
            "app_displayname": "simulated provisioning app",
            "appid": directory.client_id,
            "appidacr": "1",
            "idtyp": "app",
            "roles": roles,
            "tid": directory.tenant_id,
            "uti": secrets.token_urlsafe(16),
            "ver": "1.0",
        }
        header = {"typ": "JWT", "alg": "RS256", "kid": "simulator"}
        token = ".".join((_part(header), _part(claims), _encode(secrets.token_bytes(64))))
        self._forget_expired(now)
        self._grants[token] = Grant(directory, frozenset(roles), now + lifetime)
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


def _part(value: dict[str, Any]) -> str:
    return _encode(orjson.dumps(value))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
