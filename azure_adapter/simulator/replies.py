"""Requests and replies of the Graph side, and its documented errors and headers.

Sources: Microsoft Graph: error responses and resource types; "Microsoft Graph throttling limits"
(ResourceUnits); "Use the Microsoft Graph API" (response headers).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import orjson

from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.faults_bodies import throttled_body
from azure_adapter.simulator.permissions import HIDDEN_READERS
from azure_adapter.simulator.state import Refusal, Simulator

CONTENT_TYPE: Final = (
    "application/json;odata.metadata=minimal;odata.streaming=true;"
    "IEEE754Compatible=false;charset=utf-8"
)
"""Content type of every Graph answer."""

_DIAGNOSTIC: Final = orjson.dumps(
    {
        "ServerInfo": {
            "DataCenter": "Simulator",
            "Slice": "E",
            "Ring": "1",
            "ScaleUnit": "000",
            "RoleInstance": "SIMULATOR0000",
        }
    }
).decode()


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """A request on the Graph side, signed in, freed of HTTP.

    Attributes:
        simulator: The simulator that was asked.
        directory: The tenant that the token opens.
        roles: Application permissions that the token carries.
        base: Absolute URL of the version, for example ``https://graph.microsoft.com/v1.0``.
        method: HTTP method.
        segments: Decoded path segments after the version.
        params: Query parameters, decoded.
        headers: Request headers with lower-case names.
        client_id: The app that asks.
        object_id: The user who signed in; None for an app on its own.
        hides: Whether hidden memberships are hidden whatever is granted (a fault).
    """

    simulator: Simulator
    directory: Directory
    roles: frozenset[str]
    base: str
    method: str
    segments: tuple[str, ...]
    params: Mapping[str, str]
    headers: Mapping[str, str]
    client_id: str = ""
    object_id: str | None = None
    hides: bool = False

    @property
    def cost(self) -> int:
        """ResourceUnits of the request."""
        return resource_units(self.segments, self.params)

    @property
    def path(self) -> str:
        """Path with the version, as the trace has it."""
        return f"/v1.0/{'/'.join(self.segments)}"

    def sees_hidden(self) -> bool:
        """Say whether hidden memberships are shown."""
        granted = self.directory.member_read_hidden or not self.roles.isdisjoint(HIDDEN_READERS)
        return granted and not self.hides

    def require(self, readers: frozenset[str]) -> None:
        """Refuse, and remember it, unless the token has one of some permissions.

        Raises:
            GraphError: 403 ``Authorization_RequestDenied``.
        """
        if self.roles.isdisjoint(readers):
            self.refuse(tuple(sorted(readers)))

    def refuse(self, wanted: tuple[str, ...] = ()) -> NoReturn:
        """Refuse with 403 and remember it."""
        self.simulator.refusals.append(Refusal(self.method, self.path, wanted))
        raise forbidden()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the Graph side: status, JSON body (or plain text), further headers."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class GraphError(Exception):
    """An answer other than success, in Microsoft's error body.

    Args:
        status: HTTP status.
        code: Documented error code.
        message: Text for a person.
        headers: Further response headers.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


def bad_request(message: str) -> GraphError:
    """Build the 400 ``BadRequest`` error."""
    return GraphError(400, "BadRequest", message)


def not_found(object_id: str) -> GraphError:
    """Build the 404 that Graph gives for an object that is not there."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property "
        "objects are not present.",
    )


def forbidden() -> GraphError:
    """Build the 403 of a missing permission."""
    return GraphError(
        403,
        "Authorization_RequestDenied",
        "Insufficient privileges to complete the operation.",
    )


def throttled(retry_after: float, scope: str) -> GraphError:
    """Build the 429 of a used-up quota. Source: Microsoft Graph throttling limits."""
    headers = {
        "Retry-After": f"{retry_after:g}",
        "x-ms-throttle-scope": scope,
        "x-ms-throttle-information": "ResourceUnitLimitExceeded",
    }
    return GraphError(429, "TooManyRequests", "Please retry again later.", headers)


def error_body(code: str, message: str, request_id: str, client_id: str) -> dict[str, Any]:
    """Build Microsoft's error body. Source: Microsoft Graph: error responses."""
    return {
        "error": {
            "code": code,
            "message": message,
            "innerError": {
                "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
                "request-id": request_id,
                "client-request-id": client_id,
            },
        }
    }


def error_reply(error: GraphError, headers: Mapping[str, str]) -> Reply:
    """Turn an error into an answer with the ids that its headers repeat."""
    ids = request_ids(headers)
    if error.status == 429:
        body = orjson.loads(throttled_body(ids["request-id"]))
    else:
        body = error_body(error.code, error.message, ids["request-id"], ids["client-request-id"])
    return Reply(error.status, body, {**ids, **error.headers})


def request_ids(headers: Mapping[str, str]) -> dict[str, str]:
    """Make the ``request-id`` and echo (or make) the ``client-request-id``."""
    request_id = str(uuid.uuid4())
    return {
        "request-id": request_id,
        "client-request-id": headers.get("client-request-id", request_id),
    }


def common_headers(request_headers: Mapping[str, str], cost: int) -> dict[str, str]:
    """Build the headers that every Graph answer has."""
    return {
        "Cache-Control": "no-cache",
        "Content-Type": CONTENT_TYPE,
        "OData-Version": "4.0",
        "x-ms-ags-diagnostic": _DIAGNOSTIC,
        "x-ms-resource-unit": str(cost),
        **request_ids(request_headers),
    }


def resource_units(segments: tuple[str, ...], params: Mapping[str, str]) -> int:
    """Compute what a request costs of the tenant's quota.

    Args:
        segments: Path segments after the version.
        params: Query parameters.

    Returns:
        ResourceUnits, at least 1. Source: Microsoft Graph throttling limits (identity and
        access).
    """
    cost = _base_cost(tuple(segment.lower() for segment in segments))
    cost -= "$select" in params
    cost += "$expand" in params
    top = params.get("$top", "")
    cost -= top.isdecimal() and int(top) < 20
    return max(cost, 1)


def _base_cost(segments: tuple[str, ...]) -> int:
    if segments == ("users",):
        return 2
    if segments == ("directoryobjects", "getbyids"):
        return 5
    if len(segments) == 3 and segments[0] == "groups":
        return {"members": 3, "transitivemembers": 5}.get(segments[2], 1)
    return 1
