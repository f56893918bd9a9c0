"""Doing the next things while the present one is used, a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")


async def read_ahead(source: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Yield from a source whose next item is fetched while the last one is used."""
    upcoming: asyncio.Task[T] | None = asyncio.ensure_future(_next(source))
    try:
        while upcoming is not None:
            try:
                item = await upcoming
            except StopAsyncIterationInTask:
                upcoming = None
                return
            upcoming = asyncio.ensure_future(_next(source))
            yield item
    finally:
        await _drop([upcoming] if upcoming is not None else [])


async def in_parallel(
    work: Callable[[S], Awaitable[T]], items: Iterable[S], most: int
) -> AsyncGenerator[T, None]:
    """Yield the results of work on items in their order, up to ``most`` at the same time."""
    running: deque[asyncio.Future[T]] = deque()
    waiting = iter(items)
    try:
        while True:
            while len(running) < most and (item := next(waiting, None)) is not None:
                running.append(asyncio.ensure_future(work(item)))
            if not running:
                return
            yield await running.popleft()
    finally:
        await _drop(running)


class StopAsyncIterationInTask(Exception):
    """A source ended; tasks cannot raise ``StopAsyncIteration`` themselves."""


async def _next(source: AsyncIterator[T]) -> T:
    try:
        return await anext(source)
    except StopAsyncIteration:
        raise StopAsyncIterationInTask from None


async def _drop(tasks: Iterable[asyncio.Future[T]]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
