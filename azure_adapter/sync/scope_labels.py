"""What people read of the scope's options: labels for forms, lists and reports."""

from collections.abc import Mapping
from typing import Final

from azure_adapter.sync.scope_reasons import ScopeReason
from azure_adapter.sync.scope_values import GroupInclusion, GroupType, Inclusion, Match, Operator

OPTIONS: Final[Mapping[str, str]] = {
    "users.groups": "Only members of these groups",
    "users.nested": "Also members of groups inside of them",
    "users.rules": "Only users whom a scoping filter lets in",
    "users.guests": "Guests",
    "users.disabled": "Accounts that are disabled in Azure",
    "groups.include": "Which groups are provisioned",
    "groups.types": "Only groups of these types",
    "groups.rules": "Only groups that a scoping filter lets in",
    "groups.ids": "Only these groups",
}
"""Each option, by its path in the scope's JSON."""

INCLUSIONS: Final[Mapping[Inclusion, str]] = {
    Inclusion.include: "In scope",
    Inclusion.exclude: "Left out",
}

GROUP_INCLUSIONS: Final[Mapping[GroupInclusion, str]] = {
    GroupInclusion.all: "All groups",
    GroupInclusion.assigned: "Only the scoping groups",
    GroupInclusion.none: "No groups, users only",
}

GROUP_TYPES: Final[Mapping[GroupType, str]] = {
    GroupType.security: "Security",
    GroupType.microsoft365: "Microsoft 365",
    GroupType.mail_enabled_security: "Mail-enabled security",
    GroupType.distribution: "Distribution",
    GroupType.dynamic: "Dynamic membership",
    GroupType.static: "Assigned membership",
}

MATCHES: Final[Mapping[Match, str]] = {
    Match.all: "All clauses have to be true",
    Match.any: "One clause has to be true",
}

OPERATORS: Final[Mapping[Operator, str]] = {
    Operator.equals: "equals",
    Operator.not_equals: "does not equal",
    Operator.is_true: "is true",
    Operator.is_false: "is false",
    Operator.is_null: "is empty",
    Operator.is_not_null: "is not empty",
    Operator.regex_match: "matches the pattern",
    Operator.not_regex_match: "does not match the pattern",
    Operator.greater_than: "is greater than",
    Operator.greater_than_or_equals: "is greater than or equals",
    Operator.includes: "includes",
    Operator.not_includes: "does not include",
    Operator.starts_with: "starts with",
    Operator.ends_with: "ends with",
    Operator.in_list: "is one of",
    Operator.not_in_list: "is none of",
}

REASONS: Final[Mapping[ScopeReason, str]] = {
    ScopeReason.in_scope: "In scope",
    ScopeReason.kept: "Stays in scope",
    ScopeReason.guest: "Guest",
    ScopeReason.disabled: "Disabled in Azure",
    ScopeReason.rules: "No scoping filter",
    ScopeReason.not_in_groups: "In no scoping group",
    ScopeReason.groups_left_out: "Groups are left out",
    ScopeReason.not_listed: "Not a chosen group",
    ScopeReason.group_type: "Type of group",
    ScopeReason.not_assigned: "Not a scoping group",
}
"""Short words for a column; :func:`azure_adapter.sync.scope_reasons.sentence` says it in full."""
