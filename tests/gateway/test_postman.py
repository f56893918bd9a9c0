"""The postman: many mails on one line, servers that are away, mails that nobody takes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.mail.address import SmtpTarget
from gateway.mail.delivery import BATCH, LONGEST_PAUSE, NotNeeded, NotYet, Postman
from gateway.mail.line import MAILS_A_CONNECTION, MailRefused, ServerProblem
from storage.access import Workspaces
from storage.database import Database
from storage.mail import MailRecord, MailStatus, NewMail, Outbox
from tests.gateway.mailbox import Inbox, MailServer, parsed, started, text_of

SENDER = "gateway@example.com"
TEXT = "Subject: x\r\n\r\nHello\r\n"


class Clock:
    """Seconds that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Post:
    """An outbox with mails, and what became of them."""

    def __init__(self, database: Database, runner: asyncio.Runner, directory: Path) -> None:
        self.database = database
        self.runner = runner
        self.directory = directory
        self.outbox = Outbox(database)
        self.clock = Clock()
        self.workspace = runner.run(Workspaces(database).ensure_default()).row_id

    def post(self, *recipients: str, kind: str = "sync_report", text: str = TEXT) -> None:
        mails = [NewMail(kind, each, "S", text) for each in recipients]
        self.runner.run(self.outbox.enqueue_all(self.workspace, mails))

    def postman(self, smtp: SmtpTarget | None, **more: Any) -> Postman:
        return Postman(self.outbox, self.directory, SENDER, smtp, clock=self.clock, **more)

    def deliver(self, postman: Postman) -> int:
        return self.runner.run(postman.deliver_due())

    def mails(self) -> list[MailRecord]:
        return self.runner.run(self.outbox.list(self.workspace, 1_000))[::-1]

    def at_once(self) -> None:
        """Let every mail that waits be due."""

        async def now() -> None:
            async with self.database.transaction() as session:
                await session.execute("UPDATE mail_outbox SET next_attempt_at = 0")

        self.runner.run(now())


@pytest.fixture
def post(database: Database, runner: asyncio.Runner, tmp_path: Path) -> Post:
    return Post(database, runner, tmp_path / "mail")


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp(inbox: Inbox) -> Iterator[SmtpTarget]:
    with started(MailServer(inbox)) as port:
        yield SmtpTarget("127.0.0.1", port, starttls="never")


def test_many_mails_share_connections(post: Post, inbox: Inbox, smtp: SmtpTarget) -> None:
    number = MAILS_A_CONNECTION + 5
    post.post(*(f"user{n}@example.com" for n in range(number)))
    assert post.deliver(post.postman(smtp)) == number > BATCH
    assert [recipients for recipients, _ in inbox.messages] == [
        [f"user{n}@example.com"] for n in range(number)
    ]
    assert inbox.connections == 2


def test_a_mailbox_that_does_not_exist_is_given_up_at_once(
    post: Post, inbox: Inbox, smtp: SmtpTarget
) -> None:
    inbox.unknown = {"gone@example.com"}
    post.post("a@example.com", "gone@example.com", "b@example.com")
    assert post.deliver(post.postman(smtp)) == 2
    assert [each.status for each in post.mails()] == ["sent", "failed", "sent"]
    assert "no such mailbox" in post.mails()[1].error
    assert inbox.connections == 1


def test_a_message_that_is_refused_for_good_is_given_up(
    post: Post, inbox: Inbox, smtp: SmtpTarget
) -> None:
    inbox.refusal = "554 looks like spam"
    post.post("a@example.com")
    assert post.deliver(post.postman(smtp)) == 0
    assert (post.mails()[0].status, "spam" in post.mails()[0].error) == (MailStatus.failed, True)


def test_a_server_that_is_away_is_left_alone_longer_each_time(post: Post, smtp: SmtpTarget) -> None:
    post.post(*(f"user{n}@example.com" for n in range(3)))
    postman = post.postman(replace(smtp, port=1))
    assert post.deliver(postman) == 0
    assert [each.attempts for each in post.mails()] == [1, 0, 0]
    assert all(each.error for each in post.mails())
    tried = []
    for _ in range(8):
        post.at_once()
        before = [each.attempts for each in post.mails()]
        assert post.deliver(postman) == 0
        assert [each.attempts for each in post.mails()] == before
        waited = 0.0
        while [each.attempts for each in post.mails()] == before:
            post.clock.now += 15
            waited += 15
            post.deliver(postman)
        tried.append(waited)
    assert tried == sorted(tried)
    assert (tried[0], tried[-1]) == (15, LONGEST_PAUSE)


