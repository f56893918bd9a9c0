"""The SCIM operations: steps of the service and the storage in turn.

Differences from scim2-server's handler: reads open no transaction, a PATCH of members costs what
it changes, a deletion does not load a group's members, and what a PATCH answers depends on the
caller's profile. Writes run inside ``storage.operation()``, in which the storage locks what it
reads, so that parallel PATCHes of one resource take turns instead of answering 412.
"""

from typing import Any, cast

from scim2_models import (
    BulkOperation,
    ConflictException,
    PatchOp,
    Resource,
    ResourceType,
    ResponseParameters,
    SCIMException,
)
from scim2_server.bulk import BulkStep
from scim2_server.conditions import Conditions
from scim2_server.handler import AsyncScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation
from scim2_server.storage import async_search_page

from scim.bulk import CircleStep, GatewayBulkPlan
from scim.caller import Caller, current_actor
from scim.dialects import mend
from scim.members import MemberChange, member_change
from scim.schema import GROUP_MODEL
from scim.service import GatewayService
from scim.storage import ResourceStorage

WITHOUT_MEMBERS = ResponseParameters[GROUP_MODEL](excluded_attributes=["members"])
"""Reads a group's own document, not its members."""

ON_RESOURCES = frozenset({Operation.query, Operation.replace, Operation.patch, Operation.delete})
"""Operations on one resource."""


class _CircleFailed(Exception):
    """One operation of a circle failed; nothing of the circle is kept.

    Attributes:
        index: its position in the request.
        outcome: what is told about it.
    """

    def __init__(self, index: int, outcome: dict[str, Any]) -> None:
        super().__init__(index)
        self.index = index
        self.outcome = outcome


