"""Pieces of SQL that carry their parameters."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

_SLOT = re.compile(r"\{\}|\?")


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with ``?`` placeholders, and the values that go into them, in order.

    Attributes:
        text: the SQL.
        parameters: the values.
        selective: a condition that an index finds few rows for.
    """

    text: str
    parameters: tuple[Any, ...] = ()
    selective: bool = False


TRUE = Sql("TRUE")
FALSE = Sql("FALSE")


def sql(template: str, *parts: Any) -> Sql:
    """Fill a template: each ``{}`` takes a piece of SQL, each ``?`` a value.

    The template itself must not hold either inside a literal; pieces that are filled in may.
    """
    texts: list[str] = []
    parameters: list[Any] = []
    position = 0
    given = iter(parts)
    for slot in _SLOT.finditer(template):
        texts.append(template[position : slot.start()])
        position = slot.end()
        part = next(given)
        if slot.group() == "?":
            texts.append("?")
            parameters.append(part)
        else:
            texts.append(part.text)
            parameters.extend(part.parameters)
    texts.append(template[position:])
    return Sql("".join(texts), tuple(parameters))


def join(separator: str, parts: Iterable[Sql]) -> Sql:
    """Join pieces of SQL with a separator."""
    given = list(parts)
    return Sql(
        separator.join(part.text for part in given),
        tuple(value for part in given for value in part.parameters),
    )


def conjunction(parts: Iterable[Sql]) -> Sql:
    """Return the pieces joined by AND, without those that always hold."""
    needed = [part for part in parts if part is not TRUE]
    if any(part is FALSE for part in needed):
        return FALSE
    selective = any(part.selective for part in needed)
    return _combined(" AND ", needed, TRUE, selective)


def disjunction(parts: Iterable[Sql]) -> Sql:
    """Return the pieces joined by OR, without those that never hold."""
    needed = [part for part in parts if part is not FALSE]
    if any(part is TRUE for part in needed):
        return TRUE
    selective = all(part.selective for part in needed)
    return _combined(" OR ", needed, FALSE, selective)


def negation(part: Sql) -> Sql:
    """Return the negation, for which NULL counts as false.

    Every condition of this package may be NULL where the evaluator says false. AND, OR, WHERE and
    EXISTS treat the two alike, so that only negations have to tell them apart.
    """
    if part is TRUE:
        return FALSE
    if part is FALSE:
        return TRUE
    return sql("(({}) IS NOT TRUE)", part)


def _combined(separator: str, parts: list[Sql], empty: Sql, selective: bool) -> Sql:
    if not parts:
        return empty
    if len(parts) == 1:
        return parts[0]
    return replace(sql("({})", join(separator, parts)), selective=selective)


def literal(text: str) -> str:
    """Return a string as an SQL literal, for names that come from schemas (never from callers)."""
    return "'" + text.replace("'", "''") + "'"


def case_of(subject: str, values: dict[str, str]) -> Sql:
    """Return ``CASE subject WHEN … THEN …``, with both sides as literals."""
    if not values:
        return Sql("NULL")
    branches = " ".join(f"WHEN {literal(k)} THEN {literal(v)}" for k, v in values.items())
    return Sql(f"(CASE {subject} {branches} END)")
