"""The apply phase: operations go to the target in batches, exactly once in process.

Each batch is one unit of work: the operations, their links, invitations and results commit
together, or not at all. A process that is killed leaves the rest pending, and the next one goes on
there. A target that takes part in no transaction (a server over HTTP) is called between two of
them: the fence is checked before and after, and an operation may be sent again (at least once).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from azure_adapter.sync.enrolling import SENT
from azure_adapter.sync.linking import link_after
from azure_adapter.sync.planning import retry_after
from scim.ezto import EMAIL_VERIFIED
from scim.provisioning.operations import (
    Action,
    Operation,
    OperationStatus,
    Outcome,
    PlannedOperation,
    references,
    resolve,
)
from scim.provisioning.ports import EnrollmentPort, ProvisioningTarget, SyncStore
from scim.provisioning.records import Lease, LeaseLost, LinkState, RunRecord, SourceError

BATCH = 200
"""How many operations one unit of work applies; SQLite's write lock is held that long."""

ATTEMPTS = 4
"""How often a batch is tried when the database refuses it as a whole (deadlock, busy)."""

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


@dataclass(slots=True)
class _Prepared:
    """A batch, sorted by who carries it out.

    Attributes:
        sent: operations for the target, with their references replaced.
        bare: operations that only change the link.
        invited: operations that invite.
        results: what is decided already.
    """

    sent: list[tuple[PlannedOperation, Operation]] = field(default_factory=list)
    bare: list[tuple[PlannedOperation, Operation]] = field(default_factory=list)
    invited: list[tuple[PlannedOperation, Operation]] = field(default_factory=list)
    results: list[_Result] = field(default_factory=list)

    @property
    def requests(self) -> list[Operation]:
        """What the target is asked to apply."""
        return [operation for _, operation in self.sent]


