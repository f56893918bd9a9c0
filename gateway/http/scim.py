"""The SCIM endpoint: one ASGI application for everything below ``/scim/v2``.

Every path needs a bearer token, the discovery endpoints too: what they tell is of one workspace.
Authentication comes before anything of the body is read.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import orjson
from scim2_models import Error, UnauthorizedException
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from gateway.http.access import BearerAuthenticator, challenge
from gateway.http.bodies import BodyTooSlowError, read_body
from scim.caller import Caller
from scim.handler import GatewayHandler
from scim.service import GatewayService

ROOT = "/scim/v2"

WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods whose body means nothing in SCIM; it is not read."""


class ScimEndpoint:
    """Turns HTTP requests into SCIM requests and SCIM answers into HTTP answers.

    Args:
        service: says how large a body may be, and what an error looks like.
        authenticator: finds the caller.
        handler_of: makes the handler that sees a caller's workspace.
        base_url: public URL of the gateway, or ``None`` for that of the request.
    """

    def __init__(
        self,
        service: GatewayService,
        authenticator: BearerAuthenticator,
        handler_of: Callable[[Caller], GatewayHandler],
        base_url: str | None = None,
    ) -> None:
        self._service = service
        self._authenticator = authenticator
        self._handler_of = handler_of
        self._base_url = base_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = self._request(scope)
        try:
            response = await self._answer(request, receive)
        except ClientDisconnect:
            return
        await send_scim(response, send)

    async def _answer(self, request: ScimRequest, receive: Receive) -> ScimResponse:
        authorization = request.header("Authorization")
        try:
            caller = await self._authenticator.caller(authorization)
        except UnauthorizedException as refusal:
            response = self._service.error_response(refusal)
            response.headers["WWW-Authenticate"] = challenge(authorization)
            return response
        bind_contextvars(source=str(caller.source))
        request.subject = caller
        try:
            if request.method not in WITHOUT_BODY:
                request.body = await read_body(receive, self._service.max_body_size(request))
        except BodyTooSlowError:
            late = scim_error(HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time.")
            late.headers["Connection"] = "close"
            return late
        return await self._handler_of(caller).handle(request)

    def _request(self, scope: Scope) -> ScimRequest:
        return ScimRequest(
            method=scope["method"],
            base_url=(self._base_url or base_url_of(scope)) + ROOT,
            path=scope["path"].removeprefix(ROOT).removesuffix(".scim"),
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers=[
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in scope["headers"]
            ],
        )


def base_url_of(scope: Scope) -> str:
    """Return scheme and host of a request as its client sees them."""
    for name, value in scope["headers"]:
        if name == b"host" and value:
            return f"{scope['scheme']}://{value.decode('latin-1')}"
    host, port = scope.get("server") or ("localhost", 80)
    return f"{scope['scheme']}://{host}:{port}"


def scim_error(status: HTTPStatus, detail: str) -> ScimResponse:
    """Return a SCIM error (RFC 7644 §3.12) that no exception of the library stands for."""
    return ScimResponse(status, Error(status=int(status), detail=detail).model_dump())


async def send_scim(response: ScimResponse, send: Send) -> None:
    """Send a SCIM answer over ASGI."""
    body = b"" if response.body is None else orjson.dumps(response.body)
    headers: list[tuple[bytes, bytes]] = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.headers.items()
        if response.body is not None or name.lower() != "content-type"
    ]
    if response.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        headers.append((b"content-length", str(len(body)).encode()))
    start: dict[str, Any] = {
        "type": "http.response.start",
        "status": int(response.status),
        "headers": headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})
