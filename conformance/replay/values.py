"""Fill templates: ``{user.id}`` in a string, a key or a path stands for a captured value."""

import re
from collections.abc import Mapping
from typing import Any

from conformance.replay.paths import find

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ALIASES: dict[str, Any] = {
    "E": ENTERPRISE,
    "USER": "urn:ietf:params:scim:schemas:core:2.0:User",
    "GROUP": "urn:ietf:params:scim:schemas:core:2.0:Group",
    "PATCH": "urn:ietf:params:scim:api:messages:2.0:PatchOp",
    "SEARCH": "urn:ietf:params:scim:api:messages:2.0:SearchRequest",
    "BULK": "urn:ietf:params:scim:api:messages:2.0:BulkRequest",
    "LIST": "urn:ietf:params:scim:api:messages:2.0:ListResponse",
    "ERROR": "urn:ietf:params:scim:api:messages:2.0:Error",
}
"""Names that every template knows."""

_FIELD = re.compile(r"\{([A-Za-z_][\w-]*(?:\.[\w$*-]+)*)\}")


class Unfilled(Exception):
    """A template names something that was not captured."""


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """A template with its fields filled, at any depth, in keys as well as in values.

    Raises:
        Unfilled: a field's value is not there.
    """
    if isinstance(template, str):
        return _fill_text(template, values)
    if isinstance(template, list):
        return [fill(each, values) for each in template]
    if isinstance(template, dict):
        return {_fill_text(key, values): fill(each, values) for key, each in template.items()}
    return template


def text(template: Any, values: Mapping[str, Any]) -> str:
    """A string from a template: a string, a repetition, or a list of them.

    ``{"repeat": "[", "times": 500}`` stands for five hundred brackets.
    """
    if isinstance(template, list):
        return "".join(text(each, values) for each in template)
    if isinstance(template, dict):
        return text(template["repeat"], values) * int(template["times"])
    return str(fill(template, values))


def _fill_text(template: str, values: Mapping[str, Any]) -> Any:
    whole = _FIELD.fullmatch(template)
    if whole:
        return _value(whole[1], values)
    return _FIELD.sub(lambda match: str(_value(match[1], values)), template)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    head, _, rest = name.partition(".")
    found = find(values.get(head, ALIASES.get(head)), rest.replace(".", "/"))
    if not found or found[0] is None:
        raise Unfilled(f"the server gave no {name}")
    return found[0]
