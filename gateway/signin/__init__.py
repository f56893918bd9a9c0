"""How user syncs sign in to Microsoft: registrations, stored secrets, logins, states."""

from gateway.signin.registration import gateway_registration
from gateway.signin.service import LoginStatus, SignIns, StartedConsent
from gateway.signin.vault import KeptSecrets
from gateway.signin.watch import WatchedReader

__all__ = [
    "KeptSecrets",
    "LoginStatus",
    "SignIns",
    "StartedConsent",
    "WatchedReader",
    "gateway_registration",
]