def test_a_server_that_comes_back_gets_everything(
    post: Post, inbox: Inbox, smtp: SmtpTarget
) -> None:
    post.post(*(f"user{n}@example.com" for n in range(3)))
    inbox.refusal = "421 closing down"
    postman = post.postman(smtp)
    assert post.deliver(postman) == 0
    assert [each.attempts for each in post.mails()] == [1, 0, 0]
    inbox.refusal = ""
    post.at_once()
    post.clock.now += 15
    assert post.deliver(postman) == 3


class Poison:
    """Writes mails in every bad way."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.heard: list[MailStatus] = []

    async def write(self, mail: MailRecord, kept: str) -> bytes:
        raise self.error

    async def delivered(self, mail: MailRecord, status: MailStatus) -> None:
        self.heard.append(status)


@pytest.mark.parametrize(
    ("error", "status", "attempts"),
    [
        (RuntimeError("a defect"), MailStatus.queued, 1),
        (ValueError("no key"), MailStatus.failed, 1),
        (NotNeeded("void"), MailStatus.dropped, 0),
        (NotYet("set EZTO_BASE_URL"), MailStatus.queued, 0),
    ],
)
def test_a_mail_that_cannot_be_written_does_not_hold_up_the_others(
    post: Post, error: Exception, status: MailStatus, attempts: int
) -> None:
    post.post("a@example.com", kind="enrollment")
    post.post("b@example.com")
    writer = Poison(error)
    assert post.deliver(post.postman(None, writers={"enrollment": writer})) == 1
    bad, good = post.mails()
    assert (bad.status, bad.attempts, good.status) == (status, attempts, MailStatus.sent)
    assert str(error) in bad.error
    assert writer.heard == ([MailStatus.failed] if status is MailStatus.failed else [])


def test_a_slow_server_does_not_keep_mails_that_others_may_have_by_then(
    post: Post, inbox: Inbox, smtp: SmtpTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.post(*(f"user{n}@example.com" for n in range(4)))
    postman = post.postman(smtp)
    sent = post.outbox.mark_sent

    async def slow(mail_id: str, now: int) -> None:
        post.clock.now += 60
        await sent(mail_id, now)

    monkeypatch.setattr(post.outbox, "mark_sent", slow)
    handed_out: list[int] = []
    due = post.outbox.due

    async def counted(limit: int, now: int) -> list[MailRecord]:
        found = await due(limit, now)
        handed_out.append(len(found))
        return found

    monkeypatch.setattr(post.outbox, "due", counted)
    assert post.deliver(postman) == 4
    assert handed_out == [4, 2, 0]
    assert len(inbox.messages) == 4


def test_what_a_mail_says_is_forgotten_once_it_is_sent(post: Post) -> None:
    post.post("a@example.com")
    post.deliver(post.postman(None))
    (mail,) = post.mails()
    assert post.runner.run(post.outbox.message(mail.id)) == ""
    (file,) = post.directory.iterdir()
    assert file.read_bytes() == TEXT.encode()


def test_a_test_mail_arrives_or_says_why_not(post: Post, inbox: Inbox, smtp: SmtpTarget) -> None:
    post.runner.run(post.postman(smtp).send_test("Ann <ann@example.com>"))
    ((recipients, content),) = inbox.messages
    assert recipients == ["ann@example.com"]
    assert "Mails of ezto auth arrive" in text_of(parsed(content), "html")
    inbox.unknown = {"gone@example.com"}
    with pytest.raises(MailRefused, match="no such mailbox"):
        post.runner.run(post.postman(smtp).send_test("gone@example.com"))
    with pytest.raises(ServerProblem):
        post.runner.run(post.postman(replace(smtp, port=1)).send_test("ann@example.com"))
    post.runner.run(post.postman(None).send_test("ann@example.com"))
    assert len(list(post.directory.iterdir())) == 1
    assert post.mails() == []


def test_who_waits_for_mails_waits_only_so_long(
    post: Post, inbox: Inbox, smtp: SmtpTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.post(*(f"user{n}@example.com" for n in range(2 * BATCH + 1)))
    sent = post.outbox.mark_sent

    async def slow(mail_id: str, now: int) -> None:
        post.clock.now += 1
        await sent(mail_id, now)

    monkeypatch.setattr(post.outbox, "mark_sent", slow)
    postman = post.postman(smtp)
    assert post.runner.run(postman.deliver_due(BATCH - 1)) == BATCH
    assert post.deliver(postman) == BATCH + 1
