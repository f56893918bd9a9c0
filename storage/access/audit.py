"""The audit: who changed what, when; read, and written for what is no user or group."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from storage.database import Database, Row, Session, now_us

LONGEST_ACTOR = 128


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One write.

    Attributes:
        row: its place in the audit; pages go on before it.
        at: when, in microseconds since the epoch.
        actor: who: a source, or an administrator's name.
        action: what was done.
        resource_type: User or Group.
        resource_id: to which resource.
        run_id: the sync run it was part of, whose plan then holds the changes.
        changes: old and new value by attribute, or ``None``.
    """

    row: int
    at: int
    actor: str
    action: str
    resource_type: str
    resource_id: str
    run_id: str | None
    changes: Mapping[str, Any] | None


class AuditLog:
    """The audit of all workspaces, to read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries_of(
        self, workspace: int, resource_id: str, limit: int = 100, before: int | None = None
    ) -> list[AuditRecord]:
        """Return the writes to one resource, newest first; ``before`` is the row to go on after."""
        earlier, parameters = ("AND row_id < ? ", [before]) if before is not None else ("", [])
        rows = await self._database.session.rows(
            "SELECT row_id, at, actor, action, resource_type, resource_id, run_id, changes "
            f"FROM audit WHERE workspace_id = ? AND resource_id = ? {earlier}"
            "ORDER BY row_id DESC LIMIT ?",
            (workspace, resource_id, *parameters, limit),
        )
        return [_record(row) for row in rows]


async def record_change(
    session: Session,
    workspace: int,
    actor: str,
    action: str,
    resource: tuple[str, str],
    changes: Mapping[str, Any],
) -> None:
    """Add an entry, in the transaction of the change.

    Args:
        session: that of the change.
        workspace: row id of the workspace.
        actor: who: an administrator's or token's name, "" for the command line.
        action: what was done.
        resource: what kind of thing, and its id.
        changes: old and new value by field; nothing secret.
    """
    await session.execute(
        "INSERT INTO audit (workspace_id, at, actor, action, resource_type, resource_id, run_id, "
        "changes) VALUES (?, ?, ?, ?, ?, ?, NULL, ?)",
        (
            workspace,
            now_us(),
            actor[:LONGEST_ACTOR],
            action,
            *resource,
            orjson.dumps(dict(changes)).decode(),
        ),
    )


def _record(row: Row) -> AuditRecord:
    return AuditRecord(
        row=row["row_id"],
        at=row["at"],
        actor=row["actor"],
        action=row["action"],
        resource_type=row["resource_type"],
        resource_id=row["resource_id"],
        run_id=row["run_id"],
        changes=orjson.loads(row["changes"]) if row["changes"] else None,
    )
