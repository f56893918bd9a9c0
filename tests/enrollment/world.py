"""A workspace with users, their invitations, and a clock that only tests move."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from gateway.enrollment import Enrollments, EnrollmentService, InvitationWriter
from gateway.mail.choice import MailKind
from gateway.mail.delivery import Postman
from gateway.secrets import SecretBox
from gateway.settings import Settings
from scim.provisioning.authority import DASHBOARD, Source, SourceKind
from scim.provisioning.operations import Outcome
from storage.database import Database, now_us
from storage.enrollment import InvitationRecord, Invitations
from storage.mail import MailRecord, Outbox
from storage.resources.store import ResourceStore
from tests.storage.test_resource_world import OKTA, PROVIDER, SYNC, USER, USERS, add_workspace

KEY = Fernet.generate_key()
BASE_URL = "https://idm.example.com"
DAY_US = 24 * 3_600 * 1_000_000
ADDRESS = "ann@example.com"


def emails(address: str) -> list[dict[str, Any]]:
    return [{"value": address, "type": "work", "primary": True}]


@dataclass
class Clock:
    """Microseconds since the epoch, as a test says."""

    now: int = field(default_factory=now_us)

    def __call__(self) -> int:
        self.now += 1
        return self.now


@dataclass
class EnrollmentWorld:
    """Everything a test of enrollment needs.

    Attributes:
        store: writes users as their authority, a user sync.
        service: what is tested.
        port: what a user sync's runs see of it.
    """

    database: Database
    settings: Settings
    workspace: int
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.secrets = SecretBox([KEY])
        self.outbox = Outbox(self.database)
        self.service = EnrollmentService(
            self.database,
            self.settings,
            self.secrets,
            self.outbox,
            Invitations(self.database, self.clock),
        )
        self.writer = InvitationWriter(self.settings, self.secrets, self.service)
        self.store = self.store_of(SYNC)

    @classmethod
    async def on(cls, database: Database, directory: Path, **settings: Any) -> EnrollmentWorld:
        """Return a world on a fresh workspace."""
        count = await database.session.value("SELECT COUNT(*) FROM workspace")
        workspace = await add_workspace(database, f"acme {count}")
        given = {"base_url": BASE_URL, "smtp_url": None, "organization": "", **settings}
        return cls(database, Settings(data_dir=directory, **given), workspace)

    @property
    def port(self) -> Enrollments:
        return self.service.port(self.workspace, SYNC)

    def store_of(self, source: Source) -> ResourceStore:
        return ResourceStore(self.database, self.workspace, source, PROVIDER)

    # -- users ------------------------------------------------------------------

    async def user(self, name: str = "ann", address: str | None = ADDRESS, **more: Any) -> str:
        """Make a user and return the id."""
        entries = emails(address) if address else None
        resource = USERS.model_validate({"userName": name, "emails": entries, **more})
        created = await self.store.create(USER, resource)
        assert created.id is not None
        return created.id

    async def change(
        self, user_id: str, store: ResourceStore | None = None, **attributes: Any
    ) -> None:
        """Replace attributes of a user."""
        store = store or self.store
        document = (await store.documents([user_id]))[user_id]
        document = {**document, **attributes}
        await store.update(USER, USERS.model_validate(document))

    async def delete(self, user_id: str) -> None:
        await self.store.delete(USER, user_id)

    async def shown(self, user_id: str) -> tuple[bool | None, str | None]:
        """Return emailVerified and inviteStatus."""
        state = (await self.store.enrollment([user_id]))[user_id]
        return state.email_verified, state.invite_status

    # -- invitations ------------------------------------------------------------

    async def invite(self, *user_ids: str, address: str = ADDRESS) -> list[Outcome]:
        """Invite users as a sync's run does."""
        people = [(user_id, address) for user_id in user_ids]
        return await self.port.invite(people, "sync-1", "ann@admin")

    async def history(self, user_id: str) -> list[InvitationRecord]:
        """Return the invitations of a user, the oldest first."""
        found = await self.service.invitations.of_user(self.workspace, user_id)
        return found[::-1]

    async def secret(self, invitation_id: str) -> str:
        """Return the secret of a link whose mail waits."""
        return self.secrets.decrypt(await self.outbox.message(invitation_id))

    async def mails(self) -> list[MailRecord]:
        """Return the mails of the workspace, the oldest first."""
        return (await self.outbox.list(self.workspace, 1_000))[::-1]

    def postman(self, directory: Path, **options: Any) -> Postman:
        return Postman(
            self.outbox,
            directory,
            self.settings.mail_from,
            writers={MailKind.enrollment: self.writer},
            **options,
        )


__all__ = [
    "ADDRESS",
    "BASE_URL",
    "DASHBOARD",
    "DAY_US",
    "OKTA",
    "SYNC",
    "EnrollmentWorld",
    "SourceKind",
    "emails",
]
