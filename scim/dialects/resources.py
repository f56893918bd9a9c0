"""What is meant by the schema URNs and the root of a resource."""

import re
from typing import Any

from scim.dialects.catalogue import ENTERPRISE, Shape
from scim.dialects.operations import into_extension, key_of

_OLD_CORE = re.compile(
    r"urn:(?:scim:schemas:core:[12]\.0|ietf:params:scim:schemas:core:2\.0)", re.I
)
_OLD_ENTERPRISE = re.compile(r"urn:scim:schemas:extension:enterprise:[12]\.0(?::User)?", re.I)
_FOREIGN = "http://schemas.microsoft.com/2006/11/resourcemanagement/adscim/"


def current_urns(document: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Write today's URNs for those of SCIM 1.1 and of the drafts, listed or as keys."""
    renamed = {_current(key, shape): item for key, item in document.items()}
    key = key_of(renamed, "schemas")
    listed = renamed.get(key) if key else None
    if key and isinstance(listed, list):
        current = [_current(urn, shape) if isinstance(urn, str) else urn for urn in listed]
        if current != listed:
            renamed[key] = _once(current)
    return renamed if renamed != document else document


def without_foreign_urns(document: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Drop Microsoft's own URNs of resource types, which name no attribute."""
    key = key_of(document, "schemas")
    listed = document[key] if key else None
    if not key or not isinstance(listed, list):
        return document
    kept = [urn for urn in listed if not (isinstance(urn, str) and _is_foreign(urn))]
    if len(kept) == len(listed):
        return document
    return {**document, key: kept if shape.urn in kept else [shape.urn, *kept]}


def without_null_schemas(document: dict[str, Any], shape: Shape) -> dict[str, Any]:  # noqa: ARG001
    """Drop ``schemas`` when it is null: the engine accepts a body without."""
    key = key_of(document, "schemas")
    if key is None or document[key] is not None:
        return document
    return {name: item for name, item in document.items() if name != key}


def root_of_extension(document: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Move extension attributes at the root of a resource into their extension."""
    return into_extension(document, shape, nulls=False)


def _current(urn: str, shape: Shape) -> str:
    if _OLD_ENTERPRISE.fullmatch(urn):
        return ENTERPRISE if ENTERPRISE.lower() in shape.extensions else urn
    name = shape.urn.rpartition(":")[2]
    core = urn[: -len(name) - 1] if urn.lower().endswith(f":{name.lower()}") else urn
    if urn.lower() != shape.urn.lower() and _OLD_CORE.fullmatch(core):
        return shape.urn
    return urn


def _is_foreign(urn: str) -> bool:
    return urn.lower().startswith(_FOREIGN)


def _once(items: list[Any]) -> list[Any]:
    return [item for index, item in enumerate(items) if item not in items[:index]]
