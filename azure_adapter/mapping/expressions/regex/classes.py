"""Reads character classes and escapes of .NET's regular expressions, as Python writes them.

Source: .NET: "Character classes in regular expressions", "Character escapes in regular
expressions".
"""

import re
from functools import lru_cache
from itertools import groupby
from typing import Final
from unicodedata import category

ESCAPED_CLASSES: Final = frozenset("dDwWsS")
"""Letters of the classes that both languages know."""

_CONTROLS: Final = {
    "t": "\t",
    "n": "\n",
    "r": "\r",
    "f": "\f",
    "v": "\v",
    "a": "\a",
    "e": "\x1b",
}
_HEX: Final = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})")
_CATEGORY: Final = re.compile(r"([pP])\{([A-Za-z]{1,20})\}")
_CATEGORIES: Final = {
    "L": "ultmo",
    "M": "nce",
    "N": "dlo",
    "P": "cdseifo",
    "S": "mcko",
    "Z": "slp",
    "C": "cfon",
}
"""Unicode's general categories: the second letters by the first."""

_ASSIGNED: Final = 0x32400
"""Above it nothing is assigned but tags, variation selectors and private use (Unicode 16)."""


class RegexError(ValueError):
    """A pattern that cannot be used.

    Attributes:
        message: What is wrong, in a sentence.
        at: Index of the character in the pattern.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


def read_escape(text: str, at: int) -> tuple[str, int]:
    """Read what a backslash escapes, outside a class.

    Returns:
        Python's source of one character, and where the escape ends.
    """
    if found := _CATEGORY.match(text, at + 1):
        negated = found[1] == "P"
        return f"[{'^' if negated else ''}{_ranges(found, at)}]", found.end()
    letter, end = _escaped(text, at)
    return re.escape(letter), end


def _escaped(text: str, at: int) -> tuple[str, int]:
    """Return the character that an escape stands for, and where it ends."""
    letter = text[at + 1 : at + 2]
    if not letter:
        raise RegexError("The pattern ends with a backslash.", at)
    if letter in _CONTROLS:
        return _CONTROLS[letter], at + 2
    if found := _HEX.match(text, at + 1):
        return _character(int(found[1] or found[2], 16), at), found.end()
    if letter in "123456789" or letter == "k":
        raise RegexError("A back-reference is not supported.", at)
    if letter.isalnum() and letter.isascii():
        raise RegexError(f"The escape \\{letter} is not supported.", at)
    return letter, at + 2


def _character(code: int, at: int) -> str:
    if 0xD800 <= code <= 0xDFFF:
        raise RegexError("Half of a surrogate pair is no character.", at)
    return chr(code)


def _ranges(found: re.Match[str], at: int) -> str:
    name = found[2]
    if name[0] not in _CATEGORIES or name[1:] not in ("", *_CATEGORIES[name[0]]):
        raise RegexError(f"The class {found[0]} is not supported; general categories are.", at)
    return category_ranges(name)


@lru_cache(maxsize=40)
def category_ranges(name: str) -> str:
    """Return the characters of a Unicode general category, as the inside of a class."""
    codes = (code for code in range(_ASSIGNED) if not 0xD800 <= code <= 0xDFFF)
    members = [code for code in codes if category(chr(code)).startswith(name)]
    runs = groupby(enumerate(members), key=lambda pair: pair[1] - pair[0])
    parts = []
    for _, run in runs:
        numbers = [code for _, code in run]
        parts.append(f"\\U{numbers[0]:08x}-\\U{numbers[-1]:08x}")
    return "".join(parts)


def read_class(text: str, start: int) -> tuple[str, int]:
    """Read a class in brackets.

    Returns:
        Python's source of it, and where it ends.
    """
    at = start + 1
    negated = text.startswith("^", at)
    at += negated
    parts: list[str] = []
    while at < len(text) and (text[at] != "]" or not parts):
        if text.startswith("-[", at) and parts:
            raise RegexError("A class that is taken off a class is not supported.", at)
        part, at = _member(text, at)
        parts.append(part)
    if at >= len(text):
        raise RegexError("This bracket is not closed.", start)
    return f"[{'^' if negated else ''}{''.join(parts)}]", at + 1


def _member(text: str, at: int) -> tuple[str, int]:
    """Read a character, a range or an escaped class inside brackets."""
    if text[at] == "\\":
        if text[at + 1 : at + 2] in ESCAPED_CLASSES and at + 1 < len(text):
            return text[at : at + 2], at + 2
        if found := _CATEGORY.match(text, at + 1):
            return _category_member(found, at), found.end()
    first, end = _single(text, at)
    if text[end : end + 1] != "-" or text[end + 1 : end + 2] in ("", "]", "["):
        return re.escape(first), end
    if text[end + 1] == "\\" and text[end + 2 : end + 3] in ESCAPED_CLASSES:
        raise RegexError("A class cannot be the end of a range.", end)
    last, after = _single(text, end + 1)
    if first > last:
        raise RegexError(f"The range {first}-{last} goes backwards.", at)
    return f"{re.escape(first)}-{re.escape(last)}", after


def _category_member(found: re.Match[str], at: int) -> str:
    if found[1] == "P":
        raise RegexError("Inside brackets \\P is not supported; negate the brackets.", at)
    return _ranges(found, at)


def _single(text: str, at: int) -> tuple[str, int]:
    if text[at] != "\\":
        return text[at], at + 1
    if text[at + 1 : at + 2] == "b":
        return "\b", at + 2
    return _escaped(text, at)
