"""The protocol engine, with this server's answers at its documented override points."""

import re
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import ValidationError
from scim2_models import (
    Context,
    ForbiddenException,
    InvalidValueException,
    MutabilityException,
    NotFoundException,
    PatchOp,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimProvider,
)
from scim2_models.messages.patch_op import PatchOperation
from scim2_server.conditions import Conditions
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation, Target, match

from scim.caller import READ, WRITE, Caller
from scim.dialects import shapes_of
from scim.errors import told
from scim.ezto import EZTO_USER_URN, EztoUser
from scim.fast.tags import covering_tag
from scim.groups import without_displays
from scim.reading import MAX_BODY, RequestReader
from scim.schema import build_provider
from scim.values import fold_values, point_at_manager

__all__ = ["MAX_BODY", "GatewayService"]

READING = frozenset({Operation.query, Operation.search, Operation.search_with_body})

CLEARED = ""
"""The password of a resource that shall have none any more (an empty one opens nothing)."""

_COMPOSITE_TAG = re.compile(r'"(\d+)-[0-9a-f]{16}"')


class GatewayService(RequestReader):
    """The SCIM protocol as this server speaks it, without input or output.

    Args:
        secret: what the cursors of RFC 9865 are sealed with; the same in every process.
        provider: what is served; the default is :func:`scim.schema.build_provider`.
    """

    def __init__(self, secret: str | bytes, provider: ScimProvider | None = None) -> None:
        super().__init__(provider or build_provider(), secret=secret)
        self.shapes = shapes_of(self.provider)
        """What dialects are told from, custom extensions included."""

    # -- routing -------------------------------------------------------------

    @staticmethod
    def match(request: ScimRequest) -> Target:
        """Return the operation a request asks for, which several steps of it want to know."""
        return _matched(request.method.upper(), request.path)

    # -- /Me -----------------------------------------------------------------

    def me_target(self, request: ScimRequest) -> tuple[ResourceType, str]:
        """Return the user that the caller's token stands for (RFC 7644 §3.11).

        A token that stands for a program, as those of provisioning clients do, has no resource
        behind ``/Me``: that is a 404. The 501 of the RFC would say that no token has one.

        Raises:
            NotFoundException: (404) the token stands for no user.
        """
        caller = request.subject
        if isinstance(caller, Caller) and caller.user_id is not None:
            return self.get_resource_type("User"), caller.user_id
        raise NotFoundException(
            detail="/Me: this token stands for a provisioning client, not for a user. Use "
            "/Users/{id}, or a token that was issued to a user."
        )

    def me_creation_type(self, request: ScimRequest) -> ResourceType:  # noqa: ARG002
        """Refuse a self-registration (RFC 7644 §3.11).

        Raises:
            ForbiddenException: (403) always.
        """
        raise ForbiddenException(
            detail="/Me: users do not register themselves here. Create users with POST /Users."
        )

    # -- authorization -------------------------------------------------------

    def authorize(
        self,
        request: ScimRequest,
        target: Target,
        resource_type: ResourceType,  # noqa: ARG002
    ) -> None:
        """Check the scopes of the caller's token.

        Raises:
            ForbiddenException: (403) naming the missing scope.
        """
        caller = request.subject
        needed = READ if target.operation in READING else WRITE
        if isinstance(caller, Caller) and needed in caller.scopes:
            return
        raise ForbiddenException(
            detail=f"The token does not have the scope {needed!r}. Use a token that was created "
            "with it."
        )

    # -- versions ------------------------------------------------------------

    def check_preconditions(
        self, resource: Resource[Any], method: str, conditions: Conditions
    ) -> bool:
        """Evaluate If-Match and If-None-Match (RFC 7644 §3.14).

        A write compares the version of the document alone, so the part of an ETag that covers
        memberships is taken off first.
        """
        if conditions.if_match:
            version_only = _COMPOSITE_TAG.sub(r'"\1"', conditions.if_match)
            conditions = replace(conditions, if_match=version_only)
        return super().check_preconditions(resource, method, conditions)

    def query_response(
        self,
        base_url: str,
        resource: Resource[Any],
        response_parameters: ResponseParameters[Any],
        conditions: Conditions,
    ) -> ScimResponse:
        """Return the answer to a read, or a 304.

        The ETag of an answer that shows ``groups`` or ``members`` also covers them: they change
        without the resource's own version, and a 304 must never be stale.
        """
        published = self.publish(base_url, resource)
        body = self.resource_response(
            published, Context.RESOURCE_QUERY_RESPONSE, response_parameters
        )
        tag = _entity_tag(published, body.body or {})
        if tag is None:
            return super().query_response(base_url, resource, response_parameters, conditions)
        body.headers["ETag"] = tag
        self.check_preconditions(published, "GET", Conditions(if_match=conditions.if_match))
        if Conditions(if_none_match=conditions.if_none_match).check(tag, "GET"):
            return body
        return ScimResponse(HTTPStatus.NOT_MODIFIED, None, {"ETag": tag})

    # -- writing -------------------------------------------------------------

    def creation_response(
        self,
        base_url: str,
        created: Resource[Any],
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> ScimResponse:
        """Return the 201 answer to a creation, with the attributes that were asked for (§3.9)."""
        response = super().creation_response(base_url, created)
        if response_parameters is None:
            return response
        shown = self.resource_response(
            self.publish(base_url, created),
            Context.RESOURCE_CREATION_RESPONSE,
            response_parameters,
            HTTPStatus.CREATED,
        )
        return ScimResponse(response.status, shown.body, response.headers)

    def prepare(self, resource: Resource[Any]) -> Resource[Any]:
        """Return a resource that a client wrote as it is stored (see :mod:`scim.values`)."""
        fold_values(resource, self.provider.policy)
        point_at_manager(resource)
        return resource

    def read_creation(
        self, resource_type: ResourceType, body: bytes, content_type: str | None
    ) -> Resource[Any]:
        """Validate the body of a creation (RFC 7644 §3.3)."""
        return self.prepare(super().read_creation(resource_type, body, content_type))

    def apply_replacement(
        self, current: Resource[Any], replacement: Resource[Any], conditions: Conditions
    ) -> Resource[Any] | None:
        """Apply a PUT to a stored resource (RFC 7644 §3.5.1).

        One that holds ``"password": null`` takes the password away; one without keeps it.
        """
        cleared = _clears_password(replacement)
        replaced = super().apply_replacement(current, self.prepare(replacement), conditions)
        return _without_password(replacement) if cleared else replaced

    def apply_patch(
        self, current: Resource[Any], patch_op: "PatchOp[Any]", conditions: Conditions
    ) -> Resource[Any] | None:
        """Apply a PATCH to a stored resource (RFC 7644 §3.5.2).

        Raises:
            SCIMException: an operation cannot be applied; nothing of the PATCH is.
        """
        if "members" in type(current).model_fields:
            _drop_member_displays(patch_op)
        served = getattr(current, EztoUser.__name__, None)
        try:
            patched = super().apply_patch(current, patch_op, conditions)
        except InvalidValueException as refusal:
            if not isinstance(refusal.__cause__, ValidationError):
                raise
            raise told(refusal.__cause__, _failing_path(current, patch_op)) from None
        if served is not None and getattr(current, EztoUser.__name__) is None:
            raise MutabilityException(detail=f"'{EZTO_USER_URN}' is read-only")
        if _removes_password(patch_op):
            return _without_password(self.prepare(current))
        return None if patched is None else self.prepare(patched)

    # -- PATCH ---------------------------------------------------------------

    @staticmethod
    def patch_answers_no_content(
        request: ScimRequest, response_parameters: ResponseParameters[Any]
    ) -> bool:
        """Tell whether a PATCH is answered with 204 instead of 200 and the resource.

        RFC 7644 §3.5.2 leaves the choice when no attributes are requested. Entra ID wants 204;
        everybody else gets the resource.
        """
        if response_parameters.attributes or response_parameters.excluded_attributes:
            return False
        caller = request.subject
        return isinstance(caller, Caller) and caller.profile == "entra"

    def patched_response(
        self,
        base_url: str,
        resource: Resource[Any],
        response_parameters: ResponseParameters[Any],
    ) -> ScimResponse:
        """Return the 200 answer to a PATCH, with the resource."""
        return self.resource_response(
            self.publish(base_url, resource),
            Context.RESOURCE_REPLACEMENT_RESPONSE,
            response_parameters,
        )

    @staticmethod
    def patched_no_content(resource: Resource[Any]) -> ScimResponse:
        """Return the 204 answer to a PATCH, with the new version."""
        version = resource.meta.version if resource.meta else None
        return ScimResponse(HTTPStatus.NO_CONTENT, None, {"ETag": version} if version else {})


_matched = lru_cache(maxsize=64)(match)


def _entity_tag(resource: Resource[Any], body: dict[str, Any]) -> str | None:
    """Return the ETag that covers the memberships an answer shows, or None if it shows none."""
    version = resource.meta.version if resource.meta else None
    shown = [body[name] for name in ("groups", "members") if body.get(name)]
    shown += [each for each in _sources(body) if each.get("type") == "user_sync"]
    if not version or not shown:
        return None
    return covering_tag(version, orjson.dumps(shown))


def _sources(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return ``syncedFrom`` of an answer; links to user syncs change without the version."""
    extension = body.get(EZTO_USER_URN) or {}
    return extension.get("syncedFrom") or []


def _drop_member_displays(patch_op: "PatchOp[Any]") -> None:
    for operation in patch_op.operations or []:
        binding = operation.path.resolve() if operation.path else None
        within = binding is not None and (binding.field_name, binding.sub_field_name) == (
            "members",
            None,
        )
        if within or not operation.path:
            operation.value = without_displays(operation.value, within=within)


def _clears_password(replacement: Resource[Any]) -> bool:
    return (
        "password" in replacement.model_fields_set
        and getattr(replacement, "password", None) is None
    )


def _removes_password(patch_op: "PatchOp[Any]") -> bool:
    """Return whether a PATCH takes the password away (``remove``, or ``replace`` by null)."""
    last: PatchOperation[Any] | None = None
    for operation in patch_op.operations or []:
        binding = operation.path.resolve() if operation.path else None
        if binding is not None and binding.field_name == "password":
            last = operation
    return last is not None and (last.op == PatchOperation.Op.remove or last.value is None)


def _without_password(resource: Resource[Any]) -> Resource[Any]:
    resource.password = CLEARED  # type: ignore[attr-defined]
    return resource


def _failing_path(resource: Resource[Any], patch_op: "PatchOp[Any]") -> str:
    """Return the path of the operation that fails, found by applying them one by one."""
    for operation in patch_op.operations or []:
        alone = type(patch_op).model_construct(operations=[operation], schemas=[])
        try:
            alone.patch(resource)
        except InvalidValueException:
            return str(operation.path or "")
    return ""
