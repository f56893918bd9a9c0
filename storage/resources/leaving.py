"""What a deletion does: a tombstone, a deactivation, or letting go."""

from typing import Any

from scim.provisioning.authority import DASHBOARD, Source, check_authority
from storage.database import Row, Session
from storage.enrollment import hooks
from storage.resources import members, rows, tombstones
from storage.resources.audit import CHANGED, difference, record_at_groups
from storage.resources.documents import Codec, content_of
from storage.resources.groups import listed

Outcome = tuple[str, dict[str, Any]]


async def leave(session: Session, place: rows.Place, codec: Codec, row: Row) -> Outcome:
    """Carry out a deletion of a locked row, and return the audit's action and changes.

    Raises:
        ForbiddenException: (403) the row is a group of another source.
    """
    authority = Source.parse(row["authority"])
    if authority != place.source:
        if codec.has_members:
            check_authority(codec.name, authority, place.source)
        return await _unlink(session, place, row)
    if row["joined"]:
        return await _deactivate(session, place, codec, row)
    changes = await _everything(session, row)
    await _tell_groups(session, place, row)
    await hooks.on_user_deleted(session, place.workspace_id, row)
    await tombstones.bury(session, place, row)
    return "delete", changes


async def _everything(session: Session, row: Row) -> dict[str, Any]:
    """Return what the audit says about a resource that goes: all it had."""
    changes = difference(content_of(row["document"]), {}) | _dropped_external_id(row)
    del changes["schemas"]
    gone = await members.all_members(session, row["row_id"])
    if gone:
        changes["members"] = {"added": [], "removed": listed(gone)}
    if row["password_hash"] is not None:
        changes["password"] = CHANGED
    return changes


async def _unlink(session: Session, place: rows.Place, row: Row) -> Outcome:
    """Let go of another source's user: drop what this source contributed."""
    source = str(place.source)
    changes = _dropped_external_id(row)
    await _tell_groups(session, place, row, only_of=place.source)
    await rows.write_external_id(session, place, row["row_id"], None)
    left = await session.rows(
        "SELECT m.row_id, t.id FROM membership m JOIN resource t ON t.row_id = m.group_id "
        "WHERE m.member_id = ? AND t.authority = ?",
        (row["row_id"], source),
    )
    await session.many(
        "DELETE FROM membership WHERE row_id = ?", [(each["row_id"],) for each in left]
    )
    if left:
        changes["groups"] = {"added": [], "removed": [each["id"] for each in left]}
    if "externalId" in changes:
        await rows.change(session, row)
    return "update", changes


async def _deactivate(session: Session, place: rows.Place, codec: Codec, row: Row) -> Outcome:
    """Let go of a user that existed before this source joined it (never delete it)."""
    await _tell_groups(session, place, row)
    changes = _dropped_external_id(row)
    await rows.write_external_id(session, place, row["row_id"], None)
    left = await session.rows(
        "DELETE FROM membership WHERE member_id = ? RETURNING group_id", (row["row_id"],)
    )
    if left:
        changes["groups"] = {"added": [], "removed": len(left)}
    changes["authority"] = {"old": row["authority"], "new": str(DASHBOARD)}
    resource = codec.decode(row)
    if getattr(resource, "active", None) is not False:
        changes["active"] = {"old": getattr(resource, "active", None), "new": False}
    encoded = codec.encode(resource, blocked=True)
    enrolled = await hooks.on_user_written(session, place.workspace_id, row, encoded.content)
    changes |= hooks.changes_of(row, enrolled)
    await rows.change(session, row, encoded, authority=str(DASHBOARD), joined=False, **enrolled)
    return "update", changes


async def _tell_groups(
    session: Session, place: rows.Place, row: Row, only_of: Source | None = None
) -> None:
    member = (row["row_id"], row["id"])
    workspace_id, source = place.workspace_id, place.source
    await record_at_groups(session, workspace_id, source, member, joined=False, only_of=only_of)


def _dropped_external_id(row: Row) -> dict[str, Any]:
    if row["external_id"] is None:
        return {}
    return {"externalId": {"old": row["external_id"], "new": None}}
