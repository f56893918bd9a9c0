"""Limits on requests: token buckets, and what slows the guessing of tokens.

Both are kept in the process: each server process counts what reaches it.
"""

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

MOST_BUCKETS = 10_000
"""So many buckets are kept; the one that was used longest ago goes first."""

PAUSE_SECONDS = 1.0
"""How long an unknown token waits for its answer while its address is over the limit."""

Clock = Callable[[], float]


class TokenBuckets:
    """Token buckets, one a key: so many at once, so many a second ever after.

    Args:
        rate: how many a second; 0 turns the limit off.
        burst: how many at once, after a pause.
        clock: seconds that only grow.
    """

    def __init__(self, rate: float, burst: float, clock: Clock = time.monotonic) -> None:
        self.rate = rate
        self.burst = max(burst, 1.0)
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one out of a bucket: return 0, or in how many seconds there will be one."""
        if not self.rate:
            return 0.0
        now, level = self._level(key)
        if level < 1.0:
            return (1.0 - level) / self.rate
        self._levels[key] = (level - 1.0, now)
        self._levels.move_to_end(key)
        if len(self._levels) > MOST_BUCKETS:
            self._levels.popitem(last=False)
        return 0.0

    def wait(self, key: str) -> float:
        """Return what :meth:`take` would, and take nothing."""
        if not self.rate:
            return 0.0
        return max(0.0, (1.0 - self._level(key)[1]) / self.rate)

    def _level(self, key: str) -> tuple[float, float]:
        now = self._clock()
        level, at = self._levels.get(key, (self.burst, now))
        return now, min(self.burst, level + (now - at) * self.rate)


class FailureLimit:
    """Slows an address that sends one wrong token after the other, and never shuts it out.

    Behind one address there may be many clients (a proxy, a company), so a token that turns out
    to be good is always let in. Over the limit, a token that has not been seen to be good waits
    a moment for its answer, and one that is wrong is answered 429 instead of 401.

    Args:
        per_minute: how many failures a minute; 0 turns the limit off.
        clock: seconds that only grow.
        sleep: waits.
    """

    def __init__(
        self,
        per_minute: float,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.per_minute = per_minute
        self._buckets = TokenBuckets(per_minute / 60, per_minute, clock)
        self._sleep = sleep

    async def pause(self, address: str) -> None:
        """Wait, if the address is over the limit."""
        if self._buckets.wait(network_of(address)):
            await self._sleep(PAUSE_SECONDS)

    def note(self, address: str) -> float:
        """Count a failure: return 0, or in how many seconds the address is below the limit."""
        return self._buckets.take(network_of(address))


def network_of(address: str) -> str:
    """Return what failures are counted under: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(known), 64), strict=False))
