"""The names of the sources of a workspace, which every user shows and which hardly ever change."""

import time
from collections.abc import Sequence
from typing import Any

import orjson

from storage.database import Database

SECONDS = 1.0
"""How long names are believed: one that another process gives is shown within this time."""

STATEMENT = (
    "SELECT 'scim_client' AS kind, c.id, c.name FROM scim_client c WHERE c.workspace_id = ? "
    "UNION ALL SELECT 'user_sync', u.id, u.name FROM user_sync u WHERE u.workspace_id = ?"
)


class SourceNames:
    """Remembers the names for a moment; made once for each database, by :func:`source_names`."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, str]] = {}

    def recall(self, workspace_id: int) -> str | None:
        """Return the JSON of ``[kind, id, name]`` of each source, if it is fresh enough."""
        found = self._known.get(workspace_id)
        return found[1] if found is not None and time.monotonic() < found[0] else None

    def keep(self, workspace_id: int, rows: Sequence[Sequence[Any]]) -> str:
        """Remember the rows of :data:`STATEMENT`, and return them as JSON."""
        text = orjson.dumps(sorted([*row] for row in rows)).decode()
        earlier = self._known.get(workspace_id)
        if earlier is not None and earlier[1] == text:
            text = earlier[1]  # the same object again, so that what is remembered by it is found
        self._known[workspace_id] = (time.monotonic() + SECONDS, text)
        return text

    def forget(self) -> None:
        """Ask again: a source was made, renamed or deleted in this process."""
        self._known.clear()


def source_names(database: Database) -> SourceNames:
    """Return the names that are remembered beside a database."""
    names: SourceNames = database.beside("source names", lambda _: SourceNames())
    return names
