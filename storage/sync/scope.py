"""What the scope of a user sync asks the mirror: who is a member of the scoping groups.

Every statement works on a set of rows. Memberships are asked from the member's side, by one index
probe a member (``LIMIT 1`` keeps PostgreSQL from reading the whole table instead); the groups asked
about are a list, looked up as a set (``group_id + 0`` keeps both databases from probing the index
once for each of them).
"""

from collections.abc import Sequence
from typing import Any

from scim.provisioning.records import LinkState
from scim.provisioning.scoping import ScopeGroups, ScopeRow
from scim.provisioning.source import ObjectKind
from storage.database import Dialect, Row, Session
from storage.sync.columns import column
from storage.sync.scope_saving import ScopeSaving
from storage.sync.values import from_json, to_json

PRESENT = "presence = 'present'"

CLOSURE = (
    "WITH RECURSIVE closure (row_id) AS ({roots} "
    "UNION SELECT m.row_id FROM closure AS c CROSS JOIN mirror_member AS e "
    "CROSS JOIN mirror_object AS m WHERE e.group_id = c.row_id AND m.row_id = e.member_id "
    "AND m.kind = 'group' AND m.presence = 'present') "
)
"""Groups, and the present groups inside of them at any depth; UNION ends cycles."""

CONTAINS: dict[Dialect, str] = {
    "sqlite": "instr(m.attributes, ?) > 0",
    "postgres": "strpos(m.attributes, ?) > 0",
}
"""The condition that an attribute has a value: the canonical JSON of both stands in the text.

Inside of a string its quotation marks would be escaped. PostgreSQL's JSON types refuse an object
that has a NUL anywhere in it.
"""


