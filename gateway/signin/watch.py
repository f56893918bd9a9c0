"""A source reader that remembers whether its sign-in was good."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from azure_adapter.graph import CheckedConnection, GraphReader, TokenFacts
from scim.provisioning.records import SourceNeedsLogin
from scim.provisioning.source import FoundObject, ObjectKind, SourceChange, SourcePage


class WatchedReader:
    """Reads like the reader inside.

    Attributes:
        refusal: why a person has to act, or ``None``.
        worked: whether something was read.
        facts: what the token said of itself.
    """

    def __init__(self, reader: GraphReader) -> None:
        self._reader = reader
        self.refusal: SourceNeedsLogin | None = None
        self.worked = False
        self.facts = TokenFacts()

    async def pages(self, kind: ObjectKind, cursor: str | None) -> AsyncGenerator[SourcePage, None]:
        """Yield the pages of a chain; see ``SourceReader``."""
        try:
            async with aclosing(self._reader.pages(kind, cursor)) as pages:
                async for page in pages:
                    if not self.worked:
                        self.worked, self.facts = True, await self._reader.token_facts()
                    yield page
        except SourceNeedsLogin as error:
            self.refusal = error
            raise

    async def check_connection(self) -> CheckedConnection:
        """Sign in and read a little; see :meth:`GraphReader.check_connection`."""
        try:
            found = await self._reader.check_connection()
        except SourceNeedsLogin as error:
            self.refusal = error
            raise
        self.worked, self.facts = True, TokenFacts(found.tenant_id, found.permissions)
        return found

    async def confirm_absent(
        self, kind: ObjectKind, ids: Sequence[str]
    ) -> dict[str, SourceChange | None]:
        """Ask about absent objects; see ``SourceReader``."""
        try:
            return await self._reader.confirm_absent(kind, ids)
        except SourceNeedsLogin as error:
            self.refusal = error
            raise

    async def one(self, kind: ObjectKind, identifier: str) -> FoundObject:
        """Find one object; see ``SourceReader``."""
        try:
            return await self._reader.one(kind, identifier)
        except SourceNeedsLogin as error:
            self.refusal = error
            raise
