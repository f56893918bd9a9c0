"""``ezto-gateway token``: access for SCIM clients."""

import time
from typing import Annotated

import typer

from gateway.cli.console import say
from gateway.cli.setup import load_settings
from gateway.server import run
from gateway.wiring import Gateway

app = typer.Typer(help="Access tokens of SCIM clients.", no_args_is_help=True)


@app.callback()
def token() -> None:
    """Access tokens of SCIM clients."""


@app.command()
def create(
    workspace: Annotated[
        str, typer.Option(help="Workspace it opens; made when it does not exist.")
    ] = "default",
    name: Annotated[
        str, typer.Option(help="SCIM client it is for; the same name again gives it a new token.")
    ] = "default",
    profile: Annotated[
        str | None,
        typer.Option(
            help="What the client's provider is: generic, entra, okta. Default: as it is."
        ),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="It may only read.")] = False,
    expires_in_days: Annotated[
        int | None, typer.Option(min=1, help="Days it is good for. Default: until it is revoked.")
    ] = None,
) -> None:
    """Print a new bearer token, alone on standard output. It cannot be shown again."""
    expires_at = None if expires_in_days is None else time.time() + expires_in_days * 86_400
    say(run(_create(workspace, name, profile, read_only=read_only, expires_at=expires_at)))


async def _create(
    workspace: str, name: str, profile: str | None, *, read_only: bool, expires_at: float | None
) -> str:
    async with Gateway.open(load_settings()) as gateway:
        return await gateway.create_token(
            workspace, name, profile=profile, read_only=read_only, expires_at=expires_at
        )
