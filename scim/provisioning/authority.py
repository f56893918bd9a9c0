"""Sources and authority: who may write what.

Each resource has one *authority*, a :class:`Source`. It alone writes the profile, ``active`` and
the deletion; other sources only contribute (they own their ``externalId`` and their groups).
"""

from dataclasses import dataclass
from enum import StrEnum

from scim2_models import ForbiddenException


class SourceKind(StrEnum):
    """What kind of provisioning source writes."""

    scim_client = "scim_client"
    """An identity provider that pushes with a bearer token."""

    user_sync = "user_sync"
    """A user sync that pulls from a directory."""

    dashboard = "dashboard"
    """An administrator in the dashboard, or an operator with the CLI."""


@dataclass(frozen=True, slots=True)
class Source:
    """One provisioning source of a workspace, and the identity of an authority.

    Attributes:
        kind: what kind of source it is.
        id: its id (of the SCIM client or user sync); empty for the dashboard.
    """

    kind: SourceKind
    id: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.id}" if self.id else self.kind.value

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read the form that ``str()`` gives, as stored in the ``authority`` column."""
        kind, _, source_id = text.partition(":")
        return cls(SourceKind(kind), source_id)


DASHBOARD = Source(SourceKind.dashboard)
"""The authority of what an administrator makes by hand."""


def check_authority(resource_type: str, authority: Source, writer: Source) -> None:
    """Refuse a write to a profile by a source that is not the resource's authority.

    Groups are never joined or taken over; for users the dashboard's own authority yields to
    nobody here, since only matching (in the planner) may take a user over.

    Raises:
        ForbiddenException: (403) naming the authority and the remedy.
    """
    if authority == writer:
        return
    raise ForbiddenException(
        detail=f"This {resource_type} belongs to another provisioning source ({authority}), which "
        "alone may change or delete it. Change it there, or have an administrator move the "
        "authority to this source."
    )
