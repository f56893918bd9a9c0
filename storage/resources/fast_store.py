"""Writes that hand back what they stored as it is stored, not as a model."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from scim2_models import NotFoundException, Resource, ResourceType

from scim.fast.patching import Assignment
from scim.fast.ports import Shows, StoredRow
from scim.identifiers import new_id
from scim.provisioning.authority import Source, check_authority
from storage.database import Database, Row, Session
from storage.enrollment import hooks
from storage.filters.values import storable
from storage.resources import audit, fast_sql, rows
from storage.resources.changes import Update, created_changes
from storage.resources.documents import Codec, Encoded, content_of
from storage.resources.errors import translated
from storage.resources.fast import Reading
from storage.resources.fast_access import RowAccess
from storage.resources.one_statement import insert_user, update_if_unchanged
from storage.resources.passwords import hash_password
from storage.resources.store import ResourceStore


class FastStore(ResourceStore):
    """A resource store whose writes can be answered without building a model of the result."""

    async def create_stored(
        self, resource_type: ResourceType, resource: Resource[Any], shows: Shows
    ) -> StoredRow:
        """Store a new resource (RFC 7644 §3.3) and return it as it is stored."""
        codec = self.codecs[str(resource_type.name)]
        if codec.has_members:
            async with self._operating(resource) as session:
                row = await self._create(session, resource_type, resource)
                return await self.stored(resource_type, row["id"], shows)
        if self._in_one_statement:
            row = await self._insert_user(codec, resource)
        else:
            async with self._operating(resource) as session:
                row = await self._create(session, resource_type, resource)
        return await self._created(row, shows)

    @property
    def _in_one_statement(self) -> bool:
        return self.database.dialect == "postgres" and not self.database.in_transaction

    @asynccontextmanager
    async def _operating(self, resource: Resource[Any]) -> AsyncIterator[Session]:
        with translated(getattr(resource, "user_name", None)):
            async with self.database.operation() as session:
                yield session

    async def _insert_user(self, codec: Codec, resource: Resource[Any]) -> Row:
        encoded = codec.encode(resource)
        hashed = await hash_password(encoded.password) if encoded.password else None
        columns = rows.new_columns(codec, self.place, new_id(), encoded, hashed)
        entry = audit.entry(
            self.place.workspace_id,
            self.source,
            "create",
            (codec.name, columns["id"]),
            created_changes(encoded),
        )
        with translated(getattr(resource, "user_name", None)):
            await insert_user(self.database.session, self.place, columns, encoded, entry)
        kept = encoded.external_id is not None and self.place.keeps_external_ids
        external_id = encoded.external_id[0] if kept and encoded.external_id else None
        return {"external_id": external_id, **columns}

    async def _created(self, row: Row, shows: Shows) -> StoredRow:
        """Return a user that was created a moment ago: it is in no group, and linked to nothing."""
        external, source = row["external_id"], str(self.place.source)
        if shows.ezto:
            given = [] if external is None else [[source, external]]
            external = orjson.dumps(given).decode()
        authority = row["authority"] if shows.ezto else None
        columns = (row["id"], row["type"], row["version"], row["document"], authority)
        beside = (None, None, external, None, None, None)
        (stored,) = await self._reading().stored(
            [(*columns, *beside)], shows, self.place.workspace_id, source
        )
        return stored

    def _reading(self) -> Reading:
        return Reading(self.database, _OpenTransaction(self.database), self.codecs)

    async def update_stored(
        self, resource_type: ResourceType, resource: Resource[Any], expected_version: str | None
    ) -> int:
        """Replace a stored resource (RFC 7644 §3.5) and return its version."""
        async with self._writing(getattr(resource, "user_name", None)) as session:
            row = await self._update(session, resource_type, resource, expected_version)
        return int(row["version"])

    async def assign_stored(
        self, resource_type: ResourceType, resource_id: str, assignments: Sequence[Assignment]
    ) -> int:
        """Set plain attributes of a stored resource without members, and return its version."""
        codec = self.codecs[str(resource_type.name)]
        if self._in_one_statement:
            version = await self._assigned_at_once(codec, resource_id, assignments)
            if version is not None:
                return version
        with translated(None):
            async with self.database.operation() as session:
                row = await rows.lock(session, self.place, codec.name, resource_id)
                encoded = _assigned(codec, row, assignments)
                await self._write(session, codec, row, encoded)
        return int(row["version"])

    async def _assigned_at_once(
        self, codec: Codec, resource_id: str, assignments: Sequence[Assignment]
    ) -> int | None:
        """Read, and write in one statement; ``None`` where a transaction has to do it.

        That is: somebody else wrote in between, or an invitation hangs on the user.
        """
        session = self.database.session
        row = await rows.peek(session, self.place, codec.name, resource_id)
        if hooks.concerned(row):
            return None
        update = Update(
            session, self.place, row, _assigned(codec, row, assignments), has_members=False
        )
        await update.plan()
        if not update.changes:
            return int(row["version"])
        check_authority(codec.name, Source.parse(row["authority"]), self.source)
        columns = rows.next_version(row, update.encoded)
        entry = audit.entry(
            self.place.workspace_id,
            self.source,
            "update",
            (codec.name, resource_id),
            update.changes,
        )
        written = await update_if_unchanged(session, row, columns, entry)
        return int(columns["version"]) if written else None

    async def stored(
        self, resource_type: ResourceType, resource_id: str, shows: Shows
    ) -> StoredRow:
        """Return a resource as the open transaction sees it.

        Raises:
            NotFoundException: there is none.
        """
        name, source = str(resource_type.name), str(self.place.source)
        workspace_id = self.place.workspace_id
        row = None
        if storable(resource_id):
            row = await self.database.session.row(
                fast_sql.point(self.database.dialect, shows),
                (*fast_sql.parameters(shows, source), resource_id, workspace_id, name),
            )
        if row is None:
            raise NotFoundException(detail=f"{name} {resource_id!r} not found")
        found = [tuple(row.values())]
        (stored,) = await self._reading().stored(found, shows, workspace_id, source)
        return stored


def _assigned(codec: Codec, row: Row, assignments: Sequence[Assignment]) -> Encoded:
    """Return what a row becomes by assignments to plain attributes."""
    content = content_of(row["document"])
    for each in assignments:
        each.apply(content)
    if row["blocked"]:
        content["active"] = False
    return codec.encode_content(content, external_id=row["external_id"])


class _OpenTransaction(RowAccess):
    """Reads what the open transaction sees."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, statement: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """See :meth:`RowAccess.rows`."""
        found = await self._database.session.rows(statement, parameters)
        return [tuple(row.values()) for row in found]
