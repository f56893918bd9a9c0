"""What a write of a user does to the invitation and to what was verified.

Called wherever a user is written, by SCIM, sync or dashboard, in the transaction of the write. Only
a user of whom :func:`concerned` is true pays for it. The row is locked already, which is what
orders a write and the use of a link.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from scim.ezto import enrollment_address
from scim.provisioning.keys import comparison_key
from storage.database import Row, Session, now_us
from storage.enrollment.people import enrollment_of, said
from storage.enrollment.states import Enrollment, VoidReason, after_write
from storage.resources.audit import difference

_VOID = (
    "UPDATE invitation SET voided_at = ?, void_reason = ? WHERE workspace_id = ? "
    "AND resource_id = ? AND accepted_at IS NULL AND voided_at IS NULL"
)
_REOPEN = (
    "UPDATE invitation SET voided_at = NULL, void_reason = '' WHERE workspace_id = ? "
    "AND resource_id = ? AND void_reason = ? RETURNING mail_id"
)
_MAIL_AGAIN = (
    "UPDATE mail_outbox SET status = 'queued', next_attempt_at = ?, error = '' "
    "WHERE id = ? AND status = 'dropped'"
)


def concerned(row: Mapping[str, Any]) -> bool:
    """Tell whether a write of this row has to be told: something is verified, or an invitation."""
    return row["invite_status"] is not None or row["email_verified"] is not None


async def on_user_written(
    session: Session, workspace_id: int, before: Row, content: Mapping[str, Any]
) -> dict[str, Any]:
    """Void what a write makes useless, and return the columns to write with the user.

    Args:
        session: that of the write.
        workspace_id: the workspace.
        before: the user's locked row, with document, email_verified and invite_status.
        content: the new document.

    Returns:
        ``email_verified`` and ``invite_status`` if they change, else nothing.
    """
    if not concerned(before):
        return {}
    written = await on_users_written(session, workspace_id, [(before, content)])
    return written[0]


async def on_users_written(
    session: Session, workspace_id: int, writes: Sequence[tuple[Row, Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Do the same for several users; returns the columns of each, in order."""
    columns, voids = [], []
    for before, content in writes:
        now = enrollment_of(before)
        then, reason = after_write(
            now,
            address_changed=_key(orjson.loads(before["document"])) != _key(content),
            active=content.get("active") is not False,
        )
        columns.append(_columns(then) if then != now else {})
        if reason is not None:
            voids.append((before["id"], reason))
    await void(session, workspace_id, voids)
    return columns


def changes_of(before: Row, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the audit says about the columns of :func:`on_user_written`."""
    if not columns:
        return {}
    then = Enrollment(columns["email_verified"], columns["invite_status"])
    return difference(said(enrollment_of(before)), said(then))


async def on_user_deleted(session: Session, workspace_id: int, before: Row) -> None:
    """Void the live link of a user who is about to be deleted; the tombstone keeps the rest."""
    if enrollment_of(before).live:
        await void(session, workspace_id, [(before["id"], VoidReason.deleted)])


async def on_user_restored(session: Session, workspace_id: int, row: Row) -> None:
    """Take back what the deletion of a user voided: a restored user keeps its status."""
    if not enrollment_of(row).live:
        return
    reopened = await session.rows(_REOPEN, (workspace_id, row["id"], VoidReason.deleted.value))
    now = now_us()
    await session.many(_MAIL_AGAIN, [(now, each["mail_id"]) for each in reopened])


async def void(
    session: Session,
    workspace_id: int,
    users: Sequence[tuple[str, VoidReason]],
    now: int | None = None,
) -> None:
    """Void the open invitations of users, by their ids; the users' rows are left alone."""
    now = now_us() if now is None else now
    await session.many(_VOID, [(now, reason.value, workspace_id, user) for user, reason in users])


def _columns(enrollment: Enrollment) -> dict[str, Any]:
    return {"email_verified": enrollment.verified, "invite_status": enrollment.status}


def _key(document: Mapping[str, Any]) -> str | None:
    address = enrollment_address(document)
    return None if address is None else comparison_key(address)
