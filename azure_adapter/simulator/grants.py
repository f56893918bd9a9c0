"""Authorization codes and refresh tokens: issued here, redeemed here, revoked here.

Sources: Microsoft identity platform: "OAuth 2.0 authorization code flow" (codes live for about
10 minutes), "Refresh tokens in the Microsoft identity platform" (90 days, revocation).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.identity_errors import invalid_grant

CODE_LIFETIME: Final = 600.0
"""Seconds for which a code is good."""

REFRESH_LIFETIME: Final = 90 * 86400.0
"""Seconds for which an unused refresh token is good."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What somebody agreed to: the content of a code and of a refresh token.

    Attributes:
        tenant_id: The tenant signed in to.
        client_id: The app.
        object_id: Who signed in.
        scopes: What was asked for, as written.
        mfa: Whether multi-factor authentication took place.
        issued: When, in seconds since the epoch.
        revoked: When it was revoked; None while it is good.
    """

    tenant_id: str
    client_id: str
    object_id: str
    scopes: tuple[str, ...]
    mfa: bool
    issued: float
    revoked: float | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code's binding.

    Attributes:
        sign_in: What it stands for.
        redirect_uri: Where it was sent.
        challenge: The PKCE challenge; empty for none.
        method: ``S256`` or ``plain``.
        nonce: For the ID token; empty for none.
    """

    sign_in: SignIn
    redirect_uri: str
    challenge: str = ""
    method: str = "S256"
    nonce: str = ""


class Codes:
    """Authorization codes: each good once, for ten minutes."""

    def __init__(self) -> None:
        self._waiting: dict[str, Code] = {}
        self._used: set[str] = set()

    def issue(self, code: Code) -> str:
        """Hand out a code."""
        text = f"0.{secrets.token_urlsafe(64)}"
        self._waiting[text] = code
        return text

    def tenant_of(self, text: str) -> str | None:
        """Say which tenant a code belongs to."""
        code = self._waiting.get(text)
        return None if code is None else code.sign_in.tenant_id

    def redeem(self, directory: Directory, text: str, client_id: str) -> Code:
        """Take a code in.

        Raises:
            IdentityError: It is unknown, used, expired, or another app's or tenant's.
        """
        if text in self._used:
            raise invalid_grant(
                54005,
                "OAuth2 Authorization code was already redeemed, please retry with a new valid "
                "code or use an existing refresh token.",
            )
        code = self._waiting.pop(text, None)
        if code is None:
            raise invalid_grant(70000, "The provided value for the 'code' parameter is not valid.")
        self._used.add(text)
        sign_in = code.sign_in
        if sign_in.tenant_id != directory.tenant_id:
            raise invalid_grant(
                700005,
                "Provided Authorization Code is intended to be used against another tenant.",
            )
        if sign_in.client_id.lower() != client_id.lower():
            raise invalid_grant(70002, "The code was issued to another client.")
        if directory.clock() - sign_in.issued > CODE_LIFETIME:
            raise invalid_grant(
                70008,
                "The provided authorization code or refresh token has expired due to inactivity. "
                "Send a new interactive authorization request for this user and resource.",
            )
        return code


def check_binding(code: Code, redirect_uri: str, verifier: str) -> None:
    """Check what only the app that asked can know.

    Raises:
        IdentityError: The redirect URI is another, or the verifier does not fit the challenge.
    """
    if redirect_uri != code.redirect_uri:
        raise invalid_grant(
            500112,
            f"The reply address '{redirect_uri}' does not match the reply address "
            f"'{code.redirect_uri}' provided when requesting Authorization code.",
        )
    if code.challenge and not hmac.compare_digest(_challenge(code, verifier), code.challenge):
        raise invalid_grant(
            501481,
            "The Code_Verifier does not match the code_challenge supplied in the authorization "
            "request.",
        )


def _challenge(code: Code, verifier: str) -> str:
    if code.method == "plain":
        return verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class RefreshTokens:
    """Refresh tokens: each use hands out the next one; earlier ones stay good, as documented."""

    def __init__(self) -> None:
        self._tokens: dict[str, SignIn] = {}

    def issue(self, sign_in: SignIn) -> str:
        """Hand out a token."""
        token = f"1.{secrets.token_urlsafe(96)}"
        self._tokens[token] = sign_in
        return token

    def redeem(
        self, directory: Directory, token: str, client_id: str, *, single_use: bool
    ) -> SignIn:
        """Take a token in.

        Args:
            directory: The tenant asked.
            token: The token.
            client_id: The app that brings it.
            single_use: Whether the token ends with this (documentation: it does not).

        Returns:
            What the next token has to stand for.

        Raises:
            IdentityError: It is unknown, another app's, inactive for 90 days, or revoked.
        """
        sign_in = self._tokens.get(token)
        if sign_in is None or sign_in.tenant_id != directory.tenant_id:
            raise invalid_grant(
                70000,
                "Provided grant is invalid or malformed. The refresh token isn't valid.",
            )
        if sign_in.client_id.lower() != client_id.lower():
            raise invalid_grant(70000, "The refresh token was issued to another client.")
        _check_age(directory, sign_in)
        if single_use:
            del self._tokens[token]
        return replace(sign_in, issued=directory.clock())

    def tenant_of(self, token: str) -> str | None:
        """Say which tenant a token belongs to."""
        sign_in = self._tokens.get(token)
        return None if sign_in is None else sign_in.tenant_id

    def revoke(self, directory: Directory, object_id: str | None = None) -> int:
        """Revoke a user's tokens, as "Revoke sessions" or a new password does; None is everybody.

        Returns:
            How many there were.
        """
        now = directory.clock()
        gone = [
            (token, replace(one, revoked=now))
            for token, one in self._tokens.items()
            if one.tenant_id == directory.tenant_id and object_id in (None, one.object_id)
        ]
        self._tokens.update(gone)
        return len(gone)

    def saved(self) -> list[tuple[str, SignIn]]:
        """List every token."""
        return list(self._tokens.items())

    def restore(self, tokens: Iterable[tuple[str, SignIn]]) -> None:
        """Take over tokens of an earlier life."""
        self._tokens.update(tokens)

    def __len__(self) -> int:
        return len(self._tokens)


def _check_age(directory: Directory, sign_in: SignIn) -> None:
    if sign_in.revoked is not None:
        raise invalid_grant(
            50173,
            "The provided grant has expired due to it being revoked, a fresh auth token is "
            "needed. The user might have changed or reset their password. The grant was issued "
            f"on '{_moment(sign_in.issued)}' and the TokensValidFrom date (before which tokens "
            f"are not valid) for this user is '{_moment(sign_in.revoked)}'.",
        )
    if directory.clock() - sign_in.issued > REFRESH_LIFETIME:
        raise invalid_grant(
            700082,
            "The refresh token has expired due to inactivity. The token was issued on "
            f"{_moment(sign_in.issued)} and was inactive for 90.00:00:00.",
        )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
