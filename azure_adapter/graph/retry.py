"""How long to wait before trying again, and when to stop.

Sources: Microsoft Graph: throttling guidance ("Retry-After", exponential back-off); RFC 9110
§10.2.3 (Retry-After: seconds or an HTTP date).
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The patience of one call.

    Attributes:
        attempts: How often a request is sent at most.
        budget: Seconds that one call may take, waiting included.
        first_delay: Seconds of the first back-off; it doubles each time.
        longest_delay: Seconds of a back-off at most; a ``Retry-After`` may ask for more.
        attempt_seconds: Seconds for one request and its whole answer.
        most_bytes: Size of an answer at most, unpacked.
        run_seconds: Seconds from a client's first request after which it begins no other.
    """

    attempts: int = 6
    budget: float = 300.0
    first_delay: float = 1.0
    longest_delay: float = 30.0
    attempt_seconds: float = 60.0
    most_bytes: int = 64 * 1024 * 1024
    run_seconds: float = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Time and chance, so that tests need not wait.

    Attributes:
        sleep: Waits for a number of seconds.
        clock: Monotonic seconds.
        now: Seconds since the epoch, for HTTP dates.
        chance: A number from 0 to 1.
    """

    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random


@dataclass(slots=True)
class Backoff:
    """The waiting of one call.

    Attributes:
        policy: The patience.
        pace: Time and chance.
        failed: Attempts that failed so far.
        started: When the call began.
    """

    policy: RetryPolicy
    pace: Pace
    failed: int = 0
    started: float = field(init=False)

    def __post_init__(self) -> None:
        """Note when the call began."""
        self.started = self.pace.clock()

    @property
    def seconds_left(self) -> float:
        """Seconds for the next attempt: those of the policy, or what is left of the budget."""
        left = self.policy.budget - (self.pace.clock() - self.started)
        return max(min(self.policy.attempt_seconds, left), 0.0)

    async def wait(self, retry_after: float | None = None) -> bool:
        """Count a failed attempt and wait for the next one.

        Args:
            retry_after: What the server asked for, in seconds; never undercut.

        Returns:
            False, at once, when patience is at its end: no attempt or no time is left.
        """
        self.failed += 1
        delay = self._delay(retry_after)
        spent = self.pace.clock() - self.started
        if self.failed >= self.policy.attempts or spent + delay > self.policy.budget:
            return False
        await self.pace.sleep(delay)
        return True

    def _delay(self, retry_after: float | None) -> float:
        chance = self.pace.chance()
        if retry_after is not None:
            return retry_after * (1 + 0.1 * chance)
        delay = min(self.policy.longest_delay, self.policy.first_delay * 2.0 ** (self.failed - 1))
        return delay * (0.5 + 0.5 * chance)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Read a ``Retry-After`` header.

    Args:
        value: The header; Graph also sends fractions of seconds (``2.128``).
        now: Seconds since the epoch, for an HTTP date.

    Returns:
        Seconds to wait, not negative; None when there is no header or it makes no sense.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return _until(value, now)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _until(value: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(moment.timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None
