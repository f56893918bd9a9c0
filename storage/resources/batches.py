"""Many resources at once: the writes of a sync, in a handful of statements."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from scim2_models import NotFoundException, Resource, ResourceType

from scim.batching import Change
from scim.identifiers import new_id
from scim.provisioning.authority import Source, check_authority
from storage.database import Row, Session
from storage.enrollment import hooks
from storage.resources import members, rows
from storage.resources.audit import record_all
from storage.resources.changes import Update, created_changes
from storage.resources.documents import Codec, Encoded, content_of
from storage.resources.passwords import hash_password
from storage.resources.store import ResourceStore

BREATH = 25
"""So many resources are prepared before other tasks of the process get their turn."""

EMAIL_COLUMNS = "resource_id, workspace_id, value_key, type_key, is_primary"


class BatchStore(ResourceStore):
    """A resource store that writes many resources at once.

    What it stores, refuses and audits is what :class:`ResourceStore` does one by one; when it
    refuses, nothing of the batch is kept.
    """

    async def create_many(
        self, resource_type: ResourceType, resources: Sequence[Resource[Any]]
    ) -> list[str]:
        """Store new resources (RFC 7644 §3.3), and return their ids in order."""
        codec = self.codecs[str(resource_type.name)]
        async with self._writing() as session:
            if self.place.keeps_external_ids or (
                codec.has_members and any(getattr(each, "members", None) for each in resources)
            ):
                return [
                    str((await self._create(session, resource_type, each))["id"])
                    for each in resources
                ]
            return await self._create_alike(session, codec, resources)

    async def _create_alike(
        self, session: Session, codec: Codec, resources: Sequence[Resource[Any]]
    ) -> list[str]:
        prepared: list[tuple[dict[str, Any], Encoded]] = []
        for number, each in enumerate(resources, 1):
            encoded = codec.encode(each)
            hashed = await hash_password(encoded.password) if encoded.password else None
            columns = rows.new_columns(codec, self.place, new_id(), encoded, hashed)
            prepared.append(({"workspace_id": self.place.workspace_id, **columns}, encoded))
            if number % BREATH == 0:
                await asyncio.sleep(0)
        names = [*prepared[0][0]]
        await session.many(
            f"INSERT INTO resource ({', '.join(names)}) VALUES ({members.marks(names)})",
            [[*columns.values()] for columns, _ in prepared],
        )
        ids = [str(columns["id"]) for columns, _ in prepared]
        found = await members.row_ids(session, self.place.workspace_id, ids)
        await session.many(
            f"INSERT INTO resource_email ({EMAIL_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
            [
                (found[columns["id"]], self.place.workspace_id, *email)
                for columns, encoded in prepared
                for email in encoded.emails
            ],
        )
        await self._record_all(
            session,
            "create",
            [((codec.name, columns["id"]), created_changes(one)) for columns, one in prepared],
        )
        return ids

    async def assign_many(
        self, resource_type: ResourceType, changes: Mapping[str, Sequence[Change]]
    ) -> None:
        """Set plain attributes of users (RFC 7644 §3.5.2), by id.

        Raises:
            NotPlainError: one of them has to be changed by the protocol engine.
            NotFoundException: one of them is not there.
            ForbiddenException: one of them has another authority.
        """
        codec = self.codecs[str(resource_type.name)]
        async with self._writing() as session:
            locked = await rows.lock_many(session, self.place, codec.name, sorted(changes))
            updates = []
            for number, (own, wanted) in enumerate(changes.items(), 1):
                row = locked.get(own)
                if row is None:
                    raise NotFoundException(detail=f"{codec.name} {own!r} not found")
                update = await self._planned(session, codec, row, wanted)
                if update.changes:
                    updates.append(update)
                if number % BREATH == 0:
                    await asyncio.sleep(0)
            await self._apply_all(session, codec, updates)

    async def _planned(
        self, session: Session, codec: Codec, row: Row, wanted: Sequence[Change]
    ) -> Update:
        """Return what changes of one locked row."""
        content = content_of(row["document"])
        for each in wanted:
            each.apply(content)
        if row["blocked"]:
            content["active"] = False
        encoded = codec.encode_content(content, external_id=row["external_id"])
        update = Update(session, self.place, row, encoded, has_members=False)
        await update.plan()
        if update.needs_authority:
            check_authority(codec.name, Source.parse(row["authority"]), self.source)
        return update

    async def _apply_all(self, session: Session, codec: Codec, updates: list[Update]) -> None:
        """Write what changes: one new version of each."""
        if not updates:
            return
        touched = [each for each in updates if hooks.concerned(each.row)]
        enrolled = await hooks.on_users_written(
            session,
            self.place.workspace_id,
            [(each.row, each.encoded.content) for each in touched],
        )
        beside = {each.row["id"]: columns for each, columns in zip(touched, enrolled, strict=True)}
        plain: list[list[Any]] = []
        for each in updates:
            columns = beside.get(each.row["id"], {})
            each.changes |= hooks.changes_of(each.row, columns)
            new = rows.next_version(each.row, each.encoded)
            if columns:
                await rows.write(session, each.row, {**new, **columns})
            else:
                plain.append([*new.values(), each.row["row_id"]])
                names = [*new]
        if plain:
            settings = ", ".join(f"{name} = ?" for name in names)
            await session.many(f"UPDATE resource SET {settings} WHERE row_id = ?", plain)
        await self._record_all(
            session, "update", [((codec.name, each.row["id"]), each.changes) for each in updates]
        )

    async def _record_all(
        self,
        session: Session,
        action: str,
        written: Sequence[tuple[tuple[str, str], Mapping[str, Any]]],
    ) -> None:
        await record_all(session, self.place.workspace_id, self.source, action, written)
