"""The queue of a process: asking for runs, taking turns, and waking the worker that waits."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure_adapter.sync.refusals import AlreadyRunning
from storage.work import RequestRecord, WorkQueue


class LocalQueue:
    """Queues requests, and wakes the worker of this process at once.

    Attributes:
        store: the queue in the database.
        news: set when something was queued here.
    """

    def __init__(self, store: WorkQueue) -> None:
        self.store = store
        self.news = asyncio.Event()
        self._turns: set[str] = set()

    async def ask(
        self, sync_id: str, options: Mapping[str, Any], *, trigger: str, actor: str = ""
    ) -> RequestRecord:
        """Queue a request; see :meth:`WorkQueue.enqueue`."""
        request = await self.store.enqueue(sync_id, options, trigger=trigger, actor=actor)
        self.news.set()
        return request

    @contextmanager
    def turn(self, sync_id: str) -> Iterator[None]:
        """Have a user sync to oneself in this process inside of the block.

        The lease in the database keeps processes apart; a process that claims it twice would take
        it from itself.

        Raises:
            AlreadyRunning: something else of this process has it.
        """
        if sync_id in self._turns:
            raise AlreadyRunning(
                "This user sync is running now.", "Wait until it has finished, then try again."
            )
        self._turns.add(sync_id)
        try:
            yield
        finally:
            self._turns.discard(sync_id)
            self.news.set()
