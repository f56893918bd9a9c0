"""The line to a mail server: one connection for many mails, and what its refusals mean."""

import aiosmtplib

from gateway.mail.address import SmtpTarget

SECONDS = 30
"""How long one command may take."""

MAILS_A_CONNECTION = 50
"""Some servers take only so many mails on one connection."""

SERVICE_CLOSING = 421

START_TLS = {"required": True, "never": False, "auto": None}


class ServerProblem(Exception):
    """The server takes no mail from here now: not reached, no sign-in, sender not allowed."""


class MailRefused(Exception):
    """The server does not take this mail.

    Attributes:
        for_good: it says that it never will (a 5yz reply, RFC 5321 §4.2.1).
    """

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


class Line:
    """A connection to a mail server, opened when first needed; use it as a context.

    Args:
        target: the server.
    """

    def __init__(self, target: SmtpTarget) -> None:
        self._target = target
        self._client: aiosmtplib.SMTP | None = None
        self._sent = 0

    async def __aenter__(self) -> "Line":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def send(self, sender: str, recipient: str, content: bytes) -> None:
        """Send one mail.

        Raises:
            ServerProblem: nothing can be sent now.
            MailRefused: this mail is not taken.
        """
        client = await self._connected()
        try:
            await client.sendmail(sender, [recipient], content)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0]) from None
        except aiosmtplib.SMTPResponseException as error:
            await self._judge(error)
        except (OSError, aiosmtplib.SMTPException) as error:
            await self.close()
            raise ServerProblem(reason_of(error)) from None
        self._sent += 1

    async def _judge(self, error: aiosmtplib.SMTPResponseException) -> None:
        if isinstance(error, aiosmtplib.SMTPSenderRefused) or error.code == SERVICE_CLOSING:
            await self.close()
            raise ServerProblem(reason_of(error)) from None
        raise _refused(error) from None

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._sent >= MAILS_A_CONNECTION:
            await self.close()
        if self._client is not None and self._client.is_connected:
            return self._client
        client = _client(self._target)
        try:
            await client.connect()
        except (OSError, aiosmtplib.SMTPException, ValueError) as error:
            client.close()
            raise ServerProblem(reason_of(error)) from None
        self._client, self._sent = client, 0
        return client

    async def close(self) -> None:
        """Say good-bye, if there is still somebody to say it to."""
        client, self._client = self._client, None
        if client is None or not client.is_connected:
            return
        try:
            await client.quit()
        except (OSError, aiosmtplib.SMTPException):
            client.close()


def _client(target: SmtpTarget) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=target.host,
        port=target.port,
        username=target.username,
        password=target.password,
        use_tls=target.tls,
        start_tls=False if target.tls else START_TLS[target.starttls],
        timeout=SECONDS,
    )


def _refused(error: aiosmtplib.SMTPResponseException) -> MailRefused:
    return MailRefused(reason_of(error), for_good=500 <= error.code < 600)


def reason_of(error: Exception) -> str:
    """Return what went wrong, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
