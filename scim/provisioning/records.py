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


@dataclass(frozen=True, slots=True)
class Authority:
    """Who decides about a resource of the store.

    Attributes:
        source: its authority.
        blocked: an administrator blocks the user, which keeps it disabled whatever sources say.
    """

    source: Source
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class EnrollmentState:
    """How far a user of the store is enrolled.

    Attributes:
        email_verified: whether the user has proven to own ``address``; ``None``: nobody asked.
        invite_status: the word of the invitation (`docs/enrollment.md`); ``None``: there is none.
        address: the address that enrollment is about (`scim.ezto.enrollment_address`), or
            ``None``.
    """

    email_verified: bool | None = None
    invite_status: str | None = None
    address: str | None = None


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

    Attributes:
        enrollment: ``due`` while an invitation is to be sent, ``sent`` after it was, "" when the
            sync never asked for one. Saved as "" it stays what it is.
        kept_disabled: the user was disabled here when this sync joined it; it stays so until the
            source itself says disabled once.
    """

    source_id: str
    kind: ObjectKind
    resource_id: str
    state: LinkState = LinkState.linked
    joined: bool = False
    sync_id: str = ""
    enrollment: str = ""
    kept_disabled: bool = False


class Choice(StrEnum):
    """What a person may choose for a source object that is not provisioned without one."""

    take_over = "take_over"
    """Join the named user, and become the authority of its profile."""
    contribute = "contribute"
    """Join the named user, and leave its profile to its authority."""
    create = "create"
    """Make a new user, whoever else has the value of the Unique field."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person chose for one source object.

    Attributes:
        source_id: the object.
        choice: what it was.
        resource_id: the user that it is about, "" for :attr:`Choice.create`.
        decided_by: who chose.
        decided_at: when, microseconds since the epoch.
    """

    source_id: str
    choice: Choice
    resource_id: str = ""
    decided_by: str = ""
    decided_at: int = 0


@dataclass(frozen=True, slots=True)
class MirrorRecord:
    """One object of the mirror, with its link.

    Attributes:
        stamp: digest of presence and attributes.
        row: position in the mirror; pages of :meth:`SyncStore.dirty` go on after it.
        failures: how often it failed in a row.
        in_scope: whether the scoping filter lets it in.
        scope_reason: which rule decided, as its stable word.
    """

    source_id: str
    kind: ObjectKind
    presence: Presence
    attributes: Attributes
    stamp: str = ""
    row: int = 0
    failures: int = 0
    link: LinkRecord | None = None
    in_scope: bool = True
    scope_reason: str = ""

    @property
    def is_wanted(self) -> bool:
        """Whether it is in the source and in scope, so that it is to be provisioned."""
        return self.in_scope and self.presence is Presence.present

    @property
    def is_linked(self) -> bool:
        """Whether it feeds a resource now."""
        return self.link is not None and self.link.state is LinkState.linked


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """One member of a source group, as the mirror and the links know it."""

    source_id: str
    kind: ObjectKind
    presence: Presence
    link: LinkRecord | None = None
    in_scope: bool = True

    @property
    def is_wanted(self) -> bool:
        """Whether it is in the source and in scope, so that it is to be provisioned."""
        return self.in_scope and self.presence is Presence.present


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
    by an initial cycle, since a delta never repeats it. ``properties`` are those of the source
    that the chain reads, so that a mapping which needs another one is told from one that does not.
    """

    next_cursor: str | None = None
    delta_cursor: str | None = None
    generation: int = 0
    swept: bool = True
    gaps: Gaps = Gaps.none
    properties: tuple[str, ...] = ()


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
    """Told as progress only: an interrupted check plans again, so the run stays in ``plan``."""
    apply = "apply"
    report = "report"
    done = "done"


class RunKind(StrEnum):
    """What a run is for; how it was started is its ``trigger``."""

    cycle = "cycle"
    """Reads the source, plans what changed, applies it (or only previews it)."""
    draft = "draft"
    """A preview of an edited configuration that is not saved yet."""
    reviewed = "reviewed"
    """Applies the plan of a preview that a person reviewed."""
    allowed = "allowed"
    """Applies held operations that a person allowed, once."""
    retry = "retry"
    """Applies what failed before and is due again; reads nothing."""
    drift = "drift"
    """Compares every linked resource with what the mirror maps to; reads nothing."""
    undo = "undo"
    """A preview that takes back what an earlier run applied."""
    on_demand = "on_demand"
    """Provisions one person or group."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One execution of a user sync. Moments are microseconds since the epoch.

    Attributes:
        options: what was asked for beyond the mode (``kind`` and what belongs to it).
        config_version: of the user sync when the run began.
        reviewed_run: the run whose plan, or held operations, this run applies.
        undoes_run: the run that this preview takes back.
        cancel_by: who asked that it stops, "" for nobody.
    """

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
    options: Mapping[str, Any] = field(default_factory=dict)
    config_version: int = 0
    reviewed_run: str | None = None
    undoes_run: str | None = None
    cancel_by: str = ""

    @property
    def kind(self) -> RunKind:
        """What the run is for."""
        return RunKind(self.options.get("kind") or RunKind.cycle)


class LeaseLost(Exception):
    """Another worker took the sync over: stop, and touch nothing any more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one sync. ``fence`` grows with each holder; writes check it."""

    sync_id: str
    owner: str
    fence: int
