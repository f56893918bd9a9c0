"""``ezto-gateway connection login`` and what belongs to it: signing a user sync in to Microsoft."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from azure_adapter.graph import SCOPES, SignedIn, admin_consent_url
from gateway.cli.console import CliError, say, say_json, say_table, tell
from gateway.cli.setup import load_settings
from gateway.connections import ConnectionProblem, SignInMode, endpoints_of, mode_of
from gateway.server import PortTakenError, bind, run, serving
from gateway.signin import LoginStatus
from gateway.signin.callback import Callback, Ending, pasted_query
from gateway.wiring import Gateway
from scim.provisioning.records import SourceError
from storage.access import UserSyncRecord

PORT = 8400
"""Port of the loopback redirect, unless another one is given."""

PATIENCE_S = 900
"""How long a person may take."""

SIGNED_IN = Ending("You are signed in", "Go back to the terminal. This page can be closed.", True)
CONSENTED = Ending("Consent was given", "Go back to the terminal. This page can be closed.", True)
BROKEN = Ending("It did not work", "The terminal says why. This page can be closed.")

SyncId = Annotated[str, typer.Argument(metavar="ID", help="Id or name of the user sync.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Port = Annotated[
    int,
    typer.Option(
        min=1,
        max=65_535,
        help="Port on this machine that the browser is sent to. Microsoft ignores the port of a "
        "localhost address, so that any will do.",
    ),
]
RedirectUri = Annotated[
    str | None,
    typer.Option(
        help="Redirect URI as the app registration has it. Default: http://localhost:PORT/callback."
    ),
]
Paste = Annotated[
    bool,
    typer.Option(
        "--paste",
        help="The browser is on another machine: wait for nobody, and ask for the address that "
        "the browser ends at.",
    ),
]


@dataclass(frozen=True, slots=True)
class Way:
    """How the browser comes back.

    Attributes:
        port: where it is waited for.
        redirect_uri: where Microsoft sends it.
        paste: a person copies the address instead.
    """

    port: int
    redirect_uri: str
    paste: bool

    @classmethod
    def of(cls, port: int, redirect_uri: str | None, paste: bool) -> "Way":
        """Read the options."""
        return cls(port, redirect_uri or f"http://localhost:{port}/callback", paste)


def login(
    sync_id: SyncId,
    port: Port = PORT,
    redirect_uri: RedirectUri = None,
    paste: Paste = False,
    as_json: AsJson = False,
) -> None:
    """Sign in with an administrator of the Azure directory, in a browser."""
    before, signed_in = run(_login(sync_id, Way.of(port, redirect_uri, paste)))
    if as_json:
        say_json(
            {
                "azure_tenant": signed_in.tenant_id,
                "tenant_name": signed_in.tenant_name,
                "account": signed_in.account,
                "permissions": list(signed_in.permissions),
            }
        )
        return
    for line in _what_changed(before, signed_in):
        say(line)


def _what_changed(before: UserSyncRecord, signed_in: SignedIn) -> list[str]:
    """Say who signed in where, and what is different now."""
    name = f"{signed_in.tenant_name} ({signed_in.tenant_id})".removeprefix(" ")
    lines = [
        f"Signed in to the directory {name} as {signed_in.account}.",
        f"Permissions: {', '.join(signed_in.permissions)}.",
    ]
    account = str(before.sign_in.get("account") or "")
    if account and account != signed_in.account:
        lines.append(f"Until now {account} had signed in.")
    if mode_of(before) is SignInMode.app:
        lines.append("The user sync reads as this account now, no longer as the application.")
    if before.azure_tenant.lower() != signed_in.tenant_id.lower():
        lines.append("The user sync is pinned to this directory from now on.")
    return lines


async def _login(sync_id: str, way: Way) -> tuple[UserSyncRecord, SignedIn]:
    async with Gateway.open(load_settings()) as gateway:
        record = await gateway.connection(sync_id)
        try:
            started = await gateway.sign_ins.begin(record, way.redirect_uri)
            url = endpoints_of(record).browser_url(started.url)
            state = str(started.flow["msal"]["state"])
            tell(f"It asks for these permissions, which only read: {', '.join(SCOPES)}.")
            async with _brought_back(url, state, way, SIGNED_IN) as query:
                return record, await gateway.sign_ins.finish(record, started.flow, query)
        except SourceError as error:
            raise CliError(f"{error.message} {error.advice}") from None


@asynccontextmanager
async def _brought_back(
    url: str, state: str, way: Way, good: Ending
) -> AsyncIterator[dict[str, str]]:
    """Show a page to open, and yield what the browser brings back; it is told how that ends."""
    if way.paste:
        yield _pasted(url)
        return
    callback = Callback(state)
    async with serving(callback.app(way.redirect_uri), _bound(way.port)):
        tell("Open this page in a browser on this machine, and sign in as an administrator:")
        tell(url)
        try:
            query = await asyncio.wait_for(callback.query(), PATIENCE_S)
        except TimeoutError:
            raise CliError("Nobody came back within 15 minutes. Begin again.") from None
        try:
            yield query
        except SourceError as error:
            await callback.answer(Ending(BROKEN.title, f"{error.message} {error.advice}"))
            raise
        except BaseException:
            await callback.answer(BROKEN)
            raise
        await callback.answer(good)


def _bound(port: int) -> socket.socket:
    try:
        return bind("127.0.0.1", port)
    except PortTakenError as error:
        raise CliError(
            f"{error} Give another one with --port: Microsoft ignores the port of a localhost "
            "address."
        ) from None


def _pasted(url: str) -> dict[str, str]:
    tell("Open this page in any browser, and sign in as an administrator:")
    tell(url)
    tell("The browser ends at an address that it cannot open; that is as it should be.")
    try:
        return pasted_query(typer.prompt("Copy that address, and paste it here", err=True))
    except ValueError as error:
        raise CliError(f"Nothing was changed: {error}.") from None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a live check of a connection gave."""

    works: bool
    said: str


