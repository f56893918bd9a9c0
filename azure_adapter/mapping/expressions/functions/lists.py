"""Functions of multi-valued attributes, and of texts as lists of words.

Source: Entra: "Reference for writing expressions for attribute mappings".
"""

import re
from typing import Final

from azure_adapter.mapping.expressions.errors import Failure
from azure_adapter.mapping.expressions.functions.spec import Example, Function, Parameter
from azure_adapter.mapping.expressions.values import Kind, Value, to_integer


def _count(values: tuple[str, ...]) -> Value:
    return len(values)


def _item(values: tuple[str, ...], index: int | None) -> Value:
    if index is None or index < 1:
        raise Failure("The index must be 1 or more: the first item has the index 1.", 1)
    return values[index - 1] if index <= len(values) else None


def _check_item(arguments: list[Value]) -> None:
    if arguments[1] is not None:
        _item((), to_integer(arguments[1]))


def _remove_duplicates(values: tuple[str, ...]) -> Value:
    return tuple(dict.fromkeys(values))


def _split(source: str | None, delimiter: str | None) -> Value:
    if not delimiter:
        raise Failure("The delimiter is empty.", 1)
    if not source:
        return ()
    return tuple(one.strip() for one in source.split(delimiter))


def _word(text: str | None, number: int | None, delimiters: str | None) -> Value:
    if text is None or number is None or number < 1:
        return ""
    pattern = f"[{re.escape(delimiters)}]" if delimiters else None
    words = [one for one in re.split(pattern, text) if one] if pattern else [text]
    return words[number - 1] if number <= len(words) else ""


_ATTRIBUTE: Final = Parameter("attribute", Kind.many)
_ADDRESSES: Final = {"proxyAddresses": ["SMTP:ann@contoso.com", "smtp:bell@contoso.com"]}

FUNCTIONS: Final = (
    Function(
        "Count",
        (_ATTRIBUTE,),
        _count,
        "How many values a multi-valued attribute has; 0 for null, 1 for a single value.",
        Example("Count([proxyAddresses])", 2, _ADDRESSES),
        Kind.integer,
    ),
    Function(
        "Item",
        (_ATTRIBUTE, Parameter("index", Kind.integer)),
        _item,
        "One value of a multi-valued attribute; the first has the index 1. Where there is none, "
        "null.",
        Example("Item([proxyAddresses], 1)", "SMTP:ann@contoso.com", _ADDRESSES),
        check=_check_item,
    ),
    Function(
        "RemoveDuplicates",
        (_ATTRIBUTE,),
        _remove_duplicates,
        "The values of a multi-valued attribute, each once. Case counts.",
        Example('RemoveDuplicates(Split("a,b,a", ","))', ("a", "b")),
        Kind.many,
    ),
    Function(
        "Split",
        (Parameter("source"), Parameter("delimiter")),
        _split,
        "The parts of a text as a multi-valued value, without white space around them. A "
        "delimiter of several characters is taken as a whole. Null and an empty text give no "
        "values.",
        Example(
            'Split([extensionAttribute5], ",")',
            ("PermissionSetOne", "PermissionSetTwo"),
            {"extensionAttribute5": "PermissionSetOne, PermissionSetTwo"},
        ),
        Kind.many,
    ),
    Function(
        "Word",
        (Parameter("String"), Parameter("WordNumber", Kind.integer), Parameter("Delimiters")),
        _word,
        "One of the words of a text, which are separated by any of the characters in Delimiters; "
        "the first has the number 1. Where there is none, and for null, an empty text.",
        Example('Word("This,string!has&many separators", 3, ",!&#")', "has"),
    ),
)
"""Functions of several values."""
