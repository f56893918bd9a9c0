"""Decides whether one object is in scope, and why. Pure.

Conditions are looked at in a fixed order, attributes before memberships, so that an object that
misses several of them always has the same reason.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from azure_adapter.sync.scope_reasons import ScopeReason
from azure_adapter.sync.scope_rules import lets_in
from azure_adapter.sync.scope_values import (
    GroupInclusion,
    GroupScope,
    GroupType,
    Inclusion,
    Scope,
    UserScope,
)
from scim.provisioning.source import ObjectKind

GUEST: Final = "guest"
"""The ``userType`` of guests, folded. Source: Microsoft Graph: user resource type."""

MEMBERSHIP_TYPES: Final = frozenset({GroupType.dynamic, GroupType.static})
"""Types that tell how members come about; the others tell what the group is for."""


class Scoped(Protocol):
    """What is looked at: an object of the mirror."""

    @property
    def source_id(self) -> str:
        """Its id in the source."""

    @property
    def kind(self) -> ObjectKind:
        """User or group."""

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Its properties, as Graph names them."""


def in_scope(scope: Scope, record: Scoped, member_of: bool) -> tuple[bool, ScopeReason]:
    """Decide about one object.

    Args:
        scope: the scope of the user sync.
        record: the object.
        member_of: for a user, whether it is a member of a scoping group (directly, or through
            groups in it when those count); for a group, whether it is a scoping group or stands
            in one in the same way. It matters only when the scope has scoping groups.

    Returns:
        whether it is in, and which condition decided.
    """
    if record.kind is ObjectKind.group:
        reason = _group_reason(scope.groups, record, member_of)
    else:
        reason = _user_reason(scope.users, record.attributes, member_of)
    return reason is ScopeReason.in_scope, reason


def group_types(attributes: Mapping[str, Any]) -> frozenset[GroupType]:
    """Return what a group is. Source: Microsoft Graph: "Working with groups" (its table)."""
    listed = attributes.get("groupTypes")
    told = listed if isinstance(listed, list) else []
    dynamic = "DynamicMembership" in told
    types = {GroupType.dynamic if dynamic else GroupType.static}
    mail, security = (attributes.get(name) is True for name in ("mailEnabled", "securityEnabled"))
    if "Unified" in told:
        types.add(GroupType.microsoft365)
    elif security:
        types.add(GroupType.mail_enabled_security if mail else GroupType.security)
    elif mail:
        types.add(GroupType.distribution)
    return frozenset(types)


def _user_reason(scope: UserScope, attributes: Mapping[str, Any], member: bool) -> ScopeReason:
    if scope.guests is Inclusion.exclude and is_guest(attributes):
        return ScopeReason.guest
    if scope.disabled is Inclusion.exclude and attributes.get("accountEnabled") is False:
        return ScopeReason.disabled
    if not lets_in(scope.rules, attributes, ObjectKind.user):
        return ScopeReason.rules
    if scope.groups and not member:
        return ScopeReason.not_in_groups
    return ScopeReason.in_scope


def is_guest(attributes: Mapping[str, Any]) -> bool:
    """Tell whether a user is a guest. Accounts from before guests existed have no ``userType``."""
    user_type = attributes.get("userType")
    return isinstance(user_type, str) and user_type.lower() == GUEST


def _group_reason(scope: GroupScope, record: Scoped, member: bool) -> ScopeReason:
    if scope.include is GroupInclusion.none:
        return ScopeReason.groups_left_out
    if scope.ids and record.source_id not in scope.ids:
        return ScopeReason.not_listed
    if not _fits(scope.types, record.attributes):
        return ScopeReason.group_type
    if not lets_in(scope.rules, record.attributes, ObjectKind.group):
        return ScopeReason.rules
    if scope.include is GroupInclusion.assigned and not member:
        return ScopeReason.not_assigned
    return ScopeReason.in_scope


def _fits(wanted: frozenset[GroupType], attributes: Mapping[str, Any]) -> bool:
    """Tell whether a group is of a wanted kind, and its membership comes about as wanted."""
    if not wanted:
        return True
    types = group_types(attributes)
    parts = (wanted & MEMBERSHIP_TYPES, wanted - MEMBERSHIP_TYPES)
    return all(not part or part & types for part in parts)
