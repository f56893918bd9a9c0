"""Values of SCIM attributes as people read them: old → new."""

from collections.abc import Mapping
from typing import Any

import orjson


def differences(before: Mapping[str, Any], after: Mapping[str, Any], longest: int) -> list[str]:
    """Return ``attribute old → new`` for each attribute of either, in order.

    Args:
        before: the attributes that change, as they were.
        after: the same, as they will be.
        longest: how many characters of a value are shown.
    """
    names = dict.fromkeys([*before, *after])
    return [_difference(name, before.get(name), after.get(name), longest) for name in names]


def _difference(name: str, before: Any, after: Any, longest: int) -> str:
    """Return one attribute with its old and new value, or without them if too long to differ."""
    short = name.rpartition(":")[2]
    old, new = value_text(before, longest), value_text(after, longest)
    return short if old == new else f"{short} {old} → {new}"


def value_text(value: Any, longest: int) -> str:
    """Return any JSON value in at most so many characters."""
    if value is None:
        return "(none)"
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        value = ", ".join(str(each.get("value") or orjson.dumps(each).decode()) for each in value)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return cut(text, longest)


def cut(text: str, longest: int) -> str:
    """Return a text, with an ellipsis where it is longer than so many characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
