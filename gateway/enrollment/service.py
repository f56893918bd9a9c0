"""Enrollment for people: the page behind a link, and what administrators do with invitations."""

from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from gateway.enrollment.issuing import Invitee, Issuer
from gateway.enrollment.port import Enrollments
from gateway.mail.address import bare_address
from gateway.secrets import SecretBox
from gateway.settings import Settings
from scim.provisioning.authority import DASHBOARD, Source
from storage.database import Database, Session
from storage.enrollment import (
    InvitationRecord,
    Invitations,
    Person,
    Standing,
    VoidReason,
)
from storage.enrollment.invitations import acting
from storage.enrollment.people import locked
from storage.mail import Outbox

MINUTE_US = 60_000_000


class EnrollmentRefused(Exception):
    """An invitation is not sent; the message says why and what to do.

    Attributes:
        code: stable word: ``not_found``, ``inactive``, ``no_address``, ``verified``, ``too_soon``
            or ``replaced``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TooSoon(EnrollmentRefused):
    """The same person was invited a moment ago.

    Attributes:
        seconds: how long to wait.
    """

    def __init__(self, seconds: int) -> None:
        minutes = max(1, round(seconds / 60))
        super().__init__(
            "too_soon",
            "This person was invited a short while ago. Another invitation can be sent in "
            f"{minutes} {'minute' if minutes == 1 else 'minutes'}; the mail may still be on its "
            "way, or in the folder for spam.",
        )
        self.seconds = seconds


class PageState(StrEnum):
    """What the page behind a link shows."""

    live = "live"
    verified = "verified"
    """Just now, by this request."""
    accepted = "accepted"
    """The link was used before."""
    expired = "expired"
    voided = "voided"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class InvitationPage:
    """What the page behind a link has to know.

    Attributes:
        state: which page.
        inviter: who invites.
        address: which address.
        reason: why the link is void (a :class:`VoidReason`), or "".
        moment: until when it is good, or when it was used, in microseconds since the epoch.
        renewable: the person may ask for a new link.
    """

    state: PageState
    inviter: str = ""
    address: str = ""
    reason: str = ""
    moment: int = 0
    renewable: bool = False


UNKNOWN = InvitationPage(PageState.unknown)


class EnrollmentService:
    """Invitations as the public page and administrators use them.

    Args:
        database: the open database.
        settings: how long links are good, and how soon they may follow each other.
        secrets: encrypts the secrets of links while their mails wait.
        outbox: where mails wait.
        invitations: where invitations are kept.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        secrets: SecretBox,
        outbox: Outbox,
        invitations: Invitations | None = None,
    ) -> None:
        self._database = database
        self._pause_us = settings.invitation_pause_minutes * MINUTE_US
        self.invitations = invitations or Invitations(database)
        self.issuer = Issuer(database, settings, secrets, self.invitations, outbox)

    def port(self, workspace: int, source: Source) -> Enrollments:
        """Return the port through which a user sync enrolls the users of a workspace."""
        return Enrollments(self._database, workspace, source, self.invitations, self.issuer)

    # -- the page behind a link ------------------------------------------------

    async def look(self, secret: str) -> InvitationPage:
        """Return the page of a link; looking changes nothing."""
        found = await self.invitations.find(secret)
        return UNKNOWN if found is None else await self._page(found)

    async def accept(self, secret: str) -> InvitationPage:
        """Use a link up, and return the page that says what became of it."""
        acceptance = await self.invitations.accept(secret)
        if acceptance.invitation is None:
            return UNKNOWN
        return await self._page(acceptance.invitation, accepted=acceptance.accepted)

    async def renew(self, secret: str) -> InvitationRecord:
        """Send the person behind an expired link a new one, to the same address.

        Raises:
            EnrollmentRefused: nothing is sent; see :meth:`resend`.
        """
        found = await self.invitations.find(secret)
        if found is None:
            raise EnrollmentRefused("not_found", "This link is not known.")
        async with self._database.transaction() as session:
            people = await locked(session, found.workspace, [found.resource_id])
            person = people.get(found.resource_id)
            if not await self._is_renewable(found, person):
                raise EnrollmentRefused(
                    "replaced",
                    "This link cannot be renewed. Use the link of the newest mail, or ask your "
                    "administrator for an invitation.",
                )
            with acting(f"invitation:{found.id}"):
                return await self._invite(session, found.workspace, person, found, "")

    async def _page(
        self, invitation: InvitationRecord, *, accepted: bool = False
    ) -> InvitationPage:
        standing = invitation.standing(self.invitations.clock())
        person = await self.invitations.person(invitation)
        state = PageState.verified if accepted else PageState(standing.value)
        reason = invitation.void_reason if standing is Standing.voided else ""
        misfit = _misfit(invitation, person)
        if standing is Standing.live and misfit is not None:
            state, reason = PageState.voided, misfit.value
        used = standing is Standing.accepted
        return InvitationPage(
            state,
            inviter=await self.issuer.inviter(invitation.workspace),
            address=invitation.address,
            reason=reason,
            moment=(invitation.accepted_at or 0) if used else invitation.expires_at,
            renewable=await self._is_renewable(invitation, person),
        )

    async def _is_renewable(self, invitation: InvitationRecord, person: Person | None) -> bool:
        """Tell whether the person behind an expired link may ask for a new one."""
        if (
            invitation.standing(self.invitations.clock()) is not Standing.expired
            or person is None
            or _misfit(invitation, person) is not None
            or person.enrollment.verified
        ):
            return False
        (newest,) = await self.invitations.of_user(invitation.workspace, person.id, 1)
        return newest.id == invitation.id

    # -- administrators --------------------------------------------------------

    async def resend(self, workspace: int, user_id: str, actor: str) -> InvitationRecord:
        """Invite a user, again or for the first time; an earlier link becomes void.

        Args:
            workspace: row id of the workspace.
            user_id: the user.
            actor: the administrator.

        Raises:
            TooSoon: the user was invited a moment ago.
            EnrollmentRefused: there is no such user, or nothing to verify.
        """
        async with self._database.transaction() as session:
            people = await locked(session, workspace, [user_id])
            history = await self.invitations.of_user(workspace, user_id, 1)
            last = history[0] if history else None
            with acting(actor):
                return await self._invite(session, workspace, people.get(user_id), last, actor)

    async def withdraw(self, workspace: int, user_id: str, actor: str) -> bool:
        """Void the live link of a user; tells whether there was one."""
        with acting(actor):
            return await self.invitations.withdraw(workspace, user_id, VoidReason.withdrawn)

    async def _invite(
        self,
        session: Session,
        workspace: int,
        person: Person | None,
        last: InvitationRecord | None,
        actor: str,
    ) -> InvitationRecord:
        invitee = _invitee(person)
        if last is not None and invitee.person.has_address(last.address_key):
            self._check_pause(last)
        (invitation_id,) = await self.issuer.issue(
            session,
            workspace,
            [invitee],
            source=DASHBOARD,
            sync_id=last.sync_id if last else "",
            actor=actor,
            bulk=False,
        )
        invitation = await self.invitations.get(invitation_id)
        assert invitation is not None  # noqa: S101
        return invitation

    def _check_pause(self, last: InvitationRecord) -> None:
        left = last.created_at + self._pause_us - self.invitations.clock()
        if left > 0:
            raise TooSoon(ceil(left / 1_000_000))

    # -- keeping order -----------------------------------------------------------

    async def tidy(self) -> int:
        """Let users say so whose links have expired, and forget what is old; returns how many."""
        expired = 0
        while some := await self.invitations.expire():
            expired += some
        while await self.invitations.prune():
            pass
        return expired


def _misfit(invitation: InvitationRecord, person: Person | None) -> VoidReason | None:
    """Return why a link cannot do any more what it was made for, or ``None`` if it can."""
    if person is None:
        return VoidReason.deleted
    if not person.active:
        return VoidReason.disabled
    return None if person.has_address(invitation.address_key) else VoidReason.address


def _invitee(person: Person | None) -> Invitee:
    """Return somebody who can be invited.

    Raises:
        EnrollmentRefused: nobody can.
    """
    if person is None:
        raise EnrollmentRefused("not_found", "There is no such user.")
    if not person.active:
        raise EnrollmentRefused("inactive", "The user is disabled. Enable the user first.")
    if person.enrollment.verified:
        raise EnrollmentRefused("verified", f"{person.address} is verified already.")
    if person.address is None:
        raise EnrollmentRefused(
            "no_address", "The user has neither a primary e-mail address nor one of work."
        )
    try:
        bare_address(person.address)
    except ValueError as error:
        message = f"No mail can be sent to {person.address!r}: {error}."
        raise EnrollmentRefused("no_address", message) from None
    return Invitee(person, person.address)
