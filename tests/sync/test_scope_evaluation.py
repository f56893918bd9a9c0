"""Who is in scope and why: each condition, their order, and a sentence for each reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_adapter.sync.scope import (
    Clause,
    GroupInclusion,
    GroupScope,
    GroupType,
    Inclusion,
    Operator,
    Scope,
    ScopeReason,
    ScopingFilter,
    UserScope,
    group_types,
    in_scope,
    sentence,
)
from azure_adapter.sync.scope_reasons import SENTENCES
from scim.provisioning.source import ObjectKind


@dataclass(frozen=True, slots=True)
class Thing:
    kind: ObjectKind
    attributes: Mapping[str, Any]
    source_id: str = "one"


def user(**attributes: Any) -> Thing:
    return Thing(ObjectKind.user, attributes)


def group(source_id: str = "one", **attributes: Any) -> Thing:
    return Thing(ObjectKind.group, attributes, source_id)


def reason(scope: Scope, thing: Thing, member: bool = False) -> ScopeReason:
    inside, why = in_scope(scope, thing, member)
    assert inside is (why is ScopeReason.in_scope)
    return why


SALES = (ScopingFilter((Clause("department", Operator.equals, "Sales"),)),)


def test_without_conditions_everything_is_in() -> None:
    for thing in (user(), group(), user(userType="Guest", accountEnabled=False)):
        assert reason(Scope(), thing) is ScopeReason.in_scope


@pytest.mark.parametrize(
    ("user_type", "expected"),
    [
        ("Guest", ScopeReason.guest),
        ("guest", ScopeReason.guest),
        ("Member", ScopeReason.in_scope),
        (None, ScopeReason.in_scope),
    ],
)
def test_guests(user_type: str | None, expected: ScopeReason) -> None:
    scope = Scope(UserScope(guests=Inclusion.exclude))
    assert reason(scope, user(userType=user_type)) is expected


@pytest.mark.parametrize(
    ("enabled", "expected"),
    [
        (False, ScopeReason.disabled),
        (True, ScopeReason.in_scope),
        (None, ScopeReason.in_scope),
    ],
)
def test_disabled_accounts(enabled: bool | None, expected: ScopeReason) -> None:
    scope = Scope(UserScope(disabled=Inclusion.exclude))
    assert reason(scope, user(accountEnabled=enabled)) is expected


def test_users_by_groups_and_rules() -> None:
    scope = Scope(UserScope(groups=("g",), rules=SALES))
    assert reason(scope, user(department="Sales"), True) is ScopeReason.in_scope
    assert reason(scope, user(department="Sales"), False) is ScopeReason.not_in_groups
    assert reason(scope, user(department="IT"), True) is ScopeReason.rules
    assert reason(Scope(UserScope(rules=SALES)), user(department="Sales")) is ScopeReason.in_scope


def test_users_conditions_do_not_concern_groups_nor_the_other_way_round() -> None:
    users = Scope(UserScope(groups=("g",), rules=SALES, guests=Inclusion.exclude))
    assert reason(users, group()) is ScopeReason.in_scope
    groups = Scope(groups=GroupScope(include=GroupInclusion.none))
    assert reason(groups, user()) is ScopeReason.in_scope


TYPES = {
    "security": {"groupTypes": [], "mailEnabled": False, "securityEnabled": True},
    "mail_enabled_security": {"groupTypes": [], "mailEnabled": True, "securityEnabled": True},
    "distribution": {"groupTypes": [], "mailEnabled": True, "securityEnabled": False},
    "microsoft365": {"groupTypes": ["Unified"], "mailEnabled": True, "securityEnabled": False},
}


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("dynamic", [False, True])
def test_types_of_groups_as_graph_tells_them(name: str, dynamic: bool) -> None:
    attributes: dict[str, Any] = dict(TYPES[name])
    if dynamic:
        attributes["groupTypes"] = [*attributes["groupTypes"], "DynamicMembership"]
    membership = GroupType.dynamic if dynamic else GroupType.static
    assert group_types(attributes) == {GroupType(name), membership}
    for wanted in (GroupType(name), membership):
        scope = Scope(groups=GroupScope(types=frozenset({wanted})))
        assert reason(scope, group(**attributes)) is ScopeReason.in_scope
        without = frozenset(GroupType) - {wanted}
        narrow = {
            each for each in without if (each in ("dynamic", "static")) == (wanted is membership)
        }
        other = Scope(groups=GroupScope(types=frozenset(narrow)))
        assert reason(other, group(**attributes)) is ScopeReason.group_type


def test_a_kind_and_a_way_of_membership_are_both_asked_for() -> None:
    scope = Scope(groups=GroupScope(types=frozenset({GroupType.security, GroupType.dynamic})))
    plain = TYPES["security"]
    dynamic = {**plain, "groupTypes": ["DynamicMembership"]}
    assert reason(scope, group(**dynamic)) is ScopeReason.in_scope
    assert reason(scope, group(**plain)) is ScopeReason.group_type


def test_groups_that_graph_told_little_about_are_of_no_kind() -> None:
    assert group_types({"groupTypes": "Unified"}) == {GroupType.static}


def test_groups_by_id_name_and_assignment() -> None:
    listed = Scope(groups=GroupScope(ids=frozenset({"one"})))
    assert reason(listed, group("one")) is ScopeReason.in_scope
    assert reason(listed, group("two")) is ScopeReason.not_listed
    named = ScopingFilter((Clause("displayName", Operator.starts_with, "app-"),))
    by_name = Scope(groups=GroupScope(rules=(named,)))
    assert reason(by_name, group(displayName="app-crm")) is ScopeReason.in_scope
    assert reason(by_name, group(displayName="crm")) is ScopeReason.rules
    assigned = Scope(UserScope(groups=("g",)), GroupScope(GroupInclusion.assigned))
    assert reason(assigned, group(), True) is ScopeReason.in_scope
    assert reason(assigned, group(), False) is ScopeReason.not_assigned
    none = Scope(groups=GroupScope(GroupInclusion.none))
    assert reason(none, group()) is ScopeReason.groups_left_out


# -- properties --------------------------------------------------------------------

USERS = st.builds(
    user,
    userType=st.sampled_from(["Guest", "Member", None]),
    accountEnabled=st.sampled_from([True, False, None]),
    department=st.sampled_from(["Sales", "IT", None]),
)
USER_SCOPES = st.builds(
    UserScope,
    groups=st.sampled_from([(), ("g",)]),
    rules=st.sampled_from([(), SALES]),
    guests=st.sampled_from(Inclusion),
    disabled=st.sampled_from(Inclusion),
)


@given(USER_SCOPES, USERS, st.booleans())
def test_a_user_is_in_exactly_when_every_condition_is_met(
    scope: UserScope, one: Thing, member: bool
) -> None:
    told = one.attributes
    met = {
        ScopeReason.guest: scope.guests is Inclusion.include or told["userType"] != "Guest",
        ScopeReason.disabled: scope.disabled is Inclusion.include
        or told["accountEnabled"] is not False,
        ScopeReason.rules: not scope.rules or told["department"] == "Sales",
        ScopeReason.not_in_groups: not scope.groups or member,
    }
    missed = [why for why, holds in met.items() if not holds]
    assert reason(Scope(scope), one, member) is (missed[0] if missed else ScopeReason.in_scope)


@given(USER_SCOPES, USERS, st.booleans())
def test_leaving_a_condition_out_takes_nobody_out(
    scope: UserScope, one: Thing, member: bool
) -> None:
    if reason(Scope(scope), one, member) is not ScopeReason.in_scope:
        return
    for wider in (
        replace(scope, groups=()),
        replace(scope, rules=()),
        replace(scope, guests=Inclusion.include),
        replace(scope, disabled=Inclusion.include),
    ):
        assert reason(Scope(wider), one, member) is ScopeReason.in_scope


# -- words -------------------------------------------------------------------------


@pytest.mark.parametrize("why", list(ScopeReason))
def test_each_reason_has_a_sentence_that_names_the_object(why: ScopeReason) -> None:
    told = sentence(why, "Ann {label}")
    assert told.startswith("Ann {label} ")
    assert told.endswith(".")
    assert len(why.value) <= 64
    assert set(SENTENCES) == set(ScopeReason)


def test_a_reason_of_a_later_version_is_quoted() -> None:
    assert sentence("by_moonlight", "Ann") == "Ann is out of scope (by_moonlight)."
