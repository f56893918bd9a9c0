"""The control endpoint's operations on apps, permissions and sign-in."""

from __future__ import annotations

from typing import Any, Final, get_args

from azure_adapter.simulator.accounts import find_account
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.directory_apps import Mfa
from azure_adapter.simulator.registrations import Installation, Registration, Secret
from azure_adapter.simulator.signing import thumbprints
from azure_adapter.simulator.state import Simulator

_LISTS: Final = ("roles", "scopes")


def change_permissions(simulator: Simulator, body: dict[str, Any]) -> dict[str, Any]:
    """Do ``POST /_simulator/permissions``: grant and revoke; issued tokens stay as they are."""
    directory = simulator.chosen(body)
    installation = _installation(directory, body)
    granted, revoked = body.get("grant", {}), body.get("revoke", {})
    for name in _LISTS:
        now = [one for one in getattr(installation, name) if one not in revoked.get(name, ())]
        setattr(installation, name, list(dict.fromkeys([*now, *granted.get(name, ())])))
    for user, names in list(installation.consents.items()):
        installation.consents[user] = names - set(revoked.get("scopes", ()))
    if "hidden" in body:
        directory.member_read_hidden = bool(body["hidden"])
    return {"roles": installation.roles, "scopes": installation.scopes}


def change_apps(simulator: Simulator, body: dict[str, Any]) -> dict[str, Any]:
    """Do ``POST /_simulator/apps``: register an app, or change one."""
    directory = simulator.chosen(body)
    client_id = body.get("client_id", directory.client_id)
    app = simulator.find_app(client_id)
    if app is None:
        app = Registration(client_id)
    if client_id.lower() not in directory.installations:
        directory.install(app, granted=bool(body.get("granted", False)))
    _edit(app, body)
    return {
        "client_id": app.client_id,
        "redirect_uris": app.redirect_uris,
        "secrets": len(app.secrets),
        "certificates": [thumbprints(one)[1] for one in app.certificates],
    }


def change_signin(simulator: Simulator, body: dict[str, Any]) -> dict[str, Any]:
    """Do ``POST /_simulator/sign-in``: second factors, sessions, refresh tokens, admins."""
    directory = simulator.chosen(body)
    if "mfa" in body:
        if body["mfa"] not in get_args(Mfa):
            raise ValueError("mfa is required, enrolment or empty")
        directory.mfa = body["mfa"]
    if body.get("end_sessions"):
        simulator.end_sessions()
    for key in body.get("admins", ()):
        directory.admins.add(_object_id(directory, key))
    revoked = 0
    if "revoke" in body:
        user = None if body["revoke"] == "*" else _object_id(directory, body["revoke"])
        revoked = simulator.refresh_tokens.revoke(directory, user)
    return {"mfa": directory.mfa, "revoked": revoked, "admins": sorted(directory.admins)}


def _installation(directory: Directory, body: dict[str, Any]) -> Installation:
    client_id = body.get("client_id", directory.client_id)
    found = directory.installations.get(client_id.lower())
    if found is None:
        raise KeyError(f"no app {client_id!r} in tenant {directory.tenant_id}")
    return found


def _edit(app: Registration, body: dict[str, Any]) -> None:
    for pem in body.get("certificates", ()):
        thumbprints(pem)
    app.display_name = body.get("display_name", app.display_name)
    app.redirect_uris = body.get("redirect_uris", app.redirect_uris)
    app.roles = tuple(body.get("roles", app.roles))
    app.scopes = tuple(body.get("scopes", app.scopes))
    app.certificates.extend(body.get("certificates", ()))
    if "secret" in body:
        app.secrets.append(Secret(body["secret"], body.get("secret_expires")))


def _object_id(directory: Directory, key: str) -> str:
    account = find_account(directory, key)
    if account is None:
        raise KeyError(f"nobody is {key!r} in tenant {directory.tenant_id}")
    return account.object_id
