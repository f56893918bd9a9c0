"""The provisioning target in process: sync operations through the rules of the HTTP endpoints."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import orjson
from scim2_models import NotFoundException, Resource, SCIMException
from scim2_server.conditions import Conditions
from scim2_server.routing import Operation as Route
from scim2_server.routing import Target, match

from scim.batching import Changes, Creations, NotPlainError, runs
from scim.fast.patching import PlainPatches
from scim.handler import GatewayHandler
from scim.provisioning.authority import DASHBOARD, Source
from scim.provisioning.operations import AUTHORITY, Action, Operation, Outcome
from scim.provisioning.records import Authority, Candidate, EnrollmentState, UniqueField
from scim.storage import BatchStorage, ResourceStorage

CONTENT_TYPE = "application/scim+json"

STATUS = {Route.create: 201, Route.patch: 200, Route.delete: 204}
"""HTTP status of what succeeded (RFC 7644 §3)."""

BREATH = 25
"""So many creations are validated before other tasks of the process get their turn."""


class InProcessTarget:
    """Applies SCIM operations to the user store of this gateway.

    It takes the same steps as an HTTP request does: the service validates body and path, the
    storage checks authority and uniqueness. Only the HTTP around them is left out. Inside a unit
    of work everything commits or rolls back with it.

    Args:
        handler: the handler of the workspace, with a storage that writes as the user sync.
    """

    transactional = True

    def __init__(self, handler: GatewayHandler) -> None:
        self._handler = handler
        self._service = handler.service
        users = self._service.get_resource_type("User")
        self._patches = PlainPatches(self._service.get_model(users))

    @property
    def _storage(self) -> ResourceStorage:
        return self._handler.storage

    async def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Apply operations in order; one that fails leaves the others.

        The whole batch is tried in one savepoint. When an operation fails, the batch is rolled
        back and replayed with a savepoint for each, which gives the results, errors and versions
        of the same operations one by one.
        """
        try:
            async with self._storage.operation():
                return await self._together(operations)
        except (SCIMException, NotPlainError):
            if len(operations) == 1:
                return [await self._alone(operations[0])]
        return [await self._alone(operation) for operation in operations]

    async def _together(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Apply operations in order, those that are alike at once where the storage can."""
        storage = self._storage
        if not isinstance(storage, BatchStorage):
            return [await self._apply(operation) for operation in operations]
        outcomes: list[Outcome] = []
        for run in runs(operations, self._patches):
            match run:
                case Creations():
                    outcomes += await self._create(storage, run)
                case Changes():
                    users = self._service.get_resource_type("User")
                    await storage.assign_many(users, run.changes)
                    outcomes += [Outcome(status=200, resource_id=own) for own in run.changes]
                case Operation():
                    outcomes.append(await self._apply(run))
        return outcomes

    async def _create(self, storage: BatchStorage, run: Creations) -> list[Outcome]:
        service = self._service
        resources = []
        with service.provider:
            resource_type = service.resource_type_at(run.endpoint)
        for number, each in enumerate(run.operations, 1):
            with service.provider:
                resources.append(
                    service.read_creation(resource_type, orjson.dumps(each.body), CONTENT_TYPE)
                )
            if number % BREATH == 0:
                await asyncio.sleep(0)
        with service.provider:
            ids = await storage.create_many(resource_type, resources)
        return [Outcome(status=201, resource_id=own) for own in ids]

    async def _alone(self, operation: Operation) -> Outcome:
        try:
            async with self._storage.operation():
                return await self._apply(operation)
        except SCIMException as error:
            return Outcome(
                status=error.status,
                code=error.scim_type or _word(error.status),
                message=error.detail or "The operation was refused.",
            )

    async def _apply(self, operation: Operation) -> Outcome:
        if not operation.method:
            return Outcome(status=204, resource_id=operation.path.rpartition("/")[2])
        with self._service.provider:
            target = match(operation.method, operation.path)
            resource_id = target.resource_id or ""
            if operation.action is Action.restore:
                await self._storage.restore(resource_id, user_name=_new_name(operation))
            elif operation.action is Action.take_over:
                await self._storage.take_over(resource_id, joined=True, owner=_owner(operation))
            body = orjson.dumps(operation.body) if operation.body is not None else b""
            resource = await self._route(target, body)
            if operation.action is Action.unlink:
                await self._storage.let_go(resource_id)
        if resource is not None:
            resource_id = cast(str, resource.id)
        return Outcome(status=STATUS[target.operation], resource_id=resource_id)

    async def _route(self, target: Target, body: bytes) -> Resource[Any] | None:
        service, handler = self._service, self._handler
        resource_type = service.resource_type_at(cast(str, target.endpoint))
        resource_id = cast(str, target.resource_id)
        match target.operation:
            case Route.create:
                created = service.read_creation(resource_type, body, CONTENT_TYPE)
                return await self._storage.create(resource_type, created)
            case Route.patch:
                patch_op = service.read_patch(resource_type, body, CONTENT_TYPE)
                if await handler.patch_members(resource_type, resource_id, patch_op):
                    return None
                return await handler.patch_resource(
                    resource_type, resource_id, patch_op, Conditions()
                )
            case Route.delete:
                await handler.delete_resource(resource_type, resource_id, Conditions())
                return None
            case _:
                raise NotFoundException(detail=f"No operation {target.operation.value} in a plan")

    async def read(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the current documents by id."""
        return await self._storage.documents(ids)

    async def restorable(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the documents of those of the ids that can be restored."""
        return await self._storage.restorable(ids)

    async def find(self, field: UniqueField, values: Sequence[str]) -> dict[str, list[Candidate]]:
        """Return the users that hold a value, by the value as given."""
        return await self._storage.find_users(field, values)

    async def members(self, group_id: str) -> set[str]:
        """Return the ids of a group's current members."""
        return await self._storage.member_ids(group_id)

    async def authorities(self, ids: Sequence[str]) -> dict[str, Authority]:
        """Return who decides about resources, by id."""
        return await self._storage.authorities(ids)

    async def enrollment(self, ids: Sequence[str]) -> dict[str, EnrollmentState]:
        """Return how far users are enrolled, by id."""
        return await self._storage.enrollment(ids)


def _new_name(operation: Operation) -> str | None:
    """Return the userName that the operation's PATCH gives."""
    steps = (operation.body or {}).get("Operations", ())
    names = [step.get("value") for step in steps if step.get("path") == "userName"]
    return str(names[-1]) if names else None


def _owner(operation: Operation) -> Source:
    """Return the authority that the plan takes the user from; what a person decided about."""
    told = (operation.before or {}).get(AUTHORITY)
    return Source.parse(told) if told else DASHBOARD


def _word(status: int) -> str:
    return {403: "forbidden", 404: "not_found", 409: "uniqueness", 412: "changed"}.get(
        status, f"http_{status}"
    )
