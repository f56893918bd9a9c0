"""Links: the bonds between source objects and the SCIM resources they feed."""

from collections.abc import Sequence

from scim.provisioning.records import LinkRecord, LinkState
from scim.provisioning.source import ObjectKind
from storage.database import Dialect, Row
from storage.sync.room import Room

LINK_COLUMNS = (
    "l.source_id AS link_source, l.kind AS link_kind, l.resource_id AS link_resource, "
    "l.state AS link_state, l.joined AS link_joined, l.sync_id AS link_sync, "
    "l.enrollment AS link_enrollment, l.kept_disabled AS link_kept_disabled"
)
"""The columns of a link, under names that do not clash with those of the mirror."""

LINK_JOIN: dict[Dialect, str] = {
    "sqlite": "LEFT JOIN link AS l ON l.sync_id = m.sync_id AND l.source_id = m.source_id",
    "postgres": "LEFT JOIN LATERAL (SELECT * FROM link WHERE link.sync_id = m.sync_id "
    "AND link.source_id = m.source_id LIMIT 1) AS l ON TRUE",
}
"""Joins the link, if any, of a mirror object ``m``.

With a plain join PostgreSQL may keep a plan, made while there were few links, that reads all of
them for each object; it cannot with this one.
"""

PUT_LINK = (
    "INSERT INTO link (sync_id, source_id, kind, resource_id, state, joined, linked_at, "
    "enrollment, kept_disabled) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sync_id, source_id) DO UPDATE SET "
    "kind = excluded.kind, state = excluded.state, joined = excluded.joined, "
    "kept_disabled = excluded.kept_disabled, "
    "enrollment = CASE WHEN link.resource_id = excluded.resource_id AND excluded.enrollment = '' "
    "THEN link.enrollment ELSE excluded.enrollment END, "
    "linked_at = CASE WHEN link.resource_id = excluded.resource_id "
    "THEN link.linked_at ELSE excluded.linked_at END, resource_id = excluded.resource_id"
)


def link_record(row: Row) -> LinkRecord | None:
    """Return the record of a row with :data:`LINK_COLUMNS`, or ``None`` when there is no link."""
    if row["link_source"] is None:
        return None
    return LinkRecord(
        source_id=row["link_source"],
        kind=ObjectKind(row["link_kind"]),
        resource_id=row["link_resource"],
        state=LinkState(row["link_state"]),
        joined=bool(row["link_joined"]),
        sync_id=row["link_sync"],
        enrollment=row["link_enrollment"],
        kept_disabled=bool(row["link_kept_disabled"]),
    )


class Links(Room):
    """Keeps the links of the sync."""

    async def links_of_resources(self, resource_ids: Sequence[str]) -> dict[str, list[LinkRecord]]:
        """Return the links of *any* sync of the workspace to these resources, by resource id."""
        condition, parameter = self._one_of("l.resource_id", resource_ids)
        rows = await self.database.session.rows(
            f"SELECT {LINK_COLUMNS} FROM link AS l WHERE {condition} AND l.sync_id IN ("
            "SELECT other.id FROM user_sync AS own CROSS JOIN user_sync AS other "
            "WHERE own.id = ? AND other.workspace_id = own.workspace_id) ORDER BY l.row_id",
            (parameter, self.sync_id),
        )
        found: dict[str, list[LinkRecord]] = {}
        for row in rows:
            link = link_record(row)
            if link is not None:
                found.setdefault(link.resource_id, []).append(link)
        return found

    async def put_link(self, link: LinkRecord) -> None:
        """Add or change a link; ``linked_at`` tells since when it leads to this resource."""
        await self.put_links([link])

    async def put_links(self, links: Sequence[LinkRecord]) -> None:
        """Add or change links, as :meth:`put_link` does, all at once."""
        now = self._clock()
        async with self._writing() as session:
            await session.many(
                PUT_LINK,
                [
                    (
                        self.sync_id,
                        link.source_id,
                        link.kind.value,
                        link.resource_id,
                        link.state.value,
                        link.joined,
                        now,
                        link.enrollment,
                        link.kept_disabled,
                    )
                    for link in links
                ],
            )

    async def set_enrollment(self, source_ids: Sequence[str], enrollment: str) -> int:
        """Write how far the invitations of linked users are; returns how many changed."""
        condition, parameter = self._one_of("source_id", source_ids)
        async with self._writing() as session:
            return await session.execute(
                f"UPDATE link SET enrollment = ? WHERE sync_id = ? AND {condition} "
                "AND enrollment <> ?",
                (enrollment, self.sync_id, parameter, enrollment),
            )

    async def count_invited(self) -> int:
        """Return how many users this sync has invited, however long ago."""
        count = await self.database.session.value(
            "SELECT COUNT(*) FROM link WHERE sync_id = ? AND enrollment = 'sent'",
            (self.sync_id,),
        )
        return int(count)

    async def linked(self, kind: ObjectKind, after: str, limit: int) -> list[LinkRecord]:
        """Return the next linked objects of a kind, in the order of their source ids."""
        rows = await self.database.session.rows(
            f"SELECT {LINK_COLUMNS} FROM link AS l WHERE l.sync_id = ? AND l.kind = ? "
            "AND l.state = 'linked' AND l.source_id > ? ORDER BY l.source_id LIMIT ?",
            (self.sync_id, kind.value, after, limit),
        )
        return [link for row in rows if (link := link_record(row)) is not None]

    async def links_to(self, resource_ids: Sequence[str]) -> list[LinkRecord]:
        """Return the links of this sync that lead, or led, to these resources."""
        found = await self.links_of_resources(resource_ids)
        return [link for links in found.values() for link in links if link.sync_id == self.sync_id]

    async def count_links(self, kind: ObjectKind) -> int:
        """Return how many objects of a kind are linked (state ``linked``)."""
        count = await self.database.session.value(
            "SELECT COUNT(*) FROM link WHERE sync_id = ? AND kind = ? AND state = ?",
            (self.sync_id, kind.value, LinkState.linked.value),
        )
        return int(count)
