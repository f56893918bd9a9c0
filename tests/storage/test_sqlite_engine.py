"""A transaction that cannot begin leaves the one writing connection usable."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from tortoise.exceptions import OperationalError

from storage.database import Database
from tests.databases import run_with


async def write(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(
            "INSERT INTO workspace (name, created_at) VALUES (?, 0) ON CONFLICT DO NOTHING", ["w"]
        )


def test_a_task_cancelled_while_it_begins_frees_the_lock(sqlite_url: str) -> None:
    async def story(database: Database) -> None:
        await write(database)
        for _ in range(20):
            task = asyncio.create_task(write(database))
            for _ in range(3):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await asyncio.wait_for(write(database), 5)

    run_with(sqlite_url, story)


def test_a_begin_that_gives_up_frees_the_lock(sqlite_url: str) -> None:
    async def story(database: Database) -> None:
        await database.session.rows("SELECT 1")
        with database.activated():
            await database._tortoise.db("default").execute_query("PRAGMA busy_timeout = 1")
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite://"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError):
            await write(database)
        other.execute("ROLLBACK")
        other.close()
        await asyncio.wait_for(write(database), 5)

    run_with(sqlite_url, story)
