"""The lease is kept alive while a run works, and a hiccup of the database does not end it."""

from __future__ import annotations

import asyncio
from typing import Any

from scim.provisioning.source import ObjectKind
from tests.databases import run
from tests.sync.test_crash import small_directory
from tests.sync.world import World, assert_in_step, world


class Hiccups:
    """A store whose first heartbeats fail, as when the database is busy for a moment."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.failed = 0
        self.renewed = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def renew(self, lease: Any, seconds: float) -> None:
        if self.failed < 2:
            self.failed += 1
            raise OSError("the database is busy")
        await self._inner.renew(lease, seconds)
        self.renewed.set()


class Slow:
    """A source that goes on only after the lease was renewed."""

    def __init__(self, w: World, store: Hiccups) -> None:
        self._reader, self._store = w.reader, store

    async def pages(self, kind: ObjectKind, cursor: str | None) -> Any:
        async for page in self._reader.pages(kind, cursor):
            await asyncio.wait_for(self._store.renewed.wait(), 20)
            yield page


def test_a_failed_heartbeat_is_tried_again_and_the_run_succeeds(sqlite_url: str) -> None:
    async def story() -> None:
        async with world(sqlite_url, small_directory()) as w:
            store = Hiccups(w.store())
            engine = w.engine(store=store, source=Slow(w, store))  # type: ignore[arg-type]
            engine.lease_s = 0.06
            done = await engine.run()
            assert store.failed == 2
            assert done.status == "succeeded"
            await assert_in_step(w)

    run(story())
