"""Blocking work beside the event loop, which ends at once when it is cancelled.

``asyncio.to_thread`` keeps a process alive until its thread has finished; a sign-in that hangs
would hold it up. A daemon thread is left behind instead.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Run work in a thread of its own and return its result.

    When the caller is cancelled it goes on at once, and the result is dropped.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            _tell(loop, lambda raised=error: _settle(ready, raised=raised))  # type: ignore[misc]
        else:
            _tell(loop, lambda: _settle(ready, result=result))

    threading.Thread(target=run, name="sign-in", daemon=True).start()
    return await ready


def _settle(
    ready: asyncio.Future[T], *, result: T | None = None, raised: BaseException | None = None
) -> None:
    if ready.done():
        return
    if raised is not None:
        ready.set_exception(raised)
    else:
        ready.set_result(result)  # type: ignore[arg-type]


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(call)
