"""What the ports exchange: records of the source, the links, the mirror and the runs.

Values only; see :mod:`scim.provisioning.ports` for who gives them to whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from scim.provisioning.authority import Source
from scim.provisioning.source import Attributes, ObjectKind, Presence


class SourceError(Exception):
    """Reading the source failed, in a way that a person can act on.

    Attributes:
        code: stable word, such as ``invalid_client`` or ``unreachable``.
        message: what failed, in a sentence.
        advice: what to do.
    """

    def __init__(self, code: str, message: str, advice: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice


class SourceCursorExpired(SourceError):
    """The source no longer accepts the cursor: a fresh initial cycle is needed."""


class SourceUnavailable(SourceError):
    """The source cannot be read now (network, outage, throttling beyond patience)."""


class SourceNeedsLogin(SourceError):
    """The sign-in is no longer good: a person has to sign in again or mend the credential."""


class UniqueField(StrEnum):
    """How a source object finds an existing user the first time."""

    email = "email"
    username = "username"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A user of the store that a source object may be matched with."""

    resource_id: str
    authority: Source
    user_name: str


class LinkState(StrEnum):
    """What became of a linked resource."""

    linked = "linked"
    tombstone = "tombstone"
    """The resource was deleted by this sync; the link keeps its id for a restore."""
    unlinked = "unlinked"
    """Let go of: a joined user that left the source."""


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """The bond between a source object and the SCIM resource it feeds.

    ``joined`` says that the resource existed before this sync matched it. ``sync_id`` is filled
    by the store when it answers.
    """

    source_id: str
    kind: ObjectKind
    resource_id: str
    state: LinkState = LinkState.linked
    joined: bool = False
    sync_id: str = ""


@dataclass(frozen=True, slots=True)
class MirrorRecord:
    """One object of the mirror, with its link.

    Attributes:
        stamp: digest of presence and attributes.
        row: position in the mirror; pages of :meth:`SyncStore.dirty` go on after it.
        failures: how often it failed in a row.
    """

    source_id: str
    kind: ObjectKind
    presence: Presence
    attributes: Attributes
    stamp: str = ""
    row: int = 0
    failures: int = 0
    link: LinkRecord | None = None


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """One member of a source group, as the mirror and the links know it."""

    source_id: str
    kind: ObjectKind
    presence: Presence
    link: LinkRecord | None = None


class Gaps(IntEnum):
    """Whether objects could not be read since the last initial cycle of a kind began."""

    none = 0
    named = 1
    """Some could not, and the source gave their ids: the sweep leaves them alone."""
    nameless = 2
    """Some could not, and nobody knows which: a sweep could take them for deleted."""


@dataclass(frozen=True, slots=True)
class CursorRecord:
    """Where the delta chain of one kind stands.

    A chain in progress has ``next_cursor``; a finished one only ``delta_cursor``. ``swept`` is
    False between the end of an initial cycle and its sweep. What ``gaps`` tells of is read again
    by an initial cycle, since a delta never repeats it.
    """

    next_cursor: str | None = None
    delta_cursor: str | None = None
    generation: int = 0
    swept: bool = True
    gaps: Gaps = Gaps.none


class RunMode(StrEnum):
    """Initial cycle (everything is read) or incremental cycle (changes are read)."""

    initial = "initial"
    incremental = "incremental"


class RunStatus(StrEnum):
    """How a run stands or ended."""

    running = "running"
    succeeded = "succeeded"
    incomplete = "incomplete"
    """Ended, some objects failed; they are retried by the next run (heals itself)."""
    quarantined = "quarantined"
    """Ended, a safeguard holds operations back until a person decides."""
    failed = "failed"
    """Could not do its work; says why."""
    cancelled = "cancelled"


class RunPhase(StrEnum):
    """The five phases of a run; each is durable and resumable."""

    read = "read"
    plan = "plan"
    check = "check"
    apply = "apply"
    report = "report"
    done = "done"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One execution of a user sync. Moments are microseconds since the epoch."""

    id: str
    sync_id: str
    mode: RunMode
    trigger: str
    actor: str
    status: RunStatus
    phase: RunPhase
    preview: bool
    started_at: int
    finished_at: int | None = None
    counts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    code: str = ""
    message: str = ""
    advice: str = ""
    checksum: str = ""


class LeaseLost(Exception):
    """Another worker took the sync over: stop, and touch nothing any more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one sync. ``fence`` grows with each holder; writes check it."""

    sync_id: str
    owner: str
    fence: int
