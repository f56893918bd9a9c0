"""Replays of requests as providers send them: in process, through the handler, on a database.

A case is data (``cases/*.json``). ``<NAME>`` stands for the id of the resource that the case made
under that name, in paths, queries, bodies and expectations.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse

from scim.caller import Caller
from scim.handler import GatewayHandler
from scim.provisioning.authority import Source, SourceKind
from scim.service import GatewayService
from storage.database import Database
from storage.resources.store import ResourceStore
from tests.storage.test_resource_world import add_workspace

SERVICE = GatewayService("the secret of the tests")
CASES = Path(__file__).parent / "cases"
PROFILES = ("generic", "entra", "okta")
BASE_URL = "https://scim.example.com/scim/v2"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_PLACEHOLDER = re.compile(r"<([A-Z][A-Z0-9]*)>")


@dataclass
class Case:
    """One replay.

    Attributes:
        name: what it shows.
        source: where the request is documented or was reported.
        users: users that exist before, by name: what differs from a plain user.
        groups: groups that exist before, by name: their members' names.
        steps: the requests, each with what its answer must be.
        after: the state afterwards, by path.
        profiles: of the SCIM clients that send it.
    """

    name: str
    source: str
    steps: list[dict[str, Any]]
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    profiles: tuple[str, ...] = PROFILES


def load_cases() -> list[Case]:
    """Read every case of the folder."""
    return [
        Case(**each)
        for file in sorted(CASES.glob("*.json"))
        for each in json.loads(file.read_text())
    ]


class World:
    """A workspace that one SCIM client provisions."""

    def __init__(self, database: Database, workspace_id: int, profile: str) -> None:
        source = Source(SourceKind.scim_client, profile)
        store = ResourceStore(database, workspace_id, source, SERVICE.provider)
        self.handler = GatewayHandler(SERVICE, store)
        self.caller = Caller(source=source, workspace_id=workspace_id, profile=profile)
        self.ids: dict[str, str] = {}

    async def send(
        self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> ScimResponse:
        """Send a request the way the HTTP layer hands it over."""
        parts = urlsplit(target)
        content = body.encode() if isinstance(body, str) else orjson.dumps(body)
        return await self.handler.handle(
            ScimRequest(
                method=method,
                base_url=BASE_URL,
                path=parts.path,
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers={"Content-Type": "application/scim+json; charset=utf-8", **(headers or {})},
                body=b"" if body is None else content,
                subject=self.caller,
            )
        )

    def filled(self, value: Any) -> Any:
        """Return a copy with placeholders replaced by ids."""
        if isinstance(value, str):
            return _PLACEHOLDER.sub(lambda found: self.ids.get(found[1], found[0]), value)
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, dict):
            return {self.filled(key): self.filled(item) for key, item in value.items()}
        return value

    async def make(self, case: Case) -> None:
        """Make what exists before."""
        for name, attributes in case.users.items():
            body = {"schemas": [USER], "userName": f"{name.lower()}@example.com", **attributes}
            await self._create("/Users", name, self.filled(body))
        for name, members in case.groups.items():
            entries = [{"value": self.ids[member]} for member in members]
            body = {"schemas": [GROUP], "displayName": f"Team {name}", "members": entries}
            await self._create("/Groups", name, body)

    async def _create(self, path: str, name: str, body: dict[str, Any]) -> None:
        response = await self.send("POST", path, body)
        assert response.status == 201, response.body
        assert response.body is not None
        self.ids[name] = response.body["id"]

    async def play(self, case: Case) -> None:
        """Replay a case and check answers and state."""
        await self.make(case)
        for step in case.steps:
            response = await self.send(
                step["method"], self.filled(step["path"]), self.filled(step.get("body"))
            )
            shown = f"{case.name}: {step} -> {response.status} {response.body}"
            assert int(response.status) in step["status"], shown
            if "is" in step:
                self.ids[step["is"]] = (response.body or {})["id"]
            if "answer" in step:
                assert differences(self.filled(step["answer"]), response.body) == [], shown
        for path, expected in case.after.items():
            response = await self.send("GET", self.filled(path))
            if isinstance(expected, int):
                assert int(response.status) == expected, f"{case.name}: {path} {response.body}"
            else:
                found = differences(self.filled(expected), response.body)
                assert found == [], f"{case.name}: {path}: {found} in {response.body}"


async def world(database: Database, profile: str, name: str = "acme") -> World:
    """Return an empty world."""
    return World(database, await add_workspace(database, name), profile)


def patch(op: str, member_id: str) -> dict[str, Any]:
    """Return the body by which Entra ID changes one member."""
    entry = {"$ref": None, "value": member_id}
    return {
        "schemas": [PATCH_OP],
        "Operations": [{"op": op, "path": "members", "value": [entry]}],
    }


def differences(expected: Any, actual: Any, at: str = "$") -> list[str]:
    """List where a value is not what is expected.

    An object may hold more than is expected; ``null`` stands for an absent attribute. Arrays hold
    exactly what is expected, in any order.
    """
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{at}: {actual!r} is no object"]
        return [
            line
            for key, item in expected.items()
            for line in differences(item, actual.get(key), f"{at}.{key}")
        ]
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return [f"{at}: {actual!r}, not {expected!r}"]
        rest = list(actual)
        for item in expected:
            found = next((each for each in rest if not differences(item, each)), None)
            if found is None:
                return [f"{at}: no {item!r} in {actual!r}"]
            rest.remove(found)
        return []
    return (
        []
        if expected == actual and type(expected) is type(actual)
        else [f"{at}: {actual!r}, not {expected!r}"]
    )
