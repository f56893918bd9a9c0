"""The mails of invitations, written at the moment when they are sent.

So a link that was voided meanwhile is never sent, the outbox holds no secret that works (it is
encrypted), and a hundred thousand waiting mails are small.
"""

from gateway.enrollment.service import EnrollmentService
from gateway.links import Links
from gateway.mail.delivery import NotNeeded, NotYet
from gateway.mail.invitation import InvitationLetter, build_invitation
from gateway.secrets import SecretBox, UnreadableSecretError
from gateway.settings import PREFIX, Settings
from storage.enrollment import InvitationRecord, Person, Standing
from storage.mail import MailRecord, MailStatus


class InvitationWriter:
    """Writes the mails of invitations.

    Args:
        settings: name the sender, and the public URL that links begin with.
        secrets: decrypts the secrets of links.
        service: knows the invitations, and who invites.
    """

    def __init__(self, settings: Settings, secrets: SecretBox, service: EnrollmentService) -> None:
        self._sender = settings.mail_from
        self._links = Links.of(settings)
        self._secrets = secrets
        self._invitations = service.invitations
        self._issuer = service.issuer

    async def write(self, mail: MailRecord, kept: str) -> bytes:
        """Return the message; see ``MailWriter``."""
        invitation = await self._invitations.get(mail.id)
        if invitation is None:
            raise NotNeeded("The invitation is gone.")
        standing = invitation.standing(self._invitations.clock())
        person = await self._invitations.person(invitation)
        if standing is not Standing.live or person is None:
            why = invitation.void_reason or standing.value
            raise NotNeeded(f"The link was not good any more before the mail was sent ({why}).")
        letter = await self._letter(invitation, person, self._opened(kept))
        return build_invitation(letter, self._sender, mail.recipient).as_bytes()

    def _opened(self, sealed: str) -> str:
        try:
            return self._secrets.decrypt(sealed)
        except UnreadableSecretError:
            raise ValueError(
                f"the link was encrypted with a key that is not in {PREFIX}SECRET_KEY any more; "
                "send a new invitation"
            ) from None

    async def _letter(
        self, invitation: InvitationRecord, person: Person, secret: str
    ) -> InvitationLetter:
        link = self._links.enroll(secret)
        if link is None:
            raise NotYet(
                f"{PREFIX}BASE_URL is not set, so that nobody knows what the link begins with. Set "
                "it to the public URL of the gateway."
            )
        return InvitationLetter(
            id=invitation.id,
            inviter=await self._issuer.inviter(invitation.workspace),
            name=person.name,
            address=invitation.address,
            link=link,
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
        )

    async def delivered(self, mail: MailRecord, status: MailStatus) -> None:
        """Let the user show that the mail came to nothing, or arrived after all."""
        if status is MailStatus.failed:
            await self._invitations.note_delivery(mail.id, delivered=False)
        elif mail.attempts or mail.error:
            await self._invitations.note_delivery(mail.id, delivered=True)
