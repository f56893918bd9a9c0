"""The mails of invitations, through the outbox and a real mail server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.mail.address import SmtpTarget
from gateway.mail.invitation import InvitationLetter, build_invitation
from storage.database import Session
from storage.mail import MailStatus
from tests.enrollment.conftest import Enroll
from tests.enrollment.world import ADDRESS, BASE_URL, EnrollmentWorld, emails
from tests.gateway.mailbox import Inbox, MailServer, link_in, parsed, started, text_of

LETTER = InvitationLetter(
    id="invitation-1",
    inviter="Contoso",
    name="Ann Kováč",
    address=ADDRESS,
    link=f"{BASE_URL}/enroll/ezto_invite_x",
    created_at=1_777_000_000_000_000,
    expires_at=1_777_888_800_000_000,
)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp(inbox: Inbox) -> Iterator[SmtpTarget]:
    with started(MailServer(inbox)) as port:
        yield SmtpTarget("127.0.0.1", port, starttls="never")


def built(**changed: Any) -> Any:
    letter = replace(LETTER, **changed)
    message = build_invitation(letter, "ezto <no-reply@example.com>", ADDRESS)
    return parsed(message.as_bytes())


# -- what it says ---------------------------------------------------------------------


def test_it_says_who_invites_whom_until_when() -> None:
    message = built()
    assert message["Subject"] == "Contoso invites you: verify your e-mail address"
    assert message["Message-ID"] == "<invitation-1.invitation@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    for kind in ("plain", "html"):
        text = text_of(message, kind)
        assert "Ann Kováč" in text
        assert "Contoso invites you to ezto auth" in text
        assert ADDRESS in text
        assert LETTER.link in text
        assert "Monday, 4 May 2026, 10:00 UTC" in text


def test_names_cannot_break_out_or_become_links() -> None:
    message = built(inviter="Con\r\nBcc: x@y.z\r\n\r\ntoso <script>", name="Ann <b>")
    assert message["Bcc"] is None
    assert (
        message["Subject"] == "Con Bcc: x@y.z toso <script> invites you: verify your e-mail address"
    )
    assert "<script>" not in text_of(message, "html")
    for name in ("Free money at evil.example", "https://evil.example", "x@evil", "a/b", "<a>"):
        message = built(name=name)
        assert "Hello" not in text_of(message) + text_of(message, "html"), name
    assert "Hello \n" not in text_of(built(name="‮"))


def test_long_names_are_cut() -> None:
    message = built(name="x" * 5_000, inviter="y" * 5_000)
    assert len(message["Subject"]) < 200
    assert len(text_of(message)) < 2_000


# -- how it gets there ------------------------------------------------------------------


def test_the_link_arrives_and_works(
    enroll: Enroll, inbox: Inbox, smtp: SmtpTarget, tmp_path: Path
) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user(displayName="Ann Kováč")
        await world.invite(user)
        postman = world.postman(tmp_path, smtp=smtp)
        assert await postman.deliver_due() == 1
        assert await postman.deliver_due() == 0
        ((recipients, content),) = inbox.messages
        message = parsed(content)
        assert recipients == [ADDRESS]
        assert "Hello Ann Kováč," in text_of(message)
        link = link_in(message)
        assert link.startswith(f"{BASE_URL}/enroll/ezto_invite_")
        page = await world.service.accept(link.rpartition("/")[2])
        assert page.state == "verified"
        assert await world.shown(user) == (True, "accepted")

    enroll(check)


def test_a_process_that_dies_before_the_mail_sends_it_once(
    enroll: Enroll, inbox: Inbox, smtp: SmtpTarget, tmp_path: Path
) -> None:
    """The batch committed; whoever comes next finds the mail, and only one of them does."""

    async def check(world: EnrollmentWorld) -> None:
        users = [await world.user(f"user{n}", f"user{n}@example.com") for n in range(5)]
        for n, user in enumerate(users):
            await world.invite(user, address=f"user{n}@example.com")
        postmen = [world.postman(tmp_path, smtp=smtp) for _ in range(3)]
        assert sum(await asyncio.gather(*(each.deliver_due() for each in postmen))) == 5
        assert len(inbox.messages) == 5
        assert len({recipients[0] for recipients, _ in inbox.messages}) == 5

    enroll(check)


def test_a_mail_that_is_sent_twice_after_a_crash_is_the_same_mail(
    enroll: Enroll, inbox: Inbox, smtp: SmtpTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(world: EnrollmentWorld) -> None:
        await world.invite(await world.user())
        postman = world.postman(tmp_path, smtp=smtp)

        async def died(*_: Any) -> None:
            raise asyncio.CancelledError

        with monkeypatch.context() as patched:
            patched.setattr(world.outbox, "mark_sent", died)
            with pytest.raises(asyncio.CancelledError):
                await postman.deliver_due()
        (mail,) = await world.mails()
        assert mail.status is MailStatus.queued
        assert await postman.deliver_due() == 0
        await world.outbox.postpone([mail.id], 0)
        assert await postman.deliver_due() == 1
        first, second = (parsed(content) for _, content in inbox.messages)
        assert first["Message-ID"] == second["Message-ID"]
        assert text_of(first) == text_of(second)

    enroll(check)


def test_a_link_that_is_void_before_its_mail_is_sent_never_leaves(
    enroll: Enroll, inbox: Inbox, smtp: SmtpTarget, tmp_path: Path
) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        await world.invite(user)
        await world.change(user, emails=emails("new@example.com"))
        postman = world.postman(tmp_path, smtp=smtp)
        assert await postman.deliver_due() == 0
        assert not inbox.messages
        (mail,) = await world.mails()
        assert mail.status is MailStatus.dropped
        assert "address_changed" in mail.error

    enroll(check)


def test_an_address_that_is_refused_for_good_shows_at_the_user(
    enroll: Enroll, inbox: Inbox, smtp: SmtpTarget, tmp_path: Path
) -> None:
    async def check(world: EnrollmentWorld) -> None:
        gone, here = await world.user("gone"), await world.user("here", "here@example.com")
        await world.invite(gone)
        await world.invite(here, address="here@example.com")
        inbox.unknown = {ADDRESS}
        postman = world.postman(tmp_path, smtp=smtp)
        assert await postman.deliver_due() == 1
        assert await world.shown(gone) == (False, "undelivered")
        assert await world.shown(here) == (False, "sent")
        (dead,) = await world.outbox.list(world.workspace, status=MailStatus.failed)
        assert "no such mailbox" in dead.error
        inbox.unknown = set()
        assert await world.outbox.retry(world.workspace, dead.id)
        assert await postman.deliver_due() == 1
        assert await world.shown(gone) == (False, "sent")

    enroll(check)


def test_without_a_public_url_mails_wait_and_say_so(
    enroll: Enroll, inbox: Inbox, smtp: SmtpTarget, tmp_path: Path
) -> None:
    async def check(world: EnrollmentWorld) -> None:
        nowhere = replace(
            world,
            settings=world.settings.model_copy(
                update={"base_url": None, "smtp_url": "smtp://mail"}
            ),
        )
        await nowhere.invite(await nowhere.user())
        postman = nowhere.postman(tmp_path, smtp=smtp)
        assert await postman.deliver_due() == 0
        (mail,) = await nowhere.mails()
        assert (mail.status, mail.attempts) == (MailStatus.queued, 0)
        assert "EZTO_BASE_URL" in mail.error

    enroll(check)


def test_a_link_whose_key_is_gone_is_a_dead_letter(enroll: Enroll, tmp_path: Path) -> None:
    async def check(world: EnrollmentWorld) -> None:
        await world.invite(await world.user())
        async with world.database.transaction() as session:
            await session.execute("UPDATE mail_outbox SET message = 'gAAAAAxx'")
        assert await world.postman(tmp_path).deliver_due() == 0
        (mail,) = await world.mails()
        assert mail.status is MailStatus.failed
        assert "EZTO_SECRET_KEY" in mail.error

    enroll(check)


def test_the_number_of_statements_does_not_grow_with_the_people(
    enroll: Enroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(world: EnrollmentWorld) -> None:
        users = [await world.user(f"user{n}") for n in range(40)]
        statements: list[str] = []

        def counted(name: str) -> Any:
            run = getattr(Session, name)

            async def counting(self: Session, sql: str, *parameters: Any) -> Any:
                statements.append(sql.partition("(")[0])
                return await run(self, sql, *parameters)

            return counting

        for name in ("rows", "execute", "many"):
            monkeypatch.setattr(Session, name, counted(name))
        await world.invite(*users[:5])
        few = statements.copy()
        statements.clear()
        await world.invite(*users[5:])
        assert statements == few
        statements.clear()
        await world.port.trust(users)
        assert len(statements) < len(few)

    enroll(check)
