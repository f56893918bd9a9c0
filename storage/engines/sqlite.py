"""SQLite for Tortoise: writing transactions begin IMMEDIATE, a second connection only reads.

Tortoise sends a deferred ``BEGIN``. A deferred transaction that reads, and then writes after
somebody else wrote, fails with "database is locked" at once, whatever the busy timeout. BEGIN
IMMEDIATE takes the write lock first and waits for it.
"""

import asyncio
import sqlite3
from typing import cast

from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError


class ImmediateTransaction(SqliteTransactionWrapper):
    """A transaction that takes the write lock when it begins."""

    def _in_transaction(self) -> TransactionContext:
        return cast(TransactionContext, NestedTransactionContext(ImmediateTransaction(self)))

    async def begin(self) -> None:
        """Begin, waiting for the write lock up to the busy timeout of the connection.

        Raises:
            OperationalError: another process held the lock all that time.
        """
        try:
            await self._connection.commit()
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error


class SafeTransactionContext(SqliteTransactionContext):
    """Lets go of the lock when a transaction cannot begin.

    Tortoise takes the connection's lock, then begins. A task that is cancelled in between, or a
    BEGIN that gives up after the busy timeout, would keep the lock for ever, and every later
    write of the process would wait for it.
    """

    async def __aenter__(self) -> TransactionalDBClient:
        """Take the lock and begin, or do neither."""
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            self.token = get_connections().set(self.connection_name, self.connection)
            await self._begin()
        except BaseException:
            self._trxlock.release()
            raise
        return cast(TransactionalDBClient, self.connection)

    async def _begin(self) -> None:
        """Begin; if that fails or is cancelled, leave no transaction and no token behind."""
        beginning = asyncio.ensure_future(self.connection.begin())
        try:
            await asyncio.shield(beginning)
        except BaseException:
            await asyncio.wait([beginning])
            if not beginning.cancelled() and beginning.exception() is None:
                await self.connection.rollback()
            get_connections().reset(self.token)
            raise


class GatewaySqliteClient(SqliteClient):
    """The client of both connections: the writer, and with ``query_only`` the reader."""

    def _in_transaction(self) -> TransactionContext:
        return cast(
            TransactionContext, SafeTransactionContext(ImmediateTransaction(self), self._lock)
        )


client_class = GatewaySqliteClient
