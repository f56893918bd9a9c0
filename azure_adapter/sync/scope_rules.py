"""Evaluates scoping filters over the attributes of one object. Pure, total, cannot hang.

Semantics of Entra's scoping filters: texts are compared exactly, with case; a pattern has to match
the whole value (Entra's own example: ``([1-9][0-9])`` is the numbers from 10 to 99); and every
operator but IS NULL is false for an attribute that is missing, null or empty, also NOT EQUALS and
NOT REGEX MATCH. Source: Entra: "Scoping users or groups to be provisioned with scoping filters".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from azure_adapter.mapping.expressions.regex import Pattern, TooManySteps, compile_pattern
from azure_adapter.mapping.sources import find_source
from azure_adapter.sync.scope_values import Clause, Match, Operator, ScopingFilter
from scim.provisioning.keys import comparison_key
from scim.provisioning.source import ObjectKind

_FLAGS: Final = re.compile(r"\(\?([a-zA-Z]+)\)")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")


def lets_in(
    rules: Sequence[ScopingFilter], attributes: Mapping[str, Any], kind: ObjectKind
) -> bool:
    """Tell whether one of the filters lets an object in; without any filter everything is in."""
    return not rules or any(_filter_holds(each, attributes, kind) for each in rules)


def holds(
    clause: Clause, attributes: Mapping[str, Any], kind: ObjectKind = ObjectKind.user
) -> bool:
    """Tell whether a clause is true of an object."""
    source = find_source(clause.attribute, kind)
    value = source.value(attributes)
    if source.inverted and isinstance(value, bool):
        value = not value
    if clause.operator is Operator.is_null:
        return is_empty(value)
    return not is_empty(value) and _TESTS[clause.operator](clause, value)


def is_empty(value: Any) -> bool:
    """Tell whether an attribute counts as empty: null, "", a list or an object without anything."""
    return value is None or (isinstance(value, str | list | dict) and not value)


@lru_cache(maxsize=512)
def whole_pattern(pattern: str, *, ignore_case: bool = False) -> Pattern:
    """Compile a pattern so that it matches whole values only.

    Raises:
        RegexError: it cannot be used; ``at`` is the index of the character in it.
    """
    compile_pattern(pattern)
    options = _FLAGS.match(pattern)
    letters = (options[1] if options else "") + ("i" if ignore_case else "")
    body = pattern[options.end() :] if options else pattern
    return compile_pattern(f"{f'(?{letters})' if letters else ''}\\A(?:{body})\\z")


def _filter_holds(rule: ScopingFilter, attributes: Mapping[str, Any], kind: ObjectKind) -> bool:
    every = all if rule.match is Match.all else any
    return every(holds(clause, attributes, kind) for clause in rule.clauses)


def _text(value: Any) -> str | None:
    """Return a single value as a text; ``None`` for what is none (lists, objects)."""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) else None


def _folded(clause: Clause, text: str) -> str:
    return comparison_key(text) if clause.ignore_case else text


def _wanted(clause: Clause) -> str:
    return _folded(clause, str(clause.value))


def _compares(test: Callable[[str, str], bool]) -> Callable[[Clause, Any], bool]:
    """Return a test of a single value's text against the clause's."""

    def holds_for(clause: Clause, value: Any) -> bool:
        text = _text(value)
        return text is not None and test(_folded(clause, text), _wanted(clause))

    return holds_for


def _is_one_of(clause: Clause, value: Any) -> bool | None:
    text = _text(value)
    if text is None or not isinstance(clause.value, tuple):
        return None
    return _folded(clause, text) in {_folded(clause, each) for each in clause.value}


def _includes(clause: Clause, value: Any) -> bool | None:
    """Look for the text in a text, or for the value among many values."""
    wanted = _wanted(clause)
    if isinstance(value, list):
        texts = (_text(each) for each in value)
        return any(_folded(clause, text) == wanted for text in texts if text is not None)
    text = _text(value)
    return None if text is None else wanted in _folded(clause, text)


def _matches(clause: Clause, value: Any) -> bool | None:
    """Match the pattern; a value that is too long for it is undecided."""
    text = _text(value)
    if text is None:
        return None
    pattern = whole_pattern(str(clause.value), ignore_case=clause.ignore_case)
    try:
        return next(pattern.matches(text), None) is not None
    except TooManySteps:
        return None


def _number(value: Any) -> int | None:
    """Return a whole number, also one that is written as a text (``employeeId`` is)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else None


def _exceeds(clause: Clause, value: Any) -> bool:
    number, limit = _number(value), _number(clause.value)
    if number is None or limit is None:
        return False
    return number > limit or (number == limit and clause.operator is not Operator.greater_than)


_TESTS: Final[dict[Operator, Callable[[Clause, Any], bool]]] = {
    Operator.equals: _compares(lambda text, wanted: text == wanted),
    Operator.not_equals: _compares(lambda text, wanted: text != wanted),
    Operator.starts_with: _compares(str.startswith),
    Operator.ends_with: _compares(str.endswith),
    Operator.is_true: lambda _, value: value is True,
    Operator.is_false: lambda _, value: value is False,
    Operator.is_not_null: lambda _clause, _value: True,
    Operator.regex_match: lambda clause, value: _matches(clause, value) is True,
    Operator.not_regex_match: lambda clause, value: _matches(clause, value) is False,
    Operator.includes: lambda clause, value: _includes(clause, value) is True,
    Operator.not_includes: lambda clause, value: _includes(clause, value) is False,
    Operator.in_list: lambda clause, value: _is_one_of(clause, value) is True,
    Operator.not_in_list: lambda clause, value: _is_one_of(clause, value) is False,
    Operator.greater_than: _exceeds,
    Operator.greater_than_or_equals: _exceeds,
}
"""What each operator says of an attribute that is not empty."""
