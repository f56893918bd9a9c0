"""What a run did, in numbers: its history row, the JSON summary and the report mail."""

from collections.abc import Mapping
from typing import Any

from scim.provisioning.operations import Action, OperationStatus
from scim.provisioning.records import RunRecord
from scim.provisioning.source import ObjectKind

COLUMN = {
    Action.create: "created",
    Action.restore: "restored",
    Action.take_over: "updated",
    Action.contribute: "updated",
    Action.contribute: "updated",
    Action.update: "updated",
    Action.assign_manager: "updated",
    Action.release_name: "updated",
    Action.add_members: "updated",
    Action.remove_members: "updated",
    Action.disable: "disabled",
    Action.unlink: "disabled",
    Action.delete: "deleted",
}
"""The column of the report that an object counts in, by its first operation."""

OBJECT_COLUMNS = (
    "created",
    "restored",
    "updated",
    "disabled",
    "deleted",
    "unchanged",
    "failed",
    "held",
    "skipped",
)

ObjectCounts = Mapping[tuple[ObjectKind, Action, str], int]
MembershipCounts = Mapping[tuple[Action, str], int]


def tally(
    objects: ObjectCounts,
    memberships: MembershipCounts,
    linked: Mapping[ObjectKind, int],
    *,
    preview: bool,
    invited: int = 0,
) -> dict[str, Any]:
    """Return the counts of a run.

    Args:
        objects: objects by kind, action and status, each once.
        memberships: memberships by action and status.
        linked: how many objects of a kind are linked now.
        preview: count what would be done instead of what was done.
        invited: how many people were invited, or would be.
    """
    counted = OperationStatus.pending if preview else OperationStatus.done
    counts: dict[str, Any] = {
        "users": _objects(objects, ObjectKind.user, counted, linked),
        "groups": _objects(objects, ObjectKind.group, counted, linked),
    }
    counts["memberships"] = {
        "added": memberships.get((Action.add_members, counted.value), 0),
        "removed": memberships.get((Action.remove_members, counted.value), 0),
    }
    counts["invited"] = invited
    return counts


def _objects(
    objects: ObjectCounts,
    kind: ObjectKind,
    counted: OperationStatus,
    linked: Mapping[ObjectKind, int],
) -> dict[str, int]:
    row = dict.fromkeys(OBJECT_COLUMNS, 0)
    touched = 0
    for (each, action, status), number in objects.items():
        if each is not kind:
            continue
        if status == counted and action in COLUMN:
            row[COLUMN[action]] += number
            touched += number if COLUMN[action] != "deleted" else 0
        elif status == OperationStatus.failed:
            row["failed"] += number
        elif status == OperationStatus.held:
            row["held"] += number
        elif status == OperationStatus.skipped:
            row["skipped"] += number
    new = row["created"] if counted is OperationStatus.pending else 0
    row["unchanged"] = max(0, linked.get(kind, 0) + new - touched - _gone(row, counted))
    return row


def _gone(row: Mapping[str, int], counted: OperationStatus) -> int:
    return row["deleted"] if counted is OperationStatus.pending else 0


def failures(counts: Mapping[str, Any]) -> int:
    """Return how many objects failed."""
    return sum(int(counts[kind]["failed"]) for kind in ("users", "groups") if kind in counts)


def summary(run: RunRecord) -> dict[str, Any]:
    """Return the JSON summary of a run, as the CLI prints it."""
    empty = dict.fromkeys(OBJECT_COLUMNS, 0)
    seconds = (run.finished_at - run.started_at) / 1_000_000 if run.finished_at else None
    return {
        "run": run.id,
        "sync": run.sync_id,
        "kind": run.kind.value,
        "mode": run.mode.value,
        "status": run.status.value,
        "preview": run.preview,
        "trigger": run.trigger,
        "actor": run.actor,
        "users": dict(run.counts.get("users", empty)),
        "groups": dict(run.counts.get("groups", empty)),
        "memberships": dict(run.counts.get("memberships", {"added": 0, "removed": 0})),
        "invited": int(run.counts.get("invited", 0)),
        "quarantine": dict(run.counts.get("quarantine", {})),
        "duration_s": round(seconds, 3) if seconds is not None else None,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "notes": list(run.notes),
        "error": {"code": run.code, "message": run.message, "advice": run.advice}
        if run.code
        else None,
    }
