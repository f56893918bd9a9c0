"""What is meant by values that do not have the type of their attribute."""

from typing import Any

from scim.dialects.catalogue import Attribute

_BOOLEANS = {"true": True, "false": False}
_LABELS = frozenset({"value", "type", "primary", "display"})


def boolean_of_string(value: Any, _: Attribute) -> Any:
    """Read ``"True"`` and ``"False"``, in any case, as the booleans they name."""
    return _BOOLEANS.get(value.lower(), value) if isinstance(value, str) else value


def absent_if_empty(value: Any, _: Attribute) -> Any:
    """Read an empty string as no value."""
    return None if value == "" else value


def manager_reference(value: Any, _: Attribute) -> Any:
    """Turn the id of a manager, alone or in an array, into the complex value of RFC 7643 §4.3.

    An empty id means that there is no manager. A reference that was left out is the relative one
    to the user, which the protocol engine publishes as a URL.
    """
    if isinstance(value, list) and len(value) <= 1:
        item = value[0] if value else None
        value = value if isinstance(item, list) else item
    if isinstance(value, str):
        value = {"value": value}
    if not isinstance(value, dict):
        return value
    names = {key.lower(): key for key in value}
    manager_id = value.get(names.get("value", "value"))
    if manager_id is None or manager_id == "":
        return value if value.get(names.get("$ref", "$ref")) else None
    if not isinstance(manager_id, str) or value.get(names.get("$ref", "$ref")):
        return value
    kept = {key: item for key, item in value.items() if key.lower() != "$ref"}
    return {**kept, "$ref": f"Users/{manager_id}"}


def elements(value: Any, attribute: Attribute) -> Any:
    """Turn strings into the elements whose ``value`` they are.

    Empty strings are no elements; only in ``members`` they stay, so that nothing that says
    nothing ever empties a group.
    """
    if isinstance(value, str) and value:
        return [{"value": value}]
    if isinstance(value, list) and any(isinstance(item, str) for item in value):
        said = (item for item in value if item != "" or attribute.name == "members")
        return [{"value": item} if isinstance(item, str) else item for item in said]
    return value


def without_empty_elements(value: Any, _: Attribute) -> Any:
    """Drop elements that are null, or whose ``value`` is and that only hold labels beside it."""
    if not isinstance(value, list):
        return value
    kept = [item for item in value if not _says_nothing(item)]
    return value if len(kept) == len(value) else kept


def _says_nothing(item: Any) -> bool:
    if not isinstance(item, dict):
        return item is None
    assigned = {key.lower(): each for key, each in item.items()}
    return "value" in assigned and assigned["value"] is None and assigned.keys() <= _LABELS
