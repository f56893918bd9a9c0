"""Reads one clause of a scoping filter: a known attribute, an operator that fits it, a value."""

from typing import Any, Final

from azure_adapter.mapping.expressions.errors import Failure, suggestion
from azure_adapter.mapping.expressions.regex import RegexError
from azure_adapter.mapping.sources import Source, SourceType, find_source
from azure_adapter.sync.scope_problems import Problems
from azure_adapter.sync.scope_rules import whole_pattern
from azure_adapter.sync.scope_values import (
    FOR_FLAGS,
    FOR_LISTS,
    WITH_LIST,
    WITH_NUMBER,
    WITH_PATTERN,
    WITHOUT_VALUE,
    Clause,
    Operator,
)
from scim.provisioning.source import ObjectKind

LONGEST_VALUE: Final = 1_024
"""How many characters a value has at most."""

MOST_VALUES: Final = 1_000
"""How many values IN and NOT IN take at most."""

LARGEST: Final = 10**18
"""Whole numbers are smaller than this, on either side of zero."""

TEXTS: Final = frozenset({SourceType.text, SourceType.date, SourceType.guest})
"""Types of attributes that hold one text."""

KEYS: Final = ("attribute", "operator", "value", "ignore_case")


def read_clause(problems: Problems, kind: ObjectKind, value: object) -> Clause:
    """Read a clause; problems are noted, and a stand-in is returned."""
    given = problems.mapping(value, KEYS)
    source = _attribute(problems, kind, given.get("attribute"))
    operator = _operator(problems, given.get("operator"))
    with problems.at("ignore_case"):
        ignore_case = problems.flag(given.get("ignore_case"), False)
    if source is None or operator is None:
        return Clause("", Operator.is_null)
    _check_fit(problems, operator, source)
    with problems.at("value"):
        return Clause(source.name, operator, _value(problems, operator, given), ignore_case)


def _attribute(problems: Problems, kind: ObjectKind, value: object) -> Source | None:
    """Read an attribute by Graph's or by Entra's name.

    A property that Graph does not know would make it refuse every read.
    """
    with problems.at("attribute"):
        name = problems.text(value, LONGEST_VALUE).strip()
        if not name:
            problems.add("The attribute is missing.", "Name one, such as department.")
            return None
        try:
            source = find_source(name, kind)
        except Failure as failure:
            problems.add(failure.message, "Choose another one.")
            return None
        if not source.select:
            problems.add(f"{source.name} cannot be asked for.", "Name groups by their ids instead.")
            return None
        return source


def _operator(problems: Problems, value: object) -> Operator | None:
    """Read an operator as Entra writes it, in any case, with spaces or with underscores."""
    with problems.at("operator"):
        text = problems.text(value, LONGEST_VALUE)
        plain = " ".join(text.upper().replace("_", " ").split())
        for operator in Operator:
            if plain == operator.value.replace("_", " "):
                return operator
        known = [operator.value for operator in Operator]
        problems.add(
            f"{text[:64]!r} is not an operator." if text else "The operator is missing.",
            f"Choose one of {', '.join(known)}.{suggestion(text, known)}",
        )
        return None


def _check_fit(problems: Problems, operator: Operator, source: Source) -> None:
    """Note an operator that could never be true of the attribute."""
    wrong, choices = "", frozenset[Operator]()
    if source.many and operator not in FOR_LISTS:
        wrong, choices = "has many values", FOR_LISTS
    elif source.type is SourceType.boolean and operator not in FOR_FLAGS:
        wrong, choices = "is true or false", FOR_FLAGS
    elif source.type in TEXTS and operator in (Operator.is_true, Operator.is_false):
        wrong, choices = "is a text", frozenset(Operator) - {Operator.is_true, Operator.is_false}
    if wrong:
        known = ", ".join(one.value for one in Operator if one in choices)
        with problems.at("operator"):
            problems.add(
                f"{source.name} {wrong}; {operator.value} is not for that.", f"Use {known}."
            )


def _value(
    problems: Problems, operator: Operator, given: Any
) -> str | int | tuple[str, ...] | None:
    value = given.get("value")
    if operator in WITHOUT_VALUE:
        if value not in (None, ""):
            problems.add(f"{operator.value} takes no value.", "Leave it away.")
        return None
    if operator in WITH_LIST:
        return _values(problems, operator, value)
    if operator in WITH_NUMBER:
        return _number(problems, operator, value)
    text = problems.text(value, LONGEST_VALUE)
    if value in (None, ""):
        problems.add(f"{operator.value} needs a value.", "Give a text, or use IS NULL.")
    elif text and operator in WITH_PATTERN:
        _check_pattern(problems, text)
    return text


def _values(problems: Problems, operator: Operator, value: object) -> tuple[str, ...]:
    items = problems.items(value, MOST_VALUES)
    if not items and (value is None or value == []):
        problems.add(f"{operator.value} needs values.", "Give a list of at least one text.")
    texts = []
    for index, item in enumerate(items):
        with problems.at(index):
            text = problems.text(item, LONGEST_VALUE)
            if not text and (item is None or item == ""):
                problems.add("The text is empty.", "Remove it; IS NULL asks for empty attributes.")
            texts.append(text)
    return tuple(dict.fromkeys(texts))


def _number(problems: Problems, operator: Operator, value: object) -> int:
    """Read a whole number, also one that is written as a text, as Entra's form sends it."""
    text = value.strip() if isinstance(value, str) else ""
    number = int(text) if text.lstrip("-").isdecimal() and len(text) <= 19 else value
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) >= LARGEST:
        problems.add(f"{operator.value} needs a whole number.", "Give one, such as 1000000.")
        return 0
    return number


def _check_pattern(problems: Problems, pattern: str) -> None:
    try:
        whole_pattern(pattern)
        whole_pattern(pattern, ignore_case=True)
    except RegexError as error:
        problems.add(
            f"The pattern cannot be used: {error.message} (character {error.at + 1})",
            "Correct it there; it has to match the whole value.",
        )
