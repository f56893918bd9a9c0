"""User syncs: listing, creating, editing, pausing, deleting them."""

from typing import Any

from azure_adapter.graph import GRAPH_URL, LOGIN_URL
from azure_adapter.sync.config import DeletionPolicy, Enrollment
from gateway.connections import NewConnection, SignInMode
from gateway.http.api import answers, models, values
from gateway.http.api.asking import ask, ask_preview, edit_of, save_or_ask
from gateway.http.api.endpoints import Call, Endpoint
from gateway.http.api.problems import Problem
from gateway.syncs.fields import FieldProblem, FieldsInvalid
from gateway.work import calls
from gateway.work.edits import read_edit
from gateway.work.looking import checked_target
from gateway.work.schedule import Schedule
from storage.access.api_tokens import Role
from storage.sync.browsing import sync_ids

SIGN_IN = frozenset(
    {"azure_tenant", "client_id", "client_secret", "sign_in", "authority_url", "graph_url"}
)


async def list_user_syncs(call: Call) -> answers.UserSyncPage:
    """List the user syncs of the workspace."""
    query: models.PageQuery = call.query
    database, workspace = call.gateway.database, call.token.workspace
    ids = await sync_ids(database, workspace, query.after, query.limit + 1)
    found = [await call.gateway.user_syncs.get(workspace, one) for one in ids[: query.limit]]
    items = [values.user_sync(call, each) for each in found if each is not None]
    return answers.UserSyncPage(
        items=items, next=ids[query.limit - 1] if len(ids) > query.limit else None
    )


async def create_user_sync(call: Call) -> answers.UserSync:
    """Create a user sync."""
    body: models.NewUserSync = call.body
    given = {name: value for name, value in body.model_dump().items() if value is not None}
    if body.authority_url or body.graph_url:
        call.need(Role.administrator)
    options = edit_of(call, {k: v for k, v in given.items() if k not in SIGN_IN and k != "name"})
    connection = NewConnection(
        name=body.name,
        azure_tenant=body.azure_tenant,
        client_id=body.client_id,
        client_secret=body.client_secret,
        mode=SignInMode(body.sign_in),
        enrollment=Enrollment.send_email,
        deletion_policy=DeletionPolicy.delete,
        workspace=await _workspace(call),
        authority_url=body.authority_url or LOGIN_URL,
        graph_url=body.graph_url or GRAPH_URL,
    )
    sync_id = await call.gateway.create_connection(connection, options)
    record = await call.gateway.user_syncs.get(call.token.workspace, sync_id)
    assert record is not None  # noqa: S101 - it was made just now
    return values.user_sync(call, record)


async def _workspace(call: Call) -> str:
    rooms = {room.row_id: room.name for room in await call.gateway.workspaces.list()}
    return rooms[call.token.workspace]


async def read_user_sync(call: Call) -> answers.UserSync:
    """Read a user sync."""
    return values.user_sync(call, await call.sync())


async def edit_user_sync(call: Call) -> answers.Saved:
    """Edit a user sync."""
    return await save_or_ask(call, await call.sync(), edit_of(call, call.body.model_dump()))


async def preview_edit(call: Call) -> answers.Request:
    """Preview an edit."""
    return await ask_preview(call, await call.sync(), edit_of(call, call.body.model_dump()))


async def delete_user_sync(call: Call) -> answers.Request:
    """Delete a user sync."""
    query: models.DeleteQuery = call.query
    return await ask(call, await call.sync(), calls.delete(deactivate=query.deactivate))


async def pause_user_sync(call: Call) -> answers.UserSync:
    """Pause a user sync."""
    sync = await call.sync()
    await call.gateway.control.pause(sync.id, actor=call.actor, reason=call.body.reason)
    return values.user_sync(call, await call.sync())


async def resume_user_sync(call: Call) -> answers.UserSync:
    """Resume a user sync."""
    sync = await call.sync()
    await call.gateway.control.resume(sync.id, actor=call.actor)
    return values.user_sync(call, await call.sync())


async def replace_credential(call: Call) -> answers.UserSync:
    """Replace the client secret."""
    sync = await call.sync()
    await call.gateway.sign_ins.set_credential(sync, call.body.client_secret, None)
    return values.user_sync(call, await call.sync())


async def read_schedule(call: Call) -> answers.Schedule:
    """Read a schedule."""
    return values.schedule(await call.sync())


