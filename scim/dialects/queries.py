"""What is meant by search parameters that are empty or name attributes without their URN."""

import re
from typing import Any

from scim.dialects.catalogue import ENTERPRISE, USER, Shape

PARAMETERS = frozenset(
    {"attributes", "excludedattributes", "filter", "sortby", "sortorder", "startindex", "count"}
)
"""The parameters of a search that may be left out. An empty ``cursor`` asks for the first page."""

_NAMING = frozenset({"attributes", "excludedattributes", "filter", "sortby"})

_NAMES = "|".join(
    each.name for each in USER.extensions[ENTERPRISE.lower()].values() if USER.misplaced(each.name)
)
_FOLDED = tuple(_NAMES.lower().split("|"))
_OPERATOR = r"\s+(?:eq|ne|co|sw|ew|gt|ge|lt|le)(?![\w$-])"
_STRING = r'"(?:[^"\\]|\\.)*+"?'
_BARE = re.compile(
    rf"{_STRING}|\[(?:{_STRING}|[^\]\"])*+\]?"
    rf"|(?:(?P<urn>{re.escape(ENTERPRISE)}:)|(?<![\w$:.-]))"
    rf"(?P<name>{_NAMES})(?![\w$:\[-])(?P<compared>(?<=manager)(?={_OPERATOR}))?",
    re.I | re.S,
)
"""Strings and value paths, to step over, or an enterprise attribute outside of them."""


def without_empty(parameters: dict[str, Any], shape: Shape | None) -> dict[str, Any]:  # noqa: ARG001
    """Leave out parameters that are empty."""
    kept = {
        key: item
        for key, item in parameters.items()
        if key.lower() not in PARAMETERS or not (isinstance(item, str) and not item.strip())
    }
    return parameters if len(kept) == len(parameters) else kept


def qualified(parameters: dict[str, Any], shape: Shape | None) -> dict[str, Any]:
    """Give enterprise attributes their URN, and compare a manager by its id.

    A search of groups knows no enterprise attribute and keeps its error.
    """
    if shape is not None and not shape.extensions:
        return parameters
    mended = {
        key: _qualified(item) if key.lower() in _NAMING else item
        for key, item in parameters.items()
    }
    return parameters if mended == parameters else mended


def _qualified(item: Any) -> Any:
    if isinstance(item, list):
        return [_qualified(each) for each in item]
    if not isinstance(item, str):
        return item
    folded = item.lower()
    for name in _FOLDED:
        if name in folded:
            return _BARE.sub(_expanded, item)
    return item


def _expanded(found: "re.Match[str]") -> str:
    if found["name"] is None:
        return found[0]
    suffix = ".value" if found["compared"] is not None else ""
    return f"{found['urn'] or ENTERPRISE + ':'}{found['name']}{suffix}"
