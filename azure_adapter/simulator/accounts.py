"""Who can sign in to a simulated tenant.

Source: Microsoft identity platform: ID token claims (``oid``, ``preferred_username``, ``name``).
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure_adapter.simulator.directory import Directory


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who signs in.

    Attributes:
        object_id: The ``oid`` claim.
        upn: The user principal name.
        name: The name shown.
        admin: Whether they may consent for the organization.
        enabled: Whether sign-in is allowed.
    """

    object_id: str
    upn: str
    name: str
    admin: bool
    enabled: bool = True

    def subject(self, client_id: str) -> str:
        """Build the pairwise ``sub`` claim of an app."""
        return hashlib.sha256(f"{self.object_id}:{client_id}".encode()).hexdigest()[:43]


def built_in(directory: Directory) -> list[Account]:
    """List the two accounts that every tenant has beside its users.

    They are no users of the directory, so that a generated directory holds what was asked for.
    """
    return [
        _made(directory, "admin", "Administrator", admin=True),
        _made(directory, "member", "Ordinary User", admin=False),
    ]


def find_account(directory: Directory, key: str) -> Account | None:
    """Find an account by user principal name or object id: a built-in one, or a user."""
    for account in built_in(directory):
        if key.lower() in (account.upn.lower(), account.object_id):
            return account
    entry = directory.find_user(key)
    if entry is None:
        return None
    attrs = entry.attrs
    return Account(
        entry.id,
        attrs["userPrincipalName"],
        attrs["displayName"],
        admin=entry.id in directory.admins,
        enabled=bool(attrs.get("accountEnabled", True)),
    )


def _made(directory: Directory, alias: str, name: str, *, admin: bool) -> Account:
    object_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{directory.tenant_id}/{alias}"))
    return Account(object_id, f"{alias}@{directory.domain}", name, admin)
