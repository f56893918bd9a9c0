"""Which properties the simulated resources have, and which of them come by default.

Sources: Microsoft Graph: user resource type, group resource type, device resource type,
"List users", "List groups", "user: delta", "group: delta".
"""

from __future__ import annotations

from typing import Final

USER_DEFAULTS: Final = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
"""The eleven user properties that come without ``$select``. Source: Microsoft Graph: List users."""

USER_PROPERTIES: Final = frozenset(USER_DEFAULTS) | {
    "accountEnabled",
    "ageGroup",
    "city",
    "companyName",
    "consentProvidedForMinor",
    "country",
    "createdDateTime",
    "creationType",
    "deletedDateTime",
    "department",
    "employeeHireDate",
    "employeeId",
    "employeeLeaveDateTime",
    "employeeOrgData",
    "employeeType",
    "externalUserState",
    "faxNumber",
    "imAddresses",
    "mailNickname",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesExtensionAttributes",
    "onPremisesImmutableId",
    "onPremisesSamAccountName",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "otherMails",
    "postalCode",
    "proxyAddresses",
    "showInAddressList",
    "state",
    "streetAddress",
    "usageLocation",
    "userType",
}
"""Every user property that ``$select`` may name. Source: Microsoft Graph: user resource type."""

GROUP_DEFAULTS: Final = (
    "id",
    "deletedDateTime",
    "classification",
    "createdDateTime",
    "creationOptions",
    "description",
    "displayName",
    "groupTypes",
    "mail",
    "mailEnabled",
    "mailNickname",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "securityEnabled",
    "visibility",
)
"""Group properties that come without ``$select``. Source: Microsoft Graph: List groups."""

GROUP_PROPERTIES: Final = frozenset(GROUP_DEFAULTS) | {
    "expirationDateTime",
    "isAssignableToRole",
    "membershipRule",
    "membershipRuleProcessingState",
    "onPremisesSamAccountName",
    "preferredLanguage",
    "renewedDateTime",
    "securityIdentifier",
}
"""Every group property that ``$select`` may name. Source: Microsoft Graph: group resource type."""

DEVICE_DEFAULTS: Final = (
    "id",
    "accountEnabled",
    "deviceId",
    "displayName",
    "operatingSystem",
    "operatingSystemVersion",
)
"""Device properties that come without ``$select``. Source: Microsoft Graph: device."""

DEFAULTS: Final[dict[str, tuple[str, ...]]] = {
    "user": USER_DEFAULTS,
    "group": GROUP_DEFAULTS,
    "device": DEVICE_DEFAULTS,
    "servicePrincipal": ("id", "displayName", "appId"),
    "orgContact": ("id", "displayName", "mail"),
}
"""Default properties by kind of directory object."""

KNOWN: Final[dict[str, frozenset[str]]] = {
    "user": frozenset(USER_PROPERTIES),
    "group": frozenset(GROUP_PROPERTIES),
    "device": frozenset(DEVICE_DEFAULTS),
    "servicePrincipal": frozenset({"id", "displayName", "appId"}),
    "orgContact": frozenset({"id", "displayName", "mail"}),
}
"""Known properties by kind of directory object."""

DELTA_RELATIONS: Final[dict[str, frozenset[str]]] = {
    "user": frozenset({"manager"}),
    "group": frozenset({"members", "owners"}),
}
"""Relations that a delta query may track. Source: Microsoft Graph: delta query overview."""

ALWAYS_COLLECTIONS: Final = frozenset(
    {
        "businessPhones",
        "otherMails",
        "proxyAddresses",
        "imAddresses",
        "groupTypes",
        "creationOptions",
    }
)
"""Collections: never null, ``[]`` when nothing is in them."""


def kind_of_collection(segment: str) -> str | None:
    """Name the kind behind a URL segment.

    Args:
        segment: ``users`` or ``groups`` (any case, as Graph accepts).

    Returns:
        ``user`` or ``group``; None for anything else.
    """
    return {"users": "user", "groups": "group"}.get(segment.lower())


def unknown_properties(kind: str, names: tuple[str, ...]) -> list[str]:
    """List selected names that the kind does not have, in the order asked."""
    return [name for name in names if name not in KNOWN[kind]]
