"""The scope of a user sync: who and what is provisioned, everybody by default.

The administrator chooses users by groups (direct or nested members), by attribute rules, guests
and disabled accounts in or out, and groups by id, type or attribute rules. `docs/scope.md` tells
every option. What is out of scope is treated like what left the directory: users as the deletion
policy says, groups are deleted (restorable), memberships of either are simply not there.

This module puts the rooms together: the value and its JSON, its evaluation, the words why, and the
step of a run that tells the mirror (:func:`rescope`).
"""

from azure_adapter.sync.scope_entra import rules_from_entra
from azure_adapter.sync.scope_evaluation import group_types, in_scope, is_guest
from azure_adapter.sync.scope_problems import ScopeInvalid, ScopeProblem
from azure_adapter.sync.scope_reasons import ScopeReason, sentence
from azure_adapter.sync.scope_step import ScopeVerdict, rescope, scope_of
from azure_adapter.sync.scope_values import (
    Clause,
    GroupInclusion,
    GroupScope,
    GroupType,
    Inclusion,
    Match,
    Operator,
    Scope,
    ScopingFilter,
    UserScope,
)

__all__ = [
    "Clause",
    "GroupInclusion",
    "GroupScope",
    "GroupType",
    "Inclusion",
    "Match",
    "Operator",
    "Scope",
    "ScopeInvalid",
    "ScopeProblem",
    "ScopeReason",
    "ScopeVerdict",
    "ScopingFilter",
    "UserScope",
    "group_types",
    "in_scope",
    "is_guest",
    "rescope",
    "rules_from_entra",
    "scope_of",
    "sentence",
]
