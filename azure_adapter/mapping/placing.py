"""Puts mapped values into a SCIM document, one at a time, in the order of the rows."""

from collections.abc import Callable
from typing import Any

from azure_adapter.mapping.targets import Target
from azure_adapter.mapping.text import folded

Document = dict[str, Any]
Place = Callable[[Document, Any], None]
"""Puts one value into a document."""


def placer(target: Target, primary: bool) -> Place:
    """Return how values of a target are put into a document.

    Args:
        target: What they are for.
        primary: Whether the first of them is the primary value of its attribute.
    """
    if target.attribute == "emails":
        return _email_placer(target, primary)
    if target.value_type:
        return _value_placer(target, primary) if target.many else _part_placer(target)
    if not target.sub:
        return _simple_placer(target.attribute)
    if target.many:
        return _list_placer(target)
    return _sub_placer(target)


def _simple_placer(attribute: str) -> Place:
    def place(document: Document, value: Any) -> None:
        document[attribute] = value

    return place


def _sub_placer(target: Target) -> Place:
    attribute, sub = target.attribute, target.sub

    def place(document: Document, value: Any) -> None:
        document.setdefault(attribute, {})[sub] = value

    return place


def _list_placer(target: Target) -> Place:
    def place(document: Document, value: Any) -> None:
        values = document.setdefault(target.attribute, {}).setdefault(target.sub, [])
        if value not in values:
            values.append(value)

    return place


def _part_placer(target: Target) -> Place:
    """Put a sub-attribute into the value of its type, which is added when it is missing."""
    attribute, sub, value_type = target.attribute, target.sub, target.value_type

    def place(document: Document, value: Any) -> None:
        values = document.setdefault(attribute, [])
        for one in values:
            if one["type"] == value_type:
                one[sub] = value
                return
        values.append({"type": value_type, sub: value})

    return place


def _value_placer(target: Target, primary: bool) -> Place:
    """Add a value unless one of its type is there already, compared without case."""

    def place(document: Document, value: Any) -> None:
        values = document.setdefault(target.attribute, [])
        kind, key = target.value_type, folded(value)
        if any(one["type"] == kind and folded(one["value"]) == key for one in values):
            return
        values.append({"type": kind, "value": value})
        _mark(values, primary)

    return place


def _email_placer(target: Target, primary: bool) -> Place:
    """Add an address unless it is there already, of whatever type, compared without case."""
    value_type = target.value_type

    def place(document: Document, value: Any) -> None:
        values = document.setdefault("emails", [])
        key = folded(value)
        for one in values:
            if folded(one["value"]) == key:
                return
        values.append({"value": value, "type": value_type})
        _mark(values, primary)

    return place


def _mark(values: list[Document], primary: bool) -> None:
    if primary and not any(one.get("primary") for one in values):
        values[-1]["primary"] = True
