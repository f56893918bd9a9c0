"""What a filter compares: single values and lists of values, and the operators on them."""

import base64
import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, auto
from functools import lru_cache
from inspect import isclass
from typing import Any

from pydantic import BaseModel
from scim2_models import ScimPolicy
from scim2_models.path import AttributeBinding, CompareOperator

from storage.filters.sql import FALSE, TRUE, Sql, conjunction, disjunction, negation, sql

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)
HIGHEST = 0x10FFFF
SURROGATES = range(0xD800, 0xE000)
MISSING = Sql("CAST(NULL AS TEXT)")
NUMBER = "CAST(CAST(? AS TEXT) AS NUMERIC)"
"""The place of a number: sent as its shortest text, it means the same decimal to both."""


class Kind(Enum):
    """How a value is kept and compared."""

    text = auto()
    number = auto()
    boolean = auto()
    moment = auto()
    """Microseconds since the epoch; a dateTime without a time zone is text."""
    binary = auto()
    """Base64 text; only equality applies."""
    opaque = auto()
    """A complex attribute: equal to nothing that a filter can name."""


@lru_cache(maxsize=512)
def kind_of(target: type | None) -> Kind:
    """Return the kind of the values of a Python type of scim2-models."""
    if not isclass(target):
        return Kind.text
    for kind, types in (
        (Kind.opaque, (BaseModel,)),
        (Kind.boolean, (bool,)),
        (Kind.moment, (datetime.datetime,)),
        (Kind.number, (int, float, Decimal)),
        (Kind.binary, (bytes,)),
    ):
        if issubclass(target, types):
            return kind
    return Kind.text


def moment(value: datetime.datetime) -> int | str:
    """Return a dateTime as it is compared (RFC 7643 §2.3.5).

    One with a time zone is the number of microseconds since the epoch. One without is text, since
    Python compares it with neither.
    """
    if value.tzinfo is None:
        return "n" + value.isoformat(timespec="microseconds")
    return (value - EPOCH) // MICROSECOND


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a resource (or of one entry of a list) as SQL.

    Attributes:
        kind: how it compares.
        read: the value, NULL when missing.
        exists: whether it is there.
        present: whether ``pr`` holds.
        naive: the text of a dateTime without a time zone.
        policy: the folding of strings.
        indexed: an index serves equality and prefixes.
    """

    kind: Kind
    read: Sql
    exists: Sql
    present: Sql
    policy: ScimPolicy
    naive: Sql = MISSING
    indexed: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list of values of a resource.

    Attributes:
        value: one of them, read from the row that ``any`` puts in scope.
        any: turns a condition on one entry into "an entry meets it"; the flag says that an index
            finds the entries that meet it.
    """

    value: Value
    any: Callable[[Sql, bool], Sql]


class Unequal(ValueError):
    """The operand is equal to no value that can be stored, and comparable to none."""


def operand(value: Value, expected: Any, binding: AttributeBinding) -> Any:
    """Return what a filter compares with, in the form of the stored values.

    Raises:
        Unequal: its type is another, or the policy cannot prepare it.
    """
    if isinstance(expected, bool):
        if value.kind is Kind.boolean:
            return expected
        expected = int(expected)
    if isinstance(expected, datetime.datetime):
        return _checked(value.kind is Kind.moment, moment(expected))
    if isinstance(expected, bytes):
        return _checked(value.kind is Kind.binary, base64.b64encode(expected).decode())
    if isinstance(expected, str):
        return _checked(value.kind is Kind.text, _folded(value, expected, binding))
    if isinstance(expected, int | float | Decimal):
        return _checked(value.kind is Kind.number, str(expected))
    raise Unequal


def _checked(comparable: bool, key: Any) -> Any:
    if not comparable:
        raise Unequal
    return key


def _folded(value: Value, expected: str, binding: AttributeBinding) -> Any:
    try:
        return binding.comparable(expected, value.policy)
    except ValueError:
        raise Unequal from None


_ORDERING = {
    CompareOperator.gt: ">",
    CompareOperator.ge: ">=",
    CompareOperator.lt: "<",
    CompareOperator.le: "<=",
}


