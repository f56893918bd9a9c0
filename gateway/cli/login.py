"""``ezto-gateway connection login`` and what belongs to it: signing a user sync in to Microsoft."""

import asyncio
import hmac
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import typer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from azure_adapter.graph import SignedIn, admin_consent_url, open_reader
from gateway.cli.console import CliError, say, say_json, say_table, tell
from gateway.cli.setup import load_settings
from gateway.connections import ConnectionProblem, endpoints_of
from gateway.server import bind, run, serving
from gateway.signin import LoginStatus
from gateway.wiring import Gateway
from scim.provisioning.records import SourceError
from storage.access import UserSyncRecord

PORT = 8400
"""Port of the loopback redirect, unless another one is given."""

PATIENCE_S = 900
"""How long a person may take."""

DONE = "You are signed in. Go back to the terminal; this page can be closed."
NOT_DONE = "The login did not work. The terminal says why; this page can be closed."
FOREIGN = "This does not belong to the login that waits here."

SyncId = Annotated[str, typer.Argument(metavar="ID", help="Id or name of the user sync.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def login(
    sync_id: SyncId,
    port: Annotated[
        int,
        typer.Option(min=1, max=65_535, help="Port on this machine that the browser is sent to."),
    ] = PORT,
    redirect_uri: Annotated[
        str | None,
        typer.Option(
            help="Redirect URI as the app registration has it. Default: "
            "http://localhost:PORT/callback."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign in with an administrator of the Azure directory, in a browser on this machine."""
    uri = redirect_uri or f"http://localhost:{port}/callback"
    signed_in = run(_login(sync_id, port, uri))
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
    name = f"{signed_in.tenant_name} ({signed_in.tenant_id})".removeprefix(" ")
    say(f"Signed in to the directory {name} as {signed_in.account}.")
    say(f"Permissions: {', '.join(signed_in.permissions)}.")


async def _login(sync_id: str, port: int, redirect_uri: str) -> SignedIn:
    async with Gateway.open(load_settings()) as gateway:
        record = await gateway.connection(sync_id)
        try:
            return await _by_browser(gateway, record, port, redirect_uri)
        except SourceError as error:
            raise CliError(f"{error.message} {error.advice}") from None


async def _by_browser(
    gateway: Gateway, record: UserSyncRecord, port: int, redirect_uri: str
) -> SignedIn:
    started = await gateway.sign_ins.begin(record, redirect_uri)
    callback = Callback(str(started.flow["msal"]["state"]))
    async with serving(callback.app(redirect_uri), bind("127.0.0.1", port)):
        tell("Open this page in a browser on this machine, and sign in as an administrator:")
        tell(endpoints_of(record).browser_url(started.url))
        try:
            query = await asyncio.wait_for(callback.query(), PATIENCE_S)
        except TimeoutError:
            raise CliError("Nobody signed in within 15 minutes. Begin the login again.") from None
        try:
            signed_in = await gateway.sign_ins.finish(record, started.flow, query)
        except BaseException:
            await callback.answer(NOT_DONE)
            raise
        await callback.answer(DONE)
        return signed_in


class Callback:
    """Waits for the browser that Microsoft sends back, and answers it when the login is done.

    Args:
        state: what tells this login from everything else that may knock here.
    """

    def __init__(self, state: str) -> None:
        self._state = state
        self._query: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._text: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answered = asyncio.Event()

    def app(self, redirect_uri: str) -> Starlette:
        """Return the application that serves the path of the redirect URI."""
        path = urlsplit(redirect_uri).path or "/"
        return Starlette(routes=[Route(path, self._endpoint, methods=["GET"])])

    async def query(self) -> dict[str, str]:
        """Wait for the browser."""
        return await self._query

    async def answer(self, text: str) -> None:
        """Answer the browser, and wait until that is sent."""
        self._text.set_result(text)
        await asyncio.sleep(0)

    async def _endpoint(self, request: Request) -> Response:
        given = request.query_params.get("state", "")
        if self._query.done() or not hmac.compare_digest(given.encode(), self._state.encode()):
            return PlainTextResponse(FOREIGN, 400)
        self._query.set_result(dict(request.query_params))
        text = await self._text
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return PlainTextResponse(text, 200 if text == DONE else 400, headers)


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
        known = gateway.sign_ins.status(record)
        return known, await _check(gateway, record) if check else None


async def _check(gateway: Gateway, record: UserSyncRecord) -> Checked:
    try:
        sign_in = gateway.sign_ins.sign_in(record)
        async with open_reader(sign_in, endpoints_of(record)) as reader:
            found = await reader.check_connection()
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


def consent_url(
    sync_id: SyncId,
    redirect_uri: Annotated[
        str, typer.Option(help="Redirect URI as the app registration has it.")
    ] = f"http://localhost:{PORT}/callback",
) -> None:
    """Print the page on which an administrator consents for the whole directory."""
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
    app.command("consent-url")(consent_url)
    app.command("renew-secrets")(renew_secrets)
