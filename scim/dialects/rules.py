"""What a rule is: one deviation of identity providers, as data."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from scim.dialects.catalogue import Attribute

PROFILES = frozenset({"generic", "entra", "okta"})
"""The profiles of SCIM clients; a rule holds for all of them unless it names some."""


class Place(Enum):
    """Where in a request a rule looks, in the order in which rules are applied."""

    query = "query"
    """The parameters of a search, in the query string or in the body of ``.search``."""
    resource = "resource"
    """A whole resource: the body of POST and PUT."""
    operation = "operation"
    """A PATCH operation as it was sent."""
    value = "value"
    """The value of an attribute, in a resource or written by a PATCH operation."""
    written = "written"
    """A PATCH operation whose value has been through the rules on values."""


RESOURCE = frozenset({"resource"})
PATCH = frozenset({"patch"})
BODIES = RESOURCE | PATCH


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One deviation from the RFCs, and what its sender means by it.

    Attributes:
        name: how tests and people call it.
        source: where it is documented or was reported.
        place: where in a request it looks.
        mend: turns what was sent into what is meant. It gets the thing at the place and what it
            belongs to (the :class:`Attribute` of a value, else the ``Shape`` of the resource
            type), returns the very same object when there is nothing to mend, and never changes
            what it was given.
        about: the attributes whose values it mends; only for ``Place.value``.
        bodies: the kinds of body it is about.
        marks: bytes in lower case, one of which is in every body that it concerns. A body without
            is not parsed on its account. No marks: it may concern any body of its kind.
        profiles: of the SCIM clients it is limited to.
    """

    name: str
    source: str
    place: Place
    mend: Callable[[Any, Any], Any]
    about: Callable[[Attribute], bool] = lambda _: True
    bodies: frozenset[str] = BODIES
    marks: tuple[bytes, ...] = ()
    profiles: frozenset[str] = PROFILES
