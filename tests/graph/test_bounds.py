"""What a read holds in memory does not grow with the directory: a page, and a little."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

import httpx
import orjson
import pytest

from azure_adapter.graph import GraphClient, GraphEndpoints, GraphReader
from azure_adapter.graph.fast import FastRead
from scim.provisioning.source import ObjectKind
from tests.graph.support import GRAPH, GROUPS, USERS, FakeTime, FakeTokens, run

PAGE = 100
MARGIN = 1.1


def item(kind: ObjectKind, number: int) -> dict[str, object]:
    text = f"{number:08}-0000-4000-8000-000000000000"
    shown = {"id": text, "displayName": f"Somebody {number}", "department": "x" * 200}
    if kind is GROUPS:
        members = [{"@odata.type": "#microsoft.graph.user", "id": text}] * 2
        return {**shown, "members@delta": members}
    return {**shown, "manager": {"@odata.type": "#microsoft.graph.user", "id": text}}


class Endless:
    """Graph with so many pages, made when they are asked for."""

    def __init__(self, kind: ObjectKind, pages: int) -> None:
        self._kind, self._pages = kind, pages

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, request.url.params
        if path.endswith("$batch"):
            steps = orjson.loads(request.content)["requests"]
            told = [{"id": one["id"], "status": 200, "body": {"value": []}} for one in steps]
            return httpx.Response(200, content=orjson.dumps({"responses": told}))
        if "deletedItems" in path:
            return httpx.Response(200, content=orjson.dumps({"value": []}))
        if "$count" in query:
            return httpx.Response(200, content=orjson.dumps({"value": [], "@odata.count": 10**6}))
        url = f"{GRAPH}{path}"
        if query.get("$deltatoken"):
            link = f"{url}?$deltatoken=now"
            return httpx.Response(
                200, content=orjson.dumps({"value": [], "@odata.deltaLink": link})
            )
        gc.collect()  # what is held is asked for, not what waits to be collected
        at = int(query.get("$skiptoken", "0"))
        body: dict[str, object] = {"value": [item(self._kind, at * PAGE + n) for n in range(PAGE)]}
        if at + 1 < self._pages:
            body["@odata.nextLink"] = f"{url}?$skiptoken={at + 1}"
        elif path.endswith("/delta"):
            body["@odata.deltaLink"] = f"{url}?$deltatoken=now"
        return httpx.Response(200, content=orjson.dumps(body))


def peak(kind: ObjectKind, fast: FastRead | None, pages: int) -> int:
    """Read everything, page by page, and return the most bytes that were held at a time."""

    async def main() -> int:
        transport = httpx.MockTransport(Endless(kind, pages))
        async with httpx.AsyncClient(transport=transport) as http:
            time = FakeTime()
            client = GraphClient(GraphEndpoints(), FakeTokens(), pace=time.pace(), http=http)
            read = 0
            tracemalloc.start()
            async for page in GraphReader(client, fast).pages(kind, None):
                read += len(page.changes)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert read == pages * PAGE
            return most

    return run(main())


@pytest.fixture
def quick_collections() -> Iterator[None]:
    """Leave what was there before the test out of its collections."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("quick_collections")
@pytest.mark.parametrize("fast", [None, FastRead(page=PAGE)], ids=["chain", "fast"])
@pytest.mark.parametrize("kind", [USERS, GROUPS])
def test_memory_is_bounded_by_a_page(kind: ObjectKind, fast: FastRead | None) -> None:
    peak(kind, fast, 2)
    assert peak(kind, fast, 16) < peak(kind, fast, 4) * MARGIN
