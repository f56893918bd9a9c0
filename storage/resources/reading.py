"""Reading rows into resources, with what stands beside the documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from scim2_models import Resource, ResponseParameters, SearchRequest

from scim.ezto import EZTO_USER_URN
from storage.database import Dialect, Row, Session
from storage.filters.binding import AnyModel
from storage.filters.query import SearchQuery
from storage.filters.scopes import Aliases, ResourceScope
from storage.resources import members
from storage.resources.documents import Codec
from storage.resources.rows import Place, found_columns
from storage.resources.sources import ezto_extension, read_sources


class Reader:
    """Reads the resources of a workspace for one source."""

    def __init__(self, place: Place, codecs: Mapping[str, Codec]) -> None:
        self.place = place
        self.codecs = codecs

    async def resources(
        self,
        session: Session,
        rows: Sequence[Row],
        parameters: ResponseParameters[Any] | None,
    ) -> list[Resource[Any]]:
        """Return the resources of rows, in order.

        Args:
            session: where to read members and groups.
            rows: with ``row_id``, ``type``, ``document`` and ``external_id``.
            parameters: what the response shows; what it leaves out is not read.
        """
        of = await self.memberships(session, rows, parameters)
        feeding = await self._sources(session, rows, parameters)
        return [
            self.codecs[row["type"]].decode(
                row,
                externalId=row["external_id"],
                members=of["members"].get(row["row_id"]),
                groups=of["groups"].get(row["row_id"]),
                **{EZTO_USER_URN: feeding.get(row["row_id"])},
            )
            for row in rows
        ]

    async def _sources(
        self,
        session: Session,
        rows: Sequence[Row],
        parameters: ResponseParameters[Any] | None,
    ) -> dict[int, dict[str, Any] | None]:
        """Return the ezto extension of rows, by row id, where it is shown."""
        shown = [row for row in rows if self.codecs[row["type"]].has_ezto]
        if not shown or not keeps_extension(parameters, EZTO_USER_URN):
            return {}
        found = await read_sources(session, [row["row_id"] for row in shown])
        return {row["row_id"]: ezto_extension(row, found.get(row["row_id"])) for row in shown}

    async def memberships(
        self,
        session: Session,
        rows: Sequence[Row],
        parameters: ResponseParameters[Any] | None,
    ) -> dict[str, dict[int, list[dict[str, Any]]]]:
        """Return ``members`` and ``groups`` of rows, each by row id, where they are shown."""
        groups, users = self._wanting(rows, parameters)
        endpoints = self.place.endpoints
        return {
            "members": await members.read_members(session, groups, endpoints) if groups else {},
            "groups": await members.read_groups(session, users, endpoints) if users else {},
        }

    def _wanting(
        self, rows: Sequence[Row], parameters: ResponseParameters[Any] | None
    ) -> tuple[list[int], list[int]]:
        names = {row["type"] for row in rows}
        codecs = {name: self.codecs[name] for name in names}
        show = {
            (name, field): has and keeps(parameters, codec.model, field)
            for name, codec in codecs.items()
            for field, has in (("members", codec.has_members), ("groups", codec.has_groups))
        }
        return (
            [row["row_id"] for row in rows if show[row["type"], "members"]],
            [row["row_id"] for row in rows if show[row["type"], "groups"]],
        )

    def query(
        self, dialect: Dialect, names: Sequence[str], search: SearchRequest[Any]
    ) -> SearchQuery:
        """Return the search over resource types, by name, as one collection."""
        aliases = Aliases()
        scopes = [self.scope(dialect, name, aliases) for name in names]
        return SearchQuery(search, scopes, found_columns(self.place))

    def scope(self, dialect: Dialect, name: str, aliases: Aliases) -> ResourceScope:
        """Return where the attributes of one resource type are."""
        codec = self.codecs[name]
        place = self.place
        types = place.endpoints
        return ResourceScope(
            codec.searched,
            dialect,
            place.workspace_id,
            str(place.source),
            types,
            codec.policy,
            aliases,
        )


def keeps(parameters: ResponseParameters[Any] | None, model: AnyModel, field_name: str) -> bool:
    """Return whether a response shows an attribute, or a part of it (RFC 7644 §3.9)."""
    if parameters is None:
        return True
    if parameters.attributes:
        found = [path.resolve(model) for path in parameters.attributes]
        return any(each is None or each.field_name == field_name for each in found)
    for path in parameters.excluded_attributes or ():
        each = path.resolve(model)
        if each and each.field_name == field_name and each.sub_field_name is None:
            return False
    return True


def keeps_extension(parameters: ResponseParameters[Any] | None, urn: str) -> bool:
    """Return whether a response may show an extension, or a part of it."""
    if parameters is None or not parameters.attributes:
        return True
    return any(str(path).lower().startswith(urn.lower()) for path in parameters.attributes)
