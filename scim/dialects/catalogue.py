"""The attributes that rules are about, read from the models of the resource types."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import isclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from scim2_models import (
    AttributeBinding,
    ComplexAttribute,
    EnterpriseUser,
    Extension,
    Group,
    Path,
    Resource,
    ScimProvider,
    User,
)

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """An attribute or sub-attribute of a schema.

    Attributes:
        name: as the schema spells it.
        boolean: it holds true or false.
        multi: it holds several values.
        holds_empty: the empty string can be its value.
        subs: its sub-attributes by lower-case name; none for a simple attribute.
        extension: URN of the extension that it belongs to, or "".
    """

    name: str
    boolean: bool = False
    multi: bool = False
    holds_empty: bool = True
    subs: dict[str, "Attribute"] = field(default_factory=dict)
    extension: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What a resource type is made of.

    Attributes:
        urn: the core schema.
        attributes: by lower-case name.
        extensions: their attributes by lower-case URN, then lower-case name.
    """

    urn: str
    attributes: dict[str, Attribute]
    extensions: dict[str, dict[str, Attribute]]

    def misplaced(self, name: str) -> Attribute | None:
        """Return the enterprise attribute of a name that the core schema does not have."""
        key = name.lower()
        if key in self.attributes:
            return None
        return self.extensions.get(ENTERPRISE.lower(), {}).get(key)


@dataclass(frozen=True, slots=True)
class Target:
    """What a PATCH path, or a key of a value without path, points at.

    Attributes:
        attribute: the attribute, or its sub-attribute when the path names one.
        parent: the attribute that has the sub-attribute; ``attribute`` when none is named.
        selects: the path selects elements by a filter.
        sub: the path names a sub-attribute.
    """

    attribute: Attribute
    parent: Attribute
    selects: bool = False
    sub: bool = False

    @property
    def whole(self) -> bool:
        """Whether the path is about all the values of a multi-valued attribute."""
        return self.parent.multi and not self.selects and not self.sub


_PATH = re.compile(
    r"(?:(urn:[^\[\s]+):)?([A-Za-z$][\w$-]*)(\[.*\])?(?:\.([\w$-]+))?\s*", re.I | re.S
)


def locate(shape: Shape, path: str) -> Target | None:
    """Return what a path points at, or ``None`` for the root, a schema or something unknown."""
    return _located(shape, path) if len(path) <= _MAX_KEPT_LENGTH else _locate(shape, path)


def _locate(shape: Shape, path: str) -> Target | None:
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    urn, name, selection, sub = found.groups()
    attributes = shape.attributes
    if urn is not None and urn.lower() != shape.urn.lower():
        attributes = shape.extensions.get(urn.lower(), {})
    parent = attributes.get(name.lower())
    if parent is None:
        return None
    if sub is None:
        return Target(parent, parent, selects=selection is not None)
    attribute = parent.subs.get(sub.lower())
    if attribute is None:
        return None
    return Target(attribute, parent, selects=selection is not None, sub=True)


_MAX_KEPT_LENGTH = 256
"""How long a path may be to be kept, which bounds the memory for it."""

_located = lru_cache(maxsize=1024)(_locate)


def shape_of(model: type[Resource[Any]], *extensions: type[Extension]) -> Shape:
    """Read the attributes of a resource type and of its extensions."""
    return Shape(
        urn=str(model.__schema__),
        attributes=_attributes(model),
        extensions={
            str(each.__schema__).lower(): _attributes(each, str(each.__schema__))
            for each in extensions
        },
    )


def shapes_of(provider: ScimProvider) -> dict[str, Shape]:
    """Read the resource types that a provider serves, with all their extensions.

    Returns:
        by the lower-case name of the endpoint, and the users once more as ``me``.
    """
    shapes: dict[str, Shape] = {}
    for resource_type in provider.resource_types:
        model: Any = provider.model_for(resource_type)
        shape = shape_of(model, *model.get_extension_models().values())
        shapes[str(resource_type.endpoint).strip("/").lower()] = shape
    return {**shapes, "me": shapes["users"]} if "users" in shapes else shapes


def _attributes(model: Any, extension: str = "") -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    for path, binding in _bindings(model):
        name, _, sub = path.rpartition(":")[2].partition(".")
        if sub:
            found[name.lower()].subs[sub.lower()] = _attribute(sub, binding, extension)
        else:
            found[name.lower()] = _attribute(name, binding, extension)
    return found


def _bindings(model: Any) -> Iterator[tuple[str, AttributeBinding]]:
    for path in Path[model].iter_paths(include_extensions=False):
        binding = path.resolve()
        if binding is not None:
            yield str(path), binding


def _attribute(name: str, binding: AttributeBinding, extension: str) -> Attribute:
    target = binding.target_type
    type_ = binding.sub_field_type if binding.sub_field_name else binding.field_type
    return Attribute(
        name=name,
        boolean=target is bool,
        multi=binding.is_multivalued and binding.sub_field_name is None,
        holds_empty=not _is_complex(target) and _accepts_empty(type_),
        extension=extension,
    )


def _is_complex(type_: Any) -> bool:
    return isclass(type_) and issubclass(type_, ComplexAttribute)


def _accepts_empty(type_: Any) -> bool:
    try:
        TypeAdapter(type_).validate_python("")
    except ValidationError:
        return False
    return True


USER = shape_of(User, EnterpriseUser)
GROUP = shape_of(Group)
SHAPES = {"users": USER, "groups": GROUP, "me": USER}
"""By the lower-case name of the endpoint."""
