"""The worker end to end: schedules, requests and retries against a simulated directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from azure_adapter.simulator import Directory, GeneratorOptions, generate
from gateway.work import calls
from gateway.work.edits import read_edit
from gateway.work.queue import LocalQueue
from gateway.work.worker import Worker
from scim.provisioning.records import RunKind, RunMode, RunStatus, UniqueField
from storage.database import now_us
from storage.work import RequestStatus, WorkQueue
from tests.sync.office import Office, office

SECOND = 1_000_000
MINUTE = 60 * SECOND


class Shift:
    """A worker of an office, whose clock a test turns."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.now = now_us()
        office.gateway.queue = LocalQueue(WorkQueue(office.gateway.database, clock=self.clock))
        self.worker = self.hire("first")

    def clock(self) -> int:
        return self.now

    def hire(self, name: str, **options: Any) -> Worker:
        return Worker(
            self.office.gateway, owner=name, clock=self.clock, gone=lambda _: False, **options
        )

    @property
    def queue(self) -> LocalQueue:
        return self.office.gateway.queue

    async def work(self) -> None:
        """Do everything that is to be done now."""
        await self.worker.look()
        while self.worker._running:
            await self.worker.settle()
            await self.worker.look()

    async def triggers(self) -> list[str]:
        return [run.trigger for run in reversed(await self.office.store.runs())]

    async def edit(self, **edit: Any) -> None:
        await self.office.control.edit(self.office.sync_id, read_edit(edit), actor="ada")


def small() -> Directory:
    directory = generate(Directory(seed=5), GeneratorOptions(users=6, groups=2, memberships=2))
    for user in directory.live("user"):
        if not user.attrs.get("mail"):
            directory.update_user(user.id, mail=f"{user.id}@contoso.example")
    return directory


@asynccontextmanager
async def shift(url: str, folder: Path, **connection: Any) -> AsyncIterator[Shift]:
    async with office(url, folder, small(), **connection) as opened:
        yield Shift(opened)


async def until_done(s: Shift, request_id: str) -> None:
    """Wait until a worker that runs has done a request."""
    async with asyncio.timeout(60):
        while True:
            known = await s.queue.store.get(s.office.sync_id, request_id)
            if known is not None and known.status is RequestStatus.done:
                return
            await asyncio.sleep(0.02)


