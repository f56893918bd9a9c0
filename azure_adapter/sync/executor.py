"""The apply phase: operations go to the target in batches, exactly once in process.

Each batch is one unit of work: the operations, their links and their results commit together, or
not at all. A process that is killed leaves the rest pending, and the next one goes on there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from azure_adapter.sync.planning import retry_after
from scim.provisioning.operations import (
    Action,
    Operation,
    OperationStatus,
    Outcome,
    PlannedOperation,
    references,
    resolve,
)
from scim.provisioning.ports import ProvisioningTarget, SyncStore
from scim.provisioning.records import Lease, LeaseLost, LinkRecord, LinkState, MirrorRecord

BATCH = 200
"""How many operations one unit of work applies; SQLite's write lock is held that long."""

ATTEMPTS = 4
"""How often a batch is tried when the database refuses it as a whole (deadlock, busy)."""

LINKED = frozenset({Action.create, Action.restore, Action.take_over})
MEMBERS = frozenset({Action.add_members, Action.remove_members})

ADVICE = {
    "uniqueness": "Another user has this user name. Change one of the two in Azure, or delete or "
    "rename the other user here; the next run tries again.",
    "forbidden": "Another source is the authority of this resource. Let an administrator decide "
    "which of the two it belongs to.",
    "not_found": "It was deleted here meanwhile; the next run plans it anew.",
    "invalidValue": "Correct the value in Azure; the next run tries again.",
}


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of one planned operation."""

    planned: PlannedOperation
    status: OperationStatus
    outcome: Outcome
    advice: str = ""


class Executor:
    """Applies the pending operations of a run.

    Args:
        store: the state of the user sync.
        target: where operations go.
        lease: checked by each batch.
        run_id: the run.
        now_us: the clock, microseconds.
        keep_alive: called between batches; raises when the run must stop.
        progress: told how many operations were applied.
        sleep: waits between the tries of a batch.
    """

    def __init__(
        self,
        store: SyncStore,
        target: ProvisioningTarget,
        lease: Lease,
        run_id: str,
        *,
        now_us: Callable[[], int],
        keep_alive: Callable[[], Awaitable[None]],
        progress: Callable[[int], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._target = target
        self._lease = lease
        self._run_id = run_id
        self._now_us = now_us
        self._keep_alive = keep_alive
        self._progress = progress
        self._sleep = sleep
        self._done = 0

    async def apply(self) -> None:
        """Apply everything pending, batch by batch, in the order of the plan."""
        while batch := await self._next_batch():
            await self._keep_alive()
            await self._with_retries(batch)
            self._done += len(batch)
            self._progress(self._done)
        await self._store.settle_run(self._run_id)

    async def _next_batch(self) -> list[PlannedOperation]:
        """Return the next operations of one phase; what they refer to was applied before."""
        pending = await self._store.pending(self._run_id, OperationStatus.pending, BATCH)
        return [each for each in pending if each.operation.phase == pending[0].operation.phase]

    async def _with_retries(self, batch: Sequence[PlannedOperation]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._store.unit_of_work(self._lease):
                    await self._apply_batch(batch)
                return
            except (LeaseLost, asyncio.CancelledError):
                raise
            except Exception:
                if attempt == ATTEMPTS:
                    raise
                await self._sleep(0.1 * 2**attempt)

    async def _apply_batch(self, batch: Sequence[PlannedOperation]) -> None:
        ids = await self._resource_ids(batch)
        ready: list[tuple[PlannedOperation, Operation]] = []
        results: list[_Result] = []
        for planned in batch:
            resolved = _resolved(planned.operation, ids)
            if isinstance(resolved, str):
                outcome = Outcome(status=424, code="depends", message=resolved)
                results.append(_Result(planned, OperationStatus.skipped, outcome))
            else:
                ready.append((planned, resolved))
        outcomes = await self._target.apply([operation for _, operation in ready])
        for (planned, _), outcome in zip(ready, outcomes, strict=True):
            results.append(_judge(planned, outcome))
        await self._save(results)

    async def _resource_ids(self, batch: Sequence[PlannedOperation]) -> dict[str, str]:
        """Return the linked resource of each source object that the batch refers to."""
        wanted = {
            source_id
            for planned in batch
            for value in (planned.operation.path, planned.operation.body)
            for source_id in references(value)
        }
        records = await self._store.records(sorted(wanted))
        return {
            source_id: record.link.resource_id
            for source_id, record in records.items()
            if record.link and record.link.state is LinkState.linked
        }

    async def _save(self, results: Sequence[_Result]) -> None:
        for result in results:
            if result.status is OperationStatus.done:
                await self._link(result)
        failed = [one for one in results if one.status is OperationStatus.failed]
        await self._count_failures(failed)
        await self._store.record(
            self._run_id,
            [(one.planned.seq, one.status, one.outcome, one.advice) for one in results],
        )

    async def _count_failures(self, failed: Sequence[_Result]) -> None:
        source_ids = sorted({one.planned.operation.source_id for one in failed})
        records: dict[str, MirrorRecord] = await self._store.records(source_ids)
        for source_id in source_ids:
            failures = records[source_id].failures if source_id in records else 0
            wait = retry_after(failures) * 1_000_000
            await self._store.fail([source_id], self._now_us() + wait)

    async def _link(self, result: _Result) -> None:
        """Keep the bond of source object and resource in step with what was done."""
        operation, resource_id = result.planned.operation, result.outcome.resource_id
        state = _link_state(operation.action)
        if state is None:
            return
        await self._store.put_link(
            LinkRecord(
                source_id=operation.source_id,
                kind=operation.kind,
                resource_id=resource_id,
                state=state,
                joined=operation.action in (Action.take_over, Action.unlink),
            )
        )


def _link_state(action: Action) -> LinkState | None:
    if action in LINKED:
        return LinkState.linked
    if action is Action.delete:
        return LinkState.tombstone
    return LinkState.unlinked if action is Action.unlink else None


def _resolved(operation: Operation, ids: dict[str, str]) -> Operation | str:
    """Return the operation with its references replaced, or why it cannot be applied.

    A member that is not provisioned is left out of a membership operation; its groups are
    planned again when it arrives.
    """
    body = operation.body
    if operation.action in MEMBERS and body is not None:
        body = _with_known_members(body, ids)
        if body is None:
            return "None of the members is provisioned."
    path, body = resolve(operation.path, ids), resolve(body, ids)
    missing = [*references(path), *references(body)]
    if missing:
        return f"It refers to {missing[0]}, which is not provisioned."
    return replace(operation, path=path, body=body)


def _with_known_members(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any] | None:
    (patch,) = body["Operations"]
    known = [member for member in patch["value"] if all(ref in ids for ref in references(member))]
    if not known:
        return None
    return {**body, "Operations": [{**patch, "value": known}]}


def _judge(planned: PlannedOperation, outcome: Outcome) -> _Result:
    """Decide what an outcome means: a deletion of what is gone already is done."""
    action = planned.operation.action
    if outcome.ok:
        return _Result(planned, OperationStatus.done, outcome)
    if action is Action.delete and outcome.status == 404:
        resource_id = planned.operation.path.rpartition("/")[2]
        gone = Outcome(status=204, resource_id=resource_id, changed=False)
        return _Result(planned, OperationStatus.done, gone)
    advice = ADVICE.get(outcome.code, "The next run tries again.")
    return _Result(planned, OperationStatus.failed, outcome, advice)
