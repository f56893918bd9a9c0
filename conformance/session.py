"""Run suites against a server, and leave it as it was."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence

from conformance import deviation_list
from conformance.deviation_list import Deviation
from conformance.outcome import Check, Outcome, Report, Status
from conformance.server import Server
from conformance.suites.base import Suite

Told = Callable[[Outcome], None]
"""Called with each outcome as soon as it is known."""


def run(
    server: Server,
    suites: Sequence[Suite],
    deviations: Collection[Deviation] = (),
    told: Told = lambda _: None,
) -> Report:
    """Run suites one after the other; also after an interruption the server is left clean.

    Args:
        server: the server under test.
        suites: what to run.
        deviations: failures that are accepted.
        told: called with each outcome.
    """
    report = Report(server.url, server.prefix)
    started = time.perf_counter()
    try:
        for outcome in _outcomes(server, suites):
            _add(report, deviation_list.apply(outcome, deviations), told)
    except KeyboardInterrupt:
        report.interrupted = True
    finally:
        _leave_clean(server, report, told)
    names = [each.name for each in suites]
    if not report.interrupted:
        for outcome in deviation_list.unused(deviations, report.outcomes, names):
            _add(report, outcome, told)
    report.seconds = time.perf_counter() - started
    return report


def _outcomes(server: Server, suites: Sequence[Suite]) -> Iterator[Outcome]:
    for suite in suites:
        try:
            yield from suite.run(server)
        except Exception as error:  # a suite that breaks is a failure, and the next one runs
            check = Check(suite.name, "the suite itself", f"{suite.title} can be run", "", "")
            yield Outcome.judged(check, [f"{type(error).__name__}: {error}"])


def _add(report: Report, outcome: Outcome, told: Told) -> None:
    report.outcomes.append(outcome)
    told(outcome)


def _leave_clean(server: Server, report: Report, told: Told) -> None:
    server.clean()
    if report.interrupted:
        server.sweep()
    if not server.left:
        return
    check = Check(
        "cleanup",
        "nothing is left",
        "What the kit made can be deleted",
        "RFC 7644 §3.6",
        "Test users that stay on a server are accounts that nobody watches.",
    )
    _add(report, Outcome(check, Status.FAILED, "left behind: " + ", ".join(server.left)), told)
