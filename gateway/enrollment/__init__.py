"""Enrollment: inviting people to verify an address, and what happens behind the link."""

from gateway.enrollment.letters import InvitationWriter
from gateway.enrollment.port import Enrollments
from gateway.enrollment.service import (
    EnrollmentRefused,
    EnrollmentService,
    InvitationPage,
    PageState,
    TooSoon,
)

__all__ = [
    "EnrollmentRefused",
    "EnrollmentService",
    "Enrollments",
    "InvitationPage",
    "InvitationWriter",
    "PageState",
    "TooSoon",
]
