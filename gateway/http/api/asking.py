"""Queueing what a caller asks for."""

from collections.abc import Mapping
from typing import Any

from gateway.http.api import answers, values
from gateway.http.api.endpoints import Call
from gateway.syncs.edits import EditProblems, SyncEdit, apply_edit
from gateway.syncs.fields import FieldProblem
from gateway.work import calls
from gateway.work.edits import read_edit
from storage.access import UserSyncRecord
from storage.access.api_tokens import Role

TRIGGER = "api"


async def ask(call: Call, sync: UserSyncRecord, options: Mapping[str, Any]) -> answers.Request:
    """Queue a request, and return it as the answer."""
    queued = await call.gateway.queue.ask(sync.id, options, trigger=TRIGGER, actor=call.actor)
    return await values.request(call, queued)


def edit_of(call: Call, given: Mapping[str, Any]) -> SyncEdit:
    """Read an edit.

    Raises:
        EditProblems: a field cannot be edited, or the schedule cannot be used.
        Problem: (403) only an administrator may choose another server to write to.
    """
    edit = read_edit({name: value for name, value in given.items() if value is not None})
    if edit.target is not None:
        call.need(Role.administrator)
    return edit


async def save_or_ask(call: Call, sync: UserSyncRecord, edit: SyncEdit) -> answers.Saved:
    """Save an edit, or queue the preview of one that decides about people who are synced.

    Raises:
        EditProblems: a value is wrong.
    """
    edited = apply_edit(sync, edit, call.gateway.custom_targets)
    if edited.decisive and sync.last_run is not None:
        return answers.Saved(saved=False, request=await ask_preview(call, sync, edit))
    await call.gateway.control.edit(sync.id, edit, actor=call.actor)
    now = await call.sync()
    return answers.Saved(saved=True, user_sync=values.user_sync(call, now))


async def ask_preview(call: Call, sync: UserSyncRecord, edit: SyncEdit) -> answers.Request:
    """Queue the preview of an edit.

    Raises:
        EditProblems: a value is wrong, or it has a secret in it, which is not kept in a queue.
    """
    edited = apply_edit(sync, edit, call.gateway.custom_targets)
    if edited.secret:
        problem = FieldProblem(
            "target", "A secret cannot wait for a preview.", "Save the target first."
        )
        raise EditProblems((problem,))
    return await ask(call, sync, calls.preview_edit(edit))
