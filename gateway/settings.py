"""Settings, from the environment: every one has the prefix ``EZTO_`` and a description."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.mail.address import SmtpTarget, check_address

PREFIX = "EZTO_"

DATABASE_FILE = "gateway.sqlite3"
"""The embedded database's file in the data directory."""


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it and says what to do."""


class Settings(BaseSettings):
    """How this process is set up. Immutable; secrets never show in ``repr`` or in errors."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    data_dir: Path = Field(
        Path("data"),
        description="Directory of the embedded database, the key file and mails kept as files.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="sqlite:///absolute/file, or postgres://user:password@host:5432/name. "
        f"Default: the file {DATABASE_FILE} in the data directory.",
    )
    host: str = Field("127.0.0.1", description="Address that `serve` listens on.")
    port: int = Field(8080, ge=0, le=65_535, description="Port of `serve`; 0 picks a free one.")
    base_url: str | None = Field(
        None,
        description="Public URL of the gateway without a path below it, such as "
        "https://idm.example.com. Default: what the request's Host header says.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses of reverse proxies, comma separated, or *, whose X-Forwarded-For "
        "and X-Forwarded-Proto are believed. Default: nobody's are.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Keys that stored secrets are encrypted with, comma separated: 32 bytes in "
        "url-safe base64 each. The first encrypts, all decrypt. Default with SQLite: the file "
        "secret.key in the data directory. Required with PostgreSQL.",
    )
    scim_extensions: str = Field(
        "",
        description="JSON files of custom SCIM extension schemas, comma separated; they are "
        "served, stored and filtered like the built-in ones. Checked at start.",
    )
    rate_per_second: float = Field(
        100,
        ge=0,
        allow_inf_nan=False,
        description="Requests a second that one token may send to one server process, in the "
        "long run; 0 turns the limit off. Entra ID sends 25.",
    )
    rate_burst: int = Field(
        200, ge=1, description="Requests that one token may send at once, after a pause."
    )
    failed_tokens_per_minute: int = Field(
        30,
        ge=0,
        description="Wrong tokens and client secrets a minute that one address may send before it "
        "is slowed; 0 turns the limit off. A good token is let in all the same.",
    )
    oauth_token_seconds: int = Field(
        7_200,
        ge=60,
        le=86_400,
        description="How long an access token of /oauth/token is good. A provisioning run of "
        "Entra ID takes up to 90 minutes with one token.",
    )
    azure_client_id: str | None = Field(
        None,
        description="Application (client) id of the gateway's own app registration in Microsoft "
        "Entra, for user syncs that have none of their own.",
    )
    azure_client_secret: SecretStr | None = Field(
        None, description="Client secret of that app registration."
    )
    azure_certificate: Path | None = Field(
        None,
        description="Instead of the secret: a PEM file with the private key and the certificate "
        "of that app registration.",
    )
    azure_certificate_password: SecretStr | None = Field(
        None, description="Passphrase of the private key in that file."
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="smtp://user:password@host:587?starttls=required|auto|never, or smtps://… for "
        "TLS from the first byte. Default: mails become files in the data directory.",
    )
    mail_from: str = Field(
        "ezto-gateway@localhost", description="Sender of mails: an address, or Name <address>."
    )
    report_email: str | None = Field(
        None, description="Who gets the report of a sync whose connection names nobody."
    )
    organization: str = Field(
        "",
        max_length=128,
        description="Who invites people to verify their address, in the workspace `default`; "
        "other workspaces have their own name. Default: Your organization.",
    )
    sign_in_url: str | None = Field(
        None,
        description="Where people go after they verified their address, such as "
        "https://auth.example.com. Default: the page has no link.",
    )
    invitation_days: int = Field(
        7, ge=1, le=90, description="How many days the link of an invitation is good."
    )
    invitation_pause_minutes: int = Field(
        60,
        ge=0,
        le=10_080,
        description="How many minutes after an invitation the same person may get another one.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important messages that are logged."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="How log lines look; auto is console on a terminal and json elsewhere."
    )

    @field_validator("base_url", "sign_in_url")
    @classmethod
    def _no_slash_at_the_end(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not value.startswith(("http://", "https://")):
            raise ValueError("it has to begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("mail_from", "report_email")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        return check_address(value) if value else None

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        SmtpTarget.parse(value.get_secret_value())
        return value

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment; overrides that are not ``None`` win.

        Raises:
            SettingsError: naming the variables that are wrong, without their values.
        """
        given = {key: value for key, value in overrides.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsError(_sentence(error)) from None

    @property
    def extension_files(self) -> list[str]:
        """The files of custom extension schemas."""
        return [path.strip() for path in self.scim_extensions.split(",") if path.strip()]

    @property
    def resolved_database_url(self) -> str:
        """The database URL, or that of the embedded database in the data directory."""
        if self.database_url and self.database_url.get_secret_value():
            return self.database_url.get_secret_value()
        return f"sqlite://{self.data_dir.absolute() / DATABASE_FILE}"

    @property
    def embedded(self) -> bool:
        """Whether the database is a SQLite file, which one server process owns."""
        return self.resolved_database_url.startswith("sqlite:")

    @property
    def smtp(self) -> SmtpTarget | None:
        """The mail server, if one is set."""
        return SmtpTarget.parse(self.smtp_url.get_secret_value()) if self.smtp_url else None

    def make_data_dir(self) -> Path:
        """Create the data directory, readable by its owner only, and return it.

        Raises:
            SettingsError: it cannot be created.
        """
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"The data directory {self.data_dir} cannot be created: {error.strerror}. "
                f"Set {PREFIX}DATA_DIR to a directory that this user may write."
            ) from None
        return self.data_dir


def _sentence(error: ValidationError) -> str:
    wrong = []
    for each in error.errors(include_input=False, include_context=False, include_url=False):
        name = PREFIX + "_".join(str(part) for part in each["loc"]).upper()
        wrong.append(f"{name}: {each['msg'].removeprefix('Value error, ')}")
    return "A setting is wrong. " + "; ".join(wrong) + "."
