"""The outbox: mails to send, kept until they are sent or given up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from scim.identifiers import new_id
from storage.database import Database, Row, now_us

MOST_ATTEMPTS = 16
"""After so many failed attempts, which take two days, a mail is given up."""

FIRST_WAIT_US = 60_000_000
LONGEST_WAIT_US = 6 * 3_600_000_000
"""A mail waits a minute after its first failure, then twice as long each time, at most 6 hours."""

HANDED_OUT_US = 300_000_000
"""For so long a mail that was handed out is not handed out again."""

KEPT_US = 180 * 24 * 3_600 * 1_000_000
"""How long what became of a mail is known: half a year; one that tells of a run stays."""

COLUMNS = (
    "id, workspace_id, kind, recipient, subject, run_id, bulk, status, attempts, "
    "next_attempt_at, created_at, sent_at, error"
)

_INSERT = (
    "INSERT INTO mail_outbox (id, workspace_id, kind, recipient, subject, message, run_id, bulk, "
    "status, attempts, next_attempt_at, created_at, sent_at, error) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, NULL, ?) ON CONFLICT (id) DO NOTHING"
)


class MailStatus(StrEnum):
    """What became of a mail."""

    queued = "queued"
    sent = "sent"
    failed = "failed"
    """Given up: refused for good, or after too many attempts. A person can have it tried again."""
    dropped = "dropped"
    """Nobody needs it: it would repeat another, or its link was void before it was sent."""


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail to put into the outbox.

    Attributes:
        kind: what it is, such as ``sync_report`` or ``enrollment``.
        recipient: one address.
        subject: what lists show.
        message: the whole message in RFC 5322 form, or what it is written from when it is sent.
        run_id: the sync run that it tells of.
        bulk: it is one of many; mails that are not go first.
        status: ``queued`` to have it sent; else it is only noted down.
        error: why it is not sent.
        id: of the mail; one that is there already is not added again.
    """

    kind: str
    recipient: str
    subject: str
    message: str = field(repr=False)
    run_id: str | None = None
    bulk: bool = False
    status: MailStatus = MailStatus.queued
    error: str = ""
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class MailRecord:
    """One mail. Moments are microseconds since the epoch.

    Attributes:
        workspace: row id of its workspace.
        error: why the last attempt failed, or why it was dropped, or "".
    """

    id: str
    workspace: int
    kind: str
    recipient: str
    subject: str
    run_id: str | None
    bulk: bool
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

    # -- putting in ----------------------------------------------------------

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
        mail = NewMail(kind, recipient, subject, message, run_id)
        await self.enqueue_all(workspace, [mail])
        return mail.id

    async def enqueue_all(self, workspace: int, mails: Sequence[NewMail]) -> None:
        """Add mails to send at once; takes part in an open transaction."""
        now = now_us()
        async with self._database.transaction() as session:
            await session.many(_INSERT, [_values(workspace, mail, now) for mail in mails])

    # -- sending -------------------------------------------------------------

    async def due(self, limit: int, now: int) -> list[MailRecord]:
        """Hand out mails to send now, those that wait longest first; those of many come last.

        They are not handed out again for five minutes, so that several workers do not send one
        mail twice; a worker that dies leaves them to the next.
        """
        skip = " FOR UPDATE SKIP LOCKED" if self._database.dialect == "postgres" else ""
        async with self._database.transaction() as session:
            rows = await session.rows(
                "UPDATE mail_outbox SET next_attempt_at = ? WHERE id IN ("
                "SELECT id FROM mail_outbox WHERE status = 'queued' AND next_attempt_at <= ? "
                f"ORDER BY bulk, next_attempt_at, id LIMIT ?{skip}) "
                f"RETURNING {COLUMNS}",
                (now + HANDED_OUT_US, now, limit),
            )
        return sorted((_record(row) for row in rows), key=lambda mail: (mail.bulk, mail.id))

    async def message(self, mail_id: str) -> str:
        """Return what a mail that is not sent yet says; "" when it is sent."""
        value = await self._database.session.value(
            "SELECT message FROM mail_outbox WHERE id = ?", (mail_id,)
        )
        return str(value or "")

    async def mark_sent(self, mail_id: str, now: int) -> None:
        """Note that a mail was sent; what it said is forgotten."""
        async with self._database.transaction() as session:
            await session.execute(
                "UPDATE mail_outbox SET status = 'sent', sent_at = ?, attempts = attempts + 1, "
                "error = '', message = '' WHERE id = ?",
                (now, mail_id),
            )

    async def mark_failed(
        self, mail_id: str, error: str, now: int, *, for_good: bool = False
    ) -> MailStatus:
        """Note that an attempt failed; it is tried again later, up to :data:`MOST_ATTEMPTS`.

        Args:
            mail_id: which mail.
            error: why.
            now: microseconds since the epoch.
            for_good: trying again would change nothing.

        Returns:
            ``queued`` when it will be tried again, ``failed`` when it is given up.

        Raises:
            LookupError: there is no such mail in the queue.
        """
        async with self._database.transaction() as session:
            row = await session.row(
                "UPDATE mail_outbox SET attempts = attempts + 1, error = ? "
                "WHERE id = ? AND status = 'queued' RETURNING attempts",
                (_text(error), mail_id),
            )
            if row is None:
                raise LookupError(f"There is no mail {mail_id} in the queue.")
            given_up = for_good or row["attempts"] >= MOST_ATTEMPTS
            status = MailStatus.failed if given_up else MailStatus.queued
            await session.execute(
                "UPDATE mail_outbox SET status = ?, next_attempt_at = ? WHERE id = ?",
                (status.value, now + wait_after(row["attempts"]), mail_id),
            )
        return status

    async def postpone(self, mail_ids: Sequence[str], until: int, reason: str = "") -> None:
        """Hand mails out again from a moment on: nobody tried to send them."""
        async with self._database.transaction() as session:
            await session.many(
                "UPDATE mail_outbox SET next_attempt_at = ?, error = ? "
                "WHERE id = ? AND status = 'queued'",
                [(until, _text(reason), each) for each in mail_ids],
            )

    async def drop(self, mail_id: str, reason: str) -> None:
        """Note that nobody needs a mail any more."""
        async with self._database.transaction() as session:
            await session.execute(
                "UPDATE mail_outbox SET status = 'dropped', error = ? "
                "WHERE id = ? AND status = 'queued'",
                (_text(reason), mail_id),
            )

    async def retry(self, workspace: int, mail_id: str) -> bool:
        """Try a mail that was given up again, now; tells whether there is such a mail."""
        async with self._database.transaction() as session:
            row = await session.row(
                "UPDATE mail_outbox SET status = 'queued', attempts = 0, next_attempt_at = ? "
                "WHERE workspace_id = ? AND id = ? AND status = 'failed' RETURNING id",
                (now_us(), workspace, mail_id),
            )
        return row is not None

    # -- looking -------------------------------------------------------------

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

    async def list(
        self,
        workspace: int,
        limit: int = 50,
        before: str | None = None,
        status: MailStatus | None = None,
    ) -> list[MailRecord]:
        """Return the mails of a workspace, newest first, without what they say.

        Args:
            workspace: row id of the workspace.
            limit: how many.
            before: the id to go on after.
            status: only those of it; ``failed`` are the dead letters.
        """
        conditions, parameters = ["workspace_id = ?"], list[Any]([workspace])
        if before:
            conditions.append("id < ?")
            parameters.append(before)
        if status is not None:
            conditions.append(f"status = '{status.value}'")
        rows = await self._database.session.rows(
            f"SELECT {COLUMNS} FROM mail_outbox WHERE {' AND '.join(conditions)} "
            "ORDER BY id DESC LIMIT ?",
            (*parameters, limit),
        )
        return [_record(row) for row in rows]

    async def of_run(self, run_id: str) -> Sequence[MailRecord]:
        """Return the mails that tell of a run, the oldest first."""
        rows = await self._database.session.rows(
            f"SELECT {COLUMNS} FROM mail_outbox WHERE run_id = ? ORDER BY id", (run_id,)
        )
        return [_record(row) for row in rows]

    async def count_failed(self, workspace: int) -> int:
        """Return how many mails of a workspace were given up."""
        value = await self._database.session.value(
            "SELECT COUNT(*) FROM mail_outbox WHERE workspace_id = ? AND status = 'failed'",
            (workspace,),
        )
        return int(value)

    async def prune(self, now: int) -> int:
        """Forget old mails that tell of no run; returns how many."""
        async with self._database.transaction() as session:
            gone = await session.rows(
                "DELETE FROM mail_outbox WHERE id IN (SELECT id FROM mail_outbox WHERE id < ? "
                "AND COALESCE(run_id, '') = '' AND status <> 'queued' ORDER BY id LIMIT 1000) "
                "RETURNING id",
                (_id_at(now - KEPT_US),),
            )
        return len(gone)


def wait_after(attempts: int) -> int:
    """Return how many microseconds a mail waits after so many failed attempts."""
    return int(min(FIRST_WAIT_US * 2 ** (attempts - 1), LONGEST_WAIT_US))


def _id_at(moment_us: int) -> str:
    """Return what the ids of a moment begin with: they are UUIDv7, which grow with the time."""
    digits = f"{moment_us // 1_000:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _text(text: str) -> str:
    return text.replace("\0", "")


def _values(workspace: int, mail: NewMail, now: int) -> tuple[Any, ...]:
    about = (mail.kind, mail.recipient, mail.subject, mail.message, mail.run_id, mail.bulk)
    return (mail.id, workspace, *about, mail.status.value, now, now, _text(mail.error))


def _record(row: Row) -> MailRecord:
    return MailRecord(
        id=row["id"],
        workspace=row["workspace_id"],
        kind=row["kind"],
        recipient=row["recipient"],
        subject=row["subject"],
        run_id=row["run_id"],
        bulk=bool(row["bulk"]),
        status=MailStatus(row["status"]),
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        created_at=row["created_at"],
        sent_at=row["sent_at"],
        error=row["error"],
    )