def status(
    sync_id: SyncId,
    check: Annotated[
        bool, typer.Option("--check", help="Also sign in and read one user and one group.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print how a user sync signs in, and whether somebody has to act."""
    known, checked = run(_status(sync_id, check=check))
    if as_json:
        extra = {} if checked is None else {"works": checked.works, "check": checked.said}
        say_json({**known.public(), **extra})
    else:
        say_table(("", ""), [*_rows(known), *([("check", checked.said)] if checked else [])])
    raise typer.Exit(0 if checked is None or checked.works else 1)


async def _status(sync_id: str, *, check: bool) -> tuple[LoginStatus, Checked | None]:
    async with Gateway.open(load_settings()) as gateway:
        record = await gateway.connection(sync_id)
        checked = await _check(gateway, record) if check else None
        return gateway.sign_ins.status(await gateway.connection(record.id)), checked


async def _check(gateway: Gateway, record: UserSyncRecord) -> Checked:
    try:
        found = await gateway.sign_ins.check(record)
    except ConnectionProblem as error:
        return Checked(False, str(error))
    except SourceError as error:
        return Checked(False, f"{error.message} {error.advice}")
    where = f" to {found.organization}" if found.organization else ""
    if found.missing:
        return Checked(False, f"Signed in{where}, but without {', '.join(found.missing)}.")
    return Checked(True, f"Signed in{where}; users and groups can be read.")


def _rows(known: LoginStatus) -> list[tuple[str, str]]:
    directory = f"{known.tenant_name} ({known.azure_tenant})".removeprefix(" ")
    whose = "its own" if known.own_registration else "the gateway's"
    rows = [
        ("state", known.state),
        ("reason", known.reason),
        ("signs in as", "an administrator" if known.mode == "account" else "the application"),
        ("account", known.account),
        ("directory", directory if known.azure_tenant else "the first login decides"),
        ("cloud", known.cloud),
        ("app registration", f"{known.client_id or 'none'} ({whose})"),
        ("permissions", ", ".join(known.permissions)),
        ("missing", ", ".join(known.missing)),
    ]
    return [(name, value) for name, value in rows if value]


def consent(
    sync_id: SyncId,
    port: Port = PORT,
    redirect_uri: RedirectUri = None,
    paste: Paste = False,
) -> None:
    """Have an administrator consent for the whole directory, in a browser."""
    tenant = run(_consent(sync_id, Way.of(port, redirect_uri, paste)))
    say(f"Consent was given for the directory {tenant}.")


async def _consent(sync_id: str, way: Way) -> str:
    async with Gateway.open(load_settings()) as gateway:
        record = await gateway.connection(sync_id)
        try:
            started = gateway.sign_ins.begin_consent(record, way.redirect_uri)
            async with _brought_back(started.url, started.state, way, CONSENTED) as query:
                return await gateway.sign_ins.finish_consent(record, started.state, query)
        except SourceError as error:
            raise CliError(f"{error.message} {error.advice}") from None


def consent_url(
    sync_id: SyncId,
    redirect_uri: Annotated[
        str, typer.Option(help="Redirect URI as the app registration has it.")
    ] = f"http://localhost:{PORT}/callback",
) -> None:
    """Print the page on which a colleague consents for the whole directory."""
    say(run(_consent_url(sync_id, redirect_uri)))


async def _consent_url(sync_id: str, redirect_uri: str) -> str:
    async with Gateway.open(load_settings()) as gateway:
        record = await gateway.connection(sync_id)
        app, endpoints = gateway.sign_ins.registration(record), endpoints_of(record)
        url = admin_consent_url(app, redirect_uri, record.id, endpoints=endpoints)
        return endpoints.browser_url(url)


def renew_secrets() -> None:
    """Encrypt all stored secrets with the current key; older keys are not needed any more then."""
    count = run(_renew_secrets())
    say(f"The secrets of {count} user syncs are encrypted with the current key.")


async def _renew_secrets() -> int:
    async with Gateway.open(load_settings()) as gateway:
        return await gateway.sign_ins.renew()


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``connection``."""
    app.command("login")(login)
    app.command("status")(status)
    app.command("consent")(consent)
    app.command("consent-url")(consent_url)
    app.command("renew-secrets")(renew_secrets)
