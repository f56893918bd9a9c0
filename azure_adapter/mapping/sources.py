"""The attributes of users and groups that a mapping may read, by Graph's and by Entra's names.

Sources: Microsoft Graph: user resource type, group resource type, onPremisesExtensionAttributes,
employeeOrgData, "Add custom data: directory extensions"; Entra: the attributes of the provisioning
service's source directory (objectDefinition), "B2B (guest) users" in "How provisioning works".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from azure_adapter.mapping.expressions import Failure, Value, suggestion
from azure_adapter.mapping.text import guest_address
from scim.provisioning.source import MANAGER, ObjectKind


class SourceType(StrEnum):
    """What a source attribute holds, and how it is read."""

    text = "text"
    """A string."""
    boolean = "boolean"
    """True or false."""
    date = "date"
    """A date and time, as ISO 8601 text."""
    texts = "texts"
    """Several strings."""
    phones = "phones"
    """Several strings by their type, of which Graph keeps at most one (businessPhones)."""
    phone = "phone"
    """The first of those."""
    guest = "guest"
    """A userPrincipalName; that of a guest is turned into the guest's own address."""
    proxies = "proxies"
    """Several addresses with a protocol in front; in an e-mail attribute only ``smtp:`` counts."""
    any = "any"
    """A directory extension: a text, number or boolean."""


@dataclass(frozen=True, slots=True)
class Source:
    """An attribute of the source that a mapping may read.

    Attributes:
        name: Its name in expressions and rows.
        type: What it holds.
        select: The Graph property that has to be selected; empty for ``id``, which always comes.
        member: Member of a complex property.
        inverted: The value is the opposite of the property's (IsSoftDeleted).
        same_as: Graph's name, when this is another name of the same attribute.
    """

    name: str
    type: SourceType = SourceType.text
    select: str = ""
    member: str = ""
    inverted: bool = False
    same_as: str = ""

    @property
    def many(self) -> bool:
        """Whether expressions see several values."""
        return self.type in _MANY

    def value(self, attributes: Mapping[str, Any]) -> Any:
        """Return the property's JSON value as it is; None when the object has none."""
        value = attributes.get(self.select or "id")
        if self.member:
            return value.get(self.member) if isinstance(value, Mapping) else None
        return value

    def read(self, attributes: Mapping[str, Any]) -> Value:
        """Return the value for an expression; null when there is none or it is of a wrong type."""
        return _READERS[self.type](self, self.value(attributes))


_MANY: Final = frozenset({SourceType.texts, SourceType.phones, SourceType.proxies})


def _text(_: Source, value: Any) -> Value:
    return value if isinstance(value, str) else None


def _boolean(source: Source, value: Any) -> Value:
    return value != source.inverted if isinstance(value, bool) else None


def _texts(_: Source, value: Any) -> Value:
    if not isinstance(value, list):
        return None
    return tuple(one for one in value if isinstance(one, str)) or None


def _phone(_: Source, value: Any) -> Value:
    texts = value if isinstance(value, list) else []
    return next((one for one in texts if isinstance(one, str) and one.strip()), None)


def _guest(_: Source, value: Any) -> Value:
    return guest_address(value) if isinstance(value, str) else None


def _any(_: Source, value: Any) -> Value:
    if isinstance(value, list):
        return _texts(_, value)
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value if isinstance(value, (str, bool, int)) else None


_READERS: Final[dict[SourceType, Callable[[Source, Any], Value]]] = {
    SourceType.text: _text,
    SourceType.date: _text,
    SourceType.boolean: _boolean,
    SourceType.texts: _texts,
    SourceType.phones: _texts,
    SourceType.phone: _phone,
    SourceType.proxies: _texts,
    SourceType.guest: _guest,
    SourceType.any: _any,
}


def _plain(names: str, kind: SourceType = SourceType.text) -> list[Source]:
    return [Source(name, kind, name) for name in names.split()]


def _alias(name: str, of: str, kind: SourceType = SourceType.text, **more: Any) -> Source:
    return Source(name, kind, of, same_as=of, **more)


_EXTENSION_ATTRIBUTES: Final = "onPremisesExtensionAttributes"
_NUMBERED: Final = [f"extensionAttribute{number}" for number in range(1, 16)]

