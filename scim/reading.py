"""Reading requests: limits first, then the protocol engine, its refusals told in sentences."""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import orjson
from pydantic import BaseModel, ValidationError
from scim2_models import (
    BulkOperation,
    Context,
    Error,
    InvalidFilterException,
    InvalidPathException,
    InvalidValueException,
    PatchOp,
    Path,
    PayloadTooLargeException,
    Resource,
    ResourceType,
    ResponseParameters,
    SCIMException,
    ScimFilter,
    SearchRequest,
)
from scim2_server.bulk import BulkPlan
from scim2_server.requests import ScimRequest
from scim2_server.service import ScimService

from scim.bulk import GatewayBulkPlan
from scim.errors import told, with_remedy
from scim.limits import (
    MAX_FILTER_LENGTH,
    check_document,
    check_filter_terms,
    check_filter_text,
    check_path_text,
    terms,
)
from scim.schema import BULK_MAX_OPERATIONS, BULK_MAX_PAYLOAD

MAX_BODY = 4 * 1024 * 1024
"""The largest body of a single operation, in bytes: a group of some 30,000 members."""

MAX_START_INDEX = 2**53
"""A page further on is empty all the same; a larger number fits neither JSON nor a database."""

PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

ModelT = TypeVar("ModelT", bound=BaseModel)

log = logging.getLogger(__name__)


class RequestReader(ScimService):
    """The part of the service that reads requests and says what is wrong with them."""

    # -- limits --------------------------------------------------------------

    def max_body_size(self, request: ScimRequest) -> int:
        """Return the largest body of a request in bytes; a larger one is answered with 413."""
        limit = super().max_body_size(request)
        return MAX_BODY if limit is None else limit

    def check_body(self, request: ScimRequest) -> None:
        """Refuse a body over the limits, before anything else reads it (RFC 7644 §3.12).

        Raises:
            PayloadTooLargeException: (413) it is too large, or lists too much.
            InvalidSyntaxException: (400) it nests too deep.
        """
        is_bulk = request.path.strip("/").casefold() == "bulk"
        if is_bulk:
            self.ensure_bulk_payload_size(len(request.body))
        elif len(request.body) > MAX_BODY:
            raise PayloadTooLargeException(
                detail=f"The body is larger than {MAX_BODY} bytes. Send fewer values a request: "
                "a group's members can be added in several PATCH operations, or use /Bulk "
                f"(up to {BULK_MAX_PAYLOAD} bytes)."
            )
        if is_bulk:
            check_document(request.body, max_operations=BULK_MAX_OPERATIONS)
        else:
            check_document(request.body)

    # -- bodies --------------------------------------------------------------

    def read_body(
        self,
        model: type[ModelT],
        body: bytes,
        content_type: str | None,
        scim_ctx: Context,
    ) -> ModelT:
        """Validate a body; what is wrong with it is told by attribute and remedy.

        Raises:
            SCIMException: it is not what the operation takes.
        """
        try:
            return super().read_body(model, body, content_type, scim_ctx)  # type: ignore[type-var]
        except SCIMException as refusal:
            raise _retold(refusal) from None

    def read_patch(
        self, resource_type: ResourceType, body: bytes, content_type: str | None
    ) -> "PatchOp[Any]":
        """Validate the body of a PATCH, paths of a reasonable length only."""
        if len(body) > MAX_FILTER_LENGTH:
            _check_paths(body)
        try:
            patch_op = super().read_patch(resource_type, body, content_type)
        except SCIMException as refusal:
            raise self._placed(refusal, resource_type, body) from None
        _check_targets(patch_op)
        return patch_op

    def _placed(
        self, refusal: SCIMException, resource_type: ResourceType, body: bytes
    ) -> SCIMException:
        """Return what is wrong with a PATCH, with the place of the operation that it is about."""
        detail = self.error_of(refusal).detail or ""
        operations = [] if detail.startswith("Operations") else _sent_operations(body)
        for index, operation in enumerate(operations):
            alone = orjson.dumps({"schemas": [PATCH_URN], "Operations": [operation]})
            try:
                super().read_patch(resource_type, alone, None)
            except SCIMException as found:
                if found.detail != refusal.detail:
                    break
                path = operation.get("path") if isinstance(operation, dict) else None
                detail = detail.replace("A required attribute", str(path))
                error = self.error_of(refusal)
                error.detail = f"Operations[{index}]: {detail}"
                return SCIMException.from_error(error)
        return refusal

    def decode_body(self, body: bytes, content_type: str | None) -> Any:
        """Return the JSON of a search request."""
        self.ensure_json(content_type)
        try:
            return super().decode_body(body, content_type)
        except SCIMException as refusal:
            detail = f"The body is not valid JSON ({refusal.detail}). Send one JSON object."
            raise type(refusal)(detail=detail) from None

    # -- searches ------------------------------------------------------------

    def read_search(
        self, resource_types: list[ResourceType], payload: Any
    ) -> tuple[SearchRequest[Any], Any]:
        """Validate a search (RFC 7644 §3.4.2).

        Raises:
            InvalidFilterException: the filter is too long, or compares what is write-only.
        """
        if isinstance(payload, dict):
            for key, value in payload.items():
                if key.casefold() == "filter":
                    check_filter_text(value)
        try:
            search, position = super().read_search(resource_types, payload)
        except SCIMException as refusal:
            raise _retold(refusal) from None
        if search.filter is not None:
            check_filter_terms(search.filter.ast)
            _refuse_hidden(search.filter, self.search_models(resource_types))
        if search.start_index is not None:
            search.start_index = min(search.start_index, MAX_START_INDEX)
        return search, position

    def read_response_parameters(
        self, resource_type: ResourceType, query: Mapping[str, str]
    ) -> ResponseParameters[Any]:
        """Read ``attributes`` and ``excludedAttributes`` (RFC 7644 §3.9)."""
        try:
            return super().read_response_parameters(resource_type, query)
        except SCIMException as refusal:
            raise _retold(refusal) from None

    # -- Bulk ----------------------------------------------------------------

    def read_bulk(self, body: bytes, content_type: str | None) -> BulkPlan:
        """Validate a Bulk request, and plan its operations (RFC 7644 §3.7)."""
        if len(body) > MAX_FILTER_LENGTH:
            for each in _sent_operations(body):
                _check_paths(orjson.dumps(each.get("data")) if isinstance(each, dict) else b"")
        plan = super().read_bulk(body, content_type)
        failed = [n for n, each in enumerate(plan.operations) if isinstance(each.response, Error)]
        if failed:
            sent = _sent_operations(body)
            for index in failed:
                self._retell(plan.operations[index], sent[index])
        return GatewayBulkPlan(plan.operations, plan.fail_on_errors)

    def _retell(self, operation: BulkOperation[Resource[Any]], sent: Any) -> None:
        """Say what is wrong with an operation as the single request would be told."""
        data = sent.get("data") if isinstance(sent, dict) else None
        try:
            if not isinstance(sent, dict):
                raise InvalidValueException(detail="Each of Operations must be an object.")
            resource_type = self.route_bulk_operation(operation)
            if resource_type is not None and isinstance(data, dict):
                self._read_alone(operation, resource_type, orjson.dumps(data))
        except SCIMException as refusal:
            operation.response = self.error_of(refusal)
            operation.status = operation.response.status
            return
        if isinstance(operation.response, Error):
            operation.response = _with_remedy(operation.response)

    def _read_alone(
        self,
        operation: BulkOperation[Resource[Any]],
        resource_type: ResourceType,
        body: bytes,
    ) -> None:
        readers = {
            BulkOperation.Method.post: self.read_creation,
            BulkOperation.Method.put: self.read_replacement,
            BulkOperation.Method.patch: self.read_patch,
        }
        reader = readers.get(cast(BulkOperation.Method, operation.method))
        if reader is not None:
            reader(resource_type, body, None)

    def bulk_failure(self, outcome: dict[str, Any], exception: Exception) -> dict[str, Any]:
        """Return the outcome of an operation that failed; a defect is also logged."""
        if not isinstance(exception, SCIMException):
            log.error("a bulk operation failed by a defect", exc_info=exception)
        return super().bulk_failure(outcome, exception)

    # -- errors --------------------------------------------------------------

    @staticmethod
    def error_of(exception: Exception) -> Error:
        """Return the SCIM error of an exception, its detail with what to do (RFC 7644 §3.12)."""
        return _with_remedy(ScimService.error_of(exception))


