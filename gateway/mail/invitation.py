"""The mail that invites a person to verify an address."""

import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from gateway.mail.message import Letter, moment_of, short_name, write

_NO_NAME = re.compile(r"[/@<>\\]|\w\.\w")
"""What a mail program could turn into a link: a person's name with it is left out."""


@dataclass(frozen=True, slots=True)
class InvitationLetter:
    """What an invitation says.

    Attributes:
        id: of the invitation; it names the mail.
        inviter: who invites.
        name: of the person, "" when it is not known.
        address: what is to be verified, as the directory writes it.
        link: the page behind it verifies.
        created_at: microseconds since the epoch.
        expires_at: likewise.
    """

    id: str
    inviter: str
    name: str
    address: str
    link: str = field(repr=False)
    created_at: int
    expires_at: int


def subject_of(inviter: str) -> str:
    """Return the subject of an invitation."""
    return f"{short_name(inviter)} invites you: verify your e-mail address"


def build_invitation(letter: InvitationLetter, sender: str, recipient: str) -> EmailMessage:
    """Return the mail.

    Raises:
        ValueError: an address is none.
    """
    name = short_name(letter.name)
    values: dict[str, Any] = {
        "inviter": short_name(letter.inviter),
        "name": "" if _NO_NAME.search(name) else name,
        "address": letter.address,
        "link": letter.link,
        "until": day_text(letter.expires_at),
    }
    subject = subject_of(letter.inviter)
    form = Letter(f"{letter.id}.invitation", subject, "invitation", values, letter.created_at)
    return write(form, sender, recipient)


def day_text(microseconds: int) -> str:
    """Return a moment as a person reads it: ``Monday, 4 May 2026, 10:00 UTC``."""
    moment = moment_of(microseconds)
    return f"{moment:%A}, {moment.day} {moment:%B %Y, %H:%M} UTC"
