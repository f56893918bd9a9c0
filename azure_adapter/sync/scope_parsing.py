"""Reads a scope from JSON, strictly: every problem is told, where it is, and what to do.

Nothing is guessed and nothing is ignored: a misspelt condition that was silently left out would
put people in scope, or out of it, whom nobody meant.
"""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from azure_adapter.sync.scope_clauses import read_clause
from azure_adapter.sync.scope_problems import Problems, ScopeInvalid
from azure_adapter.sync.scope_values import (
    GroupInclusion,
    GroupScope,
    GroupType,
    Inclusion,
    Match,
    Scope,
    ScopingFilter,
    UserScope,
)
from scim.provisioning.source import ObjectKind

T = TypeVar("T")

MOST_GROUPS: Final = 1_000
"""How many groups may be named."""

MOST_FILTERS: Final = 50
"""How many scoping filters users, or groups, may have."""

MOST_CLAUSES: Final = 50
"""How many clauses a filter may have."""

LONGEST_NAME: Final = 128
"""How many characters a filter's name has at most."""

USER_KEYS: Final = ("groups", "nested", "rules", "guests", "disabled")
GROUP_KEYS: Final = ("include", "types", "rules", "ids")

_ID: Final = re.compile(r"[A-Za-z0-9._~:@-]{1,128}")
_GUID: Final = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def scope_from_json(value: object) -> Scope:
    """Read a scope; ``None`` and ``{}`` are the default, everything.

    Raises:
        ScopeInvalid: with every problem.
    """
    problems = Problems()
    given = problems.mapping(value, ("users", "groups"))
    with problems.at("users"):
        users = _users(problems, given.get("users"))
    with problems.at("groups"):
        groups = _groups(problems, given.get("groups"))
        if groups.include is GroupInclusion.assigned and not users.groups:
            with problems.at("include"):
                problems.add(
                    "There are no scoping groups, so that 'assigned' would let no group in.",
                    "Name the groups in users.groups, or choose all or none.",
                )
    if problems.found:
        raise ScopeInvalid(problems.found)
    return Scope(users, groups)


def rules_from_json(value: object, kind: ObjectKind) -> tuple[ScopingFilter, ...]:
    """Read the scoping filters of users or of groups alone.

    Raises:
        ScopeInvalid: with every problem.
    """
    problems = Problems()
    with problems.at("rules"):
        rules = _rules(kind)(problems, value)
    if problems.found:
        raise ScopeInvalid(problems.found)
    return rules


def _users(problems: Problems, value: object) -> UserScope:
    given = problems.mapping(value, USER_KEYS)
    return UserScope(
        groups=_read(problems, given, "groups", _ids),
        nested=_read(problems, given, "nested", lambda p, one: p.flag(one, True)),
        rules=_read(problems, given, "rules", _rules(ObjectKind.user)),
        guests=_read(problems, given, "guests", _inclusion),
        disabled=_read(problems, given, "disabled", _inclusion),
    )


def _groups(problems: Problems, value: object) -> GroupScope:
    given = problems.mapping(value, GROUP_KEYS)
    return GroupScope(
        include=_read(
            problems,
            given,
            "include",
            lambda p, one: p.word(one, GroupInclusion, GroupInclusion.all),
        ),
        types=_read(problems, given, "types", _types),
        rules=_read(problems, given, "rules", _rules(ObjectKind.group)),
        ids=frozenset(_read(problems, given, "ids", _ids)),
    )


def _read(problems: Problems, given: Any, key: str, reader: Callable[[Problems, object], T]) -> T:
    with problems.at(key):
        return reader(problems, given.get(key))


def _inclusion(problems: Problems, value: object) -> Inclusion:
    return problems.word(value, Inclusion, Inclusion.include)


def _types(problems: Problems, value: object) -> frozenset[GroupType]:
    types = set()
    for index, item in enumerate(problems.items(value, len(GroupType))):
        with problems.at(index):
            if item is None:
                problems.add("The type is missing.", f"Give one of {', '.join(GroupType)}.")
            types.add(problems.word(item, GroupType, GroupType.security))
    return frozenset(types)


def _ids(problems: Problems, value: object) -> tuple[str, ...]:
    """Read object ids, each once; a GUID is written in lower case, as Graph does."""
    ids = []
    for index, item in enumerate(problems.items(value, MOST_GROUPS)):
        with problems.at(index):
            text = item.strip() if isinstance(item, str) else ""
            if not _ID.fullmatch(text):
                problems.add(
                    f"{str(item)[:64]!r} is no object id.",
                    "Copy the Object ID of the group's overview in Microsoft Entra; it looks like "
                    "02bd9fd6-8f93-4758-87c3-1fb73740a315.",
                )
            ids.append(text.lower() if _GUID.fullmatch(text) else text)
    return tuple(dict.fromkeys(ids))


def _rules(kind: ObjectKind) -> Callable[[Problems, object], tuple[ScopingFilter, ...]]:
    def read(problems: Problems, value: object) -> tuple[ScopingFilter, ...]:
        rules = []
        for index, item in enumerate(problems.items(value, MOST_FILTERS)):
            with problems.at(index):
                rules.append(_rule(problems, kind, item))
        return tuple(rules)

    return read


def _rule(problems: Problems, kind: ObjectKind, value: object) -> ScopingFilter:
    given = problems.mapping(value, ("name", "match", "clauses"))
    with problems.at("name"):
        name = problems.text(given.get("name"), LONGEST_NAME)
    with problems.at("match"):
        match = problems.word(given.get("match"), Match, Match.all)
    clauses = []
    with problems.at("clauses"):
        items = problems.items(given.get("clauses"), MOST_CLAUSES)
        if not items and given.get("clauses") in (None, [], ()):
            problems.add("The filter has no clause.", "Add one, or remove the filter.")
        for index, item in enumerate(items):
            with problems.at(index):
                clauses.append(read_clause(problems, kind, item))
    return ScopingFilter(tuple(clauses), name, match)