async def replace_schedule(call: Call) -> answers.Schedule:
    """Replace a schedule."""
    sync = await call.sync()
    given: dict[str, Any] = call.body.value
    try:
        Schedule.from_json(given)
    except FieldsInvalid as error:
        raise _invalid(error.problems) from None
    await call.gateway.control.edit(sync.id, read_edit({"schedule": given}), actor=call.actor)
    return values.schedule(await call.sync())


def _invalid(problems: tuple[FieldProblem, ...]) -> Problem:
    return Problem(422, "invalid", "The schedule cannot be used.", errors=problems)


async def invite_existing(call: Call) -> answers.Count:
    """Invite existing users."""
    sync = await call.sync()
    count = await call.gateway.control.invite_existing(
        sync.id, dry=not call.body.apply, actor=call.actor
    )
    return answers.Count(count=count)


async def check_target(call: Call) -> answers.TargetAnswer:
    """Try out a target."""
    found = await checked_target(call.gateway, await call.sync())
    offers = {name: value for name, value in found.items() if isinstance(value, bool)}
    return answers.TargetAnswer(target=found["target"], offers=offers)


ONE = "/user-syncs/{sync}"

ENDPOINTS = (
    Endpoint(
        "GET",
        "/user-syncs",
        list_user_syncs,
        Role.auditor,
        "List the user syncs of the workspace, the oldest first.",
        answers.UserSyncPage,
        query=models.PageQuery,
    ),
    Endpoint(
        "POST",
        "/user-syncs",
        create_user_sync,
        Role.user_manager,
        "Create a user sync.",
        answers.UserSync,
        body=models.NewUserSync,
        status=201,
    ),
    Endpoint("GET", ONE, read_user_sync, Role.auditor, "Read a user sync.", answers.UserSync),
    Endpoint(
        "PATCH",
        ONE,
        edit_user_sync,
        Role.user_manager,
        "Edit a user sync. An edit of scope, mapping, nesting or deletion policy of one that has "
        "run is not saved: its preview is queued, and applying that saves it.",
        answers.Saved,
        body=models.SyncSettings,
    ),
    Endpoint(
        "DELETE",
        ONE,
        delete_user_sync,
        Role.administrator,
        "Delete a user sync; its users and groups stay. When it is done, it is gone (404).",
        answers.Request,
        query=models.DeleteQuery,
        status=202,
    ),
    Endpoint(
        "POST",
        f"{ONE}/preview-edit",
        preview_edit,
        Role.user_manager,
        "Preview an edit without saving it; applying the preview saves it.",
        answers.Request,
        body=models.SyncSettings,
        status=202,
    ),
    Endpoint(
        "POST",
        f"{ONE}/pause",
        pause_user_sync,
        Role.user_manager,
        "Stop schedule, retries and runs until it is resumed; a running run is cancelled.",
        answers.UserSync,
        body=models.Reason,
        optional_body=True,
    ),
    Endpoint(
        "POST",
        f"{ONE}/resume",
        resume_user_sync,
        Role.user_manager,
        "Let a paused user sync run again.",
        answers.UserSync,
    ),
    Endpoint(
        "PUT",
        f"{ONE}/credential",
        replace_credential,
        Role.user_manager,
        "Replace the client secret of the user sync's own app registration.",
        answers.UserSync,
        body=models.NewCredential,
    ),
    Endpoint(
        "GET",
        f"{ONE}/schedule",
        read_schedule,
        Role.auditor,
        "Read when a user sync runs by itself.",
        answers.Schedule,
    ),
    Endpoint(
        "PUT",
        f"{ONE}/schedule",
        replace_schedule,
        Role.user_manager,
        "Set when a user sync runs by itself: cron or every_minutes, time_zone, full_every, "
        "jitter_seconds, enabled; {} is never.",
        answers.Schedule,
        body=models.JsonObject,
    ),
    Endpoint(
        "POST",
        f"{ONE}/invite-existing",
        invite_existing,
        Role.user_manager,
        "Count the existing users who are not verified, or have the next run invite them.",
        answers.Count,
        body=models.Invite,
        optional_body=True,
    ),
    Endpoint(
        "POST",
        f"{ONE}/target/check",
        check_target,
        Role.user_manager,
        "Try out where the user sync writes to; nothing is changed.",
        answers.TargetAnswer,
    ),
)
