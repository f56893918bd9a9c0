"""The outbox: mails to send, kept until they are sent or given up."""

from dataclasses import dataclass, field
from enum import StrEnum

from scim.identifiers import new_id
from storage.database import Database, Row, now_us

MOST_ATTEMPTS = 8
"""After so many failed attempts a mail is given up."""

FIRST_WAIT_US = 60_000_000
LONGEST_WAIT_US = 6 * 3_600_000_000
"""A mail waits a minute after its first failure, then twice as long each time, at most 6 hours."""

HANDED_OUT_US = 300_000_000
"""For so long a mail that was handed out is not handed out again."""

MAIL_COLUMNS = (
    "id, workspace_id, kind, recipient, subject, message, run_id, status, attempts, "
    "next_attempt_at, created_at, sent_at, error"
)


class MailStatus(StrEnum):
    """What became of a mail."""

    queued = "queued"
    sent = "sent"
    failed = "failed"
    """Given up after too many attempts."""


@dataclass(frozen=True, slots=True)
class MailRecord:
    """One mail. Moments are microseconds since the epoch.

    Attributes:
        workspace: row id of its workspace.
        message: the whole message in RFC 5322 form.
        error: why the last attempt failed, or "".
    """

    id: str
    workspace: int
    kind: str
    recipient: str
    subject: str
    message: str = field(repr=False)
    run_id: str | None
    status: MailStatus
    attempts: int
    next_attempt_at: int
    created_at: int
    sent_at: int | None
    error: str


class Outbox:
    """The mails of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enqueue(
        self,
        workspace: int,
        kind: str,
        recipient: str,
        subject: str,
        message: str,
        run_id: str | None = None,
    ) -> str:
        """Add a mail to send at once and return its id; takes part in an open transaction."""
        mail_id, now = new_id(), now_us()
        async with self._database.transaction() as session:
            await session.execute(
                f"INSERT INTO mail_outbox ({MAIL_COLUMNS}) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', 0, ?, ?, NULL, '')",
                (mail_id, workspace, kind, recipient, subject, message, run_id, now, now),
            )
        return mail_id

    async def unreported(self, sync_id: str) -> list[str]:
        """Return the ids of the ended runs of a user sync that no mail tells of, the oldest first.

        A process that dies between the end of a run and its mail leaves one behind. Previews are
        not reported.
        """
        rows = await self._database.session.rows(
            "SELECT r.id FROM sync_run AS r WHERE r.sync_id = ? AND r.finished_at IS NOT NULL "
            "AND r.preview = FALSE AND NOT EXISTS "
            "(SELECT 1 FROM mail_outbox AS m WHERE m.run_id = r.id) ORDER BY r.id",
            (sync_id,),
        )
        return [row["id"] for row in rows]

    async def due(self, limit: int, now: int) -> list[MailRecord]:
        """Hand out mails to send now, those that wait longest first.

        They are not handed out again for five minutes, so that several workers do not send one
        mail twice; a worker that dies leaves them to the next.
        """
        skip = " FOR UPDATE SKIP LOCKED" if self._database.dialect == "postgres" else ""
        async with self._database.transaction() as session:
            rows = await session.rows(
                "UPDATE mail_outbox SET next_attempt_at = ? WHERE id IN ("
                "SELECT id FROM mail_outbox WHERE status = 'queued' AND next_attempt_at <= ? "
                f"ORDER BY next_attempt_at, id LIMIT ?{skip}) RETURNING {MAIL_COLUMNS}",
                (now + HANDED_OUT_US, now, limit),
            )
        return sorted((_record(row) for row in rows), key=lambda mail: mail.id)

    async def mark_sent(self, mail_id: str, now: int) -> None:
        """Note that a mail was sent."""
        async with self._database.transaction() as session:
            await session.execute(
                "UPDATE mail_outbox SET status = 'sent', sent_at = ?, attempts = attempts + 1, "
                "error = '' WHERE id = ?",
                (now, mail_id),
            )

    async def mark_failed(self, mail_id: str, error: str, now: int) -> MailStatus:
        """Note that an attempt failed; it is tried again later, up to :data:`MOST_ATTEMPTS`.

        Returns:
            ``queued`` when it will be tried again, ``failed`` when it is given up.

        Raises:
            LookupError: there is no such mail in the queue.
        """
        async with self._database.transaction() as session:
            row = await session.row(
                "UPDATE mail_outbox SET attempts = attempts + 1, error = ? "
                "WHERE id = ? AND status = 'queued' RETURNING attempts",
                (error.replace("\0", ""), mail_id),
            )
            if row is None:
                raise LookupError(f"There is no mail {mail_id} in the queue.")
            given_up = row["attempts"] >= MOST_ATTEMPTS
            status = MailStatus.failed if given_up else MailStatus.queued
            await session.execute(
                "UPDATE mail_outbox SET status = ?, next_attempt_at = ? WHERE id = ?",
                (status.value, now + wait_after(row["attempts"]), mail_id),
            )
        return status

    async def list(
        self, workspace: int, limit: int = 50, before: str | None = None
    ) -> list[MailRecord]:
        """Return the mails of a workspace, newest first; ``before`` is the id to go on after."""
        earlier, parameters = ("AND id < ? ", [before]) if before else ("", [])
        rows = await self._database.session.rows(
            f"SELECT {MAIL_COLUMNS} FROM mail_outbox WHERE workspace_id = ? {earlier}"
            "ORDER BY id DESC LIMIT ?",
            (workspace, *parameters, limit),
        )
        return [_record(row) for row in rows]


def wait_after(attempts: int) -> int:
    """Return how many microseconds a mail waits after so many failed attempts."""
    return int(min(FIRST_WAIT_US * 2 ** (attempts - 1), LONGEST_WAIT_US))


def _record(row: Row) -> MailRecord:
    return MailRecord(
        id=row["id"],
        workspace=row["workspace_id"],
        kind=row["kind"],
        recipient=row["recipient"],
        subject=row["subject"],
        message=row["message"],
        run_id=row["run_id"],
        status=MailStatus(row["status"]),
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        created_at=row["created_at"],
        sent_at=row["sent_at"],
        error=row["error"],
    )
