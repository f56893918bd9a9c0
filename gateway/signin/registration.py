"""The gateway's own app registration, from the settings."""

from pathlib import Path

from azure_adapter.graph import Certificate, ClientCredentials
from gateway.settings import PREFIX, Settings, SettingsError

MOST_BYTES = 64 * 1024


def gateway_registration(settings: Settings) -> ClientCredentials | None:
    """Return the gateway's app registration, of no tenant yet; ``None`` when there is none.

    Raises:
        SettingsError: it has no credential, two, or one that cannot be read.
    """
    if not settings.azure_client_id:
        return None
    secret = settings.azure_client_secret
    text = secret.get_secret_value() if secret else ""
    file = settings.azure_certificate
    if bool(text) == bool(file):
        raise SettingsError(
            f"{PREFIX}AZURE_CLIENT_ID needs either {PREFIX}AZURE_CLIENT_SECRET or "
            f"{PREFIX}AZURE_CERTIFICATE."
        )
    if file is None:
        return ClientCredentials("", settings.azure_client_id, text)
    passphrase = settings.azure_certificate_password
    phrase = passphrase.get_secret_value() if passphrase else ""
    try:
        certificate = read_certificate(file, phrase)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}AZURE_CERTIFICATE: {error}.") from None
    return ClientCredentials("", settings.azure_client_id, certificate=certificate)


def read_certificate(file: Path, passphrase: str = "") -> Certificate:
    """Read a certificate credential from a PEM file.

    Raises:
        ValueError: it cannot be read, or is none; the message names the file.
    """
    try:
        with file.open("rb") as reader:
            text = reader.read(MOST_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror})") from None
    try:
        return Certificate.from_pem(text, passphrase)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
