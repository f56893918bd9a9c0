"""A real process, really killed (SIGKILL) in each phase of a run, then started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from azure_adapter.simulator import Directory, GeneratorOptions, create_app, generate
from storage.database import Database
from tests.databases import run_with
from tests.gateway.support import KEY, live_app
from tests.sync.oracle import expected_groups, expected_users, observed_users
from tests.sync.world import World

MOMENTS = 4


class Trigger:
    """An application that calls back when the nth Graph request arrives."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.countdown = 0
        self.fire: Callable[[], None] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1.0"):
            self.countdown -= 1
            if self.countdown == 0:
                self.fire()
        await self._app(scope, receive, send)


def command(url: str, data: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "EZTO_DATABASE_URL": url,
        "EZTO_DATA_DIR": str(data),
        "EZTO_SECRET_KEY": KEY,
        "EZTO_LOG_LEVEL": "warning",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()


class Watcher:
    """Looks into the database while another process writes it."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._database = self._runner.run(Database.open(url, shared=False, migrate=False))

    def close(self) -> None:
        self._runner.run(self._database.close())
        self._runner.close()

    def applied(self) -> int:
        sql = "SELECT COUNT(*) FROM plan_operation WHERE status = 'done'"
        return int(self._runner.run(self._database.session.value(sql)))

    def let_the_lease_run_out(self) -> None:
        """Make it a minute later for the lease of the killed process."""

        async def expire() -> None:
            async with self._database.transaction() as session:
                await session.execute("UPDATE user_sync SET lease_until = 1")

        self._runner.run(expire())


def kill_when(process: subprocess.Popen[str], condition: Callable[[], bool]) -> bool:
    """Kill a process once a condition holds; tell whether it lived that long."""
    while process.poll() is None:
        if condition():
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
            return process.returncode == -signal.SIGKILL
    process.communicate(timeout=60)
    return False


def test_killed_in_each_phase_it_ends_as_if_it_had_not_been(
    database_url: str, tmp_path: Path
) -> None:
    directory = generate(Directory(seed=2), GeneratorOptions(users=1_200, groups=12, memberships=9))
    trigger = Trigger(create_app(directory, page_size=200))
    with live_app(trigger) as simulator:
        start = [
            *("connection", "create", "--name", "Contoso", "--unique-field", "username"),
            *("--enrollment", "only-sync"),
            *("--azure-tenant", directory.tenant_id, "--client-id", directory.client_id),
            *("--client-secret", directory.client_secret),
            *("--authority-url", simulator, "--graph-url", simulator),
        ]
        sync_id = finish(command(database_url, tmp_path, *start))
        watcher, killed = Watcher(database_url), 0
        for request in (1, 2, 3):
            hit = threading.Event()
            trigger.fire, trigger.countdown = hit.set, request
            process = command(database_url, tmp_path, "sync", "run", sync_id)
            killed += kill_when(process, hit.is_set)
            watcher.let_the_lease_run_out()
        for _ in range(MOMENTS):
            before = watcher.applied()
            process = command(database_url, tmp_path, "sync", "run", sync_id)
            killed += kill_when(process, lambda before=before: watcher.applied() > before)
            watcher.let_the_lease_run_out()
        watcher.close()
        assert killed >= 4
        finish(command(database_url, tmp_path, "sync", "run", sync_id))
    run_with(database_url, lambda database: check(database, directory, sync_id))


async def check(database: Database, directory: Directory, sync_id: str) -> None:
    world: Any = World.__new__(World)
    world.database, world.directory = database, directory
    from azure_adapter.sync.config import SyncConfig

    world.config = SyncConfig(sync_id=sync_id)
    documents = await world.users()
    source_ids = {document["id"]: source_id for source_id, document in documents.items()}
    assert observed_users(documents, source_ids) == expected_users(directory)
    groups = await world.groups()
    assert groups == expected_groups(directory)
    assert await world.owned() == len(documents) + len(groups)
