"""What the steps of *provision on demand* saw, and why, in sentences. Pure."""

from collections.abc import Sequence
from typing import Any

from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.member_parts import MEMBER_ACTIONS, members_of
from azure_adapter.sync.scope import ScopeVerdict
from azure_adapter.sync.source_mapping import SourceMapping, unique_value
from azure_adapter.sync.steps import Step, StepName, StepStatus, failed, skipped
from scim.provisioning.operations import Action, OperationStatus, PlannedOperation
from scim.provisioning.records import LinkState, MirrorRecord
from scim.provisioning.source import ObjectKind, Presence

MATCH_CODES = frozenset(
    {"no_unique_value", "shared_unique_value", "ambiguous_match", "other_authority"}
)
"""Problems that are about finding the user."""

MATCHED = {
    Action.create: "Nobody here fits, so it is created.",
    Action.take_over: "One user of the dashboard fits and is taken over.",
    Action.contribute: "An administrator chose to join it without its profile.",
    Action.restore: "It was deleted here before and is restored under its old id.",
}

SHOWN_MEMBERS = 20
"""How many members of a change are shown."""

LEFT_OUT = {
    Presence.soft_deleted: "It left the directory, so it is no longer provisioned.",
    Presence.deleted: "It left the directory, so it is no longer provisioned.",
}


def scope_step(record: MirrorRecord, verdict: ScopeVerdict) -> Step:
    """Say whether the object is in scope."""
    output = {"in_scope": verdict.in_scope, "reason": verdict.reason.value}
    gone = LEFT_OUT.get(record.presence)
    sentence = gone or verdict.sentence
    return Step(StepName.scope, StepStatus.succeeded, {"id": record.source_id}, output, sentence)


def match_step(config: SyncConfig, record: MirrorRecord, rows: Sequence[PlannedOperation]) -> Step:
    """Say which user or group here the object belongs to, and how that was found."""
    name = StepName.match
    given = _match_input(config, record)
    problem = _problem(rows, record, MATCH_CODES)
    if problem is not None:
        return failed(name, given, problem.message, problem.advice)
    link = record.link
    if link is not None and link.state is LinkState.linked:
        output = {"resource": link.resource_id, "joined": link.joined}
        return Step(name, StepStatus.succeeded, given, output, _linked_reason(record))
    if not record.is_wanted:
        return skipped(name, "It is not to be provisioned, and nothing here belongs to it.")
    arrival = next((row for row in _own(rows, record) if row.operation.action in MATCHED), None)
    if arrival is None:
        return skipped(name, "It was not looked for: the next step stopped.")
    resource = arrival.resource_id or arrival.operation.path.rpartition("/")[2]
    created = arrival.operation.action is Action.create
    output = {} if created and not arrival.resource_id else {"resource": resource}
    reason = MATCHED[arrival.operation.action]
    return Step(name, StepStatus.succeeded, given, output, reason)


def _match_input(config: SyncConfig, record: MirrorRecord) -> dict[str, Any]:
    if record.kind is not ObjectKind.user:
        return {"id": record.source_id}
    mapped = SourceMapping(config, 0).existing(record)
    return {
        "id": record.source_id,
        "unique_field": config.unique_field.value,
        "value": unique_value(config, mapped),
    }


def _linked_reason(record: MirrorRecord) -> str:
    joined = record.link is not None and record.link.joined
    how = "joined an existing one" if joined else "made it"
    return f"It is linked by its id: this user sync {how} for it. The Unique field is not asked."


def map_step(config: SyncConfig, record: MirrorRecord, now_us: int) -> Step:
    """Say what the attribute mapping makes of the object."""
    name = StepName.map
    if not record.is_wanted:
        return skipped(name, "It is not to be provisioned, so nothing is mapped.")
    mapping = SourceMapping(config, now_us)
    given = dict(record.attributes)
    if record.kind is ObjectKind.user:
        user = mapping.existing(record)
        document, problems, notes = user.document, user.problems, user.notes
    else:
        group = mapping.group(record, creating=not record.is_linked)
        document, problems, notes = group.document, group.problems, ()
    if problems:
        return failed(name, given, problems[0].message, problems[0].advice)
    reason = " ".join(notes) or "Every row of the attribute mapping was applied."
    return Step(name, StepStatus.succeeded, given, dict(document), reason)


def apply_step(
    record: MirrorRecord, rows: Sequence[PlannedOperation], message: str, advice: str
) -> Step:
    """Say what is done, or would be."""
    name = StepName.apply
    shown = [_shown(row) for row in rows if row.operation.action is not Action.none]
    output = {"operations": shown}
    if message:
        return failed(name, {}, message, advice)
    bad = next((row for row in rows if row.status is OperationStatus.failed), None)
    if bad is not None:
        matched = bad.code in MATCH_CODES and bad.operation.source_id == record.source_id
        if matched and not shown:
            return skipped(name, "An earlier step stopped.")
        return Step(name, StepStatus.failed, {}, output, bad.message, bad.advice)
    held = next((row for row in rows if row.status is OperationStatus.held), None)
    if held is not None:
        return Step(name, StepStatus.failed, {}, output, held.message, held.advice)
    if not shown:
        return Step(name, StepStatus.succeeded, {}, output, "Everything is as it should be.")
    planned = any(row.status is OperationStatus.pending for row in rows)
    reason = f"{len(shown)} operation(s) {'would be' if planned else 'were'} applied."
    if record.kind is ObjectKind.user:
        reason += " Its groups follow with the next cycle."
    return Step(name, StepStatus.succeeded, {}, output, reason)


def _shown(row: PlannedOperation) -> dict[str, Any]:
    operation = row.operation
    shown: dict[str, Any] = {
        "action": operation.action.value,
        "label": operation.label,
        "status": row.status.value,
        "before": operation.before,
        "after": operation.after,
        "message": row.message,
    }
    if operation.action in MEMBER_ACTIONS:
        members = members_of(operation)
        side = "after" if operation.action is Action.add_members else "before"
        shown[side] = {"members": members[:SHOWN_MEMBERS], "count": len(members)}
    return shown


def _own(rows: Sequence[PlannedOperation], record: MirrorRecord) -> list[PlannedOperation]:
    return [row for row in rows if row.operation.source_id == record.source_id]


def _problem(
    rows: Sequence[PlannedOperation], record: MirrorRecord, codes: frozenset[str]
) -> PlannedOperation | None:
    for row in _own(rows, record):
        if row.operation.action is Action.none and row.code in codes:
            return row
    return None
