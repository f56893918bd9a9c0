"""Planning chosen objects once more, and comparing what comes out with what was approved."""

from collections.abc import Sequence

from scim.provisioning.records import MirrorRecord
from scim.provisioning.source import ObjectKind
from storage.database import Session
from storage.sync.links import LINK_JOIN
from storage.sync.mirror import RECORDS, mirror_record
from storage.sync.room import Room
from storage.sync.values import to_text

SAME = (
    "a.source_id = b.source_id AND a.action = b.action "
    "AND (a.action = 'remove_members' OR COALESCE(a.after, '') = COALESCE(b.after, '')) "
    "AND (a.action = 'invite' OR (a.method = b.method AND a.path = b.path "
    "AND COALESCE(a.body, '') = COALESCE(b.body, '') "
    "AND COALESCE(a.before, '') = COALESCE(b.before, '')))"
)
"""When two rows say the same.

The phase depends on what else is planned, and so does whether a group is empty after a removal. An
invitation is the same when it goes to the same address: the user may have been made meanwhile.
"""

SEEN = (
    "a.run_id = ? AND a.action <> 'none' "
    "AND a.status IN ('pending', 'held', 'discarded', 'superseded')"
)
"""Rows of a preview that a person saw; a newer plan may have superseded them since."""

PLANNED = "b.run_id = ? AND b.action <> 'none' AND b.status IN ('pending', 'held', 'discarded')"
"""Rows of the plan that was made again."""

CHANGED = "changed"
"""The code of what is not applied, because it is no longer what was approved."""

COPIED = "phase, action, kind, source_id, label, method, path, body, before, after, stamp"


