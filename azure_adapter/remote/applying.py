"""Applying a batch of operations: in Bulk what can be, singly the rest, in order where it matters.

Operations of one phase on different resources do not depend on each other, so several are under
way at once. Those on one resource keep their order.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from azure_adapter.remote.answers import Answer
from azure_adapter.remote.bulk import Answers, Bulk, Entry
from azure_adapter.remote.changing import Changing
from azure_adapter.remote.creating import Creating, Key, external_id
from azure_adapter.remote.errors import RemoteTargetError
from azure_adapter.remote.memberships import Membership, membership
from azure_adapter.remote.reading import path_of
from azure_adapter.remote.searching import Document
from scim.provisioning.operations import Operation, Outcome

Begun = Mapping[Key, Sequence[Document]]


@dataclass(frozen=True, slots=True)
class Job:
    """One operation on its way.

    Attributes:
        at: its position in the batch.
        operation: the operation.
        change: what it does to members, if that is what it does.
    """

    at: int
    operation: Operation
    change: Membership | None = None

    @property
    def resource_id(self) -> str:
        """The id in its path, or ""."""
        return self.operation.path.strip("/").partition("/")[2]

    @property
    def path(self) -> str:
        """Its path, percent-encoded."""
        endpoint, _, resource_id = self.operation.path.strip("/").partition("/")
        return path_of(f"/{endpoint}", resource_id) if resource_id else f"/{endpoint}"

    @property
    def chain(self) -> str:
        """What its order matters for: the resource, or the object that is to become one."""
        if self.operation.method == "POST":
            return f"{self.operation.path} {self.operation.source_id}"
        return self.operation.path

    @property
    def key(self) -> Key:
        """What an earlier attempt of its creation is known by."""
        return self.operation.path, external_id(self.operation)


class Applying:
    """Applies batches of operations.

    Args:
        creating: creates.
        changing: changes and deletes.
        bulk: sends many at once.
        concurrency: how many operations are under way at once.
    """

    def __init__(
        self, creating: Creating, changing: Changing, bulk: Bulk, concurrency: int
    ) -> None:
        self._creating = creating
        self._changing = changing
        self._bulk = bulk
        self._slots = asyncio.Semaphore(concurrency)

    async def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Apply operations; see :meth:`ProvisioningTarget.apply`.

        When the server goes down on the way, what was done is told, and the rest has the reason
        as its outcome.

        Raises:
            RemoteTargetError: the server cannot be used, and nothing was done.
        """
        outcomes: dict[int, Outcome] = {}
        jobs = [Job(at, each, membership(each)) for at, each in enumerate(operations)]
        todo = [each for each in jobs if each.operation.method]
        try:
            for _, stage in groupby(todo, key=lambda job: job.operation.phase):
                await self._stage(list(stage), outcomes)
        except RemoteTargetError as error:
            if not outcomes:
                raise
            return [_outcome(outcomes, each, error) for each in jobs]
        return [_outcome(outcomes, each) for each in jobs]

    async def _stage(self, jobs: Sequence[Job], outcomes: dict[int, Outcome]) -> None:
        """Apply the operations of one phase."""
        begun = await self._begun(jobs)
        sent = await self._in_bulk(
            [each for each in jobs if not begun.get(each.key)] if begun else jobs, outcomes
        )
        rest = [each for each in jobs if each.at not in outcomes]
        uncertain = [each for each in rest if each.at in sent]
        if uncertain:
            begun = {**begun, **await self._begun(uncertain)}
        await self._singly(rest, begun, outcomes)

    async def _begun(self, jobs: Sequence[Job]) -> Begun:
        creations = [each.operation for each in jobs if each.operation.method == "POST"]
        return await self._creating.begun(creations) if creations else {}

    # -- in Bulk -----------------------------------------------------------------

    async def _in_bulk(self, jobs: Sequence[Job], outcomes: dict[int, Outcome]) -> set[int]:
        """Send what can be in Bulk; returns the positions of what was sent."""
        bundles = [(each, self._entries(each)) for each in jobs] if self._bulk.offered else []
        entries = [entry for _, several in bundles for entry in several]
        if len(entries) < 2:
            return set()
        answers = await self._bulk.send(entries)
        settled = list(_settled(bundles, answers))
        for job, answer in sorted(settled, key=lambda each: not each[1].ok):
            outcomes[job.at] = await self._settle(job, answer)
        return {job.at for job, several in bundles if several}

    def _entries(self, job: Job) -> list[Entry]:
        method = job.operation.method
        key = str(job.at)
        if method == "PATCH" and not self._changing.patches:
            return []
        if job.change is not None:
            bodies = self._changing.member_bodies(job.change)
            return [Entry(key, method, job.path, body) for body in bodies]
        return [Entry(key, method, job.path, job.operation.body)]

    async def _settle(self, job: Job, answer: Answer) -> Outcome:
        """Return what an answer in a Bulk response means, and do what it asks for."""
        operation = job.operation
        if operation.method == "POST":
            return await self._creating.settle(operation, answer)
        if operation.method == "DELETE":
            return await self._changing.deleted(answer, job.resource_id)
        patches = (operation.body or {}).get("Operations") or []
        return await self._changing.settle(job.path, job.resource_id, patches, answer)

    # -- singly ------------------------------------------------------------------

    async def _singly(
        self, jobs: Iterable[Job], begun: Begun, outcomes: dict[int, Outcome]
    ) -> None:
        """Apply operations with requests of their own."""
        chains: dict[str, list[Job]] = {}
        for job in jobs:
            chains.setdefault(job.chain, []).append(job)
        failures: list[RemoteTargetError] = []

        async def work(chain: Sequence[Job]) -> None:
            async with self._slots:
                for job in chain:
                    if failures:
                        return
                    try:
                        outcomes[job.at] = await self._one(job, begun)
                    except RemoteTargetError as error:
                        failures.append(error)

        async with asyncio.TaskGroup() as tasks:
            for chain in chains.values():
                tasks.create_task(work(chain))
        if failures:
            raise failures[0]

    async def _one(self, job: Job, begun: Begun) -> Outcome:
        operation, changing = job.operation, self._changing
        match operation.method:
            case "POST":
                return await self._creating.create(operation, begun=begun.get(job.key, ()))
            case "DELETE":
                return await changing.delete(job.path, job.resource_id)
            case "PATCH" if job.change is not None:
                return await changing.change_members(
                    job.path, job.resource_id, operation, job.change
                )
            case "PATCH":
                patches = (operation.body or {}).get("Operations") or []
                return await changing.change(job.path, job.resource_id, patches)
            case method:
                return Outcome(501, code="unsupported", message=f"No operation {method} in a plan")


