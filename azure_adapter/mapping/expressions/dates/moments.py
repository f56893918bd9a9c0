"""Moments: read as leniently as ``CDate`` does, counted, moved, and as Active Directory keeps them.

Sources: Entra: CDate, DateAdd, DateDiff, DateFromNum, NumFromDate; .NET: ``DateTime.Parse`` in the
invariant culture, ``Microsoft.VisualBasic.DateAndTime`` (what an interval counts).
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from azure_adapter.mapping.expressions.dates.fields import DateError, Fields
from azure_adapter.mapping.expressions.dates.formats import DateFormat, date_format

_EPOCH: Final = datetime(1601, 1, 1)
_TICKS: Final = 10
"""Active Directory counts 100 nanoseconds; a moment has microseconds."""

_SHOWN: Final = date_format("M/d/yyyy h:mm:ss tt")
_DATES: Final = tuple(
    date_format(one, reading=True)
    for one in (
        "yyyy-M-d",
        "yyyy/M/d",
        "M/d/yyyy",
        "dddd, d MMMM yyyy",
        "dddd, MMMM d, yyyy",
        "ddd, d MMM yyyy",
        "d MMMM yyyy",
        "d MMM yyyy",
        "MMMM d, yyyy",
        "MMM d, yyyy",
    )
)
_TIMES: Final = tuple(
    date_format(one, reading=True)
    for one in ("h:m:s tt", "h:m tt", "h tt", "H:m:s.FFFFFFF", "H:m:s", "H:m")
)
_ZONES: Final = tuple(date_format(one, reading=True) for one in ("zzz", "zz"))
_UTC: Final = re.compile(r"Z|GMT|UTC", re.IGNORECASE)
_MOST: Final = 100

INTERVALS: Final = {
    "yyyy": "year",
    "m": "month",
    "d": "day",
    "ww": "week",
    "h": "hour",
    "n": "minute",
    "s": "second",
}
"""Intervals of DateAdd and DateDiff, as they are written."""

_SPANS: Final = {
    "d": timedelta(days=1),
    "ww": timedelta(weeks=1),
    "h": timedelta(hours=1),
    "n": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


def show_moment(moment: datetime) -> str:
    """Write a moment as Entra's date functions do: ``M/d/yyyy h:mm:ss tt``."""
    return _SHOWN.show(moment)


def read_moment(text: str) -> datetime:
    """Read a date, with or without a time and a time zone; without a zone it is UTC.

    Raises:
        DateError: it is no date that is understood.
    """
    fields = Fields()
    wanted = text.strip()
    if len(wanted) > _MOST or _read_all(wanted, fields) != len(wanted):
        raise DateError(
            f"{_short(wanted)} is no date that CDate reads, such as 2024-03-16T09:30:00Z or "
            "3/16/2024 9:30:00 AM. Use FormatDateTime for another form."
        )
    try:
        return fields.moment()
    except DateError as error:
        raise DateError(f"{_short(wanted)} is no date. {error}") from None


def _short(text: str) -> str:
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}…"


def _read_all(text: str, fields: Fields) -> int | None:
    date = _first(text, 0, _DATES, fields)
    if date is None:
        return None
    start = _spaces(text, date)
    if text[start : start + 1] in ("T", "t"):
        start += 1
    time = _first(text, start, _TIMES, fields)
    return _read_zone(text, date if time is None else time, fields)


def _first(text: str, at: int, formats: tuple[DateFormat, ...], fields: Fields) -> int | None:
    """Read by the first format that fits."""
    for one in formats:
        trial = Fields()
        end = one.match(text, at, trial)
        if end is not None:
            _take(fields, trial)
            return end
    return None


def _take(fields: Fields, told: Fields) -> None:
    empty = Fields()
    for name in Fields.__slots__:
        if getattr(told, name) != getattr(empty, name):
            setattr(fields, name, getattr(told, name))


def _spaces(text: str, at: int) -> int:
    while text[at : at + 1] == " ":
        at += 1
    return at


def _read_zone(text: str, at: int, fields: Fields) -> int:
    start = _spaces(text, at)
    if utc := _UTC.match(text, start):
        return utc.end()
    return _first(text, start, _ZONES, fields) or at


def add_interval(interval: str, count: int, moment: datetime) -> datetime:
    """Move a moment by a number of intervals; the day is kept within its month.

    Raises:
        DateError: the year would not be 1 to 9999.
    """
    try:
        if interval in _SPANS:
            return moment + _SPANS[interval] * count
        months = moment.year * 12 + moment.month - 1 + count * (12 if interval == "yyyy" else 1)
        year, month = divmod(months, 12)
        day = min(moment.day, monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day)
    except (ValueError, OverflowError, IndexError):
        raise DateError("The year would not be 1 to 9999.") from None


def difference(interval: str, first: datetime, second: datetime) -> int:
    """Count the intervals from one moment to another.

    Years and months are those of the calendar; weeks are counted from Sunday to Sunday; days and
    smaller intervals are whole ones that have passed.
    """
    return _COUNTS[interval](first, second)


def _passed(span: timedelta) -> Callable[[datetime, datetime], int]:
    def count(first: datetime, second: datetime) -> int:
        whole = abs(second - first) // span
        return whole if second >= first else -whole

    return count


def _weeks(first: datetime, second: datetime) -> int:
    weeks = (_since_sunday(second) - _since_sunday(first)) / timedelta(weeks=1)
    return int(weeks)


def _since_sunday(moment: datetime) -> timedelta:
    """Return how long after year 1 the Sunday was, at the same time of the day."""
    return moment - datetime.min - timedelta(days=moment.isoweekday() % 7)


_COUNTS: Final[dict[str, Callable[[datetime, datetime], int]]] = {
    "yyyy": lambda first, second: second.year - first.year,
    "m": lambda first, second: (second.year - first.year) * 12 + second.month - first.month,
    "ww": _weeks,
    **{name: _passed(span) for name, span in _SPANS.items() if name != "ww"},
}


def from_file_time(ticks: int) -> datetime:
    """Return the moment of a number of 100 nanoseconds since 1601 (Active Directory's form).

    Raises:
        DateError: the number is negative or the year would be above 9999.
    """
    if ticks < 0:
        raise DateError("A date of Active Directory is not negative.")
    try:
        return _EPOCH + timedelta(microseconds=ticks // _TICKS)
    except OverflowError:
        raise DateError("The year would be above 9999.") from None


def to_file_time(moment: datetime) -> int:
    """Return a moment as Active Directory keeps it.

    Raises:
        DateError: it is before 1601.
    """
    if moment < _EPOCH:
        raise DateError("Active Directory keeps no date before 1601.")
    return (moment - _EPOCH) // timedelta(microseconds=1) * _TICKS
