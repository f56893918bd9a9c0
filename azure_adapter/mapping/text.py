"""Reading strings and addresses from a source: cleaned, bounded, and noted when changed.

Sources: RFC 7643 §2.3.1 (strings), §4.1.2 (emails); Microsoft Graph: user resource type.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from unicodedata import normalize

from pydantic import validate_email

LENGTH_LIMIT: Final = 500
"""Longest userName, displayName or e-mail address; Entra's own limits are below it."""

_REFUSED: Final = re.compile("[\x00\ud800-\udfff\ufffd]")
_GUEST: Final = re.compile("#ext#", re.IGNORECASE)
_PLAIN_LOCAL: Final = re.compile(r"[A-Za-z0-9_+-]{1,60}(?:\.[A-Za-z0-9_+-]{1,60})*")
_PLAIN_LENGTH: Final = 200
_SMTP: Final = "smtp:"


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """Why a source object cannot become a SCIM resource.

    Attributes:
        code: Stable word for programs.
        message: What is wrong, in a sentence.
        advice: What to do about it.
    """

    code: str
    message: str
    advice: str


@dataclass(slots=True)
class Reading:
    """Reads values of one object and remembers what it had to change.

    Attributes:
        notes: What was stripped, cut or left out, in the order met.
    """

    notes: list[str] = field(default_factory=list)

    def text(self, value: Any, source: str) -> str | None:
        """Return a string without what a database refuses, or None for nothing.

        NUL, lone surrogates and the replacement character (which stands for either when a page
        was read) are stripped, as is white space around the value.
        """
        if value is None:
            return None
        if not isinstance(value, str):
            self.notes.append(f"{source} was left out: it is not a text.")
            return None
        if value.isascii() and "\x00" not in value:
            return value.strip() or None
        cleaned = _REFUSED.sub("", value)
        if len(cleaned) != len(value):
            self.notes.append(f"{source}: characters that no database can hold were stripped.")
        return cleaned.strip() or None

    def texts(self, value: Any, source: str) -> list[str]:
        """Return the strings of a list; anything else in it is left out and noted."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.notes.append(f"{source} was left out: it is not a list.")
            return []
        read = (self.text(item, source) for item in value)
        return [item for item in read if item is not None]

    def flag(self, value: Any, source: str) -> bool | None:
        """Return a boolean; anything else is unknown, never false."""
        if value is None or isinstance(value, bool):
            return value
        self.notes.append(f"{source} was left out: it is neither true nor false.")
        return None

    def cut(self, value: str | None, source: str) -> str | None:
        """Return a string cut to the length limit."""
        if value is None or len(value) <= LENGTH_LIMIT:
            return value
        self.notes.append(f"{source} was cut to {LENGTH_LIMIT} characters (it had {len(value)}).")
        return value[:LENGTH_LIMIT].strip() or None

    def email(self, value: str | None, source: str) -> str | None:
        """Return an address in the form that the SCIM schema stores, or None.

        The domain is written in lower case, so that a stored document and a mapped one agree.
        """
        if value is None:
            return None
        address = stored_form(value)
        if address is None:
            shown = value if len(value) <= 80 else f"{value[:80]}…"
            self.notes.append(f"{source} was left out: {shown!r} is not a valid e-mail address.")
        return address

    def user_name(self, value: str | None) -> str | None:
        """Return the userName of a userPrincipalName; see ``guest_address``."""
        if value is None or _GUEST.search(value) is None:
            return value
        address = guest_address(value)
        if address == value:
            self.notes.append(
                "userPrincipalName was kept whole: it has no underscore before #EXT#."
            )
        return address


def smtp_address(value: str) -> str | None:
    """Return the address of a proxyAddresses value; None unless it is for SMTP."""
    if value[: len(_SMTP)].lower() != _SMTP:
        return None
    return value[len(_SMTP) :].strip() or None


def guest_address(upn: str) -> str:
    """Return the address of a guest; any other userPrincipalName as it is.

    A guest's is ``alias_theirdomain#EXT#@tenant``. Like Microsoft's own provisioning, the last
    underscore before ``#EXT#`` becomes the @ that it once was (a domain cannot hold an
    underscore): ``alias@theirdomain``. Source: Entra: properties of a B2B collaboration user,
    "B2B (guest) users" in "How provisioning works".
    """
    mark = _GUEST.search(upn)
    if mark is None:
        return upn
    alias, _, domain = upn[: mark.start()].rpartition("_")
    return f"{alias}@{domain}" if alias and domain else upn


def folded(value: str) -> str:
    """Return what two values are compared by (RFC 7643 §2.2, caseExact false).

    The same folding as the SCIM library's default comparison key.
    """
    if value.isascii():
        return value.lower()
    return normalize("NFC", normalize("NFC", value).lower())


def stored_form(value: str) -> str | None:
    """Return an address as the SCIM schema's validation writes it, or None for an invalid one.

    A directory has many addresses in few domains, so a plain local part needs only its domain
    looked at, and a domain only once.
    """
    local, _, domain = value.partition("@")
    if len(value) <= _PLAIN_LENGTH and _PLAIN_LOCAL.fullmatch(local):
        known = _stored_domain(domain)
        if known is not None and len(local) + len(known) < _PLAIN_LENGTH:
            return f"{local}@{known}"
    return _validated(value)


@lru_cache(maxsize=1024)
def _stored_domain(domain: str) -> str | None:
    address = _validated(f"x@{domain}")
    return None if address is None else address.removeprefix("x@")


def _validated(value: str) -> str | None:
    if len(value) > LENGTH_LIMIT:
        return None
    try:
        address = validate_email(value)[1]
    except (ValueError, IndexError):
        return None
    return address if len(address) <= LENGTH_LIMIT else None