_USER: Final = (
    Source("id"),
    Source("objectId", same_as="id"),
    Source("userPrincipalName", SourceType.guest, "userPrincipalName"),
    Source("originalUserPrincipalName", SourceType.text, "userPrincipalName"),
    *_plain("accountEnabled showInAddressList onPremisesSyncEnabled", SourceType.boolean),
    Source("IsSoftDeleted", SourceType.boolean, "accountEnabled", inverted=True),
    *_plain("displayName givenName surname jobTitle preferredLanguage employeeType mail"),
    *_plain("otherMails imAddresses", SourceType.texts),
    *_plain("proxyAddresses", SourceType.proxies),
    *_plain("businessPhones", SourceType.phones),
    *_plain("mobilePhone faxNumber streetAddress city state postalCode country officeLocation"),
    *_plain("employeeId companyName department usageLocation userType mailNickname"),
    Source("employeeOrgData.costCenter", SourceType.text, "employeeOrgData", "costCenter"),
    Source("employeeOrgData.division", SourceType.text, "employeeOrgData", "division"),
    *_plain("employeeHireDate createdDateTime", SourceType.date),
    *_plain("onPremisesSamAccountName onPremisesDomainName onPremisesUserPrincipalName"),
    *_plain("onPremisesDistinguishedName onPremisesImmutableId onPremisesSecurityIdentifier"),
    *_plain("creationType externalUserState ageGroup consentProvidedForMinor"),
    *(
        Source(f"{_EXTENSION_ATTRIBUTES}.{one}", SourceType.text, _EXTENSION_ATTRIBUTES, one)
        for one in _NUMBERED
    ),
    *(_alias(one, _EXTENSION_ATTRIBUTES, member=one) for one in _NUMBERED),
    _alias("telephoneNumber", "businessPhones", SourceType.phone),
    _alias("mobile", "mobilePhone"),
    _alias("facsimileTelephoneNumber", "faxNumber"),
    _alias("physicalDeliveryOfficeName", "officeLocation"),
    _alias("immutableId", "onPremisesImmutableId"),
    _alias("dirSyncEnabled", "onPremisesSyncEnabled", SourceType.boolean),
)

_GROUP: Final = (
    Source("id"),
    Source("objectId", same_as="id"),
    *_plain("displayName description mail mailNickname classification visibility"),
    *_plain("onPremisesSamAccountName preferredLanguage"),
    *_plain("createdDateTime", SourceType.date),
    *_plain("mailEnabled securityEnabled onPremisesSyncEnabled", SourceType.boolean),
    *_plain("groupTypes", SourceType.texts),
    *_plain("proxyAddresses", SourceType.proxies),
)

SOURCES: Final[Mapping[ObjectKind, Mapping[str, Source]]] = {
    kind: {one.name.lower(): one for one in several}
    for kind, several in ((ObjectKind.user, _USER), (ObjectKind.group, _GROUP))
}
"""Every attribute but directory extensions, by kind and by its lower-case name."""

NEEDED: Final[Mapping[ObjectKind, tuple[str, ...]]] = {
    ObjectKind.user: (
        MANAGER,
        "userPrincipalName",
        "accountEnabled",
        "displayName",
        "mail",
        "userType",
    ),
    ObjectKind.group: (
        "members",
        "displayName",
        "visibility",
        "groupTypes",
        "mailEnabled",
        "securityEnabled",
    ),
}
"""What a sync itself needs of each kind, whatever is mapped: references, names, scoping."""

_EXTENSION: Final = re.compile(r"extension_[0-9a-fA-F]{32}_[A-Za-z0-9_]{1,128}")
_UNAVAILABLE: Final = {
    "manager": "The manager is a reference, which the user sync sets by itself.",
    "members": "Members are references, which the user sync sets by itself.",
    "approleassignments": "App role assignments are not read by a user sync.",
    "passwordprofile.password": "Graph tells nobody a password.",
}


@lru_cache(maxsize=1024)
def find_source(name: str, kind: ObjectKind = ObjectKind.user) -> Source:
    """Find an attribute by its name, in any case.

    Args:
        name: Graph's or Entra's name, the member of a complex property after a dot; or the name
            of a directory extension, ``extension_<appId>_<name>``.
        kind: user or group.

    Raises:
        Failure: there is none; the message says so and suggests the nearest.
    """
    known = SOURCES[kind]
    key = name.strip().lower().replace("/", ".")
    if key in known:
        return known[key]
    if _EXTENSION.fullmatch(name.strip()):
        return Source(name.strip(), SourceType.any, name.strip())
    if key in _UNAVAILABLE:
        raise Failure(_UNAVAILABLE[key])
    if key.startswith("extension_"):
        raise Failure(
            f"{name[:80]} is no directory extension: its name is extension_, the 32 characters of "
            "the app's id, _, and a name."
        )
    hint = suggestion(name, (one.name for one in known.values()))
    raise Failure(f"The {kind.value}s of a user sync have no attribute {name[:80]}.{hint}")
