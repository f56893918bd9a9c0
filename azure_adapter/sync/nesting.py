"""Groups in groups: kept as the directory has them, or flattened into their users.

Entra's own provisioning never reads nested groups; many applications do not know groups as
members. Flattened, a group has every user that is in it at any depth, and no group.
"""

from enum import StrEnum
from typing import Any, Final


class NestedGroups(StrEnum):
    """What becomes of groups that are members of groups."""

    kept = "kept"
    """A group that is provisioned is a member like a user (RFC 7643 §4.2 allows it)."""
    flattened = "flattened"
    """Its users are members instead, at any depth; groups are not."""


HIDDEN: Final = ("visibility", "HiddenMembership")
"""The attribute of groups whose members come silently empty without ``Member.Read.Hidden``."""

LABELS: Final = {
    NestedGroups.kept: "Keep nested groups as they are in Azure",
    NestedGroups.flattened: "Flatten nested groups: their users become members",
}
"""What people read."""


def nested_from_json(value: Any) -> NestedGroups:
    """Read the setting ``nested``; ``None`` is :attr:`NestedGroups.kept`.

    Raises:
        ValueError: it is neither; the message says what it may be.
    """
    if value is None:
        return NestedGroups.kept
    try:
        return NestedGroups(value)
    except ValueError:
        raise ValueError(
            f"Nested groups are {' or '.join(NestedGroups)}, not {str(value)[:40]!r}. Choose one."
        ) from None
