"""A copy of a sync's mirror that planning may change as it likes: what a draft is planned on.

On a connection of its own, temporary tables of the same names stand in for the mirror and for the
sync's own row: every statement of the store finds them first. So a draft is planned by the very
code that plans for real, what is stored stays as it is, byte by byte, and the copy vanishes with
the connection. The copy is in files, not in memory; only plans are written to the database.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storage.database import AsideSession, Session
from storage.sync.room import Room

SHADOWED = {
    "user_sync": "SELECT * FROM {schema}.user_sync",
    "mirror_object": "SELECT * FROM {schema}.mirror_object WHERE sync_id = ?",
    "mirror_member": "SELECT e.* FROM {schema}.mirror_object AS g "
    "CROSS JOIN {schema}.mirror_member AS e WHERE g.sync_id = ? AND e.group_id = g.row_id",
}
"""What planning writes, by table: how its rows are selected."""


class Shadowing(Room):
    """Lets a block of code plan without leaving a trace in the mirror."""

    @asynccontextmanager
    async def shadow(self) -> AsyncIterator[None]:
        """Work on a copy of the mirror inside of the block; plans are written as always."""
        async with self.database.aside() as session:
            schema = "main"
            if session.dialect == "postgres":
                schema = str(await session.value("SELECT current_schema()"))
            for table, rows in SHADOWED.items():
                await _copy(session, schema, table)
                parameters = (self.sync_id,) if "?" in rows else ()
                await session.execute(
                    f"INSERT INTO {table} {rows.format(schema=schema)}", parameters
                )
            if session.dialect == "postgres":
                await session.execute(f"ANALYZE {', '.join(SHADOWED)}")
            yield


async def _copy(session: AsideSession, schema: str, table: str) -> None:
    """Make an empty temporary table like another, with its indexes."""
    if session.dialect == "postgres":
        await session.execute(f"CREATE TEMP TABLE {table} (LIKE {schema}.{table} INCLUDING ALL)")
        return
    for statement in await _definitions(session, schema, table):
        await session.execute(statement)


async def _definitions(session: Session, schema: str, table: str) -> list[str]:
    """Return the statements that make a table of SQLite and its indexes once more, temporarily."""
    rows = await session.rows(
        f"SELECT type, sql FROM {schema}.sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL "
        "AND type IN ('table', 'index') ORDER BY type DESC",
        (table,),
    )
    return [_temporary(row["sql"]) for row in rows]


def _temporary(definition: str) -> str:
    made = re.sub(r"^CREATE TABLE ", "CREATE TEMP TABLE ", definition)
    return re.sub(r"^CREATE( UNIQUE)? INDEX ", r"CREATE\1 INDEX temp.", made)
