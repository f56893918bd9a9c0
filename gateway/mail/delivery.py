"""Delivering the mails of the outbox: by SMTP, or as files where no server is set."""

import asyncio
from pathlib import Path

import aiosmtplib
import structlog

from gateway.mail.address import SmtpTarget, mailbox
from storage.database import now_us
from storage.mail import MailRecord, Outbox

NOBODY = "administrator@localhost"
"""Recipient of a mail that nobody is named for: it becomes a file, whatever is set."""

SMTP_SECONDS = 30
BATCH = 20

CHECK_SECONDS = 15.0
"""How often a server looks for mails that are due."""

START_TLS = {"required": True, "never": False, "auto": None}

log = structlog.stdlib.get_logger("gateway.mail")


class Postman:
    """Takes mails from the outbox to their recipients; one that fails stays for later.

    Args:
        outbox: the mails of the database.
        directory: where mails become ``.eml`` files.
        sender: the envelope's sender.
        smtp: the mail server, or ``None`` to write files.
    """

    def __init__(
        self, outbox: Outbox, directory: Path, sender: str, smtp: SmtpTarget | None = None
    ) -> None:
        self._outbox = outbox
        self.directory = directory
        self._sender = mailbox(sender).addr_spec
        self._smtp = smtp

    async def deliver_due(self) -> int:
        """Deliver what is due and return how many mails were delivered."""
        delivered = 0
        while mails := await self._outbox.due(BATCH, now_us()):
            for mail in mails:
                delivered += await self._deliver(mail)
        return delivered

    async def _deliver(self, mail: MailRecord) -> bool:
        try:
            if self._smtp is None or mail.recipient == NOBODY:
                await asyncio.to_thread(write_file, self.directory, mail)
            else:
                await self._send(self._smtp, mail)
        except (OSError, aiosmtplib.SMTPException, ValueError) as error:
            status = await self._outbox.mark_failed(mail.id, _reason(error), now_us())
            log.warning("mail not delivered", mail=mail.id, error=_reason(error), status=status)
            return False
        await self._outbox.mark_sent(mail.id, now_us())
        return True

    async def _send(self, smtp: SmtpTarget, mail: MailRecord) -> None:
        await aiosmtplib.send(
            mail.message.encode(),
            sender=self._sender,
            recipients=[mailbox(mail.recipient).addr_spec],
            hostname=smtp.host,
            port=smtp.port,
            username=smtp.username,
            password=smtp.password,
            use_tls=smtp.tls,
            start_tls=False if smtp.tls else START_TLS[smtp.starttls],
            timeout=SMTP_SECONDS,
        )


def write_file(directory: Path, mail: MailRecord) -> Path:
    """Write a mail as an ``.eml`` file, complete or not at all, and return its path."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = directory / f"{mail.id}-{mail.kind}.eml"
    draft = file.with_suffix(".draft")
    draft.write_bytes(mail.message.encode())
    return draft.replace(file)


async def delivering(postman: Postman, seconds: float = CHECK_SECONDS) -> None:
    """Deliver what is due again and again, until cancelled."""
    while True:
        try:
            await postman.deliver_due()
        except Exception:
            log.exception("the outbox cannot be read")
        await asyncio.sleep(seconds)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
