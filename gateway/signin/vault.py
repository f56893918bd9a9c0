"""What of a user sync's sign-in is secret, as it is stored: encrypted JSON."""

from dataclasses import dataclass, field, replace
from typing import Self

import orjson

from azure_adapter.graph import Certificate
from gateway.secrets import SecretBox

_CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class KeptSecrets:
    """The secrets of one user sync; none of them is in ``repr``.

    Attributes:
        client_secret: of its own app registration, or "".
        certificate: of its own app registration, or ``None``.
        token_cache: of the person who signed in, or "".
        target_secret: token or client secret of the remote SCIM server that it feeds, or "".
    """

    client_secret: str = field(default="", repr=False)
    certificate: Certificate | None = field(default=None, repr=False)
    token_cache: str = field(default="", repr=False)
    target_secret: str = field(default="", repr=False)

    @property
    def has_credential(self) -> bool:
        """Whether the app registration of its own can prove itself."""
        return bool(self.client_secret) or self.certificate is not None

    @classmethod
    def opened(cls, sealed: str | None, box: SecretBox) -> Self:
        """Decrypt what is stored.

        Raises:
            UnreadableSecretError: it was encrypted with a key that is not configured.
        """
        if not sealed:
            return cls()
        kept = orjson.loads(box.decrypt(sealed))
        certificate = kept.get(_CERTIFICATE)
        return cls(
            kept.get("client_secret", ""),
            None if certificate is None else Certificate(**certificate),
            kept.get("token_cache", ""),
            kept.get("target_secret", ""),
        )

    def sealed(self, box: SecretBox) -> str | None:
        """Encrypt it with the current key; ``None`` when there is nothing to store."""
        kept: dict[str, object] = {
            "client_secret": self.client_secret,
            "token_cache": self.token_cache,
            "target_secret": self.target_secret,
        }
        if self.certificate is not None:
            one = self.certificate
            kept[_CERTIFICATE] = {
                "private_key": one.private_key,
                "chain": one.chain,
                "thumbprint": one.thumbprint,
                "passphrase": one.passphrase,
            }
        told = {name: value for name, value in kept.items() if value}
        return box.encrypt(orjson.dumps(told).decode()) if told else None

    def with_cache(self, token_cache: str) -> Self:
        """Return the same with another token cache."""
        return replace(self, token_cache=token_cache)
