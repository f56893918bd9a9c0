"""What went wrong, in sentences that name the attribute and the remedy (RFC 7644 §3.12).

The protocol engine reports invalid bodies in the words of its validation library. A client is
told nothing of that: every such report is turned into a sentence here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from scim2_models import Error, SCIMException

LONGEST_QUOTE = 100
"""A longer value is not repeated in an answer."""

LONGEST_DETAIL = 600

_POSITION = re.compile(r"line (\d+) column (\d+)")
_SCHEMA_END = re.compile(r":\d+\.\d+:\w+$")
_INTERNAL = re.compile(r"pydantic|validation error|\[type=|Input should|instance of|Value error")

Details = Mapping[str, Any]


def told(failure: ValidationError, within: str = "") -> SCIMException:
    """Return the SCIM error of an invalid request, in a sentence.

    Args:
        failure: what the validation reported; its first report counts.
        within: the attribute that the reported places are relative to.
    """
    report = failure.errors()[0]
    error = Error.from_validation_error(report)
    place, reason = _sentence(report, within)
    error.detail = f"{place}: {reason}" if place else reason
    return SCIMException.from_error(error)


def sentences(failure: ValidationError) -> list[tuple[str, str]]:
    """Return each report of a validation as (attribute, reason)."""
    return [_sentence(report, "") for report in failure.errors()]


def _sentence(report: Details, within: str) -> tuple[str, str]:
    place = attribute_path(report["loc"], within)
    kind = str(report["type"])
    if kind == "required_error":
        name = report["ctx"]["field_name"]
        return (f"{place}.{name}" if place else name), "is required. Send a value for it."
    if kind == "primary_uniqueness_error":
        name = report["ctx"]["field_name"]
        return (f"{place}.{name}" if place else name), (
            "several values are marked as primary. Mark at most one (RFC 7643 §2.4)."
        )
    if kind.startswith("scim_") or kind == "schema_error":
        reason = with_remedy(str(report["msg"]), report.get("ctx", {}).get("scim_type"))
        return (place.partition(".")[0] if place.startswith("Operations") else ""), reason
    tell = _BY_KIND.get(kind) or _BY_PREFIX.get(kind.partition("_")[0], _other)
    reason = tell(report)
    if not place and kind not in ("json_invalid", "value_error"):
        return "", f"The body {reason}"
    return place, reason


def attribute_path(location: Sequence[str | int], within: str = "") -> str:
    """Return where a report is as an attribute path (RFC 7644 §3.10), with indexes."""
    path = within
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif "[" not in part and "(" not in part:
            path = _joined(path, _scim_name(part), is_given=path == within)
    return path


def _scim_name(part: str) -> str:
    special = {"ref": "$ref", "operations": "Operations"}
    return special.get(part) or (to_camel(part) if "_" in part else part)


def _joined(path: str, name: str, *, is_given: bool) -> str:
    if not path:
        return name
    if is_given and path.lower().rpartition(".")[2] == name.lower():
        return path
    is_urn = path.lower().startswith("urn:") and _SCHEMA_END.search(path) is not None
    return f"{path}:{name}" if is_urn else f"{path}.{name}"


def _quoted(report: Details) -> str | None:
    """Return the value that was sent, where it may be repeated."""
    value = report.get("input")
    if "password" in [str(part).lower() for part in report["loc"]]:
        return None
    return repr(value) if isinstance(value, str) and len(value) <= LONGEST_QUOTE else None


def _value_error(report: Details) -> str:
    message, quoted = str(report["msg"]), _quoted(report)
    subject = quoted or "the value"
    if "email" in message:
        return f"{subject} is not an e-mail address. Send one such as ann@example.com."
    if "URI" in message:
        return f"{subject} is not a URI. Send an absolute one, such as https://example.com/ann."
    if "Expected str" in message:
        return "must be a string. Send it in quotation marks."
    if "mutually exclusive" in message:
        return (
            "attributes and excludedAttributes exclude each other (RFC 7644 §3.9). Send only one."
        )
    return f"{subject} is not allowed here. See /Schemas for what is."


def _json(report: Details) -> str:
    found = _POSITION.search(str(report["msg"]))
    where = f" (line {found[1]}, column {found[2]})" if found else ""
    return f"The body is not valid JSON{where}. Send one JSON object, encoded as UTF-8."


def _one_of(report: Details) -> str:
    expected = str(report.get("ctx", {}).get("expected", ""))
    return f"must be one of {expected.replace(' or ', ', ')}."


def _must_be(what: str) -> Callable[[Details], str]:
    return lambda _report: f"must be {what}."


def _other(_report: Details) -> str:
    return "does not fit its schema. See /Schemas for what it must be."


_MOMENT = "a dateTime with a time zone, such as 2024-01-31T12:00:00Z (RFC 7643 §2.3.5)"
_BY_KIND: dict[str, Callable[[Details], str]] = {
    "missing": lambda _: "is required. Send a value for it.",
    "extra_forbidden": lambda _: "is no attribute of the schema. Leave it out.",
    "value_error": _value_error,
    "json_invalid": _json,
    "literal_error": _one_of,
    "enum": _one_of,
    "mutability_error": lambda _: "cannot be used here: it is write-only. Leave it out.",
    "is_instance_of": _must_be("a JSON value of the type in its schema"),
}
_BY_PREFIX: dict[str, Callable[[Details], str]] = {
    "string": _must_be("a string"),
    "bool": _must_be("true or false"),
    "list": _must_be("an array"),
    "model": _must_be("an object"),
    "dict": _must_be("an object"),
    "int": _must_be("a whole number"),
    "float": _must_be("a number"),
    "finite": _must_be("a finite number"),
    "datetime": _must_be(_MOMENT),
    "timezone": _must_be(_MOMENT),
    "base64": _must_be("base64 (RFC 4648 §4)"),
    "bytes": _must_be("base64 (RFC 4648 §4)"),
    "url": _must_be("an absolute URI"),
}

_FILTER_FORM = 'Write it as attribute, operator, value, such as userName eq "ann"'
_PATH_FORM = 'Write it like name.familyName or emails[type eq "work"].value (RFC 7644 §3.5.2)'
_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"schemas must contain the base schema (.+)", r"schemas: must contain \1. Add it."),
    (r"operations holds one or more operations", "Operations: is empty. Send at least one."),
    (r"operations attribute is required", "Operations: is required. Send an array of operations."),
    (r"(.+) is not a PATCH operation.*", r"op: \1 is no operation. Send add, remove or replace."),
    (r"value is required for (\w+) operations", r"value: is required for \1. Send one."),
    (
        r"Remove operation requires a path",
        "path: is required for remove. Name what to remove, such as title.",
    ),
    (
        r"required attribute '([^']+)' became unassigned",
        r"\1: is required and cannot be removed. Replace its value instead.",
    ),
    (
        r"required attribute cannot be (\w+)",
        r"A required attribute cannot be \1. Replace its value instead.",
    ),
    (r"'([^']*)' is read-only", r"\1: is read-only. Leave it out of the request."),
    (r"'([^']*)' is immutable", r"\1: cannot change once it has a value. Leave it out."),
    (
        r"'([^']*)' is (?:not an attribute of|not declared by) the (?:resource )?schema",
        r"\1: is no attribute of this resource type. See /Schemas for those that are.",
    ),
    (r"the value written to '' must be an object", "value: must be an object without a path."),
    (r"the value written to '([^']+)' must be an object", r"\1: must be an object."),
    (
        r"the value of a remove must be non-empty objects.*",
        'value: must be an array of objects for remove, such as [{"value": "…"}]; or name what '
        "to remove in path.",
    ),
    (
        r"no value of '([^']+)' matches the path filter",
        r"\1: no value matches the filter in path. Add one first, or correct the filter.",
    ),
    (r"the value contradicts the filter of '(.+)'", r"value: contradicts the filter in path \1."),
    (r"Field not found: (.+)", r"\1: is no attribute of this resource type. See /Schemas."),
    (
        r"value (.+) is not valid for attribute '([^']+)'",
        r"\2: cannot be compared with \1, which is of another type. See /Schemas.",
    ),
    (
        r"operator '(\w+)' cannot be applied to the (\w+) attribute '([^']+)'",
        r"\3: \1 does not apply to a \2 attribute. Use eq, ne or pr.",
    ),
    (r"Cannot sort on '(.+)'", r"sortBy: \1 is no attribute to sort by. See /Schemas."),
    (r"'([^']+)' is (?:a|write-only).* sort.*", r"sortBy: \1 cannot be sorted by. Name another."),
    (
        r"A search cannot have both a cursor and a startIndex",
        "cursor and startIndex exclude each other (RFC 9865 §2). Send only one.",
    ),
    (r"bulkId is required for POST operations", "bulkId: is required for POST. Send one."),
    (r"Input should be 'POST'.*", "method: must be one of POST, PUT, PATCH and DELETE."),
    (r"path is required for request operations", "path: is required. Send one such as /Users."),
    (r"data is required for .*", "data: is required for POST, PUT and PATCH. Send it."),
    (
        r"The bulkId (.+) is not unique in the request",
        r"bulkId: \1 is used twice. Give each POST its own.",
    ),
    (
        r"No resource was created with the bulkId (.+)",
        r"bulkId: no resource was created as \1. Correct the POST that should, or the reference.",
    ),
    (
        r"The number of operations exceeds the maxOperations \((\d+)\)",
        r"Operations: there are more than \1. Split the request.",
    ),
    (
        r"The payload exceeds the maxPayloadSize \((\d+) bytes\)",
        r"The body is larger than \1 bytes. Split the request.",
    ),
    (
        r"Multiple (?:values marked as primary|primary values.*)",
        "Several values are marked as primary. Mark at most one (RFC 7643 §2.4).",
    ),
    (
        r"the (filter|path) nests more than (\d+) expressions",
        r"The \1 nests more than \2 expressions. Simplify it, or send several requests.",
    ),
    (
        r"Failed to update. Resource has changed on the server",
        "The resource has another version than the condition names. Read it again, then repeat.",
    ),
    (
        r"The request body must be application/scim\+json",
        "Content-Type: must be application/scim+json (or application/json).",
    ),
)
_COMPILED = tuple((re.compile(pattern), remedy) for pattern, remedy in _REMEDIES)


def with_remedy(detail: str, scim_type: str | None = None) -> str:
    """Return a sentence of the protocol engine with what to do about it."""
    detail = detail if len(detail) <= LONGEST_DETAIL else detail[:LONGEST_DETAIL] + "…"
    syntax = re.fullmatch(r"invalid syntax at column (\d+)", detail)
    if syntax:
        what = "filter" if scim_type == "invalidFilter" else "path"
        form = f"{_FILTER_FORM} (RFC 7644 §3.4.2.2)" if what == "filter" else _PATH_FORM
        return f"The {what} cannot be read at column {syntax[1]}. {form}."
    for pattern, remedy in _COMPILED:
        found = pattern.fullmatch(detail)
        if found:
            return found.expand(remedy)
    if _INTERNAL.search(detail):
        return "A value does not fit its schema. See /Schemas for what each attribute must be."
    return detail
