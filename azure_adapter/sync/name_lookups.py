"""Who holds the userNames that a batch of users is to have, and who of them gives them up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.facts import NameHolder
from azure_adapter.sync.found_users import FoundUsers
from azure_adapter.sync.source_mapping import SourceMapping
from scim.provisioning.authority import DASHBOARD, Source, SourceKind
from scim.provisioning.keys import comparison_key
from scim.provisioning.ports import SyncStore
from scim.provisioning.records import Candidate, LinkRecord, LinkState, UniqueField

MOST_STEPS = 20
"""How far a chain of renames is followed (each takes the name that the next one gives up)."""


@dataclass(frozen=True, slots=True)
class _Holding:
    """A userName that somebody has; ``wants`` is the one that the holder is to have."""

    candidate: Candidate
    source_id: str = ""
    leaves: bool = False
    joined: bool = False
    wants: str = ""


Holdings = dict[str, _Holding | None]
"""By folded userName; ``None``: nobody has it."""


class NameLookups:
    """Looks up who holds userNames.

    Args:
        config: the user sync.
        store: its state.
        users: finds users of the store.
        mapping: maps source objects.
    """

    def __init__(
        self, config: SyncConfig, store: SyncStore, users: FoundUsers, mapping: SourceMapping
    ) -> None:
        self._own = Source(SourceKind.user_sync, config.sync_id)
        self._config = config
        self._store = store
        self._users = users
        self._mapping = mapping

    async def holders(self, wishes: Mapping[str, str]) -> dict[str, NameHolder]:
        """Return who has the wanted userName, by source id of the object that wants it.

        Args:
            wishes: userName by source id, of objects whose user does not have it yet.
        """
        holdings = await self._chains(wishes.values())
        answer = {}
        for source_id, name in wishes.items():
            key = comparison_key(name)
            holding = holdings.get(key)
            if holding is not None and holding.source_id != source_id:
                answer[source_id] = NameHolder(
                    holding.candidate,
                    holding.source_id,
                    holding.leaves,
                    holding.joined,
                    gives_up=_is_free(key, holdings),
                )
        return answer

    async def _chains(self, names: Iterable[str]) -> Holdings:
        """Return who holds names, those that their holders want, and so on."""
        holdings: Holdings = {}
        asked = {comparison_key(name): name for name in names}
        for _ in range(MOST_STEPS):
            if not asked:
                break
            found = await self._holdings(asked)
            holdings |= found
            wants = [one.wants for one in found.values() if one and one.wants and not one.leaves]
            asked = {key: name for name in wants if (key := comparison_key(name)) not in holdings}
        return holdings

    async def _holdings(self, asked: Mapping[str, str]) -> Holdings:
        found = await self._users.find(UniqueField.username, asked.values())
        first = {key: found[name][0] if found[name] else None for key, name in asked.items()}
        ours = (self._own, DASHBOARD)
        ids = sorted({one.resource_id for one in first.values() if one and one.authority in ours})
        links = await self._own_links(ids) if ids else {}
        records = await self._store.records(sorted(one.source_id for one in links.values()))
        holdings: Holdings = {}
        for key, candidate in first.items():
            link = links.get(candidate.resource_id) if candidate else None
            record = records.get(link.source_id) if link else None
            if candidate is None or link is None or record is None:
                holdings[key] = _Holding(candidate) if candidate else None
                continue
            wants = self._mapping.existing(record).user_name or ""
            leaves = not record.is_wanted
            holdings[key] = _Holding(candidate, record.source_id, leaves, link.joined, wants)
        return holdings

    async def _own_links(self, ids: list[str]) -> dict[str, LinkRecord]:
        """Return the present links of this sync to users, by resource id."""
        links = await self._store.links_of_resources(ids)
        return {
            resource_id: link
            for resource_id, several in links.items()
            for link in several
            if link.sync_id == self._config.sync_id and link.state is LinkState.linked
        }


def _is_free(key: str, holdings: Holdings) -> bool:
    """Tell whether nobody keeps a name: its holder leaves, or gets a name that nobody keeps.

    In a circle everybody gets what the next one gives up.
    """
    seen: set[str] = set()
    while key not in seen:
        seen.add(key)
        holding = holdings.get(key)
        if holding is None or (holding.source_id and holding.leaves):
            return True
        wanted = comparison_key(holding.wants)
        if not holding.source_id or wanted in ("", key):
            return False
        key = wanted
    return True