def test_a_schedule_fires_and_catches_up_once(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with shift(database_url, tmp_path) as s:
            await s.edit(schedule={"every_minutes": 60, "full_every": 3})
            await s.work()
            assert await s.triggers() == []
            record = await s.office.gateway.connection(s.office.sync_id)
            assert record.next_run_at is not None
            assert s.now < record.next_run_at <= s.now + 60 * MINUTE

            s.now = record.next_run_at
            await s.work()
            await s.work()
            assert await s.triggers() == ["schedule"]

            s.now += 10 * 60 * MINUTE
            await s.work()
            assert await s.triggers() == ["schedule"] * 2

            for _ in range(3):
                s.now += 60 * MINUTE
                await s.work()
            modes = [run.mode for run in reversed(await s.office.store.runs())]
            first, changes = RunMode.initial, RunMode.incremental
            assert modes == [first, changes, changes, first, changes]

    asyncio.run(story())


def test_two_workers_start_one_run_of_a_schedule(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with shift(database_url, tmp_path) as s:
            await s.edit(schedule={"cron": "*/5 * * * *"})
            await s.work()
            s.now += 6 * MINUTE
            second = s.hire("second")
            await asyncio.gather(s.worker.look(), second.look())
            await s.worker.settle()
            await second.settle()
            await s.work()
            assert await s.triggers() == ["schedule"]
            assert len(await s.queue.store.list(s.office.sync_id)) == 1

    asyncio.run(story())


def test_a_paused_sync_catches_up_once_when_it_is_resumed(sqlite_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with shift(sqlite_url, tmp_path) as s:
            await s.edit(schedule={"every_minutes": 30})
            await s.work()
            await s.office.control.pause(s.office.sync_id, actor="ada")
            s.now += 300 * MINUTE
            await s.edit(name="Renamed")
            await s.work()
            assert await s.triggers() == []
            await s.office.control.resume(s.office.sync_id, actor="ada")
            await s.work()
            await s.work()
            assert await s.triggers() == ["schedule"]

    asyncio.run(story())


def test_an_edited_schedule_counts_from_now(sqlite_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with shift(sqlite_url, tmp_path) as s:
            await s.edit(schedule={"every_minutes": 30})
            await s.work()
            await s.edit(schedule={"every_minutes": 30, "enabled": False})
            await s.work()
            record = await s.office.gateway.connection(s.office.sync_id)
            assert record.next_run_at is None
            s.now += 300 * MINUTE
            await s.edit(schedule={"every_minutes": 30})
            await s.work()
            assert await s.triggers() == []

    asyncio.run(story())


def test_a_stored_schedule_that_cannot_be_used_starts_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with shift(sqlite_url, tmp_path) as s:
            record = await s.office.gateway.connection(s.office.sync_id)
            settings = {**record.settings, "schedule": {"cron": "nonsense"}}
            await s.office.gateway.user_syncs.change(
                record.workspace, record.id, settings=settings, next_run_at=1
            )
            await s.work()
            assert await s.triggers() == []

    asyncio.run(story())


def test_each_way_of_starting_is_told_apart(sqlite_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with shift(sqlite_url, tmp_path) as s:
            sync = s.office.sync_id
            await s.office.control.start(sync, trigger="manual", actor="ada")
            await s.office.control.start(sync, trigger="cli")
            request = await s.queue.ask(sync, calls.start(), trigger="api", actor="api:x")
            await s.work()
            await s.edit(schedule={"every_minutes": 5})
            await s.work()
            s.now += 6 * MINUTE
            await s.work()
            assert await s.triggers() == ["manual", "cli", "api", "schedule"]
            known = await s.queue.store.get(sync, request.id)
            assert known is not None
            runs = await s.office.store.runs()
            assert (known.status, known.run_id) == (RequestStatus.done, runs[1].id)
            assert runs[1].actor == "api:x"

    asyncio.run(story())


def test_preview_apply_and_undo_through_the_queue(sqlite_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with shift(sqlite_url, tmp_path) as s:
            sync = s.office.sync_id

            async def ask(options: dict[str, Any]) -> Any:
                request = await s.queue.ask(sync, options, trigger="api")
                await s.work()
                known = await s.queue.store.get(sync, request.id)
                assert known is not None
                assert known.status is RequestStatus.done, known.message
                return await s.office.store.run(known.run_id or "")

            preview = await ask(calls.start(preview=True))
            applied = await ask(calls.apply(preview.id, preview.checksum))
            assert applied.reviewed_run == preview.id
            assert applied.status is RunStatus.succeeded
            undo = await ask(calls.undo(applied.id))
            assert undo.undoes_run == applied.id
            draft = await ask(calls.preview_edit(read_edit({"deletion_policy": "deactivate"})))
            assert draft.kind is RunKind.draft

            request = await s.queue.ask(sync, calls.apply(preview.id, "0"), trigger="api")
            await s.work()
            refused = await s.queue.store.get(sync, request.id)
            assert refused is not None
            assert refused.status is RequestStatus.failed
            assert "checksum" in refused.message

            await s.queue.ask(sync, calls.delete(deactivate=False), trigger="api")
            await s.work()
            assert await s.office.gateway.user_syncs.everywhere() == []

    asyncio.run(story())


def test_what_failed_is_retried_apart_from_cycles(sqlite_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with shift(sqlite_url, tmp_path, unique_field=UniqueField.email) as s:
            user = next(iter(s.office.directory.live("user")))
            nothing: dict[str, Any] = {"mail": None, "proxyAddresses": [], "otherMails": []}
            s.office.directory.update_user(user.id, **nothing)
            run = await s.office.start()
            assert run.status is RunStatus.incomplete
            await s.work()
            assert await s.triggers() == ["manual"]
            async with s.office.gateway.database.transaction() as session:
                await session.execute(
                    "UPDATE mirror_object SET retry_at = ? WHERE failures > 0", (now_us(),)
                )
            s.now += MINUTE
            await s.work()
            assert await s.triggers() == ["manual", "retry"]
            s.now += MINUTE
            await s.work()
            assert await s.triggers() == ["manual", "retry"]

    asyncio.run(story())


def test_a_sync_that_runs_elsewhere_is_tried_again(sqlite_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with shift(sqlite_url, tmp_path) as s:
            sync = s.office.sync_id
            request = await s.queue.ask(sync, calls.start(), trigger="api")
            with s.queue.turn(sync):
                await s.worker.look()
                await s.worker.settle()
            waiting = await s.queue.store.get(sync, request.id)
            assert waiting is not None
            assert waiting.status is RequestStatus.queued
            assert waiting.not_before > s.now
            lease = await s.office.store.claim("another process", 60)
            assert lease is not None
            s.now = waiting.not_before
            await s.work()
            assert await s.triggers() == []
            await s.office.store.release(lease)
            s.now += MINUTE
            await s.work()
            assert await s.triggers() == ["api"]

    asyncio.run(story())


def test_errors_never_end_the_worker_and_it_stops_when_asked(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with shift(sqlite_url, tmp_path) as s:
            sync, stop = s.office.sync_id, asyncio.Event()
            looked = 0
            look = s.worker.look

            async def first_time_broken() -> None:
                nonlocal looked
                looked += 1
                if looked == 1:
                    s.queue.news.set()
                    raise OSError("the database is away")
                await look()

            monkeypatch.setattr(s.worker, "look", first_time_broken)
            working = asyncio.create_task(s.worker.run(stop))
            request = await s.queue.ask(sync, calls.start(), trigger="api")
            await until_done(s, request.id)
            stop.set()
            await working
            assert looked >= 2
            assert await s.triggers() == ["api"]

    asyncio.run(story())


def test_a_run_that_takes_too_long_is_left_to_the_next_worker(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with shift(database_url, tmp_path) as s:
            sync, stop = s.office.sync_id, asyncio.Event()
            started = asyncio.Event()
            real = s.office.gateway.control.start

            async def slow(*args: Any, **options: Any) -> Any:
                def tell(_: Any) -> None:
                    started.set()

                return await real(*args, **{**options, "progress": tell})

            s.office.gateway.control.start = slow  # type: ignore[method-assign]
            worker = s.hire("stopped", grace_s=0)
            request = await s.queue.ask(sync, calls.start(), trigger="api")
            working = asyncio.create_task(worker.run(stop))
            await asyncio.wait_for(started.wait(), 60)
            stop.set()
            await working
            left = await s.queue.store.get(sync, request.id)
            assert left is not None
            assert left.status in (RequestStatus.queued, RequestStatus.done)
            await s.work()
            done = await s.queue.store.get(sync, request.id)
            assert done is not None
            assert done.status is RequestStatus.done
            runs = await s.office.store.runs()
            assert [run.status for run in runs] == [RunStatus.succeeded]

    asyncio.run(story())
