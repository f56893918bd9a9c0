"""The gate of every SCIM request: who sent it (RFC 6750), and how much they may send."""

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

from scim2_models import SCIMException, UnauthorizedException

from gateway.access.credential import Credential, KeysUnavailableError
from gateway.access.limits import FailureLimit, TokenBuckets
from gateway.settings import PREFIX
from scim.caller import READ, WRITE, Caller

CACHE_SECONDS = 5.0
"""How long a good token is believed: a revocation in another process bites within this time."""

CACHE_SIZE = 1_024

REALM = 'Bearer realm="ezto"'

DETAIL = (
    "A valid bearer token is required. Send `Authorization: Bearer <token>` with a token made by "
    "`ezto-gateway token create`, by /oauth/token, or by a configured issuer; this one is missing, "
    "wrong, expired or revoked."
)
"""One sentence for every refusal, so that an answer never tells which tokens exist."""

Lookup = Callable[[str], Awaitable[Credential | None]]
"""Finds what a token proves, or ``None`` for one that is unknown, expired or revoked."""


class RefusedError(SCIMException):
    """A request does not pass the gate.

    Args:
        status: HTTP status of the answer.
        detail: what is wrong, and what to do.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str]) -> None:
        super().__init__(detail=detail)
        self.status = status
        self.headers = dict(headers)


class UnknownTokenError(RefusedError, UnauthorizedException):
    """(401) The token is missing, or not good."""

    def __init__(self, authorization: str | None) -> None:
        super().__init__(401, DETAIL, {"WWW-Authenticate": challenge(authorization)})


class BearerAuthenticator:
    """Finds the caller of a request by its bearer token, and counts its requests.

    Args:
        lookup: asks the database.
        clock: seconds that only grow.
        rates: how many requests a token may send; without it, any number.
        failures: how many wrong tokens an address may send; without it, any number.
    """

    def __init__(
        self,
        lookup: Lookup,
        clock: Callable[[], float] = time.monotonic,
        rates: TokenBuckets | None = None,
        failures: FailureLimit | None = None,
    ) -> None:
        self._lookup = lookup
        self._clock = clock
        self._rates = rates or TokenBuckets(0, 1)
        self._failures = failures or FailureLimit(0)
        self._known: OrderedDict[bytes, tuple[float, Credential]] = OrderedDict()
        self._forgotten = 0

    def forget(self) -> None:
        """Ask again about every token: something was revoked in this process."""
        self._forgotten += 1
        for key, (_, credential) in self._known.items():
            self._known[key] = (-math.inf, credential)

    async def caller(self, authorization: str | None, address: str = "") -> Caller:
        """Return the caller that an Authorization header proves.

        Args:
            authorization: the header.
            address: where the request comes from.

        Raises:
            RefusedError: (401) the header is missing, or its token is not good; (429) too many
                requests of this token, or wrong tokens of this address; (503) whether it is good
                cannot be told now.
        """
        token = bearer_token(authorization)
        if token is None:
            raise UnknownTokenError(authorization)
        key = hashlib.sha256(token.encode()).digest()
        until, credential = self._known.get(key, (-math.inf, None))
        if credential is None or self._clock() >= until:
            credential = await self._ask(key, token, address)
        if credential is None:
            raise self._refusal(authorization, address)
        wait = self._rates.take(credential.key)
        if wait:
            raise too_many(self._rates, wait)
        return credential.caller

    def known(self, authorization: str | None) -> Caller | None:
        """Return the caller of a header that was found good a moment ago, and count its request.

        ``None``: :meth:`caller` has to look, or to refuse; nothing was counted.
        """
        token = bearer_token(authorization)
        if token is None:
            return None
        found = self._known.get(hashlib.sha256(token.encode()).digest())
        if found is None or self._clock() >= found[0] or self._rates.take(found[1].key):
            return None
        return found[1].caller

    async def _ask(self, key: bytes, token: str, address: str) -> Credential | None:
        if key not in self._known:
            await self._failures.pause(address)
        asked_at, forgotten = self._clock(), self._forgotten
        try:
            credential = await self._lookup(token)
        except KeysUnavailableError as error:
            raise keys_unavailable(error.retry_after) from None
        if credential is None:
            self._known.pop(key, None)
        elif forgotten == self._forgotten:
            self._remember(key, asked_at, credential)
        return credential

    def _remember(self, key: bytes, asked_at: float, credential: Credential) -> None:
        left = CACHE_SECONDS if credential.seconds is None else credential.seconds
        self._known[key] = (asked_at + min(CACHE_SECONDS, left), credential)
        while len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)

    def _refusal(self, authorization: str | None, address: str) -> RefusedError:
        wait = self._failures.note(address)
        if not wait:
            return UnknownTokenError(authorization)
        return RefusedError(
            429,
            f"More than {self._failures.per_minute:g} wrong tokens a minute came from your "
            f"address. Wait {seconds_of(wait)} s, then send a valid token.",
            {"Retry-After": seconds_of(wait)},
        )


def too_many(rates: TokenBuckets, wait: float) -> RefusedError:
    """Return the refusal of a token that sends too much."""
    return RefusedError(
        429,
        f"This token may send {rates.rate:g} requests a second (and {rates.burst:g} at once). "
        f"Wait {seconds_of(wait)} s, then repeat the request; send fewer at a time, or have the "
        f"limit raised ({PREFIX}RATE_PER_SECOND).",
        {"Retry-After": seconds_of(wait)},
    )


def keys_unavailable(retry_after: float) -> RefusedError:
    """Return the refusal of a JWT while the keys of its issuer cannot be read."""
    return RefusedError(
        503,
        "The keys of the token's issuer cannot be read now, so the token cannot be checked. "
        f"Repeat the request after {seconds_of(retry_after)} s.",
        {"Retry-After": seconds_of(retry_after)},
    )


def seconds_of(wait: float) -> str:
    """Return a wait as Retry-After has it (RFC 9110 §10.2.3): whole seconds, at least one."""
    return str(max(1, math.ceil(wait)))


def bearer_token(authorization: str | None) -> str | None:
    """Return the token of an Authorization header, or ``None`` if it holds no bearer token."""
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token.isascii() and token else None


def challenge(authorization: str | None) -> str:
    """Return the WWW-Authenticate header of a 401 (RFC 6750 §3).

    It only says ``invalid_token`` when a token was sent at all.
    """
    if bearer_token(authorization) is None:
        return REALM
    return f'{REALM}, error="invalid_token"'


def scope_challenge(caller: Caller) -> str | None:
    """Return the WWW-Authenticate header of a 403 for want of a scope (RFC 6750 §3.1), if any."""
    missing = [scope for scope in (READ, WRITE) if scope not in caller.scopes]
    if not missing:
        return None
    return f'{REALM}, error="insufficient_scope", scope="{" ".join(missing)}"'
