"""The Graph side: signs requests in, refuses writes, finds the answer, dresses it.

Sources: Microsoft Graph: "Use the Microsoft Graph API", error responses, "Combine multiple HTTP
requests using JSON batching".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response

from azure_adapter.simulator import listing
from azure_adapter.simulator.access import Grant
from azure_adapter.simulator.delta import answer_delta
from azure_adapter.simulator.hosts import base_url
from azure_adapter.simulator.properties import kind_of_collection
from azure_adapter.simulator.replies import (
    GraphError,
    GraphRequest,
    Reply,
    bad_request,
    common_headers,
    error_reply,
    forbidden,
    resource_units,
)
from azure_adapter.simulator.state import Simulator

_BATCH_LIMIT: Final = 20
_READ_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WRITE_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_CHALLENGE: Final = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/'
    'authorize", client_id="00000003-0000-0000-c000-000000000000"'
)


async def graph_endpoint(request: Request) -> Response:
    """Answer anything under ``/v1.0``, as a Starlette endpoint."""
    simulator: Simulator = request.app.state.simulator
    body = await request.body()
    headers = dict(request.headers)
    path = request.scope["path"].removeprefix("/v1.0").strip("/")
    segments = tuple(path.split("/")) if path else ()
    params = dict(request.query_params)
    _record_write(simulator, request.method, request.scope["path"])
    try:
        grant = _sign_in(simulator, headers)
        asked = GraphRequest(
            simulator,
            grant.directory,
            grant.roles,
            f"{base_url(headers)}/v1.0",
            request.method,
            segments,
            params,
            headers,
        )
        reply = _batch(asked, body) if segments == ("$batch",) else answer(asked)
    except GraphError as error:
        reply = error_reply(error, headers)
    return _dress(reply, headers, resource_units(segments, params))


def answer(request: GraphRequest) -> Reply:
    """Answer one signed-in request; the same for outer requests and those in a batch.

    Raises:
        GraphError: Whatever Microsoft Graph would answer instead of success.
    """
    if request.method in _WRITE_METHODS:
        raise forbidden()
    if request.method != "GET":
        raise GraphError(
            405, "Request_BadRequest", f"Specified HTTP method is not allowed: {request.method}."
        )
    first = request.segments[0].lower() if request.segments else ""
    kind = kind_of_collection(first)
    if kind is not None:
        listing.require_reader(request, kind)
        return _answer_collection(request, kind, request.segments[1:])
    if first == "directory" and len(request.segments) == 3:
        return _answer_deleted(request)
    if request.segments == ("organization",):
        return listing.list_organization(request)
    raise _no_segment(request)


def _answer_collection(request: GraphRequest, kind: str, rest: tuple[str, ...]) -> Reply:
    if not rest:
        return listing.list_objects(request, kind)
    if len(rest) == 1:
        if rest[0].lower() in ("delta", "delta()", "microsoft.graph.delta()"):
            return answer_delta(request, kind)
        return listing.get_object(request, kind, rest[0])
    relation = rest[1].lower() if len(rest) == 2 else ""
    if kind == "group" and relation in ("members", "transitivemembers"):
        transitive = relation == "transitivemembers"
        return listing.list_members(request, rest[0], transitive=transitive)
    if kind == "user" and relation == "manager":
        return listing.get_manager(request, rest[0])
    raise _no_segment(request)


def _answer_deleted(request: GraphRequest) -> Reply:
    if request.segments[1].lower() != "deleteditems":
        raise _no_segment(request)
    last = request.segments[2]
    for kind in ("user", "group"):
        if last.lower() == f"microsoft.graph.{kind}":
            listing.require_reader(request, kind)
            return listing.list_deleted(request, kind)
    return listing.get_deleted(request, last)


def _no_segment(request: GraphRequest) -> GraphError:
    last = request.segments[-1] if request.segments else ""
    return bad_request(f"Resource not found for the segment '{last}'.")


def _sign_in(simulator: Simulator, headers: Mapping[str, str]) -> Grant:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized("Access token is empty.")
    verdict, grant = simulator.tokens.check(token.strip())
    if grant is not None:
        return grant
    if verdict == "expired":
        raise _unauthorized("Lifetime validation failed, the token is expired.")
    raise _unauthorized("Access token validation failure. Invalid audience.")


def _unauthorized(message: str) -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": _CHALLENGE})


def _record_write(simulator: Simulator, method: str, path: str) -> None:
    reads = method in _READ_METHODS or (method == "POST" and path == "/v1.0/$batch")
    if not reads:
        simulator.writes.append((method, path))


def _batch(request: GraphRequest, body: bytes) -> Reply:
    """Answer ``POST /$batch``: at most 20 requests, each with its own status."""
    if request.method != "POST":
        raise _no_segment(request)
    try:
        parts = orjson.loads(body)["requests"]
        if len(parts) > _BATCH_LIMIT:
            raise bad_request(f"Number of batch request steps exceeds the limit {_BATCH_LIMIT}.")
        return Reply(200, {"responses": [_batch_step(request, part) for part in parts]})
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
        raise bad_request("Invalid batch payload format.") from error


def _batch_step(outer: GraphRequest, part: dict[str, Any]) -> dict[str, Any]:
    url = urlsplit(part["url"])
    method = part["method"].upper()
    headers = {name.lower(): str(value) for name, value in part.get("headers", {}).items()}
    segments = tuple(unquote(one) for one in url.path.strip("/").split("/"))
    inner = replace(
        outer,
        method=method,
        segments=segments,
        params=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers=headers,
    )
    _record_write(outer.simulator, method, f"/v1.0/{'/'.join(segments)}")
    try:
        reply = answer(inner)
    except GraphError as error:
        reply = error_reply(error, headers)
    return {
        "id": str(part["id"]),
        "status": reply.status,
        "headers": {"Content-Type": "application/json", **reply.headers},
        "body": reply.body,
    }


def _dress(reply: Reply, request_headers: Mapping[str, str], cost: int) -> Response:
    headers = {**common_headers(request_headers, cost), **reply.headers}
    return Response(orjson.dumps(reply.body), reply.status, headers)
