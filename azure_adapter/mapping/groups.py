"""Maps the attributes of a Graph group to a SCIM group.

Sources: Microsoft Graph: group resource type; RFC 7643 §4.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure_adapter.mapping.table import GROUP_SCHEMA
from azure_adapter.mapping.text import MappingProblem, Reading


@dataclass(frozen=True, slots=True)
class MappedGroup:
    """A source group as a SCIM group.

    Attributes:
        document: SCIM JSON with ``schemas``, without members and ``externalId``.
        display_name: The displayName, or None (then there is a problem).
        notes: What was stripped or cut.
        problems: Why no SCIM group can be made of it; empty when one can.
    """

    document: dict[str, Any]
    display_name: str | None
    notes: tuple[str, ...] = ()
    problems: tuple[MappingProblem, ...] = ()


def map_group(attributes: Mapping[str, Any]) -> MappedGroup:
    """Map the attributes of one group; total and deterministic for any JSON, never raises."""
    reading = Reading()
    source = "displayName"
    name = reading.cut(reading.text(attributes.get(source), source), source)
    document: dict[str, Any] = {"schemas": [GROUP_SCHEMA]}
    problems: tuple[MappingProblem, ...] = ()
    if name is None:
        problems = (
            MappingProblem(
                "no_display_name",
                "The group has no displayName, and a group needs one.",
                "Give the group a name in Microsoft Entra.",
            ),
        )
    else:
        document["displayName"] = name
    return MappedGroup(document, name, tuple(reading.notes), problems)
