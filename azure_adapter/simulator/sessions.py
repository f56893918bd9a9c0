"""The browser's session at the identity platform: who signed in there before.

Source: Microsoft identity platform: "Single sign-on", session cookies of the sign-in service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from azure_adapter.simulator.accounts import Account, find_account
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.state import Simulator
from azure_adapter.simulator.tokens import BadTokenError, seal, unseal

COOKIE: Final = "ESTSAUTHPERSISTENT"
"""Name of the session cookie."""


@dataclass(slots=True)
class Session:
    """Who is signed in in one browser.

    Attributes:
        accounts: (tenant id, object id) to whether a second factor was used.
    """

    accounts: dict[tuple[str, str], bool] = field(default_factory=dict)

    def of(self, directory: Directory) -> list[tuple[Account, bool]]:
        """List a tenant's signed-in accounts that may still sign in."""
        found = []
        for (tenant_id, object_id), mfa in self.accounts.items():
            account = find_account(directory, object_id)
            if tenant_id == directory.tenant_id and account is not None and account.enabled:
                found.append((account, mfa))
        return found

    def remember(self, directory: Directory, account: Account, *, mfa: bool) -> None:
        """Add an account."""
        key = (directory.tenant_id, account.object_id)
        self.accounts[key] = mfa or self.accounts.get(key, False)

    def cookie(self, simulator: Simulator) -> str:
        """Build the cookie's value."""
        accounts = [[*key, mfa] for key, mfa in self.accounts.items()]
        return seal({"epoch": simulator.session_epoch, "accounts": accounts})


def read_session(simulator: Simulator, cookies: Mapping[str, str]) -> Session:
    """Read the session of a browser; an empty one without, or after it ended."""
    try:
        state: dict[str, Any] = unseal(cookies.get(COOKIE, ""))
    except BadTokenError:
        return Session()
    if state.get("epoch") != simulator.session_epoch:
        return Session()
    return Session({(tenant, user): mfa for tenant, user, mfa in state["accounts"]})
