"""The Graph side: signs requests in, refuses writes, finds the answer, dresses it.

Sources: Microsoft Graph: "Use the Microsoft Graph API", error responses, "Combine multiple HTTP
requests using JSON batching".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from azure_adapter.simulator import listing, tenant
from azure_adapter.simulator.access import Grant
from azure_adapter.simulator.batch import answer_batch
from azure_adapter.simulator.delta import answer_delta
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.hosts import base_url
from azure_adapter.simulator.permissions import DELETED_READERS, READERS
from azure_adapter.simulator.properties import kind_of_collection
from azure_adapter.simulator.replies import (
    GraphError,
    GraphRequest,
    Reply,
    bad_request,
    common_headers,
    error_reply,
    resource_units,
    throttled,
)
from azure_adapter.simulator.state import Simulator

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
    try:
        grant = _sign_in(simulator, headers)
    except GraphError as error:
        _record_write(simulator, request.method, request.scope["path"])
        return _dress(error_reply(error, headers), headers, resource_units(segments, params))
    asked = GraphRequest(
        simulator,
        _replica(request, simulator, grant.directory, params),
        grant.roles,
        f"{base_url(headers)}/v1.0",
        request.method,
        segments,
        params,
        headers,
        grant.client_id,
        grant.object_id,
        hides=bool(request.scope.get("simulator.hides")),
    )
    return _dress(_answer_whole(asked, body), headers, asked.cost)


def answer(request: GraphRequest) -> Reply:
    """Answer one signed-in request; the same for outer requests and those in a batch.

    Raises:
        GraphError: Whatever Microsoft Graph would answer instead of success.
    """
    if request.method in _WRITE_METHODS:
        request.refuse()
    if request.method != "GET":
        raise GraphError(
            405, "Request_BadRequest", f"Specified HTTP method is not allowed: {request.method}."
        )
    first = request.segments[0].lower() if request.segments else ""
    kind = kind_of_collection(first)
    if kind is not None:
        request.require(READERS[kind])
        return _answer_collection(request, kind, request.segments[1:])
    if first == "me" and len(request.segments) == 1:
        return tenant.get_me(request)
    if first == "directory" and len(request.segments) == 3:
        return _answer_deleted(request)
    if first == "organization" and len(request.segments) == 1:
        return tenant.list_organization(request)
    raise _no_segment(request)


def _answer_whole(request: GraphRequest, body: bytes) -> Reply:
    if request.segments != ("$batch",) or request.method != "POST":
        return _answered(request)
    try:
        return answer_batch(request, body, _answered)
    except GraphError as error:
        return error_reply(error, request.headers)


def _answered(request: GraphRequest) -> Reply:
    """Answer one request within its quota, errors included."""
    _record_write(request.simulator, request.method, request.path)
    told: dict[str, str] = {}
    try:
        told = _spend(request)
        reply = answer(request)
    except GraphError as error:
        reply = error_reply(error, request.headers)
    reply.headers.update(told)
    return reply


def _spend(request: GraphRequest) -> dict[str, str]:
    """Count a request against the quota and return the headers that tell of it."""
    settings = request.simulator.settings
    if not settings.throttle:
        return {}
    verdict = request.simulator.throttle.spend(
        request.directory, request.client_id, request.cost, settings.quota
    )
    if verdict.retry_after is not None:
        error = throttled(verdict.retry_after, verdict.scope)
        error.headers.update(verdict.headers())
        raise error
    return verdict.headers()


def _replica(
    request: Request, simulator: Simulator, directory: Directory, params: Mapping[str, str]
) -> Directory:
    """Pick the replica that answers: one that lags when a fault says so.

    Inside a round of delta the chain stays where it began, so that nothing is lost.
    """
    lag = request.scope.get("simulator.lag")
    if lag is None or "$skiptoken" in params:
        return directory
    return simulator.replica(directory, lag)


def _answer_collection(request: GraphRequest, kind: str, rest: tuple[str, ...]) -> Reply:
    if not rest:
        return listing.list_objects(request, kind)
    if len(rest) == 1:
        if rest[0].lower() == "$count":
            return listing.count_objects(request, kind)
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
            request.require(DELETED_READERS[kind])
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


def _dress(reply: Reply, request_headers: Mapping[str, str], cost: int) -> Response:
    headers = {**common_headers(request_headers, cost), **reply.headers}
    if isinstance(reply.body, str):
        headers["Content-Type"] = "text/plain"
        return Response(reply.body, reply.status, headers)
    return Response(orjson.dumps(reply.body), reply.status, headers)
