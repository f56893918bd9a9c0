"""``ezto-gateway client``: SCIM clients, and their secrets for OAuth 2.0."""

from typing import Annotated

import typer

from gateway.cli.access_options import (
    All,
    AsJson,
    ExpiresInDays,
    InWorkspace,
    Name,
    Profile,
    ReadOnly,
    ReplaceOldest,
    Workspace,
    expiry,
    iso,
    moment,
    show,
)
from gateway.cli.console import say, say_json, say_table, tell
from gateway.cli.setup import load_settings
from gateway.server import run
from gateway.wiring import Gateway
from storage.access import ClientRecord, NewClientSecret, TokenInfo

app = typer.Typer(help="SCIM clients, and their OAuth 2.0 secrets.", no_args_is_help=True)


@app.command("list")
def list_(workspace: InWorkspace = "default", as_json: AsJson = False) -> None:
    """List the SCIM clients of a workspace."""

    async def found() -> list[ClientRecord]:
        async with Gateway.open(load_settings()) as gateway:
            return await gateway.access.admin.clients(workspace)

    clients = run(found())
    if as_json:
        say_json(
            [
                {
                    "id": each.id,
                    "name": each.name,
                    "profile": each.profile,
                    "created_at": iso(each.created_at),
                }
                for each in clients
            ]
        )
        return
    say_table(
        ("id", "name", "profile", "created"),
        [(each.id, each.name, each.profile, moment(each.created_at)) for each in clients],
    )


@app.command("create-oauth")
def create_oauth(
    workspace: Workspace = "default",
    name: Name = "default",
    profile: Profile = None,
    read_only: ReadOnly = False,
    expires_in_days: ExpiresInDays = None,
    replace_oldest: ReplaceOldest = False,
    as_json: AsJson = False,
) -> None:
    """Print client_id and client_secret for POST /oauth/token. The secret cannot be shown again.

    Repeat it to rotate: the client id stays, and the old secret is good until it is revoked.
    """

    async def made() -> NewClientSecret:
        async with Gateway.open(load_settings()) as gateway:
            return await gateway.access.admin.create_client_secret(
                workspace,
                name,
                profile=profile,
                read_only=read_only,
                expires_at=expiry(expires_in_days),
                replace_oldest=replace_oldest,
            )

    new = run(made())
    if as_json:
        say_json({"client_id": new.client_id, "client_secret": new.secret, "id": new.secret_id})
        return
    say(f"client_id={new.client_id}")
    say(f"client_secret={new.secret}")


@app.command("list-oauth")
def list_oauth(
    workspace: InWorkspace = "default", every: All = False, as_json: AsJson = False
) -> None:
    """List the OAuth 2.0 client secrets of a workspace: whose, allowed what, last used when."""

    async def found() -> list[TokenInfo]:
        async with Gateway.open(load_settings()) as gateway:
            return await gateway.access.admin.client_secrets(workspace)

    show(run(found()), every=every, as_json=as_json)


@app.command("revoke-oauth")
def revoke_oauth(
    secret_id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the secret, as `client list-oauth` shows.")
    ],
) -> None:
    """Make a client secret and its access tokens worthless, within five seconds."""

    async def done() -> None:
        async with Gateway.open(load_settings()) as gateway:
            await gateway.access.admin.revoke_client_secret(secret_id)

    run(done())
    tell(f"Revoked the client secret {secret_id}.")
