"""What the read lane asks of a storage."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from scim2_models import ResourceType, ResponseParameters, SearchRequest

from scim.caller import Caller


class Shows(NamedTuple):
    """What an answer shows beside stored documents; what is not shown is not read."""

    groups: bool
    members: bool
    ezto: bool


Far = tuple[str, str, str | None]
"""The other side of a membership: id, resource type, display."""


class Ezto(NamedTuple):
    """The ezto extension of a user, shared between users: nobody may change it.

    Attributes:
        value: the extension.
        text: its JSON.
        syncs: the JSON of each user sync in it; links to them change without the version.
    """

    value: dict[str, Any]
    text: str
    syncs: tuple[str, ...]


@dataclass(slots=True)
class StoredRow:
    """One resource as it is stored, with what stands beside its document.

    Attributes:
        id: its id.
        type: name of its resource type.
        version: its version number.
        document: its JSON text, without what follows.
        external_id: what the caller calls it.
        groups: the groups that it is a direct member of: the JSON of a list of :data:`Far`.
        members: its members, likewise; ``""`` for none.
        ezto: the ezto extension, ``None`` when it is empty.
    """

    id: str
    type: str
    version: int
    document: str
    external_id: str | None
    groups: str
    members: str
    ezto: Ezto | None


class SearchPlan(Protocol):
    """A search that is ready to run, with other literals in its filter if need be."""

    @property
    def fits(self) -> bool:
        """Whether it can take other literals than those it was prepared with."""
        ...

    async def page(
        self, literals: tuple[str, ...], start: int, count: int | None
    ) -> tuple[int, list[StoredRow]] | None:
        """Return the total and the rows of a page (``start`` counts from 0).

        ``None``: the plan cannot take these literals.
        """
        ...

    async def cursor_page(self, position: Any) -> tuple[int, list[StoredRow], Any, Any]:
        """Return total, rows, next and previous position of a page by cursor (RFC 9865)."""
        ...


class TooSlow(Exception):
    """A read cannot be done without waiting."""


class FastReader(Protocol):
    """Reads stored rows, one statement a read."""

    @property
    def immediate(self) -> bool:
        """Whether short reads need no waiting."""
        ...

    def impatient(self) -> AbstractContextManager[None]:
        """Make reads raise :class:`TooSlow` instead of waiting; nothing may wait inside."""
        ...

    def shows(self, types: list[ResourceType], parameters: ResponseParameters[Any] | None) -> Shows:
        """Return what an answer to these parameters shows."""
        ...

    async def point(
        self, caller: Caller, type_name: str, resource_id: str, shows: Shows
    ) -> StoredRow | None:
        """Return one resource, ``None`` if there is none."""
        ...

    def plan(
        self,
        caller: Caller,
        types: list[ResourceType],
        search: SearchRequest[Any],
        literals: tuple[str, ...] = (),
    ) -> SearchPlan:
        """Prepare a search.

        Args:
            caller: who searches.
            types: what.
            search: checked by the service.
            literals: strings in its filter that other searches will have other values for.
        """
        ...
