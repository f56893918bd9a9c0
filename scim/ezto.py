"""What ezto auth itself knows of a user, as a read-only extension of User (RFC 7643 §3.3)."""

from collections.abc import Mapping
from typing import Annotated, Any

from scim2_models import URN, CaseExact, ComplexAttribute, Extension, Mutability

EZTO_USER_URN = "urn:ezto:params:scim:schemas:extension:1.0:User"

EMAIL_VERIFIED = f"{EZTO_USER_URN}:emailVerified"
"""Full path (RFC 7644 §3.10) of what a plan says about verification in before and after."""

INVITE_STATUS = f"{EZTO_USER_URN}:inviteStatus"
"""Full path of what a plan says about the invitation in before and after."""

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


def enrollment_address(document: Mapping[str, Any]) -> str | None:
    """Return the address that a user's enrollment is about: the primary one, else that of work.

    Args:
        document: a SCIM User as JSON, or what a mapping makes of a source object.

    Returns:
        the address as it is written, or ``None`` when the user has neither.
    """
    entries = [each for each in document.get("emails") or () if isinstance(each, Mapping)]
    primary = [each for each in entries if each.get("primary") is True]
    work = [each for each in entries if str(each.get("type") or "").lower() == "work"]
    for entry in (*primary, *work):
        address = str(entry.get("value") or "").strip()
        if address:
            return address
    return None
