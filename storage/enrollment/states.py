"""The states of an invitation and of a user's enrollment, as pure rules.

An invitation is *live* until the first of three things happens to it, and none of them can be
taken back but one: a deletion voids it only until the user is restored.

    live --accept--> accepted       the person pressed the button behind the link
    live --time----> expired        `expires_at` has passed
    live --void----> voided         the address changed, the user was disabled or deleted, a newer
                                    invitation took its place, or nobody needs it any more
    voided (deleted) --restore--> live, or expired by now

A user shows the word of the newest invitation (`InviteStatus`); "undelivered" is "sent" whose
mail came to nothing: its link is live all the same.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class InviteStatus(StrEnum):
    """How far a user's invitation has come: ``inviteStatus`` of the ezto extension."""

    sent = "sent"
    """The link is live; its mail was sent, or waits to be."""
    accepted = "accepted"
    """The person opened the link and verified the address."""
    expired = "expired"
    """Nobody used the link in time."""
    voided = "voided"
    """The link was made useless before anybody used it."""
    undelivered = "undelivered"
    """The mail could not be delivered; the link is live."""


LIVE = frozenset({InviteStatus.sent.value, InviteStatus.undelivered.value})
"""The words of a user whose link is live."""


class VoidReason(StrEnum):
    """Why an invitation is void."""

    address = "address_changed"
    disabled = "disabled"
    deleted = "deleted"
    replaced = "replaced"
    """A newer invitation took its place."""
    trusted = "trusted"
    """The address counts as verified without it."""
    withdrawn = "withdrawn"
    """An administrator took it back."""
    expired = "expired"
    """Its time was over; it is void from then on, which is the same."""


class Standing(StrEnum):
    """What an invitation is good for."""

    live = "live"
    accepted = "accepted"
    expired = "expired"
    voided = "voided"


@dataclass(frozen=True, slots=True)
class InvitationRecord:
    """One invitation. Moments are microseconds since the epoch.

    Attributes:
        workspace: row id of its workspace.
        resource_id: the user who is invited.
        sync_id: the user sync that invited, "" for a person.
        address: as it was written then.
        address_key: the same, folded.
        created_by: who stands behind it.
        mail_id: its mail in the outbox.
    """

    id: str
    workspace: int
    resource_id: str
    sync_id: str
    address: str
    address_key: str = field(repr=False)
    created_at: int
    created_by: str
    expires_at: int
    mail_id: str | None = None
    accepted_at: int | None = None
    voided_at: int | None = None
    void_reason: str = ""

    def standing(self, now: int) -> Standing:
        """Return what it is good for at a moment: what happened to it first counts."""
        if self.accepted_at is not None:
            return Standing.accepted
        if self.voided_at is not None and self.voided_at < self.expires_at:
            return Standing.voided
        return Standing.live if now < self.expires_at else Standing.expired


@dataclass(frozen=True, slots=True)
class Enrollment:
    """What a user's row says: ``emailVerified`` and ``inviteStatus``."""

    verified: bool | None = None
    status: str | None = None

    @property
    def live(self) -> bool:
        """Whether a live link is out."""
        return self.status in LIVE

    def become(self, status: InviteStatus) -> "Enrollment":
        """Return the same with another word of the invitation."""
        return Enrollment(self.verified, status.value)


def after_write(
    now: Enrollment, *, address_changed: bool, active: bool
) -> tuple[Enrollment, VoidReason | None]:
    """Return what a write of a user makes of the enrollment, and why it voids the live link.

    A new address is not verified, whatever the old one was, and no word about the old one's
    invitation is true of it. A user who is disabled keeps what was verified.
    """
    if address_changed and now.live:
        return Enrollment(False, InviteStatus.voided.value), VoidReason.address
    if address_changed:
        return Enrollment(False, None), None
    if not active and now.live:
        return now.become(InviteStatus.voided), VoidReason.disabled
    return now, None
