"""SQLite writes that share commits: many requests, one transaction, one fsync.

Requests that write at the same time take turns in one transaction, each in a savepoint of its
own; the last one that waits commits for all. A request is answered after that commit, never
before. One that fails takes back its savepoint and leaves the others alone.

Statements run on the event loop, since each takes microseconds and a thread hop takes ten times as
long; only beginning (where another process may hold the lock) and committing leave it.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tortoise.exceptions import IntegrityError, OperationalError

LARGEST = 64
"""How many requests share a commit at most, so that the first one does not wait for ever."""

BUSY_SECONDS = 10.0
"""How long to wait for another process that writes."""


class Batch:
    """The requests of one transaction.

    Attributes:
        connection: where it is open.
        lock: what keeps other writers of this process out.
        size: how many there were so far.
        failure: why none of them can be committed, if so.
        done: ends with the commit, or with its failure.
    """

    def __init__(self, connection: sqlite3.Connection, lock: asyncio.Lock) -> None:
        self.connection = connection
        self.lock = lock
        self.size = 0
        self.failure: sqlite3.Error | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class GroupCommit:
    """The writer of one database file.

    Args:
        path: the file.
        pragmas: settings of the connection.
        lock: what other writers of this process hold while they write.
    """

    def __init__(
        self, path: str, pragmas: Sequence[str], lock: Callable[[], Awaitable[asyncio.Lock]]
    ) -> None:
        self._path = path
        self._pragmas = pragmas
        self._lock_of = lock
        self._connection: sqlite3.Connection | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._batch: Batch | None = None
        self._finishing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[sqlite3.Connection]:
        """Write in a savepoint of the shared transaction; ends when that has been committed.

        Raises:
            OperationalError: the transaction could not begin, or not be committed.
        """
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        batch = await self._joined()
        batch.connection.execute("SAVEPOINT request")
        kept = False
        try:
            yield batch.connection
            kept = True
        finally:
            self._leave(batch, kept)
        await asyncio.shield(batch.done)

    async def _joined(self) -> Batch:
        """Return the open batch; a new one begins a transaction."""
        if self._batch is None:
            try:
                self._batch = await self._begun()
            except BaseException:
                self._turn.release()
                raise
        return self._batch

    async def _begun(self) -> Batch:
        connection = self._connection or self._connect()
        lock = await self._lock_of()
        await lock.acquire()
        beginning = asyncio.ensure_future(_begin(connection))
        try:
            await asyncio.shield(beginning)
        except BaseException as error:
            await asyncio.wait([beginning])
            if not beginning.cancelled() and beginning.exception() is None:
                connection.execute("ROLLBACK")
            lock.release()
            if isinstance(error, sqlite3.OperationalError):
                raise OperationalError(error) from error
            raise
        return Batch(connection, lock)

    def _leave(self, batch: Batch, kept: bool) -> None:
        """End a savepoint; the last one of a batch has it committed, and keeps the turn for it."""
        try:
            if not kept:
                batch.connection.execute("ROLLBACK TO request")
            batch.connection.execute("RELEASE request")
        except sqlite3.Error as error:  # a full disk, say, takes back the whole transaction
            batch.failure = error
        batch.size += 1
        if batch.failure is None and self._waiting and batch.size < LARGEST:
            self._turn.release()
            return
        task = asyncio.ensure_future(self._finish(batch))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _finish(self, batch: Batch) -> None:
        connection = batch.connection
        await asyncio.sleep(0)  # requests that have arrived meanwhile come along
        await asyncio.sleep(0)
        if batch.failure is None and self._waiting and batch.size < LARGEST:
            self._turn.release()
            return
        try:
            if batch.failure is not None:
                raise batch.failure
            await asyncio.to_thread(connection.execute, "COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            batch.done.set_exception(OperationalError(error))
            batch.done.exception()
        else:
            batch.done.set_result(None)
        finally:
            self._batch = None
            batch.lock.release()
            self._turn.release()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        for pragma in self._pragmas:
            connection.execute(f"PRAGMA {pragma}")
        self._connection = connection
        return connection

    def close(self) -> None:
        """Close the connection; nothing may be writing any more."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


async def _begin(connection: sqlite3.Connection) -> None:
    """Begin, waiting in a thread where another process writes."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        await asyncio.to_thread(_begin_patiently, connection)


def _begin_patiently(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1_000)}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    finally:
        connection.execute("PRAGMA busy_timeout = 0")


class DirectClient:
    """Runs SQL on the connection of :class:`GroupCommit`; what Tortoise's clients do, directly."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the rows of a statement, as dicts by column name."""
        cursor = self._run(self.connection.execute, statement, parameters)
        names = [each[0] for each in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def execute(self, statement: str, parameters: Sequence[Any]) -> int:
        """Run a statement and return how many rows it changed."""
        return int(self._run(self.connection.execute, statement, parameters).rowcount)

    def many(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each list of parameters."""
        self._run(self.connection.executemany, statement, parameters)

    @staticmethod
    def _run(
        call: Callable[..., sqlite3.Cursor], statement: str, parameters: Sequence[Any]
    ) -> sqlite3.Cursor:
        try:
            return call(statement, parameters)
        except sqlite3.IntegrityError as error:
            raise IntegrityError(error) from error
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
