"""Records of the gateway as answers of the API."""

from azure_adapter.sync.summary import summary
from gateway.http.api import answers
from gateway.http.api.endpoints import Call
from gateway.work.describing import described, iso, upcoming
from scim.provisioning.operations import PlannedOperation
from scim.provisioning.records import RunRecord
from storage.access import UserSyncRecord
from storage.work import RequestRecord, RequestStatus


def user_sync(call: Call, record: UserSyncRecord) -> answers.UserSync:
    """Return a user sync as an answer."""
    return answers.UserSync.model_validate(described(call.gateway, record))


def schedule(record: UserSyncRecord) -> answers.Schedule:
    """Return a schedule as an answer."""
    return answers.Schedule.model_validate(upcoming(record))


def run(record: RunRecord) -> answers.Run:
    """Return a run as an answer."""
    numbers = summary(record)
    return answers.Run(
        id=record.id,
        sync=record.sync_id,
        kind=record.kind.value,
        mode=record.mode.value,
        status=record.status.value,
        phase=record.phase.value,
        preview=record.preview,
        trigger=record.trigger,
        actor=record.actor,
        started_at=str(iso(record.started_at)),
        finished_at=iso(record.finished_at),
        users=numbers["users"],
        groups=numbers["groups"],
        memberships=numbers["memberships"],
        notes=list(record.notes),
        error=numbers["error"],
        checksum=record.checksum,
        config_version=record.config_version,
        reviewed_run=record.reviewed_run,
        undoes_run=record.undoes_run,
        cancelled_by=record.cancel_by,
    )


def plan_row(row: PlannedOperation) -> answers.PlanRow:
    """Return a row of a plan as an answer."""
    operation = row.operation
    return answers.PlanRow(
        seq=row.seq,
        action=operation.action.value,
        kind=operation.kind.value,
        source_id=operation.source_id,
        label=operation.label,
        method=operation.method,
        path=operation.path,
        before=operation.before,
        after=operation.after,
        status=row.status.value,
        code=row.code,
        message=row.message,
        advice=row.advice,
        resource_id=row.resource_id,
        applied_at=iso(row.applied_at),
        decided_by=row.decided_by,
        decided_at=iso(row.decided_at),
    )


async def request(call: Call, record: RequestRecord) -> answers.Request:
    """Return a request as an answer, with the run that works on it now."""
    run_id = record.run_id
    if run_id is None and record.status is RequestStatus.taken:
        store = call.gateway.sync_store(record.sync_id)
        left = await store.unfinished_run() or await store.unfinished_run(preview=True)
        run_id = left.id if left is not None else None
    return answers.Request(
        id=record.id,
        sync=record.sync_id,
        call=dict(record.options),
        status=record.status.value,
        trigger=record.trigger,
        actor=record.actor,
        requested_at=str(iso(record.requested_at)),
        run=run_id,
        message=record.message,
    )