class Executor:
    """Applies the pending operations of a run.

    Args:
        store: the state of the user sync.
        target: where operations go.
        lease: checked by each batch.
        run: the run.
        now_us: the clock, microseconds.
        progress: told how many operations were applied.
        enrollment: invites people and trusts addresses; ``None``: nobody is invited here.
        invites: the user sync sends enrollment mails, so that one is due to who is new to it.
        sleep: waits between the tries of a batch.
    """

    def __init__(
        self,
        store: SyncStore,
        target: ProvisioningTarget,
        lease: Lease,
        run: RunRecord,
        *,
        now_us: Callable[[], int],
        progress: Callable[[int], None],
        enrollment: EnrollmentPort | None = None,
        invites: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._target = target
        self._lease = lease
        self._run = run
        self._now_us = now_us
        self._progress = progress
        self._enrollment = enrollment
        self._invites = invites
        self._sleep = sleep
        self._done = 0

    async def apply(self) -> None:
        """Apply everything pending, batch by batch, in the order of the plan.

        Raises:
            LeaseLost: another worker took the sync over; nothing more was written.
            SourceError: the target cannot be reached now; what is pending stays so.
        """
        while batch := await self._next_batch():
            await self._with_retries(batch)
            self._done += len(batch)
            self._progress(self._done)
        await self._store.settle_run(self._run.id)

    async def _next_batch(self) -> list[PlannedOperation]:
        """Return the next operations of one phase; what they refer to was applied before."""
        pending = await self._store.pending(self._run.id, OperationStatus.pending, BATCH)
        return [each for each in pending if each.operation.phase == pending[0].operation.phase]

    async def _with_retries(self, batch: Sequence[PlannedOperation]) -> None:
        apply = self._apply_inside if self._target.transactional else self._apply_outside
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await apply(batch)
                return
            except (LeaseLost, SourceError, asyncio.CancelledError):
                raise
            except Exception:
                if attempt == ATTEMPTS:
                    raise
                await self._sleep(0.1 * 2**attempt)

    async def _apply_inside(self, batch: Sequence[PlannedOperation]) -> None:
        """Apply a batch in one transaction with its results."""
        async with self._store.unit_of_work(self._lease):
            prepared = await self._prepare(batch)
            outcomes = await self._target.apply(prepared.requests)
            await self._finish(prepared, outcomes)

    async def _apply_outside(self, batch: Sequence[PlannedOperation]) -> None:
        """Apply a batch between two transactions, so that none is open while a server works."""
        async with self._store.unit_of_work(self._lease):
            prepared = await self._prepare(batch)
        outcomes = await self._target.apply(prepared.requests)
        async with self._store.unit_of_work(self._lease):
            await self._finish(prepared, outcomes)

    # -- before ------------------------------------------------------------------

    async def _prepare(self, batch: Sequence[PlannedOperation]) -> _Prepared:
        ids = await self._resource_ids(batch)
        prepared = _Prepared()
        for planned in batch:
            resolved = _resolved(planned.operation, ids)
            if isinstance(resolved, str):
                outcome = Outcome(status=424, code="depends", message=resolved)
                prepared.results.append(_Result(planned, OperationStatus.skipped, outcome))
            elif resolved.action is Action.invite:
                prepared.invited.append((planned, resolved))
            elif not resolved.method:
                prepared.bare.append((planned, resolved))
            else:
                prepared.sent.append((planned, resolved))
        return prepared

    async def _resource_ids(self, batch: Sequence[PlannedOperation]) -> dict[str, str]:
        """Return the linked resource of each source object that the batch refers to."""
        wanted = {
            source_id
            for planned in batch
            for value in (planned.operation.path, planned.operation.body)
            for source_id in references(value)
        }
        if not wanted:
            return {}
        records = await self._store.records(sorted(wanted))
        return {
            source_id: record.link.resource_id
            for source_id, record in records.items()
            if record.link and record.link.state is LinkState.linked
        }

    # -- after -------------------------------------------------------------------

    async def _finish(self, prepared: _Prepared, outcomes: Sequence[Outcome]) -> None:
        """Do what belongs to the batch here, and save what became of it."""
        results = prepared.results
        for (planned, _), outcome in zip(prepared.sent, outcomes, strict=True):
            results.append(_judge(planned, outcome))
        for planned, operation in prepared.bare:
            gone = Outcome(status=204, resource_id=_resource_of(operation))
            results.append(_Result(planned, OperationStatus.done, gone))
        await self._link([one for one in results if one.status is OperationStatus.done])
        await self._trust([one for one in results if one.status is OperationStatus.done])
        results += await self._invite(prepared.invited)
        await self._count_failures([one for one in results if one.status is OperationStatus.failed])
        await self._store.record(
            self._run.id,
            [(one.planned.seq, one.status, one.outcome, one.advice) for one in results],
        )

    async def _link(self, done: Sequence[_Result]) -> None:
        """Keep the bonds of source objects and resources in step with what was done."""
        links = [
            link_after(one.planned.operation, one.outcome.resource_id, invites=self._invites)
            for one in done
        ]
        changed = [link for link in links if link is not None]
        if changed:
            await self._store.put_links(changed)

    async def _trust(self, done: Sequence[_Result]) -> None:
        """Take the addresses for verified that the plan says are."""
        trusted = [
            one.outcome.resource_id
            for one in done
            if (one.planned.operation.after or {}).get(EMAIL_VERIFIED) is True
        ]
        if trusted and self._enrollment is not None:
            await self._enrollment.trust(trusted)

    async def _invite(self, invited: Sequence[tuple[PlannedOperation, Operation]]) -> list[_Result]:
        """Invite people; the invitations and their mails commit with the batch."""
        if not invited:
            return []
        if self._enrollment is None:
            none = Outcome(status=501, code="no_enrollment", message="Nobody is invited here.")
            return [_Result(planned, OperationStatus.skipped, none) for planned, _ in invited]
        people = [(_resource_of(one), str((one.after or {})["address"])) for _, one in invited]
        outcomes = await self._enrollment.invite(people, self._run.sync_id, self._run.actor)
        results = [
            _judge(planned, replace(outcome, resource_id=resource_id))
            for (planned, _), (resource_id, _), outcome in zip(
                invited, people, outcomes, strict=True
            )
        ]
        sent = [one.planned.operation.source_id for one in results if one.outcome.ok]
        if sent:
            await self._store.set_enrollment(sent, SENT)
        return results

    async def _count_failures(self, failed: Sequence[_Result]) -> None:
        if not failed:
            return
        source_ids = sorted({one.planned.operation.source_id for one in failed})
        records = await self._store.records(source_ids)
        now = self._now_us()
        await self._store.fail_many(
            {
                source_id: now + retry_after(records[source_id].failures) * 1_000_000
                for source_id in source_ids
                if source_id in records
            }
        )


def _resource_of(operation: Operation) -> str:
    """Return the id of the resource that an operation's path names."""
    return operation.path.rpartition("/")[2]


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
        resource_id = _resource_of(planned.operation)
        gone = Outcome(status=204, resource_id=resource_id, changed=False)
        return _Result(planned, OperationStatus.done, gone)
    advice = ADVICE.get(outcome.code, "The next run tries again.")
    return _Result(planned, OperationStatus.failed, outcome, advice)