def unsent(operation: Operation) -> Outcome:
    """Return the outcome of an operation that has no method, and so sends and changes nothing."""
    resource_id = operation.path.strip("/").partition("/")[2]
    return Outcome(status=204, resource_id=resource_id, changed=False)


def _settled(
    bundles: Sequence[tuple[Job, Sequence[Entry]]], answers: Answers
) -> Iterator[tuple[Job, Answer]]:
    """Yield the operations whose answer in Bulk is final.

    One without an answer, or too early, is done again, and so is what follows on the same
    resource: the order has to be kept.
    """
    at, open_chains = 0, set[str]()
    for job, entries in bundles:
        own = [answers.get(place) for place in range(at, at + len(entries))]
        at += len(entries)
        known = [each for each in own if each is not None and not each.again]
        all_well = all(each.ok for each in known)
        final = len(known) == len(own) > 0 and (all_well or job.change is None)
        if final and job.chain not in open_chains:
            yield job, known[-1]
        else:
            open_chains.add(job.chain)


def _outcome(
    outcomes: Mapping[int, Outcome], job: Job, error: RemoteTargetError | None = None
) -> Outcome:
    """Return the outcome of an operation; of one that sends nothing, that nothing changed."""
    if job.at in outcomes:
        return outcomes[job.at]
    if error is not None and job.operation.method:
        return Outcome(status=error.status, code=error.code, message=error.message)
    return unsent(job.operation)
