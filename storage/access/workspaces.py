"""Workspaces: one customer each."""

from dataclasses import dataclass

from storage.database import Database, Row, now_us

DEFAULT_WORKSPACE = "default"
"""The workspace of an installation that has only one."""


@dataclass(frozen=True, slots=True)
class WorkspaceRecord:
    """One workspace. ``row_id`` is what everything inside refers to."""

    row_id: int
    name: str
    created_at: int


class Workspaces:
    """The workspaces of the installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure(self, name: str) -> WorkspaceRecord:
        """Return the workspace of this name; it is created when there is none."""
        found = await self.get(name)
        if found is not None:
            return found
        async with self._database.transaction() as session:
            await session.execute(
                "INSERT INTO workspace (name, created_at) VALUES (?, ?) "
                "ON CONFLICT (name) DO NOTHING",
                (name, now_us()),
            )
            rows = await session.rows(
                "SELECT row_id, name, created_at FROM workspace WHERE name = ?", (name,)
            )
        return _workspace(rows[0])

    async def ensure_default(self) -> WorkspaceRecord:
        """Return the workspace ``default``; it is created when there is none."""
        return await self.ensure(DEFAULT_WORKSPACE)

    async def get(self, name: str) -> WorkspaceRecord | None:
        """Return the workspace of this name, or ``None``."""
        row = await self._database.session.row(
            "SELECT row_id, name, created_at FROM workspace WHERE name = ?", (name,)
        )
        return _workspace(row) if row else None

    async def list(self) -> list[WorkspaceRecord]:
        """Return all workspaces, the oldest first."""
        rows = await self._database.session.rows(
            "SELECT row_id, name, created_at FROM workspace ORDER BY row_id"
        )
        return [_workspace(row) for row in rows]


def _workspace(row: Row) -> WorkspaceRecord:
    return WorkspaceRecord(row["row_id"], row["name"], row["created_at"])
