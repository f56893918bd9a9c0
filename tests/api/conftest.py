"""A gateway that serves, a simulated directory, a user sync of it, and clients of the API."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_adapter.simulator import (
    Directory,
    GeneratorOptions,
    SimulatorServer,
    create_app,
    generate,
)
from azure_adapter.sync.config import Enrollment
from gateway.connections import NewConnection
from gateway.logs import configure_logging
from gateway.server import bind, serving
from gateway.wiring import Gateway
from gateway.work.worker import Worker
from scim.provisioning.records import UniqueField
from storage.access.api_tokens import Role
from tests.gateway.support import LiveGateway, in_a_thread, settings_for


@pytest.fixture(autouse=True)
def _log() -> None:
    configure_logging("info", "json", io.StringIO())


class Api:
    """A served gateway with a worker that works when a test says so.

    Attributes:
        sync: id of its user sync.
    """

    def __init__(self, live: LiveGateway, directory: Directory, sync: str, url: str) -> None:
        self.live = live
        self.directory = directory
        self.sync = sync
        self.simulator_url = url
        self.worker = Worker(live.gateway)

    def token(self, role: Role = Role.administrator, workspace: str = "default") -> str:
        async def made() -> str:
            gateway = self.live.gateway
            room = await gateway.workspaces.ensure(workspace)
            text, _ = await gateway.api_tokens.create(room.row_id, f"tests {role}", role)
            return text

        return self.live.do(made())

    def client(self, token: str | None = None) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.live.url}/api/v1",
            headers={"Authorization": f"Bearer {token or self.token()}"},
            timeout=60,
        )

    def work(self) -> None:
        """Do everything that was asked for."""

        async def done() -> None:
            await self.worker.look()
            while self.worker._running:
                await self.worker.settle()
                await self.worker.look()

        self.live.do(done())

    def finished(self, http: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
        """Do what a 202 promises, and return the run that it became."""
        assert answer.status_code == 202, answer.text
        self.work()
        request = http.get(f"{self.live.url}{answer.headers['Location']}").json()
        assert request["status"] == "done", request
        found = http.get(f"/user-syncs/{self.sync}/runs/{request['run']}")
        assert found.status_code == 200, found.text
        return dict(found.json())


def small() -> Directory:
    directory = generate(Directory(seed=5), GeneratorOptions(users=8, groups=2, memberships=2))
    for user in directory.live("user"):
        if not user.attrs.get("mail"):
            directory.update_user(user.id, mail=f"{user.id}@contoso.example")
    return directory


@asynccontextmanager
async def _served(url: str, folder: Path, settings: dict[str, Any]) -> AsyncIterator[Api]:
    directory = small()
    async with (
        SimulatorServer(create_app(directory)) as simulator,
        Gateway.open(settings_for(folder, url, **settings)) as gateway,
        serving(gateway.app(), bind("127.0.0.1", 0)) as served,
    ):
        sync = await gateway.create_connection(
            NewConnection(
                name="Contoso",
                azure_tenant=directory.tenant_id,
                client_id=directory.client_id,
                client_secret=directory.client_secret,
                unique_field=UniqueField.username,
                enrollment=Enrollment.only_sync,
                authority_url=simulator.url,
                graph_url=simulator.url,
            )
        )
        live = LiveGateway(gateway, served, asyncio.get_running_loop())
        yield Api(live, directory, sync, simulator.url)


@pytest.fixture
def opened(sqlite_url: str, tmp_path: Path) -> Callable[..., Any]:
    """Open a served gateway with other settings: a context."""

    def made(**settings: Any) -> Any:
        return in_a_thread(_served(sqlite_url, tmp_path, settings))

    return made


@pytest.fixture
def api(opened: Callable[..., Any]) -> Iterator[Api]:
    with opened() as each:
        yield each
