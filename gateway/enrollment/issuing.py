"""Issuing invitations: rows, mails and the users' status, many at a time, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.mail.address import bare_address
from gateway.mail.choice import MailKind
from gateway.mail.invitation import subject_of
from gateway.secrets import SecretBox
from gateway.settings import Settings
from scim.identifiers import new_id
from scim.provisioning.authority import Source
from storage.access.workspaces import DEFAULT_WORKSPACE
from storage.database import Database, Session
from storage.enrollment import Invitations, InviteStatus, NewInvitation, Person, VoidReason
from storage.enrollment.hooks import void
from storage.enrollment.invitations import new_link_secret
from storage.enrollment.people import write
from storage.enrollment.states import Enrollment
from storage.mail import NewMail, Outbox

DAY_US = 24 * 3_600 * 1_000_000

NAMELESS = "Your organization"
"""Who invites where nothing else is known."""


@dataclass(frozen=True, slots=True)
class Invitee:
    """Somebody to invite.

    Attributes:
        person: the user, locked in the open transaction.
        address: the address to verify, as the directory writes it.
    """

    person: Person
    address: str


class Issuer:
    """Issues invitations.

    Args:
        database: the open database.
        settings: how long a link is good, and who invites.
        secrets: encrypts a link's secret while its mail waits.
        invitations: where invitations are kept.
        outbox: where their mails wait.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        secrets: SecretBox,
        invitations: Invitations,
        outbox: Outbox,
    ) -> None:
        self._database = database
        self._settings = settings
        self._secrets = secrets
        self._invitations = invitations
        self._outbox = outbox

    async def issue(
        self,
        session: Session,
        workspace: int,
        invitees: Sequence[Invitee],
        *,
        source: Source,
        sync_id: str,
        actor: str,
        bulk: bool,
    ) -> list[str]:
        """Invite people, instead of any earlier invitation, and return the invitations' ids.

        Args:
            session: of the open transaction.
            workspace: row id of the workspace.
            invitees: each with an address that :func:`bare_address` takes.
            source: who writes, for the audit.
            sync_id: the user sync that invites, "" for a person.
            actor: who stands behind it.
            bulk: the mails are many, and wait for those that are not.
        """
        if not invitees:
            return []
        new = [self._new(each) for each in invitees]
        subject = subject_of(await self.inviter(workspace))
        people = [each.person for each in new]
        earlier = [(each.id, VoidReason.replaced) for each in people]
        await void(session, workspace, earlier, self._invitations.clock())
        await self._invitations.add(session, workspace, new, sync_id=sync_id, created_by=actor)
        mails = [self._mail(each, subject, bulk=bulk) for each in new]
        await self._outbox.enqueue_all(workspace, mails)
        then = Enrollment(False, InviteStatus.sent.value)
        await write(session, workspace, source, [(person, then) for person in people])
        return [each.id for each in new]

    def _new(self, invitee: Invitee) -> NewInvitation:
        return NewInvitation(
            id=new_id(),
            person=invitee.person,
            address=invitee.address,
            secret=new_link_secret(),
            expires_at=self._invitations.clock() + self._settings.invitation_days * DAY_US,
        )

    def _mail(self, new: NewInvitation, subject: str, *, bulk: bool) -> NewMail:
        return NewMail(
            MailKind.enrollment,
            bare_address(new.address),
            subject,
            self._secrets.encrypt(new.secret),
            bulk=bulk,
            id=new.id,
        )

    async def inviter(self, workspace: int) -> str:
        """Return who invites: the workspace by its name, or what the settings call it."""
        name = await self._database.session.value(
            "SELECT name FROM workspace WHERE row_id = ?", (workspace,)
        )
        if name is None or name == DEFAULT_WORKSPACE:
            return self._settings.organization or NAMELESS
        return str(name)
