"""Maps the attributes of a Graph user to a SCIM user.

Sources: Microsoft Graph: user resource type; RFC 7643 §4.1 and §4.3; the table in ``table``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure_adapter.mapping.table import ENTERPRISE, USER_SCHEMA, USER_TABLE, Row, Shape
from azure_adapter.mapping.text import LENGTH_LIMIT, MappingProblem, Reading, folded


@dataclass(frozen=True, slots=True)
class MappedUser:
    """A source user as a SCIM user.

    Attributes:
        document: SCIM JSON with ``schemas``; empty attributes are omitted. ``externalId`` and
            the manager are references and not in it. Without a known ``accountEnabled`` it has
            no ``active``.
        user_name: The userName, or None (then there is a problem).
        email: The work address, or None.
        manager: Source id of the manager, or None.
        notes: What was stripped, cut or left out.
        problems: Why no SCIM user can be made of it; empty when one can.
    """

    document: dict[str, Any]
    user_name: str | None
    email: str | None
    manager: str | None
    notes: tuple[str, ...] = ()
    problems: tuple[MappingProblem, ...] = ()


def map_user(attributes: Mapping[str, Any]) -> MappedUser:
    """Map the attributes of one user; total and deterministic for any JSON, never raises.

    Args:
        attributes: Graph properties by name. One that is missing, null, empty or of a wrong
            type is omitted from the document.
    """
    reading = Reading()
    document: dict[str, Any] = {"schemas": [USER_SCHEMA]}
    for row in USER_TABLE:
        value = _value(attributes, row.source)
        if value is not None:
            _map_row(document, row, value, reading)
    if ENTERPRISE in document:
        document["schemas"].append(ENTERPRISE)
    problems = _check_user_name(document)
    emails = document.get("emails", ())
    return MappedUser(
        document,
        document.get("userName"),
        next((one["value"] for one in emails if one["type"] == "work"), None),
        reading.text(attributes.get("manager"), "manager"),
        tuple(dict.fromkeys(reading.notes)),
        problems,
    )


def _value(attributes: Mapping[str, Any], source: str) -> Any:
    """Return a property, or a member of a complex one; None when there is none."""
    name, _, member = source.partition("/")
    value = attributes.get(name)
    if not member:
        return value
    return value.get(member) if isinstance(value, Mapping) else None


def _map_row(document: dict[str, Any], row: Row, value: Any, reading: Reading) -> None:
    for item in _read(row, value, reading):
        if row.attribute == "emails":
            _add_email(document, row, item)
        elif row.type:
            _typed(document, row)[row.sub] = item
        elif row.sub:
            document.setdefault(row.attribute, {})[row.sub] = item
        else:
            document[row.attribute] = item


def _read(row: Row, value: Any, reading: Reading) -> list[Any]:
    """Read the value of a row; an empty list when there is nothing to map."""
    source = row.source
    if row.shape is Shape.flag:
        return _known(reading.flag(value, source))
    if row.shape is Shape.first:
        return reading.texts(value, source)[:1]
    if row.shape is Shape.emails:
        read = [reading.email(one, source) for one in reading.texts(value, source)]
        return [one for one in read if one is not None]
    if row.shape is Shape.proxies:
        read = [reading.proxy(one, source) for one in reading.texts(value, source)]
        return [one for one in read if one is not None]
    text = reading.text(value, source)
    if row.shape is Shape.email:
        return _known(reading.email(text, source))
    if row.shape is Shape.user_name:
        return _known(reading.user_name(text))
    return _known(reading.cut(text, source) if row.attribute == "displayName" else text)


def _known(value: Any) -> list[Any]:
    return [] if value is None else [value]


def _typed(document: dict[str, Any], row: Row) -> dict[str, Any]:
    """Return the value of the row's type in a multi-valued attribute, added when missing."""
    values: list[dict[str, Any]] = document.setdefault(row.attribute, [])
    for value in values:
        if value["type"] == row.type:
            return value
    values.append({"type": row.type})
    return values[-1]


def _add_email(document: dict[str, Any], row: Row, address: str) -> None:
    """Add an address unless it is there already, compared without case."""
    emails: list[dict[str, Any]] = document.setdefault("emails", [])
    if any(folded(one["value"]) == folded(address) for one in emails):
        return
    email: dict[str, Any] = {"value": address, "type": row.type}
    if row.primary:
        email["primary"] = True
    emails.append(email)


def _check_user_name(document: dict[str, Any]) -> tuple[MappingProblem, ...]:
    """Say why a document has no usable userName; an unusable one is taken out of it."""
    name = document.get("userName")
    if name is None:
        return (
            MappingProblem(
                "no_user_name",
                "The user has no userPrincipalName, and a user needs a userName.",
                "Give the user a userPrincipalName in Microsoft Entra.",
            ),
        )
    if len(name) <= LENGTH_LIMIT:
        return ()
    del document["userName"]
    return (
        MappingProblem(
            "user_name_too_long",
            f"The userPrincipalName has {len(name)} characters; at most {LENGTH_LIMIT} are kept.",
            "Shorten the user's userPrincipalName in Microsoft Entra.",
        ),
    )
