"""What the rooms of the store share: the database, the sync, the clock, and a little SQL."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import orjson

from storage.database import Database, Dialect, Session, now_us

Clock = Callable[[], int]
"""Returns the current moment in microseconds since the Unix epoch."""


class Room:
    """A part of the store of one user sync."""

    def __init__(self, database: Database, sync_id: str, *, clock: Clock = now_us) -> None:
        """Speak about one sync.

        Args:
            database: the open database.
            sync_id: id of the user sync.
            clock: what tells the time, for leases, back-off and history.
        """
        self.database = database
        self.sync_id = sync_id
        self._clock = clock

    @property
    def _dialect(self) -> Dialect:
        return self.database.dialect

    @asynccontextmanager
    async def _writing(self, *, short: bool = False) -> AsyncIterator[Session]:
        """Open a transaction, or join the one that is open in this task.

        ``short``: none of its statements takes long, so that on SQLite they run on the event loop
        (see :mod:`storage.engines.group_commit`), a tenth as dear as through a thread.

        Joining saves a savepoint, which costs twice as much as a small statement; a method whose
        one write failed has changed nothing, so it needs none.
        """
        if self.database.in_transaction:
            yield self.database.session
            return
        async with self._transaction(short=short) as session:
            yield session

    def _transaction(self, *, short: bool) -> AbstractAsyncContextManager[Session]:
        return self.database.operation() if short else self.database.transaction()

    def _one_of(self, column: str, values: Iterable[Any]) -> tuple[str, Any]:
        """Return the condition that a column has one of many values, and its one parameter."""
        if self._dialect == "sqlite":
            listed = orjson.dumps(list(values)).decode()
            return f"{column} IN (SELECT value FROM json_each(?))", listed
        return f"{column} = ANY(?)", list(values)

    def _wanted(self, values: Iterable[str]) -> tuple[str, Any]:
        """Return a table ``wanted`` with one column ``value``, and its one parameter."""
        if self._dialect == "sqlite":
            return "json_each(?) AS wanted", orjson.dumps(list(values)).decode()
        return "unnest(CAST(? AS text[])) AS wanted (value)", list(values)

    def _named(self, column: str, source_ids: Iterable[str]) -> tuple[str, tuple[Any, ...]]:
        """Return the condition that a mirror row is one of these objects, and its parameters.

        Each is looked up on its own. PostgreSQL never turns that into a join, so that it uses
        the index on (sync, source id) even while it has no statistics of a table that just grew;
        of ``sync_id = ? AND source_id = ANY(?)`` it would use the first half only.
        """
        wanted, parameter = self._wanted(source_ids)
        return (
            f"{column} IN (SELECT (SELECT o.row_id FROM mirror_object AS o "
            f"WHERE o.sync_id = ? AND o.source_id = wanted.value) FROM {wanted})",
            (self.sync_id, parameter),
        )
