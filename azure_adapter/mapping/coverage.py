"""What a mapping decides about: everything else in a document is left alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from azure_adapter.mapping.targets import ENTERPRISE, Target
from scim.provisioning.source import ObjectKind

_KEPT: Final[Mapping[ObjectKind, frozenset[str]]] = {
    ObjectKind.user: frozenset({"userName", "active"}),
    ObjectKind.group: frozenset({"displayName"}),
}


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which SCIM attributes a mapping decides about; everything else is left alone.

    Attributes:
        kept: Attributes that are set when mapped and never removed: without them a resource
            would be invalid, or mean something else. (An ``accountEnabled`` that the source did
            not tell says nothing, and must disable nobody.)
        simple: Single-valued attributes; removed when the mapping has no value.
        subs: Sub-attributes by complex attribute or extension; removed likewise.
        types: Types of values by multi-valued attribute, in lower case; removed likewise.
        parts: Sub-attributes by type, for multi-valued attributes of which only these are
            decided about and the rest of the value is left alone (addresses).
        defaults: What a new resource gets when the mapping has no value.
    """

    kept: frozenset[str] = frozenset()
    simple: frozenset[str] = frozenset()
    subs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    types: Mapping[str, frozenset[str]] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


def coverage_of(
    kind: ObjectKind, decided: Iterable[Target], mentioned: Iterable[Target] = ()
) -> Coverage:
    """Build the coverage of a mapping.

    Args:
        kind: user or group.
        decided: The attributes that are decided about. A user's manager always is.
        mentioned: Attributes that may have a desired value without being decided about: what is
            there stays beside it.
    """
    simple: set[str] = set()
    subs: dict[str, set[str]] = {ENTERPRISE: {"manager"}} if kind is ObjectKind.user else {}
    typed: dict[str, dict[str, set[str]]] = {}
    for target in mentioned:
        if target.value_type:
            typed.setdefault(target.attribute, {})
        elif target.sub:
            subs.setdefault(target.attribute, set())
    for target in decided:
        if target.value_type:
            types = typed.setdefault(target.attribute, {})
            types.setdefault(target.value_type.lower(), set()).add(target.sub)
        elif target.sub:
            subs.setdefault(target.attribute, set()).add(target.sub)
        else:
            simple.add(target.attribute)
    return Coverage(
        kept=_KEPT[kind] & simple,
        simple=frozenset(simple - _KEPT[kind]),
        subs={name: frozenset(names) for name, names in subs.items()},
        types={name: frozenset(types) for name, types in typed.items()},
        parts={
            name: {one: frozenset(names) for one, names in types.items()}
            for name, types in typed.items()
            if not any("value" in names for names in types.values())
        },
        defaults={"active": True} if kind is ObjectKind.user else {},
    )
