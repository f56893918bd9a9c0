"""Bulk requests whose operations refer to each other in a circle (RFC 7644 §3.7.1).

An operation in a circle becomes two steps: the resource is created without the references that
cannot be resolved yet, and gets them by a PATCH once all resources of the circle are there. A
circle is one unit: when one of its operations fails, none of its resources exists.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel
from scim2_models import (
    BulkOperation,
    ConflictException,
    Context,
    PatchOp,
    Resource,
)
from scim2_server.bulk import BulkPlan, BulkStep

from scim.bulk_order import components
from scim.bulk_references import (
    AnyOperation,
    Finder,
    Links,
    replaced,
    replaced_in_operation,
    without_references,
)


@dataclass(frozen=True)
class CircleStep(BulkStep):
    """Operations that refer to each other, at these positions in the request."""

    indices: tuple[int, ...] = ()


@dataclass(frozen=True)
class CreateStep(BulkStep):
    """The creation of a resource without the references that cannot be resolved yet."""


@dataclass(frozen=True)
class LinkStep(BulkStep):
    """The PATCH that adds the references that the creation left out."""


class GatewayBulkPlan(BulkPlan):
    """scim2-server's plan, with circles, and with references at every place of an operation."""

    def __init__(self, operations: list[AnyOperation], fail_on_errors: int | None) -> None:
        self._reduced: dict[int, AnyOperation] = {}
        self._links: dict[int, Links] = {}
        super().__init__(operations, fail_on_errors)

    # -- order ---------------------------------------------------------------

    def plan_steps(self) -> list[BulkStep]:
        """Order the operations so that a creation comes before those that refer to it.

        Operations that refer to each other in a circle make up one step.
        """
        steps: list[BulkStep] = []
        for component in components(len(self.operations), self.dependencies):
            first = component[0]
            if len(component) > 1 or first in self.dependencies(first):
                steps.append(CircleStep(first, tuple(sorted(component))))
            else:
                steps.append(BulkStep(first))
        return steps

    @staticmethod
    def references(operation: AnyOperation) -> list[str]:
        """Return the bulkIds that an operation refers to, in order."""
        finder = Finder()
        replaced_in_operation(operation, finder)
        return finder.found

    # -- circles -------------------------------------------------------------

    def creations_of(self, circle: CircleStep) -> Iterator[BulkStep]:
        """Yield the creations of a circle; each leaves out what was not created before it."""
        for index in circle.indices:
            operation = self.operations[index]
            data, links = without_references(cast(Resource[Any], operation.data), self._unknown)
            self._reduced[index] = operation.model_copy(update={"data": data})
            self._links[index] = links
            yield CreateStep(index)

    def links_of(self, circle: CircleStep) -> Iterator[BulkStep]:
        """Yield the steps that add the references which the creations left out."""
        for index in circle.indices:
            if self._links[index]:
                yield LinkStep(index)

    def undo(self, circle: CircleStep) -> None:
        """Forget what was recorded of a circle."""
        for index in circle.indices:
            self.results.pop(index, None)
            self.created.pop(str(self.operations[index].bulk_id), None)

    def _unknown(self, bulk_id: str) -> bool:
        return bulk_id in self.creations and bulk_id not in self.created

    # -- resolving -----------------------------------------------------------

    def operation(self, step: BulkStep) -> AnyOperation:
        """Return the operation of a step."""
        if isinstance(step, CreateStep):
            return self._reduced[step.index]
        return super().operation(step)

    def resolve(self, step: BulkStep) -> AnyOperation:
        """Return the operation of a step with ids in place of references.

        The library's own resolution comes first, for what it refuses. It does not look into the
        filters of PATCH paths, nor into URIs.

        Raises:
            InvalidValueException: a POST uses the bulkId of an earlier one.
            ConflictException: a resource that the operation refers to was not created.
        """
        if isinstance(step, LinkStep):
            return self._link(step.index)
        super().resolve(step)
        return replaced_in_operation(self.operation(step), self)

    def id_of(self, bulk_id: str) -> str:
        """Return the id of what a POST created.

        Raises:
            ConflictException: (409) nothing was created.
        """
        if bulk_id not in self.created:
            raise ConflictException(detail=f"No resource was created with the bulkId {bulk_id}")
        return str(self.created[bulk_id].id)

    def location_of(self, bulk_id: str) -> str:
        """Return where that is, relative to the SCIM root."""
        endpoint = str(self.operations[self.creations[bulk_id]].path).strip("/")
        return f"{endpoint}/{self.id_of(bulk_id)}"

    def _link(self, index: int) -> AnyOperation:
        """Return the PATCH that completes a resource of a circle."""
        operation = self.operations[index]
        created = self.created[str(operation.bulk_id)]
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [
                {"op": "add", "path": path, "value": self._linked(value)}
                for path, value in self._links[index]
            ],
        }
        patch = _patch_model(type(operation.data)).model_validate(
            body, scim_ctx=Context.RESOURCE_PATCH_REQUEST
        )
        path = f"{str(operation.path).rstrip('/')}/{created.id}"
        return _with(operation, method=BulkOperation.Method.patch, path=path, data=patch)

    def _linked(self, value: Any) -> Any:
        resolved = replaced(value, self)
        if isinstance(resolved, list):
            return [_payload(item) for item in resolved]
        return _payload(resolved)


def _with(operation: AnyOperation, **updates: Any) -> AnyOperation:
    return operation.model_copy(update=updates)


def _payload(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value


def _patch_model(model: Any) -> Any:
    return PatchOp.__class_getitem__(model)
