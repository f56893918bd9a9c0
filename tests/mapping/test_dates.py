"""Dates: .NET's formats, what CDate reads, and what intervals count."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_adapter.mapping.expressions.dates import (
    INTERVALS,
    DateError,
    add_interval,
    date_format,
    difference,
    from_file_time,
    read_moment,
    show_moment,
    to_file_time,
)

MOMENT = datetime(2009, 6, 15, 13, 45, 30, 617500)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        # .NET: "Custom date and time format strings", invariant culture
        ("%d", "15"),
        ("dd", "15"),
        ("ddd", "Mon"),
        ("dddd", "Monday"),
        ("%f", "6"),
        ("ff", "61"),
        ("fffffff", "6175000"),
        ("FFFFFFF", "6175"),
        ("gg", "A.D."),
        ("%h", "1"),
        ("hh", "01"),
        ("%H", "13"),
        ("HH", "13"),
        ("%K", "Z"),
        ("%m", "45"),
        ("%M", "6"),
        ("MM", "06"),
        ("MMM", "Jun"),
        ("MMMM", "June"),
        ("%s", "30"),
        ("%t", "P"),
        ("tt", "PM"),
        ("%y", "9"),
        ("yy", "09"),
        ("yyy", "2009"),
        ("yyyy", "2009"),
        ("yyyyy", "02009"),
        ("%z", "+0"),
        ("zz", "+00"),
        ("zzz", "+00:00"),
        ("'h' \"m\" \\s", "h m s"),
        ("yyyy-MM-ddTHH:mm:ss.FFFZ", "2009-06-15T13:45:30.617Z"),
        # .NET: "Standard date and time format strings", invariant culture
        ("d", "06/15/2009"),
        ("D", "Monday, 15 June 2009"),
        ("f", "Monday, 15 June 2009 13:45"),
        ("F", "Monday, 15 June 2009 13:45:30"),
        ("g", "06/15/2009 13:45"),
        ("G", "06/15/2009 13:45:30"),
        ("M", "June 15"),
        ("O", "2009-06-15T13:45:30.6175000Z"),
        ("R", "Mon, 15 Jun 2009 13:45:30 GMT"),
        ("s", "2009-06-15T13:45:30"),
        ("t", "13:45"),
        ("T", "13:45:30"),
        ("u", "2009-06-15 13:45:30Z"),
        ("Y", "2009 June"),
    ],
)
def test_dates_are_written_as_in_net(written: str, shown: str) -> None:
    assert date_format(written).show(MOMENT) == shown


@pytest.mark.parametrize(
    ("written", "text", "moment"),
    [
        ("yyyyMMdd", "20240305", datetime(2024, 3, 5)),
        ("d/M/yyyy h:mm tt", "5/3/2024 12:07 AM", datetime(2024, 3, 5, 0, 7)),
        ("d/M/yyyy h:mm tt", "15/12/2024 12:07 pm", datetime(2024, 12, 15, 12, 7)),
        ("dd MMM yy", "05 mar 49", datetime(2049, 3, 5)),
        ("dd MMMM yy", "05 March 50", datetime(1950, 3, 5)),
        ("dddd, d.M.yyyy", "Tuesday, 5.3.2024", datetime(2024, 3, 5)),
        ("yyyy", "2024", datetime(2024, 1, 1)),
        ("yyyy-MM-ddTHH:mm:sszzz", "2024-03-05T01:00:00+02:00", datetime(2024, 3, 4, 23)),
        ("yyyy-MM-ddTHH:mm:ssK", "2024-03-05T01:00:00Z", datetime(2024, 3, 5, 1)),
        ("yyyy-MM-ddTHH:mm:ssK", "2024-03-05T01:00:00", datetime(2024, 3, 5, 1)),
        ("yyyy-MM-dd HH:mm:ss.FFF", "2024-03-05 01:00:00", datetime(2024, 3, 5, 1)),
        (
            "yyyy-MM-dd HH:mm:ss.FFF",
            "2024-03-05 01:00:00.5",
            datetime(2024, 3, 5, 1, 0, 0, 500_000),
        ),
        ("yyyy gg", "2024 A.D.", datetime(2024, 1, 1)),
        ("yyyy z", "2024 -5", datetime(2024, 1, 1, 5)),
        ("r", "Tue, 05 Mar 2024 01:02:03 GMT", datetime(2024, 3, 5, 1, 2, 3)),
    ],
)
def test_dates_are_read_as_in_net(written: str, text: str, moment: datetime) -> None:
    assert date_format(written, reading=True).read(text) == moment


@pytest.mark.parametrize(
    ("written", "text", "message"),
    [
        ("yyyy-MM-dd", "2024-3-5", "not written as"),
        ("yyyy-MM-dd", "2024-13-05", "no such day"),
        ("yyyy-MM-dd", "2024-03-05 ", "not written as"),
        ("dddd d.M.yyyy", "Monday 5.3.2024", "was a Tuesday"),
        ("h tt yyyy", "13 PM 2024", "1 to 12"),
        ("dd.MM", "05.03", "no year"),
        ("yyyy zzz", "2024 +15:00", "14 hours"),
        ("yyyy-MM-ddzzz", "0001-01-01+05:00", "no such day"),
        ("yyyy ff", "2024 1", "not written as"),
        ("MMM yyyy", "Foo 2024", "not written as"),
        ("yyyy tt", "2024 XM", "not written as"),
        ("ddd yyyy", "Foo 2024", "not written as"),
    ],
)
def test_other_texts_are_refused(written: str, text: str, message: str) -> None:
    with pytest.raises(DateError, match=message):
        date_format(written, reading=True).read(text)


@pytest.mark.parametrize(
    "written", ["", "x" * 101, "Q", "'a", "a\\", "ffffffff", '"', "yyyy yyyy", "d dd", "zzz K"]
)
def test_what_is_no_format(written: str) -> None:
    with pytest.raises(DateError):
        date_format(written, reading=True)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-03-05", datetime(2024, 3, 5)),
        ("2024-03-05Z", datetime(2024, 3, 5)),
        ("2024-03-05T10:11", datetime(2024, 3, 5, 10, 11)),
        ("2024-03-05t10:11:12.1234567+0100", datetime(2024, 3, 5, 9, 11, 12, 123456)),
        ("2024-03-05 10:11:12 -01:00", datetime(2024, 3, 5, 11, 11, 12)),
        ("3/5/2024", datetime(2024, 3, 5)),
        ("3/5/2024 1:02 PM", datetime(2024, 3, 5, 13, 2)),
        ("3/5/2024 1 pm", datetime(2024, 3, 5, 13)),
        ("2024/3/5 1:02:03", datetime(2024, 3, 5, 1, 2, 3)),
        ("5 March 2024", datetime(2024, 3, 5)),
        ("March 5, 2024 1:00 AM", datetime(2024, 3, 5, 1)),
        ("Mar 5, 2024", datetime(2024, 3, 5)),
        ("Tue, 5 Mar 2024 10:00:00 GMT", datetime(2024, 3, 5, 10)),
        ("Tuesday, March 5, 2024", datetime(2024, 3, 5)),
    ],
)
def test_what_c_date_reads(text: str, moment: datetime) -> None:
    assert read_moment(text) == moment
    assert read_moment(f"  {text} ") == moment


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "2024", "10:11", "2024-02-30", "2024-03-05T25:00", "2024-03-05 x"),
        *("2024-03-05T", "5.3.2024", "20240305", "Mon, 5 Mar 2024"),
        "2024-03-05" + " " * 200 + "Z",
    ],
)
def test_what_c_date_does_not_read(text: str) -> None:
    with pytest.raises(DateError):
        read_moment(text)


MOMENTS = st.datetimes(datetime(1601, 1, 1), datetime(9998, 12, 31))


@settings(deadline=None)
@given(MOMENTS)
def test_moments_survive_being_written(moment: datetime) -> None:
    seconds = moment.replace(microsecond=0)
    assert read_moment(show_moment(seconds)) == seconds
    assert read_moment(seconds.isoformat() + "Z") == seconds
    assert from_file_time(to_file_time(moment)) == moment
    assert date_format("o", reading=True).read(date_format("o").show(moment)) == moment


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(sorted(INTERVALS)), st.integers(-500, 500))
def test_intervals_are_counted_as_they_are_added(
    moment: datetime, interval: str, count: int
) -> None:
    try:
        moved = add_interval(interval, count, moment)
    except DateError:
        return
    assert difference(interval, moment, moved) == count
    assert difference(interval, moved, moment) == -count
    if interval == "d":
        assert moved - moment == timedelta(days=count)


@settings(deadline=None)
@given(st.text(max_size=30) | st.text("0123456789/-:+TZ APM", max_size=30))
def test_any_text_is_a_date_or_none(text: str) -> None:
    with suppress(DateError):
        assert isinstance(read_moment(text), datetime)


@settings(deadline=None)
@given(st.text("dfFghHKmMstyz'\"\\% -:x", max_size=20), st.text("0123456789 :-+APMZ", max_size=20))
def test_any_format_is_used_or_refused(written: str, text: str) -> None:
    try:
        known = date_format(written, reading=True)
    except DateError:
        return
    known.show(MOMENT)
    with suppress(DateError):
        assert isinstance(known.read(text), datetime)
