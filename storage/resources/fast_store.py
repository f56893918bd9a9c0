"""Writes that hand back what they stored as it is stored, not as a model."""

from typing import Any

from scim2_models import NotFoundException, Resource, ResourceType

from scim.fast.ports import Shows, StoredRow
from storage.filters.values import storable
from storage.resources import fast_sql
from storage.resources.fast import stored_row
from storage.resources.store import ResourceStore


class FastStore(ResourceStore):
    """A resource store whose writes can be answered without building a model of the result."""

    async def create_stored(
        self, resource_type: ResourceType, resource: Resource[Any], shows: Shows
    ) -> StoredRow:
        """Store a new resource (RFC 7644 §3.3) and return it as it is stored."""
        async with self._writing(getattr(resource, "user_name", None)) as session:
            row = await self._create(session, resource_type, resource)
            return await self.stored(resource_type, row["id"], shows)

    async def update_stored(
        self, resource_type: ResourceType, resource: Resource[Any], expected_version: str | None
    ) -> int:
        """Replace a stored resource (RFC 7644 §3.5) and return its version."""
        async with self._writing(getattr(resource, "user_name", None)) as session:
            row = await self._update(session, resource_type, resource, expected_version)
        return int(row["version"])

    async def stored(
        self, resource_type: ResourceType, resource_id: str, shows: Shows
    ) -> StoredRow:
        """Return a resource as the open transaction sees it.

        Raises:
            NotFoundException: there is none.
        """
        name, source = str(resource_type.name), str(self.place.source)
        workspace_id = self.place.workspace_id
        before = fast_sql.parameters(shows, workspace_id, source)
        row = None
        if storable(resource_id):
            row = await self.database.session.row(
                fast_sql.point(self.database.dialect, shows),
                (*before, resource_id, workspace_id, name),
            )
        if row is None:
            raise NotFoundException(detail=f"{name} {resource_id!r} not found")
        return stored_row(tuple(row.values()), source, self.codecs)
