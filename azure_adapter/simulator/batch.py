"""``POST /$batch``: up to 20 requests, each with its own answer.

Source: Microsoft Graph: "Combine multiple HTTP requests using JSON batching".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from azure_adapter.simulator.replies import (
    GraphError,
    GraphRequest,
    Reply,
    bad_request,
    common_headers,
)

BATCH_LIMIT: Final = 20
"""Requests in a batch."""

Answerer = Callable[[GraphRequest], Reply]
"""Answers one request, errors included."""


def answer_batch(request: GraphRequest, body: bytes, answer: Answerer) -> Reply:
    """Answer a batch.

    Args:
        request: The outer request, signed in.
        body: Its body.
        answer: What answers each request inside.

    Raises:
        GraphError: 400 for a malformed batch, an id that comes twice, or more than 20 requests.
    """
    try:
        parts = orjson.loads(body)["requests"]
        ids = [str(part["id"]).lower() for part in parts]
    except (orjson.JSONDecodeError, LookupError, TypeError) as error:
        raise bad_request("Invalid batch payload format.") from error
    if len(parts) > BATCH_LIMIT:
        raise bad_request(f"Number of batch request steps exceeds the limit {BATCH_LIMIT}.")
    if len(set(ids)) != len(ids):
        raise bad_request("Request id has to be unique in a batch.")
    return Reply(200, {"responses": _answers(request, parts, answer)})


def _answers(
    request: GraphRequest, parts: list[dict[str, Any]], answer: Answerer
) -> list[dict[str, Any]]:
    failed, responses = set[str](), list[dict[str, Any]]()
    for part in parts:
        name = str(part["id"])
        if failed.intersection(str(one) for one in part.get("dependsOn", ())):
            response = _failed_dependency(name)
        else:
            response = _step(request, part, answer)
        if response["status"] >= 400:
            failed.add(name)
        responses.append(response)
    return responses


def _step(outer: GraphRequest, part: dict[str, Any], answer: Answerer) -> dict[str, Any]:
    try:
        url = urlsplit(part["url"])
        method = part["method"].upper()
        headers = {name.lower(): str(value) for name, value in part.get("headers", {}).items()}
    except (LookupError, AttributeError, TypeError) as error:
        raise bad_request("Invalid batch payload format.") from error
    segments = tuple(unquote(one) for one in url.path.strip("/").split("/"))
    params = dict(parse_qsl(url.query, keep_blank_values=True))
    inner = replace(outer, method=method, segments=segments, params=params, headers=headers)
    reply = answer(inner)
    return {
        "id": str(part["id"]),
        "status": reply.status,
        "headers": {**_inner_headers(inner), **reply.headers},
        "body": reply.body,
    }


def _inner_headers(request: GraphRequest) -> dict[str, str]:
    """Build the headers of an answer in a batch: those of an answer outside, its ids left out."""
    whole = common_headers(request.headers, request.cost)
    kept = ("Cache-Control", "x-ms-resource-unit", "OData-Version", "Content-Type")
    return {name: whole[name] for name in kept}


def _failed_dependency(name: str) -> dict[str, Any]:
    error = GraphError(424, "FailedDependency", "A request that this one depends on failed.")
    return {
        "id": name,
        "status": error.status,
        "headers": {"Content-Type": "application/json"},
        "body": {"error": {"code": error.code, "message": error.message}},
    }
