"""What the store must hold for a directory: written anew, without the code under test."""

from __future__ import annotations

from typing import Any

from azure_adapter.simulator import Directory

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def present(directory: Directory, kind: str) -> dict[str, Any]:
    """Return the live objects of a kind by id."""
    return {one.id: one for one in directory.live(kind)}


def expected_users(directory: Directory) -> dict[str, dict[str, Any]]:
    """Return the facts that matter of each user, by Graph id."""
    users = present(directory, "user")
    return {source_id: _facts(user, users) for source_id, user in users.items()}


def _facts(user: Any, users: dict[str, Any]) -> dict[str, Any]:
    attributes = user.attrs
    return {
        "userName": user_name(attributes["userPrincipalName"]),
        "displayName": attributes.get("displayName"),
        "givenName": attributes.get("givenName"),
        "familyName": attributes.get("surname"),
        "active": attributes.get("accountEnabled"),
        "work": attributes.get("mail"),
        "title": attributes.get("jobTitle"),
        "department": attributes.get("department"),
        "manager": user.manager if user.manager in users else None,
    }


def user_name(upn: str) -> str:
    """Return the userName of a UPN; a guest's is the address before ``#EXT#``."""
    if "#EXT#" not in upn:
        return upn
    alias = upn.partition("#EXT#")[0]
    local, _, domain = alias.rpartition("_")
    return f"{local}@{domain}" if local else alias


def observed_users(
    documents: dict[str, dict[str, Any]], source_ids: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Return the same facts of the stored documents.

    Args:
        documents: stored documents by Graph id.
        source_ids: Graph id by resource id.
    """
    return {source_id: _observed(one, source_ids) for source_id, one in documents.items()}


def _observed(document: dict[str, Any], source_ids: dict[str, str]) -> dict[str, Any]:
    name = document.get("name", {})
    enterprise = document.get(ENTERPRISE, {})
    work = [one["value"] for one in document.get("emails", []) if one.get("type") == "work"]
    manager = enterprise.get("manager", {}).get("value")
    return {
        "userName": document.get("userName"),
        "displayName": document.get("displayName"),
        "givenName": name.get("givenName"),
        "familyName": name.get("familyName"),
        "active": document.get("active"),
        "work": work[0] if work else None,
        "title": document.get("title"),
        "department": enterprise.get("department"),
        "manager": source_ids.get(manager, manager) if manager else None,
    }


def expected_groups(directory: Directory) -> dict[str, tuple[str, frozenset[str]]]:
    """Return (displayName, Graph ids of members) of each group, by Graph id.

    Members are live users and groups; devices and the like are not provisioned. Members that the
    app may not see do not arrive.
    """
    users, groups = present(directory, "user"), present(directory, "group")
    return {
        group_id: (
            group.attrs["displayName"],
            frozenset(
                member
                for member in directory.members_of(group_id)
                if (member in users or member in groups) and _visible(directory, group)
            ),
        )
        for group_id, group in groups.items()
    }


def _visible(directory: Directory, group: Any) -> bool:
    hidden = group.attrs.get("visibility") == "HiddenMembership"
    return directory.member_read_hidden or not hidden
