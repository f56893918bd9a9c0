"""What a person chose for objects that are not provisioned without a choice."""

from collections.abc import Sequence

from scim.provisioning.records import Choice, Resolution
from storage.database import Row
from storage.sync.room import Room

RESOLUTION_COLUMNS = "source_id, choice, resource_id, decided_by, decided_at"


class Resolutions(Room):
    """Keeps the choices of the sync's administrators, one an object."""

    async def resolutions(self, source_ids: Sequence[str]) -> dict[str, Resolution]:
        """Return what was chosen, by source id."""
        condition, parameter = self._one_of("source_id", source_ids)
        rows = await self.database.session.rows(
            f"SELECT {RESOLUTION_COLUMNS} FROM sync_resolution WHERE sync_id = ? AND {condition}",
            (self.sync_id, parameter),
        )
        return {row["source_id"]: _resolution(row) for row in rows}

    async def resolve(self, resolution: Resolution) -> None:
        """Save a choice, instead of an earlier one, and have the object planned again at once."""
        async with self._writing() as session:
            await session.execute(
                f"INSERT INTO sync_resolution (sync_id, {RESOLUTION_COLUMNS}) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sync_id, source_id) DO UPDATE SET "
                "choice = excluded.choice, resource_id = excluded.resource_id, "
                "decided_by = excluded.decided_by, decided_at = excluded.decided_at",
                (
                    self.sync_id,
                    resolution.source_id,
                    resolution.choice.value,
                    resolution.resource_id,
                    resolution.decided_by,
                    resolution.decided_at or self._clock(),
                ),
            )
            await self._plan_again(resolution.source_id)

    async def withdraw(self, source_id: str) -> bool:
        """Forget a choice and have the object planned again; tell whether there was one."""
        async with self._writing() as session:
            gone = await session.execute(
                "DELETE FROM sync_resolution WHERE sync_id = ? AND source_id = ?",
                (self.sync_id, source_id),
            )
            await self._plan_again(source_id)
        return bool(gone)

    async def release_kept(self, source_ids: Sequence[str]) -> int:
        """Let the source decide again whether users are enabled that were disabled when joined.

        Returns how many were kept disabled until now.
        """
        return await self._change_links("kept_disabled = FALSE", "kept_disabled = TRUE", source_ids)

    async def mark_due(self, source_ids: Sequence[str]) -> int:
        """Have the users that these objects feed invited by the next plan; returns how many."""
        return await self._change_links("enrollment = 'due'", "enrollment <> 'due'", source_ids)

    async def _change_links(self, values: str, unless: str, source_ids: Sequence[str]) -> int:
        condition, parameter = self._one_of("source_id", source_ids)
        async with self._writing() as session:
            return await session.execute(
                f"UPDATE link SET {values} WHERE sync_id = ? AND {unless} AND {condition}",
                (self.sync_id, parameter),
            )

    async def _plan_again(self, source_id: str) -> None:
        await self.database.session.execute(
            "UPDATE mirror_object SET dirty = TRUE, failures = 0, retry_at = 0 "
            "WHERE sync_id = ? AND source_id = ?",
            (self.sync_id, source_id),
        )


def _resolution(row: Row) -> Resolution:
    return Resolution(
        source_id=row["source_id"],
        choice=Choice(row["choice"]),
        resource_id=row["resource_id"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
    )
