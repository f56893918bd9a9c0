"""Shared by the tests of the remote target: real servers to feed, and operations to feed them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from scim2_models import ScimProvider, UnauthorizedException
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.service import ScimService
from scim2_server.utils import load_default_provider
from starlette.types import ASGIApp, Receive, Scope, Send

from azure_adapter.graph import Pace
from azure_adapter.remote import BearerToken, RemoteSettings, RemoteTarget, open_remote_target
from azure_adapter.sync import phases
from scim.provisioning.operations import Action, Operation, Outcome, resolve
from scim.provisioning.records import UniqueField
from scim.provisioning.source import ObjectKind
from tests.databases import run
from tests.gateway.support import LiveGateway, live_app, live_gateway, settings_for

T = TypeVar("T")

TOKEN = "peer-token-0123456789"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Sleeps:
    """Waits in a time of its own: what is slept is over at once, and the clock shows it."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)

    def clock(self) -> float:
        return time.monotonic() + sum(self.asked)


def quick(sleeps: Sleeps | None = None) -> Pace:
    """Time that passes without waiting, and no chance."""
    sleeps = sleeps or Sleeps()
    return Pace(sleep=sleeps, clock=sleeps.clock, chance=lambda: 0.0)


# -- servers -------------------------------------------------------------------


class GuardedPeer(ASGIApplication):
    """scim2-server's own application, with a bearer token."""

    def check_auth(self, request: Any) -> None:
        if request.header("Authorization") != f"Bearer {TOKEN}":
            raise UnauthorizedException


@cache
def _provider() -> ScimProvider:
    """The description of the service; making it takes longer than a test."""
    return load_default_provider()


def peer_app() -> ASGIApp:
    """scim2-server's application on an empty storage in memory."""
    provider = _provider()
    application = GuardedPeer(
        AsyncInMemoryStorage(), provider, ScimService(provider, secret="tests")
    )

    async def below_scim(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "root_path": "/scim"}, receive, send)

    return below_scim


@contextlib.contextmanager
def peer() -> Iterator[RemoteSettings]:
    """Serve scim2-server's application."""
    with live_app(peer_app()) as url:
        yield RemoteSettings(f"{url}/scim/v2", BearerToken(TOKEN))


@contextlib.contextmanager
def second_gateway(
    directory: Path, database_url: str, **changed: Any
) -> Iterator[tuple[RemoteSettings, LiveGateway]]:
    """Serve a gateway of its own to feed."""
    with live_gateway(settings_for(directory, database_url)) as live:
        yield RemoteSettings(live.scim, BearerToken(live.token()), **changed), live


@contextlib.asynccontextmanager
async def opened(settings: RemoteSettings, **options: Any) -> AsyncIterator[RemoteTarget]:
    """Open a target that never really waits."""
    async with open_remote_target(settings, **{"pace": quick(), **options}) as target:
        yield target


def use(
    settings: RemoteSettings, work: Callable[[RemoteTarget], Awaitable[T]], **options: Any
) -> T:
    """Open a target, do something with it, and return what that gave."""

    async def story() -> T:
        async with opened(settings, **options) as target:
            return await work(target)

    return run(story())


# -- operations ----------------------------------------------------------------


def create_user(source_id: str, user_name: str, **attributes: Any) -> Operation:
    """A creation as the planner makes it."""
    schemas = [USER, ENTERPRISE] if ENTERPRISE in attributes else [USER]
    document = {"schemas": schemas, "active": True, "userName": user_name, **attributes}
    return Operation(
        Action.create,
        ObjectKind.user,
        source_id,
        user_name,
        method="POST",
        path="/Users",
        body={**document, "externalId": source_id},
        after=document,
        phase=phases.USERS,
    )


def create_group(source_id: str, name: str) -> Operation:
    return Operation(
        Action.create,
        ObjectKind.group,
        source_id,
        name,
        method="POST",
        path="/Groups",
        body={"schemas": [GROUP], "displayName": name, "externalId": source_id},
        phase=phases.GROUPS,
    )


def patch(
    path: str, *operations: dict[str, Any], action: Action = Action.update, phase: int = 1
) -> Operation:
    kind = ObjectKind.group if path.startswith("/Groups") else ObjectKind.user
    return Operation(
        action,
        kind,
        path.rpartition("/")[2],
        path,
        method="PATCH",
        path=path,
        body={"schemas": [PATCH_OP], "Operations": list(operations)},
        phase=phase,
    )


def members(group_id: str, op: str, ids: Sequence[str]) -> Operation:
    """A membership change as the planner makes it: the members stand in ``value``."""
    adds = op == "add"
    change = {"op": op, "path": "members", "value": [{"value": each} for each in ids]}
    return patch(
        f"/Groups/{group_id}",
        change,
        action=Action.add_members if adds else Action.remove_members,
        phase=phases.ADD_MEMBERS if adds else phases.REMOVE_MEMBERS,
    )


def delete(path: str) -> Operation:
    kind = ObjectKind.group if path.startswith("/Groups") else ObjectKind.user
    return Operation(
        Action.delete,
        kind,
        path.rpartition("/")[2],
        path,
        method="DELETE",
        path=path,
        phase=phases.DELETE_USERS,
    )


def with_ids(operation: Operation, ids: dict[str, str]) -> Operation:
    """Replace ``bulkId:`` references, as the executor does."""
    return replace(operation, path=resolve(operation.path, ids), body=resolve(operation.body, ids))


async def apply_all(target: Any, operations: Sequence[Operation]) -> list[Outcome]:
    """Apply operations phase by phase as the executor does, references resolved."""
    ids: dict[str, str] = {}
    outcomes: list[Outcome] = []
    for phase in dict.fromkeys(each.phase for each in operations):
        batch = [with_ids(each, ids) for each in operations if each.phase == phase]
        done = await target.apply(batch)
        created = zip(batch, done, strict=True)
        ids |= {one.source_id: what.resource_id for one, what in created if one.method == "POST"}
        outcomes += done
    return outcomes


TITLE = {"op": "replace", "path": "title", "value": "Chief"}
"""A change that any user bears."""


def people(number: int) -> list[Operation]:
    """Creations of users u0, u1, u2 …"""
    return [create_user(f"s{n}", f"u{n}@x.com") for n in range(number)]


async def user_names(target: Any, number: int) -> list[int]:
    """How many users of each of these names there are."""
    names = [f"u{n}@x.com" for n in range(number)]
    found = await target.find(UniqueField.username, names)
    return [len(found[name]) for name in names]
