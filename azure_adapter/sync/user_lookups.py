"""What decides about a batch of users: a handful of queries for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure_adapter.sync.config import Enrollment, SyncConfig
from azure_adapter.sync.facts import UserFacts
from azure_adapter.sync.found_users import FoundUsers
from azure_adapter.sync.name_lookups import NameLookups
from azure_adapter.sync.source_mapping import Mapped, SourceMapping, unique_value
from scim.provisioning.keys import comparison_key
from scim.provisioning.ports import ProvisioningTarget, SyncStore
from scim.provisioning.records import (
    Authority,
    Candidate,
    Choice,
    EnrollmentState,
    LinkState,
    MirrorRecord,
    Resolution,
)

Documents = Mapping[str, Mapping[str, Any]]
Resolutions = Mapping[str, Resolution]
Candidates = Mapping[str, tuple[Candidate, ...]]
Users = Mapping[str, Sequence[str]]
"""Ids of the users that an object may concern, by source id, the first that is there counts."""


@dataclass(frozen=True, slots=True)
class _Present:
    """What the user store says now of the users that a batch may concern, by id."""

    documents: Documents
    tombstones: Documents
    authorities: Mapping[str, Authority]
    enrollment: Mapping[str, EnrollmentState]

    def current(self, ids: Sequence[str]) -> str:
        """Return the first of the ids whose user is there, or ""."""
        return next((one for one in ids if one in self.documents), "")


class UserLookups:
    """Looks up what decides about a batch of users.

    Args:
        config: the user sync.
        store: its state.
        target: what is in the user store now.
        mapping: maps source objects.
    """

    def __init__(
        self,
        config: SyncConfig,
        store: SyncStore,
        target: ProvisioningTarget,
        mapping: SourceMapping,
    ) -> None:
        self._config = config
        self._store = store
        self._target = target
        self._mapping = mapping
        self._found = FoundUsers(target)

    async def gather(self, batch: Sequence[MirrorRecord]) -> list[UserFacts]:
        """Return the facts of each user of the batch."""
        mapped = await self._mapping.map(batch, self._found)
        wanted = [each for each in batch if each.is_wanted]
        chosen = await self._chosen(batch)
        values = self._values(wanted, mapped, chosen)
        candidates = await self._candidates(values)
        users = {each.source_id: _users(each, chosen, candidates) for each in batch}
        present = await self._present(batch, users)
        names = NameLookups(self._config, self._store, self._found, self._mapping)
        holders = await names.holders(_wishes(wanted, mapped, users, present))
        rivals = await self._rivals(values)
        managers = await self._managers(wanted, mapped)
        facts = []
        for record in batch:
            source_id = record.source_id
            user = present.current(users[source_id])
            manager_id, manager_planned = managers.get(source_id, ("", False))
            old = record.link.resource_id if record.link else ""
            facts.append(
                UserFacts(
                    record=record,
                    mapped=mapped[source_id].existing,
                    arriving=mapped[source_id].arriving,
                    current=present.documents.get(user),
                    restorable=present.tombstones.get(old),
                    authority=present.authorities.get(user),
                    candidates=candidates.get(source_id, ()),
                    rivals=rivals.get(source_id, ()),
                    resolution=chosen.get(source_id),
                    chosen=_chosen_user(chosen.get(source_id), present, user),
                    name_holder=holders.get(source_id),
                    manager_id=manager_id,
                    manager_planned=manager_planned,
                    enrollment=present.enrollment.get(user),
                )
            )
        return facts

    async def _chosen(self, batch: Sequence[MirrorRecord]) -> dict[str, Resolution]:
        """Return what a person chose; nobody can choose a user whom another object feeds."""
        chosen = await self._store.resolutions([each.source_id for each in batch])
        ids = sorted({one.resource_id for one in chosen.values() if one.resource_id})
        links = await self._store.links_of_resources(ids) if ids else {}
        fed = {
            (resource_id, link.source_id)
            for resource_id, several in links.items()
            for link in several
            if link.sync_id == self._config.sync_id and link.state is LinkState.linked
        }
        return {
            source_id: one
            for source_id, one in chosen.items()
            if not any(user == one.resource_id and other != source_id for user, other in fed)
        }

    def _values(
        self,
        wanted: Sequence[MirrorRecord],
        mapped: Mapping[str, Mapped],
        chosen: Resolutions,
    ) -> dict[str, str]:
        """Return the Unique field of the objects that are to be matched, by source id."""
        return {
            each.source_id: value
            for each in wanted
            if each.link is None
            and not _creates(chosen.get(each.source_id))
            and (value := unique_value(self._config, mapped[each.source_id].arriving)) is not None
        }

    async def _candidates(self, values: Mapping[str, str]) -> dict[str, tuple[Candidate, ...]]:
        """Return who an object may be matched with: nobody that carries a link of this sync."""
        found = await self._found.find(self._config.unique_field, values.values())
        ids = sorted({one.resource_id for several in found.values() for one in several})
        links = await self._store.links_of_resources(ids) if ids else {}
        own = {
            resource_id
            for resource_id, several in links.items()
            if any(link.sync_id == self._config.sync_id for link in several)
        }
        return {
            source_id: tuple(one for one in found[value] if one.resource_id not in own)
            for source_id, value in values.items()
        }

    async def _present(self, batch: Sequence[MirrorRecord], users: Users) -> _Present:
        ids = sorted({one for several in users.values() for one in several})
        documents = await self._target.read(ids)
        gone = [one for one in ids if one not in documents]
        return _Present(
            documents,
            await self._target.restorable(gone),
            await self._target.authorities(sorted(documents)) if documents else {},
            await self._enrollment(batch, users, documents),
        )

    async def _enrollment(
        self, batch: Sequence[MirrorRecord], users: Users, documents: Documents
    ) -> dict[str, EnrollmentState]:
        """Ask how far those are enrolled to whom an invitation may be due."""
        if self._config.enrollment is not Enrollment.send_email:
            return {}
        may = (each for each in batch if not each.is_linked or (each.link and each.link.enrollment))
        ids = {one for each in may for one in users[each.source_id] if one in documents}
        return await self._target.enrollment(sorted(ids)) if ids else {}

    async def _rivals(self, values: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """Return the other objects of the source that claim the same value."""
        keys = {source_id: comparison_key(value) for source_id, value in values.items()}
        sharing = await self._store.sharing(sorted(set(keys.values()))) if keys else {}
        return {
            source_id: tuple(other for other in sharing.get(key, ()) if other != source_id)
            for source_id, key in keys.items()
        }

    async def _managers(
        self, wanted: Sequence[MirrorRecord], mapped: Mapping[str, Mapped]
    ) -> dict[str, tuple[str, bool]]:
        """Return (resource id, is planned) of the manager of each user who has one."""
        managed = {
            each.source_id: manager_id
            for each in wanted
            if (manager_id := mapped[each.source_id].existing.manager) is not None
        }
        ids = sorted(set(managed.values()))
        records = await self._store.records(ids) if ids else {}
        answer = {}
        for source_id, manager_source in managed.items():
            manager = records.get(manager_source)
            if manager is None or not manager.is_wanted:
                continue
            linked = manager.link if manager.is_linked else None
            answer[source_id] = (linked.resource_id, False) if linked else ("", True)
        return answer


def _creates(resolution: Resolution | None) -> bool:
    return resolution is not None and resolution.choice is Choice.create


def _users(record: MirrorRecord, chosen: Resolutions, candidates: Candidates) -> list[str]:
    """Return the ids of the users that an object may concern, the first that is there counts."""
    link, resolution = record.link, chosen.get(record.source_id)
    ids = []
    if link is not None and record.is_linked:
        ids.append(link.resource_id)
    if resolution is not None and resolution.resource_id:
        ids.append(resolution.resource_id)
    if link is not None and not record.is_linked:
        ids.append(link.resource_id)
    matching = candidates.get(record.source_id, ())
    if len(matching) == 1:
        ids.append(matching[0].resource_id)
    return ids


def _chosen_user(resolution: Resolution | None, present: _Present, user: str) -> Candidate | None:
    """Return the user that a person chose, if it is the one that the object concerns."""
    authority = present.authorities.get(user)
    if resolution is None or not user or resolution.resource_id != user or authority is None:
        return None
    name = str(present.documents[user].get("userName") or user)
    return Candidate(user, authority.source, name)


def _wishes(
    wanted: Sequence[MirrorRecord],
    mapped: Mapping[str, Mapped],
    users: Users,
    present: _Present,
) -> dict[str, str]:
    """Return the userNames that objects are to have whose user has another one, by source id."""
    wishes = {}
    for each in wanted:
        user = present.current(users[each.source_id])
        both = mapped[each.source_id]
        name = (both.existing if user else both.arriving).user_name
        stored = present.documents[user].get("userName") if user else None
        if name and _differs(stored, name):
            wishes[each.source_id] = name
    return wishes


def _differs(stored: object, name: str) -> bool:
    return not isinstance(stored, str) or comparison_key(stored) != comparison_key(name)
