"""Runs that were asked for, until a worker has done them; and when schedules are due.

A request is *queued*, *taken* by a worker, which says every few seconds that it is still there,
and in the end *done*, *failed* (it was refused; the message says why) or *merged* (the same was
queued meanwhile). The same is queued only once for a user sync, whoever asks.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from tortoise.exceptions import IntegrityError

from scim.identifiers import new_id
from storage.database import Database, Row, now_us
from storage.sync.room import Clock
from storage.sync.values import from_json, to_json, to_text

COLUMNS: Final = (
    "id, sync_id, options, trigger, actor, status, requested_at, not_before, taken_by, taken_at, "
    "run_id, message"
)

SCHEDULE: Final = "schedule"
"""The trigger of what a schedule asks for; a person who asks for the same takes its place."""

LOST_US: Final = 60_000_000
"""A worker that was silent for so long is taken for dead."""

KEPT_US: Final = 30 * 86_400 * 1_000_000
"""How long requests that are over can still be looked up."""

AUTOMATIC: Final = "('ready', 'quarantined')"
"""States in which a user sync runs by itself; in others a person has to act first."""


class RequestStatus(StrEnum):
    """Where a request stands."""

    queued = "queued"
    taken = "taken"
    done = "done"
    failed = "failed"
    """It was refused, or could not be done; the message says why."""
    merged = "merged"
    """It waited, and the same was queued meanwhile: that one counts."""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A run that somebody, or the schedule, asked for. Moments are microseconds since the epoch.

    Attributes:
        options: the call, and its arguments.
        trigger: manual, schedule, api, cli or retry.
        not_before: when it may be taken at the earliest.
        taken_by: the worker's name, "" for none.
        taken_at: when it was last heard of.
        run_id: the run that it became.
        message: why it failed, or what else there is to say.
    """

    id: str
    sync_id: str
    options: Mapping[str, Any]
    trigger: str
    actor: str
    status: RequestStatus
    requested_at: int
    not_before: int
    taken_by: str
    taken_at: int | None
    run_id: str | None
    message: str


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A user sync whose schedule is to be looked at.

    Attributes:
        settings: of the user sync.
        version: of its configuration.
        due_at: when it was to run; ``None``: that is not known yet.
        runs_since_full: how many scheduled runs there were since everything was read.
    """

    sync_id: str
    name: str
    settings: Mapping[str, Any]
    version: int
    due_at: int | None
    created_at: int
    runs_since_full: int


@dataclass(frozen=True, slots=True)
class QueueState:
    """How long the queue is.

    Attributes:
        queued: how many requests wait.
        taken: how many are worked on.
        waiting_since: since when the one waits that is longest ready, or ``None``.
    """

    queued: int
    taken: int
    waiting_since: int | None


class WorkQueue:
    """The requests and schedules of all user syncs.

    Args:
        database: the open database.
        clock: tells the time.
    """

    def __init__(self, database: Database, *, clock: Clock = now_us) -> None:
        self._database = database
        self._clock = clock

    # -- asking ------------------------------------------------------------------

    async def enqueue(
        self, sync_id: str, options: Mapping[str, Any], *, trigger: str, actor: str = ""
    ) -> RequestRecord:
        """Queue a request, or return the queued one that asks for the same.

        Args:
            sync_id: the user sync.
            options: the call, and its arguments; JSON values, nothing secret.
            trigger: manual, schedule, api, cli or retry. A person's takes the place of the
                schedule's in a request that waits already.
            actor: the person or token.
        """
        now, text = self._clock(), to_json(dict(options))
        async with self._database.transaction() as session:
            row = await session.row(
                "INSERT INTO sync_request (id, sync_id, options, digest, trigger, actor, status, "
                "requested_at, not_before, taken_by, message) "
                "VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, 0, '', '') "
                "ON CONFLICT (sync_id, digest) WHERE status = 'queued' AND digest <> '' "
                "DO UPDATE SET actor = CASE WHEN sync_request.trigger = ? THEN excluded.actor "
                "ELSE sync_request.actor END, trigger = CASE WHEN sync_request.trigger = ? "
                f"THEN excluded.trigger ELSE sync_request.trigger END RETURNING {COLUMNS}",
                (
                    new_id(),
                    sync_id,
                    text,
                    hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
                    trigger,
                    actor,
                    now,
                    SCHEDULE,
                    SCHEDULE,
                ),
            )
        assert row is not None  # noqa: S101 - both ways of the statement return a row
        return _record(row)

    async def get(self, sync_id: str, request_id: str) -> RequestRecord | None:
        """Return a request of a user sync, or ``None``."""
        row = await self._database.session.row(
            f"SELECT {COLUMNS} FROM sync_request WHERE id = ? AND sync_id = ?",
            (request_id, sync_id),
        )
        return _record(row) if row else None

    async def list(
        self, sync_id: str, limit: int = 50, before: str | None = None
    ) -> Sequence[RequestRecord]:
        """Return the requests of a user sync, newest first; ``before``: an id to go on after."""
        earlier, parameters = ("AND id < ? ", [before]) if before else ("", [])
        rows = await self._database.session.rows(
            f"SELECT {COLUMNS} FROM sync_request WHERE sync_id = ? {earlier}"
            "ORDER BY id DESC LIMIT ?",
            (sync_id, *parameters, limit),
        )
        return [_record(row) for row in rows]

    async def state(self, workspace: int) -> QueueState:
        """Return how long the queue of a workspace is."""
        row = await self._database.session.row(
            "SELECT COUNT(CASE WHEN status = 'queued' THEN 1 END) AS queued, "
            "COUNT(CASE WHEN status = 'taken' THEN 1 END) AS taken, "
            "MIN(CASE WHEN status = 'queued' AND not_before <= ? THEN requested_at END) AS since "
            "FROM sync_request WHERE status IN ('queued', 'taken') "
            "AND sync_id IN (SELECT id FROM user_sync WHERE workspace_id = ?)",
            (self._clock(), workspace),
        )
        assert row is not None  # noqa: S101 - an aggregate has one row
        return QueueState(row["queued"], row["taken"], row["since"])

    # -- working -----------------------------------------------------------------

    async def claim(self, owner: str) -> RequestRecord | None:
        """Take the request that is longest ready, or return ``None`` when none is.

        One user sync has one taken request at a time.
        """
        now = self._clock()
        locked = " FOR UPDATE SKIP LOCKED" if self._database.dialect == "postgres" else ""
        if await self._none_ready(now):
            return None
        async with self._database.transaction() as session:
            row = await session.row(
                "UPDATE sync_request SET status = 'taken', taken_by = ?, taken_at = ? "
                "WHERE id = (SELECT q.id FROM sync_request AS q WHERE q.status = 'queued' "
                "AND q.not_before <= ? AND NOT EXISTS (SELECT 1 FROM sync_request AS t "
                "WHERE t.sync_id = q.sync_id AND t.status = 'taken') "
                f"ORDER BY q.requested_at, q.id LIMIT 1{locked}) "
                f"AND status = 'queued' RETURNING {COLUMNS}",
                (owner, now, now),
            )
        return _record(row) if row else None

    async def _none_ready(self, now: int) -> bool:
        """Look without a lock, so that an idle worker never takes SQLite's one write lock."""
        found = await self._database.session.value(
            "SELECT 1 FROM sync_request WHERE status = 'queued' AND not_before <= ? LIMIT 1",
            (now,),
        )
        return found is None

    async def heartbeat(self, owner: str, ids: Collection[str]) -> None:
        """Say that a worker still works on its requests."""
        now = self._clock()
        async with self._database.transaction() as session:
            await session.many(
                "UPDATE sync_request SET taken_at = ? "
                "WHERE id = ? AND taken_by = ? AND status = 'taken'",
                [(now, one, owner) for one in ids],
            )

    async def finish(
        self,
        request: RequestRecord,
        *,
        run_id: str | None = None,
        message: str = "",
        failed: bool = False,
    ) -> None:
        """Say what became of a request; nothing happens when another worker has it meanwhile."""
        status = RequestStatus.failed if failed else RequestStatus.done
        async with self._database.transaction() as session:
            await session.execute(
                "UPDATE sync_request SET status = ?, run_id = ?, message = ?, taken_by = '' "
                "WHERE id = ? AND status = 'taken' AND taken_by = ?",
                (status.value, run_id, to_text(message), request.id, request.taken_by),
            )

    async def give_back(self, request: RequestRecord, *, seconds: float = 0) -> None:
        """Put a request back into the queue, to be taken again after some time."""
        await self._put_back([request.id], request.taken_by, round(seconds * 1_000_000))

    async def recover(self, gone: Callable[[str], bool]) -> int:
        """Queue again what dead workers had taken; returns how many requests.

        Args:
            gone: tells whether a worker of this name has certainly ended.
        """
        rows = await self._database.session.rows(
            "SELECT id, taken_by, taken_at FROM sync_request WHERE status = 'taken'"
        )
        silent = self._clock() - LOST_US
        lost = [row for row in rows if row["taken_at"] < silent or gone(row["taken_by"])]
        for row in lost:
            await self._put_back([row["id"]], row["taken_by"], 0)
        return len(lost)

    async def _put_back(self, ids: Sequence[str], owner: str, delay_us: int) -> None:
        now = self._clock()
        for one in ids:
            for status in (RequestStatus.queued, RequestStatus.merged):
                if await self._requeue(one, owner, status, now + delay_us if delay_us else 0):
                    break

    async def _requeue(self, one: str, owner: str, status: RequestStatus, not_before: int) -> bool:
        """Change the status of a taken request; False when the same is queued already."""
        merged = status is RequestStatus.merged
        message = "The same was asked for again meanwhile; that request counts." if merged else ""
        try:
            async with self._database.transaction() as session:
                await session.execute(
                    "UPDATE sync_request SET status = ?, message = ?, taken_by = '', "
                    "taken_at = NULL, not_before = ? "
                    "WHERE id = ? AND taken_by = ? AND status = 'taken'",
                    (status.value, message, not_before, one, owner),
                )
        except IntegrityError:
            return False
        return True

    async def prune(self) -> None:
        """Forget requests that have been over for :data:`KEPT_US`."""
        async with self._database.transaction() as session:
            await session.execute(
                "DELETE FROM sync_request WHERE requested_at < ? "
                "AND status NOT IN ('queued', 'taken')",
                (self._clock() - KEPT_US,),
            )

    # -- schedules and retries -----------------------------------------------------

    async def due_schedules(self) -> Sequence[DueSchedule]:
        """Return the user syncs that are due, or whose schedule may have changed.

        A paused one, and one that waits for a person, keeps what was missed until it runs again.
        """
        rows = await self._database.session.rows(
            "SELECT s.id, s.name, s.settings, s.config_version, s.next_run_at, s.created_at, "
            "(SELECT COUNT(*) FROM sync_run AS r WHERE r.sync_id = s.id AND r.preview = FALSE "
            "AND r.trigger = ? AND r.mode = 'incremental' AND r.id > COALESCE((SELECT MAX(f.id) "
            "FROM sync_run AS f WHERE f.sync_id = s.id AND f.preview = FALSE "
            "AND f.mode = 'initial'), '')) AS since "
            "FROM user_sync AS s WHERE s.scheduled_version <> s.config_version OR ("
            f"s.next_run_at <= ? AND s.paused = FALSE AND s.state IN {AUTOMATIC})",
            (SCHEDULE, self._clock()),
        )
        return [
            DueSchedule(
                sync_id=row["id"],
                name=row["name"],
                settings=from_json(row["settings"], {}),
                version=row["config_version"],
                due_at=row["next_run_at"],
                created_at=row["created_at"],
                runs_since_full=row["since"],
            )
            for row in rows
        ]

    async def set_next(self, due: DueSchedule, next_at: int | None) -> bool:
        """Save when a user sync runs next; False when another worker did so meanwhile.

        Inside of a transaction with :meth:`enqueue`, a moment that is due starts one run, however
        many workers see it, and however many moments were missed.
        """
        async with self._database.transaction() as session:
            row = await session.row(
                "UPDATE user_sync SET next_run_at = ?, scheduled_version = ? WHERE id = ? "
                "AND config_version = ? AND COALESCE(next_run_at, -1) = ? RETURNING id",
                (
                    next_at,
                    due.version,
                    due.sync_id,
                    due.version,
                    -1 if due.due_at is None else due.due_at,
                ),
            )
        return row is not None

    async def is_automatic(self, sync_id: str) -> bool:
        """Tell whether a user sync may run by itself now."""
        found = await self._database.session.value(
            f"SELECT 1 FROM user_sync WHERE id = ? AND paused = FALSE AND state IN {AUTOMATIC}",
            (sync_id,),
        )
        return found is not None

    async def due_retries(self) -> Sequence[str]:
        """Return the user syncs with failed objects that became due since their last retry."""
        rows = await self._database.session.rows(
            f"SELECT s.id FROM user_sync AS s WHERE s.paused = FALSE AND s.state IN {AUTOMATIC} "
            "AND EXISTS (SELECT 1 FROM mirror_object AS m WHERE m.sync_id = s.id "
            "AND m.failures > 0 AND m.dirty = TRUE AND m.retry_at <= ? AND m.retry_at > COALESCE("
            "(SELECT MAX(r.started_at) FROM sync_run AS r WHERE r.sync_id = s.id "
            "AND r.preview = FALSE AND r.finished_at IS NOT NULL), 0)) "
            "AND NOT EXISTS (SELECT 1 FROM sync_request AS q WHERE q.sync_id = s.id "
            "AND q.status IN ('queued', 'taken')) ORDER BY s.id",
            (self._clock(),),
        )
        return [row["id"] for row in rows]


def _record(row: Row) -> RequestRecord:
    return RequestRecord(
        id=row["id"],
        sync_id=row["sync_id"],
        options=from_json(row["options"], {}),
        trigger=row["trigger"],
        actor=row["actor"],
        status=RequestStatus(row["status"]),
        requested_at=row["requested_at"],
        not_before=row["not_before"],
        taken_by=row["taken_by"],
        taken_at=row["taken_at"],
        run_id=row["run_id"],
        message=row["message"],
    )
