"""Groups in groups: what is inside of a group at any depth, and what a group's members come to.

Every recursion is a UNION, so that groups which contain each other end it instead of turning.
"""

from collections.abc import Sequence
from typing import Any

from scim.provisioning.records import LinkState
from scim.provisioning.scoping import WantedMembers
from storage.database import Dialect
from storage.sync.links import LINK_JOIN
from storage.sync.room import Room
from storage.sync.values import from_json

LISTED: dict[Dialect, str] = {
    "sqlite": "json_group_array({value}) FILTER (WHERE {value} IS NOT NULL)",
    "postgres": "array_agg({value}) FILTER (WHERE {value} IS NOT NULL)",
}
"""The values of a column that are there, put together by the database."""

INSIDE = (
    "WITH RECURSIVE inside (root, row_id) AS (SELECT g.row_id, g.row_id FROM mirror_object AS g "
    "WHERE {roots} UNION SELECT i.root, m.row_id FROM inside AS i "
    "CROSS JOIN mirror_member AS e CROSS JOIN mirror_object AS m WHERE e.group_id = i.row_id "
    "AND m.row_id = e.member_id AND m.kind = 'group' AND m.presence = 'present') "
    "SELECT root, {groups} AS groups FROM inside GROUP BY root"
)
"""Each group with every present group inside of it."""

ABOVE = (
    "WITH RECURSIVE above (row_id) AS (SELECT g.row_id FROM mirror_object AS g "
    "WHERE g.sync_id = ? AND g.kind = 'group' AND g.dirty = TRUE "
    "UNION SELECT e.group_id FROM above AS a CROSS JOIN mirror_member AS e "
    "WHERE e.member_id = a.row_id) SELECT row_id FROM above"
)
"""The dirty groups and every group that one of them stands in."""


class Nesting(Room):
    """Answers what nested groups come to."""

    async def closures(self, rows: Sequence[int]) -> dict[int, list[int]]:
        """Return, by mirror row of a group, it and every present group inside of it, any depth."""
        roots, parameter = self._one_of("g.row_id", rows)
        groups = self._listed("row_id")
        found = await self.database.session.rows(
            INSIDE.format(roots=roots, groups=groups), (parameter,)
        )
        return {row["root"]: sorted(self._values(row["groups"])) for row in found}

    async def soil_ancestors(self) -> int:
        """Make every group dirty that a dirty group stands in, at any depth; returns how many."""
        async with self._writing() as session:
            return await session.execute(
                "UPDATE mirror_object SET dirty = TRUE, retry_at = 0 "
                f"WHERE row_id IN ({ABOVE}) AND presence <> 'unknown' AND dirty = FALSE",
                (self.sync_id,),
            )

    async def wanted_members(self, groups: Sequence[int], *, users_only: bool) -> WantedMembers:
        """Return what the direct members of these groups come to, each once, in order of ids."""
        kinds = "m.kind = 'user'" if users_only else "m.kind IN ('user', 'group')"
        condition, parameter = self._one_of("e.group_id", groups)
        linked = "COALESCE(l.state, '') = ?"
        row = await self.database.session.row(
            f"SELECT {self._listed('linked')} AS linked, {self._listed('users')} AS users, "
            f"{self._listed('groups')} AS groups FROM (SELECT DISTINCT m.row_id, "
            f"CASE WHEN {linked} THEN l.resource_id END AS linked, "
            f"CASE WHEN m.kind = 'user' AND NOT ({linked}) THEN m.source_id END AS users, "
            f"CASE WHEN m.kind = 'group' AND NOT ({linked}) THEN m.source_id END AS groups "
            "FROM mirror_member AS e CROSS JOIN mirror_object AS m "
            f"{LINK_JOIN[self._dialect]} WHERE {condition} AND m.row_id = e.member_id "
            f"AND m.presence = 'present' AND m.in_scope = TRUE AND {kinds}) AS members",
            (*[LinkState.linked.value] * 3, parameter),
        )
        lists = (self._values(row[name]) if row else [] for name in ("linked", "users", "groups"))
        return WantedMembers(*(tuple(sorted(values)) for values in lists))

    def _listed(self, value: str) -> str:
        return LISTED[self._dialect].format(value=value)

    def _values(self, found: Any) -> list[Any]:
        """Return the values that :data:`LISTED` put together."""
        if self._dialect == "sqlite":
            values: list[Any] = from_json(found, [])
            return values
        return list(found or ())
