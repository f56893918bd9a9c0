"""The name of the directory that a token is of.

Source: Microsoft Graph: "List organization" (``User.Read`` is enough for the name).
"""

from __future__ import annotations

from azure_adapter.graph.client import GraphClient
from azure_adapter.graph.endpoints import GraphEndpoints
from azure_adapter.graph.retry import RetryPolicy
from scim.provisioning.records import SourceError


class FixedToken:
    """One token, and no other."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self, refused: str | None = None) -> str:  # noqa: ARG002 - there is one
        """Return the token."""
        return self._token


async def read_organization(client: GraphClient) -> str:
    """Return the directory's name; empty when it may not be read."""
    url = f"{client.endpoints.graph_url}/v1.0/organization?$select=id,displayName"
    try:
        found = await client.get(url)
    except SourceError:
        return ""
    value = found.get("value")
    first = value[0] if isinstance(value, list) and value else None
    name = first.get("displayName") if isinstance(first, dict) else None
    return name if isinstance(name, str) else ""


async def organization_name(endpoints: GraphEndpoints, token: str) -> str:
    """Return the name of the directory of a token that was just given."""
    policy = RetryPolicy(attempts=1, attempt_seconds=10.0)
    client = GraphClient(endpoints, FixedToken(token), policy=policy)
    try:
        return await read_organization(client)
    finally:
        await client.aclose()
