"""The provisioning target in process: sync operations through the rules of the HTTP endpoints."""

from collections.abc import Sequence
from typing import Any, cast

import orjson
from scim2_models import NotFoundException, Resource, SCIMException
from scim2_server.conditions import Conditions
from scim2_server.routing import Operation as Route
from scim2_server.routing import Target, match

from scim.handler import GatewayHandler
from scim.provisioning.operations import Action, Operation, Outcome
from scim.provisioning.records import Candidate, UniqueField
from scim.storage import ResourceStorage

CONTENT_TYPE = "application/scim+json"


class InProcessTarget:
    """Applies SCIM operations to the user store of this gateway.

    It takes the same steps as an HTTP request does: the service validates body and path, the
    storage checks authority and uniqueness. Only the HTTP around them is left out. Inside a unit
    of work everything commits or rolls back with it.

    Args:
        handler: the handler of the workspace, with a storage that writes as the user sync.
    """

    def __init__(self, handler: GatewayHandler) -> None:
        self._handler = handler
        self._service = handler.service

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
                return [await self._apply(operation) for operation in operations]
        except SCIMException:
            if len(operations) == 1:
                return [await self._alone(operations[0])]
        return [await self._alone(operation) for operation in operations]

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
        with self._service.provider:
            target = match(operation.method, operation.path)
            resource_id = target.resource_id or ""
            if operation.action is Action.restore:
                await self._storage.restore(resource_id)
            elif operation.action is Action.take_over:
                await self._storage.take_over(resource_id, joined=True)
            body = orjson.dumps(operation.body) if operation.body is not None else b""
            resource = await self._route(target, body)
        if resource is None:
            return Outcome(status=204, resource_id=resource_id)
        status = 201 if target.operation is Route.create else 200
        return Outcome(status=status, resource_id=cast(str, resource.id))

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


def _word(status: int) -> str:
    return {403: "forbidden", 404: "not_found", 409: "uniqueness", 412: "changed"}.get(
        status, f"http_{status}"
    )
