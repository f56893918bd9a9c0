"""A person signs in: authorization code flow with PKCE, and the admin consent page.

The functions keep nothing: ``start_login`` gives the page to open and a flow to keep, encrypted
and out of the browser's reach; ``finish_login`` takes the flow and what came back with the
redirect. Sources: Microsoft identity platform: "OAuth 2.0 authorization code flow", "Admin
consent on the Microsoft identity platform", ID token claims; msal for Python.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from azure_adapter.graph.credentials import ClientCredentials, is_directory_id
from azure_adapter.graph.endpoints import GraphEndpoints, is_loopback
from azure_adapter.graph.login_errors import (
    ConsentDenied,
    LoginFailed,
    LoginTooOld,
    MissingPermissions,
    OtherDirectory,
    WrongState,
)
from azure_adapter.graph.login_http import LoginHttp
from azure_adapter.graph.organization import organization_name
from azure_adapter.graph.permissions import SCOPES, granted_permissions, missing_permissions
from azure_adapter.graph.retry import Pace, RetryPolicy
from azure_adapter.graph.signin import (
    SIGN_IN_POLICY,
    Refused,
    ask,
    explain,
    new_app,
    new_cache,
    unavailable,
)
from azure_adapter.graph.signin_errors import Refusal, detail, is_transient, refusal_of
from azure_adapter.graph.threads import in_thread
from scim.provisioning.records import SourceError

LIFETIME: Final = 900.0
"""Seconds in which a login has to be finished."""

ANY_TENANT: Final = "organizations"
"""Where a person signs in whose directory is not known yet."""

_SUBJECT: Final = "Signing in"
_WORD: Final = re.compile(r"[^a-z_]")


@dataclass(frozen=True, slots=True)
class StartedLogin:
    """A login that waits for a person.

    Attributes:
        url: The page at Microsoft to open.
        flow: What ``finish_login`` needs, as JSON values. It is secret.
    """

    url: str
    flow: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person signed in.

    Attributes:
        tenant_id: Id of the person's directory.
        tenant_name: Its name; empty when it may not be read.
        account: The name that the person signs in with.
        permissions: What was granted.
        cache: The token cache, to be kept encrypted.
    """

    tenant_id: str
    tenant_name: str
    account: str
    permissions: tuple[str, ...]
    cache: str = field(repr=False)


async def start_login(
    app: ClientCredentials,
    redirect_uri: str,
    *,
    endpoints: GraphEndpoints | None = None,
    pace: Pace | None = None,
    login_hint: str = "",
) -> StartedLogin:
    """Begin a login.

    Args:
        app: The app registration; its tenant is the directory to sign in to, or empty for the
            first login of a user sync.
        redirect_uri: Where Microsoft sends the person back to; one of the app registration's.
        endpoints: Where sign-in is.
        pace: Time.
        login_hint: The account of the last login.

    Raises:
        LoginFailed: the app registration or the redirect URI could never work.
        SourceUnavailable: sign-in does not answer now.
    """
    where, now = endpoints or GraphEndpoints(), (pace or Pace()).now()
    named = replace(app, tenant_id=app.tenant_id or ANY_TENANT)
    _check(named, redirect_uri)
    state = secrets.token_urlsafe(32)

    def begin(http: LoginHttp) -> Any:
        return new_app(named, where, http).initiate_auth_code_flow(
            [f"{where.graph_url}/{name}" for name in SCOPES],
            redirect_uri=redirect_uri,
            state=state,
            prompt="select_account",
            response_mode="form_post",
            login_hint=login_hint or None,
        )

    found = await in_thread(lambda: _call(where, now, begin))
    if isinstance(found, Refused):
        raise _failure(found, where)
    # msal warns of any other mode. A code in the address is of no use without the verifier and
    # the application's credential, and a redirect by GET brings the browser's session along.
    url = httpx.URL(str(found["auth_uri"])).copy_merge_params({"response_mode": "query"})
    flow = {"tenant": named.tenant_id, "until": now + LIFETIME, "msal": found}
    return StartedLogin(str(url), flow)


async def finish_login(
    app: ClientCredentials,
    flow: Mapping[str, Any],
    query: Mapping[str, str],
    *,
    endpoints: GraphEndpoints | None = None,
    pace: Pace | None = None,
    policy: RetryPolicy = SIGN_IN_POLICY,
) -> SignedIn:
    """Finish a login.

    Args:
        app: The same app registration.
        flow: What ``start_login`` gave.
        query: The parameters that came with the redirect.
        endpoints: Where sign-in is.
        pace: Time.
        policy: Patience with one request.

    Raises:
        WrongState, LoginTooOld, ConsentDenied, OtherDirectory, MissingPermissions: see there.
        LoginFailed: Microsoft refused it for another reason.
        SourceUnavailable: sign-in does not answer now.
    """
    where, pace = endpoints or GraphEndpoints(), pace or Pace()
    _check_reply(flow, query, pace.now(), where)
    named = replace(app, tenant_id=str(flow["tenant"]))
    cache = new_cache()

    def redeem(http: LoginHttp) -> Any:
        one = new_app(named, where, http, cache)
        kept = dict(flow["msal"])
        result = one.acquire_token_by_auth_code_flow(kept, dict(query))
        return result if "access_token" in result else explain(http.last, None, pace.now())

    found = await in_thread(lambda: _call(where, pace.now(), redeem, policy.attempt_seconds))
    if isinstance(found, Refused):
        raise _failure(found, where)
    return await _signed_in(found, named.tenant_id, cache.serialize(), where)


