"""Which permission reads what.

Sources: Microsoft Graph: permissions tables of "List users", "List groups", "List group
members", "List deletedItems", "List organization"; Microsoft Graph permissions reference.
"""

from __future__ import annotations

from typing import Final

_DIRECTORY: Final = frozenset({"Directory.Read.All", "Directory.ReadWrite.All"})

READERS: Final[dict[str, frozenset[str]]] = {
    "user": _DIRECTORY | {"User.Read.All", "User.ReadWrite.All"},
    "group": _DIRECTORY | {"GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All"},
    "device": _DIRECTORY | {"Device.Read.All"},
    "orgContact": _DIRECTORY | {"OrgContact.Read.All"},
    "servicePrincipal": _DIRECTORY | {"Application.Read.All"},
}
"""Permissions of which any one reads a kind of object."""

DELETED_READERS: Final[dict[str, frozenset[str]]] = {
    "user": READERS["user"],
    "group": _DIRECTORY | {"Group.Read.All", "Group.ReadWrite.All"},
}
"""Permissions of which any one reads deleted objects; ``GroupMember.Read.All`` does not."""

MEMBER_READERS: Final = READERS["group"]
"""Permissions of which any one lists members."""

HIDDEN_READERS: Final = frozenset({"Member.Read.Hidden"})
"""Permission that shows hidden memberships."""

ORGANIZATION_READERS: Final = _DIRECTORY | {"Organization.Read.All", "Organization.ReadWrite.All"}
"""Permissions of which any one reads all of the organization."""

ORGANIZATION_GLIMPSERS: Final = ORGANIZATION_READERS | {"User.Read", "User.Read.All"}
"""Permissions of which any one reads its id, name and domains; the rest comes as null."""

ME_READERS: Final = READERS["user"] | {"User.Read"}
"""Delegated permissions of which any one reads the signed-in user."""

MEANINGS: Final[dict[str, str]] = {
    "User.Read": "Sign you in and read your profile",
    "User.Read.All": "Read all users' full profiles",
    "GroupMember.Read.All": "Read group memberships",
    "Group.Read.All": "Read all groups",
    "Directory.Read.All": "Read directory data",
    "Member.Read.Hidden": "Read hidden memberships",
    "Device.Read.All": "Read devices",
    "Application.Read.All": "Read applications",
    "Organization.Read.All": "Read organization information",
    "OrgContact.Read.All": "Read organizational contacts",
}
"""What the consent page says that a permission is for (permissions reference, display names)."""
