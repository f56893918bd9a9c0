"""What has to be done now and then: users say so when their links expire, old rows go."""

import asyncio

import structlog

from gateway.enrollment.service import EnrollmentService
from storage.database import now_us
from storage.mail import Outbox

SECONDS = 600.0
"""How often."""

log = structlog.stdlib.get_logger("gateway.enrollment")


async def keep_order(service: EnrollmentService, outbox: Outbox) -> int:
    """Do it once; returns how many links have expired."""
    expired = await service.tidy()
    while await outbox.prune(now_us()):
        pass
    return expired


async def keeping_order(
    service: EnrollmentService, outbox: Outbox, seconds: float = SECONDS
) -> None:
    """Do it again and again, until cancelled; several processes may."""
    while True:
        try:
            await keep_order(service, outbox)
        except Exception:
            log.exception("expired invitations cannot be closed now")
        await asyncio.sleep(seconds)
