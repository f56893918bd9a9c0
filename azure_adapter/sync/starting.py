"""How a run begins: whether it may, what it reads, and what an interrupted process left."""

from azure_adapter.sync.refusals import NotPaused, SyncPaused
from azure_adapter.sync.requests import Request
from scim.provisioning.ports import SyncStore
from scim.provisioning.records import RunKind, RunMode, RunRecord, RunStatus
from scim.provisioning.source import ObjectKind

RECENT_RUNS = 50
"""How far back it is looked for a run that was no preview."""

CYCLES = frozenset({RunKind.cycle, RunKind.reviewed})
"""Kinds of runs after which changes can be read instead of everything."""

LEFT = "The preview's process had stopped, and a preview is not taken up again."


async def check_paused(store: SyncStore, name: str, request: Request) -> None:
    """Refuse what a paused sync does not do, and an undo that its next cycle would revert.

    Raises:
        SyncPaused: it is paused, and this would apply something.
        NotPaused: it is not, and this applies an undo.
    """
    paused = await store.is_paused()
    undoes = request.kind is RunKind.reviewed and request.undoes_run is not None
    if undoes and not paused:
        raise NotPaused(
            f"The user sync {name!r} is not paused, so its next cycle would revert the undo.",
            "Pause it first.",
        )
    if paused and not request.preview and not undoes:
        raise SyncPaused(
            f"The user sync {name!r} is paused.",
            "Resume it first, or only preview what it would do.",
        )


async def mode_of(store: SyncStore, request: Request) -> RunMode:
    """Return whether a run reads everything, or what changed since the last cycle."""
    if request.kind is not RunKind.cycle:
        return RunMode.incremental
    cursors = [await store.cursor(kind) for kind in (ObjectKind.user, ObjectKind.group)]
    recent = await store.runs(limit=RECENT_RUNS)
    started = any(not run.preview and run.kind in CYCLES for run in recent)
    changes = started and all(cursor.delta_cursor for cursor in cursors)
    return RunMode.incremental if changes and not request.full else RunMode.initial


async def close_left_preview(store: SyncStore) -> None:
    """End a preview whose process stopped: nobody waits for it any more."""
    left = await store.unfinished_run(preview=True)
    if left is not None:
        await store.skip_pending(left.id, "interrupted", LEFT)
        await store.update_run(left.id, status=RunStatus.cancelled, note=LEFT, finished=True)


def covers(left: RunRecord, request: Request) -> bool:
    """Tell whether a run that was taken up is what is asked for now."""
    return (
        left.kind is RunKind.cycle is request.kind
        and left.status is not RunStatus.cancelled
        and not (request.full and left.mode is not RunMode.initial)
    )
