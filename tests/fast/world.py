"""Both lanes on one database: what the protocol engine answers, and what the fast lanes do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from scim2_server.requests import ScimRequest

from scim.caller import Caller
from scim.fast.lane import FastLane
from scim.fast.writing import FastHandler
from scim.handler import GatewayHandler
from scim.schema import build_provider
from scim.service import GatewayService
from storage.database import Database
from storage.resources.fast import FastResources
from storage.resources.fast_store import FastStore
from storage.resources.store import ResourceStore
from tests.scim.world import BASE, add_client, add_workspace

HR = "urn:example:params:scim:schemas:extension:hr:2.0:User"
PLAIN = GatewayService("the secret of the tests")
EXTENDED = GatewayService(
    "the secret of the tests", build_provider([Path(__file__).parent / "extension.json"])
)

Told = tuple[int, dict[str, str], Any]
"""Status, headers and JSON of an answer."""


class Lanes:
    """One caller, served by both."""

    def __init__(self, database: Database, caller: Caller, service: GatewayService) -> None:
        self.database = database
        self.caller = caller
        self.service = service
        place = (database, caller.workspace_id, caller.source, service.provider)
        self.handler = GatewayHandler(service, ResourceStore(*place))
        self.lane = FastLane(service, FastResources(database, service.provider))
        self.writer = FastHandler(service, FastStore(*place), self.lane)

    @classmethod
    async def open(
        cls, database: Database, service: GatewayService = PLAIN, **caller: Any
    ) -> Lanes:
        workspace = await add_workspace(database)
        source = await add_client(database, workspace, f"client-{workspace}", "Okta")
        return cls(database, Caller(source, workspace, **caller), service)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> ScimRequest:
        raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        return ScimRequest(method, BASE, path, query, headers or {}, raw, self.caller)

    async def slow(self, request: ScimRequest) -> Told:
        answer = await self.handler.handle(request)
        return _told(int(answer.status), answer.headers, orjson.dumps(answer.body))

    async def fast(self, request: ScimRequest) -> Told | None:
        answer = await self.lane.answer(request, self.caller)
        return answer and _told(int(answer.status), answer.headers, answer.body or b"null")

    async def write(self, request: ScimRequest) -> Told:
        """Serve a write by the fast handler."""
        answer: Any = await self.writer.handle(request)
        body = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
        return _told(int(answer.status), answer.headers, body)

    async def post(self, path: str, body: Any) -> str:
        status, _, told = await self.slow(self.request("POST", path, body))
        assert status == 201, told
        return str(told["id"])

    async def same(self, request: ScimRequest, *, taken: bool = True) -> Told:
        """Both lanes answer alike; ``taken``: the fast one does answer."""
        slow, fast = await self.slow(request), await self.fast(request)
        if fast is None:
            assert not taken or slow[0] >= 400, (request, slow)
            return slow
        assert fast == slow, request
        return fast


def _told(status: int, headers: dict[str, str], body: bytes) -> Told:
    kept = {name: value for name, value in headers.items() if name != "Content-Type"}
    told = orjson.loads(body)
    if isinstance(told, dict):
        for name in ("nextCursor", "previousCursor"):  # sealed with a random salt
            if name in told:
                told[name] = "there"
    return status, kept, told
