"""Writes whose answers are spliced from what was stored.

The steps, their order and their errors are those of :class:`scim.handler.GatewayHandler`. What
differs: the resource that a write stored is not built as a model again to be answered, and one of
which only the version is told is not read at all.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Protocol, cast

from scim2_models import PatchOp, Resource, ResourceType
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation

from scim.caller import WRITE, Caller
from scim.fast.lane import FastAnswer, FastLane
from scim.fast.patching import Assignment
from scim.fast.ports import Shows, StoredRow
from scim.handler import GatewayHandler
from scim.members import member_change
from scim.service import GatewayService
from scim.storage import ResourceStorage


class StoredWriter(Protocol):
    """What writing asks of a storage besides its port."""

    async def create_stored(
        self, resource_type: ResourceType, resource: Resource[Any], shows: Shows
    ) -> StoredRow:
        """Store a new resource, as one operation, and return it as it is stored."""
        ...

    async def update_stored(
        self, resource_type: ResourceType, resource: Resource[Any], expected_version: str | None
    ) -> int:
        """Replace a stored resource and return its version."""
        ...

    async def assign_stored(
        self,
        resource_type: ResourceType,
        resource_id: str,
        assignments: Sequence[Assignment],
    ) -> int:
        """Set plain attributes of a stored resource and return its version."""
        ...

    async def stored(
        self, resource_type: ResourceType, resource_id: str, shows: Shows
    ) -> StoredRow:
        """Return a resource as the open transaction sees it."""
        ...


class FastHandler(GatewayHandler):
    """Serves SCIM operations, and splices the answers of writes.

    Args:
        service: the protocol.
        storage: which is also a :class:`StoredWriter`.
        lane: splices.
    """

    def __init__(self, service: GatewayService, storage: ResourceStorage, lane: FastLane) -> None:
        super().__init__(service, storage)
        self.lane = lane
        self.writer = cast(StoredWriter, storage)

    async def short_cut(self, request: ScimRequest) -> ScimResponse | None:
        """Apply a PATCH of a user that only sets plain attributes (RFC 7644 §3.5.2)."""
        if request.method != "PATCH" or request.query:
            return None
        segments = request.path.strip("/").split("/")
        wanted = self.lane.plain(segments[0]) if len(segments) == 2 else None
        caller = request.subject
        if wanted is None or not isinstance(caller, Caller) or WRITE not in caller.scopes:
            return None
        resource_type, view, patches = wanted
        conditions = self.service.read_conditions(request)
        if patches is None or conditions.if_match or conditions.if_none_match:
            return None
        assignments = patches.read(request.body, request.header("Content-Type"))
        if assignments is None:
            return None
        bare = self.service.patch_answers_no_content(request, view.parameters)
        if bare:
            version = await self.writer.assign_stored(resource_type, segments[1], assignments)
            return ScimResponse(HTTPStatus.NO_CONTENT, None, {"ETag": f'W/"{version}"'})
        async with self.storage.operation():
            await self.writer.assign_stored(resource_type, segments[1], assignments)
            row = await self.writer.stored(resource_type, segments[1], view.shows)
        return _told(self.lane.written(request, row, view.view, HTTPStatus.OK))

    async def create(self, request: ScimRequest) -> ScimResponse:
        """Create a resource (RFC 7644 §3.3)."""
        if not self.service.etag_supported:
            return await super().create(request)
        with self.service.provider:
            target = self.service.route(request, Operation.create)
            resource_type = self.service.resource_type_at(cast(str, target.endpoint))
            self.service.authorize(request, target, resource_type)
            wanted = self.lane.asked(resource_type, request)
            resource = self.service.read_creation(
                resource_type, request.body, request.header("Content-Type")
            )
            row = await self.writer.create_stored(resource_type, resource, wanted.shows)
            return _told(self.lane.written(request, row, wanted.view, HTTPStatus.CREATED))

    async def patch(self, request: ScimRequest) -> ScimResponse:
        """Modify a resource (RFC 7644 §3.5.2)."""
        conditions = self.service.read_conditions(request)
        is_plain = self.service.etag_supported and not conditions.if_none_match
        target = self.service.match(request)
        if target.me or conditions.if_match or not is_plain:
            return await super().patch(request)
        with self.service.provider:
            target = self.service.route(request, Operation.patch)
            resource_type = self.service.resource_type_at(cast(str, target.endpoint))
            self.service.authorize(request, target, resource_type)
            wanted = self.lane.asked(resource_type, request)
            patch_op = self.service.read_patch(
                resource_type, request.body, request.header("Content-Type")
            )
            resource_id = cast(str, target.resource_id)
            bare = self.service.patch_answers_no_content(request, wanted.parameters)
            async with self.storage.operation():
                version = await self._patched(resource_type, resource_id, patch_op)
                if not bare or version is None:
                    shows = NOTHING if bare else wanted.shows
                    row = await self.writer.stored(resource_type, resource_id, shows)
                    version = row.version
            if bare:
                return ScimResponse(HTTPStatus.NO_CONTENT, None, {"ETag": f'W/"{version}"'})
            return _told(self.lane.written(request, row, wanted.view, HTTPStatus.OK))

    async def _patched(
        self, resource_type: ResourceType, resource_id: str, patch_op: "PatchOp[Any]"
    ) -> int | None:
        """Apply a validated PATCH; returns the version if it is known."""
        change = member_change(patch_op) if resource_type.name == "Group" else None
        if change is not None:
            await self.storage.change_members(
                resource_id,
                add=list(change.add),
                remove=list(change.remove),
                replace=None if change.replace is None else list(change.replace),
            )
            return None
        current = await self.storage.get(resource_type, resource_id)
        version = current.meta.version if current.meta else None
        patched = self.service.apply_patch(
            current, patch_op, self.service.read_conditions(NO_CONDITIONS)
        )
        if patched is None:
            return None
        return await self.writer.update_stored(resource_type, patched, version)


NOTHING = Shows(groups=False, members=False, ezto=False)
NO_CONDITIONS = ScimRequest("PATCH", "", "")


def _told(answer: FastAnswer) -> ScimResponse:
    """Return an answer as the handler's methods do: the endpoint sends either kind."""
    return cast(ScimResponse, answer)
