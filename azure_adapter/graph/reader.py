"""The source reader of a user sync: delta chains of users and groups as source pages.

Sources: Microsoft Graph: delta query overview, "user: delta", "group: delta", "List deletedItems",
"List organization".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

from azure_adapter.graph import failures
from azure_adapter.graph.ahead import read_ahead
from azure_adapter.graph.batch import Step
from azure_adapter.graph.client import GraphClient, GraphPage
from azure_adapter.graph.credentials import ClientCredentials
from azure_adapter.graph.delta import COLLECTION, Selection, read_object, selection
from azure_adapter.graph.endpoints import GraphEndpoints
from azure_adapter.graph.fast import FastRead, FastReader, object_options, read_listed
from azure_adapter.graph.organization import read_organization
from azure_adapter.graph.outgoing import MOST_STEPS
from azure_adapter.graph.permissions import TokenFacts, facts_of, lacking
from azure_adapter.graph.position import Position
from azure_adapter.graph.retry import Pace, RetryPolicy
from azure_adapter.graph.signin import SIGN_IN_POLICY, ClientSignIn, SignIn
from azure_adapter.graph.single import SingleReader
from scim.provisioning.records import SourceError, SourceNeedsLogin
from scim.provisioning.source import (
    FoundObject,
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
        permissions: What the token allows; empty when it does not tell.
        missing: Needed permissions that it lacks.
        tenant_id: Id of the Azure tenant; empty when the token does not tell.
    """

    organization: str
    permissions: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    tenant_id: str = ""


class GraphReader:
    """Reads a directory from Graph; implements ``SourceReader``.

    Args:
        client: The client of the connection.
        fast: How a large directory is listed in an initial cycle; None never does.
        minimal: Ask for changed properties only (``Prefer: return=minimal``). Either form is
            understood; whole objects heal what was missed, so they are the default.
        select: Properties by kind; None is the default.
    """

    def __init__(
        self,
        client: GraphClient,
        fast: FastRead | None = None,
        *,
        minimal: bool = False,
        select: Selection | None = None,
    ) -> None:
        self._client = client
        self._select = selection(select)
        self._fast = FastReader(client, fast or FastRead(), self._select)
        self._single = SingleReader(client, self._select)
        self._lists = fast is not None
        # Changed properties alone say too little of an object that a listing may have missed.
        self._headers = {"Prefer": "return=minimal"} if minimal and not self._lists else {}
        self._root = f"{client.endpoints.graph_url}/v1.0"

    async def pages(self, kind: ObjectKind, cursor: str | None) -> AsyncGenerator[SourcePage, None]:
        """Yield the pages of a delta chain; see ``SourceReader``.

        Cursors are Graph's links, verbatim, except around a fast initial read (``Position``). A
        link tells the properties that its chain was begun with, whatever is selected now.

        Raises:
            SourceNeedsLogin: also when the token says that a needed permission is missing: what
                may not be read must not look as if it were not there.
        """
        start = self._start(cursor)
        await self._check_permissions()
        if start is None and self._lists:
            start = await self._fast.begin(kind)
        if start is not None and start.listing:
            async with aclosing(self._fast.pages(kind, start)) as listing:
                async for one in listing:
                    yield one
                    cursor = one.next_cursor or cursor
            start = self._start(cursor)
        elif start is not None and start.watched:
            start = replace(start, watched=await self._fast.still_deleted(start.watched))
        chain = self._chain(kind, start)
        async with aclosing(chain), aclosing(read_ahead(chain)) as ahead:
            async for one in ahead if self._lists else chain:
                yield one

    async def _chain(
        self, kind: ObjectKind, start: Position | None
    ) -> AsyncGenerator[SourcePage, None]:
        here = start or Position(self.first_url(kind))
        chain = self._client.chain(
            here.delta, stored=start is not None, headers=self._headers if start else {}
        )
        async with aclosing(chain):
            async for page in chain:
                if page.next_link is None and page.delta_link is None:
                    raise failures.incomplete_chain(failures.page_name(here.delta))
                read = source_page(kind, page)
                yield replace(
                    read,
                    next_cursor=here.moved(page.next_link),
                    delta_cursor=here.moved(page.delta_link),
                )

    async def _check_permissions(self) -> None:
        """Refuse to read with a token that says that it lacks a needed permission.

        A token that was issued before the permission was granted is replaced first. One that
        does not say what it allows is left to Graph.
        """
        tokens = self._client.tokens
        token = await tokens.token()
        if lacking(token):
            token = await tokens.token(token)
        if missing := lacking(token):
            raise failures.lacks_permissions(missing)

    def _start(self, cursor: str | None) -> Position | None:
        if cursor is None:
            return None
        position = Position.parse(cursor)
        if position is None or not all(map(self._client.endpoints.owns, position.links)):
            raise failures.foreign_cursor()
        return position

    def first_url(self, kind: ObjectKind) -> str:
        """Build the URL that begins an initial cycle.

        Raises:
            ValueError: the kind is neither user nor group.
        """
        if kind not in COLLECTION:
            raise ValueError(f"there is no delta query of {kind.value}")
        return f"{self._root}/{COLLECTION[kind]}/delta?$select={','.join(self._select[kind])}"

    async def one(self, kind: ObjectKind, identifier: str) -> FoundObject:
        """Find one object by what people call it; see ``SourceReader``."""
        return await self._single.one(kind, identifier)

    async def confirm_absent(
        self, kind: ObjectKind, ids: Sequence[str]
    ) -> dict[str, SourceChange | None]:
        """Ask Graph about objects that an initial cycle did not return; see ``SourceReader``.

        Twenty a request. An object that is there tells its properties, but not its members.
        Looking into the deleted groups needs a permission that a sync does not; without it a
        missing group counts as restorable.
        """
        template = f"/{COLLECTION[kind]}/{{}}?{object_options(kind, self._select[kind])}"
        found = await self._steps(template, ids)
        gone = [one for one, step in found.items() if step.missing]
        deleted = await self._steps("/directory/deletedItems/{}?$select=id", gone)
        told: dict[str, SourceChange | None] = dict.fromkeys(ids)
        told |= {one: _present(kind, one, step) for one, step in found.items() if step.good}
        told |= {one: _removed(kind, one, step) for one, step in deleted.items()}
        return told

    async def _steps(self, template: str, ids: Sequence[str]) -> dict[str, Step]:
        """Ask about objects in batches, until one stays unanswered; the rest has no answer.

        Patience has ended then, and would end with each of the others.
        """
        answers = dict[str, Step]()
        for at in range(0, len(ids), MOST_STEPS):
            some = ids[at : at + MOST_STEPS]
            urls = [template.format(quote(one, safe="")) for one in some]
            try:
                steps = await self._client.batch(urls)
            except SourceNeedsLogin:
                raise
            except SourceError:
                break
            answers.update(zip(some, steps, strict=True))
            if any(step.again for step in steps):
                break
        return answers

    async def token_facts(self) -> TokenFacts:
        """Return what the present token says of itself.

        Raises:
            SourceError: nobody can sign in now.
        """
        return facts_of(await self._client.tokens.token())

    async def check_connection(self) -> CheckedConnection:
        """Sign in and read one user and one group, as a person's "does it work".

        Raises:
            SourceError: what does not work, and what to do.
        """
        for collection in COLLECTION.values():
            await self._client.get(f"{self._root}/{collection}?$select=id&$top=1")
        token = await self._client.tokens.token()
        name, facts = await read_organization(self._client), facts_of(token)
        return CheckedConnection(name, facts.permissions, tuple(lacking(token)), facts.tenant_id)


