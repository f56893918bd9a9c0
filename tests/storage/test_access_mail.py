"""The outbox: mails go out once, are tried again, and are given up."""

import asyncio

import pytest

from storage.access import Workspaces
from storage.database import Database, now_us
from storage.mail import (
    FIRST_WAIT_US,
    HANDED_OUT_US,
    KEPT_US,
    LONGEST_WAIT_US,
    MOST_ATTEMPTS,
    MailStatus,
    NewMail,
    Outbox,
    wait_after,
)


@pytest.fixture
def workspace(database: Database, runner: asyncio.Runner) -> int:
    return runner.run(Workspaces(database).ensure("acme")).row_id


def queue(runner: asyncio.Runner, outbox: Outbox, workspace: int, number: int) -> list[str]:
    return [
        runner.run(outbox.enqueue(workspace, "report", f"a{n}@x", "Report", "From: …", "run"))
        for n in range(number)
    ]


def test_a_mail_is_handed_out_once_and_sent(
    database: Database, runner: asyncio.Runner, workspace: int
) -> None:
    outbox = Outbox(database)
    first, second, third = queue(runner, outbox, workspace, 3)
    now = now_us()
    assert [mail.id for mail in runner.run(outbox.due(2, now))] == [first, second]
    assert [mail.id for mail in runner.run(outbox.due(9, now))] == [third]
    assert runner.run(outbox.due(9, now)) == []
    runner.run(outbox.mark_sent(first, now))
    again = runner.run(outbox.due(9, now + HANDED_OUT_US))
    assert [mail.id for mail in again] == [second, third]
    listed = runner.run(outbox.list(workspace))
    assert [mail.id for mail in listed] == [third, second, first]
    assert (listed[2].status, listed[2].sent_at, listed[2].attempts) == (MailStatus.sent, now, 1)
    assert (listed[2].run_id, listed[2].kind) == ("run", "report")
    assert [runner.run(outbox.message(each.id)) for each in listed] == ["From: …", "From: …", ""]
    assert runner.run(outbox.list(workspace, before=second)) == listed[2:]


def test_a_mail_is_tried_again_and_then_given_up(
    database: Database, runner: asyncio.Runner, workspace: int
) -> None:
    outbox = Outbox(database)
    (mail_id,) = queue(runner, outbox, workspace, 1)
    now = now_us()
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert len(runner.run(outbox.due(9, now))) == 1
        status = runner.run(outbox.mark_failed(mail_id, f"refused {attempt}", now))
        assert runner.run(outbox.due(9, now + wait_after(attempt) - 1)) == []
        now += wait_after(attempt)
    assert status is MailStatus.failed
    assert runner.run(outbox.due(9, now)) == []
    (mail,) = runner.run(outbox.list(workspace))
    assert (mail.status, mail.attempts, mail.error) == (
        MailStatus.failed,
        MOST_ATTEMPTS,
        f"refused {MOST_ATTEMPTS}",
    )
    with pytest.raises(LookupError):
        runner.run(outbox.mark_failed(mail_id, "again", now))


def test_a_mail_that_was_given_up_is_a_dead_letter_until_a_person_has_it_tried_again(
    database: Database, runner: asyncio.Runner, workspace: int
) -> None:
    outbox = Outbox(database)
    first, second = queue(runner, outbox, workspace, 2)
    now = now_us()
    runner.run(outbox.due(9, now))
    status = runner.run(outbox.mark_failed(first, "550 no such\0 mailbox", now, for_good=True))
    assert status is MailStatus.failed
    (dead,) = runner.run(outbox.list(workspace, status=MailStatus.failed))
    assert (dead.id, dead.error) == (first, "550 no such mailbox")
    assert runner.run(outbox.count_failed(workspace)) == 1
    assert not runner.run(outbox.retry(workspace, second))
    assert not runner.run(outbox.retry(workspace + 1, first))
    assert runner.run(outbox.retry(workspace, first))
    assert [mail.id for mail in runner.run(outbox.due(9, now_us()))] == [first]
    assert runner.run(outbox.count_failed(workspace)) == 0


def test_mails_of_many_wait_for_those_that_are_not(
    database: Database, runner: asyncio.Runner, workspace: int
) -> None:
    outbox = Outbox(database)
    many = [NewMail("enrollment", f"a{n}@x", "S", "…", bulk=True) for n in range(3)]
    runner.run(outbox.enqueue_all(workspace, many))
    (report,) = queue(runner, outbox, workspace, 1)
    now = now_us()
    assert [mail.id for mail in runner.run(outbox.due(2, now))] == [report, many[0].id]
    assert [mail.id for mail in runner.run(outbox.due(2, now))] == [many[1].id, many[2].id]


