"""The control endpoint under ``/_simulator/``: look into the simulator and steer it, in JSON.

It is no part of Microsoft's API and cannot be taken for it: its paths begin with
``/_simulator/``, it needs no sign-in, and every answer says ``"simulator": true``.
``docs/simulator.md`` describes each operation with an example. Operations on apps and sign-in
are in ``control_identity``.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from azure_adapter.simulator.changes import ChangeReport, apply_changes, churn
from azure_adapter.simulator.control_identity import change_apps, change_permissions, change_signin
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.faults import FaultPlan, fault_from
from azure_adapter.simulator.middleware import CONTROL_PREFIX
from azure_adapter.simulator.saving import document, parse
from azure_adapter.simulator.state import Simulator

_MOST_CHANGES = 100_000
_MOST_FAULTS = 1_000

Operation = Callable[[Simulator, dict[str, Any]], dict[str, Any]]
"""What a POST does: the simulator and the body in, the answer out."""


def control_routes() -> list[Route]:
    """List the routes of the control endpoint."""
    operations: dict[str, Operation] = {
        "changes": make_changes,
        "faults": plan_faults,
        "expire-tokens": expire_tokens,
        "settings": change_settings,
        "permissions": change_permissions,
        "apps": change_apps,
        "sign-in": change_signin,
    }
    return [
        Route(f"{CONTROL_PREFIX}state", show_state, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}requests", show_requests, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}snapshot", show_snapshot, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}snapshot", take_snapshot, methods=["POST"]),
        *(
            Route(f"{CONTROL_PREFIX}{name}", _endpoint(operation), methods=["POST"])
            for name, operation in operations.items()
        ),
    ]


async def show_state(request: Request) -> Response:
    """Answer ``GET /_simulator/state``."""
    simulator = _simulator(request)
    return _json(
        {
            "directories": [_describe(one) for one in simulator.directories.values()],
            "faults": [dataclasses.asdict(fault) for fault in simulator.faults.faults],
            "fired": dict(simulator.faults.counts),
            "refresh_tokens": len(simulator.refresh_tokens),
            "settings": dataclasses.asdict(simulator.settings),
        }
    )


async def show_requests(request: Request) -> Response:
    """Answer ``GET /_simulator/requests``."""
    simulator = _simulator(request)
    return _json(
        {
            "requests": [one._asdict() for one in simulator.requests],
            "writes": [{"method": method, "path": path} for method, path in simulator.writes],
            "refusals": [one._asdict() for one in simulator.refusals],
        }
    )


async def show_snapshot(request: Request) -> Response:
    """Answer ``GET /_simulator/snapshot``: the whole state, as a file of ``save`` holds it."""
    return StreamingResponse(document(_simulator(request)), media_type="application/json")


async def take_snapshot(request: Request) -> Response:
    """Answer ``POST /_simulator/snapshot``: go on from a state."""
    simulator = _simulator(request)
    lines = (await request.body()).splitlines()
    try:
        saved = parse(lines, clock=simulator.directory.clock)
        simulator.settings.change(saved.settings)
        simulator.replace_state(saved.directories, saved.refresh_tokens)
    except ValueError as error:
        return _refused(error)
    return _json({"directories": [_describe(one) for one in saved.directories]})


def make_changes(simulator: Simulator, body: dict[str, Any]) -> dict[str, Any]:
    """Do ``POST /_simulator/changes``."""
    directory = simulator.chosen(body)
    if "churn" in body:
        report = _churn(directory, body)
    else:
        report = apply_changes(directory, body["changes"])
    return {"sentences": report.sentences, "counts": report.counts}


def plan_faults(simulator: Simulator, body: dict[str, Any]) -> dict[str, Any]:
    """Do ``POST /_simulator/faults``."""
    faults = [fault_from(one) for one in body.get("faults", [])]
    if "random" in body:
        options = dict(body["random"])
        if not 0 < options.get("count", 5) <= _MOST_FAULTS:
            raise ValueError(f"count is a number from 1 to {_MOST_FAULTS}")
        faults.extend(FaultPlan.random(**options).faults)
    if body.get("clear"):
        simulator.faults.clear()
    for fault in faults:
        simulator.faults.add(fault)
    return {"waiting": len(simulator.faults.faults)}


def expire_tokens(simulator: Simulator, body: dict[str, Any]) -> dict[str, Any]:
    """Do ``POST /_simulator/expire-tokens``: delta and access tokens unless told otherwise."""
    if body.get("delta", True):
        for directory in simulator.directories.values():
            directory.expire_delta_tokens()
    refreshed = 0
    if body.get("refresh", False):
        refreshed = sum(map(simulator.refresh_tokens.revoke, simulator.directories.values()))
    revoked = simulator.tokens.revoke_all() if body.get("access", True) else 0
    return {"revoked": revoked, "refresh_revoked": refreshed}


def change_settings(simulator: Simulator, body: dict[str, Any]) -> dict[str, Any]:
    """Do ``POST /_simulator/settings``: knobs by name, or ``{"vary": seed}``."""
    body = dict(body)
    chosen = simulator.vary(body.pop("vary")) if "vary" in body else {}
    simulator.configure(body)
    return {"settings": dataclasses.asdict(simulator.settings), "varied": chosen}


def _churn(directory: Directory, body: dict[str, Any]) -> ChangeReport:
    amount = body["churn"]
    if not isinstance(amount, int) or not 0 <= amount <= _MOST_CHANGES:
        raise ValueError(f"churn is a number from 0 to {_MOST_CHANGES}")
    seed = body.get("seed", f"{directory.seed}:{directory.position}")
    return churn(directory, random.Random(str(seed)), amount)  # noqa: S311


def _endpoint(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return _json(operation(_simulator(request), await _body(request)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return _refused(error)

    return endpoint


def _describe(directory: Directory) -> dict[str, Any]:
    return {
        "tenant_id": directory.tenant_id,
        "domain": directory.domain,
        "display_name": directory.display_name,
        "client_id": directory.client_id,
        "client_secret": directory.client_secret,
        "counts": directory.counts(),
        "mfa": directory.mfa,
        "apps": [
            {
                "client_id": one.app.client_id,
                "display_name": one.app.display_name,
                "redirect_uris": one.app.redirect_uris,
                "roles": one.roles,
                "scopes": one.scopes,
            }
            for one in directory.installations.values()
        ],
    }


def _simulator(request: Request) -> Simulator:
    simulator: Simulator = request.app.state.simulator
    return simulator


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    body = orjson.loads(raw) if raw else {}
    if not isinstance(body, dict):
        raise TypeError("the body is a JSON object")
    return body


def _refused(error: Exception) -> Response:
    text = str(error.args[0]) if error.args else type(error).__name__
    return _json({"error": text}, 400)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    content = orjson.dumps({"simulator": True, **body})
    return Response(content, status, media_type="application/json")
