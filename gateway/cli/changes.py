"""Plan operations and run summaries as lines that a person reads."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.mail.report import STATUS_WORDS, duration_text
from gateway.values import differences
from scim.provisioning.operations import Action, OperationStatus, PlannedOperation
from scim.provisioning.records import RunStatus
from scim.provisioning.source import ObjectKind

SUMMARY_COLUMNS = ("created", "restored", "updated", "disabled", "deleted", "unchanged", "failed")

VERBS = {
    Action.create: ("+", "created"),
    Action.restore: ("+", "restored"),
    Action.take_over: ("~", "taken over"),
    Action.contribute: ("~", "contributed to"),
    Action.update: ("~", "changed"),
    Action.assign_manager: ("~", "gets a manager"),
    Action.release_name: ("~", "gives its userName up"),
    Action.disable: ("-", "disabled"),
    Action.unlink: ("-", "let go of"),
    Action.delete: ("-", "deleted"),
    Action.invite: ("@", "invited"),
    Action.none: ("!", "left out"),
}
"""A mark and a word for each action; memberships have sentences of their own."""

ORDER = (
    Action.create,
    Action.restore,
    Action.take_over,
    Action.contribute,
    Action.update,
    Action.release_name,
    Action.assign_manager,
    Action.disable,
    Action.unlink,
    Action.delete,
    Action.add_members,
    Action.remove_members,
    Action.invite,
    Action.none,
)
"""Actions in the order in which a person asks for them."""

LONGEST_VALUE = 60


def summary_rows(summary: Mapping[str, Any]) -> list[list[object]]:
    """Return the counts of users and groups, a row each, in the order of SUMMARY_COLUMNS."""
    return [
        [kind, *(summary.get(kind, {}).get(column, 0) for column in SUMMARY_COLUMNS)]
        for kind in ("users", "groups")
    ]


def summary_sentence(name: str, summary: Mapping[str, Any]) -> str:
    """Return how a run ended, in a sentence."""
    status = STATUS_WORDS[RunStatus(summary["status"])]
    memberships = summary.get("memberships", {})
    took = duration_text(float(summary.get("duration_s") or 0))
    return (
        f"Sync {name} {status} ({summary['mode']} cycle, {took}); memberships: "
        f"{memberships.get('added', 0)} added, {memberships.get('removed', 0)} removed."
    )


def operation_line(row: PlannedOperation) -> str:
    """Return one row of a plan as a line."""
    operation = row.operation
    if operation.action is Action.none and row.message:
        return f"! {row.message} {row.advice}".rstrip()
    if operation.action in (Action.add_members, Action.remove_members):
        line = _members_line(row)
    else:
        mark, verb = VERBS[operation.action]
        line = f"{mark} {operation.kind.value} {operation.label} {verb}"
        if operation.action in (Action.update, Action.take_over, Action.release_name):
            line += _differences(operation.before or {}, operation.after or {})
    return line + _remark(row)


def operation_json(row: PlannedOperation) -> dict[str, Any]:
    """Return one row of a plan as JSON values."""
    operation = row.operation
    return {
        "seq": row.seq,
        "action": operation.action.value,
        "kind": operation.kind.value,
        "source_id": operation.source_id,
        "label": operation.label,
        "method": operation.method,
        "path": operation.path,
        "body": operation.body,
        "before": operation.before,
        "after": operation.after,
        "status": row.status.value,
        "code": row.code,
        "message": row.message,
        "advice": row.advice,
        "resource_id": row.resource_id,
    }


def told(rows: Iterable[PlannedOperation]) -> list[str]:
    """Return a line for each row, in the order that a person asks: who came, changed, left."""
    return [operation_line(row) for row in sorted(rows, key=_interest)]


def _interest(row: PlannedOperation) -> tuple[bool, bool, int, int]:
    """Return what rows are sorted by: done or not, people before groups, then the action."""
    operation = row.operation
    return (
        row.status is not OperationStatus.done,
        operation.kind is not ObjectKind.user,
        ORDER.index(operation.action),
        row.seq,
    )


def _members_line(row: PlannedOperation) -> str:
    operation = row.operation
    adds = operation.action is Action.add_members
    told_of = (operation.after if adds else operation.before) or {}
    number = len(told_of.get("members", ()))
    noun = "member" if number == 1 else "members"
    return f"~ group {operation.label}: {number} {noun} {'added' if adds else 'removed'}"


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    shown = differences(before, after, LONGEST_VALUE)
    return f": {', '.join(shown)}" if shown else ""


def _remark(row: PlannedOperation) -> str:
    if row.status not in (OperationStatus.failed, OperationStatus.held, OperationStatus.skipped):
        return ""
    return f" [{row.status.value}] {row.message} {row.advice}".rstrip()
