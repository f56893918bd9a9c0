"""Delivering the mails of the outbox: by SMTP, or as files where no server is set."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import structlog

from gateway.mail.address import SmtpTarget, mailbox
from gateway.mail.line import Line, MailRefused, ServerProblem, reason_of
from gateway.mail.message import Letter, write
from scim.identifiers import new_id
from storage.database import now_us
from storage.mail import MailRecord, MailStatus, Outbox

NOBODY = "administrator@localhost"
"""Recipient of a mail that nobody is named for: it becomes a file, whatever is set."""

BATCH = 20

BATCH_SECONDS = 100.0
"""How long mails that were handed out are begun with; a worker has them for five minutes."""

CHECK_SECONDS = 15.0
"""How often a server looks for mails that are due."""

LONGEST_PAUSE = 300.0
"""For so long the mail server is left alone at most, after it took no mail at all."""

log = structlog.stdlib.get_logger("gateway.mail")


class NotNeeded(Exception):
    """Nobody needs the mail any more; the message says why."""


class NotYet(Exception):
    """The mail cannot be written before something is set; the message says what."""


class MailWriter(Protocol):
    """Writes the mails of a kind at the moment when they are sent, and hears of them."""

    async def write(self, mail: MailRecord, kept: str) -> bytes:
        """Return the message in RFC 5322 form.

        Args:
            mail: the mail.
            kept: what the outbox keeps instead of the message.

        Raises:
            NotNeeded: do not send it.
            NotYet: try again in a while.
            ValueError: it can never be written; the message says why.
        """
        ...

    async def delivered(self, mail: MailRecord, status: MailStatus) -> None:
        """Hear that a mail was sent, or given up."""
        ...


class Postman:
    """Takes mails from the outbox to their recipients; one that fails stays for later.

    Args:
        outbox: the mails of the database.
        directory: where mails become ``.eml`` files.
        sender: the envelope's sender.
        smtp: the mail server, or ``None`` to write files.
        writers: who writes mails by their kind; those of other kinds are kept as they are sent.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        outbox: Outbox,
        directory: Path,
        sender: str,
        smtp: SmtpTarget | None = None,
        writers: Mapping[str, MailWriter] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self.directory = directory
        self._sender = mailbox(sender).addr_spec
        self._smtp = smtp
        self._writers = writers or {}
        self._clock = clock
        self._pause = 0.0
        self._paused_until = 0.0

    async def deliver_due(self, seconds: float = math.inf) -> int:
        """Deliver what is due and return how many mails were delivered.

        A server that takes no mail at all is left alone for a while, longer each time.

        Args:
            seconds: after so long no further mails are begun with; they are left to the next.
        """
        delivered, until = 0, self._clock() + seconds
        if self._clock() < self._paused_until:
            return delivered
        async with AsyncExitStack() as stack:
            line = None if self._smtp is None else await stack.enter_async_context(Line(self._smtp))
            while self._clock() < until and (mails := await self._outbox.due(BATCH, now_us())):
                sent, goes_on = await self._deliver_all(line, mails)
                delivered += sent
                if not goes_on:
                    break
        return delivered

    async def send_test(self, recipient: str) -> None:
        """Send a mail that says that mails arrive, at once and past the outbox.

        Args:
            recipient: one address.

        Raises:
            ServerProblem: the server takes no mail; the message says why.
            MailRefused: it does not take this one.
            ValueError: the address is none.
            OSError: the file cannot be written.
        """
        key, now = new_id(), now_us()
        server = "a file" if self._smtp is None else f"{self._smtp.host}:{self._smtp.port}"
        letter = Letter(f"{key}.test", "Mails of ezto auth arrive", "test", {"server": server}, now)
        content = write(letter, self._sender, recipient).as_bytes()
        if self._smtp is None:
            await asyncio.to_thread(write_file, self.directory, f"{key}-test", content)
            return
        async with Line(self._smtp) as line:
            await line.send(self._sender, mailbox(recipient).addr_spec, content)

    async def _deliver_all(
        self, line: Line | None, mails: Sequence[MailRecord]
    ) -> tuple[int, bool]:
        """Deliver what was handed out; tells how many, and whether the server takes more."""
        began, sent = self._clock(), 0
        for number, mail in enumerate(mails):
            if self._clock() - began > BATCH_SECONDS:
                await self._outbox.postpone([each.id for each in mails[number:]], now_us())
                return sent, True
            try:
                sent += await self._deliver(line, mail)
            except ServerProblem as problem:
                await self._fail(mail, str(problem))
                await self._leave_alone(mails[number + 1 :], str(problem))
                return sent, False
        return sent, True

    async def _leave_alone(self, mails: Sequence[MailRecord], reason: str) -> None:
        self._pause = min(max(2 * self._pause, CHECK_SECONDS), LONGEST_PAUSE)
        self._paused_until = self._clock() + self._pause
        again = now_us() + int(self._pause * 1_000_000)
        await self._outbox.postpone([each.id for each in mails], again, reason)

    async def _deliver(self, line: Line | None, mail: MailRecord) -> bool:
        try:
            content = await self._content(mail)
            await self._hand_over(line, mail, content)
        except NotNeeded as reason:
            await self._outbox.drop(mail.id, str(reason))
            return False
        except NotYet as reason:
            later = now_us() + int(LONGEST_PAUSE * 1_000_000)
            await self._outbox.postpone([mail.id], later, str(reason))
            log.warning("mail waits", mail=mail.id, kind=mail.kind, reason=str(reason))
            return False
        except MailRefused as refusal:
            await self._fail(mail, str(refusal), for_good=refusal.for_good)
            return False
        except ValueError as error:
            await self._fail(mail, reason_of(error), for_good=True)
            return False
        except ServerProblem:
            raise
        except Exception as error:
            log.exception("mail not written", mail=mail.id, kind=mail.kind)
            await self._fail(mail, reason_of(error))
            return False
        await self._outbox.mark_sent(mail.id, now_us())
        await self._tell(mail, MailStatus.sent)
        return True

    async def _content(self, mail: MailRecord) -> bytes:
        kept = await self._outbox.message(mail.id)
        writer = self._writers.get(mail.kind)
        return kept.encode() if writer is None else await writer.write(mail, kept)

    async def _hand_over(self, line: Line | None, mail: MailRecord, content: bytes) -> None:
        if line is None or mail.recipient == NOBODY:
            name = f"{mail.id}-{mail.kind}"
            await asyncio.to_thread(write_file, self.directory, name, content)
            return
        await line.send(self._sender, mailbox(mail.recipient).addr_spec, content)
        self._pause = 0.0

    async def _fail(self, mail: MailRecord, reason: str, *, for_good: bool = False) -> None:
        status = await self._outbox.mark_failed(mail.id, reason, now_us(), for_good=for_good)
        log.warning("mail not delivered", mail=mail.id, kind=mail.kind, error=reason, status=status)
        if status is MailStatus.failed:
            await self._tell(mail, status)

    async def _tell(self, mail: MailRecord, status: MailStatus) -> None:
        writer = self._writers.get(mail.kind)
        if writer is not None:
            await writer.delivered(mail, status)


def write_file(directory: Path, name: str, content: bytes) -> Path:
    """Write a mail as an ``.eml`` file, complete or not at all, and return its path."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = directory / f"{name}.eml"
    draft = file.with_suffix(".draft")
    draft.write_bytes(content)
    return draft.replace(file)


async def delivering(postman: Postman, seconds: float = CHECK_SECONDS) -> None:
    """Deliver what is due again and again, until cancelled."""
    while True:
        try:
            await postman.deliver_due()
        except Exception:
            log.exception("the outbox cannot be read")
        await asyncio.sleep(seconds)
