"""The database: opening it, migrating it, and running SQL in and outside of transactions.

One :class:`Database` per process owns the Tortoise context. Models go through Tortoise; the
statements of the hot paths are SQL in this package, run through the same connections. SQL is
written with ``?`` placeholders for both databases.
"""

import asyncio
import fcntl
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TextIO, cast
from urllib.parse import parse_qs, unquote, urlsplit

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

from storage.engines.aside import client_aside
from storage.engines.group_commit import DirectClient, GroupCommit
from storage.engines.postgres import LeanConnection

Dialect = Literal["sqlite", "postgres"]
Row = dict[str, Any]

SQLITE_PRAGMAS = {
    "journal_mode": "WAL",
    "journal_size_limit": 67_108_864,
    "wal_autocheckpoint": 8_000,
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "cache_size": -32_000,
    "temp_store": "MEMORY",
}

MIGRATION_LOCK = 7_235_020_261
"""Key of PostgreSQL's advisory lock that lets one process at a time migrate."""


def now_us() -> int:
    """Return the current moment as the tables keep it: microseconds since the Unix epoch, UTC."""
    return time.time_ns() // 1_000


@lru_cache(maxsize=2_048)
def numbered(sql: str) -> str:
    """Turn ``?`` placeholders into PostgreSQL's ``$1``, ``$2`` …; literals are left alone."""
    counter = iter(range(1, 100_000))
    return re.sub(
        r"'(?:[^']|'')*'|\?",
        lambda found: f"${next(counter)}" if found.group() == "?" else found.group(),
        sql,
    )


