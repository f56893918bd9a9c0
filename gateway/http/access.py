"""Who sent a SCIM request: bearer tokens (RFC 6750), and how long a look-up is remembered."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from scim2_models import UnauthorizedException

from scim.caller import Caller

CACHE_SECONDS = 5.0
"""How long a good token is believed: a revocation or expiry bites within this time."""

CACHE_SIZE = 1_024

DETAIL = (
    "A valid bearer token is required. Send `Authorization: Bearer <token>` with a token made by "
    "`ezto-gateway token create`; this one is missing, wrong, expired or revoked."
)
"""One sentence for every refusal, so that an answer never tells which tokens exist."""

Lookup = Callable[[str], Awaitable[Caller | None]]
"""Finds the caller of a token, or ``None`` for one that is unknown, expired or revoked."""


class BearerAuthenticator:
    """Finds the caller of a request by its bearer token.

    Args:
        lookup: asks the database.
        clock: seconds that only grow.
    """

    def __init__(self, lookup: Lookup, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    async def caller(self, authorization: str | None) -> Caller:
        """Return the caller that an Authorization header proves.

        Raises:
            UnauthorizedException: (401) the header is missing, or its token is not good.
        """
        token = bearer_token(authorization)
        if token is None:
            raise UnauthorizedException(detail=DETAIL)
        key = hashlib.sha256(token.encode()).digest()
        known = self._recall(key) or await self._ask(key, token)
        if known is None:
            raise UnauthorizedException(detail=DETAIL)
        return known

    def _recall(self, key: bytes) -> Caller | None:
        until, caller = self._known.get(key, (0.0, None))
        if caller is not None and self._clock() < until:
            return caller
        self._known.pop(key, None)
        return None

    async def _ask(self, key: bytes, token: str) -> Caller | None:
        asked_at = self._clock()
        caller = await self._lookup(token)
        if caller is not None:
            self._known[key] = (asked_at + CACHE_SECONDS, caller)
            while len(self._known) > CACHE_SIZE:
                self._known.popitem(last=False)
        return caller


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
        return 'Bearer realm="ezto"'
    return 'Bearer realm="ezto", error="invalid_token"'
