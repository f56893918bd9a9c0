"""User syncs: the configured integrations of a workspace."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tortoise.exceptions import IntegrityError

from scim.identifiers import new_id
from scim.provisioning.records import RunRecord
from storage.access.audit import record_change
from storage.access.errors import EditedMeanwhile, NameTaken
from storage.database import Database, Row, Session, now_us
from storage.resources.source_names import source_names
from storage.sync.runs import RUN_COLUMNS, run_record
from storage.sync.values import from_json, to_json

SYNC_COLUMNS = (
    "id, workspace_id, name, provider, enrollment, unique_field, deletion_policy, report_email, "
    "settings, sign_in, secrets, state, state_reason, created_at"
)
RESOURCE_TYPE = "UserSync"
"""What the audit calls a user sync."""

READ_COLUMNS = f"{SYNC_COLUMNS}, paused, config_version, next_run_at"
PLAIN = frozenset(
    {
        "name",
        "enrollment",
        "unique_field",
        "deletion_policy",
        "report_email",
        "secrets",
        "state",
        "state_reason",
        "paused",
        "next_run_at",
    }
)
"""What :meth:`UserSyncs.change` takes as it is."""

DOCUMENTS = frozenset({"settings", "sign_in"})
"""What :meth:`UserSyncs.change` stores as JSON."""


@dataclass(frozen=True, slots=True)
class UserSyncRecord:
    """One configured integration.

    Attributes:
        workspace: row id of its workspace.
        settings: what has no attribute of its own: endpoints, safeguard, scope, mapping,
            schedule.
        sign_in: Azure tenant, client id, granted permissions; nothing secret.
        secrets: client secret and token cache, encrypted; ``None`` before the sign-in.
        created_at: microseconds since the epoch.
        last_run: the newest run, or ``None`` before the first one.
        paused: a person stopped it.
        config_version: grows with each edit.
        next_run_at: when the schedule starts it next, microseconds since the epoch, or ``None``.
    """

    id: str
    workspace: int
    name: str
    provider: str
    enrollment: str
    unique_field: str
    deletion_policy: str
    report_email: str
    settings: Mapping[str, Any]
    sign_in: Mapping[str, Any]
    secrets: str | None = field(repr=False)
    state: str
    state_reason: str
    created_at: int
    last_run: RunRecord | None = None
    paused: bool = False
    config_version: int = 1
    next_run_at: int | None = None

    @property
    def azure_tenant(self) -> str:
        """The customer's Entra directory: its id or domain, "" when not known yet."""
        return str(self.sign_in.get("azure_tenant") or "")

    @property
    def client_id(self) -> str:
        """The application id that signs in, or ""."""
        return str(self.sign_in.get("client_id") or "")


Records = list[UserSyncRecord]