def admin_consent_url(
    app: ClientCredentials,
    redirect_uri: str,
    state: str,
    *,
    endpoints: GraphEndpoints | None = None,
) -> str:
    """Build the page on which an administrator consents for the whole directory."""
    where = endpoints or GraphEndpoints()
    query = {
        "client_id": app.client_id,
        "scope": where.scope,
        "redirect_uri": redirect_uri,
        "state": state,
    }
    return f"{where.login_url}/{app.tenant_id or ANY_TENANT}/v2.0/adminconsent?{urlencode(query)}"


def finish_consent(
    query: Mapping[str, str],
    state: str,
    pinned: str = "",
    *,
    endpoints: GraphEndpoints | None = None,
) -> str:
    """Read what came back from the admin consent page, and return the directory's id.

    Raises:
        WrongState, ConsentDenied, OtherDirectory, LoginFailed: see there.
        SourceUnavailable: sign-in does not answer now.
    """
    _check_state(query, state)
    if query.get("error") or query.get("admin_consent", "").lower() != "true":
        raise _denied(query, endpoints or GraphEndpoints())
    tenant = query.get("tenant", "")
    check_directory(tenant, pinned, "")
    return tenant


async def _signed_in(
    result: Mapping[str, Any], asked: str, cache: str, where: GraphEndpoints
) -> SignedIn:
    token, claims = str(result["access_token"]), result.get("id_token_claims") or {}
    account = str(claims.get("preferred_username") or claims.get("upn") or claims.get("oid") or "")
    tenant = str(claims.get("tid") or "")
    check_directory(tenant, asked, account)
    scopes = result.get("scope")
    told = [one.rpartition("/")[2] for one in scopes.split()] if isinstance(scopes, str) else []
    granted = granted_permissions(token) or tuple(sorted(told))
    missing = missing_permissions(granted)
    if missing:
        raise MissingPermissions(account, missing)
    name = await organization_name(where, token)
    return SignedIn(tenant, name, account, granted, cache)


def _check(app: ClientCredentials, redirect_uri: str) -> None:
    refusal = app.problem(any_tenant=True)
    if refusal is not None:
        raise LoginFailed.of(refusal)
    url = httpx.URL(redirect_uri)
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.host)):
        raise LoginFailed(
            "redirect_mismatch",
            f"The redirect URI {redirect_uri} will not be accepted by Microsoft.",
            "It begins with https://, or with http://localhost for a login on this machine.",
        )


def _check_reply(
    flow: Mapping[str, Any], query: Mapping[str, str], now: float, where: GraphEndpoints
) -> None:
    _check_state(query, str(flow["msal"]["state"]))
    if now > flow["until"]:
        raise LoginTooOld
    if query.get("error"):
        raise _denied(query, where)
    if not query.get("code"):
        raise LoginFailed(
            "invalid_reply",
            "Microsoft sent the browser back without a code.",
            "Begin the login again.",
        )


def _check_state(query: Mapping[str, str], expected: str) -> None:
    given = query.get("state", "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise WrongState


def _denied(query: Mapping[str, str], where: GraphEndpoints) -> SourceError:
    if is_transient(0, query):
        said = f"the sign-in service says {_WORD.sub('', query.get('error', ''))}{detail(query)}"
        return unavailable(_SUBJECT, Refused(said), where)
    refusal, said = refusal_of(query), detail(query)
    kind = ConsentDenied if refusal.code in ("consent_denied", "consent_required") else LoginFailed
    if refusal.code == "other_directory":
        kind = OtherDirectory
    return kind.of(refusal, said)


def check_directory(tenant: str, pinned: str, account: str) -> None:
    """Refuse another directory than the pinned one; a domain was checked by Microsoft.

    Raises:
        OtherDirectory: naming both.
        LoginFailed: it is not known which directory it is.
    """
    if not tenant:
        raise LoginFailed(
            "invalid_reply",
            "Microsoft did not say of which directory the account is.",
            "Try again.",
        )
    if is_directory_id(pinned) and tenant.lower() != pinned.lower():
        raise OtherDirectory.between(pinned, tenant, account)


def _call(endpoints: GraphEndpoints, now: float, work: Any, seconds: float = 20.0) -> Any:
    """Call msal; what is neither a token nor a flow becomes a ``Refused``."""
    kept: list[Any] = []

    def keep(http: LoginHttp) -> Any:
        kept.append(work(http))
        return kept[0]

    answer = ask(endpoints, seconds, now, keep)
    if kept:
        return kept[0]
    return answer


def _failure(found: Refused, where: GraphEndpoints) -> Exception:
    if found.refusal is None:
        return unavailable(_SUBJECT, found, where)
    refusal: Refusal = found.refusal
    kind = ConsentDenied if refusal.code == "consent_required" else LoginFailed
    return kind.of(refusal, found.detail)
