"""The storage of users and groups, as one source sees one workspace."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from scim2_models import (
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimProvider,
    SearchRequest,
)
from scim2_server.storage import SearchPage

from scim.identifiers import new_id
from scim.provisioning.authority import Source, check_authority
from scim.provisioning.records import Authority, Candidate, EnrollmentState, UniqueField
from storage.database import Database, Row, Session
from storage.resources import lookups, members, rows, tombstones
from storage.resources.audit import record
from storage.resources.changes import Update, created_changes
from storage.resources.custody import Custody
from storage.resources.documents import Codec, Encoded
from storage.resources.errors import translated
from storage.resources.groups import MemberChange
from storage.resources.leaving import leave
from storage.resources.passwords import hash_password
from storage.resources.reading import Reader


class ResourceStore(Custody):
    """Reads and writes the resources of one workspace in the name of one source.

    Args:
        database: the open database.
        workspace_id: whose resources.
        source: who calls: the authority of what it creates, and whose externalIds show.
        provider: the schemas, resource types and string folding of the service.
    """

    supports_cursors = True

    def __init__(
        self, database: Database, workspace_id: int, source: Source, provider: ScimProvider
    ) -> None:
        self.database = database
        self.source = source
        self.provider = provider
        self.codecs = codecs_of(provider)
        endpoints = {name: codec.endpoint for name, codec in self.codecs.items()}
        self.place = rows.Place(workspace_id, source, endpoints)
        self.reader = Reader(self.place, self.codecs)

    @asynccontextmanager
    async def operation(self) -> AsyncIterator[None]:
        """Enclose one SCIM operation in a transaction, or in a savepoint of the open one."""
        async with self.database.operation():
            yield

    @asynccontextmanager
    async def _writing(self, user_name: str | None = None) -> AsyncIterator[Session]:
        with translated(user_name):
            async with self.database.transaction() as session:
                yield session

    # -- reading -------------------------------------------------------------

    async def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """Return a resource (RFC 7644 §3.4.1); inside a transaction, lock it as well."""
        session = self.database.session
        name = str(resource_type.name)
        if self.database.in_transaction:
            row = await rows.lock(session, self.place, name, resource_id)
        else:
            row = await rows.read(session, self.place, name, resource_id)
        (found,) = await self.reader.resources(session, [row], response_parameters)
        return found

    async def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,
    ) -> SearchPage:
        """Return one page of the matching resources (RFC 7644 §3.4.2)."""
        session = self.database.session
        names = list(dict.fromkeys(str(each.name) for each in resource_types))
        query = self.reader.query(session.dialect, names, search_request)
        page = await query.page(session, position)
        found = await self.reader.resources(session, page.rows, search_request)
        return SearchPage(page.total, found, page.next, page.previous)

    async def documents(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return stored documents by id, without members and groups."""
        return await lookups.documents(self.database.session, self.place.workspace_id, ids)

    async def member_ids(self, group_id: str) -> set[str]:
        """Return the ids of a group's members; of none when there is no such group."""
        session = self.database.session
        found = await members.row_ids(session, self.place.workspace_id, [group_id])
        if group_id not in found:
            return set()
        return set(await members.all_members(session, found[group_id]))

    async def find_users(
        self, field: UniqueField, values: Sequence[str]
    ) -> dict[str, list[Candidate]]:
        """Return the users that hold a value of the Unique field, by the value as given."""
        workspace_id = self.place.workspace_id
        return await lookups.candidates(self.database.session, workspace_id, field, values)

    async def authorities(self, ids: Sequence[str]) -> dict[str, Authority]:
        """Return who decides about resources, by id."""
        return await lookups.authorities(self.database.session, self.place.workspace_id, ids)

    async def enrollment(self, ids: Sequence[str]) -> dict[str, EnrollmentState]:
        """Return how far users are enrolled, by id."""
        return await lookups.enrollment(self.database.session, self.place.workspace_id, ids)

    async def restorable(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the documents of those of the ids that the caller may restore."""
        return await tombstones.standing(self.database.session, self.place, ids)

    async def count(self, resource_type_name: str) -> int:
        """Return how many resources of a type there are."""
        value = await self.database.session.value(
            "SELECT COUNT(*) FROM resource WHERE workspace_id = ? AND type = ?",
            (self.place.workspace_id, resource_type_name),
        )
        return int(value)

    # -- writing -------------------------------------------------------------

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Store a new resource (RFC 7644 §3.3); the caller becomes its authority."""
        async with self._writing(getattr(resource, "user_name", None)) as session:
            row = await self._create(session, resource_type, resource)
            (created,) = await self.reader.resources(session, [row], None)
        return created

    async def _create(
        self, session: Session, resource_type: ResourceType, resource: Resource[Any]
    ) -> Row:
        codec = self.codecs[str(resource_type.name)]
        encoded = codec.encode(resource)
        hashed = await hash_password(encoded.password) if encoded.password else None
        columns = rows.new_columns(codec, self.place, new_id(), encoded, hashed)
        row_id = await rows.insert(session, self.place, columns)
        row = {"row_id": row_id, "external_id": None, **columns}
        await rows.write_emails(session, self.place, row_id, encoded.emails, fresh=True)
        if encoded.external_id is not None and self.place.keeps_external_ids:
            await rows.write_external_id(session, self.place, row_id, encoded.external_id)
            row["external_id"] = encoded.external_id[0]
        known = await members.known_row_ids(session, self.place.workspace_id, encoded.members)
        await members.insert(session, [(row_id, member) for member in known])
        await self._record(session, "create", row, created_changes(encoded))
        return row

    async def update(
        self,
        resource_type: ResourceType,
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        """Replace a stored resource (RFC 7644 §3.5); one that changes nothing keeps its version."""
        async with self._writing(getattr(resource, "user_name", None)) as session:
            row = await self._update(session, resource_type, resource, expected_version)
            (updated,) = await self.reader.resources(session, [row], None)
        return updated

    async def _update(
        self,
        session: Session,
        resource_type: ResourceType,
        resource: Resource[Any],
        expected_version: str | None,
    ) -> Row:
        codec = self.codecs[str(resource_type.name)]
        row = await rows.lock(session, self.place, codec.name, cast(str, resource.id))
        check_version(row, expected_version)
        encoded = codec.encode(resource, blocked=bool(row["blocked"]))
        await self._write(session, codec, row, encoded)
        return row

    async def _write(self, session: Session, codec: Codec, row: Row, encoded: Encoded) -> None:
        """Bring a locked row to a new content, if that is another one."""
        update = Update(session, self.place, row, encoded, has_members=codec.has_members)
        await update.plan()
        if update.needs_authority:
            check_authority(codec.name, Source.parse(row["authority"]), self.source)
        if update.changes:
            await update.apply()
            await self._record(session, "update", row, update.changes)

    async def delete(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        """Delete a resource (RFC 7644 §3.6), or let go of it where it belongs to another source.

        The authority's deletion makes a tombstone; a joined user is deactivated instead. The
        deletion of a user by another source only unlinks.
        """
        codec = self.codecs[str(resource_type.name)]
        async with self._writing() as session:
            row = await rows.lock(session, self.place, codec.name, resource_id)
            check_version(row, expected_version)
            action, changes = await leave(session, self.place, codec, row)
            if changes:
                await self._record(session, action, row, changes)

    async def change_members(
        self,
        group_id: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        replace: Sequence[str] | None = None,
        expected_version: str | None = None,
    ) -> bool:
        """Change a group's members by difference, and tell whether anything changed.

        Args:
            group_id: the group.
            add: ids to add; those that are members already stay where they are.
            remove: ids to remove; unknown ones are ignored.
            replace: the new members, instead of the present ones.
            expected_version: the version that the group must still have.

        Raises:
            NotFoundException: no such group.
            InvalidValueException: a member to add does not exist; it names the id.
            ForbiddenException: the caller is not the group's authority.
            PreconditionFailedException: the version is another.
        """
        async with self._writing() as session:
            name = self._group_type()
            row = await rows.lock(session, self.place, name, group_id)
            check_version(row, expected_version)
            check_authority(name, Source.parse(row["authority"]), self.source)
            change = MemberChange(session, self.place.workspace_id, row["row_id"])
            changes = await change.apply(add, remove, replace)
            if changes:
                await rows.change(session, row)
                await self._record(session, "members", row, changes)
        return bool(changes)

    def _group_type(self) -> str:
        return next(name for name, codec in self.codecs.items() if codec.has_members)

    async def _record(
        self, session: Session, action: str, row: Row, changes: dict[str, Any]
    ) -> None:
        resource = (row["type"], row["id"])
        await record(session, self.place.workspace_id, self.source, action, resource, changes)


def check_version(row: Row, expected: str | None) -> None:
    """Refuse a write that expects another version.

    Raises:
        PreconditionFailedException: (412, RFC 7644 §3.14) the stored version is another.
    """
    if expected is not None and expected != f'W/"{row["version"]}"':
        raise PreconditionFailedException


_CODECS: dict[int, tuple[ScimProvider, dict[str, Codec]]] = {}


def codecs_of(provider: ScimProvider) -> dict[str, Codec]:
    """Return the codecs of a provider's resource types by name, made once for each provider."""
    kept = _CODECS.get(id(provider))
    if kept is None or kept[0] is not provider:
        made = {str(each.name): Codec(provider, each) for each in provider.resource_types}
        kept = _CODECS[id(provider)] = (provider, made)
    return kept[1]
