"""Signing user syncs in: by a person's login or by the application, and what state that gives.

The flow functions are the same for the command line and the dashboard: :meth:`SignIns.begin` gives
the page to open and a flow to keep, :meth:`SignIns.finish` takes what came back.
"""

import secrets as random
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from azure_adapter.graph import (
    AccountSignIn,
    Certificate,
    CheckedConnection,
    ClientCredentials,
    ClientSignIn,
    SignedIn,
    SignIn,
    StartedLogin,
    TokenFacts,
    admin_consent_url,
    check_directory,
    finish_consent,
    finish_login,
    is_directory_id,
    missing_permissions,
    open_reader,
    start_login,
)
from gateway.connections import ConnectionProblem, SignInMode, endpoints_of, mode_of
from gateway.secrets import SecretBox
from gateway.settings import Settings
from gateway.signin.registration import gateway_registration
from gateway.signin.states import (
    NEEDS_LOGIN,
    OURS,
    READY,
    SETUP_INCOMPLETE,
    LoginStatus,
    state_after,
)
from gateway.signin.vault import KeptSecrets
from gateway.signin.watch import WatchedReader
from storage.access import UserSyncRecord, UserSyncs

__all__ = [
    "NEEDS_LOGIN",
    "NOBODY_YET",
    "NO_CREDENTIAL",
    "OURS",
    "READY",
    "SETUP_INCOMPLETE",
    "LoginStatus",
    "SignIns",
    "StartedConsent",
]

NOBODY_YET = "Nobody has signed in to Microsoft yet."
NO_CREDENTIAL = (
    "The app registration has no client secret yet. Give it with `ezto-gateway connection "
    "credential`."
)


@dataclass(frozen=True, slots=True)
class StartedConsent:
    """An admin consent that waits for a person.

    Attributes:
        url: the page at Microsoft to open, as a browser on this machine reaches it.
        state: what comes back with the redirect; keep it where the browser cannot change it.
    """

    url: str
    state: str


