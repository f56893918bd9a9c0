"""Deliberate deviations of a server, listed in a file with their reasons."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.outcome import Check, Outcome, Status


class Unreadable(Exception):
    """A deviations file cannot be read."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A check that a server fails on purpose."""

    suite: str
    check: str
    reason: str


def read(path: Path) -> list[Deviation]:
    """The deviations of a file.

    Raises:
        Unreadable: the file is not there, or not as it has to be.
    """
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        listed = [Deviation(**each) for each in data["deviations"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{path}: {type(error).__name__}: {error}") from error
    if without := [each.check for each in listed if not str(each.reason).strip()]:
        raise Unreadable(f"{path}: no reason is given for {', '.join(without)}")
    return listed


def apply(outcome: Outcome, deviations: Iterable[Deviation]) -> Outcome:
    """The outcome, accepted when it is a failure that is listed."""
    if outcome.status is not Status.FAILED:
        return outcome
    for each in deviations:
        if (each.suite, each.check) == (outcome.check.suite, outcome.check.name):
            return outcome.accepted(each.reason)
    return outcome


def unused(
    deviations: Iterable[Deviation], outcomes: Collection[Outcome], suites: Collection[str]
) -> list[Outcome]:
    """A failure for each listed deviation of the suites that ran which did not occur."""
    occurred = {
        (each.check.suite, each.check.name) for each in outcomes if each.status is Status.DEVIATION
    }
    return [
        Outcome.judged(_listing(each), [f"{each.suite}: {each.check} did not fail in this run"])
        for each in deviations
        if each.suite in suites and (each.suite, each.check) not in occurred
    ]


def _listing(deviation: Deviation) -> Check:
    return Check(
        "deviations",
        f"{deviation.suite}: {deviation.check}",
        "Every deviation that is listed occurs",
        "",
        "A list that is longer than the deviations hides the next one.",
    )
