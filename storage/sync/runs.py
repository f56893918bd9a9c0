"""The runs of a user sync: start, progress, history."""

from collections.abc import Mapping
from typing import Any

from scim.identifiers import new_id
from scim.provisioning.records import Lease, RunMode, RunPhase, RunRecord, RunStatus, SourceError
from storage.database import Row, Session
from storage.sync.lease import Leases
from storage.sync.values import from_json, to_json, to_text

RUN_COLUMNS = (
    "id, sync_id, mode, trigger, actor, status, phase, preview, started_at, finished_at, "
    "counts, notes, code, message, advice, checksum, options, config_version, reviewed_run, "
    "undoes_run, cancel_by"
)


def run_record(row: Row) -> RunRecord:
    """Return the record of a row with :data:`RUN_COLUMNS`."""
    return RunRecord(
        id=row["id"],
        sync_id=row["sync_id"],
        mode=RunMode(row["mode"]),
        trigger=row["trigger"],
        actor=row["actor"],
        status=RunStatus(row["status"]),
        phase=RunPhase(row["phase"]),
        preview=bool(row["preview"]),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        counts=from_json(row["counts"], {}),
        notes=tuple(from_json(row["notes"], [])),
        code=row["code"],
        message=row["message"],
        advice=row["advice"],
        checksum=row["checksum"],
        options=from_json(row["options"], {}),
        config_version=row["config_version"],
        reviewed_run=row["reviewed_run"],
        undoes_run=row["undoes_run"],
        cancel_by=row["cancel_by"],
    )


