"""What an app registration proves itself with: a secret, or a certificate's private key.

Sources: Microsoft identity platform: "Application authentication certificate credentials"; msal
for Python (``client_credential``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from azure_adapter.graph.signin_errors import (
    BAD_CERTIFICATE,
    NO_SECRET,
    UNKNOWN_APP,
    UNKNOWN_TENANT,
    Refusal,
)

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_CLIENT: Final = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)

SHARED: Final = frozenset({"common", "organizations", "consumers"})
"""Words that stand for many tenants; an application cannot sign in to them."""


def is_directory_id(tenant: str) -> bool:
    """Tell a directory's id, which names it for ever, from a domain and from words for many."""
    return _ID.fullmatch(tenant) is not None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate credential.

    Attributes:
        private_key: PEM; not in ``repr``.
        chain: The certificate and those above it, PEM; its thumbprint is computed, and it is
            sent (x5c). May be empty when there is a thumbprint.
        thumbprint: SHA-1 of the certificate, as Entra shows it; only without a chain.
        passphrase: Of the private key; not in ``repr``.
    """

    private_key: str = field(repr=False)
    chain: str = ""
    thumbprint: str = ""
    passphrase: str = field(default="", repr=False)

    @classmethod
    def from_pem(cls, text: str, passphrase: str = "") -> Certificate:
        """Read a file that has the private key and the certificate, in any order.

        Raises:
            ValueError: one of them is missing or unreadable; the message repeats nothing of it.
        """
        blocks = [(match[1], match[0]) for match in _BLOCK.finditer(text)]
        keys = [block for name, block in blocks if name.endswith("PRIVATE KEY")]
        chain = [block for name, block in blocks if name == "CERTIFICATE"]
        if len(keys) != 1 or not chain:
            raise ValueError("the file needs one private key and the certificate, both as PEM")
        found = cls(keys[0], "\n".join(chain), passphrase=passphrase)
        found.check()
        return found

    def check(self) -> None:
        """Refuse what msal could not use.

        Raises:
            ValueError: saying what, without repeating it.
        """
        try:
            key = load_pem_private_key(
                self.private_key.encode(), self.passphrase.encode() if self.passphrase else None
            )
            certificates = load_pem_x509_certificates(self.chain.encode()) if self.chain else []
        except (ValueError, TypeError) as error:
            raise ValueError(
                "the private key or the certificate cannot be read, or the passphrase is wrong"
            ) from error
        if not certificates and not re.fullmatch(r"[0-9A-Fa-f]{40}", self.thumbprint):
            raise ValueError("the certificate is missing, and so is its SHA-1 thumbprint")
        if certificates and certificates[0].public_key() != key.public_key():
            raise ValueError("the private key does not belong to the certificate")

    @property
    def expires(self) -> datetime | None:
        """When the certificate ends; None without it."""
        if not self.chain:
            return None
        first = load_pem_x509_certificates(self.chain.encode())[0]
        return first.not_valid_after_utc.astimezone(UTC)

    def msal(self) -> dict[str, str]:
        """Return it as msal wants it."""
        values = {
            "private_key": self.private_key,
            "public_certificate": self.chain,
            "thumbprint": "" if self.chain else self.thumbprint,
            "passphrase": self.passphrase,
        }
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An app registration and its credential.

    Attributes:
        tenant_id: Directory (tenant) id or a verified domain.
        client_id: Application (client) id.
        client_secret: Secret; not in ``repr``.
        certificate: Certificate; used when there is one.
    """

    tenant_id: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    certificate: Certificate | None = None

    def problem(self, *, any_tenant: bool = False) -> Refusal | None:
        """Say what could never work, before anything is sent.

        Args:
            any_tenant: A word for many tenants will do (a person picks one by signing in).
        """
        shared = self.tenant_id.lower() in SHARED
        if _TENANT.fullmatch(self.tenant_id) is None or (shared and not any_tenant):
            return UNKNOWN_TENANT
        if _CLIENT.fullmatch(self.client_id) is None:
            return UNKNOWN_APP
        if self.certificate is not None:
            return self._certificate_problem(self.certificate)
        return None if self.client_secret else NO_SECRET

    def msal(self) -> Any:
        """Return the credential as msal wants it."""
        return self.client_secret if self.certificate is None else self.certificate.msal()

    def _certificate_problem(self, certificate: Certificate) -> Refusal | None:
        try:
            certificate.check()
        except ValueError:
            return BAD_CERTIFICATE
        return None
