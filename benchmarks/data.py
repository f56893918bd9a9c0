"""The data of the benchmark: the same users and groups for every contender."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from scim.fast.ports import Shows
from scim.identifiers import new_id
from scim.provisioning.authority import Source, SourceKind
from scim.schema import build_provider
from storage.database import Database
from storage.resources import rows
from storage.resources.store import codecs_of

SMALL = 100
ALL_SHOWN = Shows(groups=True, members=True, ezto=True)


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids that requests name.

    Attributes:
        users: in order.
        everyone: the group that holds all users.
        few: the group of :data:`SMALL` users.
        spare: groups that are members of nothing, to be added.
    """

    users: list[str]
    everyone: str
    few: str
    spare: list[str]

    def save(self, file: Path) -> None:
        """Write them to a file."""
        file.write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def load(cls, file: Path) -> "Ids":
        """Read what :meth:`save` wrote."""
        return cls(**orjson.loads(file.read_bytes()))


def user(number: int) -> dict[str, Any]:
    """Return a user as an identity provider sends it."""
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": f"ext-{number:06d}",
        "userName": f"ann.{number:06d}@example.com",
        "displayName": f"Ann Example {number}",
        "name": {"givenName": "Ann", "familyName": f"Example {number}"},
        "title": "Engineer",
        "active": True,
        "emails": [{"value": f"ann.{number:06d}@example.com", "type": "work", "primary": True}],
        "phoneNumbers": [{"value": f"+49 30 {number:06d}", "type": "work"}],
    }


def group(name: str, members: Sequence[str] = ()) -> dict[str, Any]:
    """Return a group as an identity provider sends it."""
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": name,
        "members": [{"value": each, "type": "User"} for each in members],
    }


async def fill(database: Database, workspace_id: int, client: str, users: int, spare: int) -> Ids:
    """Write the data past the store, which is quicker, into an empty database."""
    provider = build_provider()
    codecs = codecs_of(provider)
    place = rows.Place(workspace_id, Source(SourceKind.scim_client, client))
    ids = Ids(
        [new_id() for _ in range(users)], new_id(), new_id(), [new_id() for _ in range(spare)]
    )
    async with database.transaction() as session:
        entries = [("User", own, user(n)) for n, own in enumerate(ids.users)]
        entries += [("Group", ids.everyone, group("everyone")), ("Group", ids.few, group("few"))]
        entries += [("Group", own, group(f"spare {n}")) for n, own in enumerate(ids.spare)]
        found = []
        beside: tuple[list[Any], list[Any]] = ([], [])
        for number, (kind, own, content) in enumerate(entries, 1):
            codec = codecs[kind]
            encoded = codec.encode(codec.model.model_validate(content))
            columns = rows.new_columns(codec, place, own, encoded, None)
            found.append({"row_id": number, "workspace_id": workspace_id, **columns})
            beside[0].extend((number, workspace_id, *each) for each in encoded.emails)
            if encoded.external_id:
                source = str(place.source)
                beside[1].append((number, workspace_id, source, *encoded.external_id))
        holes = ", ".join("?" * len(found[0]))
        await session.many(
            f"INSERT INTO resource ({', '.join(found[0])}) VALUES ({holes})",
            [tuple(each.values()) for each in found],
        )
        await session.many(
            "INSERT INTO resource_email (resource_id, workspace_id, value_key, type_key, "
            "is_primary) VALUES (?, ?, ?, ?, ?)",
            beside[0],
        )
        await session.many(
            "INSERT INTO external_id (resource_id, workspace_id, source, value, value_key) "
            "VALUES (?, ?, ?, ?, ?)",
            beside[1],
        )
        await session.many(
            "INSERT INTO membership (group_id, member_id) VALUES (?, ?)",
            [(users + 1, n) for n in range(1, users + 1)]
            + [(users + 2, n) for n in range(1, min(SMALL, users) + 1)],
        )
        if database.dialect == "postgres":
            await session.execute(
                "SELECT setval(pg_get_serial_sequence('resource', 'row_id'), "
                "(SELECT max(row_id) FROM resource))"
            )
    if database.dialect == "postgres":
        await database.session.execute("ANALYZE")
    return ids
