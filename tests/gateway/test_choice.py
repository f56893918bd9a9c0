"""Which mail a run is worth: told once, and not again while nothing is new."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.choice import Choice, MailKind, choose
from scim.provisioning.records import RunMode, RunPhase, RunRecord, RunStatus

RUN = RunRecord(
    "run-2", "sync-1", RunMode.incremental, "schedule", "", RunStatus.succeeded, RunPhase.done,
    preview=False, started_at=1, finished_at=2,
)  # fmt: skip
REPORT, TRIP = Choice(MailKind.sync_report), Choice(MailKind.quarantine)


def ended(status: RunStatus, **changed: Any) -> RunRecord:
    return replace(RUN, status=status, **changed)


def counts(**users: int) -> dict[str, Any]:
    return {"users": users, "groups": {}, "memberships": {"added": 0, "removed": 0}}


def mail(run: RunRecord, *history: RunRecord, login: bool = False, told: bool = False) -> Choice:
    return choose(run, history, needs_login=login, told_of_login=told)


@pytest.mark.parametrize("status", [RunStatus.succeeded, RunStatus.incomplete, RunStatus.failed])
@pytest.mark.parametrize("trigger", ["manual", "cli", "api", "schedule"])
def test_success_and_failure_are_reported(status: RunStatus, trigger: str) -> None:
    run = ended(status, trigger=trigger, code="unreachable" if status is RunStatus.failed else "")
    assert mail(run) == mail(run, RUN) == REPORT


def test_a_trip_is_told_once_and_again_after_it_was_over() -> None:
    held = ended(RunStatus.quarantined, counts=counts(held=7))
    assert mail(held) == mail(held, RUN) == TRIP
    assert mail(held, held).dropped
    assert mail(held, ended(RunStatus.failed), held).dropped == ""
    assert mail(held, ended(RunStatus.failed), held).kind is MailKind.sync_report
    assert mail(held, RUN, held) == TRIP


def test_a_run_in_quarantine_that_did_something_is_reported() -> None:
    held = ended(RunStatus.quarantined, counts=counts(held=7))
    busy = ended(RunStatus.quarantined, counts=counts(held=7, created=1))
    assert mail(busy, held) == REPORT
    assert mail(replace(held, trigger="manual"), held) == REPORT


def test_the_same_failure_of_the_schedule_is_told_once() -> None:
    failed = ended(RunStatus.failed, code="unreachable")
    assert mail(failed, RUN) == REPORT
    assert mail(failed, failed).dropped
    assert mail(ended(RunStatus.failed, code="throttled"), failed) == REPORT
    assert mail(replace(failed, trigger="cli"), failed) == REPORT
    assert mail(RUN, failed) == REPORT


def test_a_lost_sign_in_is_told_once() -> None:
    failed = ended(RunStatus.failed, code="expired_session")
    assert mail(failed, login=True) == Choice(MailKind.reauthorize)
    again = mail(failed, failed, login=True, told=True)
    assert (again.kind, bool(again.dropped)) == (MailKind.reauthorize, True)
    assert mail(RUN, failed, login=False, told=True) == REPORT


def test_a_retry_that_changed_nothing_is_not_told() -> None:
    bad = ended(RunStatus.incomplete, trigger="retry", counts=counts(failed=2))
    assert mail(bad, replace(bad, trigger="schedule")).dropped
    assert mail(bad, ended(RunStatus.incomplete, counts=counts(failed=3))) == REPORT
    better = ended(RunStatus.incomplete, trigger="retry", counts=counts(failed=2, created=1))
    assert mail(better, bad) == REPORT


def test_one_object_by_hand_is_not_told() -> None:
    run = replace(RUN, trigger="manual", options={"kind": "on_demand"})
    assert mail(run).dropped


runs = st.builds(
    ended,
    st.sampled_from([each for each in RunStatus if each is not RunStatus.running]),
    trigger=st.sampled_from(["manual", "schedule", "retry"]),
    code=st.sampled_from(["", "unreachable"]),
    counts=st.builds(counts, held=st.integers(0, 2), created=st.integers(0, 1)),
)


@given(runs, st.lists(runs, max_size=3), st.booleans(), st.booleans())
def test_nothing_new_is_ever_dropped(
    run: RunRecord, history: list[RunRecord], login: bool, told: bool
) -> None:
    choice = mail(run, *history, login=login, told=told)
    if choice.dropped:
        assert not run.counts["users"]["created"] or run.status is RunStatus.failed
        assert run.status in (history[0].status if history else None, RunStatus.failed)
    if run.status is RunStatus.quarantined and not choice.dropped:
        assert choice.kind in (MailKind.quarantine, MailKind.sync_report)
    if run.trigger == "manual" and not (login and told):
        assert not choice.dropped
