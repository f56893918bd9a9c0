"""When a user sync runs by itself: a cron expression or an interval, in a time zone. Pure.

Stored among the settings of the user sync under ``schedule``::

    {"cron": "0 */4 * * *", "time_zone": "Europe/Berlin", "full_every": 7, "jitter_seconds": 120}
    {"every_minutes": 40, "enabled": false}

``{}`` is never. Cron expressions have the five fields of crontab(5), with Debian's extensions
(``L``, ``LW``, ``#``). Where clocks change, as in Debian's cron: a fixed time that is skipped runs
when the clocks have moved on, one that comes twice runs once; what runs every so many minutes or
hours keeps its pace.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Self
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from gateway.syncs.fields import FieldProblem, FieldsInvalid

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US

SHORTEST_INTERVAL: Final = 5
"""The least minutes between two runs of an interval."""

LONGEST_INTERVAL: Final = 31 * 24 * 60
"""The most minutes between two runs of an interval."""

MOST_JITTER: Final = 3_600
"""By how many seconds a run may be put off at most."""

MOST_FULL_EVERY: Final = 1_000

LONGEST_CRON: Final = 200
"""How many characters a cron expression has at most."""

CRON_FIELDS: Final = 5

KEYS: Final = ("cron", "every_minutes", "time_zone", "full_every", "jitter_seconds", "enabled")

EXAMPLE: Final = "Such as 0 */4 * * * (every four hours) or 30 2 * * 1-5 (02:30 on weekdays)."


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a user sync runs by itself.

    Attributes:
        cron: five fields: minute, hour, day of month, month, day of week; "" for none.
        every_minutes: the interval instead, counted from the creation of the user sync; 0: none.
        time_zone: IANA name of the zone that the cron expression means.
        full_every: each so many scheduled runs, one reads everything (initial cycle); 0: never.
        jitter_seconds: each user sync is put off by a number of seconds of its own, up to this,
            so that many of them do not start in the same second.
        enabled: False keeps the rest for later.
    """

    cron: str = ""
    every_minutes: int = 0
    time_zone: str = "UTC"
    full_every: int = 0
    jitter_seconds: int = 0
    enabled: bool = True

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a schedule; ``{}`` is never.

        Raises:
            FieldsInvalid: with everything that is wrong, by field.
        """
        if not isinstance(value, Mapping):
            raise FieldsInvalid([FieldProblem("schedule", "It is not an object.")])
        problems = [problem for check in CHECKS for problem in check(value)]
        if problems:
            raise FieldsInvalid(problems)
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """Return it as :meth:`from_json` reads it; what is the default is left out."""
        blank = Schedule()
        values = {name: getattr(self, name) for name in KEYS}
        return {name: value for name, value in values.items() if value != getattr(blank, name)}

    @property
    def runs(self) -> bool:
        """Whether it starts anything."""
        return self.enabled and bool(self.cron or self.every_minutes)

    def next_after(self, moment: int, *, sync_id: str, anchor: int) -> int | None:
        """Return the first moment after another one at which a run is due, or ``None``.

        Args:
            moment: microseconds since the epoch.
            sync_id: decides by how much this user sync is put off.
            anchor: where an interval counts from: the creation of the user sync.
        """
        if not self.runs:
            return None
        put_off = self._put_off(sync_id)
        plain = moment - put_off
        if self.every_minutes:
            pace = self.every_minutes * MINUTE_US
            return anchor + ((plain - anchor) // pace + 1) * pace + put_off
        found = next_tick(self.cron, self.time_zone, plain)
        return None if found is None else found + put_off

    def is_full(self, runs_since_full: int) -> bool:
        """Tell whether the next scheduled run reads everything.

        Args:
            runs_since_full: how many scheduled runs there were since everything was read last.
        """
        return self.full_every > 0 and runs_since_full + 1 >= self.full_every

    def _put_off(self, sync_id: str) -> int:
        digest = hashlib.blake2b(sync_id.encode(), digest_size=8).digest()
        return int.from_bytes(digest) % (self.jitter_seconds + 1) * SECOND_US


def next_tick(cron: str, time_zone: str, moment: int) -> int | None:
    """Return the first tick of a cron expression after a moment, ``None`` if there is none.

    Args:
        cron: a good expression.
        time_zone: a good name.
        moment: microseconds since the epoch; so is what is returned.
    """
    start = datetime.fromtimestamp(moment // SECOND_US, UTC).astimezone(zone(time_zone))
    for tick in CronSim(cron, start):
        found = round(tick.timestamp()) * SECOND_US
        if found > moment:
            return found
    return None


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name."""
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Return the names of all time zones that this machine knows."""
    return frozenset(available_timezones())


# -- what may be wrong --------------------------------------------------------------------------


Problems = list[FieldProblem]


def _unknown(value: Mapping[str, Any]) -> Problems:
    return [
        FieldProblem(
            f"schedule.{str(key)[:40]}", "There is no such setting.", f"Use {', '.join(KEYS)}."
        )
        for key in value
        if key not in KEYS
    ]


def _one_kind(value: Mapping[str, Any]) -> Problems:
    if value.get("cron") and value.get("every_minutes"):
        return [
            FieldProblem(
                "schedule.every_minutes",
                "A schedule has a cron expression or an interval, not both.",
                "Leave one of them out.",
            )
        ]
    if value and not value.get("cron") and not value.get("every_minutes"):
        return [
            FieldProblem(
                "schedule.cron",
                "The schedule does not say when to run.",
                "Give cron or every_minutes, or {} for no schedule at all.",
            )
        ]
    return []


def _cron(value: Mapping[str, Any]) -> Problems:
    cron = value.get("cron", "")
    if not isinstance(cron, str) or len(cron) > LONGEST_CRON:
        message = f"It has to be a text of at most {LONGEST_CRON} characters."
        return [FieldProblem("schedule.cron", message, EXAMPLE)]
    if not cron:
        return []
    if len(cron.split()) != CRON_FIELDS:
        message = f"It has {len(cron.split())} fields; a cron expression has {CRON_FIELDS}: minute"
        message += ", hour, day of month, month, day of week."
        return [FieldProblem("schedule.cron", message, EXAMPLE)]
    try:
        never = next_tick(cron, "UTC", 0) is None
    except CronSimError as error:
        message = f"{cron!r} cannot be used: {_part(str(error))}."
        return [FieldProblem("schedule.cron", message, EXAMPLE)]
    if never:
        message = f"{cron!r} never comes, such as a 30th of February."
        return [FieldProblem("schedule.cron", message, EXAMPLE)]
    return []


def _part(reason: str) -> str:
    """Return what a library says of an expression, such as "Bad minute", in our words."""
    word = reason.removeprefix("Bad ")
    return f"its field {word!r} is wrong" if word != reason else "it is wrong"


def _time_zone(value: Mapping[str, Any]) -> Problems:
    name = value.get("time_zone", "UTC")
    if isinstance(name, str) and name in zones():
        return []
    return [
        FieldProblem(
            "schedule.time_zone",
            f"There is no time zone {str(name)[:60]!r}.",
            "Use an IANA name, such as Europe/Berlin or UTC.",
        )
    ]


def _number(name: str, least: int, most: int, *, none: bool) -> Callable[[Mapping[str, Any]], Any]:
    """Return the check of a whole number; ``none``: 0 is good too, for none."""

    def check(value: Mapping[str, Any]) -> Problems:
        given = value.get(name, 0)
        whole = isinstance(given, int) and not isinstance(given, bool)
        if whole and (least <= given <= most or (none and given == 0)):
            return []
        message = f"It has to be a whole number from {least} to {most:,}{' (or 0)' * none}."
        return [FieldProblem(f"schedule.{name}", message)]

    return check


def _enabled(value: Mapping[str, Any]) -> Problems:
    if isinstance(value.get("enabled", True), bool):
        return []
    return [FieldProblem("schedule.enabled", "It has to be true or false.")]


CHECKS: Final[tuple[Callable[[Mapping[str, Any]], Problems], ...]] = (
    _unknown,
    _one_kind,
    _cron,
    _number("every_minutes", SHORTEST_INTERVAL, LONGEST_INTERVAL, none=True),
    _time_zone,
    _number("full_every", 0, MOST_FULL_EVERY, none=False),
    _number("jitter_seconds", 0, MOST_JITTER, none=False),
    _enabled,
)
"""Everything that may be wrong with a schedule."""
