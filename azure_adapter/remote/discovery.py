"""What a remote SCIM server can do, by its own account (RFC 7643 §5, RFC 9865 §3).

A server that has no ``/ServiceProviderConfig``, or a wrong one, is taken for one that does what
RFC 7644 asks of everybody and nothing that it leaves open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from azure_adapter.remote.connection import Connection

DEFAULT_OPERATIONS: Final = 100
"""Operations in one Bulk request for a server that offers Bulk and does not say how many."""

DEFAULT_PAYLOAD: Final = 1024 * 1024
"""Bytes of one request body for a server that does not say how many."""

MOST_OPERATIONS: Final = 1_000
"""Operations in one Bulk request at most: more only costs what a lost answer repeats."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server offers.

    Attributes:
        told: whether it said so itself.
        bulk: Bulk requests (RFC 7644 §3.7).
        bulk_operations: operations in one of them.
        payload: bytes of one request body.
        patch: PATCH (RFC 7644 §3.5.2).
        filter: filters, by its own account; whether they work is tried out.
        filter_results: resources that one search returns at most; 0 when it does not say.
        etag: If-Match (RFC 7644 §3.14).
        cursor_only: pages come by cursor only (RFC 9865).
    """

    told: bool = False
    bulk: bool = False
    bulk_operations: int = DEFAULT_OPERATIONS
    payload: int = DEFAULT_PAYLOAD
    patch: bool = True
    filter: bool = True
    filter_results: int = 0
    etag: bool = False
    cursor_only: bool = False


async def discover(connection: Connection) -> Capabilities:
    """Ask a server what it can do.

    Raises:
        RemoteTargetError: it does not answer, or refuses the token.
    """
    answer = await connection.get("/ServiceProviderConfig")
    if answer.again and answer.code != "damaged_answer":
        await connection.gave_up(answer)
    return read_capabilities(answer.body) if answer.ok and answer.body else Capabilities()


def read_capabilities(body: Mapping[str, Any]) -> Capabilities:
    """Read a ServiceProviderConfig; total for any JSON object."""
    bulk, pages = _part(body, "bulk"), _part(body, "pagination")
    operations = _count(bulk, "maxOperations", DEFAULT_OPERATIONS)
    return Capabilities(
        told=True,
        bulk=_offered(bulk, default=False) and operations > 1,
        bulk_operations=min(operations, MOST_OPERATIONS),
        payload=_count(bulk, "maxPayloadSize", DEFAULT_PAYLOAD),
        patch=_offered(_part(body, "patch"), default=True),
        filter=_offered(_part(body, "filter"), default=True),
        filter_results=_count(_part(body, "filter"), "maxResults", 0),
        etag=_offered(_part(body, "etag"), default=False),
        cursor_only=pages.get("cursor") is True and pages.get("index") is False,
    )


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def _offered(part: Mapping[str, Any], *, default: bool) -> bool:
    value = part.get("supported")
    if isinstance(value, str):
        return value.lower() == "true"
    return value if isinstance(value, bool) else default


def _count(part: Mapping[str, Any], name: str, default: int) -> int:
    value = part.get(name)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and isinstance(value, int) and value > 0 else default