class Scoping(ScopeSaving):
    """Answers what the scope needs of the mirror."""

    # the scoping groups

    async def scope_groups(self, source_ids: Sequence[str], *, nested: bool) -> ScopeGroups:
        """Return the scoping groups that are in the source, with those inside when ``nested``."""
        session = self.database.session
        condition, parameters = self._named("row_id", source_ids)
        named = f"SELECT row_id FROM mirror_object WHERE {condition} AND kind = 'group'"
        roots = await column(session, named, parameters)
        condition, parameter = self._one_of("row_id", roots)
        present = f"SELECT row_id FROM mirror_object WHERE {condition} AND {PRESENT}"
        rows = (
            await self._closure(session, present, parameter)
            if nested
            else await column(session, present, (parameter,))
        )
        unread = await self._unread(session, rows) if nested else []
        return ScopeGroups(tuple(rows), tuple(unread), await self._any_dirty([*rows, *roots]))

    async def _closure(self, session: Session, roots: str, parameter: Any) -> list[int]:
        sql = f"{CLOSURE.format(roots=roots)}SELECT row_id FROM closure"
        return [row["row_id"] for row in await session.rows(sql, (parameter,))]

    async def _unread(self, session: Session, rows: Sequence[int]) -> list[str]:
        """Return the groups inside of these that were referred to, and never read."""
        condition, parameter = self._one_of("e.group_id", rows)
        found = await session.rows(
            "SELECT DISTINCT m.source_id FROM mirror_object AS m CROSS JOIN mirror_member AS e "
            "WHERE m.sync_id = ? AND m.kind = 'group' AND m.presence = 'unknown' "
            f"AND e.member_id = m.row_id AND {condition} ORDER BY m.source_id",
            (self.sync_id, parameter),
        )
        return [row["source_id"] for row in found]

    async def _any_dirty(self, rows: Sequence[int]) -> bool:
        condition, parameter = self._one_of("row_id", rows)
        found = await self.database.session.value(
            f"SELECT 1 AS found FROM mirror_object WHERE {condition} AND dirty = TRUE LIMIT 1",
            (parameter,),
        )
        return found is not None

    async def empty_groups(self, rows: Sequence[int], attribute: str, value: str) -> list[str]:
        """Return the source ids of the groups with this attribute that have no member at all."""
        condition, parameter = self._one_of("m.row_id", rows)
        found = await self.database.session.rows(
            f"SELECT m.source_id FROM mirror_object AS m WHERE {condition} "
            f"AND {CONTAINS[self._dialect]} AND NOT EXISTS "
            "(SELECT 1 FROM mirror_member AS e WHERE e.group_id = m.row_id) ORDER BY m.source_id",
            (parameter, to_json({attribute: value})[1:-1]),
        )
        return [row["source_id"] for row in found]

    # objects

    async def scope_rows(
        self,
        kind: ObjectKind,
        after_row: int,
        limit: int,
        groups: Sequence[int],
        *,
        dirty_only: bool,
    ) -> list[ScopeRow]:
        """Return the next present objects of a kind in the order of their rows."""
        dirty = "AND m.dirty = TRUE " if dirty_only else ""
        return await self._scope_rows(
            kind,
            groups,
            f"m.sync_id = ? AND m.kind = ? {dirty}AND m.row_id > ?",
            (self.sync_id, kind.value, after_row),
            limit,
        )

    async def scope_rows_at(
        self, kind: ObjectKind, rows: Sequence[int], groups: Sequence[int]
    ) -> list[ScopeRow]:
        """Return these rows, as :meth:`scope_rows` does, as far as they are present."""
        condition, parameter = self._one_of("m.row_id", rows)
        return await self._scope_rows(kind, groups, condition, (parameter,), len(rows))

    async def _scope_rows(
        self,
        kind: ObjectKind,
        groups: Sequence[int],
        condition: str,
        parameters: Sequence[Any],
        limit: int,
    ) -> list[ScopeRow]:
        member, listed = self._is_member(kind, groups)
        rows = await self.database.session.rows(
            "SELECT m.row_id, m.source_id, m.attributes, m.in_scope, m.scope_reason, "
            f"{member} AS member, m.in_scope = TRUE AND (SELECT l.state FROM link AS l "
            "WHERE l.sync_id = m.sync_id AND l.source_id = m.source_id LIMIT 1) = ? "
            f"AS retained FROM mirror_object AS m WHERE {condition} AND m.{PRESENT} "
            "ORDER BY m.row_id LIMIT ?",
            (listed, LinkState.linked.value, *parameters, limit),
        )
        return [_scope_row(kind, row) for row in rows]

    async def scope_moved(
        self, kind: ObjectKind, groups: Sequence[int], without: str, *, but: Sequence[str] = ()
    ) -> list[int]:
        """Return the rows whose membership no longer agrees with what the mirror says of them."""
        member, listed = self._is_member(kind, groups)
        spared, reasons = self._one_of("m.scope_reason", but)
        return await column(
            self.database.session,
            "SELECT m.row_id FROM mirror_object AS m WHERE m.sync_id = ? AND m.kind = ? "
            f"AND m.{PRESENT} AND (m.in_scope = TRUE OR m.scope_reason = ?) "
            f"AND m.in_scope <> {member} AND NOT ({spared})",
            (self.sync_id, kind.value, without, listed, reasons),
        )

    def _is_member(self, kind: ObjectKind, groups: Sequence[int]) -> tuple[str, Any]:
        """Return the condition that an object ``m`` is in one of the groups; its one parameter.

        A user is when it is a direct member, a group when it is one of them.
        """
        if kind is ObjectKind.group:
            condition, parameter = self._one_of("m.row_id + 0", groups)
            return f"({condition})", parameter
        condition, parameter = self._one_of("e.group_id + 0", groups)
        return (
            "COALESCE((SELECT TRUE FROM mirror_member AS e "
            f"WHERE e.member_id = m.row_id AND {condition} LIMIT 1), FALSE)",
            parameter,
        )


def _scope_row(kind: ObjectKind, row: Row) -> ScopeRow:
    return ScopeRow(
        row=row["row_id"],
        source_id=row["source_id"],
        kind=kind,
        attributes=from_json(row["attributes"]),
        in_scope=bool(row["in_scope"]),
        reason=row["scope_reason"],
        member=bool(row["member"]),
        retained=bool(row["retained"]),
    )
