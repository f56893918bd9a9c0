"""Safeguards: what a run may not do without a person. Pure.

A limit is a share of what the sync is linked to, but never trips at or below a handful of
objects, and always when nobody would remain. It counts over a rolling 24 hours, so that a slow
leak trips too.

Invitations cannot be called back, and the first cycle under *Send Enrollment Email* invites
everybody: measured by a share it would always trip. So in the first 24 hours of its invitations
a sync may send as many as somebody setting it up can oversee (:data:`FIRST_INVITATIONS`): a team
of ten is invited at once, ten thousand people by accident are not. Afterwards the share counts, of
those who are linked after the plan, so that new colleagues count on both sides.
"""

from dataclasses import dataclass

from azure_adapter.sync.config import SafeguardLimits
from scim.provisioning.operations import Action
from scim.provisioning.source import ObjectKind

WINDOW_S = 86_400
"""The rolling window in which risky operations are counted, in seconds."""

FIRST_INVITATIONS = 100
"""How many people a sync may invite that has invited nobody before the window."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """One kind of risky operation.

    Attributes:
        code: its stable word, the code of what it holds.
        kind: the objects that its operations are about.
        actions: those operations.
        verb: what they do, for a person.
        noun: to what.
        remains: what it means that nothing would remain, "" when that is no reason to hold.
    """

    code: str
    kind: ObjectKind
    actions: tuple[Action, ...]
    verb: str
    noun: str
    remains: str = ""


DELETIONS = Guarded(
    "deletions", ObjectKind.user, (Action.delete,), "delete", "users", "Nobody would remain."
)
DISABLES = Guarded(
    "disables",
    ObjectKind.user,
    (Action.disable, Action.unlink),
    "disable",
    "users",
    "Nobody would remain.",
)
GROUP_DELETIONS = Guarded(
    "group_deletions",
    ObjectKind.group,
    (Action.delete,),
    "delete",
    "groups",
    "No group would remain.",
)
REMOVALS = Guarded(
    "membership_removals",
    ObjectKind.group,
    (Action.remove_members,),
    "remove",
    "memberships",
    "No membership would remain.",
)
EMPTIED = Guarded(
    "groups_emptied",
    ObjectKind.group,
    (Action.remove_members,),
    "empty",
    "groups",
    "No group would keep a member.",
)
INVITATIONS = Guarded("invitations", ObjectKind.user, (Action.invite,), "invite", "users")

GUARDED = (DELETIONS, DISABLES, GROUP_DELETIONS, REMOVALS, EMPTIED, INVITATIONS)
"""The kinds that are counted, each on its own, in the order in which they are looked at."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a plan, and the last 24 hours, weigh for one kind.

    Attributes:
        planned: operations of the kind in this plan.
        recent: operations of the kind applied within the window.
        linked: objects that the sync is linked to now.
        lost: those that it was linked to and lost within the window.
        first: nothing of the kind was applied before the window.
        together: operations of all kinds that would leave nothing of these objects, when those
            are more than ``planned``.
    """

    planned: int
    recent: int
    linked: int
    lost: int = 0
    first: bool = False
    together: int = 0


def allowance(limits: SafeguardLimits, load: Load) -> int:
    """Return how many operations of a kind may happen within the window."""
    least = max(limits.at_least, FIRST_INVITATIONS) if load.first else limits.at_least
    return max(least, (load.linked + load.lost) * limits.percent // 100)


def trips(limits: SafeguardLimits, guarded: Guarded, load: Load) -> bool:
    """Tell whether a plan's operations of one kind must be held."""
    if not limits.enabled or load.planned == 0:
        return False
    if empties(guarded, load):
        return True
    return load.planned + load.recent > allowance(limits, load)


def empties(guarded: Guarded, load: Load) -> bool:
    """Tell whether nothing would remain of what the sync is linked to."""
    return bool(guarded.remains) and max(load.planned, load.together) >= load.linked > 0


def reason(limits: SafeguardLimits, guarded: Guarded, load: Load) -> str:
    """Return the sentence that says what, how many, the limit, and the choices."""
    most = allowance(limits, load)
    before = f", after {load.recent} in the last 24 hours" if load.recent else ""
    remain = f" {guarded.remains}" if empties(guarded, load) else ""
    what = f"{guarded.verb} {load.planned} of {load.linked} {guarded.noun}"
    return (
        f"This run would {what}{before}; the limit is {most} ({_limit(limits, load)}).{remain} "
        "They are held, with what depends on them, and everything else goes on. Allow exactly "
        "these once, or discard them, in Quarantine; or correct it in Azure and sync again."
    )


def _limit(limits: SafeguardLimits, load: Load) -> str:
    if load.first:
        least = max(limits.at_least, FIRST_INVITATIONS)
        return f"{limits.percent} %, at first at least {least}"
    return f"{limits.percent} %, at least {limits.at_least}"


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