def _with_remedy(error: Error) -> Error:
    if error.detail is None:
        return error
    return error.model_copy(update={"detail": with_remedy(error.detail, error.scim_type)})


def _check_targets(patch_op: "PatchOp[Any]") -> None:
    """Refuse a path that no schema declares.

    Attributes that nobody declares are dropped from values, as providers send them along. A path
    is what an operation is about: ignoring one would answer 200 to a typing error.

    Raises:
        InvalidPathException: (400) naming the operation and its path (RFC 7644 §3.5.2).
    """
    for index, operation in enumerate(patch_op.operations or []):
        path = operation.path
        if path is not None and path.model is None and path.resolve() is None:
            raise InvalidPathException(
                path=str(path),
                detail=f"Operations[{index}]: '{path}' is no attribute of the resource. Check its "
                "spelling, and write an extension's attribute with the extension's URN.",
            )


def _retold(refusal: SCIMException) -> SCIMException:
    """Return a refusal in our words, if it stands for a failed validation."""
    cause = refusal.__cause__
    return told(cause) if isinstance(cause, ValidationError) else refusal


def _sent_operations(body: bytes) -> list[Any]:
    """Return the operations of a PATCH or Bulk request as they were sent, none if unreadable."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    for key, value in document.items() if isinstance(document, dict) else ():
        if key.lower() == "operations" and isinstance(value, list):
            return value
    return []


def _check_paths(body: bytes) -> None:
    for operation in _sent_operations(body):
        for name, value in operation.items() if isinstance(operation, dict) else ():
            if name.lower() == "path":
                check_path_text(value)


def _refuse_hidden(search_filter: "ScimFilter[Any]", models: list[type[Resource[Any]]]) -> None:
    """Refuse a filter on a write-only attribute: each answer would tell something of its value.

    Raises:
        InvalidFilterException: (400) naming the attribute (RFC 7643 §4.1.1, password).
    """
    for term in terms(search_filter.ast):
        for model in models:
            binding = Path.__class_getitem__(model)(str(term.attr_path)).resolve()
            if binding is not None and binding.model._is_hidden(binding.field_name):
                raise InvalidFilterException(
                    detail=f"{term.attr_path}: is write-only and cannot be filtered by. Leave it "
                    "out of the filter."
                )
