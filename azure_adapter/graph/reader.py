"""The source reader of a user sync: delta chains of users and groups as source pages.

Sources: Microsoft Graph: delta query overview, "user: delta", "group: delta", "List deletedItems",
"List organization".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

from azure_adapter.graph import failures
from azure_adapter.graph.client import GraphClient, GraphPage
from azure_adapter.graph.delta import COLLECTION, SELECT, read_object
from azure_adapter.graph.endpoints import GraphEndpoints
from azure_adapter.graph.failures import ObjectNotFound
from azure_adapter.graph.retry import Pace, RetryPolicy
from azure_adapter.graph.signin import SIGN_IN_POLICY, ClientCredentials, ClientSignIn
from scim.provisioning.ports import SourceError, SourceNeedsLogin
from scim.provisioning.source import (
    ObjectKind,
    ObjectProblem,
    Presence,
    SourceChange,
    SourcePage,
)


@dataclass(frozen=True, slots=True)
class CheckedConnection:
    """A connection that works.

    Attributes:
        organization: Name of the Azure tenant; empty when it may not be read.
    """

    organization: str


class GraphReader:
    """Reads a directory from Graph; implements ``SourceReader``.

    Args:
        client: The client of the connection.
    """

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._root = f"{client.endpoints.graph_url}/v1.0"

    async def pages(self, kind: ObjectKind, cursor: str | None) -> AsyncGenerator[SourcePage, None]:
        """Yield the pages of a delta chain; see ``SourceReader``.

        Cursors are Graph's links, verbatim.
        """
        if cursor is not None and not self._client.endpoints.owns(cursor):
            raise failures.foreign_cursor()
        url = cursor or self.first_url(kind)
        async with aclosing(self._client.chain(url)) as chain:
            async for page in chain:
                if page.next_link is None and page.delta_link is None:
                    raise failures.incomplete_chain(failures.page_name(url))
                yield source_page(kind, page)

    def first_url(self, kind: ObjectKind) -> str:
        """Build the URL that begins an initial cycle.

        Raises:
            ValueError: the kind is neither user nor group.
        """
        if kind not in COLLECTION:
            raise ValueError(f"there is no delta query of {kind.value}")
        return f"{self._root}/{COLLECTION[kind]}/delta?$select={','.join(SELECT[kind])}"

    async def presence(self, kind: ObjectKind, source_id: str) -> Presence:
        """Ask Graph whether one object exists, is soft-deleted, or is gone.

        Looking into the deleted groups needs a permission that a sync does not; without it a
        missing object counts as soft-deleted, the cautious answer.

        Raises:
            SourceError: it cannot be determined.
        """
        name = quote(source_id, safe="")
        if await self._exists(f"{self._root}/{COLLECTION[kind]}/{name}?$select=id"):
            return Presence.present
        try:
            deleted = f"{self._root}/directory/deletedItems/{name}?$select=id"
            restorable = await self._exists(deleted)
        except SourceNeedsLogin as error:
            if error.code != "missing_permission":
                raise
            restorable = True
        return Presence.soft_deleted if restorable else Presence.deleted

    async def check_connection(self) -> CheckedConnection:
        """Sign in and read one user and one group, as a person's "does it work".

        Raises:
            SourceError: what does not work, and what to do.
        """
        for collection in COLLECTION.values():
            await self._client.get(f"{self._root}/{collection}?$select=id&$top=1")
        return CheckedConnection(await self._organization())

    async def _organization(self) -> str:
        """Return the tenant's name; reading it needs a permission that a sync does not."""
        try:
            found = await self._client.get(f"{self._root}/organization?$select=id,displayName")
        except SourceError:
            return ""
        value = found.get("value")
        first = value[0] if isinstance(value, list) and value else None
        name = first.get("displayName") if isinstance(first, dict) else None
        return name if isinstance(name, str) else ""

    async def _exists(self, url: str) -> bool:
        try:
            await self._client.get(url)
        except ObjectNotFound:
            return False
        return True


def source_page(kind: ObjectKind, page: GraphPage) -> SourcePage:
    """Read the objects of a Graph page, each on its own."""
    read = [read_object(kind, item) for item in page.value]
    return SourcePage(
        tuple(one for one in read if isinstance(one, SourceChange)),
        tuple(one for one in read if isinstance(one, ObjectProblem)),
        page.next_link,
        page.delta_link,
    )


@asynccontextmanager
async def open_reader(
    credentials: ClientCredentials,
    endpoints: GraphEndpoints | None = None,
    *,
    policy: RetryPolicy | None = None,
    sign_in_policy: RetryPolicy = SIGN_IN_POLICY,
    pace: Pace | None = None,
) -> AsyncIterator[GraphReader]:
    """Open the reader of a connection; connections are closed with the context.

    Args:
        credentials: The app registration.
        endpoints: Where sign-in and Graph are; Microsoft's global cloud by default.
        policy: Patience of one request.
        sign_in_policy: Patience of signing in.
        pace: Time and chance.
    """
    where = endpoints or GraphEndpoints()
    tokens = ClientSignIn(credentials, where, policy=sign_in_policy, pace=pace)
    client = GraphClient(where, tokens, policy=policy, pace=pace)
    try:
        yield GraphReader(client)
    finally:
        await client.aclose()
