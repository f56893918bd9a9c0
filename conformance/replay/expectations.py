"""What a data file may expect of an answer.

An expectation is a list: a path, an operator and its operand. ``["active", "is", false]``. A path
that begins with ``@`` names a header of the answer: ``["@www-authenticate", "present"]``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conformance.exchange import Exchange
from conformance.replay.paths import find
from conformance.replay.values import fill

_TYPES: dict[str, type] = {"string": str, "boolean": bool, "integer": int, "list": list}
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def _is(found: list[Any], wanted: Any) -> bool:
    return len(found) == 1 and _same(found[0], wanted)


def _are(found: list[Any], wanted: Any) -> bool:
    rest = list(found)
    for each in wanted:
        match = next((value for value in rest if _same(value, each)), _EMPTY)
        if match is _EMPTY:
            return False
        rest.remove(match)
    return not rest


def _has(found: list[Any], wanted: Any) -> bool:
    return any(_same(each, wanted) for each in found)


def _of_type(found: list[Any], wanted: Any) -> bool:
    kind = _TYPES[wanted]
    return bool(found) and all(type(each) is kind for each in found)


def _matches(found: list[Any], wanted: Any) -> bool:
    return bool(found) and all(re.search(wanted, str(each)) for each in found)


OPERATORS: dict[str, Callable[[list[Any], Any], bool]] = {
    "is": _is,
    "are": _are,
    "has": _has,
    "lacks": lambda found, wanted: not _has(found, wanted),
    "absent": lambda found, _: all(each in _EMPTY for each in found),
    "present": lambda found, _: any(each not in _EMPTY for each in found),
    "count": lambda found, wanted: len(found) == wanted,
    "at-least": lambda found, wanted: bool(found) and all(each >= wanted for each in found),
    "one-of": lambda found, wanted: len(found) == 1 and _has(wanted, found[0]),
    "not": lambda found, wanted: bool(found) and not _has(found, wanted),
    "matches": _matches,
    "ascending": lambda found, _: found == sorted(found, key=lambda each: str(each).lower()),
    "type": _of_type,
}
"""Each says whether the values found at a path are as wanted."""


def problems(
    expectations: Sequence[Sequence[Any]], exchange: Exchange, values: Mapping[str, Any]
) -> list[str]:
    """What in an answer is not as expected."""
    body = exchange.json
    headers = {f"@{name}": value for name, value in exchange.headers.items()}
    return [
        problem
        for each in expectations
        if (problem := _problem(each, headers if each[0].startswith("@") else body, values))
    ]


def _problem(expectation: Sequence[Any], document: Any, values: Mapping[str, Any]) -> str:
    path, operator, *operand = fill(list(expectation), values)
    wanted = operand[0] if operand else None
    found = find(document, path)
    try:
        if OPERATORS[operator](found, wanted):
            return ""
    except TypeError:
        pass
    said = f"{path or 'the answer'} {operator}" + (f" {wanted!r}" if operand else "")
    return f"expected {said}, found {found if len(found) != 1 else repr(found[0])}"


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)
