"""Applying the table of rules to a request."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson
from scim2_server.requests import ScimRequest

from scim.dialects.catalogue import SHAPES, Attribute, Shape, locate
from scim.dialects.operations import key_of, member
from scim.dialects.rules import PATCH, RESOURCE, Place, Rule
from scim.dialects.table import RULES

_KINDS = {"POST": RESOURCE, "PUT": RESOURCE, "PATCH": PATCH}
_BULK = RESOURCE | PATCH
_ESCAPED = "\\u00"
"""Escaped ASCII: a body with it may hold any mark without showing it."""


def mend(request: ScimRequest, shapes: Mapping[str, Shape] = SHAPES) -> ScimRequest:
    """Return the request that the sender means; one without any deviation comes back as it is.

    Args:
        request: as it was sent; its subject's ``profile`` says whose dialect it may be in.
        shapes: the resource types, when there are others than the built-in ones or extensions
            of them; see :func:`shapes_of`.
    """
    if not request.query and not request.body:
        return request
    profile = getattr(request.subject, "profile", "generic")
    endpoint, _, rest = request.path.strip("/").lower().partition("/")
    shape = shapes.get(endpoint)
    query = _searched(request.query, shape) if request.query else request.query
    body = request.body
    if body:
        searches = rest == ".search" or endpoint == ".search"
        if searches:
            body = _rewritten(body, lambda document: _searched(document, shape))
        elif endpoint == "bulk":
            body = _bulk(body, profile, shapes)
        elif shape is not None:
            body = _single(body, _KINDS.get(request.method.upper()), profile, shape)
    if query is request.query and body is request.body:
        return request
    return replace(request, query=query, body=body)


def _bulk(body: bytes, profile: str, shapes: Mapping[str, Shape]) -> bytes:
    active = _choice(_BULK, profile).of(body)
    if not active.rules:
        return body
    return _rewritten(body, lambda document: active.bulk(document, shapes))


def _single(body: bytes, kind: frozenset[str] | None, profile: str, shape: Shape) -> bytes:
    if kind is None:
        return body
    active = _choice(kind, profile).of(body)
    if not active.rules:
        return body
    work = active.patch if kind is PATCH else active.resource
    return _rewritten(body, lambda document: work(document, shape))


def _rewritten(body: bytes, work: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    """Mend the object that a body holds; the protocol engine answers any other body."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if not isinstance(document, dict):
        return body
    mended = work(document)
    return body if mended is document else orjson.dumps(mended)


def _searched(parameters: Any, shape: Shape | None) -> Any:
    """Mend the parameters of a search."""
    if not isinstance(parameters, Mapping):
        return parameters
    for rule in _SEARCHES:
        parameters = rule.mend(parameters, shape)
    return parameters


_SEARCHES = tuple(rule for rule in RULES if rule.place is Place.query)


class Choice:
    """Chooses the rules that may concern a body, by marks alone, without parsing it.

    Args:
        kind: the kinds of body.
        profile: of the SCIM client.
    """

    def __init__(self, kind: frozenset[str], profile: str) -> None:
        self._rules = [
            rule
            for rule in RULES
            if rule.place is not Place.query and rule.bodies & kind and profile in rule.profiles
        ]
        marks = {mark for rule in self._rules for mark in rule.marks}
        self._marks = tuple(sorted(mark.decode() for mark in marks))
        self._known: dict[tuple[str, ...], Active] = {}

    def of(self, body: bytes) -> "Active":
        """Return the way through a body; it has no rules when none concerns the body."""
        text = body.lower().decode("latin-1")
        if _ESCAPED in text:
            found = self._marks
        else:
            found = tuple([mark for mark in self._marks if mark in text])
        active = self._known.get(found)
        if active is None:
            active = self._known[found] = Active(
                [rule for rule in self._rules if not rule.marks or _marked(rule, found)]
            )
        return active


def _marked(rule: Rule, found: tuple[str, ...]) -> bool:
    return any(mark.decode() in found for mark in rule.marks)


@lru_cache(maxsize=16)
def _choice(kind: frozenset[str], profile: str) -> Choice:
    return Choice(kind, profile)