def _present(kind: ObjectKind, source_id: str, step: Step) -> SourceChange | None:
    """Read an object that is there; None when the answer is another's or cannot be used."""
    read = read_listed(kind, dict(step.body))
    return read if isinstance(read, SourceChange) and read.source_id == source_id else None


def _removed(kind: ObjectKind, source_id: str, step: Step) -> SourceChange | None:
    """Read what deletedItems says of an object that is not there; 403 is the cautious answer."""
    if step.good or step.status == 403:
        return SourceChange(kind, source_id, Presence.soft_deleted)
    return SourceChange(kind, source_id, Presence.deleted) if step.missing else None


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
    sign_in: ClientCredentials | SignIn,
    endpoints: GraphEndpoints | None = None,
    *,
    policy: RetryPolicy | None = None,
    sign_in_policy: RetryPolicy = SIGN_IN_POLICY,
    pace: Pace | None = None,
    fast: FastRead | None = None,
    select: Mapping[ObjectKind, Iterable[str]] | None = None,
) -> AsyncIterator[GraphReader]:
    """Open the reader of a connection; connections are closed with the context.

    Args:
        sign_in: The app registration, for a sign-in of its own; or a sign-in.
        endpoints: Where sign-in and Graph are; Microsoft's global cloud by default.
        policy: Patience of one request.
        sign_in_policy: Patience of the app registration's sign-in.
        pace: Time and chance.
        fast: How a large directory is listed in an initial cycle; None never does.
        select: Graph properties by kind that the attribute mapping and the scope need; what is
            needed in any case is added. A cursor tells only those that its chain was begun with:
            whoever keeps it begins anew when there are more.

    Raises:
        ValueError: a name in ``select`` cannot be a property of Graph.
    """
    if isinstance(sign_in, ClientCredentials):
        sign_in = ClientSignIn(sign_in, endpoints, policy=sign_in_policy, pace=pace)
    where = endpoints or sign_in.endpoints
    client = GraphClient(where, sign_in, policy=policy, pace=pace)
    try:
        yield GraphReader(client, fast, select=selection(select))
    finally:
        await client.aclose()
