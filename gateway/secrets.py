"""Encryption of stored secrets, and what is derived from its key."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.settings import PREFIX, Settings, SettingsError

KEY_FILE = "secret.key"

HOW_TO_MAKE_A_KEY = "openssl rand -base64 32 | tr '+/' '-_'"


class UnreadableSecretError(Exception):
    """A stored secret was encrypted with a key that is no longer configured."""


class SecretBox:
    """Encrypts and decrypts stored secrets with Fernet (AES-128-CBC and HMAC-SHA-256).

    Args:
        keys: Fernet keys. The first encrypts, all decrypt, so that a key is rotated by putting
            a new one before it and dropping the old one once nothing is encrypted with it.

    Raises:
        ValueError: no key, or one that is not 32 bytes in url-safe base64.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("at least one key is needed")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._first = keys[0]

    def encrypt(self, text: str) -> str:
        """Return text encrypted with the first key, as printable ASCII."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """Return what :meth:`encrypt` was given.

        Raises:
            UnreadableSecretError: none of the keys fits.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise UnreadableSecretError(
                "A stored secret cannot be decrypted: it was encrypted with another key. Add that "
                f"key to {PREFIX}SECRET_KEY (comma separated, the current one first), or enter "
                "the secret again."
            ) from None

    def renew(self, sealed: str) -> str:
        """Return the same secret encrypted with the first key.

        Raises:
            UnreadableSecretError: none of the keys fits.
        """
        return self.encrypt(self.decrypt(sealed))

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for another use, the same in every process with the same first key."""
        return HKDF(SHA256(), 32, salt=None, info=f"ezto-gateway {purpose}".encode()).derive(
            self._first
        )


def load_secrets(settings: Settings) -> SecretBox:
    """Return the box of the configured keys, or of the key file of an embedded database.

    Raises:
        SettingsError: a key is malformed, or missing while processes may share the database.
    """
    configured = settings.secret_key.get_secret_value() if settings.secret_key else ""
    keys = [key.strip().encode() for key in configured.split(",") if key.strip()]
    if not keys and not settings.embedded:
        raise SettingsError(
            f"{PREFIX}SECRET_KEY is not set. Several processes may share a PostgreSQL database, "
            f"so they need the same key: make one with `{HOW_TO_MAKE_A_KEY}` and set it for all."
        )
    origin = f"{PREFIX}SECRET_KEY"
    if not keys:
        file = settings.make_data_dir() / KEY_FILE
        keys, origin = [_key_of(file)], str(file)
    try:
        return SecretBox(keys)
    except ValueError:
        raise SettingsError(
            f"{origin} does not hold a key: 32 bytes in url-safe base64, as "
            f"`{HOW_TO_MAKE_A_KEY}` prints."
        ) from None


def _key_of(file: Path) -> bytes:
    """Return the key in a file, which is made first if it is missing."""
    try:
        return file.read_bytes().strip()
    except FileNotFoundError:
        return _make_key(file)
    except OSError as error:
        raise SettingsError(f"The key file {file} cannot be read: {error.strerror}.") from None


def _make_key(file: Path) -> bytes:
    """Write a new key, complete or not at all; of processes that race one wins."""
    descriptor, draft = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as writer:
            writer.write(Fernet.generate_key() + b"\n")
            writer.flush()
            os.fsync(writer.fileno())
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
    return file.read_bytes().strip()
