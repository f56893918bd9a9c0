"""The ASGI application of the gateway."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import version

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from gateway.http.answers import json_answer, method_not_allowed, not_found
from gateway.http.middleware import RequestMiddleware
from gateway.http.scim import ROOT

HEALTH_SECONDS = 2.0
"""How long the database may take to answer ``/healthz``."""

log = structlog.stdlib.get_logger("gateway.http")


def create_app(
    scim: ASGIApp, ping: Callable[[], Awaitable[None]], routes: Iterable[BaseRoute] = ()
) -> Starlette:
    """Build the application.

    Args:
        scim: what serves the SCIM endpoints.
        ping: asks the database for anything; raises when it cannot answer.
        routes: what else is served.
    """

    async def health(_request: Request) -> Response:
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await ping()
        except Exception as error:
            log.warning("health check failed", error=repr(error))
            return json_answer({"status": "unavailable", "database": "unreachable"}, 503)
        release = version("ezto-gateway")
        return json_answer({"status": "ok", "database": "ok", "version": release})

    app = Starlette(
        routes=[
            Route("/healthz", health, methods=["GET"]),
            Route(ROOT, scim),
            Route(ROOT + "/{path:path}", scim),
            *routes,
        ],
        middleware=[Middleware(RequestMiddleware)],
        exception_handlers={404: not_found, 405: method_not_allowed},
    )
    app.router.redirect_slashes = False
    return app
