"""What a plan adds up to: counts for safeguards and reports, and its checksum."""

import hashlib
from collections.abc import AsyncIterator, Sequence

from scim.provisioning.operations import Action
from scim.provisioning.source import ObjectKind
from storage.database import Row
from storage.sync.plans import READ_PHASE
from storage.sync.room import Room

CHECKSUM_BATCH = 1_000
"""How many operations are read at a time for a checksum."""

SEEN_COLUMNS = (
    *("action", "kind", "source_id", "label", "method", "path", "body", "before", "after"),
    *("status", "code"),
)

RISKY_ACTIONS = frozenset(
    {Action.delete, Action.disable, Action.unlink, Action.remove_members, Action.invite}
)
RISKY = "action IN ('delete', 'disable', 'unlink', 'remove_members', 'invite')"
"""What an index of its own covers, written as the index is."""

EMPTIED = """after = '{"members":[]}'"""
"""The planner says of a removal that it leaves the group without members."""

LINKED = (
    "EXISTS (SELECT 1 FROM link WHERE link.sync_id = {of}.sync_id "
    "AND link.source_id = {of}.source_id AND link.state = 'linked')"
)


class Tallies(Room):
    """Counts the operations of the sync's runs."""

    async def count_operations(self, run_id: str) -> dict[tuple[ObjectKind, Action, str], int]:
        """Return how many rows a plan has, by kind, action and status."""
        rows = await self.database.session.rows(
            "SELECT kind, action, status, COUNT(*) AS number FROM plan_operation "
            "WHERE run_id = ? GROUP BY kind, action, status",
            (run_id,),
        )
        return {
            (ObjectKind(row["kind"]), Action(row["action"]), row["status"]): row["number"]
            for row in rows
        }

    async def count_memberships(self, run_id: str) -> dict[tuple[Action, str], int]:
        """Return how many memberships the rows of a plan add or remove, by action and status."""
        rows = await self.database.session.rows(
            "SELECT action, status, SUM(size) AS number FROM plan_operation "
            "WHERE run_id = ? AND size > 0 GROUP BY action, status",
            (run_id,),
        )
        return {(Action(row["action"]), row["status"]): int(row["number"]) for row in rows}

    async def count_objects(self, run_id: str) -> dict[tuple[ObjectKind, Action, str], int]:
        """Count objects by kind, action and status; each once, by its first operation.

        An object one of whose operations failed, or else is held, counts with that operation.
        Problems without a source id count each on its own.
        """
        rows = await self.database.session.rows(
            "SELECT kind, action, status, COUNT(*) AS number FROM ("
            "SELECT kind, action, status, ROW_NUMBER() OVER ("
            "PARTITION BY source_id, CASE WHEN source_id = '' THEN seq ELSE 0 END "
            "ORDER BY CASE status WHEN 'failed' THEN 0 WHEN 'held' THEN 1 ELSE 2 END, phase, seq) "
            "AS place "
            "FROM plan_operation WHERE run_id = ?) AS ranked "
            "WHERE place = 1 GROUP BY kind, action, status",
            (run_id,),
        )
        return {
            (ObjectKind(row["kind"]), Action(row["action"]), row["status"]): row["number"]
            for row in rows
        }

    async def applied_since(self, kind: ObjectKind, actions: Sequence[Action], since: int) -> int:
        """Return how many operations of these actions this sync applied since a moment (µs)."""
        return await self._applied("COUNT(*)", kind, actions, since)

    async def memberships_removed_since(self, since: int) -> int:
        """Return how many memberships this sync removed since a moment (µs)."""
        return await self._applied("SUM(size)", ObjectKind.group, [Action.remove_members], since)

    async def groups_emptied_since(self, since: int) -> int:
        """Return how many groups this sync left without members since a moment (µs)."""
        actions = [Action.remove_members]
        return await self._applied(
            "COUNT(DISTINCT source_id)", ObjectKind.group, actions, since, f" AND {EMPTIED}"
        )

    async def _applied(
        self,
        counted: str,
        kind: ObjectKind,
        actions: Sequence[Action],
        since: int,
        condition: str = "",
    ) -> int:
        """Count what was applied; of risky actions an index finds it."""
        chosen, parameter = self._one_of("action", [action.value for action in actions])
        risky = f" AND {RISKY}" if set(actions) <= RISKY_ACTIONS else ""
        count = await self.database.session.value(
            f"SELECT {counted} AS number FROM plan_operation WHERE run_id IN ("
            "SELECT id FROM sync_run WHERE sync_id = ? AND preview = FALSE "
            "AND (finished_at IS NULL OR finished_at >= ?)) "
            f"AND kind = ? AND applied_at >= ?{risky} AND status = 'done' AND {chosen}{condition}",
            (self.sync_id, since, kind.value, since, parameter),
        )
        return int(count or 0)

    async def emptied_groups(self, run_id: str) -> list[str]:
        """Return the groups that the pending operations of a plan leave without members."""
        rows = await self.database.session.rows(
            "SELECT DISTINCT source_id FROM plan_operation WHERE run_id = ? "
            f"AND status = 'pending' AND action = 'remove_members' AND {EMPTIED} "
            "ORDER BY source_id",
            (run_id,),
        )
        return [row["source_id"] for row in rows]

    async def count_kept_memberships(self, *, at_most: int | None = None) -> int:
        """Return how many memberships of the source are between objects that are linked now.

        Args:
            at_most: stop counting there.
        """
        limit, parameters = ("", []) if at_most is None else (" LIMIT ?", [at_most])
        count = await self.database.session.value(
            "SELECT COUNT(*) AS number FROM (SELECT 1 FROM mirror_object AS g "
            "CROSS JOIN mirror_member AS e CROSS JOIN mirror_object AS m "
            "WHERE g.sync_id = ? AND g.kind = 'group' AND g.presence = 'present' "
            "AND g.in_scope = TRUE AND e.group_id = g.row_id AND m.row_id = e.member_id "
            "AND m.presence = 'present' AND m.in_scope = TRUE "
            f"AND {LINKED.format(of='g')} AND {LINKED.format(of='m')}{limit}) AS kept",
            (self.sync_id, *parameters),
        )
        return int(count)

    async def next_retry(self) -> int | None:
        """Return when the first of the failed objects is due again (µs), ``None`` without any."""
        found = await self.database.session.value(
            "SELECT MIN(retry_at) AS at FROM mirror_object "
            "WHERE sync_id = ? AND kind IN ('user', 'group') AND dirty = TRUE AND failures > 0",
            (self.sync_id,),
        )
        return None if found is None else int(found)

    async def count_waiting(self) -> int:
        """Return how many failed objects wait until they are due again."""
        count = await self.database.session.value(
            "SELECT COUNT(*) FROM mirror_object "
            "WHERE sync_id = ? AND kind IN ('user', 'group') AND dirty = TRUE AND retry_at > ?",
            (self.sync_id, self._clock()),
        )
        return int(count)

    async def checksum(self, run_id: str) -> str:
        """Return the SHA-256 of what a person sees of a plan, as hexadecimal digits.

        It covers every operation that would be applied or is held, in the order of application:
        what it means, to what, with its before and after. Two plans with one checksum are the
        same decision.
        """
        digest = hashlib.sha256()
        async for row in self._open_rows(run_id):
            for column in SEEN_COLUMNS:
                digest.update((row[column] or "").encode())
                digest.update(b"\0")
        return digest.hexdigest()

    async def _open_rows(self, run_id: str) -> AsyncIterator[Row]:
        place = (READ_PHASE, 0)
        while rows := await self.database.session.rows(
            f"SELECT phase, seq, {', '.join(SEEN_COLUMNS)} FROM plan_operation WHERE run_id = ? "
            "AND status IN ('pending', 'held') AND (phase, seq) > (?, ?) ORDER BY phase, seq "
            f"LIMIT {CHECKSUM_BATCH}",
            (run_id, *place),
        ):
            for row in rows:
                yield row
            place = (rows[-1]["phase"], rows[-1]["seq"])