class Session:
    """Runs SQL on one connection (or, outside of a transaction, on any connection of the pool).

    Attributes:
        dialect: which SQL the statements must speak where the two databases differ.
        client: Tortoise's client, for models (``using_db=session.client``).
    """

    def __init__(self, dialect: Dialect, client: BaseDBAsyncClient) -> None:
        self.dialect: Dialect = dialect
        self.client = client

    def _text(self, sql: str) -> str:
        return sql if self.dialect == "sqlite" else numbered(sql)

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return every row of a query (or of ``RETURNING``), as dicts by column name."""
        found = await self.client.execute_query_dict(self._text(sql), list(parameters))
        return cast(list[Row], found)

    async def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """Return the first row of a query, or ``None``."""
        found = await self.rows(sql, parameters)
        return found[0] if found else None

    async def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row of a query, or ``None``."""
        row = await self.row(sql, parameters)
        return next(iter(row.values())) if row else None

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        changed, _ = await self.client.execute_query(self._text(sql), list(parameters))
        return changed

    async def many(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each list of parameters."""
        if parameters:
            await self.client.execute_many(self._text(sql), [list(each) for each in parameters])


class AsideSession(Session):
    """Runs SQL on a connection of its own, outside of a transaction (:meth:`Database.aside`)."""


class DirectSession(Session):
    """Runs SQL in a shared transaction of SQLite, on the event loop; it knows no models."""

    def __init__(self, direct: DirectClient) -> None:
        self.dialect: Dialect = "sqlite"
        self.direct = direct

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """See :meth:`Session.rows`."""
        return self.direct.rows(sql, parameters)

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """See :meth:`Session.execute`."""
        return self.direct.execute(sql, parameters)

    async def many(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        """See :meth:`Session.many`."""
        if parameters:
            self.direct.many(sql, parameters)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Take back what the block wrote if it fails."""
        connection = self.direct.connection
        connection.execute("SAVEPOINT inner_part")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK TO inner_part")
            raise
        finally:
            connection.execute("RELEASE inner_part")


class Database:
    """The open database of one process.

    Attributes:
        url: as configured, without its password.
        dialect: ``sqlite`` or ``postgres``.
    """

    def __init__(self, url: str) -> None:
        self._config, self.dialect = _tortoise_config(url)
        self.url = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)
        self._file = url.removeprefix("sqlite://")
        self._tortoise = TortoiseContext()
        self._session: ContextVar[Session | None] = ContextVar("session", default=None)
        self._beside: dict[str, Any] = {}
        self._closing: list[Callable[[], None]] = []

    @classmethod
    async def open(cls, url: str, *, shared: bool = True, migrate: bool = True) -> "Database":
        """Open a database and bring its tables up to date.

        Args:
            url: ``sqlite:///absolute/file`` (or ``sqlite://relative/file``), or
                ``postgres://user:password@host:port/name``; a host in the query
                (``?host=/directory``) is the directory of a Unix socket.
            shared: make it the one that models find from any task. Tests that open several
                databases in one process pass False and use :meth:`activated`.
            migrate: run the migrations that are missing.

        Raises:
            ValueError: the URL names neither SQLite nor PostgreSQL.
            tortoise.exceptions.DBConnectionError, OSError: the database cannot be reached.
        """
        database = cls(url)
        with database.activated():
            await database._tortoise.init(config=database._config, _enable_global_fallback=shared)
        try:
            if migrate:
                await database.migrate()
        except BaseException:
            await database.close()
            raise
        return database

    async def migrate(self) -> None:
        """Run the migrations that are missing; processes that start together take turns."""
        with self.activated():
            writer = self._tortoise.db("default")
            executor = MigrationExecutor(writer, self._config["apps"])
            target = [MigrationTarget(app_label="storage", name="__latest__")]
            async with self._one_process_at_a_time(writer):
                await executor.migrate(target, direction="forward")

    @asynccontextmanager
    async def _one_process_at_a_time(self, writer: BaseDBAsyncClient) -> AsyncIterator[None]:
        if self.dialect == "postgres":
            async with writer.acquire_connection() as connection:
                await connection.execute(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
                try:
                    yield
                finally:
                    await connection.execute(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})")
            return
        lock = await asyncio.to_thread(_locked, Path(f"{self._file}.lock"))
        try:
            yield
        finally:
            lock.close()

    async def close(self) -> None:
        """Close every connection."""
        while self._closing:
            self._closing.pop()()
        with self.activated():
            await self._tortoise.close_connections()

    # -- beneath the ORM -----------------------------------------------------

    @property
    def file(self) -> str:
        """The file of a SQLite database."""
        return self._file

    async def pool(self) -> Any:
        """Return asyncpg's pool of a PostgreSQL database."""
        client = cast(Any, self._tortoise.db("default"))
        if client._pool is None:
            async with client.acquire_connection():
                pass
        return client._pool

    def beside(self, name: str, make: Callable[["Database"], Any]) -> Any:
        """Return what belongs to this database under a name, made when first asked for."""
        if name not in self._beside:
            self._beside[name] = make(self)
        return self._beside[name]

    def on_close(self, work: Callable[[], None]) -> None:
        """Have something done before the connections close."""
        self._closing.append(work)

    @contextmanager
    def activated(self) -> Iterator[None]:
        """Make this the database that Tortoise models use in the current task."""
        from tortoise import context as tortoise_context

        token = tortoise_context._current_context.set(self._tortoise)
        try:
            yield
        finally:
            tortoise_context._current_context.reset(token)

    @property
    def session(self) -> Session:
        """The session to read with: that of the open transaction, else the reading connection."""
        current = self._session.get()
        if current is not None:
            return current
        name = "reader" if self.dialect == "sqlite" else "default"
        return Session(self.dialect, self._tortoise.db(name))

    @property
    def in_transaction(self) -> bool:
        """Whether the current task is inside :meth:`transaction`."""
        current = self._session.get()
        return current is not None and not isinstance(current, AsideSession)

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[AsideSession]:
        """Work on one connection of its own, inside of this block, in this task.

        Everything inside reads and writes there, so that temporary tables, which only this
        connection sees, can stand in for others. Nothing checks foreign keys on SQLite there.
        """
        client = client_aside(self._config["connections"]["default"])
        session = AsideSession(self.dialect, client)
        with self.activated():
            await client.create_connection(with_db=True)
            token = self._session.set(session)
            try:
                yield session
            finally:
                self._session.reset(token)
                await client.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Open a writing transaction, or a savepoint when one is open in this task already.

        It commits at the end and rolls back on any exception. On SQLite it holds the one write
        lock from its beginning, so keep it short.
        """
        outer = self._session.get()
        if isinstance(outer, DirectSession):
            with outer.savepoint():
                yield outer
            return
        with self.activated():
            client = outer.client if outer else self._tortoise.db("default")
            async with client._in_transaction() as connection:
                session = Session(self.dialect, cast(BaseDBAsyncClient, connection))
                token = self._session.set(session)
                try:
                    yield session
                finally:
                    self._session.reset(token)

    @asynccontextmanager
    async def operation(self) -> AsyncIterator[Session]:
        """Open a transaction for one request, which on SQLite shares its commit with others.

        Inside of a transaction it is a savepoint, as :meth:`transaction` is; on a connection aside
        it is a transaction of that one.
        """
        if self.dialect != "sqlite" or self._session.get() is not None:
            async with self.transaction() as session:
                yield session
            return
        group: GroupCommit = self.beside("group commit", _group_commit)
        async with group.turn() as connection:
            shared = DirectSession(DirectClient(connection))
            token = self._session.set(shared)
            try:
                yield shared
            finally:
                self._session.reset(token)


def _locked(path: Path) -> TextIO:
    """Open a file and wait until no other process has it locked; closing it unlocks."""
    file = path.open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _group_commit(database: Database) -> GroupCommit:
    client = cast(Any, database._tortoise.db("default"))

    async def lock() -> asyncio.Lock:
        if client._connection is None:
            await client.create_connection(with_db=True)
        return cast(asyncio.Lock, client._lock)

    pragmas = [f"{name} = {value}" for name, value in SQLITE_PRAGMAS.items()]
    group = GroupCommit(database.file, pragmas, lock)
    database.on_close(group.close)
    return group


def _tortoise_config(url: str) -> tuple[dict[str, Any], Dialect]:
    """Return Tortoise's configuration for a database URL, and the dialect."""
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        connections = _sqlite_connections(url)
        dialect: Dialect = "sqlite"
    elif scheme in ("postgres", "postgresql"):
        connections = _postgres_connections(url)
        dialect = "postgres"
    else:
        raise ValueError(
            f"The database URL begins with {scheme!r}. Use sqlite:///path/to/file or "
            "postgres://user:password@host:5432/name."
        )
    app = {
        "models": ["storage.models"],
        "default_connection": "default",
        "migrations": "storage.migrations",
    }
    return {"connections": connections, "apps": {"storage": app}, "use_tz": True}, dialect


def _sqlite_connections(url: str) -> dict[str, Any]:
    path = url.removeprefix("sqlite://")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pragmas = {"file_path": path, **SQLITE_PRAGMAS, "busy_timeout": 10_000}
    engine = "storage.engines.sqlite"
    return {
        "default": {"engine": engine, "credentials": pragmas},
        "reader": {"engine": engine, "credentials": {**pragmas, "query_only": "ON"}},
    }


def _postgres_connections(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    credentials: dict[str, Any] = {
        "host": options.get("host") or parts.hostname or "localhost",
        "port": parts.port or 5432,
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password) if parts.password else None,
        "database": unquote(parts.path.lstrip("/")) or "postgres",
        "minsize": int(options.get("minsize", 1)),
        "maxsize": int(options.get("maxsize", 10)),
        "connection_class": LeanConnection,
        "server_settings": {"application_name": "ezto-gateway", "jit": "off"},
    }
    return {"default": {"engine": "tortoise.backends.asyncpg", "credentials": credentials}}
