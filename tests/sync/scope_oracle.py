"""What the store must hold for a directory and a scope: plain code over the simulated directory.

Only what the tests use: nothing here knows how scopes are stored, evaluated or kept up to date.
"""

from __future__ import annotations

from typing import Any

from azure_adapter.simulator import Directory
from azure_adapter.sync.nesting import NestedGroups
from azure_adapter.sync.scope import GroupInclusion, Inclusion, Operator, Scope
from tests.sync.oracle import expected_users, observed_users, present
from tests.sync.world import World


def inside(directory: Directory, roots: tuple[str, ...], *, nested: bool) -> set[str]:
    """Return the live groups among the roots and, when nested, the live ones inside of them."""
    groups = present(directory, "group")
    found: set[str] = set()
    waiting = [root for root in roots if root in groups]
    while waiting:
        group = waiting.pop()
        if group not in found:
            found.add(group)
            members = directory.members_of(group) if nested else []
            waiting += [member for member in members if member in groups]
    return found


def users_in(directory: Directory, scope: Scope) -> set[str]:
    """Return the live users that are in scope."""
    users, wanted = present(directory, "user"), scope.users
    found = set()
    holders = inside(directory, wanted.groups, nested=wanted.nested)
    members = {member for group in holders for member in directory.members_of(group)}
    for user_id, user in users.items():
        guest = user.attrs.get("userType") == "Guest"
        disabled = user.attrs.get("accountEnabled") is False
        if wanted.guests is Inclusion.exclude and guest:
            continue
        if wanted.disabled is Inclusion.exclude and disabled:
            continue
        if wanted.groups and user_id not in members:
            continue
        if wanted.rules and not any(_lets_in(rule.clauses, user.attrs) for rule in wanted.rules):
            continue
        found.add(user_id)
    return found


def _lets_in(clauses: Any, attributes: dict[str, Any]) -> bool:
    assert all(clause.operator is Operator.equals for clause in clauses)
    return all(attributes.get(clause.attribute) == clause.value for clause in clauses)


def groups_in(directory: Directory, scope: Scope) -> set[str]:
    """Return the live groups that are in scope."""
    wanted = scope.groups
    assert not wanted.types
    assert not wanted.rules
    groups = set(present(directory, "group"))
    if wanted.include is GroupInclusion.none:
        return set()
    if wanted.include is GroupInclusion.assigned:
        groups &= inside(directory, scope.users.groups, nested=scope.users.nested)
    return groups & wanted.ids if wanted.ids else groups


def members_in(world: World, group: str, users: set[str], groups: set[str]) -> frozenset[str]:
    """Return the members that a group has here."""
    directory = world.directory
    if world.config.nested is NestedGroups.flattened:
        holders = inside(directory, (group,), nested=True)
        return frozenset(m for one in holders for m in directory.members_of(one) if m in users)
    return frozenset(m for m in directory.members_of(group) if m in users or m in groups)


async def assert_scoped(world: World) -> None:
    """Assert that the store equals the directory as far as it is in scope, and nothing more."""
    directory, scope = world.directory, world.config.scope
    users, groups = users_in(directory, scope), groups_in(directory, scope)
    documents = await world.users()
    source_ids = {document["id"]: source_id for source_id, document in documents.items()}
    expected = {one: facts for one, facts in expected_users(directory).items() if one in users}
    for facts in expected.values():
        facts["manager"] = facts["manager"] if facts["manager"] in users else None
    assert observed_users(documents, source_ids) == expected
    named = present(directory, "group")
    assert await world.groups() == {
        group: (named[group].attrs["displayName"], members_in(world, group, users, groups))
        for group in groups
    }
    assert await world.owned() == len(users) + len(groups)
