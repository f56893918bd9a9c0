"""Reading the mirror, and what is dirty in it: to be planned again."""

from collections.abc import Mapping, Sequence
from typing import Any

from scim.provisioning.records import MemberRecord, MirrorRecord
from scim.provisioning.source import ObjectKind, Presence
from storage.database import Row
from storage.sync.links import LINK_COLUMNS, LINK_JOIN, link_record
from storage.sync.room import Room
from storage.sync.values import from_json

RECORDS = (
    "SELECT m.source_id, m.kind, m.presence, m.attributes, m.stamp, m.row_id, m.failures, "
    "m.in_scope, m.scope_reason, "
    f"{LINK_COLUMNS} FROM mirror_object AS m"
)


class Mirror(Room):
    """Answers what the mirror knows, and remembers what is to be planned again.

    Joins are written in the order in which SQLite shall run them (CROSS JOIN keeps it there; left
    to itself it starts from the wrong table).
    """

    async def dirty(
        self, kind: ObjectKind, after_row: int, limit: int, *, include_waiting: bool = True
    ) -> list[MirrorRecord]:
        """Return the next dirty objects in the order of ``row``.

        ``include_waiting`` also returns those whose back-off has not passed yet. Objects that
        were only referred to are never returned.
        """
        ready, parameters = "", []
        if not include_waiting:
            ready, parameters = "AND m.retry_at <= ? ", [self._clock()]
        rows = await self.database.session.rows(
            f"{RECORDS} {LINK_JOIN[self._dialect]} WHERE m.sync_id = ? AND m.kind = ? "
            f"AND m.dirty = TRUE AND m.row_id > ? AND m.presence <> 'unknown' {ready}"
            "ORDER BY m.row_id LIMIT ?",
            (self.sync_id, kind.value, after_row, *parameters, limit),
        )
        return [mirror_record(row) for row in rows]

    async def records(self, source_ids: Sequence[str]) -> dict[str, MirrorRecord]:
        """Return objects of the mirror by source id, those only referred to included."""
        condition, parameters = self._named("m.row_id", source_ids)
        rows = await self.database.session.rows(
            f"{RECORDS} {LINK_JOIN[self._dialect]} WHERE {condition}", parameters
        )
        return {row["source_id"]: mirror_record(row) for row in rows}

    async def groups_of(self, source_ids: Sequence[str]) -> set[str]:
        """Return the source ids of the groups that have one of these as a direct member."""
        condition, parameters = self._named("e.member_id", source_ids)
        rows = await self.database.session.rows(
            "SELECT DISTINCT g.source_id FROM mirror_member AS e CROSS JOIN mirror_object AS g "
            f"WHERE {condition} AND g.row_id = e.group_id",
            parameters,
        )
        return {row["source_id"] for row in rows}

    async def reports_of(self, source_ids: Sequence[str]) -> set[str]:
        """Return the source ids of the users whose manager is one of these."""
        condition, parameter = self._one_of("manager_id", source_ids)
        rows = await self.database.session.rows(
            f"SELECT source_id FROM mirror_object WHERE sync_id = ? AND {condition}",
            (self.sync_id, parameter),
        )
        return {row["source_id"] for row in rows}

    async def source_members(self, group_source_id: str) -> list[MemberRecord]:
        """Return the direct members of a source group, in the order of their mirror rows."""
        rows = await self.database.session.rows(
            f"SELECT m.source_id, m.kind, m.presence, m.in_scope, {LINK_COLUMNS} "
            "FROM mirror_object AS g CROSS JOIN mirror_member AS e CROSS JOIN mirror_object AS m "
            f"{LINK_JOIN[self._dialect]} WHERE g.sync_id = ? AND g.source_id = ? "
            "AND e.group_id = g.row_id AND m.row_id = e.member_id ORDER BY m.row_id",
            (self.sync_id, group_source_id),
        )
        return [_member(row) for row in rows]

    async def set_unique_keys(self, keys: Mapping[str, str | None]) -> None:
        """Save the folded value of the Unique field by source id."""
        async with self._writing(short=True) as session:
            await session.many(
                "UPDATE mirror_object SET unique_key = ? WHERE sync_id = ? AND source_id = ?",
                [(key, self.sync_id, source_id) for source_id, key in keys.items()],
            )

    async def sharing(self, keys: Sequence[str]) -> dict[str, list[str]]:
        """Return, by folded value, the source ids of the objects that hold it.

        Those in the source and in scope only: nobody else claims anything.
        """
        condition, parameter = self._one_of("unique_key", keys)
        rows = await self.database.session.rows(
            "SELECT unique_key, source_id FROM mirror_object "
            f"WHERE sync_id = ? AND {condition} AND presence = ? AND in_scope = TRUE "
            "ORDER BY row_id",
            (self.sync_id, parameter, Presence.present.value),
        )
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["unique_key"], []).append(row["source_id"])
        return found

    # dirty, clean, waiting

    async def mark_all_dirty(self) -> None:
        """Plan everything anew, because the configuration changed; nothing waits any more."""
        await self._write(
            "UPDATE mirror_object SET dirty = TRUE, retry_at = 0 WHERE sync_id = ? "
            "AND presence <> 'unknown' AND (dirty = FALSE OR retry_at > 0)",
            (self.sync_id,),
        )

    async def mark_dirty(self, source_ids: Sequence[str]) -> None:
        """Plan these objects again in the next run, without waiting.

        Used when what they depend on changed.
        """
        condition, parameters = self._named("row_id", source_ids)
        await self._write(
            f"UPDATE mirror_object SET dirty = TRUE, retry_at = 0 WHERE {condition}", parameters
        )

    async def settle(self, stamps: Mapping[str, str]) -> None:
        """Mark objects as clean, by source id, if their stamp is still this one."""
        async with self._writing(short=True) as session:
            await session.many(
                "UPDATE mirror_object SET dirty = FALSE, failures = 0, retry_at = 0 "
                "WHERE sync_id = ? AND source_id = ? AND stamp = ?",
                [(self.sync_id, source_id, stamp) for source_id, stamp in stamps.items()],
            )

    async def settle_run(self, run_id: str) -> int:
        """Mark as clean the objects whose operations in this run are all done, or discarded.

        An object whose stamp is no longer the planned one stays dirty. Returns how many.
        """
        async with self._writing() as session:
            return await session.execute(
                "UPDATE mirror_object SET dirty = FALSE, failures = 0, retry_at = 0 "
                "WHERE sync_id = ? AND dirty = TRUE AND (source_id, stamp) IN ("
                "SELECT source_id, MAX(stamp) FROM plan_operation WHERE run_id = ? "
                "GROUP BY source_id HAVING MIN(stamp) = MAX(stamp) "
                "AND COUNT(CASE WHEN status NOT IN ('done', 'discarded') THEN 1 END) = 0)",
                (self.sync_id, run_id),
            )

    async def fail(self, source_ids: Sequence[str], retry_at: int) -> None:
        """Count a failure; the objects stay dirty and wait until ``retry_at``."""
        condition, parameters = self._named("row_id", source_ids)
        await self._write(
            "UPDATE mirror_object SET dirty = TRUE, failures = failures + 1, retry_at = ? "
            f"WHERE {condition}",
            (retry_at, *parameters),
        )

    async def fail_many(self, retry_at: Mapping[str, int]) -> None:
        """Count a failure of each of the objects, by source id, with its own moment to retry."""
        async with self._writing(short=True) as session:
            await session.many(
                "UPDATE mirror_object SET dirty = TRUE, failures = failures + 1, retry_at = ? "
                "WHERE sync_id = ? AND source_id = ?",
                [(moment, self.sync_id, source_id) for source_id, moment in retry_at.items()],
            )

    async def _write(self, sql: str, parameters: Sequence[Any]) -> None:
        async with self._writing() as session:
            await session.execute(sql, parameters)


def mirror_record(row: Row) -> MirrorRecord:
    """Return the record of a row of :data:`RECORDS`."""
    return MirrorRecord(
        source_id=row["source_id"],
        kind=ObjectKind(row["kind"]),
        presence=Presence(row["presence"]),
        attributes=from_json(row["attributes"]),
        stamp=row["stamp"],
        row=row["row_id"],
        failures=row["failures"],
        link=link_record(row),
        in_scope=bool(row["in_scope"]),
        scope_reason=row["scope_reason"],
    )


def _member(row: Row) -> MemberRecord:
    return MemberRecord(
        source_id=row["source_id"],
        kind=ObjectKind(row["kind"]),
        presence=Presence(row["presence"]),
        link=link_record(row),
        in_scope=bool(row["in_scope"]),
    )
