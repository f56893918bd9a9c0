"""What people do with a user sync, written down: who, what, when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage.access import UserSyncRecord
from storage.access.audit import record_change
from storage.access.syncs import RESOURCE_TYPE
from storage.database import now_us

if TYPE_CHECKING:
    from gateway.wiring import Gateway

PAUSED = "paused"
"""The setting that tells who paused a user sync, why, and when."""


async def note(
    gateway: Gateway, record: UserSyncRecord, actor: str, action: str, changes: Mapping[str, Any]
) -> None:
    """Write an entry of the audit, in the transaction that is open, if one is."""
    async with gateway.database.transaction() as session:
        resource = (RESOURCE_TYPE, record.id)
        await record_change(session, record.workspace, actor, action, resource, changes)


async def set_paused(
    gateway: Gateway, record: UserSyncRecord, actor: str, reason: str, *, paused: bool
) -> None:
    """Pause a user sync, or resume it, and write down who did and why."""
    async with gateway.database.transaction():
        settings = {key: value for key, value in record.settings.items() if key != PAUSED}
        if paused:
            settings[PAUSED] = {"by": actor, "reason": reason, "at": now_us()}
        await gateway.user_syncs.change(
            record.workspace, record.id, paused=paused, settings=settings
        )
        action = "pause" if paused else "resume"
        await note(gateway, record, actor, action, {"reason": reason} if reason else {})
