"""Saving an edit of a user sync, or finding out that it has to be previewed first."""

from typing import TYPE_CHECKING

from azure_adapter.sync.progress import Tell
from azure_adapter.sync.refusals import NeedsPreview
from gateway.syncs.edits import SyncEdit
from scim.provisioning.records import RunRecord

if TYPE_CHECKING:
    from gateway.wiring import Gateway


async def save_or_preview(
    gateway: "Gateway",
    sync: str,
    edit: SyncEdit,
    *,
    trigger: str,
    actor: str,
    progress: Tell | None = None,
) -> RunRecord | None:
    """Save an edit, or return the preview of one that decides about people who are synced.

    Raises:
        EditProblems: a value is wrong.
        AlreadyRunning: another process runs the sync now, and the edit needs a preview.
    """
    control = gateway.control
    try:
        await control.edit(sync, edit, actor=actor)
    except NeedsPreview:
        return await control.preview_edit(
            sync, edit, trigger=trigger, actor=actor, progress=progress
        )
    return None
