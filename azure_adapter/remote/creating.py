"""Creations that may be repeated: at least once becomes once (RFC 7644 §3.3).

A creation carries the id of its source object as ``externalId``. A resource that has it already
is what an earlier attempt made, whose answer got lost: it is finished instead of made again. That
is asked before each creation, because nobody but the server knows. Whoever else holds a name keeps
it: an account is never taken because of its name.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from azure_adapter.mapping import Coverage, diff, merge
from azure_adapter.remote.answers import Answer, id_of
from azure_adapter.remote.changing import Changing
from azure_adapter.remote.connection import Asked, Connection
from azure_adapter.remote.reading import Reading, path_of
from azure_adapter.remote.searching import (
    BY_DISPLAY_NAME,
    BY_USER_NAME,
    USERS,
    Document,
    FilterRefused,
)
from scim.provisioning.operations import Operation, Outcome

_NAMES: Final = {USERS: BY_USER_NAME}

Key = tuple[str, str]
"""Endpoint and externalId of a creation."""


class Creating:
    """Creates resources on one remote SCIM server.

    Args:
        connection: sends the requests.
        reading: looks for what is there already.
        changing: finishes what an earlier attempt began.
    """

    def __init__(self, connection: Connection, reading: Reading, changing: Changing) -> None:
        self._connection = connection
        self._reading = reading
        self._changing = changing
        self._unfiltered: set[str] = set()

    async def begun(self, operations: Sequence[Operation]) -> dict[Key, list[Document]]:
        """Return what earlier attempts of some creations made.

        Raises:
            RemoteTargetError: the server cannot be asked.
        """
        found: dict[Key, list[Document]] = {}
        for endpoint in dict.fromkeys(each.path for each in operations):
            wanted = [each for each in operations if each.path == endpoint and external_id(each)]
            for value, several in (await self._holders(endpoint, wanted)).items():
                found[endpoint, value] = several
        return found

    async def _holders(
        self, endpoint: str, operations: Sequence[Operation]
    ) -> Mapping[str, list[Document]]:
        values = [external_id(each) for each in operations]
        if endpoint not in self._unfiltered:
            try:
                return await self._reading.by_external_id(endpoint, values)
            except FilterRefused:
                self._unfiltered.add(endpoint)
        # A user's name is unique and guards against a second one; that of a group is not.
        if endpoint == USERS:
            return {}
        return {external_id(each): await self._own_of_name(each) for each in operations}

    async def _own_of_name(self, operation: Operation) -> list[Document]:
        named = await self._of_name(operation)
        return [each for each in named if each.get("externalId") == external_id(operation)]

    async def _of_name(self, operation: Operation) -> list[Document]:
        """Return whoever has the name that a creation wants."""
        template = _NAMES.get(operation.path, BY_DISPLAY_NAME)
        name = (operation.body or {}).get(template.partition(" ")[0])
        if not isinstance(name, str):
            return []
        return await self._reading.named(operation.path, template, name)

    # -- one creation ----------------------------------------------------------

    async def create(self, operation: Operation, *, begun: Sequence[Document] = ()) -> Outcome:
        """Create a resource, or finish its creation.

        Args:
            operation: the creation.
            begun: what :meth:`begun` told of it.

        Raises:
            RemoteTargetError: the server cannot be used now.
        """
        if begun:
            return await self._finish(operation, begun)

        async def made_meanwhile() -> Answer | None:
            made = await self.begun([operation])
            return Answer(409, code="uniqueness") if any(made.values()) else None

        asked = Asked("POST", operation.path, body=operation.body)
        return await self.settle(operation, await self._connection.ask(asked, made_meanwhile))

    async def settle(self, operation: Operation, answer: Answer) -> Outcome:
        """Return what an answer to a creation means, and do what it asks for."""
        if answer.ok:
            return await self._created(operation, answer)
        if answer.conflict:
            return await self._conflict(operation, answer)
        if answer.again:
            await self._connection.gave_up(answer)
        return answer.outcome()

    async def _created(self, operation: Operation, answer: Answer) -> Outcome:
        """Return the outcome of a success; without an id in it, the id is looked up."""
        if answer.resource_id:
            return Outcome(status=201, resource_id=answer.resource_id)
        made = [one for several in (await self.begun([operation])).values() for one in several]
        if len(made) == 1:
            return Outcome(status=201, resource_id=id_of(made[0]))
        return Outcome(
            status=502,
            code="no_id",
            message="The remote server created the resource, and told neither its id nor its "
            "location. It has to, or to keep externalId and filter by it (RFC 7644 §3.3).",
        )

    async def _conflict(self, operation: Operation, answer: Answer) -> Outcome:
        begun = [one for several in (await self.begun([operation])).values() for one in several]
        named = [] if begun else await self._of_name(operation)
        own = begun or [
            each
            for each in named
            if external_id(operation) and each.get("externalId") == external_id(operation)
        ]
        if own:
            return await self._finish(operation, own)
        return Outcome(status=409, code="uniqueness", message=_taken(operation, named, answer))

    async def _finish(self, operation: Operation, begun: Sequence[Document]) -> Outcome:
        """Bring what an earlier attempt made to the state that is wanted now."""
        if len(begun) > 1:
            return Outcome(status=409, code="ambiguous", message=_several(operation, begun))
        current, resource_id = begun[0], id_of(begun[0])
        differences = diff(current, merge(current, *_desired(operation)))
        if not differences:
            return Outcome(status=201, resource_id=resource_id, changed=False)
        path = path_of(operation.path, resource_id)
        outcome = await self._changing.change(path, resource_id, differences)
        return Outcome(status=201, resource_id=resource_id) if outcome.ok else outcome


def external_id(operation: Operation) -> str:
    """Return the externalId that a creation carries, or ""."""
    value = (operation.body or {}).get("externalId")
    return value if isinstance(value, str) else ""


def _desired(operation: Operation) -> tuple[dict[str, Any], Coverage]:
    """Return what is wanted; what the server has beside it is left alone."""
    body = operation.body or {}
    wanted = {name: value for name, value in body.items() if name not in ("schemas", "members")}
    parts = {name: frozenset[str]() for name, value in wanted.items() if isinstance(value, dict)}
    return wanted, Coverage(subs=parts)


def _taken(operation: Operation, named: Sequence[Document], answer: Answer) -> str:
    """Say who has the name, and what can be done."""
    if not named:
        return answer.detail or "The remote server has another resource with the same values."
    ids = ", ".join(id_of(each) for each in named[:3])
    return (
        f"The remote server already has {operation.label!r} (id {ids}), which this user sync did "
        "not create: its externalId is not this object's. It was left alone. Rename or remove it "
        "there, or let the Unique field match it."
    )


def _several(operation: Operation, begun: Sequence[Document]) -> str:
    ids = ", ".join(id_of(each) for each in begun[:3])
    return (
        f"The remote server has {len(begun)} resources with the externalId "
        f"{external_id(operation)!r} of {operation.label!r} (id {ids}). Remove all but one there; "
        "the next run goes on with that one."
    )
