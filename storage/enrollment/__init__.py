"""Enrollment: invitations to verify an address, and what they say about a user."""

from storage.enrollment.invitations import Acceptance, Invitations, NewInvitation
from storage.enrollment.people import Person
from storage.enrollment.states import (
    InvitationRecord,
    InviteStatus,
    Standing,
    VoidReason,
)

__all__ = [
    "Acceptance",
    "InvitationRecord",
    "Invitations",
    "InviteStatus",
    "NewInvitation",
    "Person",
    "Standing",
    "VoidReason",
]
