"""The remote SCIM server that a user sync may feed instead of this gateway, as a setting.

What is stored in the settings has nothing secret in it; the token, or the client's secret, is
kept encrypted with the secrets of the sign-in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from azure_adapter.remote import (
    BearerToken,
    ClientAuthentication,
    OAuthClient,
    RemoteSettings,
)
from gateway.syncs.fields import FieldProblem, FieldsInvalid

SECRETS: Final = ("token", "client_secret")
"""What may be given, and is never shown or stored with the other settings."""

OAUTH: Final = ("token_url", "client_id", "scope", "audience", "authentication")
TUNING: Final = ("concurrency", "bulk", "members_per_patch")
KEYS: Final = ("base_url", *TUNING, *OAUTH, *SECRETS)

_STAND_IN: Final = "kept"
"""Stands for a secret that is stored already, while the rest is checked."""


@dataclass(frozen=True, slots=True)
class TargetEdit:
    """A remote target as it was given.

    Attributes:
        public: what the settings keep; empty for this gateway itself.
        secret: the new token or client secret; "": it stays what it is.
    """

    public: Mapping[str, Any]
    secret: str = field(default="", repr=False)


def read_target(value: object) -> TargetEdit:
    """Read where a user sync writes to; ``{}`` is this gateway.

    Raises:
        FieldsInvalid: with what is wrong; a secret is not repeated.
    """
    if not isinstance(value, Mapping):
        raise FieldsInvalid([FieldProblem("target", "It is not an object.")])
    unknown = [str(key)[:40] for key in value if key not in KEYS]
    if unknown:
        hint = f"These are: {', '.join(KEYS)}."
        raise FieldsInvalid(
            [FieldProblem(f"target.{one}", "There is no such setting.", hint) for one in unknown]
        )
    if not value:
        return TargetEdit({})
    public = {key: given for key, given in value.items() if key not in SECRETS}
    secret = str(value.get("client_secret" if is_oauth(public) else "token") or "")
    remote_settings(public, secret or _STAND_IN)
    return TargetEdit(public, secret)


def is_oauth(public: Mapping[str, Any]) -> bool:
    """Tell whether the gateway gets its tokens from a token endpoint."""
    return bool(public.get("token_url") or public.get("client_id"))


def remote_settings(public: Mapping[str, Any], secret: str) -> RemoteSettings:
    """Return a remote target as the adapter needs it.

    Args:
        public: what the settings keep, not empty.
        secret: the token or client secret.

    Raises:
        FieldsInvalid: something about it is wrong.
    """
    tuning = {key: public[key] for key in TUNING if key in public}
    try:
        credential = _oauth(public, secret) if is_oauth(public) else BearerToken(secret)
        return RemoteSettings(str(public.get("base_url") or ""), credential, **tuning)
    except (ValueError, TypeError) as error:
        reason = str(error) if isinstance(error, ValueError) else "a value has the wrong type"
        message = f"{reason[:1].upper()}{reason[1:]}."
        raise FieldsInvalid([FieldProblem(_field(reason), message)]) from None


def _oauth(public: Mapping[str, Any], secret: str) -> OAuthClient:
    given = {key: str(public[key]) for key in OAUTH if key in public}
    how = ClientAuthentication(given.pop("authentication", ClientAuthentication.basic))
    return OAuthClient(
        given.pop("token_url", ""),
        given.pop("client_id", ""),
        secret,
        authentication=how,
        **given,
    )


def _field(reason: str) -> str:
    """Return the setting that a reason is about."""
    word = reason.partition(" ")[0]
    return f"target.{word}" if word in KEYS else "target"
