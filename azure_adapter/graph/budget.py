"""A budget of ResourceUnits: slows down before Microsoft makes it.

Source: Microsoft Graph: "Microsoft Graph throttling limits" (identity and access: ResourceUnits
per application and tenant in 10 seconds, cost of requests, ``x-ms-resource-unit``,
``x-ms-throttle-limit-percentage``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from azure_adapter.graph.retry import Pace

WINDOW: Final = 10.0
"""Seconds that the limits are about."""

LIMITS: Final = ((50, 3_500.0), (501, 5_000.0))
"""ResourceUnits in a window, for tenants with fewer users than the first number."""

LARGEST: Final = 8_000.0
"""ResourceUnits in a window for every larger tenant."""

SHARE: Final = 0.8
"""How much of the limit is used; the rest is for the application's other processes."""

_CONCERN: Final = 0.8
_COSTS: Final[Mapping[tuple[str, ...], int]] = {
    ("users",): 2,
    ("groups", "*", "members"): 3,
    ("groups", "*", "transitivemembers"): 5,
    ("directoryobjects", "getbyids"): 5,
}


def limit_of(users: int | None) -> float:
    """Return the ResourceUnits in a window of a tenant; the smallest if its size is unknown."""
    if users is None:
        return LIMITS[0][1]
    return next((units for below, units in LIMITS if users < below), LARGEST)


def cost_of(url: str) -> int:
    """Estimate the ResourceUnits of a GET, before Graph says them."""
    parsed = httpx.URL(url)
    segments = [one for one in parsed.path.lower().split("/") if one]
    if segments[:1] == ["v1.0"]:
        segments = segments[1:]
    key = tuple("*" if at == 1 and len(segments) == 3 else one for at, one in enumerate(segments))
    top = parsed.params.get("$top", "")
    cost = _COSTS.get(key, 1) - ("$select" in parsed.params) + ("$expand" in parsed.params)
    return max(cost - (top.isdecimal() and int(top) < 20), 1)


@dataclass(slots=True)
class ResourceBudget:
    """A token bucket of ResourceUnits, shared by everything that one client sends.

    Attributes:
        pace: Time.
        users: Size of the tenant, None while it is unknown.
        waited: Seconds it slowed requests down by, in all.
    """

    pace: Pace
    users: int | None = None
    waited: float = 0.0
    _level: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin with a full bucket."""
        self._level, self._at = self.capacity, self.pace.clock()

    @property
    def capacity(self) -> float:
        """ResourceUnits that fit into the bucket."""
        return limit_of(self.users) * SHARE

    async def spend(self, units: float) -> None:
        """Take ResourceUnits; waits until there are some."""
        self._refill()
        self._level -= units
        if self._level < 0:
            delay = -self._level / (self.capacity / WINDOW)
            self.waited += delay
            await self.pace.sleep(delay)

    def learn(self, estimate: float, headers: Mapping[str, str]) -> None:
        """Correct the estimate by what Graph charged, and heed its warning of the limit."""
        charged = _number(headers.get("x-ms-resource-unit"))
        if charged is not None:
            self._level -= min(charged, LARGEST) - estimate
        used = _number(headers.get("x-ms-throttle-limit-percentage"))
        if used is not None and used > _CONCERN:
            pause = min((used - _CONCERN) * WINDOW, WINDOW)
            self._refill()
            self._level = min(self._level, -pause * self.capacity / WINDOW)

    def _refill(self) -> None:
        now = self.pace.clock()
        gained = max(now - self._at, 0.0) * self.capacity / WINDOW
        self._level, self._at = min(self._level + gained, self.capacity), now


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
