"""The outbox: mails go out once, are tried again, and are given up."""

import asyncio

import pytest

from storage.access import Workspaces
from storage.database import Database, now_us
from storage.mail import (
    FIRST_WAIT_US,
    HANDED_OUT_US,
    LONGEST_WAIT_US,
    MOST_ATTEMPTS,
    MailStatus,
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
    assert (listed[2].message, listed[2].run_id, listed[2].kind) == ("From: …", "run", "report")
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