class SignIns:
    """The sign-ins of all user syncs.

    Args:
        user_syncs: where they are stored.
        secrets: what encrypts.
        settings: may name the gateway's own app registration.
    """

    def __init__(self, user_syncs: UserSyncs, secrets: SecretBox, settings: Settings) -> None:
        self._user_syncs = user_syncs
        self._secrets = secrets
        self._settings = settings

    def registration(self, record: UserSyncRecord) -> ClientCredentials:
        """Return the app registration of a user sync, its own or the gateway's.

        Raises:
            ConnectionProblem: it has none, or one without a credential.
            SettingsError: the gateway's is wrong.
            UnreadableSecretError: its secrets cannot be decrypted.
        """
        if not record.client_id:
            shared = gateway_registration(self._settings)
            if shared is None:
                raise ConnectionProblem(
                    f"The user sync {record.name!r} has no app registration. Give it a client id, "
                    "or set EZTO_AZURE_CLIENT_ID for the whole gateway."
                )
            return replace(shared, tenant_id=record.azure_tenant)
        kept = KeptSecrets.opened(record.secrets, self._secrets)
        if not kept.has_credential:
            raise ConnectionProblem(f"The user sync {record.name!r} has no client secret yet.")
        return ClientCredentials(
            record.azure_tenant, record.client_id, kept.client_secret, kept.certificate
        )

    def sign_in(self, record: UserSyncRecord) -> SignIn:
        """Return what gives a user sync its tokens.

        Raises:
            ConnectionProblem: it is not set up, or nobody has signed in yet.
            SettingsError, UnreadableSecretError: see :meth:`registration`.
        """
        app, endpoints = self.registration(record), endpoints_of(record)
        if mode_of(record) is SignInMode.app:
            return ClientSignIn(app, endpoints)
        kept = KeptSecrets.opened(record.secrets, self._secrets)
        if not kept.token_cache:
            raise ConnectionProblem(
                f"Nobody has signed in for the user sync {record.name!r} yet. Run `ezto-gateway "
                f"connection login {record.id}`."
            )
        return AccountSignIn(app, kept.token_cache, _CacheKeeper(self, record, kept), endpoints)

    # -- a person's login ------------------------------------------------------

    async def begin(self, record: UserSyncRecord, redirect_uri: str) -> StartedLogin:
        """Begin a login; its flow is to be kept encrypted, see :meth:`seal_flow`.

        Raises:
            ConnectionProblem, SettingsError, UnreadableSecretError: see :meth:`registration`.
            SourceError: see ``start_login``.
        """
        return await start_login(
            self.registration(record),
            redirect_uri,
            endpoints=endpoints_of(record),
            login_hint=str(record.sign_in.get("account") or ""),
        )

    async def finish(
        self, record: UserSyncRecord, flow: Mapping[str, Any], query: Mapping[str, str]
    ) -> SignedIn:
        """Finish a login: the account and its directory are pinned, the user sync is ready.

        Raises:
            ConnectionProblem, SettingsError, UnreadableSecretError: see :meth:`registration`.
            SourceError: see ``finish_login``; the user sync stays as it was.
            OtherDirectory: the directory was pinned to another one meanwhile.
        """
        app = self.registration(record)
        signed_in = await finish_login(app, flow, query, endpoints=endpoints_of(record))
        record = await self._now(record)
        check_directory(signed_in.tenant_id, record.azure_tenant, signed_in.account)
        kept = KeptSecrets.opened(record.secrets, self._secrets).with_cache(signed_in.cache)
        values: dict[str, Any] = {
            "sign_in": {
                **record.sign_in,
                "mode": SignInMode.account.value,
                "azure_tenant": signed_in.tenant_id,
                "tenant_name": signed_in.tenant_name,
                "account": signed_in.account,
                "permissions": list(signed_in.permissions),
                "signed_in_at": int(time.time()),
            },
            "secrets": kept.sealed(self._secrets),
        }
        if record.state in OURS:
            values |= {"state": READY, "state_reason": ""}
        await self._user_syncs.change(record.workspace, record.id, **values)
        return signed_in

    # -- the consent of an administrator -----------------------------------------

    def begin_consent(self, record: UserSyncRecord, redirect_uri: str) -> StartedConsent:
        """Begin an admin consent: an administrator grants the permissions for the directory.

        Raises:
            ConnectionProblem, SettingsError, UnreadableSecretError: see :meth:`registration`.
        """
        app, endpoints = self.registration(record), endpoints_of(record)
        state = random.token_urlsafe(32)
        url = admin_consent_url(app, redirect_uri, state, endpoints=endpoints)
        return StartedConsent(endpoints.browser_url(url), state)

    async def finish_consent(
        self, record: UserSyncRecord, state: str, query: Mapping[str, str]
    ) -> str:
        """Finish an admin consent; returns the id of the directory, which is pinned now.

        Raises:
            WrongState, ConsentDenied, OtherDirectory, LoginFailed: see ``finish_consent``.
        """
        record = await self._now(record)
        tenant = finish_consent(query, state, record.azure_tenant, endpoints=endpoints_of(record))
        await self.learn(record, TokenFacts(tenant))
        return tenant

    def seal_flow(self, flow: Mapping[str, Any]) -> str:
        """Encrypt the flow of a login that somebody else keeps, such as a browser's session."""
        return self._secrets.encrypt(orjson.dumps(flow).decode())

    def open_flow(self, sealed: str) -> dict[str, Any]:
        """Decrypt what :meth:`seal_flow` gave.

        Raises:
            UnreadableSecretError: it was changed, or the key is gone.
        """
        flow: dict[str, Any] = orjson.loads(self._secrets.decrypt(sealed))
        return flow

    async def set_credential(
        self, record: UserSyncRecord, client_secret: str, certificate: Certificate | None
    ) -> None:
        """Store a new credential of a user sync's own app registration.

        Raises:
            ConnectionProblem: the user sync has no app registration of its own.
            UnreadableSecretError: its secrets cannot be decrypted.
        """
        if not record.client_id:
            raise ConnectionProblem(
                f"The user sync {record.name!r} uses the gateway's app registration; its "
                "credential is in the settings."
            )
        kept = KeptSecrets.opened(record.secrets, self._secrets)
        changed = replace(kept, client_secret=client_secret, certificate=certificate)
        values: dict[str, Any] = {"secrets": changed.sealed(self._secrets)}
        if record.state in OURS:
            waits = mode_of(record) is SignInMode.account and not kept.token_cache
            state = (NEEDS_LOGIN, NOBODY_YET) if waits else (READY, "")
            values |= {"state": state[0], "state_reason": state[1]}
        await self._user_syncs.change(record.workspace, record.id, **values)

    # -- states ----------------------------------------------------------------

    def status(self, record: UserSyncRecord) -> LoginStatus:
        """Return how a user sync signs in."""
        known = record.sign_in
        permissions = tuple(known.get("permissions") or ())
        client_id = record.client_id or self._settings.azure_client_id or ""
        return LoginStatus(
            state=record.state,
            reason=record.state_reason,
            mode=mode_of(record).value,
            cloud=endpoints_of(record).cloud,
            azure_tenant=record.azure_tenant,
            tenant_name=str(known.get("tenant_name") or ""),
            account=str(known.get("account") or ""),
            client_id=client_id,
            own_registration=bool(record.client_id),
            permissions=permissions,
            missing=tuple(missing_permissions(permissions)) if permissions else (),
        )

    async def check(self, record: UserSyncRecord) -> CheckedConnection:
        """Sign in and read one user and one group; what that shows is written down.

        Raises:
            ConnectionProblem, SettingsError, UnreadableSecretError: see :meth:`sign_in`.
            SourceError: what does not work, and what to do.
        """
        async with open_reader(self.sign_in(record), endpoints_of(record)) as reader:
            watched = WatchedReader(reader)
            try:
                found = await watched.check_connection()
            finally:
                await self.note(record, watched)
        await self.learn(await self._now(record), watched.facts, found.organization)
        return found

    async def note(self, record: UserSyncRecord, watched: WatchedReader) -> None:
        """Write down what a run showed: the sign-in is no longer good, or good again."""
        now = await self._user_syncs.get(record.workspace, record.id)
        login = record.sign_in.get("signed_in_at")
        if now is None or now.sign_in.get("signed_in_at") != login:
            return
        await self.learn(now, watched.facts)
        if now.state not in OURS:
            return
        if watched.refusal is not None:
            reason = f"{watched.refusal.message} {watched.refusal.advice}"
            await self._set_state(record, state_after(watched.refusal.code, mode_of(now)), reason)
        elif watched.worked and now.state != READY:
            await self._set_state(record, READY, "")

    async def learn(self, record: UserSyncRecord, facts: TokenFacts, tenant_name: str = "") -> None:
        """Write down what a token said: a directory that was only named is pinned by its id."""
        known, told = record.sign_in, facts.tenant_id
        named = not is_directory_id(record.azure_tenant) and is_directory_id(told)
        learned = {
            "azure_tenant": told if named else "",
            "permissions": list(facts.permissions),
            "tenant_name": tenant_name,
        }
        new = {name: value for name, value in learned.items() if value and known.get(name) != value}
        if new:
            await self._user_syncs.change(record.workspace, record.id, sign_in={**known, **new})

    async def renew(self) -> int:
        """Encrypt the secrets of all user syncs with the current key; returns how many.

        Raises:
            UnreadableSecretError: some were encrypted with a key that is not configured.
        """
        records = [one for one in await self._user_syncs.everywhere() if one.secrets]
        for record in records:
            sealed = self._secrets.renew(record.secrets or "")
            await self._user_syncs.change(record.workspace, record.id, secrets=sealed)
        return len(records)

    async def keep_cache(self, record: UserSyncRecord, before: KeptSecrets, cache: str) -> bool:
        """Store a refreshed token cache, unless somebody signed in meanwhile."""
        now = await self._user_syncs.get(record.workspace, record.id)
        if now is None or KeptSecrets.opened(now.secrets, self._secrets) != before:
            return False
        sealed = before.with_cache(cache).sealed(self._secrets)
        return await self._user_syncs.change(record.workspace, record.id, secrets=sealed)

    async def _now(self, record: UserSyncRecord) -> UserSyncRecord:
        """Return a user sync as it is stored now.

        Raises:
            ConnectionProblem: it was deleted meanwhile.
        """
        now = await self._user_syncs.get(record.workspace, record.id)
        if now is None:
            raise ConnectionProblem(f"The user sync {record.name!r} was deleted meanwhile.")
        return now

    async def _set_state(self, record: UserSyncRecord, state: str, reason: str) -> None:
        await self._user_syncs.change(record.workspace, record.id, state=state, state_reason=reason)


class _CacheKeeper:
    """Stores the token cache of one user sync whenever msal changed it."""

    def __init__(self, sign_ins: SignIns, record: UserSyncRecord, kept: KeptSecrets) -> None:
        self._sign_ins = sign_ins
        self._record = record
        self._kept = kept

    async def __call__(self, cache: str) -> None:
        if await self._sign_ins.keep_cache(self._record, self._kept, cache):
            self._kept = self._kept.with_cache(cache)