def test_a_mail_that_was_not_tried_is_handed_out_again(
    database: Database, runner: asyncio.Runner, workspace: int
) -> None:
    outbox = Outbox(database)
    (mail_id,) = queue(runner, outbox, workspace, 1)
    now = now_us()
    runner.run(outbox.due(9, now))
    runner.run(outbox.postpone([mail_id], now + 5, "no server"))
    assert runner.run(outbox.due(9, now + 4)) == []
    (mail,) = runner.run(outbox.due(9, now + 5))
    assert (mail.attempts, mail.error) == (0, "no server")


def test_a_mail_that_nobody_needs_is_noted_and_not_sent(
    database: Database, runner: asyncio.Runner, workspace: int
) -> None:
    outbox = Outbox(database)
    noted = NewMail(
        "quarantine", "a@x", "S", "", "run-1", status=MailStatus.dropped, error="told already"
    )
    wanted = NewMail("enrollment", "b@x", "S", "…")
    runner.run(outbox.enqueue_all(workspace, [noted, wanted]))
    (mail,) = runner.run(outbox.due(9, now_us()))
    assert mail.id == wanted.id
    runner.run(outbox.drop(wanted.id, "void"))
    listed = runner.run(outbox.list(workspace))
    assert [(each.status, each.error) for each in listed] == [
        (MailStatus.dropped, "void"),
        (MailStatus.dropped, "told already"),
    ]
    assert [each.id for each in runner.run(outbox.of_run("run-1"))] == [noted.id]


def test_a_mail_is_not_added_twice(
    database: Database, runner: asyncio.Runner, workspace: int
) -> None:
    outbox = Outbox(database)
    mail = NewMail("sync_report", "a@x", "S", "…", "run-1", id="run-1")
    runner.run(outbox.enqueue_all(workspace, [mail]))
    runner.run(outbox.mark_sent("run-1", now_us()))
    runner.run(outbox.enqueue_all(workspace, [mail]))
    (kept,) = runner.run(outbox.list(workspace))
    assert kept.status is MailStatus.sent


def test_old_mails_are_forgotten_but_those_of_runs_and_in_the_queue(
    database: Database, runner: asyncio.Runner, workspace: int
) -> None:
    outbox = Outbox(database)
    queue(runner, outbox, workspace, 1)
    mails = [NewMail("enrollment", "a@x", "S", "…") for _ in range(3)]
    runner.run(outbox.enqueue_all(workspace, mails))
    runner.run(outbox.mark_sent(mails[0].id, now_us()))
    runner.run(outbox.drop(mails[1].id, "void"))
    assert runner.run(outbox.prune(now_us())) == 0
    assert runner.run(outbox.prune(now_us() + KEPT_US + 1_000_000)) == 2
    left = {mail.id for mail in runner.run(outbox.list(workspace))}
    assert mails[2].id in left
    assert len(left) == 2


def test_waiting_doubles_up_to_six_hours() -> None:
    waits = [wait_after(attempt) for attempt in range(1, 40)]
    assert waits[:3] == [FIRST_WAIT_US, 2 * FIRST_WAIT_US, 4 * FIRST_WAIT_US]
    assert waits[-1] == LONGEST_WAIT_US


def test_workers_that_ask_at_once_share_the_mails(
    database: Database, runner: asyncio.Runner, workspace: int
) -> None:
    outbox = Outbox(database)
    mails = set(queue(runner, outbox, workspace, 8))
    now = now_us()

    async def ask() -> list[str]:
        found = await asyncio.gather(*(outbox.due(4, now) for _ in range(4)))
        return [mail.id for several in found for mail in several]

    handed_out = runner.run(ask())
    assert len(handed_out) == len(set(handed_out))
    assert set(handed_out) <= mails
    rest = runner.run(outbox.due(9, now))
    assert set(handed_out) | {mail.id for mail in rest} == mails


def test_a_mail_goes_with_the_transaction_it_is_part_of(
    database: Database, runner: asyncio.Runner, workspace: int
) -> None:
    outbox = Outbox(database)

    async def undone() -> None:
        async with database.transaction():
            await outbox.enqueue(workspace, "report", "a@x", "Report", "From: …")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.run(undone())
    assert runner.run(outbox.list(workspace)) == []
