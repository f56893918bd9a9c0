"""Writing a mail: text and HTML from templates, and headers that nothing can break out of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from gateway.mail.address import mailbox
from gateway.values import cut

_UNSEEN = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+"
)

LONGEST_NAME = 80
"""Characters of a name that a mail shows."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail.

    Attributes:
        name: of the file, in ASCII.
        media_type: such as ``text/csv``.
        content: its bytes.
    """

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it has the form of one.

    Attributes:
        key: what names it for ever, so that a mail that is sent twice after a crash has the same
            Message-ID both times, and mail programs show it once.
        subject: any text; what would break a header is taken out.
        template: name of its templates, without ``.txt`` and ``.html``.
        values: what the templates show.
        moment: its date, in microseconds since the epoch.
        attachments: files.
    """

    key: str
    subject: str
    template: str
    values: Mapping[str, Any]
    moment: int
    attachments: Sequence[Attachment] = ()


def write(letter: Letter, sender: str, recipient: str) -> EmailMessage:
    """Return a letter as text and HTML (multipart/alternative), in ASCII on the wire.

    Raises:
        ValueError: an address is none.
    """
    message = EmailMessage(policy=SMTP)
    from_whom = mailbox(sender)
    message["Subject"] = one_line(letter.subject)
    message["From"] = from_whom
    message["To"] = mailbox(recipient)
    message["Date"] = format_datetime(moment_of(letter.moment))
    message["Message-ID"] = f"<{letter.key}@{from_whom.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(render(f"{letter.template}.txt", letter.values), cte="quoted-printable")
    html = render(f"{letter.template}.html", letter.values)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    for each in letter.attachments:
        kind, _, subtype = each.media_type.partition("/")
        message.add_attachment(each.content, kind, subtype, filename=each.name)
    return message


def one_line(text: str) -> str:
    """Return text without line breaks and control characters, so that it fits in a header.

    Characters that turn the direction of the text go too: a name could hide what follows it.
    """
    return _UNSEEN.sub(" ", text).strip()


def short_name(text: str) -> str:
    """Return a name in one line, cut where it is too long to read."""
    return cut(one_line(text), LONGEST_NAME)


def moment_of(microseconds: int) -> datetime:
    """Return a moment of the tables as a date and time, UTC."""
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC)


def moment_text(microseconds: int) -> str:
    """Return a moment as a person reads it."""
    return f"{moment_of(microseconds):%Y-%m-%d %H:%M:%S} UTC"


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("gateway.mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(name: str, values: Mapping[str, Any]) -> str:
    """Return a template with its values; HTML is escaped."""
    return _templates().get_template(name).render(values)
