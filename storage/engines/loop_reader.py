"""SQLite, read synchronously on the event loop: a look-up costs less than a thread hop.

A read that takes longer than :data:`BUDGET` is given up, for another thread to repeat.
"""

import sqlite3
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

BUDGET = 0.006
"""How long one read may hold up the event loop, in seconds."""

CHECKED_EVERY = 20_000
"""Steps of SQLite's virtual machine between two looks at the clock."""


class LoopReader:
    """Reads a database file; each thread has a connection of its own.

    Args:
        path: the file, which another connection has made and keeps open.
    """

    def __init__(self, path: str) -> None:
        self._uri = f"file:{quote(path)}?mode=ro"
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._deadline = 0.0

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any] | None:
        """Return the rows of a query as tuples, ``None`` where it takes too long."""
        connection = getattr(self._local, "connection", None) or self._connect()
        self._deadline = time.perf_counter() + BUDGET
        try:
            return connection.execute(statement, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY):
                return None
            raise

    def stamp(self) -> int:
        """Return a number that changes whenever anybody has committed."""
        found = self.rows("PRAGMA data_version")
        return int(found[0][0]) if found else 0

    def close(self) -> None:
        """Close every connection."""
        for each in self._opened:
            each.close()
        self._opened.clear()
        self._local = threading.local()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._uri,
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        for pragma in ("query_only = ON", "cache_size = -32000", "mmap_size = 268435456"):
            connection.execute(f"PRAGMA {pragma}")
        connection.set_progress_handler(self._late, CHECKED_EVERY)
        self._opened.append(connection)
        self._local.connection = connection
        return connection

    def _late(self) -> bool:
        return time.perf_counter() > self._deadline
