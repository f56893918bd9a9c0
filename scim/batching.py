"""Which operations of a batch can be done together, with the results they have one by one.

A sync applies thousands of creations, and as many changes of plain attributes and managers. Each
costs a handful of statements alone; together, a handful for all of them. Everything else is
applied alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from scim.fast.patching import Assignment, PlainPatches
from scim.provisioning.operations import Action, Operation

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
_ENTERPRISE, _, _NAME = MANAGER.rpartition(":")
_KEPT = frozenset({"value", "$ref"})

ASSIGNING = frozenset({Action.update, Action.disable, Action.assign_manager, Action.release_name})
"""Actions that may be plain changes, and mean nothing besides."""


class NotPlainError(Exception):
    """A change turned out to be more than an assignment once the resource was looked at."""


@dataclass(frozen=True, slots=True)
class ManagerAssignment:
    """The manager of a user, and what it is set to: an id, and its relative reference."""

    value: str

    def apply(self, content: dict[str, Any]) -> None:
        """Set it in the JSON of a user.

        Raises:
            NotPlainError: the manager has attributes that the protocol engine has to decide about.
        """
        enterprise = content.setdefault(_ENTERPRISE, {})
        if not _KEPT.issuperset(enterprise.get(_NAME) or {}):
            raise NotPlainError
        enterprise[_NAME] = {"value": self.value, "$ref": f"Users/{self.value}"}
        if _ENTERPRISE not in content["schemas"]:
            content["schemas"] = [*content["schemas"], _ENTERPRISE]


Change = Assignment | ManagerAssignment


@dataclass(frozen=True, slots=True)
class Creations:
    """Consecutive creations of resources of one type.

    Attributes:
        endpoint: of the type, without slashes.
        operations: in order.
    """

    endpoint: str
    operations: list[Operation]


@dataclass(frozen=True, slots=True)
class Changes:
    """Consecutive plain changes of different users: by id, in order."""

    changes: dict[str, list[Change]]
    operations: list[Operation]


Run = Creations | Changes | Operation


def runs(operations: Sequence[Operation], patches: PlainPatches) -> Iterator[Run]:
    """Yield the operations in order, those that can be done together as one.

    Args:
        operations: with their references resolved.
        patches: tells which changes of a user are plain.
    """
    together: Creations | Changes | None = None
    for operation in operations:
        if operation.action is Action.create and operation.method == "POST":
            endpoint = operation.path.strip("/")
            if not isinstance(together, Creations) or together.endpoint != endpoint:
                if together is not None:
                    yield together
                together = Creations(endpoint, [])
            together.operations.append(operation)
            continue
        changes = plain_changes(operation, patches)
        if changes is None:
            if together is not None:
                yield together
                together = None
            yield operation
            continue
        own = operation.path.rpartition("/")[2]
        if not isinstance(together, Changes) or own in together.changes:
            if together is not None:
                yield together
            together = Changes({}, [])
        together.changes[own] = changes
        together.operations.append(operation)
    if together is not None:
        yield together


def plain_changes(operation: Operation, patches: PlainPatches) -> list[Change] | None:
    """Return what a PATCH of a user sets, ``None`` if it does anything else."""
    if (
        operation.method != "PATCH"
        or operation.action not in ASSIGNING
        or operation.body is None
        or not operation.path.startswith("/Users/")
    ):
        return None
    manager = _manager(operation.body)
    if manager is not None:
        return [ManagerAssignment(manager)]
    read = patches.read(orjson.dumps(operation.body), "application/scim+json")
    return None if read is None else [*read]


def _manager(body: dict[str, Any]) -> str | None:
    """Return the manager that a PATCH of nothing else sets."""
    operations = body.get("Operations") or []
    if len(operations) != 1 or operations[0].get("path") != MANAGER:
        return None
    value = operations[0].get("value")
    if operations[0].get("op") != "replace" or not isinstance(value, dict):
        return None
    own = value.get("value")
    plain = isinstance(own, str) and own != "" and value == {"value": own, "$ref": f"Users/{own}"}
    return own if plain else None
