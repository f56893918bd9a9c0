"""The values of expressions, and how one kind is read as another.

A text is ``str``, a multi-valued one a tuple of ``str``, a moment a naive UTC ``datetime``; null is
``None``. Sources: Entra: "Reference for writing expressions for attribute mappings"; Visual
Basic's conversion functions, after which Entra's are named.
"""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from azure_adapter.mapping.expressions.dates import DateError, read_moment, show_moment
from azure_adapter.mapping.expressions.errors import Failure

Value = None | str | bool | int | float | datetime | tuple[str, ...]
"""What an expression, or a part of one, evaluates to."""

MAX_TEXT: Final = 10_000
"""Longest text that an expression reads or makes, in characters."""

MAX_ITEMS: Final = 1_000
"""Most items that a multi-valued value may have."""

TEXT_COMPARE: Final = "vbTextCompare"
BINARY_COMPARE: Final = "vbBinaryCompare"
WORDS: Final = {one.lower(): one for one in (TEXT_COMPARE, BINARY_COMPARE)}
"""Words with a meaning of their own, by their lower-case form."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,30}\.[0-9]{1,30}")
_HEX: Final = re.compile(r"&[Hh][0-9A-Fa-f]{1,16}")
_BOOLEANS: Final = {"true": True, "false": False}
_SHOWN: Final = 60


class Kind(StrEnum):
    """What a parameter takes or a function returns."""

    any = "any value"
    text = "text"
    number = "number"
    integer = "integer"
    boolean = "boolean"
    moment = "date"
    many = "multi-valued"
    texts = "text or multi-valued"
    word = "word"


def shown(value: Value) -> str:
    """Return a value as a message shows it."""
    if value is None:
        return "nothing"
    text = repr(to_text(value)) if not isinstance(value, tuple) else f"{len(value)} values"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def to_text(value: Value) -> str | None:
    """Return a value as a text: True and False, and moments as ``M/d/yyyy h:mm:ss tt``."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, datetime):
        return show_moment(value)
    if isinstance(value, tuple):
        raise Failure(
            f"A single text is needed here, but there are {len(value)} values. Take one with "
            "Item, or put them together with Join."
        )
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def to_number(value: Value) -> int | float | None:
    """Return a value as a number; a text is read as a decimal or ``&H`` hexadecimal one."""
    if value is None or isinstance(value, bool):
        return None if value is None else int(value)
    if isinstance(value, (int, float)):
        return value
    text = (to_text(value) or "").strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    raise Failure(f"A number is needed here, not {shown(value)}.")


def to_integer(value: Value) -> int | None:
    """Return a value as a whole number of at most 64 bits."""
    number = to_number(value)
    if number is None:
        return None
    if number != int(number) or abs(number) >= 2**63:
        raise Failure(f"A whole number is needed here, not {shown(value)}.")
    return int(number)


def to_boolean(value: Value) -> bool:
    """Return a value as a condition: null, an empty text, 0 and False are false."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, (int, float)):
        return value != 0
    text = (to_text(value) or "").strip()
    if not text:
        return False
    known = _BOOLEANS.get(text.lower())
    if known is not None:
        return known
    try:
        return to_number(text) != 0
    except Failure:
        raise Failure(f"A condition is needed here: {shown(value)} is no True or False.") from None


def to_moment(value: Value) -> datetime | None:
    """Return a value as a moment in UTC; a text is read as ``CDate`` reads it."""
    if value is None or isinstance(value, datetime):
        return value
    text = to_text(value) or ""
    if not text.strip():
        return None
    try:
        return read_moment(text)
    except DateError as error:
        raise Failure(str(error)) from None


def to_many(value: Value) -> tuple[str, ...]:
    """Return a value as the items of a multi-valued one; null has none."""
    if value is None:
        return ()
    if isinstance(value, tuple):
        return value
    text = to_text(value)
    return () if text is None else (text,)


def to_texts(value: Value) -> Value:
    """Return a value as a text, or as it is when it is multi-valued."""
    return value if isinstance(value, tuple) else to_text(value)


def to_word(value: Value) -> str | None:
    """Return a word with a meaning of its own."""
    if value is None:
        return None
    known = WORDS.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        raise Failure(f"{shown(value)} is none of {', '.join(WORDS.values())}.")
    return known


def check_length(length: int) -> None:
    """Refuse a text that is too long, before it is made."""
    if length > MAX_TEXT:
        raise Failure(f"The text has {length} characters; at most {MAX_TEXT} are kept.")


def bounded(value: Value) -> Value:
    """Return a value that is not too large."""
    if isinstance(value, str):
        check_length(len(value))
    if isinstance(value, tuple) and len(value) > MAX_ITEMS:
        raise Failure(f"There are {len(value)} values; at most {MAX_ITEMS} are kept.")
    return value


def same(left: Value, right: Value) -> bool:
    """Say whether two values are equal.

    Texts are compared with their case. Nothing and an empty text are the same. A number, a
    boolean or a moment is compared as such with a text that can be read as one.
    """
    if isinstance(left, tuple) or isinstance(right, tuple):
        raise Failure("Values that are compared must be single, not multi-valued.")
    pair = _alike(left, right)
    return pair[0] == pair[1] if pair else (to_text(left) or "") == (to_text(right) or "")


def ordered(left: Value, right: Value) -> int:
    """Compare two values: negative, zero or positive; nothing comes before everything else."""
    if same(left, right):
        return 0
    if left is None or right is None:
        return -1 if left is None else 1
    pair = _alike(left, right)
    if pair is None:
        return -1 if (to_text(left) or "") < (to_text(right) or "") else 1
    return -1 if pair[0] < pair[1] else 1


def _alike(left: Value, right: Value) -> tuple[float, float] | None:
    """Return both values as numbers, or None when they are compared as texts.

    A moment counts as its microseconds, and a boolean as 0 or 1.
    """
    if not _has_value(left) or not _has_value(right):
        return None
    try:
        if isinstance(left, datetime) or isinstance(right, datetime):
            return _microseconds(left), _microseconds(right)
        if isinstance(left, bool) or isinstance(right, bool):
            return to_boolean(left), to_boolean(right)
        if isinstance(left, (int, float)) or isinstance(right, (int, float)):
            return to_number(left) or 0, to_number(right) or 0
    except Failure:
        return None
    return None


def _microseconds(value: Value) -> int:
    moment = to_moment(value) or datetime.min
    return (moment - datetime.min) // timedelta(microseconds=1)


def _has_value(value: Value) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())
