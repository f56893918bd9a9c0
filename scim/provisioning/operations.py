"""SCIM operations as values: what a sync plan holds and a target applies.

An operation is a SCIM request without a connection: method, path, body (RFC 7644 §3). References
to resources that do not exist yet use ``bulkId:<source id>`` as RFC 7644 §3.7.2 does; the
executor replaces them by the ids of the linked resources just before it applies an operation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scim.provisioning.source import ObjectKind

BULK_ID = "bulkId:"
"""The prefix of a reference to the resource that a source object feeds (RFC 7644 §3.7.2)."""

AUTHORITY = "authority"
"""Under which before and after of a ``take_over`` name the sources that decide about the user."""

HELD_ADVICE = (
    "If it is meant, allow it once in Quarantine; if not, correct it in Azure and sync again, or "
    "discard it."
)
"""What a person can do about a held operation."""

MEMBERS_PER_PATCH = 1_000
"""How many members one PATCH operation adds or removes at most."""


class Action(StrEnum):
    """What an operation means to a person; the HTTP method alone does not say it."""

    create = "create"
    take_over = "take_over"
    """Links an existing user and takes its profile over."""
    contribute = "contribute"
    """Links an existing user whose profile stays with its authority; nothing is sent."""
    update = "update"
    assign_manager = "assign_manager"
    """Sets a manager who is created by the same plan."""
    release_name = "release_name"
    """Gives up a userName that another object of the same plan needs."""
    disable = "disable"
    delete = "delete"
    restore = "restore"
    """Brings a tombstone back under its old id."""
    add_members = "add_members"
    remove_members = "remove_members"
    invite = "invite"
    """Asks the user by mail to verify an address; nothing is sent to the target."""
    unlink = "unlink"
    """Lets go of a joined user: it is deactivated, and stays. One whose profile belongs to
    another source is only unlinked; then nothing is sent."""
    none = "none"
    """Nothing to apply: the row only tells why an object was left out."""


class OperationStatus(StrEnum):
    """Where an operation of a plan stands."""

    pending = "pending"
    held = "held"
    """Held back by a safeguard, until a person allows or discards it."""
    done = "done"
    failed = "failed"
    skipped = "skipped"
    """What it depends on failed or is held; planned again by the next run."""
    superseded = "superseded"
    """A newer plan decided about the same object, or it is no longer what a person reviewed."""
    discarded = "discarded"
    """A person discarded it while it was held; it stays away until its source object changes."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One SCIM operation of a sync plan.

    Attributes:
        action: what it means.
        kind: user or group.
        source_id: the source object it is about.
        label: what a person recognises the object by (userName or displayName).
        method: HTTP method of RFC 7644 §3.2, or "" when nothing is sent.
        path: path below the SCIM root, such as ``/Users`` or ``/Groups/bulkId:<source id>``.
        body: the JSON body, or ``None``.
        before: the attributes that change, as they were; ``None`` for a creation.
        after: the attributes that change, as they will be; ``None`` for a deletion.
        phase: operations are applied in the order of (phase, seq).
        stamp: digest of the mirror object that it was planned from, so that an object that
            changed since is planned again.
        message: why it is wanted, in a sentence, where action and attributes do not say it.
    """

    action: Action
    kind: ObjectKind
    source_id: str
    label: str
    method: str = ""
    path: str = ""
    body: dict[str, Any] | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    phase: int = 0
    stamp: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """An operation as the plan stores it.

    Attributes:
        seq: its place in the plan, from 1, unique in the run.
        operation: the operation.
        status: where it stands.
        code: stable word of the error or of the reason it was held or skipped, or "".
        message: that in a sentence.
        advice: what to do.
        resource_id: the SCIM resource it created or changed, once known.
        applied_at: when it was applied (microseconds since the epoch), or ``None``.
        decided_by: who allowed or discarded it while it was held, "" for nobody.
        decided_at: when that was, or ``None``.
    """

    seq: int
    operation: Operation
    status: OperationStatus = OperationStatus.pending
    code: str = ""
    message: str = ""
    advice: str = ""
    resource_id: str = ""
    applied_at: int | None = None
    decided_by: str = ""
    decided_at: int | None = None


@dataclass(frozen=True, slots=True)
class Discard:
    """A held operation that a person discarded, remembered until its source object changes.

    Attributes:
        source_id: the source object.
        action: what is not to be done.
        members: of a change of memberships, the members it is about.
        run_id: the run that had held it.
        decided_by: who discarded it.
        decided_at: when, microseconds since the epoch.
    """

    source_id: str
    action: Action
    members: tuple[str, ...] = ()
    run_id: str = ""
    decided_by: str = ""
    decided_at: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one operation at the target.

    Attributes:
        status: HTTP status of the answer (RFC 7644 §3.12), 200-299 for success.
        resource_id: id of the resource it acted on, or "".
        code: ``scimType`` or a stable word, "" for success.
        message: the error's ``detail``.
        changed: False when the operation had nothing to change.
    """

    status: int
    resource_id: str = ""
    code: str = ""
    message: str = ""
    changed: bool = True

    @property
    def ok(self) -> bool:
        """Whether the operation succeeded."""
        return 200 <= self.status < 300


def reference(source_id: str) -> str:
    """Return the reference to the resource that a source object feeds."""
    return f"{BULK_ID}{source_id}"


def references(value: Any) -> Iterator[str]:
    """Yield the source ids that a body, or a path, refers to by ``bulkId:``, in order."""
    if isinstance(value, str):
        if value.startswith(BULK_ID):
            yield value[len(BULK_ID) :]
        elif f"/{BULK_ID}" in value:
            yield value.partition(f"/{BULK_ID}")[2]
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolve(value: Any, ids: dict[str, str]) -> Any:
    """Return a copy of a body or path with its references replaced by resource ids.

    Args:
        value: any JSON value.
        ids: resource id by source id. A reference that is not in it stays as it is.
    """
    if isinstance(value, str):
        head, mark, source_id = value.partition(BULK_ID)
        if mark and (not head or head.endswith("/")) and source_id in ids:
            return head + ids[source_id]
        return value
    if isinstance(value, dict):
        return {key: resolve(item, ids) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, ids) for item in value]
    return value
