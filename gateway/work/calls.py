"""What can be asked of a user sync through the queue, as JSON values, and how it is done.

``{"call": "start", "full": true}``, ``{"call": "apply", "run": "…", "checksum": "…"}`` and so on:
each a call of :class:`gateway.syncs.control.SyncControl`.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.syncs.control import DeletedSync, SyncControl
from gateway.syncs.edits import SyncEdit
from scim.provisioning.records import RunRecord
from storage.work import RequestRecord

START: Final = "start"
APPLY: Final = "apply"
ALLOW: Final = "allow"
UNDO: Final = "undo"
PREVIEW_EDIT: Final = "preview_edit"
DELETE: Final = "delete"

MODES: Final = ("full", "preview", "retry", "drift", "allow")
"""What a run may be told beyond that it is to run; see :meth:`SyncControl.start`."""


def start(**modes: bool) -> dict[str, Any]:
    """Ask for a run; ``modes`` are of :data:`MODES`, and only what is true is kept."""
    return {"call": START} | {name: True for name in MODES if modes.get(name)}


def apply(run_id: str, checksum: str) -> dict[str, Any]:
    """Ask that a reviewed plan is applied."""
    return {"call": APPLY, "run": run_id, "checksum": checksum}


def allow(run_id: str, seqs: list[int] | None) -> dict[str, Any]:
    """Ask that held operations are applied; ``None``: all of them."""
    return {"call": ALLOW, "run": run_id, "seqs": seqs}


def undo(run_id: str) -> dict[str, Any]:
    """Ask for a preview that takes back what a run applied."""
    return {"call": UNDO, "run": run_id}


def preview_edit(edit: SyncEdit) -> dict[str, Any]:
    """Ask for a preview of an edit, which has nothing secret in it."""
    return {"call": PREVIEW_EDIT, "edit": edit.given()}


def delete(*, deactivate: bool) -> dict[str, Any]:
    """Ask that the user sync is deleted."""
    return {"call": DELETE, "deactivate": deactivate}


async def perform(control: SyncControl, request: RequestRecord) -> RunRecord | None:
    """Do what a request asks for; returns its run, if it has one.

    Raises:
        SyncRefused, ConnectionProblem: as the control does.
        ValueError: there is no such call, or a deletion did not come to its end.
    """
    given: Mapping[str, Any] = request.options
    sync, actor, trigger = request.sync_id, request.actor, request.trigger
    match given.get("call"):
        case "start":
            modes: dict[str, Any] = {name: bool(given.get(name)) for name in MODES}
            return await control.start(sync, trigger=trigger, actor=actor, **modes)
        case "apply":
            return await control.apply(
                sync, given["run"], given["checksum"], trigger=trigger, actor=actor
            )
        case "allow":
            return await control.allow(
                sync, given["run"], given["seqs"], trigger=trigger, actor=actor
            )
        case "undo":
            return await control.undo(sync, given["run"], actor=actor)
        case "preview_edit":
            edit = SyncEdit.from_json(given["edit"])
            return await control.preview_edit(sync, edit, trigger=trigger, actor=actor)
        case "delete":
            _check(await control.delete(sync, deactivate=given["deactivate"], actor=actor))
            return None
    raise ValueError(f"This version of the gateway knows no call {given.get('call')!r}.")


def _check(deleted: DeletedSync) -> None:
    if deleted.failed:
        raise ValueError(
            f"{deleted.failed} resources could not be let go of, so the user sync "
            f"{deleted.name!r} is still there. Delete it again."
        )
