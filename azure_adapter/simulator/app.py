"""The ASGI application that plays sign-in and Graph on one host and port."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from azure_adapter.simulator import identity, signin_flow
from azure_adapter.simulator.control import control_routes
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.graph import graph_endpoint
from azure_adapter.simulator.middleware import SimulatorMiddleware
from azure_adapter.simulator.saving import load
from azure_adapter.simulator.state import Settings, new_simulator

_ALL_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def create_app(
    directories: Directory | Sequence[Directory],
    *,
    page_size: int = 200,
    trace_length: int = 100_000,
    **settings: Any,
) -> Starlette:
    """Build the application of one or several simulated tenants.

    Args:
        directories: The tenant, or several with different tenant ids.
        page_size: Objects per delta page.
        trace_length: How many of the latest requests are remembered.
        settings: Further fields of ``Settings``, for example ``link_limit=50``.

    Returns:
        An application whose ``state.simulator`` is the ``Simulator``.

    Raises:
        ValueError: No directory, two with one tenant id, or a size below 1.
        TypeError: An unknown setting.
    """
    tenants = [directories] if isinstance(directories, Directory) else list(directories)
    simulator = new_simulator(
        tenants, Settings(page_size=page_size, **settings), trace_length=trace_length
    )
    app = Starlette(
        routes=[*control_routes(), *_identity_routes(), *_graph_routes()],
        middleware=[Middleware(SimulatorMiddleware, simulator=simulator)],
    )
    app.state.simulator = simulator
    return app


def load_app(path: Path, *, clock: Callable[[], float] = time.time, **settings: Any) -> Starlette:
    """Build the application of a saved state.

    Args:
        path: A file that ``save`` wrote.
        clock: Source of time of every tenant.
        settings: Settings that differ from the saved ones.

    Raises:
        StateError: The file holds no state.
        OSError: It cannot be read.
    """
    saved = load(path, clock=clock)
    app = create_app(saved.directories, **{**saved.settings, **settings})
    app.state.simulator.refresh_tokens.restore(saved.refresh_tokens)
    return app


def _identity_routes() -> list[Route]:
    return [
        Route("/common/discovery/instance", identity.instance_endpoint, methods=["GET"]),
        Route(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            identity.discovery_endpoint,
            methods=["GET"],
        ),
        Route("/{tenant}/discovery/v2.0/keys", identity.keys_endpoint, methods=["GET"]),
        Route("/{tenant}/oauth2/v2.0/authorize", signin_flow.authorize_endpoint, methods=["GET"]),
        Route("/{tenant}/v2.0/adminconsent", signin_flow.adminconsent_endpoint, methods=["GET"]),
        Route("/{tenant}/login", signin_flow.login_endpoint, methods=["POST"]),
        Route("/{tenant}/oauth2/v2.0/token", identity.token_endpoint, methods=["POST"]),
    ]


def _graph_routes() -> list[Route]:
    return [
        Route("/v1.0", graph_endpoint, methods=_ALL_METHODS),
        Route("/v1.0/{path:path}", graph_endpoint, methods=_ALL_METHODS),
    ]
