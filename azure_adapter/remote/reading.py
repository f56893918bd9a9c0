"""What the planner asks a remote SCIM server: documents, candidates, members."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from azure_adapter.remote.answers import id_of
from azure_adapter.remote.connection import Connection
from azure_adapter.remote.errors import RemoteUnsuitable, ambiguous_id, no_filters
from azure_adapter.remote.searching import (
    BY_EXTERNAL_ID,
    BY_ID,
    BY_USER_NAME,
    GROUPS,
    USERS,
    Document,
    FilterRefused,
    Search,
    matching_emails,
)
from scim.provisioning.authority import DASHBOARD, Source, SourceKind
from scim.provisioning.keys import comparison_key
from scim.provisioning.records import (
    Authority,
    Candidate,
    LinkRecord,
    LinkState,
    UniqueField,
)
from scim.provisioning.source import ObjectKind

ENDPOINTS: Final = {ObjectKind.user: USERS, ObjectKind.group: GROUPS}

WITHOUT_MEMBERS: Final = {"excludedAttributes": "members,groups"}

SINGLY: Final = 4
"""So few resources are read one by one: a search costs the server more than a GET."""

LinksOf = Callable[[Sequence[str]], Awaitable[Mapping[str, Sequence[LinkRecord]]]]
"""Returns the links of any user sync to some resources (``SyncStore.links_of_resources``)."""


class Reading:
    """Reads one remote SCIM server.

    Args:
        connection: sends the requests.
        search: searches.
        links: tells which user syncs feed a user, so that two of them never share one.
    """

    def __init__(
        self, connection: Connection, search: Search, links: LinksOf | None = None
    ) -> None:
        self._connection = connection
        self._search = search
        self._links = links
        self._endpoints = [USERS, GROUPS]
        self._filters_ids = True

    # -- documents -----------------------------------------------------------

    async def documents(
        self, ids: Sequence[str], kind: ObjectKind | None = None
    ) -> dict[str, Document]:
        """Return documents by id, without members and groups; missing: absent.

        Args:
            ids: of users and groups.
            kind: what they are; without it both are tried.

        Raises:
            RemoteTargetError: one cannot be read, so that it is not known whether it is there;
                or, without a kind, a user and a group have the same id.
        """
        wanted = list(dict.fromkeys(ids))
        if kind is not None:
            return await self._without_deleted(await self._from([ENDPOINTS[kind]], wanted))
        return await self._without_deleted(await self._of_any_kind(wanted))

    async def _of_any_kind(self, wanted: Sequence[str]) -> dict[str, Document]:
        numbers = [each for each in wanted if each.isdecimal()]
        found = await self._from([USERS], numbers)
        for each, document in (await self._from([GROUPS], numbers)).items():
            if each in found:
                raise ambiguous_id(each)
            found[each] = document
        others = [each for each in wanted if not each.isdecimal()]
        return found | await self._from(self._endpoints, others)

    async def _without_deleted(self, found: dict[str, Document]) -> dict[str, Document]:
        """Leave out whom a user sync deleted, and the server only disabled and still shows."""
        disabled = [each for each, document in found.items() if document.get("active") is False]
        links = await self._links(disabled) if self._links and disabled else {}
        states = {each: {link.state for link in several} for each, several in links.items()}
        deleted = {
            each
            for each, those in states.items()
            if LinkState.tombstone in those and LinkState.linked not in those
        }
        return {each: document for each, document in found.items() if each not in deleted}

    async def _from(self, endpoints: Sequence[str], ids: Sequence[str]) -> dict[str, Document]:
        """Read from the endpoints in turn: many at once first, then singly whom that missed."""
        found: dict[str, Document] = {}
        for read in (self._searched, self._singly):
            for endpoint in endpoints:
                rest = [each for each in ids if each not in found]
                here = await read(endpoint, rest)
                found |= here
                if here and len(here) == len(ids):
                    self._endpoints = sorted(ENDPOINTS.values(), key=endpoint.__ne__)
        return found

    async def _searched(self, endpoint: str, ids: Sequence[str]) -> dict[str, Document]:
        """Read many at once, where the server takes such a filter."""
        if len(ids) <= SINGLY or not await self._takes_several():
            return {}
        try:
            found = await self._search.any_of(endpoint, BY_ID, ids, **WITHOUT_MEMBERS)
        except FilterRefused:
            self._filters_ids = False
            return {}
        wanted = set(ids)
        return {id_of(each): own_document(each) for each in found if id_of(each) in wanted}

    async def _takes_several(self) -> bool:
        try:
            return self._filters_ids and await self._search.values_per_filter() > 1
        except RemoteUnsuitable:
            return False

    async def _singly(self, endpoint: str, ids: Sequence[str]) -> dict[str, Document]:
        """Read one by one, several at a time."""
        read = await asyncio.gather(*(self._one(endpoint, each) for each in ids))
        return {each: one for each, one in zip(ids, read, strict=True) if one is not None}

    async def _one(self, endpoint: str, resource_id: str) -> Document | None:
        body = await self.resource(path_of(endpoint, resource_id), **WITHOUT_MEMBERS)
        return None if body is None else own_document({**body, "id": resource_id})

    async def resource(self, path: str, **params: str) -> Document | None:
        """Return a resource as the server shows it, or ``None`` when it is not there."""
        answer = await self._connection.get(path, **params)
        if answer.missing:
            return None
        if not answer.ok or answer.body is None:
            raise await self._connection.must_read(answer, path)
        return dict(answer.body)

    # -- candidates ----------------------------------------------------------

    async def candidates(
        self, field: UniqueField, values: Sequence[str]
    ) -> dict[str, list[Candidate]]:
        """Return the users that hold a value, by the value as given.

        A remote server has no authorities. Its users existed before, so they come with the
        dashboard's: a match is a join, which deactivates and never deletes. One that another
        user sync feeds comes with that sync's.

        Raises:
            RemoteTargetError: the server cannot be searched.
        """
        users = await self._users(field, values)
        holders: dict[str, list[Candidate]] = {}
        feeding = await self._feeding([id_of(each) for each in users])
        for user in sorted(users, key=id_of):
            authority = feeding.get(id_of(user), DASHBOARD)
            candidate = Candidate(id_of(user), authority, str(user.get("userName") or ""))
            for key in _keys(field, user):
                holders.setdefault(key, []).append(candidate)
        return {value: holders.get(comparison_key(value), []) for value in values}

    async def authorities(self, ids: Sequence[str]) -> dict[str, Authority]:
        """Return who decides about resources, as far as this gateway knows: the sync that feeds it.

        Of several the first one counts. Without ``links`` nothing is known, and nothing returned.
        """
        feeding = await self._feeding(ids)
        known = ids if self._links else ()
        return {each: Authority(feeding.get(each, DASHBOARD)) for each in known}

    async def _users(self, field: UniqueField, values: Sequence[str]) -> list[Document]:
        template = BY_USER_NAME
        if values and field is UniqueField.email:
            template = await self._search.email_template()
        if not values or not template:
            return []
        try:
            return await self._search.any_of(
                USERS, template, values, attributes="userName,emails,externalId"
            )
        except FilterRefused as refused:
            raise no_filters(refused.answer.detail) from None

    async def _feeding(self, ids: Sequence[str]) -> dict[str, Source]:
        """Return the user sync that feeds each of the resources that one does."""
        links = await self._links(ids) if self._links and ids else {}
        feeding: dict[str, Source] = {}
        for resource_id, several in links.items():
            for link in several:
                if link.state is LinkState.linked:
                    feeding.setdefault(resource_id, Source(SourceKind.user_sync, link.sync_id))
        return feeding

    # -- what an earlier attempt made ------------------------------------------

    async def by_external_id(
        self, endpoint: str, values: Sequence[str]
    ) -> dict[str, list[Document]]:
        """Return the resources that carry one of these externalIds, compared exactly.

        Raises:
            FilterRefused: the server does not filter by externalId.
        """
        found = await self._search.any_of(endpoint, BY_EXTERNAL_ID, values, **WITHOUT_MEMBERS)
        holders: dict[str, list[Document]] = {}
        for each in found:
            if each.get("externalId") in values:
                holders.setdefault(each["externalId"], []).append(each)
        return holders

    async def named(self, endpoint: str, template: str, name: str) -> list[Document]:
        """Return the resources of a name, compared as SCIM compares names; none if not filtered.

        Args:
            endpoint: such as ``/Groups``.
            template: such as ``displayName eq {}``.
            name: the value.
        """
        attribute, key = template.partition(" ")[0], comparison_key(name)
        try:
            found = await self._search.any_of(endpoint, template, [name], **WITHOUT_MEMBERS)
        except FilterRefused:
            return []
        return [each for each in found if comparison_key(str(each.get(attribute))) == key]

    # -- members ---------------------------------------------------------------

    async def members(self, group_id: str) -> set[str]:
        """Return the ids of a group's members; none when there is no such group.

        Raises:
            RemoteTargetError: they cannot be read.
        """
        body = await self.resource(path_of(GROUPS, group_id), attributes="members")
        listed = (body or {}).get("members")
        members = listed if isinstance(listed, list) else []
        return {
            str(each["value"]) for each in members if isinstance(each, dict) and "value" in each
        }


def own_document(body: Mapping[str, Any]) -> Document:
    """Return a document without what other resources decide: members and groups."""
    return {name: value for name, value in body.items() if name not in ("members", "groups")}


def path_of(endpoint: str, resource_id: str) -> str:
    """Return the path of a resource below the SCIM root, whatever its id is made of."""
    return f"{endpoint}/{quote(resource_id, safe='')}"


def _keys(field: UniqueField, user: Document) -> set[str]:
    """Return the folded values of the Unique field that a user holds."""
    if field is UniqueField.email:
        return {comparison_key(each) for each in matching_emails(user)}
    name = user.get("userName")
    return {comparison_key(name)} if isinstance(name, str) else set()