class Replans(Room):
    """Selects objects to plan again, and marks what differs from an approved plan."""

    async def decided_records(
        self, run_id: str, moment: int, kind: ObjectKind, after_row: int, limit: int
    ) -> list[MirrorRecord]:
        """Return the next objects with an operation of a run that was decided at a moment."""
        return await self._chosen(
            "EXISTS (SELECT 1 FROM plan_operation AS p WHERE p.source_id = m.source_id "
            "AND p.run_id = ? AND p.decided_at = ?)",
            [run_id, moment],
            kind,
            after_row,
            limit,
        )

    async def settled_records(
        self, kind: ObjectKind, after_row: int, limit: int
    ) -> list[MirrorRecord]:
        """Return the next linked objects that nothing is to be planned for, as far as is known."""
        return await self._chosen(
            "m.dirty = FALSE AND l.state = 'linked'", [], kind, after_row, limit
        )

    async def applied_objects(
        self, run_id: str, kind: ObjectKind, after: str, limit: int
    ) -> list[str]:
        """Return the next source ids that a run applied something to, in their order."""
        rows = await self.database.session.rows(
            "SELECT DISTINCT source_id FROM plan_operation WHERE run_id = ? AND status = 'done' "
            "AND kind = ? AND source_id > ? ORDER BY source_id LIMIT ?",
            (run_id, kind.value, after, limit),
        )
        return [row["source_id"] for row in rows]

    async def soil_applied(self, run_id: str) -> int:
        """Have the objects planned again that a run applied something to; returns how many."""
        async with self._writing() as session:
            return await session.execute(
                "UPDATE mirror_object SET dirty = TRUE, failures = 0, retry_at = 0 "
                "WHERE sync_id = ? AND source_id IN (SELECT p.source_id FROM plan_operation AS p "
                "WHERE p.run_id = ? AND p.status = 'done')",
                (self.sync_id, run_id),
            )

    async def _chosen(
        self,
        condition: str,
        parameters: Sequence[object],
        kind: ObjectKind,
        after_row: int,
        limit: int,
    ) -> list[MirrorRecord]:
        rows = await self.database.session.rows(
            f"{RECORDS} {LINK_JOIN[self._dialect]} WHERE m.sync_id = ? AND m.kind = ? "
            f"AND m.row_id > ? AND m.presence <> 'unknown' AND {condition} "
            "ORDER BY m.row_id LIMIT ?",
            (self.sync_id, kind.value, after_row, *parameters, limit),
        )
        return [mirror_record(row) for row in rows]

    async def keep_reviewed(self, run_id: str, reviewed: str, message: str, gone: str) -> int:
        """Leave in a plan, made again, only what a person reviewed; returns how much differs.

        An object any of whose operations differs is left alone as a whole: its new operations
        are superseded with the code ``changed``. One that needs nothing any more is shown by the
        operations that were reviewed. What the review did not show is dropped.

        Args:
            run_id: the run that was planned again.
            reviewed: the preview.
            message: says that an object's new operations are not applied.
            gone: says that an object needs nothing any more.
        """
        async with self._writing() as session:
            await session.execute(
                "DELETE FROM plan_operation WHERE run_id = ? AND action <> 'none' "
                "AND NOT EXISTS (SELECT 1 FROM plan_operation AS a "
                f"WHERE a.source_id = plan_operation.source_id AND {SEEN})",
                (run_id, reviewed),
            )
            lost = await self._copy_lost(session, run_id, SEEN, (reviewed,), gone)
            differing = (
                f"SELECT a.source_id FROM plan_operation AS a WHERE {SEEN} AND NOT EXISTS "
                f"(SELECT 1 FROM plan_operation AS b WHERE {PLANNED} AND {SAME}) "
                f"UNION SELECT b.source_id FROM plan_operation AS b WHERE {PLANNED} "
                f"AND NOT EXISTS (SELECT 1 FROM plan_operation AS a WHERE {SEEN} AND {SAME})"
            )
            changed = await self._supersede_changed(
                session,
                message,
                f"b.source_id IN ({differing})",
                (run_id, reviewed, run_id, run_id, reviewed),
            )
        return lost + changed

    async def keep_allowed(
        self, run_id: str, holding: str, moment: int, message: str, gone: str
    ) -> int:
        """Leave in a plan, made again, only the operations that a person allowed.

        What is still held stays with the run that holds it. Returns how many operations differ
        from what was allowed.

        Args:
            run_id: the run that was planned again.
            holding: the run that held them.
            moment: when they were allowed.
            message: says that a new operation is not applied.
            gone: says that an allowed operation is not needed any more.
        """
        allowed = "a.run_id = ? AND a.decided_at = ?"
        async with self._writing() as session:
            await session.execute(
                "DELETE FROM plan_operation WHERE row_id IN (SELECT b.row_id "
                f"FROM plan_operation AS b WHERE {PLANNED} AND EXISTS (SELECT 1 "
                f"FROM plan_operation AS a WHERE a.run_id = ? AND a.status = 'held' AND {SAME}))",
                (run_id, holding),
            )
            lost = await self._copy_lost(session, run_id, allowed, (holding, moment), gone)
            changed = await self._supersede_changed(
                session,
                message,
                f"NOT EXISTS (SELECT 1 FROM plan_operation AS a WHERE {allowed} AND {SAME})",
                (run_id, holding, moment),
            )
            await session.execute(
                "UPDATE plan_operation SET decided_at = ?, decided_by = COALESCE(("
                "SELECT MAX(a.decided_by) FROM plan_operation AS a "
                f"WHERE {allowed} AND a.source_id = plan_operation.source_id), '') "
                "WHERE run_id = ? AND status = 'pending'",
                (moment, holding, moment, run_id),
            )
        return lost + changed

    async def _copy_lost(
        self,
        session: Session,
        run_id: str,
        approved: str,
        parameters: tuple[object, ...],
        message: str,
    ) -> int:
        """Show approved operations of objects that nothing is planned for any more."""
        last = await session.value(
            "SELECT MAX(seq) FROM plan_operation WHERE run_id = ?", (run_id,)
        )
        copied = await session.rows(
            f"INSERT INTO plan_operation (run_id, seq, {COPIED}, size, status, code, message, "
            "advice, resource_id) SELECT CAST(? AS varchar(36)), "
            "CAST(? AS bigint) + ROW_NUMBER() OVER (ORDER BY a.seq), "
            f"{', '.join(f'a.{name}' for name in COPIED.split(', '))}, a.size, 'superseded', "
            f"'{CHANGED}', CAST(? AS text), '', a.resource_id FROM plan_operation AS a "
            f"WHERE {approved} AND NOT EXISTS (SELECT 1 FROM plan_operation AS b "
            "WHERE b.source_id = a.source_id AND b.run_id = ?) RETURNING seq",
            (run_id, last or 0, to_text(message), *parameters, run_id),
        )
        return len(copied)

    async def _supersede_changed(
        self, session: Session, message: str, condition: str, parameters: tuple[object, ...]
    ) -> int:
        """Supersede planned operations that fulfil a condition on ``b``."""
        return await session.execute(
            f"UPDATE plan_operation SET status = 'superseded', code = '{CHANGED}', message = ?, "
            "advice = '' WHERE row_id IN (SELECT b.row_id FROM plan_operation AS b "
            f"WHERE {PLANNED} AND {condition})",
            (to_text(message), *parameters),
        )