class Active:
    """Some rules, and the way through a body with them.

    It keeps what it learns about attributes.

    Args:
        rules: in the order of the table.
    """

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = rules
        by_place = {place: [each for each in rules if each.place is place] for place in Place}
        self._resource = by_place[Place.resource]
        self._operation = by_place[Place.operation]
        self._written = by_place[Place.written]
        self._values = by_place[Place.value]
        self._mends: dict[tuple[Attribute, frozenset[str]], list[Rule]] = {}
        self._inner: dict[tuple[Attribute, frozenset[str]], bool] = {}

    # -- bodies ----------------------------------------------------------------

    def resource(self, document: dict[str, Any], shape: Shape) -> dict[str, Any]:
        """Mend a resource."""
        for rule in self._resource:
            document = rule.mend(document, shape)
        mended: dict[str, Any] = self._attributes(document, shape, RESOURCE)
        return mended

    def patch(self, document: dict[str, Any], shape: Shape) -> dict[str, Any]:
        """Mend the operations of a PATCH."""
        return _each_operation(document, lambda operation: self._patched(operation, shape))

    def bulk(self, document: dict[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Any]:
        """Mend the data of each operation of a bulk request."""
        return _each_operation(document, lambda each: self._bulk_operation(each, shapes))

    def _bulk_operation(
        self, operation: dict[str, Any], shapes: Mapping[str, Shape]
    ) -> dict[str, Any]:
        method, path, key = (
            member(operation, "method"),
            member(operation, "path"),
            key_of(operation, "data"),
        )
        if key is None or not (isinstance(method, str) and isinstance(path, str)):
            return operation
        data, kind = operation[key], _KINDS.get(method.upper())
        shape = shapes.get(path.strip("/").lower().partition("/")[0])
        if shape is None or kind is None or not isinstance(data, dict):
            return operation
        mended = self.patch(data, shape) if kind is PATCH else self.resource(data, shape)
        return operation if mended is data else {**operation, key: mended}

    def _patched(self, operation: dict[str, Any], shape: Shape) -> dict[str, Any]:
        for rule in self._operation:
            operation = rule.mend(operation, shape)
        operation = self._with_value(operation, shape)
        for rule in self._written:
            operation = rule.mend(operation, shape)
        return operation

    def _with_value(self, operation: dict[str, Any], shape: Shape) -> dict[str, Any]:
        key = key_of(operation, "value")
        if key is None or operation[key] is None or not self._values:
            return operation
        value = operation[key]
        mended = self._written_value(member(operation, "path"), value, shape)
        return operation if mended is value else {**operation, key: mended}

    def _written_value(self, path: Any, value: Any, shape: Shape) -> Any:
        if not path:
            return self._attributes(value, shape, PATCH) if isinstance(value, dict) else value
        if not isinstance(path, str):
            return value
        target = locate(shape, path)
        if target is not None:
            if target.selects and not target.sub:
                return self._members(value, target.parent.subs, PATCH)
            return self._value(value, target.attribute, PATCH)
        if path.lower() == shape.urn.lower():
            return self._members(value, shape.attributes, PATCH)
        return self._members(value, shape.extensions.get(path.lower(), {}), PATCH)

    # -- attributes ------------------------------------------------------------

    def _attributes(self, document: Any, shape: Shape, kind: frozenset[str]) -> Any:
        """Mend the attributes of a resource, or of a value without path, at any key."""
        if not self._values:
            return document
        mended = None
        for key, item in document.items():
            new = self._attribute(key, item, shape, kind)
            if new is not item:
                mended = mended or dict(document)
                mended[key] = new
        return document if mended is None else mended

    def _attribute(self, key: str, item: Any, shape: Shape, kind: frozenset[str]) -> Any:
        name = key.lower()
        attribute = shape.attributes.get(name)
        if attribute is not None:
            return self._value(item, attribute, kind)
        if name in shape.extensions:
            return self._members(item, shape.extensions[name], kind)
        target = locate(shape, key) if ":" in key or "." in key else None
        return item if target is None else self._value(item, target.attribute, kind)

    def _members(
        self, value: Any, attributes: Mapping[str, Attribute], kind: frozenset[str]
    ) -> Any:
        """Mend the members of an object whose attributes are known by lower-case name."""
        if not isinstance(value, dict):
            return value
        mended = None
        for key, item in value.items():
            attribute = attributes.get(key.lower())
            new = item if attribute is None else self._value(item, attribute, kind)
            if new is not item:
                mended = mended or dict(value)
                mended[key] = new
        return value if mended is None else mended

    def _value(self, value: Any, attribute: Attribute, kind: frozenset[str]) -> Any:
        if value is None:
            return None
        if attribute.subs and self._reaches_into(attribute, kind):
            value = self._complex(value, attribute, kind)
        for rule in self._rules_about(attribute, kind):
            value = rule.mend(value, attribute)
        return value

    def _complex(self, value: Any, attribute: Attribute, kind: frozenset[str]) -> Any:
        if not isinstance(value, list):
            return self._members(value, attribute.subs, kind)
        items = [self._members(item, attribute.subs, kind) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else items

    def _rules_about(self, attribute: Attribute, kind: frozenset[str]) -> list[Rule]:
        known = self._mends.get((attribute, kind))
        if known is None:
            known = self._mends[attribute, kind] = [
                rule for rule in self._values if rule.bodies & kind and rule.about(attribute)
            ]
        return known

    def _reaches_into(self, attribute: Attribute, kind: frozenset[str]) -> bool:
        known = self._inner.get((attribute, kind))
        if known is None:
            known = any(self._rules_about(each, kind) for each in attribute.subs.values())
            self._inner[attribute, kind] = known
        return known


def _each_operation(
    document: dict[str, Any], work: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    key = key_of(document, "operations")
    operations = document[key] if key else None
    if not isinstance(operations, list):
        return document
    mended = [work(each) if isinstance(each, dict) else each for each in operations]
    if all(new is old for new, old in zip(mended, operations, strict=True)):
        return document
    return {**document, str(key): mended}
