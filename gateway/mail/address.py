"""Mail addresses and mail servers as settings give them."""

import re
import unicodedata
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Literal, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

StartTls = Literal["required", "auto", "never"]

DEFAULT_PORTS = {"smtp": 587, "smtps": 465}

LONGEST_LOCAL = 64
LONGEST_ADDRESS = 254
"""Characters of an address (RFC 5321 §4.5.3.1, with the angle brackets of a path taken off)."""

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)


def check_address(value: str) -> str:
    """Return a mail address, bare or as ``Name <address>``, as it was given.

    Raises:
        ValueError: it is none, or not exactly one.
    """
    _, address = parseaddr(value)
    local, at, domain = address.rpartition("@")
    if not (at and local and domain) or any(char in value for char in "\r\n\0,"):
        raise ValueError("it has to be one mail address, such as admin@example.com")
    return value


def mailbox(value: str) -> Address:
    """Return an address that :func:`check_address` let pass, for a message's header."""
    name, address = parseaddr(value)
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, addr_spec=f"{local}@{_ascii_domain(domain)}")


def bare_address(value: str) -> str:
    """Return the address of a person as every mail server takes it: ``local@domain`` in ASCII.

    A directory may hold anything in the place of an address, so this is strict: a dot-atom
    (RFC 5322 §3.2.3) of at most 64 characters, and the name of a domain, whose other letters
    become A-labels (RFC 5890 §2.3.2.1).

    Raises:
        ValueError: saying what is wrong with it.
    """
    local, at, domain = value.strip().rpartition("@")
    if not at:
        raise ValueError("it has no @")
    if not local.isascii():
        raise ValueError("it has letters before the @ that most mail servers do not take")
    if not _LOCAL.fullmatch(local) or len(local) > LONGEST_LOCAL:
        raise ValueError("what stands before the @ is no name of a mailbox")
    name = _ascii_domain(domain)
    if not _DOMAIN.fullmatch(name) or len(local) + len(name) >= LONGEST_ADDRESS:
        raise ValueError("what stands after the @ is no name of a domain")
    return f"{local}@{name}"


def _ascii_domain(domain: str) -> str:
    """Return a domain in A-labels; one that Python's older IDNA would map to another is refused."""
    if domain.isascii():
        return domain
    try:
        name = domain.encode("idna")
        same = name.decode("idna").lower() == unicodedata.normalize("NFC", domain).lower()
    except UnicodeError:
        same = False
    if not same:
        raise ValueError("what stands after the @ is no name of a domain")
    return name.decode()


@dataclass(frozen=True, slots=True)
class SmtpTarget:
    """A mail server.

    Attributes:
        host: its name or address.
        port: its port; the default is that of the scheme.
        tls: TLS from the first byte (``smtps``).
        starttls: whether a plain connection is upgraded: always, when offered, or never.
        username: who signs in, or ``None``.
        password: their password.
    """

    host: str
    port: int
    tls: bool = False
    starttls: StartTls = "required"
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read ``smtp://user:password@host:port?starttls=required|auto|never`` or ``smtps://…``.

        Without ``starttls`` a connection that signs in requires it, since the password would
        travel in clear text otherwise; one that does not uses it when it is offered.

        Raises:
            ValueError: saying what is wrong, without the password.
        """
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            raise ValueError("it has to look like smtp://user:password@host:587 or smtps://host")
        try:
            port = parts.port or DEFAULT_PORTS[parts.scheme]
        except ValueError:
            raise ValueError("its port is not a number from 1 to 65535") from None
        usual = "required" if parts.username else "auto"
        starttls = parse_qs(parts.query).get("starttls", [usual])[-1]
        if starttls not in ("required", "auto", "never"):
            raise ValueError("starttls is one of required, auto and never")
        return cls(
            host=parts.hostname,
            port=port,
            tls=parts.scheme == "smtps",
            starttls=cast(StartTls, starttls),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )
