"""The sync report: what it says, and how it reaches its recipient."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from gateway.mail.address import SmtpTarget
from gateway.mail.delivery import NOBODY, Postman
from gateway.mail.report import SyncReport, build_message, duration_text
from scim.provisioning.operations import Action, Operation, OperationStatus, PlannedOperation
from scim.provisioning.records import RunMode, RunPhase, RunRecord, RunStatus
from scim.provisioning.source import ObjectKind
from storage.access import Workspaces
from storage.database import Database, now_us
from storage.mail import MailStatus, Outbox
from tests.gateway.certificate import certificate
from tests.gateway.mailbox import Inbox, MailServer, parsed, started, text_of

RUN = RunRecord(
    id="run-1",
    sync_id="sync-1",
    mode=RunMode.initial,
    trigger="cli",
    actor="",
    status=RunStatus.succeeded,
    phase=RunPhase.done,
    preview=False,
    started_at=1_700_000_000_000_000,
    finished_at=1_700_000_185_000_000,
)

SUMMARY: dict[str, Any] = {
    "users": {"created": 12, "restored": 1, "updated": 3, "disabled": 2, "deleted": 4, "failed": 0},
    "groups": {"created": 5, "updated": 6, "deleted": 7, "failed": 0},
    "memberships": {"added": 81, "removed": 19},
    "duration_s": 185.0,
}


def failure(number: int, label: str = "", message: str = "it has no address.") -> PlannedOperation:
    operation = Operation(Action.none, ObjectKind.user, f"id-{number}", label or f"user{number}")
    return PlannedOperation(
        number, operation, OperationStatus.failed, "no", message, "Give it one in Azure."
    )


def parts(message: EmailMessage) -> tuple[str, str]:
    read = parsed(message.as_bytes())
    return text_of(read), text_of(read, "html")


def built(**changed: Any) -> EmailMessage:
    report = replace(SyncReport("Contoso", RUN, SUMMARY), **changed)
    return build_message(report, "ezto <gateway@example.com>", "Ann Lee <ann@example.com>")


# -- what it says -----------------------------------------------------------------------


def test_the_report_tells_the_numbers_in_text_and_html() -> None:
    message = built()
    assert message["Subject"] == (
        "Sync Contoso succeeded: users 12 created, 1 restored, 3 updated, 2 disabled, 4 deleted"
    )
    assert message["To"] == "Ann Lee <ann@example.com>"
    assert message.get_content_type() == "multipart/alternative"
    for body in parts(message):
        for number in ("12", "81", "19"):
            assert number in body
        assert "initial cycle" in body
        assert "2023-11-14 22:13:20 UTC" in body
        assert "3 min 5 s" in body
        assert "Nothing needs your attention." in body
        assert "nothing was written to Azure" in body
    text, _ = parts(message)
    rows = [line.split() for line in text.splitlines()]
    assert ["created", "restored", "updated", "disabled", "deleted", "failed", "held"] in rows
    assert ["Users", "12", "1", "3", "2", "4", "0", "0"] in rows
    assert ["Groups", "5", "0", "6", "0", "7", "0", "0"] in rows
    assert message["Message-ID"] == "<run-1.report@example.com>"
    assert built()["Message-ID"] == message["Message-ID"]


def test_the_report_says_what_needs_attention() -> None:
    failures = [failure(number) for number in range(25)]
    run = replace(RUN, status=RunStatus.incomplete, notes=("The group Board hides its members.",))
    message = built(run=run, failures=failures, failed=300)
    assert "is incomplete" in message["Subject"]
    for body in parts(message):
        assert "What needs attention" in body
        assert "Board hides its members" in body
        assert "user0" in body
        assert "Give it one in Azure." in body
        assert "user20" not in body
        assert "and 280 more" in body


def test_a_failed_run_says_why_and_what_to_do() -> None:
    run = replace(
        RUN,
        status=RunStatus.failed,
        code="invalid_client",
        message="Azure refused the client secret.",
        advice="Make a new one.",
    )
    message = built(run=run, summary={"duration_s": None})
    assert message["Subject"] == "Sync Contoso failed: users unchanged"
    for body in parts(message):
        assert "Azure refused the client secret." in body
        assert "Make a new one." in body


def test_names_from_a_directory_cannot_break_out() -> None:
    name = "Con\r\nBcc: x@y.z\r\n\r\ntoso <script>alert(1)</script>"
    message = built(sync_name=name, failures=[failure(1, "<b>Zoë</b> 🦊")], failed=1)
    assert "\n" not in message["Subject"]
    assert message["Bcc"] is None
    _, html = parts(message)
    assert "<script>" not in html
    assert "&lt;b&gt;Zoë&lt;/b&gt; 🦊" in html
    message.as_bytes().decode("ascii")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (185, "3 min 5 s"), (7_500, "2 h 5 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


# -- how it gets there ---------------------------------------------------------------------


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp(inbox: Inbox) -> Iterator[SmtpTarget]:
    with started(MailServer(inbox)) as port:
        yield SmtpTarget("127.0.0.1", port, starttls="never")


def posted(database: Database, runner: asyncio.Runner, recipient: str = "ann@example.com") -> str:
    async def enqueue() -> str:
        room = await Workspaces(database).ensure_default()
        text = built().as_bytes().decode("ascii")
        return await Outbox(database).enqueue(room.row_id, "sync_report", recipient, "S", text)

    return runner.run(enqueue())


def status_of(database: Database, runner: asyncio.Runner) -> tuple[MailStatus, int, str]:
    async def read() -> tuple[MailStatus, int, str]:
        room = await Workspaces(database).ensure_default()
        (mail,) = await Outbox(database).list(room.row_id)
        return mail.status, mail.attempts, mail.error

    return runner.run(read())


def test_without_a_server_a_mail_becomes_a_file(
    database: Database, runner: asyncio.Runner, tmp_path: Path
) -> None:
    mail_id = posted(database, runner)
    postman = Postman(Outbox(database), tmp_path / "mail", "gateway@example.com")
    assert runner.run(postman.deliver_due()) == 1
    assert runner.run(postman.deliver_due()) == 0
    (file,) = (tmp_path / "mail").iterdir()
    assert file.name == f"{mail_id}-sync_report.eml"
    read = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert read["To"] == "Ann Lee <ann@example.com>"
    assert status_of(database, runner) == (MailStatus.sent, 1, "")


def test_a_mail_is_sent_to_the_server(
    database: Database, runner: asyncio.Runner, tmp_path: Path, inbox: Inbox, smtp: SmtpTarget
) -> None:
    posted(database, runner, "Ann Lee <ann@example.com>")
    postman = Postman(Outbox(database), tmp_path / "mail", "gateway@example.com", smtp)
    assert runner.run(postman.deliver_due()) == 1
    ((recipients, content),) = inbox.messages
    assert recipients == ["ann@example.com"]
    assert content.replace(b"\r\n", b"\n").startswith(b"Subject: Sync Contoso succeeded")
    assert status_of(database, runner) == (MailStatus.sent, 1, "")
    assert not (tmp_path / "mail").exists()


def test_a_mail_for_nobody_stays_on_this_machine(
    database: Database, runner: asyncio.Runner, tmp_path: Path, inbox: Inbox, smtp: SmtpTarget
) -> None:
    posted(database, runner, NOBODY)
    postman = Postman(Outbox(database), tmp_path / "mail", "gateway@example.com", smtp)
    assert runner.run(postman.deliver_due()) == 1
    assert not inbox.messages
    assert len(list((tmp_path / "mail").iterdir())) == 1


def test_a_refused_mail_is_kept_and_sent_later(
    database: Database,
    runner: asyncio.Runner,
    tmp_path: Path,
    inbox: Inbox,
    smtp: SmtpTarget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posted(database, runner)
    postman = Postman(Outbox(database), tmp_path / "mail", "gateway@example.com", smtp)
    inbox.refusal = "451 the disk is full"
    assert runner.run(postman.deliver_due()) == 0
    status, attempts, error = status_of(database, runner)
    assert (status, attempts) == (MailStatus.queued, 1)
    assert "the disk is full" in error
    inbox.refusal = ""
    assert runner.run(postman.deliver_due()) == 0
    monkeypatch.setattr("gateway.mail.delivery.now_us", lambda: now_us() + 3_600_000_000)
    assert runner.run(postman.deliver_due()) == 1
    assert len(inbox.messages) == 1


def test_an_unreachable_server_loses_nothing(
    database: Database, runner: asyncio.Runner, tmp_path: Path, smtp: SmtpTarget
) -> None:
    posted(database, runner)
    nowhere = replace(smtp, port=1)
    postman = Postman(Outbox(database), tmp_path / "mail", "gateway@example.com", nowhere)
    assert runner.run(postman.deliver_due()) == 0
    assert status_of(database, runner)[:2] == (MailStatus.queued, 1)


def test_a_server_without_starttls_gets_no_password(
    database: Database, runner: asyncio.Runner, tmp_path: Path, inbox: Inbox, smtp: SmtpTarget
) -> None:
    posted(database, runner)
    signed_in = replace(smtp, starttls="required", username="ann", password="hunter2")
    postman = Postman(Outbox(database), tmp_path / "mail", "gateway@example.com", signed_in)
    assert runner.run(postman.deliver_due()) == 0
    assert "hunter2" not in status_of(database, runner)[2]
    assert not inbox.messages


def test_starttls_and_signing_in(
    sqlite_url: str,
    runner: asyncio.Runner,
    tmp_path: Path,
    inbox: Inbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    seen: list[tuple[bytes, bytes]] = []

    def sign_in(*about: Any) -> AuthResult:
        login = about[-1]
        assert isinstance(login, LoginPassword)
        seen.append((login.login, login.password))
        return AuthResult(success=True)

    server = MailServer(
        inbox,
        tls_context=context,
        require_starttls=True,
        authenticator=sign_in,
        auth_required=True,
    )
    database = runner.run(Database.open(sqlite_url, shared=False, migrate=False))
    try:
        posted(database, runner)
        with started(server) as port:
            target = SmtpTarget("127.0.0.1", port, False, "required", "ann", "hunter2")
            postman = Postman(Outbox(database), tmp_path / "mail", "gateway@example.com", target)
            assert runner.run(postman.deliver_due()) == 1, status_of(database, runner)
    finally:
        runner.run(database.close())
    assert seen == [(b"ann", b"hunter2")]
    assert len(inbox.messages) == 1
