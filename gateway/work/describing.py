"""A user sync as JSON values, for the command line and the API; nothing secret."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gateway.connections import public
from gateway.syncs.fields import FieldsInvalid
from gateway.syncs.stored import stored
from gateway.work.schedule import SECOND_US, Schedule
from storage.access import UserSyncRecord
from storage.database import now_us

if TYPE_CHECKING:
    from gateway.wiring import Gateway

SHOWN = 5
"""How many of the next scheduled runs are shown."""


def iso(moment: int | None, zone: str = "UTC") -> str | None:
    """Return a moment of the database as RFC 3339 has it."""
    if moment is None:
        return None
    place = UTC if zone == "UTC" else ZoneInfo(zone)
    return datetime.fromtimestamp(moment / SECOND_US, place).isoformat()


def described(gateway: "Gateway", sync: UserSyncRecord) -> dict[str, Any]:
    """Return everything about a user sync."""
    settings = stored(sync, gateway.custom_targets)
    pause = sync.settings.get("paused") or {}
    return {
        **public(sync),
        **{name: settings[name] for name in ("safeguard", "scope", "nested", "mapping", "target")},
        "schedule": upcoming(sync),
        "paused": sync.paused,
        "paused_by": str(pause.get("by") or "") if sync.paused else "",
        "pause_reason": str(pause.get("reason") or "") if sync.paused else "",
        "config_version": sync.config_version,
        "created_at": iso(sync.created_at),
    }


def schedule_of(sync: UserSyncRecord) -> Schedule:
    """Return the schedule of a user sync; one that is stored and cannot be used is none."""
    try:
        return Schedule.from_json(sync.settings.get("schedule") or {})
    except FieldsInvalid:
        return Schedule()


def upcoming(sync: UserSyncRecord, now: int | None = None) -> dict[str, Any]:
    """Return the schedule of a user sync, with its next moments."""
    schedule = schedule_of(sync)
    moment: int | None = now_us() if now is None else now
    moments: list[str] = []
    while len(moments) < SHOWN and moment is not None:
        moment = schedule.next_after(moment, sync_id=sync.id, anchor=sync.created_at)
        if moment is not None:
            moments.append(str(iso(moment, schedule.time_zone)))
    return {
        "settings": schedule.to_json(),
        "active": schedule.runs and not sync.paused,
        "next": moments,
    }
