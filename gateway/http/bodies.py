"""Reading request bodies that have a limit in size and in time."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Receive

BODY_SECONDS = 60.0
"""How long a client may take to send one body."""


class BodyTooSlowError(Exception):
    """The client did not send the whole body in time."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """Return a body, or its first ``limit + 1`` bytes if it is larger than the limit.

    What comes after them is not read here: the HTTP server discards it without keeping it.

    Raises:
        BodyTooSlowError: it took longer than :data:`BODY_SECONDS`.
        ClientDisconnect: the client went away before the end.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(receive, limit)
    except TimeoutError:
        raise BodyTooSlowError from None


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more and size <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        more = message.get("more_body", False)
    return b"".join(parts)[: limit + 1]