class GatewayHandler(AsyncScimHandler):
    """Serves SCIM operations on the resources that a storage shows to one caller."""

    service: GatewayService
    storage: ResourceStorage

    def __init__(self, service: GatewayService, storage: ResourceStorage) -> None:
        super().__init__(service, storage)

    async def handle(self, request: ScimRequest) -> ScimResponse:
        """Serve a request, or return the SCIM error of what went wrong (RFC 7644 §3.12)."""
        caller = request.subject
        acting = current_actor.set(caller.actor if isinstance(caller, Caller) else "")
        try:
            self.service.check_body(request)
            answer = await self.short_cut(request)
            if answer is not None:
                return answer
            return await super().handle(mend(request, self.service.shapes))
        except SCIMException as error:
            return self.service.error_response(await self._first_error(request, error))
        finally:
            current_actor.reset(acting)

    async def short_cut(self, request: ScimRequest) -> ScimResponse | None:  # noqa: ARG002
        """Answer a request without the protocol engine, where that is known to be the same."""
        return None

    async def _first_error(self, request: ScimRequest, error: SCIMException) -> SCIMException:
        """Return what is wrong first: that there is no such resource, before a bad body."""
        if error.status not in (400, 413, 415):
            return error
        try:
            with self.service.provider:
                target = self.service.match(request)
                if target.operation not in ON_RESOURCES:
                    return error
                target = self.service.route(request, target.operation)
                resource_type = self.service.resource_type_at(cast(str, target.endpoint))
                await self._without_members(resource_type, cast(str, target.resource_id))
        except SCIMException as earlier:
            return earlier
        return error

    # -- reading: no transaction ---------------------------------------------

    async def query(self, request: ScimRequest) -> ScimResponse:
        """Read a resource (RFC 7644 §3.4.1)."""
        with self.service.provider:
            target = self.service.route(request, Operation.query)
            resource_type = self.service.resource_type_at(cast(str, target.endpoint))
            self.service.authorize(request, target, resource_type)
            parameters = self.service.read_response_parameters(resource_type, request.query)
            resource = await self.storage.get(
                resource_type, cast(str, target.resource_id), response_parameters=parameters
            )
            response = self.service.query_response(
                request.base_url, resource, parameters, self.service.read_conditions(request)
            )
            return self.service.me_response(request, target, response)

    async def search(self, request: ScimRequest) -> ScimResponse:
        """Search with GET (RFC 7644 §3.4.2)."""
        return await self._search(request, Operation.search)

    async def search_with_body(self, request: ScimRequest) -> ScimResponse:
        """Search with POST on ``.search`` (RFC 7644 §3.4.3)."""
        return await self._search(request, Operation.search_with_body)

    async def _search(self, request: ScimRequest, operation: Operation) -> ScimResponse:
        with self.service.provider:
            target = self.service.route(request, operation)
            types = self.service.searched_types(target.endpoint)
            authorized = self.service.authorized_types(request, target, types)
            if operation is Operation.search:
                search, position = self.service.read_search_query(types, request.query)
            else:
                search, position = self.service.read_search_body(
                    types, request.body, request.header("Content-Type")
                )
            page = await async_search_page(self.storage, authorized, search, position=position)
            return self.service.search_response(request.base_url, types, page, search)

    # -- writing -------------------------------------------------------------

    async def create(self, request: ScimRequest) -> ScimResponse:
        """Create a resource (RFC 7644 §3.3), and show of it what was asked for (§3.9)."""
        with self.service.provider:
            target = self.service.route(request, Operation.create)
            resource_type = self.service.resource_type_at(cast(str, target.endpoint))
            self.service.authorize(request, target, resource_type)
            parameters = self.service.read_response_parameters(resource_type, request.query)
            resource = self.service.read_creation(
                resource_type, request.body, request.header("Content-Type")
            )
            async with self.storage.operation():
                created = await self.storage.create(resource_type, resource)
            return self.service.creation_response(request.base_url, created, parameters)

    async def patch(self, request: ScimRequest) -> ScimResponse:
        """Modify a resource (RFC 7644 §3.5.2)."""
        with self.service.provider:
            target = self.service.route(request, Operation.patch)
            resource_type = self.service.resource_type_at(cast(str, target.endpoint))
            self.service.authorize(request, target, resource_type)
            parameters = self.service.read_response_parameters(resource_type, request.query)
            patch_op = self.service.read_patch(
                resource_type, request.body, request.header("Content-Type")
            )
            resource_id = cast(str, target.resource_id)
            async with self.storage.operation():
                resource = await self.patch_resource(
                    resource_type, resource_id, patch_op, self.service.read_conditions(request)
                )
                if self.service.patch_answers_no_content(request, parameters):
                    response = self.service.patched_no_content(resource)
                else:
                    resource = await self.storage.get(
                        resource_type, resource_id, response_parameters=parameters
                    )
                    response = self.service.patched_response(request.base_url, resource, parameters)
            return self.service.me_response(request, target, response)

    async def patch_resource(
        self,
        resource_type: ResourceType,
        resource_id: str,
        patch_op: "PatchOp[Any]",
        conditions: Conditions,
    ) -> Resource[Any]:
        """Apply a validated PATCH; one that only concerns members is applied by difference."""
        change = member_change(patch_op) if resource_type.name == "Group" else None
        if change is None:
            return await super().patch_resource(resource_type, resource_id, patch_op, conditions)
        current = await self._without_members(resource_type, resource_id)
        self.service.check_preconditions(current, "PATCH", conditions)
        await self._change_members(resource_id, change)
        return await self._without_members(resource_type, resource_id)

    async def _change_members(self, group_id: str, change: MemberChange) -> None:
        await self.storage.change_members(
            group_id,
            add=list(change.add),
            remove=list(change.remove),
            replace=None if change.replace is None else list(change.replace),
        )

    async def patch_members(
        self, resource_type: ResourceType, resource_id: str, patch_op: "PatchOp[Any]"
    ) -> bool:
        """Apply a PATCH of a group that only concerns members, and tell whether it was one.

        Nothing is read: for a caller that wants to know no more than that it was done.
        """
        change = member_change(patch_op) if resource_type.name == "Group" else None
        if change is not None:
            await self._change_members(resource_id, change)
        return change is not None

    async def delete_resource(
        self, resource_type: ResourceType, resource_id: str, conditions: Conditions
    ) -> None:
        """Delete a stored resource once its conditions are met."""
        current = await self._without_members(resource_type, resource_id)
        self.service.check_deletion(current, conditions)
        await self.storage.delete(resource_type, resource_id)

    async def _without_members(
        self, resource_type: ResourceType, resource_id: str
    ) -> Resource[Any]:
        parameters = WITHOUT_MEMBERS if resource_type.name == "Group" else None
        return await self.storage.get(resource_type, resource_id, response_parameters=parameters)

    # -- Bulk ----------------------------------------------------------------

    async def bulk(self, request: ScimRequest) -> ScimResponse:
        """Run a Bulk request (RFC 7644 §3.7), circles of references included (§3.7.1)."""
        with self.service.provider:
            self.service.route(request, Operation.bulk)
            body, content_type = request.body, request.header("Content-Type")
            plan = cast(GatewayBulkPlan, self.service.read_bulk(body, content_type))
            for step in plan:
                if isinstance(step, CircleStep):
                    await self._run_circle(request, plan, step)
                    continue
                result, resource = await self.run_bulk_step(request, plan, step)
                plan.record(step, result, resource)
            return self.service.bulk_response(plan)

    async def apply_bulk_operation(
        self, resource_type: ResourceType, operation: "BulkOperation[Resource[Any]]"
    ) -> Resource[Any] | None:
        """Apply a validated operation of a Bulk request."""
        if operation.method == BulkOperation.Method.post:
            self.service.prepare(cast(Resource[Any], operation.data))
        return await super().apply_bulk_operation(resource_type, operation)

    async def _run_circle(
        self, request: ScimRequest, plan: GatewayBulkPlan, circle: CircleStep
    ) -> None:
        """Create resources that refer to each other: all of them, or none."""
        try:
            async with self.storage.operation():
                await self._create_circle(request, plan, circle)
        except _CircleFailed as failure:
            plan.undo(circle)
            for index in circle.indices:
                outcome = failure.outcome
                if index != failure.index:
                    outcome = self._left_out(request, plan, index, failure.index)
                plan.record(BulkStep(index), outcome, None)

    async def _create_circle(
        self, request: ScimRequest, plan: GatewayBulkPlan, circle: CircleStep
    ) -> None:
        outcomes: dict[int, dict[str, Any]] = {}
        for steps in (plan.creations_of(circle), plan.links_of(circle)):
            for step in steps:
                outcome, resource = await self.run_bulk_step(request, plan, step)
                if outcome["status"] >= 400:
                    raise _CircleFailed(step.index, outcome)
                first = outcomes.setdefault(step.index, outcome)
                plan.record(step, {**outcome, "status": first["status"]}, resource)

    def _left_out(
        self, request: ScimRequest, plan: GatewayBulkPlan, index: int, failed: int
    ) -> dict[str, Any]:
        """Return the outcome of an operation that refers in a circle to one that failed."""
        conflict = ConflictException(
            detail="bulkId: the operation refers in a circle to "
            f"{plan.operations[failed].bulk_id}, which failed. Correct that one, or leave the "
            "reference out."
        )
        outcome = self.service.bulk_outcome(request.base_url, plan.operations[index])
        return self.service.bulk_failure(outcome, conflict)
