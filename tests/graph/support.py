"""Shared by the Graph tests: a served simulator, time that does not pass, scripted answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from starlette.applications import Starlette

from azure_adapter.graph import (
    ClientCredentials,
    GraphClient,
    GraphEndpoints,
    GraphReader,
    Pace,
    RetryPolicy,
    open_reader,
)
from azure_adapter.simulator import Directory, Simulator, SimulatorServer, create_app
from scim.provisioning.source import ObjectKind, SourcePage

T = TypeVar("T")

USERS, GROUPS = ObjectKind.user, ObjectKind.group
GRAPH = "https://graph.microsoft.com"
FIRST = f"{GRAPH}/v1.0/users/delta"


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


@dataclass
class FakeTime:
    """A clock that moves only when somebody sleeps."""

    at: float = 1_000_000.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def pace(self, chance: float = 0.0) -> Pace:
        return Pace(self.sleep, lambda: self.at, lambda: self.at, lambda: chance)


class FakeTokens:
    """Hands out numbered tokens; a refused one is followed by the next."""

    def __init__(self) -> None:
        self.given = 1

    async def token(self, refused: str | None = None) -> str:
        if refused == f"token-{self.given}":
            self.given += 1
        return f"token-{self.given}"


Answer = httpx.Response | Exception | None
Handler = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Script:
    """Answers requests with prepared answers, the last one again and again; None hangs."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await asyncio.Event().wait()
            raise AssertionError
        if isinstance(answer, Exception):
            raise answer
        headers, content = answer.headers, answer.content
        return httpx.Response(answer.status_code, headers=headers, content=content)


@dataclass
class Rig:
    """A client over scripted answers."""

    client: GraphClient
    script: Script
    time: FakeTime
    tokens: FakeTokens

    async def values(self, url: str = FIRST) -> list[Any]:
        return [item async for page in self.client.chain(url) for item in page.value]


def rig(*answers: Answer, policy: RetryPolicy | None = None) -> Rig:
    script, time, tokens = Script(*answers), FakeTime(), FakeTokens()
    http = httpx.AsyncClient(transport=httpx.MockTransport(script))
    client = GraphClient(GraphEndpoints(), tokens, policy=policy, pace=time.pace(), http=http)
    return Rig(client, script, time, tokens)


def page(*value: Any, following: str | None = None, delta: str | None = None) -> httpx.Response:
    body: dict[str, Any] = {"value": list(value)}
    if following is not None:
        body["@odata.nextLink"] = following
    if delta is not None:
        body["@odata.deltaLink"] = delta
    return httpx.Response(200, json=body)


def error(status: int, code: str = "", message: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"error": {"code": code, "message": message}}, headers=named)


@dataclass
class Live:
    """A reader over a served simulator."""

    reader: GraphReader
    simulator: Simulator
    time: FakeTime

    async def read(self, kind: ObjectKind, cursor: str | None = None) -> list[SourcePage]:
        return [one async for one in self.reader.pages(kind, cursor)]


def credentials(directory: Directory) -> ClientCredentials:
    return ClientCredentials(directory.tenant_id, directory.client_id, directory.client_secret)


@asynccontextmanager
async def in_process(directory: Directory, **settings: Any) -> AsyncIterator[Live]:
    """The same without sockets and sign-in, for tests that read a great many chains."""
    app: Starlette = create_app(directory, **settings)
    simulator: Simulator = app.state.simulator
    issued = simulator.tokens.issue(directory, issuer="x", audience=GRAPH, lifetime=1e6)

    class Issued:
        async def token(self, refused: str | None = None) -> str:
            return issued

    time = FakeTime()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as http:
        client = GraphClient(GraphEndpoints(), Issued(), pace=time.pace(), http=http)
        yield Live(GraphReader(client), simulator, time)


@asynccontextmanager
async def live(directory: Directory, **settings: Any) -> AsyncIterator[Live]:
    app: Starlette = create_app(directory, **settings)
    time = FakeTime()
    async with SimulatorServer(app) as server:
        endpoints = GraphEndpoints.from_settings(server.url, server.url)
        opened = open_reader(
            credentials(directory), endpoints, policy=RetryPolicy(attempts=4), pace=time.pace()
        )
        async with opened as reader:
            yield Live(reader, app.state.simulator, time)
