"""A world for sync tests: a simulated directory, a real database, and the engine between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from azure_adapter.graph import (
    ClientCredentials,
    GraphEndpoints,
    GraphReader,
    Pace,
    RetryPolicy,
    open_reader,
)
from azure_adapter.simulator import Directory, Simulator, SimulatorServer, create_app
from azure_adapter.sync.config import SafeguardLimits, SyncConfig
from azure_adapter.sync.engine import SyncEngine
from azure_adapter.sync.summary import summary
from scim.handler import GatewayHandler
from scim.provisioning.authority import DASHBOARD, Source, SourceKind
from scim.provisioning.ports import EnrollmentPort, SourceReader, SyncStore
from scim.provisioning.records import RunRecord, UniqueField
from scim.provisioning.source import ObjectKind
from scim.service import GatewayService
from scim.target import InProcessTarget
from storage.access import UserSyncs, Workspaces
from storage.database import Database
from storage.resources.batches import BatchStore
from storage.resources.store import ResourceStore
from storage.sync.store import SqlSyncStore

SERVICE = GatewayService("the secret of the tests")
WITHOUT_LIMITS = SafeguardLimits(enabled=False)


@dataclass(slots=True)
class World:
    """Everything a test of the sync needs, and short words for what it does.

    Attributes:
        directory: the simulated Azure tenant.
        simulator: its server's state (faults, trace).
        database: the gateway's database.
        workspace: row id of the workspace.
        config: of the user sync.
        reader: reads the directory over HTTP.
        enrollment: invites people; nobody is invited without it.
    """

    directory: Directory
    simulator: Simulator
    database: Database
    workspace: int
    config: SyncConfig
    reader: GraphReader
    now: Callable[[], int] | None = None
    enrollment: EnrollmentPort | None = None
    runs: list[RunRecord] = field(default_factory=list)

    def store(self) -> SqlSyncStore:
        return SqlSyncStore(self.database, self.config.sync_id)

    def resources(self, source: Source | None = None) -> ResourceStore:
        mine = source or Source(SourceKind.user_sync, self.config.sync_id)
        return BatchStore(self.database, self.workspace, mine, SERVICE.provider)

    def target(self) -> InProcessTarget:
        return InProcessTarget(GatewayHandler(SERVICE, self.resources()))

    def source(self) -> SourceReader:
        """Return a reader of what the user sync needs, as it is configured now."""
        kinds = (ObjectKind.user, ObjectKind.group)
        select = {kind: self.config.properties(kind) for kind in kinds}
        return GraphReader(self.reader._client, select=select)

    def engine(
        self,
        owner: str = "test",
        *,
        store: SyncStore | None = None,
        source: SourceReader | None = None,
        target: Any = None,
    ) -> SyncEngine:
        return SyncEngine(
            config=self.config,
            store=store or self.store(),
            source=source or self.source(),
            target=target or self.target(),
            owner=owner,
            enrollment=self.enrollment,
        )

    async def sync(self, **options: Any) -> dict[str, Any]:
        """Run the sync and return its summary."""
        run = await self.engine().run(**options)
        self.runs.append(run)
        return summary(run)

    def configure(self, **changes: Any) -> None:
        self.config = replace(self.config, **changes)

    # what is in the store

    async def users(self) -> dict[str, dict[str, Any]]:
        """Return the documents of the linked users by Graph id."""
        rows = await self.database.session.rows(
            "SELECT l.source_id, r.document, r.authority FROM link l "
            "JOIN resource r ON r.id = l.resource_id "
            "WHERE l.kind = 'user' AND l.state = 'linked' AND l.sync_id = ?",
            [self.config.sync_id],
        )
        return {row["source_id"]: _json(row["document"]) for row in rows}

    async def groups(self) -> dict[str, tuple[str, frozenset[str]]]:
        """Return (displayName, Graph ids of members) of the linked groups by Graph id."""
        names = await self.database.session.rows(
            "SELECT l.source_id, r.display FROM link l JOIN resource r ON r.id = l.resource_id "
            "WHERE l.kind = 'group' AND l.state = 'linked' AND l.sync_id = ?",
            [self.config.sync_id],
        )
        members = await self.database.session.rows(
            "SELECT g.source_id AS group_id, u.source_id AS member_id FROM membership m "
            "JOIN resource gr ON gr.row_id = m.group_id "
            "JOIN resource ur ON ur.row_id = m.member_id "
            "JOIN link g ON g.resource_id = gr.id LEFT JOIN link u ON u.resource_id = ur.id "
            "WHERE g.sync_id = ?",
            [self.config.sync_id],
        )
        return {
            row["source_id"]: (
                row["display"],
                frozenset(
                    edge["member_id"] for edge in members if edge["group_id"] == row["source_id"]
                ),
            )
            for row in names
        }

    async def owned(self) -> int:
        """Return how many resources have this user sync as their authority."""
        value = await self.database.session.value(
            "SELECT COUNT(*) FROM resource WHERE authority = ?",
            [str(Source(SourceKind.user_sync, self.config.sync_id))],
        )
        return int(value)

    async def foreign(self) -> list[dict[str, Any]]:
        """Return everything that belongs to somebody else, as it is stored."""
        return await self.database.session.rows(
            "SELECT id, document, version, authority FROM resource WHERE authority <> ? "
            "ORDER BY id",
            [str(Source(SourceKind.user_sync, self.config.sync_id))],
        )

    async def add_dashboard_user(self, **attributes: Any) -> str:
        """Make a user by hand and return the id."""
        store = self.resources(DASHBOARD)
        user_type = SERVICE.get_resource_type("User")
        model = SERVICE.get_model(user_type).model_validate(attributes)
        created = await store.create(user_type, model)
        assert created.id is not None
        return created.id


def _json(text: str) -> dict[str, Any]:
    import orjson

    document: dict[str, Any] = orjson.loads(text)
    return document


async def no_sleep(seconds: float) -> None:
    """Wait for nothing: the simulator's clock does not need it."""


