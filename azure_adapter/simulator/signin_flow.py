"""Signing in with a browser, step by step: account, second factor, consent, answer.

Between two steps everything is in the page (sealed), nothing in the simulator. Sources: Microsoft
identity platform: "OAuth 2.0 authorization code flow", "Admin consent", "Permissions and
consent".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from azure_adapter.simulator import authorize, pages
from azure_adapter.simulator.accounts import Account, built_in, find_account
from azure_adapter.simulator.authorize import Asked, error_answer
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.identity import SHARED_TENANTS, find_tenant
from azure_adapter.simulator.identity_errors import IdentityError
from azure_adapter.simulator.registrations import USER_CONSENTABLE, Installation, Registration
from azure_adapter.simulator.sessions import COOKIE, Session, read_session
from azure_adapter.simulator.state import Simulator
from azure_adapter.simulator.tokens import BadTokenError, seal, unseal

_FAILURES: Final = {
    "login_required": (50058, "A silent sign-in request was sent but no user is signed in."),
    "interaction_required": (50076, "You must use multi-factor authentication to access."),
    "temporarily_unavailable": (90033, "A transient error has occurred. Please try again."),
    "server_error": (90036, "An unexpected, non-retryable error stemming from the directory."),
    "access_denied": (65004, "User declined to consent to access the app."),
    "consent_required": (65001, "The user or administrator has not consented."),
}


async def authorize_endpoint(request: Request) -> Response:
    """Answer ``GET /{tenant}/oauth2/v2.0/authorize``."""
    return _begin(request, admin_consent=False)


async def adminconsent_endpoint(request: Request) -> Response:
    """Answer ``GET /{tenant}/v2.0/adminconsent``."""
    return _begin(request, admin_consent=True)


async def login_endpoint(request: Request) -> Response:
    """Answer ``POST /{tenant}/login``: whatever a page sends."""
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    simulator: Simulator = request.app.state.simulator
    try:
        state = unseal(form.get("flow", ""))
        asked = Asked(state["tenant"], state["params"], state["admin"])
    except (BadTokenError, KeyError):
        return pages.error_page("AADSTS165000: Invalid request. Begin again in the app.")
    session = read_session(simulator, request.cookies)
    try:
        app = authorize.registration(simulator, asked)
        flow = _restored(simulator, asked, app, session, state)
        return flow.step(form)
    except IdentityError as error:
        return pages.error_page(f"AADSTS{error.number}: {error.text}", error.status)


def _begin(request: Request, *, admin_consent: bool) -> Response:
    simulator: Simulator = request.app.state.simulator
    asked = Asked(request.path_params["tenant"], dict(request.query_params), admin_consent)
    session = read_session(simulator, request.cookies)
    try:
        if asked.tenant.lower() not in SHARED_TENANTS:
            find_tenant(simulator, asked.tenant)
        app = authorize.registration(simulator, asked)
    except IdentityError as error:
        return pages.error_page(f"AADSTS{error.number}: {error.text}", error.status)
    try:
        authorize.check_request(asked)
    except IdentityError as error:
        return error_answer(asked, error.error, error.number, error.text)
    return _Flow(simulator, asked, app, session).begin()


def _restored(
    simulator: Simulator, asked: Asked, app: Registration, session: Session, state: dict[str, Any]
) -> _Flow:
    flow = _Flow(simulator, asked, app, session)
    if "tid" not in state:
        return flow
    directory = find_tenant(simulator, state["tid"])
    account = find_account(directory, state["oid"])
    return replace(flow, directory=directory, account=account, mfa=state["mfa"])


@dataclass(frozen=True, slots=True)
class _Flow:
    """One sign-in; ``directory`` and ``account`` are known from the second step on."""

    simulator: Simulator
    asked: Asked
    app: Registration
    session: Session
    directory: Directory | None = None
    account: Account | None = None
    mfa: bool = False

    def begin(self) -> Response:
        unattended = self.simulator.settings.unattended
        if unattended is not None:
            return self._unattended(unattended)
        known = [
            (directory, account, mfa)
            for directory in self._directories()
            for account, mfa in self.session.of(directory)
        ]
        if self.asked.prompt == "none":
            return self._silently(known)
        if len(known) == 1 and self.asked.prompt in ("", "consent"):
            directory, account, mfa = known[0]
            return replace(self, directory=directory, account=account, mfa=mfa).verified()
        return self._pick()

    def step(self, form: Mapping[str, str]) -> Response:
        if "fail" in form:
            return self._failed(form["fail"])
        action = form.get("action", "")
        if action in ("cancel", "deny", "refuse", "back"):
            return self._declined(action)
        if "account" in form:
            return self._picked(form["account"].strip())
        if self.account is None or action == "switch":
            return self._pick()
        if action == "approve":
            return replace(self, mfa=True).consented()
        if action == "accept":
            return self._accepted(everybody=self.asked.admin_consent or "organization" in form)
        return self._pick()

    def verified(self) -> Response:
        """Go on after the account is known."""
        directory, account = self._who()
        if directory.mfa and not self.mfa:
            return pages.verification_page(
                self._form(), account, enrolment=directory.mfa == "enrolment"
            )
        return self.consented()

    def consented(self) -> Response:
        """Go on after the second factor: ask for consent where it is missing."""
        directory, account = self._who()
        wanted = self._wanted(directory, account)
        if not wanted and self.asked.prompt != "consent":
            return self._answer()
        if not account.admin and (
            self.asked.admin_consent or not USER_CONSENTABLE.issuperset(wanted)
        ):
            return pages.approval_page(self._form(), account, self.app.display_name)
        return pages.consent_page(
            self._form(),
            account,
            self.app.display_name,
            wanted or self.app.scopes,
            everybody=self.asked.admin_consent,
        )

    def _wanted(self, directory: Directory, account: Account) -> list[str]:
        if self.asked.admin_consent:
            scopes = [one for one in self.app.scopes if one not in self.app.roles]
            return [*(f"{one} (application)" for one in self.app.roles), *scopes]
        return authorize.missing_permissions(
            self.asked, self.app, self._installation(directory), account
        )

    def _accepted(self, *, everybody: bool) -> Response:
        directory, account = self._who()
        if directory.mfa and not self.mfa:
            return self.verified()
        installation = self._installation(directory)
        if installation is None:
            installation = directory.install(self.app, granted=False)
        if self.asked.admin_consent:
            if not account.admin:
                return pages.approval_page(self._form(), account, self.app.display_name)
            installation.grant_everything()
            return self._keep(authorize.consent_answer(self.asked, directory))
        wanted = self._wanted(directory, account)
        if everybody and account.admin:
            installation.scopes.extend(wanted)
        elif account.admin or USER_CONSENTABLE.issuperset(wanted):
            installation.consents.setdefault(account.object_id, set()).update(wanted)
        return self._answer()

    def _answer(self) -> Response:
        directory, account = self._who()
        answer = authorize.code_answer(self.simulator, self.asked, directory, account, mfa=self.mfa)
        return self._keep(answer)

    def _keep(self, answer: Response) -> Response:
        """Remember in the browser who signed in."""
        directory, account = self._who()
        self.session.remember(directory, account, mfa=self.mfa)
        answer.set_cookie(
            COOKIE, self.session.cookie(self.simulator), httponly=True, samesite="lax"
        )
        return answer

    def _silently(self, known: list[tuple[Directory, Account, bool]]) -> Response:
        hint = self.asked.params.get("login_hint", "").lower()
        fitting = [one for one in known if not hint or one[1].upn.lower() == hint]
        if not fitting:
            return self._failed("login_required")
        if len(fitting) > 1:
            number, text = 16000, "Either multiple user identities are available for the request."
            return error_answer(self.asked, "interaction_required", number, text)
        directory, account, mfa = fitting[0]
        if directory.mfa and not mfa:
            return self._failed("interaction_required")
        if self._wanted(directory, account):
            return self._failed("consent_required")
        return replace(self, directory=directory, account=account, mfa=mfa)._answer()

    def _unattended(self, what: str) -> Response:
        """Answer at once, as the settings say, for tests and demos without a browser."""
        if what in _FAILURES:
            return self._failed(what)
        directory = self._directories()[0]
        account = find_account(directory, self.asked.params.get("login_hint", ""))
        known = replace(
            self, directory=directory, account=account or built_in(directory)[0], mfa=True
        )
        return known._accepted(everybody=True)

    def _picked(self, upn: str) -> Response:
        for directory in self.simulator.directories.values():
            account = find_account(directory, upn)
            if account is None:
                continue
            if directory not in self._directories():
                tenant = self._directories()[0].display_name
                return self._pick(
                    f"AADSTS50020: User account '{upn}' from identity provider "
                    f"'{directory.display_name}' does not exist in tenant '{tenant}' and cannot "
                    "access the application in that tenant. Sign in with another account.",
                    upn,
                )
            if not account.enabled:
                return self._pick("AADSTS50057: The user account is disabled.", upn)
            mfa = dict(self.session.of(directory)).get(account, False)
            return replace(self, directory=directory, account=account, mfa=mfa).verified()
        return self._pick(
            f"AADSTS50034: The user account {upn} does not exist in the directory.", upn
        )

    def _pick(self, alert: str = "", typed: str = "") -> Response:
        flow = replace(self, directory=None, account=None, mfa=False)
        groups = [
            (one.display_name, [*built_in(one), *self._remembered(one)])
            for one in self.simulator.directories.values()
        ]
        return pages.account_page(
            flow._form(),
            self.app.display_name,
            groups,
            hint=typed or self.asked.params.get("login_hint", ""),
            alert=alert,
        )

    def _remembered(self, directory: Directory) -> list[Account]:
        known = built_in(directory)
        return [account for account, _ in self.session.of(directory) if account not in known]

    def _declined(self, action: str) -> Response:
        if action == "refuse":
            return self._failed("interaction_required")
        if action == "back":
            return error_answer(
                self.asked, "access_denied", 90094, "The grant requires admin permission."
            )
        return self._failed("consent_required" if self.asked.admin_consent else "access_denied")

    def _failed(self, error: str) -> Response:
        number, text = _FAILURES.get(error, _FAILURES["server_error"])
        if self.asked.admin_consent and error == "consent_required":
            number, text = 65004, "The resource owner or authorization server denied the request."
        return error_answer(self.asked, error, number, text)

    def _directories(self) -> list[Directory]:
        if self.asked.tenant.lower() in SHARED_TENANTS:
            return list(self.simulator.directories.values())
        return [find_tenant(self.simulator, self.asked.tenant)]

    def _installation(self, directory: Directory) -> Installation | None:
        return directory.installations.get(self.app.client_id.lower())

    def _who(self) -> tuple[Directory, Account]:
        if self.directory is None or self.account is None:
            raise IdentityError(400, "invalid_request", 165000, "Nobody has signed in.")
        return self.directory, self.account

    def _form(self) -> pages.Form:
        state = self.asked.state()
        if self.directory is not None and self.account is not None:
            state.update(tid=self.directory.tenant_id, oid=self.account.object_id, mfa=self.mfa)
        return pages.Form(self.asked.tenant, seal(state))
