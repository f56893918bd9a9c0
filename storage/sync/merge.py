"""Merging pages of the source into the mirror, and where its delta chains stand.

A page costs a handful of statements, however many objects it has: read what the mirror knows of
what the page mentions, fold the page into it (:mod:`storage.sync.fold`), write what came out.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from scim.provisioning.records import CursorRecord, Gaps, Lease
from scim.provisioning.source import MANAGER, ObjectKind, Presence, SourceChange, SourcePage
from storage.database import Dialect, Row, Session
from storage.sync.fold import Edge, Fold, Thing
from storage.sync.lease import Leases
from storage.sync.values import to_json

CURSOR_COLUMNS = "next_cursor, delta_cursor, generation, swept, gaps, properties"
THING_COLUMNS = (
    "row_id, source_id, kind, presence, attributes, manager_id, stamp, generation, dirty"
)
BARE_COLUMNS = THING_COLUMNS.replace("attributes", "'{}' AS attributes")
"""Enough of objects that a page only refers to."""

PAIRS: dict[Dialect, str] = {
    "sqlite": "SELECT json_extract(value, '$[0]') AS g, json_extract(value, '$[1]') AS m "
    "FROM json_each(?)",
    "postgres": "SELECT g, m "
    "FROM unnest(CAST(? AS bigint[]), CAST(? AS bigint[])) AS paired (g, m)",
}
"""Pairs of rows as a table; :func:`_pair_parameters` gives its parameters."""


class Merging(Leases):
    """Keeps the mirror in step with the source."""

    async def cursor(self, kind: ObjectKind) -> CursorRecord:
        """Return where the chain of one kind stands."""
        return await self._cursor(self.database.session, kind)

    async def begin_initial(self, kind: ObjectKind, properties: Sequence[str] = ()) -> CursorRecord:
        """Forget the cursor and begin a new generation of one kind: read everything again.

        Args:
            kind: users or groups.
            properties: those of the source that the new chain reads.
        """
        async with self._writing(short=True) as session:
            rows = await session.rows(
                "INSERT INTO sync_cursor (sync_id, kind, generation, swept, gaps, properties) "
                "VALUES (?, ?, 1, FALSE, 0, ?) ON CONFLICT (sync_id, kind) DO UPDATE SET "
                "generation = sync_cursor.generation + 1, next_cursor = NULL, "
                "delta_cursor = NULL, swept = FALSE, gaps = 0, properties = excluded.properties "
                f"RETURNING {CURSOR_COLUMNS}",
                (self.sync_id, kind.value, "\n".join(sorted(properties))),
            )
        return _cursor_record(rows[0])

    async def merge_page(self, kind: ObjectKind, page: SourcePage, lease: Lease) -> int:
        """Merge one page into the mirror and save its cursor with it, in one transaction.

        Returns:
            how many objects became dirty.

        Raises:
            LeaseLost: the lease is no longer current; nothing was merged.
        """
        async with self._fenced(lease) as session:
            cursor = await self._cursor(session, kind)
            fold = await self._load(session, page.changes, cursor)
            for change in page.changes:
                fold.apply(change)
            await self._save_things(session, fold)
            await self._save_edges(session, fold)
            await self._skip_unread(session, kind, cursor, page)
            await self._advance(session, kind, cursor, page)
        return fold.count_dirty()

    # the cursor

    async def _cursor(self, session: Session, kind: ObjectKind) -> CursorRecord:
        row = await session.row(
            f"SELECT {CURSOR_COLUMNS} FROM sync_cursor WHERE sync_id = ? AND kind = ?",
            (self.sync_id, kind.value),
        )
        return _cursor_record(row) if row else CursorRecord()

    async def _advance(
        self, session: Session, kind: ObjectKind, cursor: CursorRecord, page: SourcePage
    ) -> None:
        """Save where the chain goes on; a piece of a page without a cursor leaves it."""
        if page.next_cursor is None and page.delta_cursor is None:
            return
        going_on = page.delta_cursor is None
        await session.execute(
            "INSERT INTO sync_cursor (sync_id, kind, next_cursor, delta_cursor, generation, swept, "
            "gaps) VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (sync_id, kind) DO UPDATE SET "
            "next_cursor = excluded.next_cursor, delta_cursor = excluded.delta_cursor",
            (
                self.sync_id,
                kind.value,
                page.next_cursor if going_on else None,
                cursor.delta_cursor if going_on else page.delta_cursor,
                cursor.generation,
                cursor.swept,
            ),
        )

    async def _skip_unread(
        self, session: Session, kind: ObjectKind, cursor: CursorRecord, page: SourcePage
    ) -> None:
        """Remember that objects could not be read.

        The sweep must not take them for deleted, nor the groups among them for emptied.
        """
        if not page.problems:
            return
        names = [problem.source_id for problem in page.problems if problem.source_id]
        condition, parameter = self._one_of("source_id", names)
        await session.execute(
            f"UPDATE mirror_object SET generation = ? WHERE sync_id = ? AND {condition}",
            (cursor.generation, self.sync_id, parameter),
        )
        condition, parameters = self._named("group_id", names)
        await session.execute(
            f"UPDATE mirror_member SET generation = ? WHERE {condition}",
            (cursor.generation, *parameters),
        )
        gaps = Gaps.named if len(names) == len(page.problems) else Gaps.nameless
        await session.execute(
            "UPDATE sync_cursor SET gaps = ? WHERE sync_id = ? AND kind = ? AND gaps < ?",
            (gaps.value, self.sync_id, kind.value, gaps.value),
        )

    # reading what a page mentions

    async def _load(
        self, session: Session, changes: Sequence[SourceChange], cursor: CursorRecord
    ) -> Fold:
        changed = {change.source_id for change in changes}
        mentioned = await self._things(session, THING_COLUMNS, changed)
        mentioned += await self._things(session, BARE_COLUMNS, _references(changes) - changed)
        by_id = {thing.source_id: thing for thing in mentioned}
        edges = await self._paired_edges(session, changes, by_id)
        edges += await self._edges_of(session, _moving(changes, by_id))
        rows = {thing.row for thing in mentioned}
        others = {edge["group_id"] for edge in edges} - rows
        things = mentioned + await self._groups(session, others)
        names = {thing.row: thing.source_id for thing in things}
        known = {(names[e["group_id"]], names[e["member_id"]]): e["generation"] for e in edges}
        # An initial cycle begins without a delta cursor and ends by getting one.
        initial = cursor.delta_cursor is None
        return Fold(things, known, generation=cursor.generation, initial=initial)

    async def _things(
        self, session: Session, columns: str, source_ids: Collection[str]
    ) -> list[Thing]:
        if not source_ids:
            return []
        condition, parameters = self._named("row_id", source_ids)
        rows = await session.rows(
            f"SELECT {columns} FROM mirror_object WHERE {condition}", parameters
        )
        return [_thing(row) for row in rows]

    async def _groups(self, session: Session, rows: Collection[int]) -> list[Thing]:
        if not rows:
            return []
        condition, parameter = self._one_of("row_id", rows)
        found = await session.rows(
            f"SELECT {BARE_COLUMNS} FROM mirror_object WHERE {condition}", (parameter,)
        )
        return [_thing(row) for row in found]

    async def _paired_edges(
        self, session: Session, changes: Sequence[SourceChange], by_id: dict[str, Thing]
    ) -> list[Row]:
        """Return those memberships that the page mentions and the mirror knows."""
        pairs = {
            (by_id[change.source_id].row, by_id[member.source_id].row)
            for change in changes
            for member in change.members
            if change.source_id in by_id and member.source_id in by_id
        }
        if not pairs:
            return []
        return await session.rows(
            "SELECT e.group_id, e.member_id, e.generation FROM "
            f"({PAIRS[session.dialect]}) AS pair CROSS JOIN mirror_member AS e "
            "WHERE e.group_id = pair.g AND e.member_id = pair.m",
            _pair_parameters(session.dialect, pairs),
        )

    async def _edges_of(self, session: Session, members: set[int]) -> list[Row]:
        if not members:
            return []
        condition, parameter = self._one_of("member_id", members)
        return await session.rows(
            f"SELECT group_id, member_id, generation FROM mirror_member WHERE {condition}",
            (parameter,),
        )

    # writing what came out

    async def _save_things(self, session: Session, fold: Fold) -> None:
        things = fold.things.values()
        await self._insert(session, [thing for thing in things if not thing.row])
        known = [thing for thing in things if thing.row]
        await session.many(
            "UPDATE mirror_object SET kind = ?, presence = ?, attributes = ?, manager_id = ?, "
            "stamp = ? WHERE row_id = ?",
            [(*_described(thing), thing.row) for thing in known if thing.rewritten],
        )
        seen = {thing.row: thing.generation for thing in known if thing.seen}
        for generation in set(seen.values()):
            await self._update(session, "generation = ?", [generation], seen)
        soiled = [thing.row for thing in known if thing.soiled]
        await self._update(session, "dirty = TRUE, failures = 0, retry_at = 0", [], soiled)

    async def _insert(self, session: Session, things: Sequence[Thing]) -> None:
        await session.many(
            "INSERT INTO mirror_object (sync_id, source_id, kind, presence, attributes, "
            "manager_id, stamp, generation, dirty, failures, retry_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
            [
                (self.sync_id, thing.source_id, *_described(thing), thing.generation, thing.dirty)
                for thing in things
            ],
        )

    async def _update(
        self, session: Session, assignments: str, values: list[int], rows: Iterable[int]
    ) -> None:
        wanted = list(rows)
        if wanted:
            condition, parameter = self._one_of("row_id", wanted)
            await session.execute(
                f"UPDATE mirror_object SET {assignments} WHERE {condition}", (*values, parameter)
            )

    async def _save_edges(self, session: Session, fold: Fold) -> None:
        dropped = [fold.things[name].row for name in fold.dropped if fold.things[name].row]
        await self._drop_edges(session, dropped)
        added, removed = fold.added_edges(), fold.removed_edges()
        rows = await self._rows(session, fold, [*added, *removed])
        await session.many(
            "DELETE FROM mirror_member WHERE group_id = ? AND member_id = ?",
            [(rows[group], rows[member]) for group, member in removed],
        )
        pairs = [(rows[group], rows[member]) for group, member in added]
        if pairs:
            await session.execute(
                "INSERT INTO mirror_member (group_id, member_id, generation) "
                f"SELECT g, m, CAST(? AS bigint) FROM ({PAIRS[session.dialect]}) AS pair "
                "WHERE TRUE ON CONFLICT (group_id, member_id) "
                "DO UPDATE SET generation = excluded.generation",
                (fold.generation, *_pair_parameters(session.dialect, pairs)),
            )

    async def _drop_edges(self, session: Session, rows: list[int]) -> None:
        for column in ("group_id", "member_id") if rows else ():
            condition, parameter = self._one_of(column, rows)
            await session.execute(f"DELETE FROM mirror_member WHERE {condition}", (parameter,))

    async def _rows(self, session: Session, fold: Fold, edges: list[Edge]) -> dict[str, int]:
        """Return the rows of the ends of memberships; those just added are looked up."""
        ends = {end for edge in edges for end in edge}
        rows = {end: fold.things[end].row for end in ends}
        added = [end for end, row in rows.items() if not row]
        if added:
            condition, parameters = self._named("row_id", added)
            found = await session.rows(
                f"SELECT source_id, row_id FROM mirror_object WHERE {condition}", parameters
            )
            rows |= {row["source_id"]: row["row_id"] for row in found}
        return rows


def _pair_parameters(dialect: Dialect, pairs: Collection[tuple[int, int]]) -> list[Any]:
    if dialect == "sqlite":
        return [to_json(list(pairs))]
    return [list(side) for side in zip(*pairs, strict=True)]


def _cursor_record(row: Row) -> CursorRecord:
    return CursorRecord(
        row["next_cursor"],
        row["delta_cursor"],
        row["generation"],
        bool(row["swept"]),
        Gaps(row["gaps"]),
        tuple(row["properties"].split()),
    )


def _thing(row: Row) -> Thing:
    return Thing(
        source_id=row["source_id"],
        kind=ObjectKind(row["kind"]),
        presence=Presence(row["presence"]),
        text=row["attributes"],
        manager=row["manager_id"],
        stamp=row["stamp"],
        generation=row["generation"],
        dirty=bool(row["dirty"]),
        row=row["row_id"],
        was_dirty=bool(row["dirty"]),
    )


def _described(thing: Thing) -> tuple[str, str, str, str | None, str]:
    return (thing.kind.value, thing.presence.value, thing.text, thing.manager, thing.stamp)


def _references(changes: Sequence[SourceChange]) -> set[str]:
    """Return the source ids of the members and managers of a page."""
    found = {member.source_id for change in changes for member in change.members}
    managers = (change.attributes.get(MANAGER) for change in changes)
    return found | {manager for manager in managers if isinstance(manager, str) and manager}


def _moving(changes: Sequence[SourceChange], by_id: dict[str, Thing]) -> set[int]:
    """Return the rows of the objects whose presence the page may change."""
    known = ((by_id.get(change.source_id), change.presence) for change in changes)
    return {
        thing.row
        for thing, presence in known
        if thing and (presence is not thing.presence or presence is Presence.deleted)
    }
