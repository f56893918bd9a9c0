"""Throttling by ResourceUnits, per app and tenant.

A bucket fills with the cost of requests and drains by a tenth of the quota a second; what does
not fit is refused and counts all the same, up to 1.8 times the quota. Source: Microsoft Graph:
"Microsoft Graph service-specific throttling limits" (identity and access).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from azure_adapter.simulator.directory import Directory

WINDOW: Final = 10.0
"""Seconds in which a quota drains."""

_TOLD_FROM: Final = 0.8
_MOST: Final = 1.8


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the quota says to a request.

    Attributes:
        share: How much of the quota is used, 1.0 being all.
        retry_after: Seconds until the request would fit; None when it does.
        scope: Value of ``x-ms-throttle-scope``.
    """

    share: float
    retry_after: float | None
    scope: str

    def headers(self) -> dict[str, str]:
        """Build the headers that every answer has once 0.8 of the quota is used."""
        if self.share <= _TOLD_FROM:
            return {}
        return {"x-ms-throttle-limit-percentage": f"{min(self.share, _MOST):.2f}"}


@dataclass(slots=True)
class Throttle:
    """How full the buckets are."""

    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def spend(self, directory: Directory, client_id: str, cost: int, quota: int | None) -> Verdict:
        """Count a request.

        Args:
            directory: The tenant; its clock is the clock.
            client_id: The app.
            cost: ResourceUnits of the request.
            quota: ResourceUnits per ten seconds; None is what the tenant's size gives.
        """
        limit = quota_of(directory) if quota is None else quota
        key, now = (directory.tenant_id, client_id), directory.clock()
        level, at = self._buckets.get(key, (0.0, now))
        level = max(0.0, level - max(0.0, now - at) * limit / WINDOW)
        filled = level + cost
        self._buckets[key] = (min(filled, limit * _MOST), now)
        over = filled - limit
        wait = round(over * WINDOW / limit, 3) if over > 0 else None
        scope = f"Tenant_Application/ReadWrite/{client_id}/{directory.tenant_id}"
        return Verdict(filled / limit, wait, scope)

    def reset(self) -> None:
        """Empty every bucket."""
        self._buckets.clear()


def quota_of(directory: Directory) -> int:
    """Look up a tenant's ResourceUnits per ten seconds by its number of users."""
    users = directory.live_users
    if users < 50:
        return 3_500
    return 5_000 if users <= 500 else 8_000
