"""A source reader that remembers whether its sign-in was good."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from azure_adapter.graph import GraphReader
from scim.provisioning.records import SourceNeedsLogin
from scim.provisioning.source import ObjectKind, Presence, SourcePage


class WatchedReader:
    """Reads like the reader inside.

    Attributes:
        refusal: why a person has to act, or ``None``.
        worked: whether a page was read.
    """

    def __init__(self, reader: GraphReader) -> None:
        self._reader = reader
        self.refusal: SourceNeedsLogin | None = None
        self.worked = False

    async def pages(self, kind: ObjectKind, cursor: str | None) -> AsyncGenerator[SourcePage, None]:
        """Yield the pages of a chain; see ``SourceReader``."""
        try:
            async with aclosing(self._reader.pages(kind, cursor)) as pages:
                async for page in pages:
                    self.worked = True
                    yield page
        except SourceNeedsLogin as error:
            self.refusal = error
            raise

    async def confirm_absent(
        self, kind: ObjectKind, ids: Sequence[str]
    ) -> dict[str, Presence | None]:
        """Ask about absent objects; see :meth:`GraphReader.confirm_absent`."""
        try:
            return await self._reader.confirm_absent(kind, ids)
        except SourceNeedsLogin as error:
            self.refusal = error
            raise
