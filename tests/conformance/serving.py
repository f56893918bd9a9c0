"""Servers on loopback that the kit is tried on."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from scim2_models import Pagination, ScimProvider, UnauthorizedException
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.service import ScimService
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

TOKEN = "the-right-token"


class _Noting(AsyncInMemoryStorage):
    """Notes what the resources that it creates are called."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self._names = names

    async def create(self, resource_type: Any, resource: Any) -> Any:
        self._names.append(_name(resource))
        return await super().create(resource_type, resource)


def _name(resource: Any) -> str:
    return getattr(resource, "user_name", None) or resource.display_name


class Reference(ASGIApplication):
    """scim2-server's in-memory application, with a bearer token and cursors."""

    def __init__(self) -> None:
        config = load_default_service_provider_config()
        config.authentication_schemes = [BEARER_TOKEN_SCHEME]
        config.pagination = Pagination(cursor=True, index=True)
        provider = ScimProvider.from_discovery(
            load_default_schemas().values(), load_default_resource_types().values(), config=config
        )
        self.made: list[str] = []
        super().__init__(_Noting(self.made), provider, ScimService(provider, secret="s" * 32))

    def check_auth(self, request: ScimRequest) -> None:
        if request.header("Authorization") != f"Bearer {TOKEN}":
            raise UnauthorizedException

    @property
    def names(self) -> list[str]:
        """What the resources that it holds are called."""
        return [_name(each) for each in self.storage.resources]


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an ASGI application on a free port and yield its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v2"
        finally:
            server.should_exit = True
            thread.join()
