"""Functions of upper and lower case, and of diacritics.

Sources: Entra: "Reference for writing expressions for attribute mappings"; .NET:
``TextInfo.ToTitleCase``, ``ToLowerInvariant``: simple case mappings, character by character.
"""

import re
from typing import Final
from unicodedata import category, normalize

from azure_adapter.mapping.expressions.errors import Failure
from azure_adapter.mapping.expressions.functions.spec import Example, Function, Parameter
from azure_adapter.mapping.expressions.values import Value

_CULTURE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_TURKIC: Final = frozenset({"tr", "az"})
_MARKS: Final = re.compile("[\u0300-\u036f]")
_LETTERS: Final = str.maketrans(
    {
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "oe",
        "Ø": "OE",
        "ß": "ss",
        "ł": "l",
        "Ł": "L",
        "ı": "i",
    }
)
_DOTTED: Final = "İı"
"""The letters that the invariant culture leaves alone, as its i is the English one."""


def _language(culture: str | None) -> str:
    if culture and not _CULTURE.fullmatch(culture):
        raise Failure(f"{culture[:40]!r} is no name of a culture, such as en-US.", 1)
    return (culture or "").partition("-")[0].lower()


def _simple(text: str, mapped: str) -> str:
    """Return one mapped character, or the character itself when it would become several."""
    return mapped if len(mapped) == 1 else text


def _to_lower(source: str | None, culture: str | None) -> Value:
    turkic = _language(culture) in _TURKIC
    if source is None:
        return None
    if turkic:
        source = source.replace("I", "ı").replace("İ", "i")
    return source.lower() if source.isascii() else "".join(map(_lower, source))


def _lower(letter: str) -> str:
    return letter if letter in _DOTTED else _simple(letter, letter.lower())


def _to_upper(source: str | None, culture: str | None) -> Value:
    turkic = _language(culture) in _TURKIC
    if source is None:
        return None
    if turkic:
        source = source.replace("i", "İ").replace("ı", "I")
    return source.upper() if source.isascii() else "".join(map(_upper, source))


def _upper(letter: str) -> str:
    return letter if letter in _DOTTED else _simple(letter, letter.upper())


def _p_case(source: str | None, separators: str | None) -> Value:
    if source is None:
        return None
    return _titled(source) if separators is None else _separated(source, separators)


def _titled(source: str) -> str:
    """Capitalise as .NET's ToTitleCase: a word begins with a letter and ends at a separator.

    An apostrophe inside a word belongs to it.
    """
    letters: list[str] = []
    inside = False
    for letter in source:
        if letter.isalpha():
            letters.append(_lower(letter) if inside else _title(letter))
            inside = True
        else:
            letters.append(letter)
            inside = inside and (letter == "'" or not _separates(letter))
    return "".join(letters)


def _title(letter: str) -> str:
    return letter if letter in _DOTTED else _simple(letter, letter.title())


def _separates(letter: str) -> bool:
    return category(letter)[0] in "ZPS" or category(letter) in ("Cc", "Cf")


def _separated(source: str, separators: str) -> str:
    letters: list[str] = []
    inside = False
    for letter in source:
        letters.append(_lower(letter) if inside else _upper(letter))
        inside = letter not in separators
    return "".join(letters)


def _normalize_diacritics(source: str | None) -> Value:
    if source is None or source.isascii():
        return source
    bare = _MARKS.sub("", normalize("NFD", source))
    return normalize("NFC", bare).translate(_LETTERS)


_SOURCE: Final = Parameter("source")
_CULTURE_PARAMETER: Final = Parameter("culture", required=False)


def _check_culture(arguments: list[Value]) -> None:
    if len(arguments) > 1 and isinstance(arguments[1], str):
        _language(arguments[1])


FUNCTIONS: Final = (
    Function(
        "ToLower",
        (_SOURCE, _CULTURE_PARAMETER),
        _to_lower,
        "The source in lower case, by the rules of the invariant culture; tr and az know the "
        "Turkish i. Null gives null.",
        Example('ToLower("Ann.Bell@Contoso.com")', "ann.bell@contoso.com"),
        check=_check_culture,
    ),
    Function(
        "ToUpper",
        (_SOURCE, _CULTURE_PARAMETER),
        _to_upper,
        "The source in upper case, by the same rules. Null gives null.",
        Example('ToUpper("de")', "DE"),
        check=_check_culture,
    ),
    Function(
        "PCase",
        (_SOURCE, Parameter("wordSeparators", required=False)),
        _p_case,
        "Each word with a capital, the rest of it in lower case. Words end at a character of "
        "wordSeparators, or without them at spaces, punctuation and symbols, but not at an "
        "apostrophe. Null gives null.",
        Example('PCase([surname], " \'-")', "Pinto-De'Silva", {"surname": "PINTO-DE'SILVA"}),
    ),
    Function(
        "NormalizeDiacritics",
        (_SOURCE,),
        _normalize_diacritics,
        "The source with letters that have no diacritics: ä and å become a, æ becomes ae, ø and œ "
        "oe, ß ss, ł l. Letters of other scripts stay. Null gives null.",
        Example("NormalizeDiacritics([givenName])", "Zoe", {"givenName": "Zoë"}),
    ),
)
"""Functions of letters."""
