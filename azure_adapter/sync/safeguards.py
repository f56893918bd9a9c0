"""Safeguards: what a run may not do without a person. Pure.

A limit is a share of what the sync is linked to, but never trips at or below a handful of
objects, and always when nobody would remain. It counts over a rolling 24 hours, so that a slow
leak trips too.
"""

from dataclasses import dataclass

from azure_adapter.sync.config import SafeguardLimits
from scim.provisioning.operations import Action
from scim.provisioning.source import ObjectKind

WINDOW_S = 86_400
"""The rolling window in which risky operations are counted, in seconds."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """One kind of risky operation."""

    code: str
    kind: ObjectKind
    actions: tuple[Action, ...]
    verb: str
    noun: str


GUARDED = (
    Guarded("deletions", ObjectKind.user, (Action.delete,), "delete", "users"),
    Guarded("disables", ObjectKind.user, (Action.disable, Action.unlink), "disable", "users"),
    Guarded("group_deletions", ObjectKind.group, (Action.delete,), "delete", "groups"),
)
"""The kinds that are counted, each on its own."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a plan, and the last 24 hours, weigh for one kind.

    Attributes:
        planned: operations of the kind in this plan.
        recent: operations of the kind applied within the window.
        linked: objects that the sync is linked to now.
    """

    planned: int
    recent: int
    linked: int


def allowance(limits: SafeguardLimits, linked: int, recent: int) -> int:
    """Return how many operations of a kind may happen within the window."""
    return max(limits.at_least, (linked + recent) * limits.percent // 100)


def trips(limits: SafeguardLimits, load: Load) -> bool:
    """Tell whether a plan's operations of one kind must be held."""
    if not limits.enabled or load.planned == 0:
        return False
    if load.linked > 0 and load.planned >= load.linked:
        return True
    return load.planned + load.recent > allowance(limits, load.linked, load.recent)


def reason(limits: SafeguardLimits, guarded: Guarded, load: Load) -> str:
    """Return the sentence that says what, how many, the limit, and the choices."""
    most = allowance(limits, load.linked, load.recent)
    before = f", after {load.recent} in the last 24 hours" if load.recent else ""
    remain = " Nobody would remain." if load.planned >= load.linked > 0 else ""
    what = f"{guarded.verb} {load.planned} of {load.linked} {guarded.noun}"
    return (
        f"This run would {what}{before}; the limit is {most} ({limits.percent} %, at least "
        f"{limits.at_least}).{remain} They are held and everything else was applied. If the change "
        "in Azure is meant, run the sync again and allow it; if not, correct it there and sync "
        "again."
    )


def far_less(limits: SafeguardLimits, absent: int, present: int) -> bool:
    """Tell whether an initial cycle returned so little that its gaps cannot be believed.

    Args:
        limits: the safeguard of the sync.
        absent: present objects of the mirror that the cycle did not return.
        present: all present objects of the mirror, those it returned included.
    """
    if not limits.enabled or absent == 0:
        return False
    return absent >= present or absent > max(limits.at_least, present * limits.percent // 100)
