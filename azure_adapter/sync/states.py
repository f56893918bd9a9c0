"""The states of a run and of a user sync, as tables.

Rules: a run goes through its phases in one direction only, each saved before the next begins, so
that it is taken up where its process stopped; it may end in every phase, because somebody cancels
it or because it cannot go on. A run ends with exactly one status and is never opened again. A user
sync has one stored state; *paused*, *queued* and *running* are told beside it.

``docs/user-sync.md`` draws these tables, and a test compares the two.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from scim.provisioning.records import RunPhase, RunStatus

PHASES: Final[Mapping[RunPhase, Mapping[RunPhase, str]]] = {
    RunPhase.read: {RunPhase.plan: "everything, or what changed, is in the mirror"},
    RunPhase.plan: {
        RunPhase.apply: "planned, and checked by the safeguards",
        RunPhase.report: "the same, of a preview",
    },
    RunPhase.apply: {RunPhase.report: "nothing is pending any more"},
    RunPhase.report: {RunPhase.done: "counted"},
    RunPhase.done: {},
}
"""Where a run goes from each phase, and when."""

ENDS: Final[Mapping[RunStatus, str]] = {
    RunStatus.running: "it is not over; of a process that died, the next run takes it up",
    RunStatus.succeeded: "everything that was planned is applied",
    RunStatus.incomplete: "some objects failed; they are tried again by themselves",
    RunStatus.quarantined: "something is held, and waits for a person",
    RunStatus.failed: "it could not do its work; its message says why, and what to do",
    RunStatus.cancelled: "a person stopped it; the next run plans the rest again",
}
"""How a run ends, and what that means."""

SYNC: Final[Mapping[str, Mapping[str, str]]] = {
    "setup_incomplete": {
        "needs_login": "the app registration has its credential, and a person has to sign in",
        "ready": "the app registration has its credential, and signs in by itself",
    },
    "needs_login": {"ready": "a person signed in"},
    "ready": {
        "needs_login": "Microsoft no longer accepts the sign-in",
        "quarantined": "a safeguard holds something",
    },
    "quarantined": {"ready": "all of it was allowed or discarded, or is no longer planned"},
}
"""Where a user sync goes from each stored state, and when."""

BESIDE: Final[Mapping[str, str]] = {
    "paused": "a person stopped it: nothing is applied until it is resumed, previews are possible",
    "queued": "somebody, or the schedule, asked for a run that no worker has taken yet",
    "running": "a worker is at it",
}
"""What is told beside the stored state."""


def check_phase(old: RunPhase, new: RunPhase) -> None:
    """Refuse a phase that does not follow; ending is possible from every one.

    Raises:
        ValueError: a defect of the engine.
    """
    if new is not RunPhase.done and new not in PHASES[old]:
        raise ValueError(f"A run does not go from {old.value} to {new.value}.")


def drawn(table: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield the lines of a drawing of a table: where, where to, and when."""
    arrows = [(old, new, when) for old, ways in table.items() for new, when in ways.items()]
    left, right = (max(len(arrow[side]) for arrow in arrows) for side in (0, 1))
    for old, new, when in arrows:
        yield f"{old:<{left}} ──▶ {new:<{right}}  {when}"
