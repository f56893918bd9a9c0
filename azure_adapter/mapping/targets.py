"""The SCIM attributes that a mapping may feed, by their path.

Sources: RFC 7643 §4 (core and enterprise attributes), §7 (custom schemas); RFC 7644 §3.5.2
(paths).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from scim2_models import Extension, Mutability

from azure_adapter.mapping.expressions import suggestion
from scim.ezto import EZTO_USER_URN
from scim.provisioning.source import ObjectKind

USER_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
"""Schema URI of a user (RFC 7643 §4.1)."""

GROUP_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
"""Schema URI of a group (RFC 7643 §4.2)."""

ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
"""Schema URI of the enterprise user extension (RFC 7643 §4.3)."""


class TargetType(StrEnum):
    """What a target attribute holds (RFC 7643 §2.3)."""

    text = "string"
    boolean = "boolean"
    integer = "integer"
    decimal = "decimal"
    date = "dateTime"
    reference = "reference"


@dataclass(frozen=True, slots=True)
class Target:
    """An attribute that a mapping may feed.

    Attributes:
        path: Its SCIM path, as PATCH writes it.
        attribute: Top-level attribute, or the schema URI of an extension.
        sub: Sub-attribute of a complex attribute, or attribute of the extension.
        value_type: ``type`` of the value in a multi-valued attribute.
        type: What it holds.
        many: Whether it takes several values.
    """

    path: str
    attribute: str
    sub: str = ""
    value_type: str = ""
    type: TargetType = TargetType.text
    many: bool = False

    @property
    def change_path(self) -> str:
        """The path under which ``merge.changes`` tells a change of it."""
        if self.value_type:
            return self.attribute
        return self.path


class TargetError(ValueError):
    """A path that cannot be mapped to.

    Attributes:
        code: Stable word: ``unknown_target`` or ``read_only_target``.
        message: What is wrong, in a sentence.
        advice: What to do.
    """

    def __init__(self, code: str, message: str, advice: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice


def join_path(attribute: str, sub: str = "", value_type: str = "") -> str:
    """Write a path (RFC 7644 §3.5.2)."""
    if value_type:
        return f'{attribute}[type eq "{value_type}"].{sub}'
    if not sub:
        return attribute
    return f"{attribute}{':' if ':' in attribute else '.'}{sub}"


def _simple(names: str) -> list[Target]:
    return [Target(name, name) for name in names.split()]


def _subs(attribute: str, names: str) -> list[Target]:
    return [Target(join_path(attribute, name), attribute, name) for name in names.split()]


_ADDRESS: Final = ("formatted", "streetAddress", "locality", "region", "postalCode", "country")
_TYPED: Final[Mapping[str, tuple[str, ...]]] = {
    "emails": ("value",),
    "phoneNumbers": ("value",),
    "ims": ("value",),
    "entitlements": ("value",),
    "roles": ("value",),
    "addresses": _ADDRESS,
}
"""Sub-attributes of multi-valued attributes, whose values are told apart by their type."""

_TYPES: Final = frozenset(
    {"work", "home", "other", "mobile", "fax", "pager"}
    | {"aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"}
)
"""Canonical types, which the SCIM schema stores in lower case."""

_USER: Final = (
    *_simple("userName displayName nickName title userType preferredLanguage locale timezone"),
    Target("active", "active", type=TargetType.boolean),
    Target("profileUrl", "profileUrl", type=TargetType.reference),
    *_subs("name", "formatted familyName givenName middleName honorificPrefix honorificSuffix"),
    *_subs(ENTERPRISE, "employeeNumber costCenter organization division department"),
)
_GROUP: Final = (Target("displayName", "displayName"),)
_PLAIN: Final[Mapping[ObjectKind, Mapping[str, Target]]] = {
    kind: {one.path.lower(): one for one in several}
    for kind, several in ((ObjectKind.user, _USER), (ObjectKind.group, _GROUP))
}
_SCHEMAS: Final = {ObjectKind.user: USER_SCHEMA, ObjectKind.group: GROUP_SCHEMA}

_FILTERED: Final = re.compile(
    r'([A-Za-z]+)\[\s*([A-Za-z]+)\s+eq\s+"([^"\]]{0,200})"\s*\]\.([A-Za-z]+)', re.IGNORECASE
)
_VALUE_TYPE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_OWN: Final = {
    "id": "The id is assigned by the user store.",
    "meta": "meta is kept by the user store.",
    "schemas": "schemas follows from what is mapped.",
    "groups": "Groups are set by the user sync itself, from the memberships in Microsoft Entra.",
    "members": "Members are set by the user sync itself, from the memberships in Microsoft Entra.",
    "externalid": "externalId is set by the user sync itself, to the object's id in Microsoft "
    "Entra.",
    "password": "A password is never synchronised.",
    f"{ENTERPRISE.lower()}:manager": "The manager is set by the user sync itself.",
}
"""What is never mapped, by its lower-case path, and why."""


def find_target(
    path: str, kind: ObjectKind, extensions: Mapping[str, Target] | None = None
) -> Target:
    """Find an attribute by its path; names are compared without case.

    Args:
        path: A SCIM path such as ``userName``, ``name.givenName``,
            ``emails[type eq "work"].value``, or an extension's URN, a colon and an attribute.
        kind: user or group.
        extensions: Custom attributes by their lower-case path; see ``extension_targets``.

    Raises:
        TargetError: it is unknown, or it is never mapped.
    """
    wanted = path.strip()
    core = f"{_SCHEMAS[kind]}:"
    if wanted.lower().startswith(core.lower()):
        wanted = wanted[len(core) :]
    key = wanted.lower()
    _check_own(key)
    custom = (extensions or {}).get(key) if kind is ObjectKind.user else None
    found = _PLAIN[kind].get(key) or custom or _typed(wanted, kind)
    if found is None:
        raise _unknown(wanted, kind, extensions or {})
    return found


def _check_own(key: str) -> None:
    head = re.split(r"[.\[]", key, maxsplit=1)[0] if not key.startswith("urn:") else key
    reason = _OWN.get(head)
    if reason is None and key.startswith(f"{ENTERPRISE.lower()}:manager."):
        reason = _OWN[f"{ENTERPRISE.lower()}:manager"]
    if reason is None and key.startswith(EZTO_USER_URN.lower()):
        reason = "This extension is kept by ezto auth itself."
    if reason is not None:
        raise TargetError("read_only_target", reason, "Remove the row.")


def _typed(path: str, kind: ObjectKind) -> Target | None:
    """Return the target of a path with a type filter, or None when it is no such path."""
    found = _FILTERED.fullmatch(path)
    if found is None or kind is not ObjectKind.user:
        return None
    attribute = next((one for one in _TYPED if one.lower() == found[1].lower()), None)
    if attribute is None or found[2].lower() != "type" or not _VALUE_TYPE.fullmatch(found[3]):
        return None
    sub = next((one for one in _TYPED[attribute] if one.lower() == found[4].lower()), None)
    if sub is None:
        return None
    lower = found[3].lower()
    value_type = lower if lower in _TYPES else found[3]
    path = join_path(attribute, sub, value_type)
    return Target(path, attribute, sub, value_type, many=sub == "value")


def _unknown(path: str, kind: ObjectKind, extensions: Mapping[str, Target]) -> TargetError:
    shown = path if len(path) <= 120 else f"{path[:120]}…"
    what = "groups" if kind is ObjectKind.group else "users"
    hint = _typed_hint(path) or _near(path, target_paths(kind, extensions.values()))
    return TargetError(
        "unknown_target",
        f"There is no attribute {shown!r} of {what} that can be mapped.{hint}",
        "Choose one of the attributes in docs/mapping.md.",
    )


def _near(path: str, known: Iterable[str]) -> str:
    """Suggest the nearest path; for an attribute of an extension, one of the same extension."""
    urn = path.rpartition(":")[0].lower()
    hint = suggestion(path, (one for one in known if one.rpartition(":")[0].lower() == urn))
    if urn and not hint:
        return " An attribute of a custom extension has to be declared in an extension file first."
    return hint


def _typed_hint(path: str) -> str:
    """Say how a multi-valued attribute is written, when a path only names it."""
    name = re.split(r"[.\[]", path, maxsplit=1)[0].lower()
    found = next((one for one in _TYPED if one.lower() == name), None)
    filtered = _FILTERED.fullmatch(path)
    if found is None or (filtered and filtered[2].lower() == "type"):
        return ""
    return f" Write the type of the value, as in {join_path(found, _TYPED[found][0], 'work')}."


def target_paths(kind: ObjectKind, extensions: Iterable[Target] = ()) -> tuple[str, ...]:
    """Return the paths that can be mapped to, for choosing; multi-valued ones by common types."""
    plain = [one.path for one in _PLAIN[kind].values()]
    if kind is not ObjectKind.user:
        return tuple(plain)
    common = {
        "emails": ("work", "home", "other"),
        "phoneNumbers": ("work", "home", "mobile", "fax", "pager", "other"),
        "addresses": ("work", "home", "other"),
    }
    typed = [
        join_path(attribute, sub, one)
        for attribute, types in common.items()
        for one in types
        for sub in _TYPED[attribute]
    ]
    return (*plain, *typed, *(one.path for one in extensions))


def extension_targets(model: type[Extension]) -> tuple[Target, ...]:
    """Return what can be mapped of a custom extension: its simple, writable attributes."""
    schema = model.to_schema()
    found = []
    for attribute in schema.attributes or ():
        kind = _EXTENSION_TYPES.get(str(attribute.type))
        if kind is None or attribute.mutability is Mutability.read_only or not attribute.name:
            continue
        found.append(extension_target(f"{schema.id}:{attribute.name}"))
        many = bool(attribute.multi_valued)
        found[-1] = replace(found[-1], type=kind, many=many)
    return tuple(found)


_EXTENSION_TYPES: Final[Mapping[str, TargetType]] = {str(one): one for one in TargetType}


def extension_target(path: str) -> Target:
    """Return a custom attribute that holds one text, by its path.

    Raises:
        ValueError: the path is no URN with a simple attribute behind it, or is not custom.
    """
    urn, _, name = path.rpartition(":")
    own = {ENTERPRISE.lower(), EZTO_USER_URN.lower(), USER_SCHEMA.lower(), GROUP_SCHEMA.lower()}
    if not urn.lower().startswith("urn:") or not re.fullmatch(r"[A-Za-z][-\w$]*", name):
        raise ValueError(f"{path!r} is no path of an attribute of an extension")
    if urn.lower() in own:
        raise ValueError(f"{path!r} is no attribute of a custom extension")
    return Target(path, urn, name)


def extensions_by_path(extensions: Iterable[str | Target | Any]) -> dict[str, Target]:
    """Return custom attributes by their lower-case path.

    Args:
        extensions: Paths, or targets where the type matters.
    """
    targets = (extension_target(one) if isinstance(one, str) else one for one in extensions)
    return {one.path.lower(): one for one in targets}
