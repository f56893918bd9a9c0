"""The attribute mapping as data: which Graph property feeds which SCIM attribute.

Sources: Microsoft Graph: user resource type, group resource type; Entra: "SCIM API schema
reference" and the default attribute mappings of the provisioning service; RFC 7643 §4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

USER_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
"""Schema URI of a user (RFC 7643 §4.1)."""

GROUP_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
"""Schema URI of a group (RFC 7643 §4.2)."""

ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
"""Schema URI of the enterprise user extension (RFC 7643 §4.3)."""


class Shape(StrEnum):
    """How a property's value is read."""

    text = "text"
    """A string, or null."""
    flag = "flag"
    """A boolean, or null."""
    first = "first"
    """The first of a list of strings."""
    user_name = "user_name"
    """A userPrincipalName; that of a guest is turned into the guest's own address."""
    email = "email"
    """One e-mail address."""
    emails = "emails"
    """A list of e-mail addresses."""
    proxies = "proxies"
    """A list of addresses with a protocol in front; only ``smtp:`` counts."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a mapping table.

    Attributes:
        source: Graph property; a member of a complex property after a slash, as in
            ``employeeOrgData/division``.
        attribute: SCIM attribute, or the schema URI of an extension.
        sub: Sub-attribute of a complex attribute, or attribute of the extension.
        type: ``type`` of the value it feeds in a multi-valued attribute.
        shape: How the property is read.
        primary: Whether the value is the ``primary`` one (RFC 7643 §2.4).
    """

    source: str
    attribute: str
    sub: str = ""
    type: str = ""
    shape: Shape = Shape.text
    primary: bool = False

    @property
    def path(self) -> str:
        """The SCIM path, as PATCH writes it (RFC 7644 §3.5.2)."""
        if self.type:
            return f'{self.attribute}[type eq "{self.type}"].{self.sub}'
        if not self.sub:
            return self.attribute
        return f"{self.attribute}{':' if ':' in self.attribute else '.'}{self.sub}"


USER_TABLE: Final = (
    Row("userPrincipalName", "userName", shape=Shape.user_name),
    Row("accountEnabled", "active", shape=Shape.flag),
    Row("displayName", "displayName"),
    Row("givenName", "name", "givenName"),
    Row("surname", "name", "familyName"),
    Row("jobTitle", "title"),
    Row("preferredLanguage", "preferredLanguage"),
    Row("employeeType", "userType"),
    Row("mail", "emails", "value", "work", Shape.email, primary=True),
    Row("otherMails", "emails", "value", "other", Shape.emails),
    Row("proxyAddresses", "emails", "value", "other", Shape.proxies),
    Row("businessPhones", "phoneNumbers", "value", "work", Shape.first),
    Row("mobilePhone", "phoneNumbers", "value", "mobile"),
    Row("faxNumber", "phoneNumbers", "value", "fax"),
    Row("streetAddress", "addresses", "streetAddress", "work"),
    Row("city", "addresses", "locality", "work"),
    Row("state", "addresses", "region", "work"),
    Row("postalCode", "addresses", "postalCode", "work"),
    Row("country", "addresses", "country", "work"),
    Row("officeLocation", "addresses", "formatted", "other"),
    Row("employeeId", ENTERPRISE, "employeeNumber"),
    Row("employeeOrgData/costCenter", ENTERPRISE, "costCenter"),
    Row("companyName", ENTERPRISE, "organization"),
    Row("employeeOrgData/division", ENTERPRISE, "division"),
    Row("department", ENTERPRISE, "department"),
)
"""What feeds a SCIM user. ``id`` (externalId) and ``manager`` are references: the planner's."""

GROUP_TABLE: Final = (Row("displayName", "displayName"),)
"""What feeds a SCIM group. Memberships are changes of their own, never part of the document."""


def _properties(table: Iterable[Row], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(row.source.partition("/")[0] for row in table), *more]))


USER_PROPERTIES: Final = _properties(USER_TABLE, "manager")
"""The Graph properties that mapping a user needs, for ``$select``."""

GROUP_PROPERTIES: Final = _properties(GROUP_TABLE, "members")
"""The Graph properties that mapping a group needs, for ``$select``."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which SCIM attributes a mapping decides about; everything else is left alone.

    Attributes:
        kept: Attributes that are set when mapped and never removed: without them a resource
            would be invalid, or mean something else.
        simple: Single-valued attributes; removed when the mapping has no value.
        subs: Sub-attributes by complex attribute or extension; removed likewise.
        types: Types of values by multi-valued attribute; removed likewise.
        defaults: What a new resource gets when the mapping has no value.
    """

    kept: frozenset[str] = frozenset()
    simple: frozenset[str] = frozenset()
    subs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    types: Mapping[str, frozenset[str]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


def _coverage(table: Iterable[Row], kept: Iterable[str], **more: Any) -> Coverage:
    simple: set[str] = set()
    subs: dict[str, set[str]] = {}
    types: dict[str, set[str]] = {}
    for row in table:
        if row.type:
            types.setdefault(row.attribute, set()).add(row.type)
        elif row.sub:
            subs.setdefault(row.attribute, set()).add(row.sub)
        else:
            simple.add(row.attribute)
    if ENTERPRISE in subs:
        subs[ENTERPRISE].add("manager")
    return Coverage(
        frozenset(kept),
        frozenset(simple - set(kept)),
        {name: frozenset(names) for name, names in subs.items()},
        {name: frozenset(names) for name, names in types.items()},
        **more,
    )


USER_COVERAGE: Final = _coverage(USER_TABLE, ("userName", "active"), defaults={"active": True})
"""What the user mapping decides about, the manager included.

``active`` is never removed: an ``accountEnabled`` that the source did not tell says nothing, and
must disable nobody.
"""

GROUP_COVERAGE: Final = _coverage(GROUP_TABLE, ("displayName",))
"""What the group mapping decides about."""
