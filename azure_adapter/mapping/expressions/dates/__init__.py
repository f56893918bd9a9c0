"""Dates and times as Entra's expressions know them; pure."""

from azure_adapter.mapping.expressions.dates.fields import DateError
from azure_adapter.mapping.expressions.dates.formats import DateFormat, date_format
from azure_adapter.mapping.expressions.dates.moments import (
    INTERVALS,
    add_interval,
    difference,
    from_file_time,
    read_moment,
    show_moment,
    to_file_time,
)

__all__ = [
    "INTERVALS",
    "DateError",
    "DateFormat",
    "add_interval",
    "date_format",
    "difference",
    "from_file_time",
    "read_moment",
    "show_moment",
    "to_file_time",
]
