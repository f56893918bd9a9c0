"""Find values in a JSON document by a small path language.

A path is a list of segments with ``/`` between them, so that attribute names may hold dots and
colons. A segment is a name, ``*`` for every element of a list, or a name with a selector:
``emails[type=work]/value``. Everything that matches is found, nothing is not an error.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

_SELECTOR = re.compile(r"(?P<name>[^\[\]]+)\[(?P<key>[^=]+)=(?P<wanted>.*)\]")


def find(document: Any, path: str) -> list[Any]:
    """Every value that a path leads to; the empty path leads to the document itself."""
    found = [document]
    for segment in segments(path):
        found = [each for value in found for each in _step(value, segment)]
    return found


def segments(path: str) -> list[str]:
    """The segments of a path; a ``/`` inside a selector does not part them."""
    return re.findall(r"(?:[^/\[]|\[[^\]]*\])+", path)


def _step(value: Any, segment: str) -> Iterable[Any]:
    if segment == "*":
        return value if isinstance(value, list) else []
    selected = _SELECTOR.fullmatch(segment)
    if selected is None:
        return [value[segment]] if isinstance(value, dict) and segment in value else []
    return _selected(value, selected["name"], selected["key"], selected["wanted"])


def _selected(value: Any, name: str, key: str, wanted: str) -> Iterator[Any]:
    elements = value.get(name) if isinstance(value, dict) else None
    for each in elements if isinstance(elements, list) else []:
        if isinstance(each, dict) and _text(each.get(key)) == wanted:
            yield each


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