def compare(value: Value, op: CompareOperator, expected: Any, binding: AttributeBinding) -> Sql:
    """Return the condition that one value meets a comparison (RFC 7644 §3.4.2.2)."""
    if expected is None:
        return {CompareOperator.eq: negation(value.exists), CompareOperator.ne: value.exists}.get(
            op, FALSE
        )
    if op is CompareOperator.ne:
        return negation(compare(value, CompareOperator.eq, expected, binding))
    try:
        key = operand(value, expected, binding)
    except Unequal:
        return FALSE
    condition = _compare_key(value, op, key)
    return replace(condition, selective=True) if _selective(value, op, condition) else condition


def _selective(value: Value, op: CompareOperator, condition: Sql) -> bool:
    """Whether an index finds the few rows that meet a comparison."""
    if not value.indexed or value.kind is Kind.boolean or not condition.parameters:
        return False
    return op not in (CompareOperator.co, CompareOperator.ew)


def _compare_key(value: Value, op: CompareOperator, key: Any) -> Sql:
    read = value.naive if value.kind is Kind.moment and isinstance(key, str) else value.read
    if value.kind is Kind.number:
        symbol = {CompareOperator.eq: "=", **_ORDERING}.get(op)
        return sql(f"({{}} {symbol} {NUMBER})", read, key) if symbol else FALSE
    if op is CompareOperator.eq:
        return FALSE if not storable(key) else sql("({} = ?)", read, key)
    if op in _ORDERING:
        return _ordering(read, _ORDERING[op], key)
    if value.kind is not Kind.text or not storable(key):
        return FALSE
    return _substring(read, op, key)


def storable(key: Any) -> bool:
    """Whether a database can hold a string: no NUL, no lone surrogate."""
    return not isinstance(key, str) or _first_unstorable(key) is None


def _first_unstorable(text: str) -> int | None:
    if text.isascii() and "\0" not in text:
        return None
    found = (i for i, each in enumerate(text) if each == "\0" or ord(each) in SURROGATES)
    return next(found, None)


def _ordering(read: Sql, operator: str, key: Any) -> Sql:
    """Compare, also with an operand that cannot be sent to a database (nor be stored there)."""
    position = _first_unstorable(key) if isinstance(key, str) else None
    if position is None:
        return sql(f"({{}} {operator} ?)", read, key)
    head, odd = key[:position], key[position]
    if odd == "\0":  # nothing stored lies between the head and the head followed by NUL
        return sql(f"({{}} {operator[0]}{'=' * (operator[0] == '<')} ?)", read, head)
    return sql(f"({{}} {operator[0]}{'=' * (operator[0] == '>')} ?)", read, head + "\ue000")


def _substring(read: Sql, op: CompareOperator, key: str) -> Sql:
    if key == "":
        return sql("({} IS NOT NULL)", read)
    if op is CompareOperator.sw:
        return prefix(read, key)
    if op is CompareOperator.ew:
        return sql("(substr({}, length({}) - ? + 1) = ? AND length({}) >= ?)", *_ends(read, key))
    return sql("(replace({}, ?, '') <> {})", read, key, read)


def _ends(read: Sql, key: str) -> tuple[Any, ...]:
    return read, read, len(key), key, read, len(key)


def prefix(read: Sql, key: str) -> Sql:
    """Return the condition that a text begins with a key, as a range that an index serves."""
    end = _successor(key)
    if end is None:
        return sql("({} >= ?)", read, key)
    return sql("({} >= ? AND {} < ?)", read, key, read, end)


def _successor(key: str) -> str | None:
    """Return the smallest text that is greater than all that begin with a key."""
    while key:
        point = ord(key[-1]) + 1
        if point in SURROGATES:
            point = SURROGATES.stop
        if point <= HIGHEST:
            return key[:-1] + chr(point)
        key = key[:-1]
    return None


def compare_any(items: Items, op: CompareOperator, expected: Any, binding: AttributeBinding) -> Sql:
    """Return the condition that a list meets a comparison.

    Any entry may meet it; for ``ne`` every entry must. A list that is not there compares as a
    single missing value.
    """
    value = items.value
    if op is CompareOperator.ne:
        if expected is None:
            missing = items.any(negation(value.exists), False)
            return conjunction([items.any(TRUE, False), negation(missing)])
        return negation(compare_any(items, CompareOperator.eq, expected, binding))
    if expected is None:
        if op is not CompareOperator.eq:
            return FALSE
        missing = items.any(negation(value.exists), False)
        return disjunction([negation(items.any(TRUE, False)), missing])
    condition = compare(value, op, expected, binding)
    if condition is FALSE:
        return FALSE
    return items.any(condition, condition.selective)
