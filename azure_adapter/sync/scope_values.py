"""The scope of a user sync as a value: which source objects are in.

Operators and their words are those of Entra's scoping filters. Source: Entra: "Scoping users or
groups to be provisioned with scoping filters". What is not there is marked as our own.
"""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from azure_adapter.mapping.sources import find_source
from scim.provisioning.source import ObjectKind

EVALUATION_VERSION: Final = 1
"""Grows when an unchanged scope would decide differently about an unchanged object."""


class Inclusion(StrEnum):
    """Whether a sort of user is in or out."""

    include = "include"
    exclude = "exclude"


class Match(StrEnum):
    """How the clauses of one filter are joined; Entra has ``all`` only."""

    all = "all"
    any = "any"


class GroupInclusion(StrEnum):
    """Which groups are provisioned at all."""

    all = "all"
    """Every group that the other conditions let in."""
    assigned = "assigned"
    """The scoping groups of the users only and, when those count as nested, what is in them."""
    none = "none"
    """Users only."""


class GroupType(StrEnum):
    """What a group is. Source: Microsoft Graph: "Working with groups"."""

    security = "security"
    microsoft365 = "microsoft365"
    mail_enabled_security = "mail_enabled_security"
    distribution = "distribution"
    dynamic = "dynamic"
    """Members follow from a rule in Entra."""
    static = "static"
    """Members are assigned one by one."""


class Operator(StrEnum):
    """How a clause compares. Every one but IS NULL is false for an empty attribute, as in Entra."""

    equals = "EQUALS"
    not_equals = "NOT EQUALS"
    is_true = "IS TRUE"
    is_false = "IS FALSE"
    is_null = "IS NULL"
    is_not_null = "IS NOT NULL"
    regex_match = "REGEX MATCH"
    not_regex_match = "NOT REGEX MATCH"
    greater_than = "GREATER_THAN"
    greater_than_or_equals = "GREATER_THAN_OR_EQUALS"
    includes = "INCLUDES"
    ends_with = "ENDS_WITH"
    not_includes = "NOT INCLUDES"
    """Our own."""
    starts_with = "STARTS_WITH"
    """Our own."""
    in_list = "IN"
    """Our own."""
    not_in_list = "NOT IN"
    """Our own."""


WITHOUT_VALUE: Final = frozenset(
    {Operator.is_true, Operator.is_false, Operator.is_null, Operator.is_not_null}
)
"""Operators that take no value."""

WITH_LIST: Final = frozenset({Operator.in_list, Operator.not_in_list})
"""Operators whose value is a list of texts."""

WITH_NUMBER: Final = frozenset({Operator.greater_than, Operator.greater_than_or_equals})
"""Operators whose value is a whole number."""

WITH_PATTERN: Final = frozenset({Operator.regex_match, Operator.not_regex_match})
"""Operators whose value is a regular expression."""

FOR_LISTS: Final = frozenset(
    {Operator.is_null, Operator.is_not_null, Operator.includes, Operator.not_includes}
)
"""Operators that an attribute with many values understands."""

FOR_FLAGS: Final = frozenset(
    {Operator.is_true, Operator.is_false, Operator.is_null, Operator.is_not_null}
)
"""Operators that a true-or-false attribute understands."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition on one attribute.

    Attributes:
        attribute: Graph's or Entra's name of it (:mod:`azure_adapter.mapping.sources`); a member
            of a complex one after a dot, as in ``employeeOrgData.division``.
        operator: how it is compared.
        value: with what: a text, a whole number, a list of texts, or ``None``.
        ignore_case: compare without case (our own; Entra's operators are case-sensitive).
    """

    attribute: str
    operator: Operator
    value: str | int | tuple[str, ...] | None = None
    ignore_case: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as :func:`azure_adapter.sync.scope_parsing.scope_from_json` reads it."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        told: dict[str, Any] = {"attribute": self.attribute, "operator": self.operator.value}
        if value is not None:
            told["value"] = value
        if self.ignore_case:
            told["ignore_case"] = True
        return told


@dataclass(frozen=True, slots=True)
class ScopingFilter:
    """Clauses that let an object in together; several filters are joined by *or*, as in Entra."""

    clauses: tuple[Clause, ...]
    name: str = ""
    match: Match = Match.all

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "name": self.name,
            "match": self.match.value,
            "clauses": [clause.to_json() for clause in self.clauses],
        }


