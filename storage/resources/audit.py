"""The audit trail: one row for each write, in the transaction of the write."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import orjson

from scim.caller import current_actor
from scim.provisioning.authority import Source, SourceKind
from storage.database import Session, now_us

current_run: ContextVar[str | None] = ContextVar("current_run", default=None)
"""The sync run that writes, if one does. Its plan is then the change log."""

LONGEST_ACTOR = 128

CHANGED = {"old": "changed", "new": "changed"}
"""What the audit says about a write-only attribute (RFC 7643 §7: never returned in any form)."""

COLUMNS = "workspace_id, at, actor, action, resource_type, resource_id, run_id, changes"

_INSERT = f"INSERT INTO audit ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

_AT_GROUPS = (
    "INSERT INTO audit (workspace_id, at, actor, action, resource_type, resource_id, run_id, "
    "changes) SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), ?, 'members', t.type, t.id, ?, ? "
    "FROM membership m JOIN resource t ON t.row_id = m.group_id WHERE m.member_id = ?"
)


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the top-level attributes that differ, each with its old and new value."""
    return {
        name: {"old": old.get(name), "new": new.get(name)}
        for name in [*old, *(name for name in new if name not in old)]
        if old.get(name) != new.get(name)
    }


async def record(
    session: Session,
    workspace_id: int,
    source: Source,
    action: str,
    resource: tuple[str, str],
    changes: Mapping[str, Any],
) -> None:
    """Add one row.

    Args:
        session: that of the write.
        workspace_id: the workspace.
        source: who wrote; the token or administrator behind it stands beside it, if known.
        action: ``create``, ``update``, ``delete``, ``members`` or ``restore``.
        resource: name of the resource type, and id.
        changes: what changed; not kept for a sync run, whose plan says it.
    """
    await session.execute(_INSERT, entry(workspace_id, source, action, resource, changes))


async def record_all(
    session: Session,
    workspace_id: int,
    source: Source,
    action: str,
    written: Sequence[tuple[tuple[str, str], Mapping[str, Any]]],
) -> None:
    """Add a row for each of several resources: see :func:`record`, which adds one."""
    values = [entry(workspace_id, source, action, *each) for each in written]
    await session.many(_INSERT, values)


def entry(
    workspace_id: int,
    source: Source,
    action: str,
    resource: tuple[str, str],
    changes: Mapping[str, Any],
) -> tuple[Any, ...]:
    """Return the values of one row, in the order of :data:`COLUMNS`; see :func:`record`."""
    run = current_run.get()
    kept = None if run and source.kind is SourceKind.user_sync else orjson.dumps(changes).decode()
    return (workspace_id, now_us(), actor_of(source), action, *resource, run, kept)


def actor_of(source: Source) -> str:
    """Return who writes: the source, and the token or administrator where that is known."""
    acting = current_actor.get()
    return f"{source} {acting}"[:LONGEST_ACTOR] if acting else str(source)


async def record_at_groups(
    session: Session,
    workspace_id: int,
    source: Source,
    member: tuple[int, str],
    *,
    joined: bool,
    only_of: Source | None = None,
) -> None:
    """Tell each group that a resource is in that it joined, or is about to leave.

    Args:
        session: that of the write.
        workspace_id: the workspace.
        source: who writes.
        member: row id and id of the resource.
        joined: it came back with its memberships; else it leaves.
        only_of: only the groups of this authority.
    """
    run = current_run.get()
    row_id, resource_id = member
    added, removed = ([resource_id], []) if joined else ([], [resource_id])
    changes = {"members": {"added": added, "removed": removed}}
    kept = None if run and source.kind is SourceKind.user_sync else orjson.dumps(changes).decode()
    parameters = [workspace_id, now_us(), actor_of(source), run, kept, row_id]
    if only_of is None:
        await session.execute(_AT_GROUPS, parameters)
    else:
        await session.execute(f"{_AT_GROUPS} AND t.authority = ?", [*parameters, str(only_of)])
