"""Exactly what a person approved: a plan made again is compared with the one that was seen."""

from collections.abc import Sequence

from azure_adapter.sync.member_parts import MEMBER_ACTIONS, members_of, parted
from azure_adapter.sync.refusals import NoSuchRun, NotReviewable, PlanOutdated
from scim.provisioning.operations import OperationStatus, PlannedOperation
from scim.provisioning.ports import SyncStore
from scim.provisioning.records import RunKind, RunRecord, RunStatus

PAGE = 200

CHANGED = (
    "It changed since it was approved, and would be done differently now. It was not applied: "
    "preview again."
)
GONE = "It changed since it was approved, and nothing is to be done for it any more."

ENDED = frozenset({RunStatus.succeeded, RunStatus.incomplete, RunStatus.quarantined})
"""How a preview ends that came to its end: objects may have problems, or be held."""

REVIEWABLE = frozenset({RunKind.cycle, RunKind.draft, RunKind.drift, RunKind.undo})
"""Kinds of previews whose plan can be applied."""


async def reviewed_run(
    store: SyncStore, run_id: str, checksum: str, *, fingerprint: str | None = None
) -> RunRecord:
    """Return a preview whose plan may be applied as a whole.

    Single objects that changed are another matter: they are planned again.

    Args:
        store: the state of the user sync.
        run_id: the preview.
        checksum: of the plan as a person saw it.
        fingerprint: of the configuration that the preview was planned with, if that is known.

    Raises:
        NoSuchRun: the sync has no such run.
        NotReviewable: it is no finished preview.
        PlanOutdated: the configuration changed or another run applied since, or the checksum is
            of something else.
    """
    run = await store.run(run_id)
    if run is None:
        raise NoSuchRun(f"This user sync has no run {run_id!r}.")
    if not run.preview or run.kind not in REVIEWABLE:
        raise NotReviewable(f"The run {run_id} is no preview.", "Preview first, then apply that.")
    if run.status not in ENDED:
        raise NotReviewable(
            f"The preview {run_id} has not come to its end ({run.status.value}).", "Preview again."
        )
    if checksum != run.checksum:
        raise PlanOutdated(
            "This is not the plan that was reviewed: the checksum is another one.",
            "Preview again, and look at what it shows.",
        )
    await _check_current(store, run, fingerprint)
    return run


async def _check_current(store: SyncStore, run: RunRecord, fingerprint: str | None) -> None:
    planned_with = run.options.get("fingerprint")
    same = fingerprint is None or planned_with in (None, fingerprint)
    if run.config_version != await store.config_version() or not same:
        raise PlanOutdated(
            "The configuration of the user sync changed since the plan was reviewed.",
            "Preview again.",
        )
    since = await store.applied_after(run)
    if since is not None:
        raise PlanOutdated(
            f"Another run ({since}) applied changes since the plan was reviewed.", "Preview again."
        )


async def keep_reviewed(store: SyncStore, run_id: str, reviewed: str) -> list[str]:
    """Leave in a plan what was reviewed; returns a note about what is different now."""
    return _note(await store.keep_reviewed(run_id, reviewed, CHANGED, GONE), "reviewed")


async def keep_allowed(store: SyncStore, run_id: str, holding: str, moment: int) -> list[str]:
    """Leave in a plan what was allowed; returns a note about what is different now."""
    await _align(store, run_id, holding)
    return _note(await store.keep_allowed(run_id, holding, moment, CHANGED, GONE), "allowed")


def _note(differing: int, word: str) -> list[str]:
    if not differing:
        return []
    return [
        f"{differing} operation(s) changed since the plan was {word} and were not applied; they "
        "are marked as changed."
    ]


async def _align(store: SyncStore, run_id: str, holding: str) -> None:
    """Cut changes of memberships as the held ones are cut, so that they can be compared."""
    after = 0
    while rows := await store.open_rows(run_id, MEMBER_ACTIONS, after, PAGE):
        after = rows[-1].seq
        groups = sorted({row.operation.source_id for row in rows})
        held = await store.operations_of(holding, groups)
        for row in rows:
            pieces = _pieces(row, held.get(row.operation.source_id, ()))
            if len(set(pieces.values())) > 1 or set(pieces) != set(members_of(row.operation)):
                await _cut(store, run_id, row, pieces)


def _pieces(row: PlannedOperation, before: Sequence[PlannedOperation]) -> dict[str, int]:
    """Return, by member, the operation of the holding run that it is a part of."""
    return {
        member: each.seq
        for each in before
        if each.operation.action is row.operation.action
        and (each.status is OperationStatus.held or each.decided_at is not None)
        for member in set(members_of(each.operation)) & set(members_of(row.operation))
    }


async def _cut(
    store: SyncStore, run_id: str, row: PlannedOperation, pieces: dict[str, int]
) -> None:
    places = {seq: (row.status, row.code, f"{row.message} {seq}", "") for seq in pieces.values()}
    parts = parted(row, lambda member: places[pieces[member]] if member in pieces else None)
    restored = [
        (operation, status, code, row.message, row.advice)
        for operation, status, code, _, _ in parts
    ]
    if restored:
        await store.replace_operation(run_id, row.seq, restored)
