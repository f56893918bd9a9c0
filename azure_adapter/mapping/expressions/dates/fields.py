"""What a date format reads from a text, put together to a moment in UTC."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MOST_OFFSET: Final = timedelta(hours=14)
"""Largest distance of a time zone from UTC."""

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
"""Names in .NET's invariant culture."""


class DateError(ValueError):
    """A text that is no date, or a format that is none; the message is a sentence."""


@dataclass(slots=True)
class Fields:
    """The parts of a moment that a text told.

    Attributes:
        hour12: hour of a 12-hour clock, 1 to 12.
        afternoon: PM, when AM or PM was told.
        fraction: microseconds.
        offset: distance from UTC, when told.
        weekday: 0 for Monday, when told.
    """

    year: int | None = None
    month: int = 1
    day: int = 1
    hour: int = 0
    hour12: int | None = None
    afternoon: bool | None = None
    minute: int = 0
    second: int = 0
    fraction: int = 0
    offset: timedelta | None = None
    weekday: int | None = None

    def moment(self) -> datetime:
        """Put the parts together; without an offset they are UTC.

        Raises:
            DateError: there is no such moment, or no year was told.
        """
        if self.year is None:
            raise DateError("It has no year.")
        if self.offset is not None and abs(self.offset) > MOST_OFFSET:
            raise DateError("Its time zone is more than 14 hours away from UTC.")
        hour = self._hour()
        try:
            local = datetime(
                self.year,
                self.month,
                self.day,
                hour,
                self.minute,
                self.second,
                self.fraction,
            )
            moment = local - (self.offset or timedelta())
        except (ValueError, OverflowError):
            raise DateError("There is no such day or time.") from None
        if self.weekday is not None and self.weekday != local.weekday():
            raise DateError(f"That day was a {DAYS[local.weekday()]}.")
        return moment

    def _hour(self) -> int:
        if self.hour12 is None:
            return self.hour
        if not 1 <= self.hour12 <= 12:
            raise DateError("An hour with AM or PM is 1 to 12.")
        return self.hour12 % 12 + (12 if self.afternoon else 0)
