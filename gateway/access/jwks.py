"""The public keys of JWT issuers (RFC 7517): fetched, bounded, cached.

Keys come only from the URL that an operator configured. What a token's header says about keys
(``jku``, ``jwk``, ``x5u``, ``x5c``) is never looked at (RFC 8725 §3.10).
"""

import asyncio
import ipaddress
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.access.credential import KeysUnavailableError

FRESH_SECONDS = 3_600.0
"""How long a set of keys is used without asking for a newer one."""

STALE_SECONDS = 86_400.0
"""How long the last known keys are used while no newer ones can be had."""

REFRESH_SECONDS = 60.0
"""A key that is not in the set has it fetched again, at most this often."""

RETRY_SECONDS = 10.0
"""After a failure it is fetched again, at most this often."""

FETCH_SECONDS = 5.0
LARGEST_SET = 262_144
MOST_KEYS = 100
SHORTEST_RSA = 2_048

ALGORITHMS = ("RS256", "ES256")
"""What may sign a token (RFC 7518 §3.1). Nothing symmetric, and never ``none``."""

PublicKey = RSAPublicKey | EllipticCurvePublicKey

log = structlog.stdlib.get_logger("gateway.access")


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, and the one algorithm that it is good for (RFC 8725 §3.1)."""

    kid: str | None
    algorithm: str
    public: PublicKey


@dataclass(slots=True)
class _Set:
    keys: tuple[Key, ...] = ()
    fetched_at: float | None = None
    tried_at: float | None = None
    failed: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the key of this id; without an id, the only one that there is."""
        fitting = [key for key in self.keys if key.algorithm == algorithm]
        if kid is not None:
            fitting = [key for key in fitting if key.kid == kid]
        return fitting[0] if len(fitting) == 1 else None


class KeySets:
    """The key sets that this process knows.

    Args:
        fetch: reads a URL.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[bytes]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch or fetch_keys
        self._clock = clock
        self._sets: dict[str, _Set] = {}

    async def key(self, url: str, kid: str | None, algorithm: str) -> Key | None:
        """Return a key of a set, or ``None`` if the set does not have it.

        Raises:
            KeysUnavailableError: it cannot be told, since the set cannot be read.
        """
        known = self._sets.setdefault(url, _Set())
        found = known.find(kid, algorithm)
        if found and (self._age(known) < FRESH_SECONDS or known.lock.locked()):
            return found
        async with known.lock:
            if self._due(known):
                await self._refresh(url, known)
        found = known.find(kid, algorithm)
        if found and self._age(known) < STALE_SECONDS:
            return found
        if known.failed:
            raise KeysUnavailableError(f"The keys at {url} cannot be read.", RETRY_SECONDS)
        return None

    def _age(self, known: _Set) -> float:
        return float("inf") if known.fetched_at is None else self._clock() - known.fetched_at

    def _due(self, known: _Set) -> bool:
        if known.tried_at is None:
            return True
        pause = RETRY_SECONDS if known.failed else REFRESH_SECONDS
        return self._clock() - known.tried_at >= pause

    async def _refresh(self, url: str, known: _Set) -> None:
        known.tried_at = self._clock()
        try:
            known.keys = read_keys(await self._fetch(url))
        except (httpx.HTTPError, OSError, ValueError, TimeoutError) as error:
            known.failed = True
            log.warning("keys of an issuer cannot be read", url=url, error=repr(error))
            return
        known.failed = False
        known.fetched_at = self._clock()


def check_keys_url(url: str) -> str:
    """Return a URL from which keys may be fetched: https, or http on this machine.

    Raises:
        ValueError: it is another one.
    """
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment or not parts.hostname:
        raise ValueError(f"{url!r} is no URL of a key set: it needs a host, and no user or #part")
    if parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname)):
        return url
    raise ValueError(f"{url!r} is not https: keys that travel in clear can be exchanged")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def fetch_keys(url: str) -> bytes:
    """Return what is at a URL; no redirect is followed, and size and time are bounded.

    Raises:
        httpx.HTTPError: the server does not answer 200.
        ValueError: the answer is too large, or the URL is not one to fetch keys from.
        TimeoutError: it takes too long.
    """
    headers = {"Accept": "application/jwk-set+json, application/json"}
    async with (
        asyncio.timeout(FETCH_SECONDS),
        httpx.AsyncClient(timeout=FETCH_SECONDS, headers=headers) as client,
        client.stream("GET", check_keys_url(url)) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise ValueError(f"the server answered {answer.status_code}")
        body = b""
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > LARGEST_SET:
                raise ValueError(f"the answer is larger than {LARGEST_SET} bytes")
        return body


def read_keys(document: bytes) -> tuple[Key, ...]:
    """Return the usable keys of a JWK Set (RFC 7517 §5); others are left out.

    Raises:
        ValueError: it is no JWK Set.
    """
    content = orjson.loads(document)
    listed = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise ValueError("the answer is no JWK Set: it has no array named keys")
    return tuple(_usable(listed[:MOST_KEYS]))


def _usable(listed: Iterable[Any]) -> Iterable[Key]:
    for each in listed:
        if isinstance(each, dict) and _for_signatures(each):
            key = _key(each)
            if key is not None:
                yield key


def _for_signatures(jwk: dict[str, Any]) -> bool:
    """Whether a JWK is public and meant to verify signatures (RFC 7517 §4.2, §4.3)."""
    operations = jwk.get("key_ops")
    return (
        "d" not in jwk
        and jwk.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
    )


def _key(jwk: dict[str, Any]) -> Key | None:
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(jwk.get("kty")))
    kid = jwk.get("kid")
    if algorithm is None or jwk.get("alg", algorithm) != algorithm:
        return None
    try:
        public = jwt.PyJWK(jwk, algorithm).key
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        return None
    strong = isinstance(public, RSAPublicKey) and public.key_size >= SHORTEST_RSA
    curve = isinstance(public, EllipticCurvePublicKey) and public.curve.name == "secp256r1"
    if not strong and not curve:
        return None
    return Key(kid if isinstance(kid, str) else None, algorithm, public)
