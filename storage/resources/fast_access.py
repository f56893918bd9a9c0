"""Where the read lane reads: the driver's own connections, beneath the ORM."""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, cast

from scim.fast.ports import TooSlow
from storage.database import Database, numbered
from storage.engines.loop_reader import LoopReader

KEPT_TOTALS = 1_024

STAMP = "pg_current_snapshot()::text AS stamp"
"""PostgreSQL: which transactions a statement sees. The same ones, the same data."""


class RowAccess(Protocol):
    """Reads rows as sequences of columns."""

    async def rows(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Return the rows of a query."""
        ...


class FastAccess(RowAccess, Protocol):
    """Also tells what needs no waiting, and remembers totals while nothing changes."""

    immediate: bool
    """Whether short reads need no waiting."""

    def impatient(self) -> AbstractContextManager[None]:
        """Make reads raise :class:`TooSlow` instead of waiting; nothing may wait inside."""
        ...

    async def total(self, statement: str, parameters: tuple[Any, ...]) -> int:
        """Return the one number that a query counts."""
        ...


class Totals:
    """Totals, each with a stamp of the state of the database in which it holds."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()

    def recall(self, key: tuple[Any, ...], stamp: Any) -> int | None:
        """Return the total if it was counted in this very state."""
        known = self._known.get(key)
        return known[1] if known is not None and known[0] == stamp else None

    def keep(self, key: tuple[Any, ...], stamp: Any, total: int) -> int:
        """Remember a total, and return it."""
        self._known[key] = (stamp, total)
        if len(self._known) > KEPT_TOTALS:
            self._known.popitem(last=False)
        return total


class _Impatient:
    """Is on within a block, which runs without interruption."""

    def __init__(self) -> None:
        self.on = False

    def __enter__(self) -> None:
        self.on = True

    def __exit__(self, *_: object) -> None:
        self.on = False


class SqliteAccess:
    """Reads on the event loop, and what takes longer on the connection of a thread."""

    immediate = True

    def __init__(self, database: Database) -> None:
        self._database = database
        self._impatient = _Impatient()
        self._reader = LoopReader(database.file)
        self._totals = Totals()
        database.on_close(self._reader.close)

    async def rows(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """See :meth:`FastAccess.rows`."""
        found = self._reader.rows(statement, parameters)
        if found is not None:
            return found
        if self._impatient.on:
            raise TooSlow
        slow = await self._database.session.rows(statement, parameters)
        return [tuple(row.values()) for row in slow]

    def impatient(self) -> AbstractContextManager[None]:
        """See :meth:`FastAccess.impatient`."""
        return self._impatient

    async def total(self, statement: str, parameters: tuple[Any, ...]) -> int:
        """See :meth:`FastAccess.total`."""
        stamp = self._reader.stamp()
        known = self._totals.recall((statement, parameters), stamp)
        if known is not None:
            return known
        found = await self.rows(statement, parameters)
        return self._totals.keep((statement, parameters), stamp, int(found[0][0]))


class PostgresAccess:
    """Reads through the pool beneath the ORM, by prepared statements."""

    immediate = False

    def impatient(self) -> AbstractContextManager[None]:
        """See :meth:`FastAccess.impatient`: every read waits for the server."""
        return nullcontext()

    def __init__(self, database: Database) -> None:
        self._database = database
        self._totals = Totals()

    async def rows(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """See :meth:`FastAccess.rows`."""
        pool = await self._database.pool()
        async with pool.acquire() as connection:
            return cast(
                Sequence[Sequence[Any]], await connection.fetch(numbered(statement), *parameters)
            )

    async def total(self, statement: str, parameters: tuple[Any, ...]) -> int:
        """See :meth:`FastAccess.total`."""
        pool = await self._database.pool()
        key = (statement, parameters)
        async with pool.acquire() as connection:
            stamp = await connection.fetchval(f"SELECT {STAMP}")
            known = self._totals.recall(key, stamp)
            if known is not None:
                return known
            stamped = statement.replace("COUNT(*)", f"COUNT(*), {STAMP}", 1)
            row = await connection.fetchrow(numbered(stamped), *parameters)
        return self._totals.keep(key, row[1], int(row[0]))


def open_access(database: Database) -> FastAccess:
    """Return the access to a database, made once for each."""
    return cast(FastAccess, database.beside("fast access", _open))


def _open(database: Database) -> FastAccess:
    return SqliteAccess(database) if database.dialect == "sqlite" else PostgresAccess(database)
