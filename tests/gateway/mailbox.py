"""A mail server for tests: what is sent to it stays in an inbox."""

from __future__ import annotations

import email
import email.policy
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from gateway.server import bind


class Inbox:
    """A mail server's handler that keeps what arrives, or refuses.

    Attributes:
        messages: (recipients, content) of what arrived.
        refusal: the answer to every mail, "" to take it.
        unknown: mailboxes that do not exist.
        connections: how many times somebody connected.
        arrived: set once something has arrived.
    """

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], bytes]] = []
        self.refusal = ""
        self.unknown: set[str] = set()
        self.connections = 0
        self.arrived = threading.Event()

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refusal:
            return self.refusal
        self.messages.append((envelope.rcpt_tos, envelope.content))
        self.arrived.set()
        return "250 OK"


class MailServer(Controller):
    """A mail server on a free port, in a thread."""

    def __init__(self, inbox: Inbox, **options: Any) -> None:
        self._bound = bind("127.0.0.1", 0)
        port = self._bound.getsockname()[1]
        super().__init__(inbox, hostname="127.0.0.1", port=port, **options)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._bound)


@contextmanager
def started(server: MailServer) -> Iterator[int]:
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def parsed(content: bytes) -> EmailMessage:
    """Return a message as its recipient's program reads it."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    """Return the text, or the HTML, of a message."""
    body = message.get_body((kind,))
    assert body is not None
    text: str = body.get_content()
    return text.replace("\r\n", "\n")


def link_in(message: EmailMessage) -> str:
    """Return the link of an invitation."""
    found = re.search(r"https?://\S+/enroll/\S+", text_of(message))
    assert found, text_of(message)
    return found.group()
