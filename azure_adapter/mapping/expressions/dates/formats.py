"""Date formats of .NET: reading a text by one, and writing a moment in one.

Reading is greedy and never goes back, as in .NET, so it takes time in proportion to the text. All
names are those of the invariant culture. Sources: .NET: "Custom date and time format strings",
"Standard date and time format strings", ``DateTime.ParseExact``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from azure_adapter.mapping.expressions.dates.fields import DAYS, MONTHS, DateError, Fields

MAX_FORMAT: Final = 100
"""Longest format, in characters."""

_SPECIFIERS: Final = "dfFghHKmMstyz"
_LAST_YEAR: Final = 2049
"""The last year that two digits stand for (.NET 8 and later)."""

_STANDARD: Final = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "m": "MMMM dd",
    "M": "MMMM dd",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "U": "dddd, dd MMMM yyyy HH:mm:ss",
    "y": "yyyy MMMM",
    "Y": "yyyy MMMM",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A run of one specifier letter, such as ``yyyy``, or a literal text.

    Attributes:
        letter: The specifier; empty for a literal.
        count: How often it is repeated.
        literal: The literal text.
    """

    letter: str
    count: int = 0
    literal: str = ""


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A format, taken apart."""

    text: str
    parts: tuple[Part, ...]

    def show(self, moment: datetime) -> str:
        """Write a moment, which is in UTC."""
        return "".join(part.literal or _show(part, moment) for part in self.parts)

    def read(self, text: str) -> datetime:
        """Read a moment from a whole text.

        Raises:
            DateError: the text has another form, or there is no such moment.
        """
        fields = Fields()
        end = self.match(text, 0, fields)
        if end != len(text):
            raise DateError(f"It is not written as {self.text}.")
        return fields.moment()

    def match(self, text: str, at: int, fields: Fields) -> int | None:
        """Read from a position; returns where it ended, or None when the text has another form."""
        here: int | None = at
        for index, part in enumerate(self.parts):
            if here is None:
                return None
            if part.letter:
                here = _READERS[part.letter](part.count, text, here, fields)
            elif text.startswith(part.literal, here):
                here += len(part.literal)
            elif not self._skips(index):
                return None
        return here

    def _skips(self, index: int) -> bool:
        """Say whether a dot may be missing: the fraction behind it is optional (``.FFF``)."""
        after = self.parts[index + 1 : index + 2]
        return self.parts[index].literal == "." and bool(after) and after[0].letter == "F"


@lru_cache(maxsize=256)
def date_format(text: str, *, reading: bool = False) -> DateFormat:
    """Take a format apart.

    Args:
        text: A custom format, or the letter of a standard one.
        reading: It is to read texts, where no part may come twice.

    Raises:
        DateError: it is no format.
    """
    if not text:
        raise DateError("The format is empty.")
    if len(text) > MAX_FORMAT:
        raise DateError(f"The format has {len(text)} characters; at most {MAX_FORMAT} are allowed.")
    if len(text) == 1 and text not in _STANDARD:
        raise DateError(f"There is no standard format {text}.")
    parts = tuple(_parts(_STANDARD.get(text, text)))
    _check(parts, reading)
    return DateFormat(text, parts)


def _parts(text: str) -> list[Part]:
    parts: list[Part] = []
    at = 0
    while at < len(text):
        letter = text[at]
        if letter in _SPECIFIERS:
            run = _run(text, at)
            parts.append(Part(letter, run))
            at += run
        else:
            literal, at = _literal(text, at)
            parts += [Part("", literal=literal)] if literal else []
    return parts


def _run(text: str, at: int) -> int:
    end = at
    while end < len(text) and text[end] == text[at]:
        end += 1
    return end - at


def _literal(text: str, at: int) -> tuple[str, int]:
    letter = text[at]
    if letter in "'\"":
        end = text.find(letter, at + 1)
        if end < 0:
            raise DateError(f"The format has a {letter} that is not closed.")
        return text[at + 1 : end], end + 1
    if letter == "\\":
        if at + 1 == len(text):
            raise DateError("The format ends with a backslash.")
        return text[at + 1], at + 2
    return ("" if letter == "%" else letter), at + 1


def _check(parts: tuple[Part, ...], reading: bool) -> None:
    for part in parts:
        if part.letter in ("f", "F") and part.count > 7:
            raise DateError("The format has more than seven digits of a second.")
    told = [_subject(part) for part in parts if part.letter]
    if reading and len(set(told)) < len(told):
        raise DateError("The format tells a part of the date twice.")


def _subject(part: Part) -> str:
    if part.letter == "d":
        return "day" if part.count < 3 else "weekday"
    return {"F": "f", "K": "z"}.get(part.letter, part.letter)


# -- writing --------------------------------------------------------------------------------------


def _show(part: Part, moment: datetime) -> str:
    letter, count = part.letter, part.count
    if letter in _NUMBERS:
        return str(_NUMBERS[letter](moment)).zfill(min(count, 2))
    if letter in "dM":
        return _show_day(count, moment) if letter == "d" else _show_month(count, moment)
    if letter == "y":
        year = moment.year if count > 2 else moment.year % 100
        return str(year).zfill(count)
    if letter in "fF":
        digits = f"{moment.microsecond:06}0"[:count]
        return digits if letter == "f" else digits.rstrip("0")
    if letter == "t":
        return ("AM" if moment.hour < 12 else "PM")[: min(count, 2)]
    if letter == "g":
        return "A.D."
    if letter == "K":
        return "Z" * count
    return "+00:00"[: (2, 3, 6)[min(count, 3) - 1]] if count != 1 else "+0"


_NUMBERS: Final[dict[str, Callable[[datetime], int]]] = {
    "h": lambda moment: moment.hour % 12 or 12,
    "H": lambda moment: moment.hour,
    "m": lambda moment: moment.minute,
    "s": lambda moment: moment.second,
}


def _show_day(count: int, moment: datetime) -> str:
    if count < 3:
        return str(moment.day).zfill(count)
    name = DAYS[moment.weekday()]
    return name[:3] if count == 3 else name


def _show_month(count: int, moment: datetime) -> str:
    if count < 3:
        return str(moment.month).zfill(count)
    name = MONTHS[moment.month - 1]
    return name[:3] if count == 3 else name


# -- reading --------------------------------------------------------------------------------------

_Reader = Callable[[int, str, int, Fields], int | None]


def _digits(text: str, at: int, least: int, most: int) -> int | None:
    """Return where a number of ASCII digits ends, or None when there are too few."""
    end = at
    while end < len(text) and end - at < most and text[end] in "0123456789":
        end += 1
    return end if end - at >= least else None


def _number(name: str) -> _Reader:
    def read(count: int, text: str, at: int, fields: Fields) -> int | None:
        end = _digits(text, at, min(count, 2), 2)
        if end is not None:
            setattr(fields, name, int(text[at:end]))
        return end

    return read


def _read_year(count: int, text: str, at: int, fields: Fields) -> int | None:
    end = _digits(text, at, count, max(count, 2))
    if end is not None:
        year = int(text[at:end])
        fields.year = year if count > 2 else _century(year)
    return end


def _century(year: int) -> int:
    return year + (2000 if year <= _LAST_YEAR % 100 else 1900)


def _read_fraction(count: int, text: str, at: int, fields: Fields) -> int | None:
    end = _digits(text, at, count, count)
    return _read_some(count, text, at, fields) if end is not None else None


def _read_some(count: int, text: str, at: int, fields: Fields) -> int | None:
    end = _digits(text, at, 0, count) or at
    fields.fraction = int(text[at:end].ljust(6, "0")[:6])
    return end


def _name(names: tuple[str, ...], text: str, at: int) -> tuple[int, int] | None:
    """Return the index of the name that stands at a position, and where it ends."""
    lower = text[at : at + 10].lower()
    for index, name in enumerate(names):
        if lower.startswith(name.lower()):
            return index, at + len(name)
    return None


def _read_day(count: int, text: str, at: int, fields: Fields) -> int | None:
    if count < 3:
        return _number("day")(count, text, at, fields)
    found = _name(tuple(one[:3] for one in DAYS) if count == 3 else DAYS, text, at)
    if found is None:
        return None
    fields.weekday = found[0]
    return found[1]


def _read_month(count: int, text: str, at: int, fields: Fields) -> int | None:
    if count < 3:
        return _number("month")(count, text, at, fields)
    found = _name(tuple(one[:3] for one in MONTHS) if count == 3 else MONTHS, text, at)
    if found is None:
        return None
    fields.month = found[0] + 1
    return found[1]


def _read_half(count: int, text: str, at: int, fields: Fields) -> int | None:
    word = text[at : at + min(count, 2)].upper()
    if word not in ("AM", "PM", "A", "P"):
        return None
    fields.afternoon = word[0] == "P"
    return at + len(word)


_ZONES: Final = {
    1: re.compile(r"([+-])([0-9]{1,2})()"),
    2: re.compile(r"([+-])([0-9]{2})()"),
    3: re.compile(r"([+-])([0-9]{2}):?([0-9]{2})"),
}


def _read_zone(count: int, text: str, at: int, fields: Fields) -> int | None:
    found = _ZONES[min(count, 3)].match(text, at)
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    fields.offset = timedelta(minutes=-minutes if found[1] == "-" else minutes)
    return found.end()


def _read_kind(_: int, text: str, at: int, fields: Fields) -> int | None:
    if text[at : at + 1] == "Z":
        fields.offset = timedelta()
        return at + 1
    zone = _read_zone(3, text, at, fields)
    return at if zone is None else zone


def _read_era(_: int, text: str, at: int, __: Fields) -> int | None:
    found = next((one for one in ("A.D.", "AD") if text.startswith(one, at)), None)
    return None if found is None else at + len(found)


_READERS: Final[dict[str, _Reader]] = {
    "d": _read_day,
    "M": _read_month,
    "y": _read_year,
    "H": _number("hour"),
    "h": _number("hour12"),
    "m": _number("minute"),
    "s": _number("second"),
    "f": _read_fraction,
    "F": _read_some,
    "t": _read_half,
    "z": _read_zone,
    "K": _read_kind,
    "g": _read_era,
}