@dataclass(frozen=True, slots=True)
class UserScope:
    """Which users are in: those that meet every condition that is set.

    Attributes:
        groups: source ids of groups; a user has to be a member of one of them. None: of no group.
        nested: members of groups inside of these groups count as well.
        rules: scoping filters, one of which has to let the user in. None: no rule.
        guests: users whose ``userType`` is Guest.
        disabled: users whose ``accountEnabled`` is false.
    """

    groups: tuple[str, ...] = ()
    nested: bool = True
    rules: tuple[ScopingFilter, ...] = ()
    guests: Inclusion = Inclusion.include
    disabled: Inclusion = Inclusion.include

    @property
    def unrestricted(self) -> bool:
        """Whether every user is in."""
        included = self.guests is Inclusion.include and self.disabled is Inclusion.include
        return included and not self.groups and not self.rules

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "groups": list(self.groups),
            "nested": self.nested,
            "rules": [each.to_json() for each in self.rules],
            "guests": self.guests.value,
            "disabled": self.disabled.value,
        }


@dataclass(frozen=True, slots=True)
class GroupScope:
    """Which groups are in: those that meet every condition that is set.

    Attributes:
        include: all, the scoping groups of the users only, or none.
        types: what a group has to be. Types of kind (security, microsoft365 …) are joined by
            *or*, so are ``dynamic`` and ``static``, and a group has to meet both. None: any.
        rules: scoping filters on the group's attributes, most often ``displayName``.
        ids: source ids of the only groups that are in. None: any.
    """

    include: GroupInclusion = GroupInclusion.all
    types: frozenset[GroupType] = frozenset()
    rules: tuple[ScopingFilter, ...] = ()
    ids: frozenset[str] = frozenset()

    @property
    def unrestricted(self) -> bool:
        """Whether every group is in."""
        narrowed = self.types or self.rules or self.ids
        return self.include is GroupInclusion.all and not narrowed

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "include": self.include.value,
            "types": sorted(self.types),
            "rules": [each.to_json() for each in self.rules],
            "ids": sorted(self.ids),
        }


@dataclass(frozen=True, slots=True)
class Scope:
    """Which source objects a user sync provisions; by default every one."""

    users: UserScope = UserScope()
    groups: GroupScope = GroupScope()

    @property
    def unrestricted(self) -> bool:
        """Whether everything is in."""
        return self.users.unrestricted and self.groups.unrestricted

    @property
    def by_membership(self) -> bool:
        """Whether membership of scoping groups decides about anything."""
        return bool(self.users.groups)

    def of(self, kind: ObjectKind) -> UserScope | GroupScope:
        """Return the part that decides about one kind of object."""
        return self.groups if kind is ObjectKind.group else self.users

    def fingerprint(self) -> str:
        """Return a digest of what decides about an unchanged object; "" when everything is in.

        Names of filters, and the order of what is unordered, are not part of it.
        """
        if self.unrestricted:
            return ""
        told = self.to_json()
        told["users"]["groups"].sort()
        for part in told.values():
            for each in part["rules"]:
                del each["name"]
        told["version"] = EVALUATION_VERSION
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def attributes(self, kind: ObjectKind = ObjectKind.user) -> tuple[str, ...]:
        """Return the Graph properties that deciding about a kind of object needs (``$select``)."""
        if kind is ObjectKind.group:
            needed = ["groupTypes", "mailEnabled", "securityEnabled"] if self.groups.types else []
        else:
            users = self.users
            needed = ["userType"] if users.guests is Inclusion.exclude else []
            needed += ["accountEnabled"] if users.disabled is Inclusion.exclude else []
        clauses = (clause for each in self.of(kind).rules for clause in each.clauses)
        needed += [find_source(clause.attribute, kind).select for clause in clauses]
        return tuple(sorted(set(needed)))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; :meth:`from_json` makes an equal scope of them."""
        return {"users": self.users.to_json(), "groups": self.groups.to_json()}

    @classmethod
    def from_json(cls, value: object) -> "Scope":
        """Read a scope; ``None`` and ``{}`` are the default.

        Raises:
            ScopeInvalid: with every problem, where it is, and what to do about it.
        """
        from azure_adapter.sync.scope_parsing import scope_from_json

        return scope_from_json(value)
