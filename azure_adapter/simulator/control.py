"""The control endpoint under ``/_simulator/``: look into the simulator and steer it, in JSON.

It is no part of Microsoft's API and cannot be taken for it: its paths begin with
``/_simulator/``, it needs no sign-in, and every answer says ``"simulator": true``.

* ``GET /_simulator/state``: tenants with ids, client id and secret, counts, waiting faults.
* ``POST /_simulator/changes``: ``{"churn": N}`` (about N changes, ``"seed"`` optional) or
  ``{"changes": [{"op": "add_user", ...}]}``; answers sentences and counts.
* ``POST /_simulator/faults``: ``{"faults": [{"effect": "throttle", ...}]}``, ``{"clear": true}``.
* ``POST /_simulator/expire-tokens``: ``{"delta": true, "access": true}``, both by default.
* ``GET /_simulator/requests``: the trace, and the writes that were tried.

With several tenants, ``"tenant"`` in a body picks one; the first is the default.
"""

from __future__ import annotations

import random
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from azure_adapter.simulator.changes import ChangeReport, apply_changes, churn
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.faults import fault_from
from azure_adapter.simulator.middleware import CONTROL_PREFIX
from azure_adapter.simulator.state import Simulator

_MOST_CHANGES = 100_000


def control_routes() -> list[Route]:
    """List the routes of the control endpoint."""
    return [
        Route(f"{CONTROL_PREFIX}state", show_state, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}requests", show_requests, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}changes", make_changes, methods=["POST"]),
        Route(f"{CONTROL_PREFIX}faults", plan_faults, methods=["POST"]),
        Route(f"{CONTROL_PREFIX}expire-tokens", expire_tokens, methods=["POST"]),
    ]


async def show_state(request: Request) -> Response:
    """Answer ``GET /_simulator/state``."""
    simulator = _simulator(request)
    return _json(
        {
            "directories": [_describe(one) for one in simulator.directories.values()],
            "faults": [
                {"effect": fault.effect, "path": fault.path, "seen": fault.seen}
                for fault in simulator.faults.faults
            ],
            "settings": {
                "page_size": simulator.settings.page_size,
                "link_limit": simulator.settings.link_limit,
                "expiry_form": simulator.settings.expiry_form,
            },
        }
    )


async def show_requests(request: Request) -> Response:
    """Answer ``GET /_simulator/requests``."""
    simulator = _simulator(request)
    return _json(
        {
            "requests": [one._asdict() for one in simulator.requests],
            "writes": [{"method": method, "path": path} for method, path in simulator.writes],
        }
    )


async def make_changes(request: Request) -> Response:
    """Answer ``POST /_simulator/changes``; 400 with ``error`` when a change is refused."""
    try:
        body = await _body(request)
        directory = _chosen(_simulator(request), body)
        report = _change(directory, body)
    except (KeyError, TypeError, ValueError) as error:
        return _refused(error)
    return _json({"sentences": report.sentences, "counts": report.counts})


async def plan_faults(request: Request) -> Response:
    """Answer ``POST /_simulator/faults``; 400 with ``error`` for a fault that makes no sense."""
    plan = _simulator(request).faults
    try:
        body = await _body(request)
        faults = [fault_from(one) for one in body.get("faults", [])]
    except (AttributeError, TypeError, ValueError) as error:
        return _refused(error)
    if body.get("clear"):
        plan.clear()
    for fault in faults:
        plan.add(fault)
    return _json({"waiting": len(plan.faults)})


async def expire_tokens(request: Request) -> Response:
    """Answer ``POST /_simulator/expire-tokens``."""
    simulator = _simulator(request)
    try:
        body = await _body(request)
    except (TypeError, ValueError) as error:
        return _refused(error)
    if body.get("delta", True):
        for directory in simulator.directories.values():
            directory.expire_delta_tokens()
    revoked = simulator.tokens.revoke_all() if body.get("access", True) else 0
    return _json({"revoked": revoked})


def _change(directory: Directory, body: dict[str, Any]) -> ChangeReport:
    if "churn" not in body:
        return apply_changes(directory, body["changes"])
    amount = body["churn"]
    if not isinstance(amount, int) or not 0 <= amount <= _MOST_CHANGES:
        raise ValueError(f"churn is a number from 0 to {_MOST_CHANGES}")
    seed = body.get("seed", f"{directory.seed}:{directory.position}")
    return churn(directory, random.Random(str(seed)), amount)  # noqa: S311


def _chosen(simulator: Simulator, body: dict[str, Any]) -> Directory:
    tenant = body.get("tenant")
    if tenant is None:
        return simulator.directory
    directory = simulator.find_directory(str(tenant))
    if directory is None:
        raise KeyError(f"no tenant {tenant!r}")
    return directory


def _describe(directory: Directory) -> dict[str, Any]:
    return {
        "tenant_id": directory.tenant_id,
        "domain": directory.domain,
        "display_name": directory.display_name,
        "client_id": directory.client_id,
        "client_secret": directory.client_secret,
        "roles": directory.roles,
        "position": directory.position,
        "counts": directory.counts(),
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
