"""How a user sync's sign-in stands, and the state that a refusal puts it into."""

from dataclasses import asdict, dataclass
from typing import Any

from gateway.connections import SignInMode

READY = "ready"
NEEDS_LOGIN = "needs_login"
SETUP_INCOMPLETE = "setup_incomplete"

OURS = frozenset({READY, NEEDS_LOGIN, SETUP_INCOMPLETE})
"""States that signing in may change; any other is a person's decision and stays."""

REAUTHORIZE = frozenset(
    {"invalid_grant", "interaction_required", "consent_required", "login_required"}
)
"""Refusals that a person's login mends (**Reauthorize**)."""

OF_AN_ACCOUNT = frozenset(
    {
        "account_unusable",
        "consent_denied",
        "missing_permission",
        "other_directory",
        "token_refused",
    }
)
"""Refusals that a person's login mends where a person signs in."""


def state_after(code: str, mode: SignInMode) -> str:
    """Return the state after a refusal.

    What a login cannot mend, such as an expired secret or a missing application permission, is a
    matter of the app registration.
    """
    if code in REAUTHORIZE or (mode is SignInMode.account and code in OF_AN_ACCOUNT):
        return NEEDS_LOGIN
    return SETUP_INCOMPLETE


@dataclass(frozen=True, slots=True)
class LoginStatus:
    """How a user sync signs in, without anything secret.

    Attributes:
        state: of the user sync.
        reason: why it is in that state.
        mode: ``account`` (a person's login) or ``app``.
        cloud: name of the Microsoft cloud.
        azure_tenant: id of the directory, "" before the first login.
        tenant_name: its name, if known.
        account: who signed in.
        client_id: the app registration.
        own_registration: whether it is the user sync's, not the gateway's.
        permissions: what was granted at the last login.
        missing: needed permissions that were not.
    """

    state: str
    reason: str
    mode: str
    cloud: str
    azure_tenant: str
    tenant_name: str
    account: str
    client_id: str
    own_registration: bool
    permissions: tuple[str, ...]
    missing: tuple[str, ...]

    def public(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)
