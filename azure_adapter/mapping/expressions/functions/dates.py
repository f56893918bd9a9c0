"""Functions of dates and times. All moments are in UTC.

Source: Entra: "Reference for writing expressions for attribute mappings".
"""

from datetime import datetime
from typing import Final

from azure_adapter.mapping.expressions.context import Scope
from azure_adapter.mapping.expressions.dates import (
    INTERVALS,
    DateError,
    add_interval,
    date_format,
    difference,
    from_file_time,
    to_file_time,
)
from azure_adapter.mapping.expressions.errors import Failure
from azure_adapter.mapping.expressions.functions.spec import Example, Function, Parameter
from azure_adapter.mapping.expressions.values import Kind, Value

_STYLES: Final = {
    one.lower(): one
    for one in (
        "None",
        "AllowLeadingWhite",
        "AllowTrailingWhite",
        "AllowInnerWhite",
        "AllowWhiteSpaces",
        "NoCurrentDateDefault",
        "AdjustToUniversal",
        "AssumeLocal",
        "AssumeUniversal",
        "RoundtripKind",
    )
}


def _interval(name: str | None) -> str:
    key = (name or "").strip().lower()
    if key not in INTERVALS:
        known = ", ".join(f"{one} ({meaning})" for one, meaning in INTERVALS.items())
        raise Failure(f"{name or ''!r} is no interval. There are {known}.", 0)
    return key


def _c_date(moment: datetime | None) -> Value:
    return moment


def _now(scope: Scope) -> Value:
    return scope.now()


def _date_add(interval: str | None, value: float | None, moment: datetime | None) -> Value:
    key = _interval(interval)
    if value is None or moment is None:
        return None
    try:
        return add_interval(key, round(value), moment)
    except DateError as error:
        raise Failure(str(error), 1) from None


def _date_diff(interval: str | None, first: datetime | None, second: datetime | None) -> Value:
    key = _interval(interval)
    return None if first is None or second is None else difference(key, first, second)


def _date_from_num(value: int | None) -> Value:
    try:
        return None if value is None else from_file_time(value)
    except DateError as error:
        raise Failure(str(error), 0) from None


def _num_from_date(moment: datetime | None) -> Value:
    try:
        return None if moment is None else to_file_time(moment)
    except DateError as error:
        raise Failure(str(error), 0) from None


def _styles(names: str | None) -> set[str]:
    """Return the styles that are named, in lower case; the default ones when none is."""
    told = [one.strip() for one in (names or "").split(",") if one.strip()]
    for one in told:
        if one.removeprefix("DateTimeStyles.").lower() not in _STYLES:
            known = ", ".join(_STYLES.values())
            raise Failure(f"{one[:40]!r} is no style of dates. There are {known}.", 1)
    chosen = {one.removeprefix("DateTimeStyles.").lower() for one in told}
    return chosen or {"allowleadingwhite", "allowtrailingwhite", "roundtripkind"}


def _trimmed(text: str, styles: set[str]) -> str:
    if "allowwhitespaces" in styles:
        return text.strip()
    text = text.lstrip() if "allowleadingwhite" in styles else text
    return text.rstrip() if "allowtrailingwhite" in styles else text


def _format_date_time(
    source: str | None, styles: str | None, input_format: str | None, output_format: str | None
) -> Value:
    chosen = _styles(styles)
    if source is None or not source.strip():
        return None
    try:
        reads = date_format(input_format or "", reading=True)
    except DateError as error:
        raise Failure(str(error), 2) from None
    try:
        moment = reads.read(_trimmed(source, chosen))
    except DateError as error:
        raise Failure(f"{source[:40]!r} cannot be read. {error}", 0) from None
    try:
        return date_format(output_format or "").show(moment)
    except DateError as error:
        raise Failure(str(error), 3) from None


def _check_interval(arguments: list[Value]) -> None:
    if isinstance(arguments[0], str):
        _interval(arguments[0])


def _check_formats(arguments: list[Value]) -> None:
    if isinstance(arguments[1], str):
        _styles(arguments[1])
    for index in (2, 3):
        written = arguments[index]
        if isinstance(written, str):
            try:
                date_format(written, reading=index == 2)
            except DateError as error:
                raise Failure(str(error), index) from None


_DATE: Final = Parameter("dateTime", Kind.moment)
_INTERVAL: Final = Parameter("interval")
_INTERVAL_NAMES: Final = ", ".join(f"{name} ({meaning})" for name, meaning in INTERVALS.items())
_HIRED: Final = {"employeeHireDate": "2012-03-16-07:00"}

FUNCTIONS: Final = (
    Function(
        "CDate",
        (Parameter("expression", Kind.moment),),
        _c_date,
        "The date that a text tells, in UTC. ISO 8601 dates are understood, dates as M/d/yyyy, "
        "and dates with the English name of the month, each with or without a time and a time "
        "zone. Null gives null.",
        Example('CDate("2021-06-30+08:00")', datetime(2021, 6, 29, 16)),
        Kind.moment,
    ),
    Function(
        "DateAdd",
        (_INTERVAL, Parameter("value", Kind.number), _DATE),
        _date_add,
        f"A date that is a number of intervals later, or earlier for a negative number: "
        f"{_INTERVAL_NAMES}. Null gives null.",
        Example('DateAdd("d", 7, CDate([employeeHireDate]))', datetime(2012, 3, 23, 7), _HIRED),
        Kind.moment,
        check=_check_interval,
    ),
    Function(
        "DateDiff",
        (_INTERVAL, Parameter("date1", Kind.moment), Parameter("date2", Kind.moment)),
        _date_diff,
        "How many intervals date2 is after date1; negative when it is before. Years and months are "
        "those of the calendar, weeks begin on Sundays, smaller intervals have passed wholly. Null "
        "gives null.",
        Example('DateDiff("h", CDate("2021-08-24"), CDate("2021-08-25"))', 24),
        Kind.integer,
        check=_check_interval,
    ),
    Function(
        "DateFromNum",
        (Parameter("value", Kind.integer),),
        _date_from_num,
        "The date that Active Directory keeps as a number: 100 nanoseconds since 1601. Null gives "
        "null.",
        Example("DateFromNum(129699324000000000)", datetime(2012, 1, 1, 23)),
        Kind.moment,
    ),
    Function(
        "NumFromDate",
        (Parameter("value", Kind.moment),),
        _num_from_date,
        "A date as the number that Active Directory keeps. Null gives null.",
        Example('NumFromDate("2020-12-31 23:59:59-08:00")', 132539615990000000),
        Kind.integer,
    ),
    Function(
        "FormatDateTime",
        (
            Parameter("source"),
            Parameter("dateTimeStyles", required=False),
            Parameter("inputFormat"),
            Parameter("outputFormat"),
        ),
        _format_date_time,
        "A date from one form in another. Forms are those of .NET, custom and standard, in the "
        "invariant culture; a time with a time zone is turned into UTC. The input needs a year. "
        "Null and an empty text give null.",
        Example(
            'FormatDateTime([extensionAttribute1], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")',
            "2015-01-23",
            {"extensionAttribute1": "20150123105347.1Z"},
        ),
        check=_check_formats,
    ),
    Function(
        "Now",
        (),
        _now,
        "The present moment in UTC, as M/d/yyyy h:mm:ss tt.",
        Example("Now()", datetime(2021, 7, 2, 15, 33, 38)),
        Kind.moment,
        scope=True,
        only_on_create=True,
    ),
)
"""Functions of dates."""