class UserSyncs:
    """The user syncs of all workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        workspace: int,
        name: str,
        *,
        azure_tenant: str = "",
        client_id: str = "",
        secrets: str | None = None,
        enrollment: str = "send_email",
        unique_field: str = "email",
        deletion_policy: str = "delete",
        report_email: str = "",
        settings: Mapping[str, Any] | None = None,
        state: str = "ready",
    ) -> str:
        """Add a user sync and return its id (UUIDv7).

        Args:
            workspace: row id of the workspace.
            name: what people call it, unique in the workspace.
            azure_tenant: the Entra directory, its id or domain.
            client_id: the application id that signs in.
            secrets: client secret and token cache, already encrypted.
            enrollment: the Enrollment Type.
            unique_field: the Unique field.
            deletion_policy: ``delete`` or ``deactivate``.
            report_email: who gets the sync report, or "".
            settings: what else there is to set.
            state: the state it starts in.

        Raises:
            NameTaken: the workspace has a user sync of this name.
        """
        sign_in = {"azure_tenant": azure_tenant, "client_id": client_id}
        async with self._database.transaction() as session:
            row = await session.row(
                f"INSERT INTO user_sync ({SYNC_COLUMNS}, generation, fingerprint, lease_owner, "
                "lease_until, fence) VALUES (?, ?, ?, 'azure_ad', ?, ?, ?, ?, ?, ?, ?, ?, '', ?, "
                "0, '', '', 0, 0) ON CONFLICT (workspace_id, name) DO NOTHING RETURNING id",
                (
                    new_id(),
                    workspace,
                    name,
                    enrollment,
                    unique_field,
                    deletion_policy,
                    report_email,
                    to_json(dict(settings or {})),
                    to_json(sign_in),
                    secrets,
                    state,
                    now_us(),
                ),
            )
        if row is None:
            raise NameTaken("user sync", name)
        return str(row["id"])

    async def get(self, workspace: int, sync_id: str) -> UserSyncRecord | None:
        """Return one user sync with its last run, or ``None``."""
        found = await self._select("id = ? AND workspace_id = ?", (sync_id, workspace))
        return found[0] if found else None

    async def named(self, workspace: int, name: str) -> UserSyncRecord | None:
        """Return the user sync of this name with its last run, or ``None``."""
        found = await self._select("workspace_id = ? AND name = ?", (workspace, name))
        return found[0] if found else None

    async def list(self, workspace: int) -> Records:
        """Return the user syncs of a workspace with their last runs, the oldest first."""
        return await self._select("workspace_id = ?", (workspace,))

    async def everywhere(self) -> Records:
        """Return the user syncs of all workspaces with their last runs, for the worker."""
        return await self._select("1 = 1", ())

    async def change(self, workspace: int, sync_id: str, **values: Any) -> bool:
        """Change attributes of a user sync, by the name they have in the record.

        Args:
            workspace: row id of the workspace.
            sync_id: which one.
            **values: what to change, of :data:`PLAIN` and :data:`DOCUMENTS`; a document is
                replaced as a whole.

        Returns:
            whether the workspace has this user sync.

        Raises:
            NameTaken: another user sync of the workspace has the new name.
            ValueError: there is no such attribute, or it cannot be changed.
        """
        texts = _columns(values)
        try:
            async with self._database.transaction() as session:
                changed = await _update(session, workspace, sync_id, texts)
            source_names(self._database).forget()
            return changed
        except IntegrityError as error:
            raise NameTaken("user sync", str(values.get("name"))) from error

    async def edit(
        self,
        record: UserSyncRecord,
        values: Mapping[str, Any],
        *,
        actor: str,
        changes: Mapping[str, Any],
    ) -> UserSyncRecord:
        """Change a user sync as a person decided: one version more, and an entry of the audit.

        Args:
            record: the user sync as it was when it was edited.
            values: what to change, as :meth:`change` takes it.
            actor: who edits.
            changes: old and new value by field, for the audit; nothing secret.

        Returns:
            the user sync as it is now.

        Raises:
            EditedMeanwhile: its version is no longer the record's.
            NameTaken: another user sync of the workspace has the new name.
            ValueError: a value cannot be changed.
        """
        texts = _columns(values)
        try:
            async with self._database.transaction() as session:
                if not await _update_version(session, record, texts):
                    raise EditedMeanwhile("user sync", record.name)
                resource = (RESOURCE_TYPE, record.id)
                await record_change(session, record.workspace, actor, "update", resource, changes)
        except IntegrityError as error:
            raise NameTaken("user sync", str(values.get("name"))) from error
        edited = await self.get(record.workspace, record.id)
        if edited is None:
            raise EditedMeanwhile("user sync", record.name)
        return edited

    async def delete(self, workspace: int, sync_id: str) -> bool:
        """Remove a user sync with its mirror, links, runs and plans; users and groups stay.

        Returns:
            whether the workspace had it.
        """
        async with self._database.transaction() as session:
            row = await session.row(
                "DELETE FROM user_sync WHERE id = ? AND workspace_id = ? RETURNING id",
                (sync_id, workspace),
            )
        source_names(self._database).forget()
        return row is not None

    async def _select(self, condition: str, parameters: tuple[Any, ...]) -> Records:
        session = self._database.session
        matching = f"FROM user_sync WHERE {condition}"
        runs = await session.rows(
            f"SELECT {RUN_COLUMNS} FROM sync_run WHERE id IN (SELECT MAX(id) FROM sync_run "
            f"WHERE sync_id IN (SELECT id {matching}) GROUP BY sync_id)",
            parameters,
        )
        last = {row["sync_id"]: run_record(row) for row in runs}
        rows = await session.rows(f"SELECT {READ_COLUMNS} {matching} ORDER BY id", parameters)
        return [_record(row, last.get(row["id"])) for row in rows]


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = values.keys() - PLAIN - DOCUMENTS
    if unknown or not values:
        raise ValueError(f"Nothing of a user sync to change by this name: {sorted(unknown)}.")
    return {
        name: to_json(dict(value)) if name in DOCUMENTS else value for name, value in values.items()
    }


async def _update_version(session: Session, record: UserSyncRecord, values: dict[str, Any]) -> bool:
    assignments = ", ".join(f"{column} = ?" for column in values)
    row = await session.row(
        f"UPDATE user_sync SET {assignments}, config_version = config_version + 1 "
        "WHERE id = ? AND workspace_id = ? AND config_version = ? RETURNING id",
        (*values.values(), record.id, record.workspace, record.config_version),
    )
    return row is not None


async def _update(session: Session, workspace: int, sync_id: str, values: dict[str, Any]) -> bool:
    assignments = ", ".join(f"{column} = ?" for column in values)
    row = await session.row(
        f"UPDATE user_sync SET {assignments} WHERE id = ? AND workspace_id = ? RETURNING id",
        (*values.values(), sync_id, workspace),
    )
    return row is not None


def _record(row: Row, last_run: RunRecord | None) -> UserSyncRecord:
    return UserSyncRecord(
        id=row["id"],
        workspace=row["workspace_id"],
        name=row["name"],
        provider=row["provider"],
        enrollment=row["enrollment"],
        unique_field=row["unique_field"],
        deletion_policy=row["deletion_policy"],
        report_email=row["report_email"],
        settings=from_json(row["settings"], {}),
        sign_in=from_json(row["sign_in"], {}),
        secrets=row["secrets"],
        state=row["state"],
        state_reason=row["state_reason"],
        created_at=row["created_at"],
        last_run=last_run,
        paused=bool(row["paused"]),
        config_version=row["config_version"],
        next_run_at=row["next_run_at"],
    )
