"""Reads one person or group from Graph, by what people call it.

Sources: Microsoft Graph: "Get a user" (id or userPrincipalName), "Get a group", "List manager",
"List group members", "Use the $filter query parameter".
"""

from __future__ import annotations

import re
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from azure_adapter.graph.client import GraphClient
from azure_adapter.graph.delta import COLLECTION, Selection, read_object
from azure_adapter.graph.failures import ObjectNotFound
from azure_adapter.graph.fast import object_options, read_listed
from scim.provisioning.source import (
    MANAGER,
    FoundObject,
    MemberChange,
    ObjectKind,
    SourceChange,
)

MOST_MEMBERS: Final = 2_000
"""How many members of a group are read for one look; the next cycle reads the others."""

MOST_MATCHES: Final = 5
"""How many objects of one name are named."""

_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class SingleReader:
    """Reads single objects.

    Args:
        client: The client of the connection.
        select: Properties by kind.
    """

    def __init__(self, client: GraphClient, select: Selection) -> None:
        self._client = client
        self._select = select
        self._root = f"{client.endpoints.graph_url}/v1.0"

    async def one(self, kind: ObjectKind, identifier: str) -> FoundObject:
        """Find one object and read it whole, with its manager or its members.

        Args:
            kind: Users or groups.
            identifier: Id, userPrincipalName or mail of a user; id or displayName of a group.

        Raises:
            SourceError: see ``GraphClient.chain``.
        """
        items = await self._matching(kind, identifier.strip())
        if len(items) != 1:
            return FoundObject(None, others=tuple(_name(item) for item in items))
        read = read_listed(kind, items[0])
        if not isinstance(read, SourceChange):
            return FoundObject(None, problem=read)
        if kind is ObjectKind.group:
            return await self._with_members(read)
        manager = await self._manager(read.source_id) if MANAGER in self._select[kind] else None
        return FoundObject(replace(read, attributes={**read.attributes, MANAGER: manager}))

    async def _matching(self, kind: ObjectKind, identifier: str) -> list[Any]:
        """Return the objects that an identifier names, at most a few."""
        is_id = _ID.fullmatch(identifier) is not None
        if is_id or (kind is ObjectKind.user and "@" in identifier):
            item = await self._at(kind, identifier)
            if item is not None:
                return [item]
        if is_id or not identifier:
            return []
        name = "mail" if kind is ObjectKind.user else "displayName"
        return await self._filtered(kind, name, identifier)

    async def _at(self, kind: ObjectKind, key: str) -> dict[str, Any] | None:
        name = quote(key, safe="")
        try:
            return await self._client.get(
                f"{self._root}/{COLLECTION[kind]}/{name}?{self._options(kind)}"
            )
        except ObjectNotFound:
            return None

    async def _filtered(self, kind: ObjectKind, name: str, value: str) -> list[Any]:
        escaped = value.replace("'", "''")
        condition = quote(f"{name} eq '{escaped}'", safe="'")
        url = (
            f"{self._root}/{COLLECTION[kind]}?$filter={condition}&{self._options(kind)}"
            f"&$top={MOST_MATCHES}"
        )
        body = await self._client.get(url)
        found = body.get("value")
        return found if isinstance(found, list) else []

    def _options(self, kind: ObjectKind) -> str:
        names = [name for name in self._select[kind] if name != MANAGER]
        return object_options(kind, names)

    async def _manager(self, source_id: str) -> str | None:
        name = quote(source_id, safe="")
        try:
            found = await self._client.get(f"{self._root}/users/{name}/manager?$select=id")
        except ObjectNotFound:
            return None
        manager = found.get("id")
        return manager if isinstance(manager, str) and manager else None

    async def _with_members(self, group: SourceChange) -> FoundObject:
        """Add the direct members of a group, as far as they are read."""
        name = quote(group.source_id, safe="")
        url = f"{self._root}/groups/{name}/members?$select=id&$top=999"
        members: list[MemberChange] = []
        async with aclosing(self._client.chain(url)) as chain:
            async for page in chain:
                item = {"id": group.source_id, "members@delta": page.value}
                read = read_object(ObjectKind.group, item)
                if not isinstance(read, SourceChange):
                    return FoundObject(None, problem=read)
                members += read.members
                if len(members) >= MOST_MEMBERS and page.next_link is not None:
                    return FoundObject(replace(group, members=tuple(members)), complete=False)
        return FoundObject(replace(group, members=tuple(members)))


def _name(item: Any) -> str:
    if not isinstance(item, dict):
        return "?"
    label = item.get("userPrincipalName") or item.get("displayName") or ""
    return f"{label} ({item.get('id')})"
