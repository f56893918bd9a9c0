"""When a schedule starts a run: cron, intervals, clocks that change, jitter, what is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.syncs.fields import FieldsInvalid
from gateway.work.schedule import MINUTE_US, SECOND_US, Schedule, next_tick

BERLIN = "Europe/Berlin"
HOWE = "Australia/Lord_Howe"
"""Its clocks change by half an hour."""

MOMENTS = st.integers(
    int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * SECOND_US,
    int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * SECOND_US,
)
ZONES = st.sampled_from(["UTC", BERLIN, HOWE, "America/New_York", "Asia/Kathmandu"])
CRONS = st.sampled_from(
    [
        "* * * * *",
        "0 */4 * * *",
        "30 2 * * *",
        "*/30 2 * * *",
        "15 2,3 * * *",
        "0 0 1 * *",
        "0 3 * * SUN",
        "5 1-3 * * 1-5",
        "0 12 L * *",
    ]
)


def us(text: str, zone: str = BERLIN, fold: int = 0) -> int:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(local.timestamp()) * SECOND_US


def shown(moment: int, zone: str = BERLIN) -> str:
    return datetime.fromtimestamp(moment / SECOND_US, ZoneInfo(zone)).isoformat()


def ticks(cron: str, zone: str, start: int, count: int) -> list[str]:
    found = []
    for _ in range(count):
        start = next_tick(cron, zone, start) or 0
        found.append(shown(start, zone))
    return found


@pytest.mark.parametrize(
    ("cron", "start", "expected"),
    [
        ("30 2 * * *", "2025-03-29T12:00", ["2025-03-30T03:00:00+02:00", "2025-03-31T02:30"]),
        ("30 2 * * *", "2025-10-25T12:00", ["2025-10-26T02:30:00+02:00", "2025-10-27T02:30"]),
        ("0 * * * *", "2025-10-26T01:30", ["T02:00:00+02:00", "T02:00:00+01:00", "T03:00"]),
        ("0 */4 * * *", "2025-10-26T00:30", ["T04:00:00+01:00", "T08:00:00+01:00"]),
    ],
)
def test_when_clocks_change(cron: str, start: str, expected: list[str]) -> None:
    found = ticks(cron, BERLIN, us(start), len(expected))
    assert all(part in one for one, part in zip(found, expected, strict=True)), found


def test_a_time_that_comes_twice_is_over_in_its_second_hour() -> None:
    """The library alone would answer with the first 02:30, which is past."""
    second = us("2025-10-26T02:15", fold=1)
    assert ticks("30 2 * * *", BERLIN, second, 1) == ["2025-10-27T02:30:00+01:00"]


@settings(max_examples=300, deadline=None)
@given(cron=CRONS, zone=ZONES, moment=MOMENTS, step=st.integers(0, 200_000))
def test_the_next_moment_is_later_and_nothing_lies_between(
    cron: str, zone: str, moment: int, step: int
) -> None:
    found = next_tick(cron, zone, moment)
    assert found is not None
    assert found > moment
    assert found % SECOND_US == 0
    between = min(moment + step * SECOND_US, found - 1)
    assert next_tick(cron, zone, between) == found


@settings(max_examples=150, deadline=None)
@given(
    minute=st.sets(st.integers(0, 59), min_size=1, max_size=3),
    hour=st.sets(st.integers(0, 23), min_size=1, max_size=3),
    moment=MOMENTS,
)
def test_in_utc_it_is_what_a_walk_through_the_minutes_finds(
    minute: set[int], hour: set[int], moment: int
) -> None:
    cron = f"{','.join(map(str, minute))} {','.join(map(str, hour))} * * *"
    at = datetime.fromtimestamp(moment // SECOND_US, UTC).replace(second=0) + timedelta(minutes=1)
    while at.minute not in minute or at.hour not in hour:
        at += timedelta(minutes=1)
    assert next_tick(cron, "UTC", moment) == round(at.timestamp()) * SECOND_US


@settings(max_examples=200, deadline=None)
@given(every=st.integers(5, 5_000), anchor=MOMENTS, moment=MOMENTS, jitter=st.integers(0, 3_600))
def test_an_interval_keeps_its_pace(every: int, anchor: int, moment: int, jitter: int) -> None:
    schedule = Schedule(every_minutes=every, jitter_seconds=jitter)
    first = schedule.next_after(moment, sync_id="one", anchor=anchor)
    assert first is not None
    assert moment < first <= moment + every * MINUTE_US
    second = schedule.next_after(first, sync_id="one", anchor=anchor)
    assert second == first + every * MINUTE_US


@settings(max_examples=100, deadline=None)
@given(cron=CRONS, zone=ZONES, moment=MOMENTS, jitter=st.integers(0, 3_600), name=st.text())
def test_jitter_is_always_the_same_for_one_user_sync(
    cron: str, zone: str, moment: int, jitter: int, name: str
) -> None:
    schedule = Schedule(cron=cron, time_zone=zone, jitter_seconds=jitter)
    found = schedule.next_after(moment, sync_id=name, anchor=0)
    assert found == schedule.next_after(moment, sync_id=name, anchor=0)
    assert found is not None
    assert found > moment
    delay = _delay(schedule, name)
    assert 0 <= delay <= jitter
    tick = found - delay * SECOND_US
    assert next_tick(cron, zone, tick - 1) == tick


def _delay(schedule: Schedule, name: str) -> int:
    """By how many seconds a user sync is put off: its moments less those without jitter."""
    daily = replace(schedule, cron="0 0 1 1 *", time_zone="UTC")
    start = us("2024-06-01T00:00", "UTC")
    found = daily.next_after(start, sync_id=name, anchor=0) or 0
    return (found - us("2025-01-01T00:00", "UTC")) // SECOND_US


def test_jitter_differs_between_user_syncs() -> None:
    schedule = Schedule(cron="0 0 * * *", jitter_seconds=3_600)
    found = {schedule.next_after(0, sync_id=str(number), anchor=0) for number in range(20)}
    assert len(found) > 10


def test_full_cycles_come_every_so_many_runs() -> None:
    schedule = Schedule(cron="0 0 * * *", full_every=3)
    assert [schedule.is_full(since) for since in range(4)] == [False, False, True, True]
    assert not Schedule(cron="0 0 * * *").is_full(1_000)


@pytest.mark.parametrize("schedule", [Schedule(), Schedule(cron="0 0 * * *", enabled=False)])
def test_nothing_is_due_without_a_schedule(schedule: Schedule) -> None:
    assert schedule.next_after(0, sync_id="one", anchor=0) is None


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "schedule"),
        ({"cron": "* * * *"}, "schedule.cron"),
        ({"cron": "0 0 * * * *"}, "schedule.cron"),
        ({"cron": "61 * * * *"}, "schedule.cron"),
        ({"cron": "0 0 31 2 *"}, "schedule.cron"),
        ({"cron": 5}, "schedule.cron"),
        ({"cron": "x" * 500}, "schedule.cron"),
        ({"time_zone": "UTC"}, "schedule.cron"),
        ({"cron": "0 0 * * *", "every_minutes": 40}, "schedule.every_minutes"),
        ({"every_minutes": 4}, "schedule.every_minutes"),
        ({"every_minutes": True}, "schedule.every_minutes"),
        ({"every_minutes": 40, "time_zone": "Europe/Atlantis"}, "schedule.time_zone"),
        ({"every_minutes": 40, "time_zone": "../etc/passwd"}, "schedule.time_zone"),
        ({"every_minutes": 40, "full_every": -1}, "schedule.full_every"),
        ({"every_minutes": 40, "jitter_seconds": 3_601}, "schedule.jitter_seconds"),
        ({"every_minutes": 40, "enabled": "yes"}, "schedule.enabled"),
        ({"every_minutes": 40, "cron_tab": ""}, "schedule.cron_tab"),
    ],
)
def test_what_cannot_be_used_is_named(value: Any, field: str) -> None:
    with pytest.raises(FieldsInvalid) as refused:
        Schedule.from_json(value)
    assert field in [problem.field for problem in refused.value.problems]


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(FieldsInvalid) as refused:
        Schedule.from_json({"cron": "x", "time_zone": "x", "full_every": "x"})
    assert len(refused.value.problems) == 3


@settings(max_examples=100, deadline=None)
@given(
    schedule=st.builds(
        Schedule,
        cron=CRONS,
        time_zone=ZONES,
        full_every=st.integers(0, 1_000),
        jitter_seconds=st.integers(0, 3_600),
        enabled=st.booleans(),
    )
)
def test_what_is_written_is_read_back(schedule: Schedule) -> None:
    assert Schedule.from_json(schedule.to_json()) == schedule
    assert Schedule.from_json({}) == Schedule()
