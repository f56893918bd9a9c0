"""``ezto-gateway token``: bearer tokens of SCIM clients."""

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
    show,
)
from gateway.cli.console import say, tell
from gateway.cli.setup import load_settings
from gateway.server import run
from gateway.wiring import Gateway
from storage.access import TokenInfo

app = typer.Typer(help="Access tokens of SCIM clients.", no_args_is_help=True)


@app.callback()
def token() -> None:
    """Access tokens of SCIM clients."""


@app.command()
def create(
    workspace: Workspace = "default",
    name: Name = "default",
    profile: Profile = None,
    read_only: ReadOnly = False,
    expires_in_days: ExpiresInDays = None,
    replace_oldest: ReplaceOldest = False,
) -> None:
    """Print a new bearer token, alone on standard output. It cannot be shown again."""

    async def made() -> str:
        async with Gateway.open(load_settings()) as gateway:
            return await gateway.create_token(
                workspace,
                name,
                profile=profile,
                read_only=read_only,
                expires_at=expiry(expires_in_days),
                replace_oldest=replace_oldest,
            )

    say(run(made()))


@app.command("list")
def list_(workspace: InWorkspace = "default", every: All = False, as_json: AsJson = False) -> None:
    """List the tokens of a workspace: whose, allowed what, until when, last used when."""

    async def found() -> list[TokenInfo]:
        async with Gateway.open(load_settings()) as gateway:
            return await gateway.access.admin.tokens(workspace)

    show(run(found()), every=every, as_json=as_json)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `token list` shows.")],
) -> None:
    """Make a token worthless. A running server refuses it within five seconds."""

    async def done() -> None:
        async with Gateway.open(load_settings()) as gateway:
            await gateway.access.admin.revoke_token(token_id)

    run(done())
    tell(f"Revoked the token {token_id}.")
