"""Which permissions a sync needs, and which ones a token carries.

Sources: Microsoft Graph permissions reference; "user: delta", "group: delta" and "List
deletedItems" (permissions); Microsoft identity platform: access tokens (``roles`` and ``scp``).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

SCOPES: Final = ("User.Read.All", "GroupMember.Read.All")
"""The least permissions of a sync, delegated and application alike."""

_DIRECTORY: Final = frozenset({"Directory.Read.All", "Directory.ReadWrite.All"})

ENOUGH: Final[Mapping[str, frozenset[str]]] = {
    "User.Read.All": _DIRECTORY | {"User.Read.All", "User.ReadWrite.All"},
    "GroupMember.Read.All": _DIRECTORY
    | {
        "GroupMember.Read.All",
        "GroupMember.ReadWrite.All",
        "Group.Read.All",
        "Group.ReadWrite.All",
    },
}
"""By needed permission, those of which any one is enough."""

HIDDEN: Final = "Member.Read.Hidden"
"""Permission without which groups with hidden membership come silently empty."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a token says of itself.

    Attributes:
        tenant_id: The directory that it is of; empty when it does not tell.
        permissions: What it allows; empty when it does not tell.
    """

    tenant_id: str = ""
    permissions: tuple[str, ...] = ()


def missing_permissions(granted: Collection[str]) -> list[str]:
    """List the needed permissions that neither they nor greater ones are granted."""
    return [name for name, enough in ENOUGH.items() if enough.isdisjoint(granted)]


def lacking(token: str) -> list[str]:
    """List the needed permissions that a token says it lacks; none when it says nothing."""
    granted = granted_permissions(token)
    return missing_permissions(granted) if granted else []


def claims_of(token: str) -> dict[str, Any]:
    """Read the claims of a token without checking it; empty when it has none that can be read.

    Graph checks it; here it only tells a person what was granted.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def facts_of(token: str) -> TokenFacts:
    """Read what a token says of itself."""
    tenant = claims_of(token).get("tid")
    return TokenFacts(tenant if isinstance(tenant, str) else "", granted_permissions(token))


def granted_permissions(token: str) -> tuple[str, ...]:
    """List what a token allows: its application permissions, or its delegated ones."""
    claims = claims_of(token)
    roles, scopes = claims.get("roles"), claims.get("scp")
    found = {str(one) for one in roles} if isinstance(roles, list) else set()
    return tuple(sorted(found | set(scopes.split() if isinstance(scopes, str) else ())))
