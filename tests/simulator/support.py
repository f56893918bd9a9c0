"""Shared by the simulator's tests: a small synchronous client and a follower of delta chains."""

from __future__ import annotations

import asyncio
from typing import Any, Self

import httpx
from starlette.applications import Starlette

from azure_adapter.simulator import Directory, Simulator, create_app

GRAPH = "https://graph.microsoft.com"
LOGIN = "https://login.microsoftonline.com"


class Wire:
    """Talks to the application in process, under Microsoft's own URLs, signed in."""

    def __init__(self, directory: Directory, **settings: Any) -> None:
        self.app: Starlette = create_app(directory, **settings)
        self.directory = directory
        self.simulator: Simulator = self.app.state.simulator
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app))
        self.token = ""

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self.token = self.sign_in().json()["access_token"]
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, url, **options))

    def sign_in(self, **changed: str) -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.directory.client_id,
            "client_secret": self.directory.client_secret,
            "scope": f"{GRAPH}/.default",
        }
        url = f"{LOGIN}/{self.directory.tenant_id}/oauth2/v2.0/token"
        return self.send("POST", url, data={**form, **changed})

    def get(self, url: str, **headers: str) -> httpx.Response:
        url = url if url.startswith("https:") else f"{GRAPH}/v1.0{url}"
        return self.send("GET", url, headers={"Authorization": f"Bearer {self.token}", **headers})

    def json(self, url: str, **headers: str) -> dict[str, Any]:
        answer = self.get(url, **headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def chain(self, url: str, **headers: str) -> tuple[list[dict[str, Any]], str]:
        """Follow a delta chain to its delta link; return the items of all pages and the link."""
        items: list[dict[str, Any]] = []
        while True:
            page = self.json(url, **headers)
            assert ("@odata.nextLink" in page) != ("@odata.deltaLink" in page)
            items += page["value"]
            if "@odata.deltaLink" in page:
                return items, page["@odata.deltaLink"]
            url = page["@odata.nextLink"]


class Follower:
    """Replays delta pages into a model, as the documentation says a client should."""

    def __init__(self, wire: Wire, kind: str, select: tuple[str, ...], minimal: bool) -> None:
        self.wire, self.kind, self.select = wire, kind, select
        self.headers = {"Prefer": "return=minimal"} if minimal else {}
        self.objects: dict[str, dict[str, Any]] = {}
        self.members: dict[str, set[str]] = {}
        self.managers: dict[str, str] = {}
        self.gone: set[str] = set()
        self.rounds = 0
        self._restart()

    def _restart(self) -> None:
        self.objects, self.members, self.managers = {}, {}, {}
        self.link = f"/{self.kind}s/delta?$select={','.join(self.select)}"

    def step(self) -> bool:
        """Read one page; return whether it ended a round."""
        answer = self.wire.get(self.link, **self.headers)
        if answer.status_code != 200:
            assert answer.json()["error"]["code"].lower() == "syncstatenotfound"
            self._restart()
            return False
        page = answer.json()
        for item in page["value"]:
            self._merge(item)
        ended = "@odata.deltaLink" in page
        self.rounds += ended
        self.link = page["@odata.deltaLink" if ended else "@odata.nextLink"]
        return ended

    def finish(self, rounds: int = 2) -> None:
        wanted = self.rounds + rounds
        while self.rounds < wanted:
            self.step()

    def _merge(self, item: dict[str, Any]) -> None:
        object_id = item["id"]
        if "@removed" in item:
            self.objects.pop(object_id, None)
            self.managers.pop(object_id, None)
            self.members.pop(object_id, None)
            if item["@removed"]["reason"] == "deleted":
                self.gone.add(object_id)
            return
        known = self.objects.setdefault(object_id, {})
        known.update({name: item[name] for name in self.select if name in item})
        for one in item.get("members@delta", ()):
            edges = self.members.setdefault(object_id, set())
            (edges.discard if "@removed" in one else edges.add)(one["id"])
        for one in item.get("manager@delta", ()):
            if "@removed" not in one:
                self.managers[object_id] = one["id"]
            elif self.managers.get(object_id) == one["id"]:
                del self.managers[object_id]