PACE = Pace(sleep=no_sleep)
PATIENCE = RetryPolicy()


@asynccontextmanager
async def world(
    database_url: str, directory: Directory | None = None, **settings: Any
) -> AsyncIterator[World]:
    """Open a world on a migrated, empty database."""
    directory = directory or Directory(seed=7)
    app = create_app(directory, **settings)
    database = await Database.open(database_url, shared=False, migrate=False)
    try:
        with database.activated():
            workspace = (await Workspaces(database).ensure("default")).row_id
            sync_id = await UserSyncs(database).create(workspace, "Contoso")
            config = SyncConfig(
                sync_id=sync_id,
                name="Contoso",
                unique_field=UniqueField.username,
                safeguard=WITHOUT_LIMITS,
            )
            credentials = ClientCredentials(
                directory.tenant_id, directory.client_id, directory.client_secret
            )
            async with SimulatorServer(app) as server:
                endpoints = GraphEndpoints.from_settings(server.url, server.url)
                async with open_reader(
                    credentials, endpoints, policy=PATIENCE, pace=PACE
                ) as reader:
                    yield World(
                        directory,
                        app.state.simulator,
                        database,
                        workspace,
                        config,
                        reader,
                    )
    finally:
        await database.close()


async def assert_in_step(world: World) -> None:
    """Assert that the store equals the directory's model, and nothing else belongs to the sync."""
    from tests.sync.oracle import expected_groups, expected_users, observed_users

    documents = await world.users()
    source_ids = {document["id"]: source_id for source_id, document in documents.items()}
    assert observed_users(documents, source_ids) == expected_users(world.directory)
    groups = await world.groups()
    assert groups == expected_groups(world.directory)
    assert await world.owned() == len(documents) + len(groups)
