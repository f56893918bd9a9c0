"""Which mail the end of a run is worth: told once, and not again while nothing is new."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scim.provisioning.records import RunKind, RunRecord, RunStatus

UNATTENDED = frozenset({"schedule", "retry"})
"""What starts runs that nobody waits for."""

BY_ITSELF = frozenset({RunStatus.succeeded, RunStatus.incomplete, RunStatus.quarantined})
"""How a run ends that went through all its phases."""

CHANGES = ("created", "restored", "updated", "disabled", "deleted")


class MailKind(StrEnum):
    """What a mail is."""

    enrollment = "enrollment"
    sync_report = "sync_report"
    quarantine = "quarantine"
    """A safeguard tripped: one mail for each trip, which is the report too."""
    reauthorize = "reauthorize"
    """The sign-in is no longer good: one mail, until it is good again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which mail to send, or why to send none.

    Attributes:
        kind: the mail.
        dropped: why it is only noted down, "" for one to send.
    """

    kind: MailKind
    dropped: str = ""


def choose(
    run: RunRecord, history: Sequence[RunRecord], *, needs_login: bool, told_of_login: bool
) -> Choice:
    """Return the mail of an ended run.

    A person who started a run gets its report whatever it did; only for one object, provisioned
    by hand, there is none. Of what the schedule starts, a run that failed, or is held back,
    exactly like the one before is not told again.

    Args:
        run: the run; no preview.
        history: the ended runs before it, the newest first; no previews either.
        needs_login: the user sync waits for a person to sign in, or to mend its credential.
        told_of_login: the mail of the run before said so already.
    """
    if run.kind is RunKind.on_demand:
        return Choice(MailKind.sync_report, "Who provisioned one object by hand saw the result.")
    if run.status is RunStatus.failed and needs_login:
        said = "A mail has told that somebody has to sign in." if told_of_login else ""
        return Choice(MailKind.reauthorize, said)
    if run.status is RunStatus.quarantined and not _tripped_already(history):
        return Choice(MailKind.quarantine)
    if run.trigger in UNATTENDED and history:
        return Choice(MailKind.sync_report, _repeats(run, history[0]))
    return Choice(MailKind.sync_report)


def _tripped_already(history: Sequence[RunRecord]) -> bool:
    """Tell whether the last run that came to an end by itself was held back too."""
    ended = (each for each in history if each.status in BY_ITSELF)
    last = next(ended, None)
    return last is not None and last.status is RunStatus.quarantined


def _repeats(run: RunRecord, before: RunRecord) -> str:
    """Return why a run tells nothing that the one before it did not, or ""."""
    if run.status is not before.status:
        return ""
    if run.status is RunStatus.failed:
        same = run.code == before.code
        return f"The run {before.id} failed for the same reason." if same else ""
    if _changes(run.counts) or _failed(run.counts) != _failed(before.counts):
        return ""
    if run.status is RunStatus.quarantined:
        return f"The same changes are held back as in the run {before.id}."
    if run.trigger == "retry":
        return f"Nothing is new since the run {before.id}."
    return ""


def _changes(counts: Mapping[str, Any]) -> int:
    memberships = counts.get("memberships", {})
    objects = sum(_count(counts, name) for name in CHANGES)
    return objects + sum(int(memberships.get(name, 0)) for name in ("added", "removed"))


def _failed(counts: Mapping[str, Any]) -> int:
    return _count(counts, "failed")


def _held(counts: Mapping[str, Any]) -> int:
    return _count(counts, "held")


def _count(counts: Mapping[str, Any], name: str) -> int:
    return sum(int(counts.get(kind, {}).get(name, 0)) for kind in ("users", "groups"))
