"""Runs and requests: starting, reading, deciding about plans."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from azure_adapter.sync.approvals import reviewed_run
from azure_adapter.sync.refusals import SyncPaused
from gateway.http.api import answers, models, values
from gateway.http.api.asking import ask
from gateway.http.api.endpoints import ROOT, Call, Endpoint
from gateway.http.api.problems import Problem
from gateway.mail.attachment import COLUMNS, LONGEST_VALUE, cell
from gateway.values import differences
from gateway.work import calls
from scim.provisioning.operations import PlannedOperation
from scim.provisioning.records import RunRecord
from storage.access import UserSyncRecord
from storage.access.api_tokens import Role
from storage.sync.browsing import Browsing, Wanted
from storage.work import RequestRecord, RequestStatus

PAGE = 1_000

LISTEN_S = 0.25
"""How often it is looked whether a request is over, in seconds."""

OPEN = (RequestStatus.queued, RequestStatus.taken)


async def start_run(call: Call) -> answers.Request:
    """Start a run."""
    sync, body = await call.sync(), call.body
    if body.full + body.retry + body.drift > 1:
        raise Problem(422, "invalid", "A run is full, a retry, or about drift: one of the three.")
    if sync.paused and not body.preview:
        raise _paused(sync)
    return await ask(call, sync, calls.start(**body.model_dump()))


def _paused(sync: UserSyncRecord) -> SyncPaused:
    return SyncPaused(
        f"The user sync {sync.name!r} is paused.", "Resume it first, or only preview a run."
    )


async def list_runs(call: Call) -> answers.RunPage:
    """List runs."""
    sync, query = await call.sync(), call.query
    store = call.gateway.sync_store(sync.id)
    found = await store.runs(query.limit + 1, query.after or None)
    items = [values.run(each) for each in found[: query.limit]]
    return answers.RunPage(items=items, next=items[-1].id if len(found) > query.limit else None)


async def read_run(call: Call) -> answers.Run:
    """Read a run."""
    return values.run(await _run(call, await call.sync()))


async def _run(call: Call, sync: UserSyncRecord) -> RunRecord:
    run_id = call.path["run"]
    found = await call.gateway.sync_store(sync.id).run(run_id)
    if found is None:
        raise Problem(
            404,
            "no_such_run",
            f"The user sync {sync.name!r} has no run {run_id[:80]!r}.",
            f"GET {ROOT}/user-syncs/{sync.id}/runs lists them.",
        )
    return found


async def list_operations(call: Call) -> answers.PlanPage:
    """List a plan."""
    sync, query = await call.sync(), call.query
    run = await _run(call, sync)
    wanted = Wanted(query.status, query.action, query.kind, query.search)
    browsing = Browsing(call.gateway.database, sync.id)
    rows = await browsing.matching(run.id, wanted, query.after, query.limit + 1)
    items = [values.plan_row(row) for row in rows[: query.limit]]
    return answers.PlanPage(items=items, next=items[-1].seq if len(rows) > query.limit else None)


async def download_operations(call: Call) -> Response:
    """Download a plan."""
    sync = await call.sync()
    run = await _run(call, sync)
    return StreamingResponse(
        _csv(call, sync.id, run.id),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="run-{run.id}.csv"'},
    )


async def _csv(call: Call, sync_id: str, run_id: str) -> AsyncIterator[bytes]:
    """Write a plan as CSV, a page at a time."""
    store, after = call.gateway.sync_store(sync_id), 0
    yield b"\xef\xbb\xbf" + _lines([COLUMNS])
    while rows := await store.operations(run_id, after, PAGE):
        after = rows[-1].seq
        yield _lines([_cells(row) for row in rows])


def _lines(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([cell(each) for each in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _cells(row: PlannedOperation) -> tuple[str, ...]:
    operation = row.operation
    members = len(((operation.after or {}) | (operation.before or {})).get("members", ()))
    return (
        operation.kind.value,
        operation.label,
        operation.action.value,
        row.status.value,
        "; ".join(differences(operation.before or {}, operation.after or {}, LONGEST_VALUE)),
        row.message,
        row.advice,
        str(members or ""),
        operation.source_id,
        row.resource_id,
    )


async def apply_run(call: Call) -> answers.Request:
    """Apply a reviewed plan."""
    sync = await call.sync()
    run = await _run(call, sync)
    await reviewed_run(call.gateway.sync_store(sync.id), run.id, call.body.checksum)
    return await ask(call, sync, calls.apply(run.id, call.body.checksum))


async def allow_operations(call: Call) -> answers.Request:
    """Allow held operations."""
    sync = await call.sync()
    run = await _run(call, sync)
    if sync.paused:
        raise _paused(sync)
    return await ask(call, sync, calls.allow(run.id, call.body.seqs))


async def discard_operations(call: Call) -> answers.Count:
    """Discard held operations."""
    sync = await call.sync()
    run = await _run(call, sync)
    count = await call.gateway.control.discard(sync.id, run.id, call.body.seqs, actor=call.actor)
    return answers.Count(count=count)


async def undo_run(call: Call) -> answers.Request:
    """Undo a run."""
    sync = await call.sync()
    run = await _run(call, sync)
    return await ask(call, sync, calls.undo(run.id))


async def cancel_run(call: Call) -> answers.Done:
    """Cancel the running run."""
    sync = await call.sync()
    return answers.Done(done=await call.gateway.control.cancel(sync.id, actor=call.actor))


async def find_drift(call: Call) -> answers.Request:
    """List or repair drift."""
    sync, repair = await call.sync(), call.body.repair
    if sync.paused and repair:
        raise _paused(sync)
    return await ask(call, sync, calls.start(drift=True, preview=not repair))


async def list_requests(call: Call) -> answers.RequestPage:
    """List requests."""
    sync, query = await call.sync(), call.query
    found = await call.gateway.queue.store.list(sync.id, query.limit + 1, query.after or None)
    items = [await values.request(call, each) for each in found[: query.limit]]
    return answers.RequestPage(items=items, next=items[-1].id if len(found) > query.limit else None)


async def read_request(call: Call) -> answers.Request:
    """Read a request, and wait for its end if that is asked for."""
    sync = await call.sync()
    found = await _request(call, sync)
    for _ in range(int(call.query.wait / LISTEN_S)):
        if found.status not in OPEN:
            break
        await asyncio.sleep(LISTEN_S)
        found = await _request(call, sync)
    return await values.request(call, found)


async def _request(call: Call, sync: UserSyncRecord) -> RequestRecord:
    request_id = call.path["request"]
    found = await call.gateway.queue.store.get(sync.id, request_id)
    if found is None:
        raise Problem(
            404,
            "no_such_request",
            f"The user sync {sync.name!r} has no request {request_id[:80]!r}.",
            "Requests are kept for 30 days.",
        )
    return found


ONE = "/user-syncs/{sync}"
RUNS = f"{ONE}/runs"
RUN = f"{RUNS}/{{run}}"

ENDPOINTS = (
    Endpoint(
        "POST",
        RUNS,
        start_run,
        Role.user_manager,
        "Queue a run: incremental, full, a preview, a retry, or about drift.",
        answers.Request,
        body=models.NewRun,
        status=202,
        optional_body=True,
    ),
    Endpoint(
        "GET",
        RUNS,
        list_runs,
        Role.auditor,
        "List the runs of a user sync, newest first.",
        answers.RunPage,
        query=models.PageQuery,
    ),
    Endpoint("GET", RUN, read_run, Role.auditor, "Read a run with its counts.", answers.Run),
    Endpoint(
        "GET",
        f"{RUN}/operations",
        list_operations,
        Role.auditor,
        "List the operations of a run's plan, with before and after.",
        answers.PlanPage,
        query=models.OperationsQuery,
    ),
    Endpoint(
        "GET",
        f"{RUN}/operations.csv",
        download_operations,
        Role.auditor,
        "Download the whole plan of a run as CSV.",
        None,
        media_type="text/csv",
    ),
    Endpoint(
        "POST",
        f"{RUN}/apply",
        apply_run,
        Role.user_manager,
        "Queue that exactly the plan of a preview is applied, as it was reviewed.",
        answers.Request,
        body=models.Reviewed,
        status=202,
    ),
    Endpoint(
        "POST",
        f"{RUN}/allow",
        allow_operations,
        Role.user_manager,
        "Queue that held operations are applied, exactly these, once.",
        answers.Request,
        body=models.Chosen,
        status=202,
        optional_body=True,
    ),
    Endpoint(
        "POST",
        f"{RUN}/discard",
        discard_operations,
        Role.user_manager,
        "Discard held operations, until their objects change.",
        answers.Count,
        body=models.Chosen,
        optional_body=True,
    ),
    Endpoint(
        "POST",
        f"{RUN}/undo",
        undo_run,
        Role.user_manager,
        "Pause the user sync, and queue a preview that takes back what a run applied.",
        answers.Request,
        status=202,
    ),
    Endpoint(
        "POST",
        f"{ONE}/cancel",
        cancel_run,
        Role.user_manager,
        "Ask the running run, in whatever process, to stop.",
        answers.Done,
    ),
    Endpoint(
        "POST",
        f"{ONE}/drift",
        find_drift,
        Role.user_manager,
        "Queue a look for what was changed in the store behind the sync's back, or its repair.",
        answers.Request,
        body=models.Repair,
        status=202,
        optional_body=True,
    ),
    Endpoint(
        "GET",
        f"{ONE}/requests",
        list_requests,
        Role.auditor,
        "List what was asked of a user sync, newest first.",
        answers.RequestPage,
        query=models.PageQuery,
    ),
    Endpoint(
        "GET",
        f"{ONE}/requests/{{request}}",
        read_request,
        Role.auditor,
        "Read what became of a request; `wait` answers when it is over.",
        answers.Request,
        query=models.RequestQuery,
    ),
)
