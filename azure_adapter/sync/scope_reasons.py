"""Why an object is in or out of scope: stable words, and a sentence for people for each."""

from enum import StrEnum
from typing import Final

from scim.provisioning.records import MirrorRecord
from scim.provisioning.source import Presence


class ScopeReason(StrEnum):
    """Which condition of the scope decided. The mirror keeps the word."""

    in_scope = ""
    """It meets every condition; nothing more is to be said."""
    kept = "kept"
    """A scoping group could not be read, so that who was in scope stays in."""
    guest = "guest"
    disabled = "disabled"
    rules = "rules"
    not_in_groups = "not_in_groups"
    groups_left_out = "groups_left_out"
    not_listed = "not_listed"
    group_type = "group_type"
    not_assigned = "not_assigned"


BY_MEMBERSHIP: Final = frozenset({ScopeReason.not_in_groups, ScopeReason.not_assigned})
"""Reasons that only the membership of scoping groups decides about."""

SENTENCES: Final[dict[ScopeReason, str]] = {
    ScopeReason.in_scope: "{label} is in scope: it meets every condition of the scope.",
    ScopeReason.kept: "{label} stays in scope, because a scoping group could not be read "
    "completely and a membership that is missing there proves nothing.",
    ScopeReason.guest: "{label} is out of scope: guests are left out.",
    ScopeReason.disabled: "{label} is out of scope: accounts that are disabled in Azure are left "
    "out.",
    ScopeReason.rules: "{label} is out of scope: none of the scoping filters lets it in.",
    ScopeReason.not_in_groups: "{label} is out of scope: it is a member of none of the scoping "
    "groups.",
    ScopeReason.groups_left_out: "{label} is out of scope: this user sync provisions users only.",
    ScopeReason.not_listed: "{label} is out of scope: it is not one of the chosen groups.",
    ScopeReason.group_type: "{label} is out of scope: groups of its type are left out.",
    ScopeReason.not_assigned: "{label} is out of scope: only the scoping groups are provisioned.",
}


def sentence(reason: str, label: str) -> str:
    """Return why an object is in or out of scope.

    Args:
        reason: the word; one that is not known (of a later version) is quoted.
        label: what a person recognises the object by.
    """
    try:
        template = SENTENCES[ScopeReason(reason)]
    except ValueError:
        return f"{label} is out of scope ({reason})."
    return template.replace("{label}", label)


def why_out(record: MirrorRecord, label: str) -> str:
    """Return why an object leaves that is still in the source; "" for one that is not.

    It is what the message of its operation says.
    """
    out = record.presence is Presence.present and not record.in_scope
    return sentence(record.scope_reason, label) if out else ""
