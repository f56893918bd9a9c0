"""A SCIM server without HTTP: requests through the handler, on a real database."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from scim2_server.requests import ScimRequest

from scim.caller import Caller
from scim.handler import GatewayHandler
from scim.identifiers import new_id
from scim.provisioning.authority import Source, SourceKind
from scim.service import GatewayService
from storage.access import AuditLog
from storage.database import Database, now_us
from storage.resources.store import ResourceStore

SERVICE = GatewayService("the secret of the tests")
BASE = "https://idm.example/scim/v2"
USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
EZTO = "urn:ezto:params:scim:schemas:extension:1.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
CLIENT = Source(SourceKind.scim_client, "client-1")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def detail(self) -> str:
        return str(self.body["detail"])

    @property
    def error(self) -> tuple[int, str | None]:
        return self.status, self.body.get("scimType")

    @property
    def names(self) -> list[str]:
        """The userName or displayName of what a search found, in order."""
        found = self.body.get("Resources", [])
        return [each.get("userName") or each["displayName"] for each in found]


class Api:
    """One caller of one workspace."""

    def __init__(
        self, database: Database, caller: Caller, service: GatewayService = SERVICE
    ) -> None:
        self.database = database
        self.caller = caller
        self.service = service
        self.store = ResourceStore(database, caller.workspace_id, caller.source, service.provider)
        self.handler = GatewayHandler(service, self.store)

    def as_(self, caller: Caller) -> Api:
        return Api(self.database, caller, self.service)

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else _json(body)
        response = await self.handler.handle(
            ScimRequest(
                method=method,
                base_url=BASE,
                path=path,
                query={name: str(value) for name, value in query.items()},
                headers=headers or {},
                body=raw,
                subject=self.caller,
            )
        )
        return Answer(int(response.status), response.body, response.headers)

    async def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Answer:
        return await self("GET", path, None, headers, **query)

    async def post(self, path: str, body: Any, **query: Any) -> Answer:
        return await self("POST", path, body, None, **query)

    async def user(self, user_name: str, **attributes: Any) -> str:
        answer = await self.post("/Users", {"userName": user_name, **attributes})
        assert answer.status == 201, answer.body
        return answer.id

    async def group(self, name: str, *members: str) -> str:
        entries = [{"value": each} for each in members]
        answer = await self.post("/Groups", {"displayName": name, "members": entries})
        assert answer.status == 201, answer.body
        return answer.id

    async def patch(
        self, path: str, *operations: dict[str, Any], if_match: str | None = None, **query: Any
    ) -> Answer:
        headers = {"If-Match": if_match} if if_match else {}
        body = {"schemas": [PATCH_OP], "Operations": list(operations)}
        return await self("PATCH", path, body, headers, **query)

    async def bulk(self, *operations: dict[str, Any], **more: Any) -> Answer:
        body = {"schemas": [BULK], "Operations": list(operations), **more}
        return await self.post("/Bulk", body)

    async def audit(self, resource_id: str) -> list[Any]:
        """The audit of a resource, oldest first."""
        found = await AuditLog(self.database).entries_of(self.caller.workspace_id, resource_id)
        return found[::-1]

    async def members(self, group_id: str) -> set[str]:
        body = (await self.get(f"/Groups/{group_id}")).body
        return {each["value"] for each in body.get("members", [])}


def _json(body: Any) -> bytes:
    return json.dumps(body, default=str).encode()


def op(kind: str, path: str | None = None, value: Any = ...) -> dict[str, Any]:
    """One PATCH operation."""
    operation: dict[str, Any] = {"op": kind}
    if path is not None:
        operation["path"] = path
    if value is not ...:
        operation["value"] = value
    return operation


async def add_workspace(database: Database) -> int:
    """Add a workspace with a name of its own."""
    async with database.transaction() as session:
        value = await session.value(
            "INSERT INTO workspace (name, created_at) VALUES (?, ?) RETURNING row_id",
            (new_id(), now_us()),
        )
    return int(value)


async def add_client(database: Database, workspace: int, client_id: str, name: str) -> Source:
    async with database.transaction() as session:
        await session.execute(
            "INSERT INTO scim_client (id, workspace_id, name, profile, created_at) "
            "VALUES (?, ?, ?, 'generic', ?)",
            (client_id, workspace, name, now_us()),
        )
    return Source(SourceKind.scim_client, client_id)


Check = Callable[[Api], Awaitable[None]]
Serve = Callable[..., None]
