"""The storage follows the contract of scim2-server, on both databases."""

import asyncio
from typing import Any

import pytest
from scim2_models import ScimProvider
from scim2_server.testing import AsyncScimStorageContract, BlockingStorage

from storage.database import Database
from tests.storage.test_resource_world import PROVIDER, open_store


class TestResourceStore(AsyncScimStorageContract):
    """The contract with the models that this server serves."""

    @pytest.fixture
    def provider(self) -> ScimProvider:
        return PROVIDER

    @pytest.fixture
    def storage(self, database: Database, runner: asyncio.Runner, provider: ScimProvider) -> Any:
        return BlockingStorage(runner.run(open_store(database, provider=provider)), runner)
