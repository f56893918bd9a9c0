"""JWTs of configured issuers as bearer tokens (RFC 7519, RFC 8725, RFC 9068 where it applies).

A token opens the one SCIM client whose binding names its exact ``iss`` and ``aud`` (and ``tid``).
Every refusal is the same to the caller; the log says why.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import structlog
from jwt.types import Options

from gateway.access.credential import Credential
from gateway.access.jwks import KeySets
from scim.caller import READ, WRITE, Caller
from scim.provisioning.authority import Source, SourceKind
from storage.access import IssuerRecord, JwtIssuers

LONGEST_TOKEN = 16_384

SKEW_SECONDS = 60
"""How far the clocks of issuer and gateway may be apart (RFC 7519 §4.1.4)."""

TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
"""The header ``typ`` of access tokens; other kinds of JWT are refused (RFC 8725 §3.11)."""

ID_TOKEN_CLAIMS = ("nonce", "at_hash", "c_hash")
"""What only OpenID Connect ID tokens have: they are about a person, and open nothing."""

Claims = Mapping[str, Any]

log = structlog.stdlib.get_logger("gateway.access")


class _RefusedError(Exception):
    """A JWT is not good; the message says why, to the log."""


class JwtVerifier:
    """Finds the SCIM client that a JWT opens.

    Args:
        issuers: the configured bindings.
        keys: the issuers' keys.
        clock: seconds since the epoch.
    """

    def __init__(
        self, issuers: JwtIssuers, keys: KeySets, clock: Callable[[], float] = time.time
    ) -> None:
        self._issuers = issuers
        self._keys = keys
        self._clock = clock

    async def verify(self, token: str) -> Credential | None:
        """Return what a JWT proves, or ``None`` if it is not good.

        Raises:
            KeysUnavailableError: it cannot be told now.
        """
        try:
            record, claims = await self._verified(token)
        except _RefusedError as refusal:
            log.info("jwt refused", reason=str(refusal))
            return None
        await self._issuers.note_use(record)
        return Credential(
            caller=Caller(
                source=Source(SourceKind.scim_client, record.client_id),
                workspace_id=record.workspace,
                scopes=_scopes(record, claims),
                profile=record.profile,
                actor=f"issuer:{record.id}",
            ),
            key=f"issuer:{record.id}",
            seconds=claims["exp"] + SKEW_SECONDS - self._clock(),
        )

    async def _verified(self, token: str) -> tuple[IssuerRecord, Claims]:
        header, unproven = _read(token)
        record = await self._record(unproven)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in record.binding.algorithms:
            raise _RefusedError(f"alg is {algorithm!r}, not one of {record.binding.algorithms}")
        if kid is not None and not isinstance(kid, str):
            raise _RefusedError("kid is no string")
        key = await self._keys.key(record.binding.jwks_url, kid, algorithm)
        if key is None:
            raise _RefusedError(f"the issuer has no {algorithm} key {kid!r}")
        try:
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[key.algorithm],
                options=_SIGNED,
            )
        except jwt.PyJWTError as error:
            raise _RefusedError(f"the signature does not verify ({type(error).__name__})") from None
        _check_times(claims, self._clock())
        _check_binding(claims, record)
        return record, claims

    async def _record(self, claims: Claims) -> IssuerRecord:
        """Return the one binding that names this issuer and one of these audiences exactly."""
        issuer, audience = claims.get("iss"), claims.get("aud")
        if not isinstance(issuer, str) or not issuer.isprintable():
            raise _RefusedError("iss is missing")
        audiences = audience if isinstance(audience, list) else [audience]
        found = await self._issuers.of_issuer(issuer)
        fitting = [each for each in found if each.binding.audience in audiences]
        if len(fitting) != 1:
            told = (
                "no issuer" if not found else "no audience" if not fitting else "several bindings"
            )
            raise _RefusedError(f"{told}: iss {issuer[:200]!r}, aud {str(audience)[:200]!r}")
        return fitting[0]


_UNCHECKED: Options = {
    "verify_signature": False,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
"""Claims are checked here, by the gateway's clock and binding."""

_SIGNED: Options = {**_UNCHECKED, "verify_signature": True}


def _read(token: str) -> tuple[Mapping[str, Any], Claims]:
    """Return header and claims of a JWT, neither of which is proven yet."""
    if len(token) > LONGEST_TOKEN:
        raise _RefusedError("it is too long")
    try:
        whole = jwt.decode_complete(token, options=_UNCHECKED)
    except (jwt.PyJWTError, RecursionError):
        raise _RefusedError("it cannot be read") from None
    header: Mapping[str, Any] = whole["header"]
    if "crit" in header or "b64" in header:
        raise _RefusedError("it has critical headers (RFC 7515 §4.1.11)")
    if str(header.get("typ", "")).lower() not in TYPES:
        raise _RefusedError(f"typ is {str(header.get('typ'))[:50]!r}, not that of an access token")
    return header, whole["payload"]


def _check_times(claims: Claims, now: float) -> None:
    """Check exp, iat and nbf (RFC 7519 §4.1.4 to §4.1.6); the first two have to be there."""
    moments = {name: _moment(claims, name) for name in ("exp", "iat", "nbf")}
    if moments["exp"] is None or moments["iat"] is None:
        raise _RefusedError("exp or iat is missing")
    if now >= moments["exp"] + SKEW_SECONDS:
        raise _RefusedError("it is expired")
    for name in ("iat", "nbf"):
        if (moments[name] or 0) > now + SKEW_SECONDS:
            raise _RefusedError(f"{name} is in the future")


def _moment(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _RefusedError(f"{name} is no moment")
    return float(value)


def _check_binding(claims: Claims, record: IssuerRecord) -> None:
    """Check directory and further claims, and that the token stands for a program."""
    directory = record.binding.directory
    if directory and claims.get("tid") != directory:
        raise _RefusedError(f"tid is {str(claims.get('tid'))[:50]!r}, not {directory}")
    for name, value in record.binding.claims.items():
        if claims.get(name) != value:
            raise _RefusedError(f"{name} is {str(claims.get(name))[:100]!r}, not {value!r}")
    if any(name in claims for name in ID_TOKEN_CLAIMS):
        raise _RefusedError("it is an ID token")
    if directory and "scp" in claims:
        raise _RefusedError("it stands for a person (scp), not for a program")


def _scopes(record: IssuerRecord, claims: Claims) -> frozenset[str]:
    """Return what the token allows: its own scopes (RFC 9068 §2.2.3), if it names any of ours."""
    scope = claims.get("scope")
    named = {READ, WRITE}.intersection(scope.split()) if isinstance(scope, str) else set()
    return record.scopes & named if named else record.scopes
