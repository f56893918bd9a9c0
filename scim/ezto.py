"""What ezto auth itself knows of a user, as a read-only extension of User (RFC 7643 §3.3)."""

from typing import Annotated

from scim2_models import URN, CaseExact, ComplexAttribute, Extension, Mutability

EZTO_USER_URN = "urn:ezto:params:scim:schemas:extension:1.0:User"

READ_ONLY = Mutability.read_only


class SyncedFrom(ComplexAttribute):
    """A provisioning source that feeds the user."""

    value: Annotated[str | None, READ_ONLY, CaseExact.true] = None
    """The id of the provisioning source."""

    display: Annotated[str | None, READ_ONLY, CaseExact.true] = None
    """The name of the provisioning source."""

    type: Annotated[str | None, READ_ONLY, CaseExact.true] = None
    """The kind of the provisioning source: "scim_client" or "user_sync"."""


class EztoUser(Extension):
    """What ezto auth knows of a user: verification, invitation, provisioning sources."""

    __schema__ = URN(EZTO_USER_URN)

    email_verified: Annotated[bool | None, READ_ONLY] = None
    """Whether the user has proven to own the primary e-mail address."""

    invite_status: Annotated[str | None, READ_ONLY, CaseExact.true] = None
    """How far the user's invitation has come."""

    synced_from: Annotated[list[SyncedFrom] | None, READ_ONLY] = None
    """The provisioning sources that feed the user, its authority first."""
