"""Functions that take texts apart and put them together.

Source: Entra: "Reference for writing expressions for attribute mappings".
"""

from base64 import b64encode
from typing import Final

from azure_adapter.mapping.expressions.errors import Failure
from azure_adapter.mapping.expressions.functions.spec import Example, Function, Parameter
from azure_adapter.mapping.expressions.values import (
    BINARY_COMPARE,
    TEXT_COMPARE,
    Kind,
    Value,
    check_length,
    to_integer,
    to_text,
)


def _append(source: str | None, suffix: str | None) -> Value:
    return None if source is None else source + (suffix or "")


def _join(separator: str | None, *sources: Value) -> Value:
    parts: list[str] = []
    for source in sources:
        if isinstance(source, tuple):
            parts += [one for one in source if one]
        elif text := to_text(source):
            parts.append(text)
    gap = separator or ""
    check_length(sum(map(len, parts)) + len(gap) * (len(parts) - 1))
    return gap.join(parts)


def _left(text: str | None, count: int | None) -> Value:
    if text is None:
        return ""
    return text if count is None or count < 0 else text[:count]


def _mid(source: str | None, start: int | None, length: int | None) -> Value:
    if start is None or start < 1:
        raise Failure("The start must be 1 or more: the first character has the index 1.", 1)
    if length is None or length < 0:
        raise Failure("The length must be 0 or more.", 2)
    return None if source is None else source[start - 1 : start - 1 + length]


def _check_mid(arguments: list[Value]) -> None:
    start, length = arguments[1:3]
    _mid(None, 1 if start is None else to_integer(start), to_integer(length) or 0)


def _in_str(text: str | None, part: str | None, start: int | None, compare: str | None) -> Value:
    if start is not None and start < 1:
        raise Failure("The start must be 1 or more: the first character has the index 1.", 2)
    if text is None or part is None:
        return 0
    if compare == TEXT_COMPARE:
        text, part = text.lower(), part.lower()
    return text.find(part, (start or 1) - 1) + 1


def _strip_spaces(source: str | None) -> Value:
    return None if source is None else source.replace(" ", "")


def _to_base64(source: str | None) -> Value:
    if source is None:
        return None
    return b64encode(source.encode("utf-16-le", "replace")).decode()


def _to_hex(source: str | None) -> Value:
    return None if source is None else source.encode("utf-8", "replace").hex().upper()


def _c_str(value: str | None) -> Value:
    return value


def _bit_and(first: int | None, second: int | None) -> Value:
    return None if first is None or second is None else first & second


_SOURCE: Final = Parameter("source")

FUNCTIONS: Final = (
    Function(
        "Append",
        (_SOURCE, Parameter("suffix")),
        _append,
        "The source with the suffix behind it. A source that is null gives null, so that nothing "
        "is made of the suffix alone; a suffix that is null adds nothing.",
        Example(
            'Append([userPrincipalName], ".test")',
            "ann@contoso.com.test",
            {"userPrincipalName": "ann@contoso.com"},
        ),
    ),
    Function(
        "Join",
        (Parameter("separator"), Parameter("source", Kind.texts)),
        _join,
        "The sources with the separator between them. Each value of a multi-valued source counts; "
        "null and empty values are skipped. When there are none, an empty text.",
        Example(
            'Join(" ", [givenName], [surname])',
            "Ann Bell",
            {"givenName": "Ann", "surname": "Bell"},
        ),
        repeat=1,
    ),
    Function(
        "Left",
        (Parameter("String"), Parameter("NumChars", Kind.integer)),
        _left,
        "The first characters of a text. 0 gives an empty text, a negative number the whole text; "
        "a text that is null gives an empty one.",
        Example('Left("John Doe", 3)', "Joh"),
    ),
    Function(
        "Mid",
        (_SOURCE, Parameter("start", Kind.integer), Parameter("length", Kind.integer)),
        _mid,
        "A part of the source. The first character has the index 1; a length beyond the end is "
        "cut. Null gives null.",
        Example("Mid([surname], 1, 5)", "Macdo", {"surname": "Macdonald"}),
        check=_check_mid,
    ),
    Function(
        "InStr",
        (
            Parameter("value1"),
            Parameter("value2"),
            Parameter("start", Kind.integer, required=False),
            Parameter("compareType", Kind.word, required=False),
        ),
        _in_str,
        f"Where value2 is found first in value1: 1 for the first character, 0 for nowhere. With "
        f"{BINARY_COMPARE}, the default, case counts; with {TEXT_COMPARE} it does not.",
        Example('InStr("The quick brown fox", "quick")', 5),
        Kind.integer,
    ),
    Function(
        "StripSpaces",
        (_SOURCE,),
        _strip_spaces,
        "The source without any space. Null gives null.",
        Example('StripSpaces("Van der Berg")', "VanderBerg"),
    ),
    Function(
        "ConvertToBase64",
        (_SOURCE,),
        _to_base64,
        "The base64 form of the source in UTF-16 (little-endian), which Microsoft calls Unicode. "
        "Null gives null.",
        Example('ConvertToBase64("Hello world!")', "SABlAGwAbABvACAAdwBvAHIAbABkACEA"),
    ),
    Function(
        "ConvertToUTF8Hex",
        (_SOURCE,),
        _to_hex,
        "The bytes of the source in UTF-8, as upper-case hexadecimal digits. Null gives null.",
        Example('ConvertToUTF8Hex("Hello world!")', "48656C6C6F20776F726C6421"),
    ),
    Function(
        "CStr",
        (Parameter("value"),),
        _c_str,
        "The value as a text: True or False, the digits of a number, a date as M/d/yyyy h:mm:ss "
        "tt. Null stays null.",
        Example("CStr(42)", "42"),
    ),
    Function(
        "BitAnd",
        (Parameter("value1", Kind.integer), Parameter("value2", Kind.integer)),
        _bit_and,
        "A number with the bits that are set in both. Hexadecimal numbers are written &HF7. Null "
        "gives null.",
        Example("BitAnd(&HF, &HF7)", 7),
        Kind.integer,
    ),
)
"""Functions of texts and numbers."""