class Runs(Leases):
    """Keeps the runs of the sync."""

    async def run(self, run_id: str) -> RunRecord | None:
        """Return one run, or ``None`` when this sync has no such run."""
        row = await self.database.session.row(
            f"SELECT {RUN_COLUMNS} FROM sync_run WHERE id = ? AND sync_id = ?",
            (run_id, self.sync_id),
        )
        return run_record(row) if row else None

    async def start_run(
        self,
        mode: RunMode,
        *,
        trigger: str,
        actor: str,
        preview: bool,
        lease: Lease,
        phase: RunPhase = RunPhase.read,
        options: Mapping[str, Any] | None = None,
        reviewed_run: str | None = None,
        undoes_run: str | None = None,
    ) -> RunRecord:
        """Add a run; it remembers the version of the configuration that it begins with.

        Raises:
            LeaseLost: the lease is no longer current.
        """
        run_id = new_id()
        async with self._fenced(lease) as session:
            await session.execute(
                f"INSERT INTO sync_run ({RUN_COLUMNS}, fence) VALUES "
                "(?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, '{}', '[]', '', '', '', '', ?, "
                "(SELECT config_version FROM user_sync WHERE id = ?), ?, ?, '', ?)",
                (
                    run_id,
                    self.sync_id,
                    mode.value,
                    trigger,
                    actor,
                    RunStatus.running.value,
                    phase.value,
                    preview,
                    self._clock(),
                    to_json(dict(options or {})),
                    self.sync_id,
                    reviewed_run,
                    undoes_run,
                    lease.fence,
                ),
            )
            return await self._run(session, run_id)

    async def unfinished_run(self, *, preview: bool = False) -> RunRecord | None:
        """Return the run that an interrupted process left behind, the newest if several.

        Args:
            preview: look for a preview instead of a run that applies.
        """
        row = await self.database.session.row(
            f"SELECT {RUN_COLUMNS} FROM sync_run WHERE sync_id = ? AND finished_at IS NULL "
            "AND status = ? AND preview = ? ORDER BY id DESC LIMIT 1",
            (self.sync_id, RunStatus.running.value, preview),
        )
        return run_record(row) if row else None

    async def update_run(
        self,
        run_id: str,
        *,
        phase: RunPhase | None = None,
        status: RunStatus | None = None,
        mode: RunMode | None = None,
        counts: Mapping[str, Any] | None = None,
        note: str | None = None,
        error: SourceError | None = None,
        checksum: str | None = None,
        finished: bool = False,
    ) -> RunRecord:
        """Change what is given and return the run.

        ``counts`` replaces what was counted before, ``note`` is appended. ``finished`` sets the
        moment the run ended.

        Raises:
            LookupError: this sync has no such run.
            LeaseLost: the lease that this store claimed is no longer current.
        """
        changes: dict[str, Any] = {
            "phase": phase,
            "status": status,
            "mode": mode,
            "counts": None if counts is None else to_json(dict(counts)),
            "checksum": checksum,
            "finished_at": self._clock() if finished else None,
        }
        if error is not None:
            changes |= {
                "code": to_text(error.code),
                "message": to_text(error.message),
                "advice": to_text(error.advice),
            }
        async with self._writing() as session:
            run = await self._run(session, run_id, lock=True)
            if note is not None:
                changes["notes"] = to_json([*run.notes, to_text(note)])
            given = {column: value for column, value in changes.items() if value is not None}
            if given:
                assignments = ", ".join(f"{column} = ?" for column in given)
                await session.execute(
                    f"UPDATE sync_run SET {assignments} WHERE id = ?", (*given.values(), run_id)
                )
            return await self._run(session, run_id)

    async def runs(self, limit: int = 50, before: str | None = None) -> list[RunRecord]:
        """Return the history, newest first; ``before`` is the id of a run to go on after."""
        earlier, parameters = ("AND id < ? ", [before]) if before else ("", [])
        rows = await self.database.session.rows(
            f"SELECT {RUN_COLUMNS} FROM sync_run WHERE sync_id = ? {earlier}"
            "ORDER BY id DESC LIMIT ?",
            (self.sync_id, *parameters, limit),
        )
        return [run_record(row) for row in rows]

    async def planned_with(self) -> str:
        """Return the fingerprint of the configuration that the mirror was last planned with."""
        found = await self.database.session.value(
            "SELECT fingerprint FROM user_sync WHERE id = ?", (self.sync_id,)
        )
        return found or ""

    async def set_planned_with(self, fingerprint: str) -> None:
        """Save that fingerprint (up to 64 characters)."""
        async with self._writing() as session:
            await session.execute(
                "UPDATE user_sync SET fingerprint = ? WHERE id = ?", (fingerprint, self.sync_id)
            )

    # what is asked of a run, or decided about it, meanwhile

    async def config_version(self) -> int:
        """Return the version of the configuration; it grows with each edit."""
        found = await self.database.session.value(
            "SELECT config_version FROM user_sync WHERE id = ?", (self.sync_id,)
        )
        return int(found or 0)

    async def is_paused(self) -> bool:
        """Tell whether a person paused the sync."""
        return bool(
            await self.database.session.value(
                "SELECT paused FROM user_sync WHERE id = ?", (self.sync_id,)
            )
        )

    async def request_cancel(self, actor: str) -> bool:
        """Ask the run that is not finished to stop; tell whether there is one."""
        async with self.database.transaction() as session:
            changed = await session.execute(
                "UPDATE sync_run SET cancel_by = ? WHERE sync_id = ? AND finished_at IS NULL "
                "AND status = ? AND cancel_by = ''",
                (actor or "somebody", self.sync_id, RunStatus.running.value),
            )
        return changed > 0

    async def cancel_requested(self, run_id: str) -> str:
        """Return who asked that the run stops, "" for nobody."""
        found = await self.database.session.value(
            "SELECT cancel_by FROM sync_run WHERE id = ?", (run_id,)
        )
        return str(found or "")

    async def applied_after(self, run: RunRecord) -> str | None:
        """Return the newest run of the sync that applied anything after a run ended, if any."""
        ended = run.finished_at or run.started_at
        found = await self.database.session.value(
            "SELECT r.id FROM sync_run AS r WHERE r.sync_id = ? AND r.id <> ? "
            "AND r.preview = FALSE AND (r.finished_at IS NULL OR r.finished_at >= ?) "
            "AND EXISTS (SELECT 1 FROM plan_operation AS p WHERE p.run_id = r.id "
            "AND p.status = 'done' AND p.applied_at >= ?) ORDER BY r.id DESC LIMIT 1",
            (self.sync_id, run.id, ended, ended),
        )
        return None if found is None else str(found)

    async def set_quarantine(self, reason: str) -> None:
        """Put the sync into quarantine, or (reason "") let it out when nothing is held any more.

        Only a sync that is ready, or in quarantine, changes: what keeps it from running matters
        more.
        """
        async with self._writing() as session:
            if reason:
                await session.execute(
                    "UPDATE user_sync SET state = 'quarantined', state_reason = ? "
                    "WHERE id = ? AND state IN ('ready', 'quarantined')",
                    (to_text(reason), self.sync_id),
                )
                return
            await session.execute(
                "UPDATE user_sync SET state = 'ready', state_reason = '' "
                "WHERE id = ? AND state = 'quarantined' AND NOT EXISTS ("
                "SELECT 1 FROM sync_run AS r JOIN plan_operation AS p ON p.run_id = r.id "
                "WHERE r.sync_id = user_sync.id AND r.preview = FALSE AND p.status = 'held')",
                (self.sync_id,),
            )

    async def _run(self, session: Session, run_id: str, *, lock: bool = False) -> RunRecord:
        tail = " FOR UPDATE" if lock and session.dialect == "postgres" else ""
        row = await session.row(
            f"SELECT {RUN_COLUMNS} FROM sync_run WHERE id = ? AND sync_id = ?{tail}",
            (run_id, self.sync_id),
        )
        if row is None:
            raise LookupError(f"Sync {self.sync_id} has no run {run_id}.")
        return run_record(row)
