"""Pages of user syncs and of plans, filtered in SQL, for the API and the dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass

from scim.provisioning.operations import Action, OperationStatus, PlannedOperation
from scim.provisioning.source import ObjectKind
from storage.database import Database
from storage.sync.plans import ROW_COLUMNS, planned_operation
from storage.sync.room import Room

ESCAPE = "\\"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a plan are asked for; what is ``None`` or empty filters nothing.

    Attributes:
        search: a part of the label, in any case, or the whole id in the source or here.
    """

    status: OperationStatus | None = None
    action: Action | None = None
    kind: ObjectKind | None = None
    search: str = ""


class Browsing(Room):
    """Looks through the plans of one user sync."""

    async def matching(
        self, run_id: str, wanted: Wanted, after_seq: int = 0, limit: int = 100
    ) -> list[PlannedOperation]:
        """Return rows of a plan in the order of seq."""
        conditions, parameters = ["run_id = ?", "seq > ?"], [run_id, after_seq]
        for column, value in (
            ("status", wanted.status),
            ("action", wanted.action),
            ("kind", wanted.kind),
        ):
            if value is not None:
                conditions.append(f"{column} = ?")
                parameters.append(value.value)
        if wanted.search:
            conditions.append(
                f"(LOWER(label) LIKE LOWER(?) ESCAPE '{ESCAPE}' OR source_id = ? "
                "OR resource_id = ?)"
            )
            parameters += [f"%{_literal(wanted.search)}%", wanted.search, wanted.search]
        rows = await self.database.session.rows(
            f"SELECT {ROW_COLUMNS} FROM plan_operation WHERE {' AND '.join(conditions)} "
            "ORDER BY seq LIMIT ?",
            (*parameters, limit),
        )
        return [planned_operation(row) for row in rows]


def _literal(text: str) -> str:
    """Return a text that LIKE takes as it is."""
    for sign in (ESCAPE, "%", "_"):
        text = text.replace(sign, ESCAPE + sign)
    return text.replace("\0", "")


async def sync_ids(database: Database, workspace: int, after: str, limit: int) -> Sequence[str]:
    """Return ids of the user syncs of a workspace, the oldest first."""
    rows = await database.session.rows(
        "SELECT id FROM user_sync WHERE workspace_id = ? AND id > ? ORDER BY id LIMIT ?",
        (workspace, after, limit),
    )
    return [row["id"] for row in rows]
