"""Identifiers of resources: UUID version 7 (RFC 9562 §5.7).

The default order of a search is the order of ids, so ids grow with time: the order is the order
of creation, and pages stay stable while resources are created.
"""

import os
import threading
import time
import uuid

_RAND_BITS = 74
_RAND_MASK = (1 << _RAND_BITS) - 1


class _Clock:
    """Remembers the last identifier, so that those of one process never run backwards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        """Return 122 payload bits: 48 of Unix milliseconds, then 74 that grow within one."""
        random_part = int.from_bytes(os.urandom(10)) & _RAND_MASK
        with self._lock:
            now = (time.time_ns() // 1_000_000) << _RAND_BITS
            if now >> _RAND_BITS > self._last >> _RAND_BITS:
                self._last = now | (random_part >> 1)
            else:
                self._last += 1 + (random_part & 0xFFFF)
            return self._last


_clock = _Clock()


def new_id() -> str:
    """Return a new UUIDv7 in its canonical, lower-case text form (36 characters).

    Identifiers made by one process are strictly increasing, also within a millisecond and when
    the system clock is set back.
    """
    payload = _clock.next()
    milliseconds = payload >> _RAND_BITS
    rand_a = (payload >> 62) & 0xFFF
    rand_b = payload & ((1 << 62) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b
    return str(uuid.UUID(int=value))
