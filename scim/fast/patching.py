"""PATCH requests that only set plain attributes, which is most of what identity providers send.

Setting a string or a boolean of a user can break no rule of the schema beyond its type, so such a
request needs no model of the resource: it is told here, and applied to the stored document. Every
other request, and every one that is in the least unusual, is left to the protocol engine. A
property test shows that nobody can tell which of the two has answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from scim2_models import BaseModel, Mutability, Resource, Uniqueness

PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MEDIA_TYPES = frozenset({"application/scim+json", "application/json"})
SETTING = frozenset({"add", "replace"})
MOST = 50
"""Operations of a request; one with more is left to the engine."""

LEFT_OUT = frozenset({"id", "externalId", "userName", "password", "schemas", "meta"})
"""Attributes that are unique, kept elsewhere, or more than a value."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a document keeps a plain attribute.

    Attributes:
        holder: the JSON name of what holds it: a complex attribute, or the URN of an extension;
            ``None`` for the resource itself.
        name: its own JSON name.
        kind: ``str`` or ``bool``.
        schema: the URN of the extension it belongs to, if any.
    """

    holder: str | None
    name: str
    kind: type
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attribute, and what it is set to."""

    slot: Slot
    value: str | bool

    def apply(self, content: dict[str, Any]) -> None:
        """Set it in the JSON of a resource."""
        slot = self.slot
        owner = content if slot.holder is None else content.setdefault(slot.holder, {})
        owner[slot.name] = self.value
        if slot.schema is not None and slot.schema not in content["schemas"]:
            content["schemas"] = [*content["schemas"], slot.schema]


class PlainPatches:
    """Tells which PATCH requests of one resource type only set plain attributes.

    Args:
        model: of the resource type, extensions included.
    """

    def __init__(self, model: type[Resource[Any]]) -> None:
        self._slots = _slots(model)
        self._top = {slot.name: slot for slot in self._slots.values() if slot.holder is None}

    def read(self, body: bytes, content_type: str | None) -> list[Assignment] | None:
        """Return what a request sets, in order, or ``None`` if it does anything else."""
        media_type = (content_type or "").partition(";")[0].strip().lower()
        if media_type not in MEDIA_TYPES or len(body) > 65_536:
            return None
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(request, dict) or len(request) != 2:
            return None
        operations = request.get("Operations")
        if request.get("schemas") != [PATCH_URN] or not isinstance(operations, list):
            return None
        return self._assignments(operations) if 0 < len(operations) <= MOST else None

    def _assignments(self, operations: list[Any]) -> list[Assignment] | None:
        found: list[Assignment] = []
        for each in operations:
            told = self._of(each) if isinstance(each, dict) else None
            if told is None:
                return None
            found += told
        return found

    def _of(self, operation: dict[str, Any]) -> list[Assignment] | None:
        op, path = operation.get("op"), operation.get("path")
        if not isinstance(op, str) or op.lower() not in SETTING or "value" not in operation:
            return None
        value = operation["value"]
        if "path" not in operation:
            return self._of_object(value) if len(operation) == 2 else None
        if len(operation) != 3 or not isinstance(path, str):
            return None
        slot = self._slots.get(path)
        return [Assignment(slot, value)] if slot and _fits(slot, value) else None

    def _of_object(self, value: Any) -> list[Assignment] | None:
        """Return what an operation without a path sets: a plain attribute of the resource each."""
        if not isinstance(value, dict) or not value:
            return None
        found = []
        for name, one in value.items():
            slot = self._top.get(name)
            if slot is None or not _fits(slot, one):
                return None
            found.append(Assignment(slot, one))
        return found


def _fits(slot: Slot, value: Any) -> bool:
    return value.__class__ is slot.kind and value != ""


def _slots(model: type[Resource[Any]]) -> Mapping[str, Slot]:
    """Return the plain attributes of a model by the paths that name them."""
    slots: dict[str, Slot] = {}
    core = str(cast(Any, model).__schema__)
    for slot in _plain(model, None, None):
        slots[slot.name] = slots[f"{core}:{slot.name}"] = slot
    for name, inner in _complex(model):
        for slot in _plain(inner, name, None):
            path = f"{name}.{slot.name}"
            slots[path] = slots[f"{core}:{path}"] = slot
    for urn, extension in model.get_extension_models().items():
        for slot in _plain(extension, str(urn), str(urn)):
            slots[f"{urn}:{slot.name}"] = slot
    return slots


def _plain(model: type[BaseModel], holder: str | None, schema: str | None) -> list[Slot]:
    declared = cast(Any, model)
    found = []
    for field in declared.model_fields:
        name, kind = str(declared._scim_name(field)), declared.get_field_root_type(field)
        if name in LEFT_OUT or kind not in (str, bool) or declared.get_field_multiplicity(field):
            continue
        writable = declared.get_field_annotation(field, Mutability) == Mutability.read_write
        free = declared.get_field_annotation(field, Uniqueness) == Uniqueness.none
        if writable and free:
            found.append(Slot(holder, name, kind, schema))
    return found


def _complex(model: type[BaseModel]) -> list[tuple[str, type[BaseModel]]]:
    """Return the singular complex attributes that a client may write, with their models."""
    declared = cast(Any, model)
    found = []
    for field in declared.model_fields:
        kind = declared.get_field_root_type(field)
        is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
        if not is_model or "schemas" in kind.model_fields or declared.get_field_multiplicity(field):
            continue
        name = str(declared._scim_name(field))
        writable = declared.get_field_annotation(field, Mutability) == Mutability.read_write
        if writable and name not in LEFT_OUT:
            found.append((name, kind))
    return found
