"""Mapping source objects with the table of the user sync."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from azure_adapter.mapping import (
    EvaluationContext,
    MappedGroup,
    MappedUser,
    MappingTable,
    map_group,
    map_user,
    unique_candidates,
)
from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.found_users import FoundUsers
from scim.ezto import enrollment_address
from scim.provisioning.keys import comparison_key
from scim.provisioning.records import MirrorRecord, UniqueField
from scim.provisioning.source import ObjectKind

WORK_ADDRESS: Final = 'emails[type eq "work"].value'

SEARCHED: Final = {"userName": UniqueField.username, WORK_ADDRESS: UniqueField.email}
"""How it is looked up whether a value of ``SelectUniqueValue`` is in use, by its target."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """One source object as a SCIM user: as one that exists, and as one that is created."""

    existing: MappedUser
    arriving: MappedUser


class SourceMapping:
    """Maps source objects for one run.

    Args:
        config: the user sync.
        moment: what ``Now`` tells, microseconds since the epoch.
    """

    def __init__(self, config: SyncConfig, moment: int) -> None:
        self._config = config
        self._table = config.mapping
        now = datetime.fromtimestamp(moment / 1_000_000, UTC)
        self._context = EvaluationContext(now=now, seed=config.seed)
        self._given: dict[str, set[str]] = {target: set() for target in SEARCHED}
        self._matching = _matching(config)
        self._reads_id = config.mapping.reads_id

    def existing(self, record: MirrorRecord) -> MappedUser:
        """Map an object whose user exists."""
        return map_user(self._attributes(record), self._table, context=self._context)

    def group(self, record: MirrorRecord, *, creating: bool) -> MappedGroup:
        """Map a group, as one that is created or as one that exists."""
        attributes = self._attributes(record)
        return map_group(attributes, self._table, creating=creating, context=self._context)

    def unique_key(self, record: MirrorRecord) -> str | None:
        """Return the folded value of the Unique field with which an object would be matched."""
        mapped = map_user(
            self._attributes(record), self._matching, creating=True, context=self._context
        )
        value = unique_value(self._config, mapped)
        return comparison_key(value) if value else None

    async def map(self, batch: Sequence[MirrorRecord], users: FoundUsers) -> dict[str, Mapped]:
        """Map objects, by source id.

        Args:
            batch: the objects.
            users: finds out which values are in use, for ``SelectUniqueValue``.
        """
        existing = {record.source_id: self.existing(record) for record in batch}
        if not self._table.creates_differently:
            return {source_id: Mapped(one, one) for source_id, one in existing.items()}
        wanted = [record for record in batch if record.is_wanted]
        taken = await self._taken(wanted, users)
        arriving = {record.source_id: self._arriving(record, taken) for record in wanted}
        return {
            source_id: Mapped(one, arriving.get(source_id, one))
            for source_id, one in existing.items()
        }

    def _attributes(self, record: MirrorRecord) -> Mapping[str, Any]:
        if not self._reads_id:
            return record.attributes
        return {"id": record.source_id, **record.attributes}

    async def _taken(
        self, wanted: Sequence[MirrorRecord], users: FoundUsers
    ) -> Mapping[str, set[str]]:
        """Return what is in use of all that ``SelectUniqueValue`` may choose, folded, by target."""
        values: dict[str, set[str]] = {}
        for record in wanted:
            found = unique_candidates(self._table, self._attributes(record), self._context)
            for target, candidates in found.items():
                values.setdefault(target, set()).update(candidates)
        taken = {}
        for target, wishes in values.items():
            holders = await users.find(SEARCHED[target], wishes)
            used = {comparison_key(value) for value, several in holders.items() if several}
            taken[target] = used | self._given[target]
        return taken

    def _arriving(self, record: MirrorRecord, taken: Mapping[str, set[str]]) -> MappedUser:
        """Map an object as one that is created; what is given to it is taken for the next ones."""
        used = {target: frozenset(values) for target, values in taken.items()}
        mapped = map_user(
            self._attributes(record),
            self._table,
            creating=True,
            context=replace(self._context, taken=used),
        )
        if not record.is_linked:
            for target, value in zip(SEARCHED, (mapped.user_name, mapped.email), strict=True):
                if value and target in taken:
                    taken[target].add(comparison_key(value))
                    self._given[target].add(comparison_key(value))
        return mapped


def _matching(config: SyncConfig) -> MappingTable:
    """Return the rows of the table that give the Unique field; all objects are mapped with them."""
    by_email = config.unique_field is UniqueField.email
    needed = {"userName", WORK_ADDRESS} if by_email else {"userName"}
    rows = config.mapping.compiled(ObjectKind.user)
    kept = [one.row for one in rows if one.target.path in needed or (by_email and one.row.primary)]
    return MappingTable(tuple(kept), config.mapping.groups, config.mapping.extensions)


def unique_value(config: SyncConfig, mapped: MappedUser) -> str | None:
    """Return the value of the Unique field of a mapped user, or ``None`` when it has none.

    *Email* is the work address, or else the primary one.
    """
    if config.unique_field is UniqueField.username:
        return mapped.user_name or None
    return mapped.email or enrollment_address(mapped.document)
