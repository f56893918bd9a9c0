"""The SCIM endpoint: one ASGI application for everything below ``/scim/v2``.

Every path needs a bearer token, the discovery endpoints too: what they tell is of one workspace.
Authentication comes before anything of the body is read.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson
from scim2_models import Error
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from gateway.http.access import BearerAuthenticator, RefusedError, scope_challenge
from gateway.http.bodies import BodyTooSlowError, read_body
from scim.caller import Caller
from scim.fast.lane import FastAnswer, FastLane
from scim.handler import GatewayHandler
from scim.service import GatewayService

ROOT = "/scim/v2"

WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods whose body means nothing in SCIM; it is not read."""

CONDITIONAL = frozenset({b"if-match", b"if-none-match"})


class ScimEndpoint:
    """Turns HTTP requests into SCIM requests and SCIM answers into HTTP answers.

    Args:
        service: says how large a body may be, and what an error looks like.
        authenticator: finds the caller.
        handler_of: makes the handler that sees a caller's workspace.
        base_url: public URL of the gateway, or ``None`` for that of the request.
        lane: answers reads from stored documents; without it, the handler answers all requests.
    """

    def __init__(
        self,
        service: GatewayService,
        authenticator: BearerAuthenticator,
        handler_of: Callable[[Caller], GatewayHandler],
        base_url: str | None = None,
        lane: FastLane | None = None,
    ) -> None:
        self._service = service
        self._authenticator = authenticator
        self._handler_of = handler_of
        self._base_url = base_url
        self._lane = lane

    async def read(self, scope: Scope) -> FastAnswer | None:
        """Answer a GET by the read lane; ``None`` leaves it to the application.

        The caller that was found is noted in the scope, so that it is asked and counted once.
        """
        if self._lane is None:
            return None
        authorization, conditions = _headers_of_read(scope)
        try:
            caller = await self._authenticator.caller(authorization, address_of(scope))
        except RefusedError as refusal:
            scope["refusal"] = refusal
            return None
        scope["caller"] = caller
        return await self._lane.answer(self._slim_request(scope, conditions), caller)

    def read_now(self, scope: Scope) -> FastAnswer | None:
        """Answer a GET by the read lane without waiting; ``None`` leaves it to :meth:`read`.

        The caller has to be known already, and its limit not reached.
        """
        if self._lane is None or not self._lane.immediate:
            return None
        authorization, conditions = _headers_of_read(scope)
        caller = self._authenticator.known(authorization)
        if caller is None:
            return None
        scope["caller"] = caller
        return self._lane.answer_now(self._slim_request(scope, conditions), caller)

    def _slim_request(self, scope: Scope, headers: list[tuple[str, str]]) -> ScimRequest:
        query = scope["query_string"]
        return ScimRequest(
            "GET",
            (self._base_url or base_url_of(scope)) + ROOT,
            scope["path"].removeprefix(ROOT).removesuffix(".scim"),
            dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if query else {},
            headers,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = self._request(scope)
        try:
            response = await self._answer(request, receive, scope)
        except ClientDisconnect:
            return
        await send_scim(response, send)

    async def _caller(self, request: ScimRequest, scope: Scope) -> Caller:
        """Return who calls, as :meth:`read` has found out if it has.

        Raises:
            RefusedError: the request does not pass the gate.
        """
        if "refusal" in scope:
            raise scope["refusal"]
        if "caller" in scope:
            return cast(Caller, scope["caller"])
        authorization = request.header("Authorization")
        return await self._authenticator.caller(authorization, address_of(scope))

    async def _answer(
        self, request: ScimRequest, receive: Receive, scope: Scope
    ) -> ScimResponse | FastAnswer:
        try:
            caller = await self._caller(request, scope)
        except RefusedError as refusal:
            response = self._service.error_response(refusal)
            response.headers.update(refusal.headers)
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
        if self._lane is not None and request.path.endswith(".search"):
            found = await self._lane.answer(request, caller)
            if found is not None:
                return found
        response = await self._handler_of(caller).handle(request)
        needed = scope_challenge(caller) if response.status == HTTPStatus.FORBIDDEN else None
        if needed:
            response.headers["WWW-Authenticate"] = needed
        return response

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


def _headers_of_read(scope: Scope) -> tuple[str | None, list[tuple[str, str]]]:
    """Return the Authorization header of a read (``None`` if there are several), and conditions."""
    authorization, conditions = None, []
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value.decode("latin-1") if authorization is None else ""
        elif name in CONDITIONAL:
            conditions.append((name.decode(), value.decode("latin-1")))
    return authorization or None, conditions


def address_of(scope: Scope) -> str:
    """Return the address that a request comes from, or "" where the server does not know it."""
    client = scope.get("client")
    return str(client[0]) if client else ""


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


async def send_scim(response: ScimResponse | FastAnswer, send: Send) -> None:
    """Send a SCIM answer over ASGI."""
    if isinstance(response, FastAnswer):
        body = response.body
        response = ScimResponse(response.status, {}, dict(response.headers))
    else:
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
