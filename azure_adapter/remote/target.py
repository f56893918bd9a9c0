"""The provisioning target over HTTP: sync operations go to any SCIM 2.0 server.

At least once: an operation may be sent again after a lost answer or a killed process, and each
ends in the same state however often it is sent.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import httpx

from azure_adapter.graph.retry import Pace, RetryPolicy
from azure_adapter.remote.applying import Applying, unsent
from azure_adapter.remote.bulk import Bulk
from azure_adapter.remote.changing import Changing
from azure_adapter.remote.connection import PATIENCE, Connection
from azure_adapter.remote.creating import Creating
from azure_adapter.remote.discovery import Capabilities, discover
from azure_adapter.remote.reading import LinksOf, Reading
from azure_adapter.remote.searching import Search
from azure_adapter.remote.settings import BearerToken, RemoteSettings
from azure_adapter.remote.tokens import ClientTokens, GivenToken, TokenSource
from scim.provisioning.operations import Operation, Outcome
from scim.provisioning.records import Authority, Candidate, EnrollmentState, UniqueField
from scim.provisioning.source import ObjectKind

CONNECT_S: Final = 10.0
"""How long connecting may take, in seconds."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a target works with, once it is known what the server can do."""

    capabilities: Capabilities
    search: Search
    reading: Reading
    applying: Applying


class RemoteTarget:
    """Applies SCIM operations to a remote server; a ``ProvisioningTarget``.

    It asks the server once what it can do, and learns the rest on the way. One instance serves
    one run: what it learned is forgotten with it.

    Attributes:
        transactional: False: it takes part in no unit of work, so that no transaction is to be
            held open while it works, and nothing that it did is undone by a rollback.

    Args:
        settings: where the server is, and how hard it may be worked.
        connection: sends the requests.
        tokens: keeps secrets out of texts.
        links: tells which user syncs feed a user; without it, every user counts as free.
    """

    transactional: ClassVar[bool] = False

    def __init__(
        self,
        settings: RemoteSettings,
        connection: Connection,
        tokens: TokenSource,
        links: LinksOf | None = None,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._tokens = tokens
        self._links = links
        self._known: _Parts | None = None
        self._lock = asyncio.Lock()

    async def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Apply operations in order, each on its own: one that fails leaves the others.

        Returns:
            One outcome an operation. When the server goes down on the way, what was done before
            is told, and the rest has the reason (503) as its outcome.

        Raises:
            RemoteTargetError: the server cannot be used now, and nothing was done.
        """
        if not any(each.method for each in operations):
            return [unsent(each) for each in operations]
        return await (await self._parts()).applying.apply(operations)

    async def read(
        self, ids: Sequence[str], kind: ObjectKind | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return the current documents by id, without members and groups; missing: absent.

        A user whom a sync deleted, and whom the server only disabled, is missing.

        Args:
            ids: of users and groups.
            kind: what they are, which spares the server requests.

        Raises:
            RemoteTargetError: one cannot be read; it is not taken for missing.
        """
        return await (await self._parts()).reading.documents(ids, kind) if ids else {}

    async def restorable(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return nothing: SCIM has no way to bring a deleted resource back; it is made anew."""
        del ids
        return {}

    async def find(self, field: UniqueField, values: Sequence[str]) -> dict[str, list[Candidate]]:
        """Return the users that hold a value, by the value as given.

        They come with the dashboard's authority, so that a match is a join: they existed before.
        One that another user sync feeds comes with that sync's.

        Raises:
            RemoteTargetError: the server cannot be searched; nobody is taken for missing.
        """
        return await (await self._parts()).reading.candidates(field, values) if values else {}

    async def members(self, group_id: str) -> set[str]:
        """Return the ids of a group's current members.

        Raises:
            RemoteTargetError: they cannot be read.
        """
        return await (await self._parts()).reading.members(group_id)

    async def authorities(self, ids: Sequence[str]) -> dict[str, Authority]:
        """Return who decides about resources: the user sync that feeds them, or the dashboard.

        The server itself does not tell. Without ``links`` nothing is known, and nothing returned.
        """
        return await (await self._parts()).reading.authorities(ids) if ids else {}

    async def enrollment(self, ids: Sequence[str]) -> dict[str, EnrollmentState]:
        """Return nothing: a remote server enrolls its users itself."""
        del ids
        return {}

    async def check(self) -> Capabilities:
        """Try out what a user sync needs, without changing anything, and return what is offered.

        Raises:
            RemoteTargetError: the server cannot be reached, refuses the token, or cannot be
                searched; with advice.
        """
        parts = await self._parts()
        await parts.search.values_per_filter()
        return parts.capabilities

    async def _parts(self) -> _Parts:
        async with self._lock:
            if self._known is None:
                self._known = self._built(await discover(self._connection))
            return self._known

    def _built(self, offered: Capabilities) -> _Parts:
        connection, settings = self._connection, self._settings
        search = Search(connection, offered)
        reading = Reading(connection, search, self._links)
        changing = Changing(connection, reading, offered, settings.members_per_patch)
        creating = Creating(connection, reading, changing)
        bulk = Bulk(connection, offered, self._tokens.hide, wanted=settings.bulk)
        applying = Applying(creating, changing, bulk, settings.concurrency)
        return _Parts(offered, search, reading, applying)


@asynccontextmanager
async def open_remote_target(
    settings: RemoteSettings,
    *,
    links: LinksOf | None = None,
    policy: RetryPolicy = PATIENCE,
    pace: Pace | None = None,
) -> AsyncIterator[RemoteTarget]:
    """Open the target of one run; its connections close with the context.

    Args:
        settings: the remote server; its ``ValueError`` says what is wrong with them.
        links: ``SyncStore.links_of_resources`` of the user sync, so that no two user syncs of a
            workspace feed one user.
        policy: patience of one request, and size of an answer at most.
        pace: time and chance.
    """
    pace = pace or Pace()
    limits = httpx.Limits(
        max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency
    )
    timeout = httpx.Timeout(policy.attempt_seconds, connect=CONNECT_S)
    async with httpx.AsyncClient(timeout=timeout, limits=limits) as http:
        tokens = _tokens(settings, http, policy, pace)
        connection = Connection(settings, tokens, http, policy=policy, pace=pace)
        yield RemoteTarget(settings, connection, tokens, links)


def _tokens(
    settings: RemoteSettings, http: httpx.AsyncClient, policy: RetryPolicy, pace: Pace
) -> TokenSource:
    if isinstance(settings.credential, BearerToken):
        return GivenToken(settings.credential)
    return ClientTokens(settings.credential, http, policy, pace)
