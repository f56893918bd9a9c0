"""Extension schemas of an operator: JSON files, checked and built into models at start.

A file holds one object: ``schema`` is a Schema document as ``/Schemas`` publishes it (RFC 7643
§7), ``resourceType`` names the resource type that it extends, and ``required`` says whether every
resource must carry it (RFC 7643 §6, false if left out)::

    {"resourceType": "User",
     "schema": {"id": "urn:example:params:scim:schemas:extension:hr:2.0:User", "name": "HrUser",
                "attributes": [{"name": "costCenter", "type": "string", "multiValued": false}]}}
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import ValidationError
from scim2_models import Attribute, Extension, Mutability, Resource, Returned, Schema, Uniqueness

from scim.errors import sentences

MEMBERS = {"resourceType", "required", "schema"}
URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}:[A-Za-z0-9()+,\-.:=@;$_!*'%/?#]+")
MODEL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
ATTRIBUTE_NAME = re.compile(r"[A-Za-z][-A-Za-z0-9_$]*")
"""RFC 7643 §2.1: ``ATTRNAME = ALPHA *(nameChar)``."""

RESERVED = {"schemas", "id", "externalid", "meta"}
"""Common attributes (RFC 7643 §3.1), which no extension may declare."""


class ExtensionError(ValueError):
    """An extension file cannot be served; the text says which file, which attribute, and why."""

    def __init__(self, file: str, place: str, reason: str) -> None:
        super().__init__(f"{file}: {place}: {reason}")


@dataclass(frozen=True, slots=True)
class CustomExtension:
    """One extension schema of an operator.

    Attributes:
        file: where it came from.
        resource_type: name of the resource type it extends.
        model: its model.
        required: whether every resource must carry it.
    """

    file: str
    resource_type: str
    model: type[Extension]
    required: bool


def load_extensions(
    files: Iterable[str | Path],
    extended: dict[str, type[Resource]],  # type: ignore[type-arg]
) -> list[CustomExtension]:
    """Read extension files.

    Args:
        files: their paths.
        extended: the resource types that may be extended: their models by name.

    Raises:
        ExtensionError: a file cannot be read, or what it says cannot be served.
    """
    found = [parse_extension(str(file), _read(file), extended) for file in files]
    _check_distinct(found, extended)
    return found


def _read(file: str | Path) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ExtensionError(str(file), "the file", f"cannot be read ({error.strerror})") from None


def parse_extension(
    file: str,
    text: bytes,
    extended: dict[str, type[Resource]],  # type: ignore[type-arg]
) -> CustomExtension:
    """Return the extension that a file describes.

    Raises:
        ExtensionError: what it says cannot be served.
    """
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ExtensionError(file, "the file", f"is not JSON ({error})") from None
    if not isinstance(content, dict) or "schema" not in content or content.keys() - MEMBERS:
        reason = "must be one object with schema, resourceType and, if wanted, required"
        raise ExtensionError(file, "the file", reason)
    name, required = content.get("resourceType"), content.get("required", False)
    if name not in extended:
        raise ExtensionError(file, "resourceType", f"must be one of {', '.join(extended)}")
    if not isinstance(required, bool):
        raise ExtensionError(file, "required", "must be true or false")
    schema = _schema(file, content["schema"])
    return CustomExtension(file, name, _model(file, schema), required)


def _schema(file: str, content: object) -> Schema:
    try:
        schema = Schema.model_validate(content)
    except ValidationError as error:
        place, reason = sentences(error)[0]
        raise ExtensionError(file, f"schema.{place}" if place else "schema", reason) from None
    if not schema.id or not URN.fullmatch(schema.id):
        raise ExtensionError(file, "schema.id", "must be a URN, such as urn:example:hr:2.0:User")
    if not schema.name or not MODEL_NAME.fullmatch(schema.name):
        raise ExtensionError(file, "schema.name", "must be letters and digits, such as HrUser")
    if not schema.attributes:
        raise ExtensionError(file, "schema.attributes", "must declare at least one attribute")
    _check_attributes(file, "", schema.attributes)
    return schema


def _check_attributes(file: str, parent: str, attributes: Sequence[Attribute]) -> None:
    seen: dict[str, str] = {}
    for position, attribute in enumerate(attributes):
        place = f"attribute {parent}{attribute.name or f'number {position + 1}'}"
        reason = _name_problem(attribute, bool(parent)) or _problem(attribute, bool(parent))
        if reason is None and (attribute.name or "").lower() in seen:
            reason = "is declared twice (names are compared without case)"
        if reason is not None:
            raise ExtensionError(file, place, reason)
        seen[(attribute.name or "").lower()] = place
        if attribute.sub_attributes:
            _check_attributes(file, f"{attribute.name}.", attribute.sub_attributes)


def _name_problem(attribute: Attribute, nested: bool) -> str | None:
    name = attribute.name
    if not name:
        return "needs a name"
    if not ATTRIBUTE_NAME.fullmatch(name) and not (nested and name == "$ref"):
        return "has a name that RFC 7643 §2.1 does not allow: a letter, then letters, digits, - _ $"
    if not nested and name.lower() in RESERVED:
        return "has the name of a common attribute (RFC 7643 §3.1)"
    return None


def _problem(attribute: Attribute, nested: bool) -> str | None:
    """Return why an attribute cannot be served, or ``None``."""
    is_complex = attribute.type is Attribute.Type.complex
    checks = (
        (attribute.type is None, "needs a type"),
        (attribute.multi_valued is None, "needs multiValued, true or false"),
        (nested and is_complex, "cannot be complex inside a complex attribute (RFC 7643 §2.3.8)"),
        (is_complex and not attribute.sub_attributes, "is complex and needs subAttributes"),
        (not is_complex and bool(attribute.sub_attributes), "has subAttributes but is not complex"),
        (
            attribute.mutability is Mutability.write_only or attribute.returned is Returned.never,
            "cannot be writeOnly or never returned: custom attributes are stored readably",
        ),
        (
            bool(attribute.required) and attribute.mutability is Mutability.read_only,
            "cannot be required and readOnly at once: no client could send it",
        ),
        (
            attribute.uniqueness is not Uniqueness.none and not is_complex,
            "must have uniqueness none: custom attributes are not checked for uniqueness",
        ),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def _model(file: str, schema: Schema) -> type[Extension]:
    try:
        return Extension.from_schema(schema)
    except (ValueError, TypeError) as error:
        raise ExtensionError(file, "schema", f"cannot be built into a model ({error})") from None


def _check_distinct(
    found: Sequence[CustomExtension],
    extended: dict[str, type[Resource]],  # type: ignore[type-arg]
) -> None:
    """Refuse schemas and names that are taken already."""
    urns: dict[str, str] = {}
    names: dict[tuple[str, str], str] = {}
    for name, model in extended.items():
        urns[str(model.__schema__).lower()] = "the server itself"
        urns |= {str(urn).lower(): "the server itself" for urn in model.get_extension_models()}
        taken = [*model.model_fields, *(model._scim_name(each) for each in model.model_fields)]
        names |= {(name, each.lower()): f"an attribute of {name}" for each in taken}
    for each in found:
        urn, name = str(each.model.__schema__), each.model.__name__
        if urn.lower() in urns:
            raise ExtensionError(
                each.file, "schema.id", f"is served by {urns[urn.lower()]} already"
            )
        key = (each.resource_type, name.lower())
        if key in names:
            raise ExtensionError(each.file, "schema.name", f"is the name of {names[key]} already")
        urns[urn.lower()], names[key] = each.file, f"the schema in {each.file}"
