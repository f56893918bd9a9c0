"""What the tests of the resource store share."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from scim2_models import ResourceType, ScimProvider

from scim.provisioning.authority import DASHBOARD, Source, SourceKind
from scim.schema import build_provider
from storage.database import Database, now_us
from storage.resources.store import ResourceStore

PROVIDER = build_provider()
TYPES: dict[str, ResourceType] = {str(each.name): each for each in PROVIDER.resource_types}
USER, GROUP = TYPES["User"], TYPES["Group"]
USERS: Any = PROVIDER.model_for(USER)
GROUPS: Any = PROVIDER.model_for(GROUP)

OKTA = Source(SourceKind.scim_client, "okta")
ENTRA = Source(SourceKind.scim_client, "entra")
SYNC = Source(SourceKind.user_sync, "sync-1")


async def add_workspace(database: Database, name: str = "acme") -> int:
    """Add a workspace and return its row id."""
    async with database.transaction() as session:
        value = await session.value(
            "INSERT INTO workspace (name, created_at) VALUES (?, ?) RETURNING row_id",
            (name, now_us()),
        )
    return int(value)


async def open_store(
    database: Database, source: Source = OKTA, provider: ScimProvider = PROVIDER
) -> ResourceStore:
    """Return a store on the workspace ``acme``, which is made when there is none."""
    found = await database.session.value("SELECT row_id FROM workspace WHERE name = 'acme'")
    return ResourceStore(database, found or await add_workspace(database), source, provider)


class World:
    """Stores of several sources on one workspace, and short ways to use them."""

    def __init__(self, database: Database, workspace_id: int) -> None:
        self.database = database
        self.workspace_id = workspace_id
        self.okta = self.store(OKTA)
        self.entra = self.store(ENTRA)
        self.sync = self.store(SYNC)
        self.dashboard = self.store(DASHBOARD)

    def store(self, source: Source) -> ResourceStore:
        return ResourceStore(self.database, self.workspace_id, source, PROVIDER)

    async def user(self, name: str = "ann", store: ResourceStore | None = None, **more: Any) -> Any:
        resource = USERS.model_validate({"userName": name, **more})
        return await (store or self.okta).create(USER, resource)

    async def group(
        self, *members: Any, name: str = "team", store: ResourceStore | None = None
    ) -> Any:
        entries = [{"value": getattr(each, "id", each)} for each in members]
        resource = GROUPS.model_validate({"displayName": name, "members": entries})
        return await (store or self.okta).create(GROUP, resource)

    async def audit(self) -> list[dict[str, Any]]:
        rows = await self.database.session.rows("SELECT * FROM audit ORDER BY row_id")
        for row in rows:
            row["changes"] = None if row["changes"] is None else orjson.loads(row["changes"])
        return rows


Check = Callable[[World], Awaitable[None]]
Play = Callable[[Check], None]
