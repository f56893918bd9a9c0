"""Look-ups by id, userName and e-mail address, for matching and planning."""

from collections.abc import Sequence
from typing import Any

import orjson

from scim.ezto import enrollment_address
from scim.provisioning.authority import Source
from scim.provisioning.keys import comparison_key
from scim.provisioning.records import Authority, Candidate, EnrollmentState, UniqueField
from storage.database import Session
from storage.resources.members import id_chunks, marks

_BY_USER_NAME = (
    "SELECT r.id, r.authority, r.document, r.user_name_key AS key FROM resource r "
    "WHERE r.workspace_id = ? AND r.user_name_key IN ({}) ORDER BY r.id"
)
_BY_EMAIL = (
    "SELECT DISTINCT r.id, r.authority, r.document, e.value_key AS key FROM resource_email e "
    "JOIN resource r ON r.row_id = e.resource_id "
    "WHERE e.workspace_id = ? AND e.value_key IN ({}) AND (e.type_key = 'work' OR e.is_primary) "
    "ORDER BY r.id"
)


async def documents(
    session: Session, workspace_id: int, ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return stored documents by id, without members and groups."""
    found: dict[str, dict[str, Any]] = {}
    for chunk in id_chunks(ids):
        rows = await session.rows(
            f"SELECT id, document FROM resource WHERE workspace_id = ? AND id IN ({marks(chunk)})",
            (workspace_id, *chunk),
        )
        found.update((row["id"], orjson.loads(row["document"])) for row in rows)
    return found


async def authorities(
    session: Session, workspace_id: int, ids: Sequence[str]
) -> dict[str, Authority]:
    """Return who decides about resources, by id."""
    found: dict[str, Authority] = {}
    for chunk in id_chunks(ids):
        rows = await session.rows(
            "SELECT id, authority, blocked FROM resource "
            f"WHERE workspace_id = ? AND id IN ({marks(chunk)})",
            (workspace_id, *chunk),
        )
        for row in rows:
            found[row["id"]] = Authority(Source.parse(row["authority"]), bool(row["blocked"]))
    return found


async def enrollment(
    session: Session, workspace_id: int, ids: Sequence[str]
) -> dict[str, EnrollmentState]:
    """Return how far users are enrolled, by id."""
    found: dict[str, EnrollmentState] = {}
    for chunk in id_chunks(ids):
        rows = await session.rows(
            "SELECT id, email_verified, invite_status, document FROM resource "
            f"WHERE workspace_id = ? AND type = 'User' AND id IN ({marks(chunk)})",
            (workspace_id, *chunk),
        )
        found.update((row["id"], _enrollment(row)) for row in rows)
    return found


async def candidates(
    session: Session, workspace_id: int, field: UniqueField, values: Sequence[str]
) -> dict[str, list[Candidate]]:
    """Return the users that hold a value of the Unique field, by the value as given.

    Args:
        session: where to read.
        workspace_id: whose users.
        field: ``email`` means the work or primary address, ``username`` userName.
        values: compared as filters compare; each is in the answer.
    """
    keys = {value: comparison_key(value) for value in values}
    wanted = list(dict.fromkeys(keys.values()))
    statement = _BY_EMAIL if field is UniqueField.email else _BY_USER_NAME
    found: dict[str, list[Candidate]] = {}
    for chunk in id_chunks(wanted):
        rows = await session.rows(statement.format(marks(chunk)), (workspace_id, *chunk))
        for row in rows:
            found.setdefault(row["key"], []).append(_candidate(row))
    return {value: found.get(key, []) for value, key in keys.items()}


def _candidate(row: dict[str, Any]) -> Candidate:
    user_name = orjson.loads(row["document"]).get("userName") or ""
    return Candidate(row["id"], Source.parse(row["authority"]), user_name)


def _enrollment(row: dict[str, Any]) -> EnrollmentState:
    verified = row["email_verified"]
    return EnrollmentState(
        email_verified=None if verified is None else bool(verified),
        invite_status=row["invite_status"],
        address=enrollment_address(orjson.loads(row["document"])),
    )
