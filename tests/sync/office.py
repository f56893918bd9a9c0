"""A whole gateway with one user sync, and its control: what an administrator has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from azure_adapter.simulator import Directory, Simulator, SimulatorServer, create_app
from azure_adapter.sync.config import DeletionPolicy, Enrollment, SyncConfig
from gateway.connections import NewConnection
from gateway.syncs.control import SyncControl
from gateway.wiring import Gateway
from scim.provisioning.records import RunRecord, UniqueField
from storage.sync.store import SqlSyncStore
from tests.gateway.support import settings_for
from tests.sync.world import World

ACTOR = "ada"


class Office:
    """A gateway, its one user sync, and short words for what an administrator does.

    Attributes:
        world: looks into directory and store, as tests of the engine do.
    """

    def __init__(
        self, gateway: Gateway, directory: Directory, simulator: Simulator, sync_id: str, room: int
    ) -> None:
        self.gateway = gateway
        self.directory = directory
        self.simulator = simulator
        self.sync_id = sync_id
        self.workspace = room
        self.world = World.__new__(World)
        self.world.database = gateway.database
        self.world.directory = directory
        self.world.workspace = room
        self.world.config = SyncConfig(sync_id=sync_id)

    @property
    def control(self) -> SyncControl:
        return self.gateway.control

    @property
    def store(self) -> SqlSyncStore:
        return self.gateway.sync_store(self.sync_id)

    async def start(self, **options: Any) -> RunRecord:
        return await self.control.start(self.sync_id, trigger="manual", actor=ACTOR, **options)

    async def apply(self, reviewed: RunRecord) -> RunRecord:
        return await self.control.apply(
            self.sync_id, reviewed.id, reviewed.checksum, trigger="manual", actor=ACTOR
        )


@asynccontextmanager
async def office(
    database_url: str, folder: Path, directory: Directory, **connection: Any
) -> AsyncIterator[Office]:
    """Open a gateway on a migrated, empty database, with a user sync of a directory."""
    app = create_app(directory)
    async with (
        SimulatorServer(app) as server,
        Gateway.open(settings_for(folder, database_url)) as gateway,
    ):
        given: dict[str, Any] = {
            "name": "Contoso",
            "azure_tenant": directory.tenant_id,
            "client_id": directory.client_id,
            "client_secret": directory.client_secret,
            "unique_field": UniqueField.username,
            "enrollment": Enrollment.only_sync,
            "deletion_policy": DeletionPolicy.delete,
            "authority_url": server.url,
            "graph_url": server.url,
        }
        with gateway.database.activated():
            sync_id = await gateway.create_connection(NewConnection(**{**given, **connection}))
            record = await gateway.connection(sync_id)
            yield Office(gateway, directory, app.state.simulator, sync_id, record.workspace)
