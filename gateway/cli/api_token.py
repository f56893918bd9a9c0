"""``ezto-gateway api-token``: bearer tokens of the JSON API."""

from typing import Annotated, Any

import typer

from gateway.access.admin import LONGEST_NAME
from gateway.cli.access_options import All, AsJson, ExpiresInDays, InWorkspace, expiry, iso, moment
from gateway.cli.console import CliError, say, say_json, say_table, tell
from gateway.cli.setup import load_settings
from gateway.server import run
from gateway.wiring import Gateway
from storage.access.api_tokens import ApiTokenRecord, Role
from storage.database import now_us

app = typer.Typer(help="Access tokens of the JSON API.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    role: Annotated[
        Role,
        typer.Option(
            help="auditor: looks. user_manager: runs and sets up. administrator: everything."
        ),
    ] = Role.auditor,
    workspace: Annotated[str, typer.Option(help="Workspace it opens.")] = "default",
    expires_in_days: ExpiresInDays = None,
    as_json: AsJson = False,
) -> None:
    """Print a new token of the JSON API, alone on standard output. It cannot be shown again."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise CliError(f"The name has to have 1 to {LONGEST_NAME} printable characters.")
    until = expiry(expires_in_days)

    async def made() -> tuple[str, str]:
        async with Gateway.open(load_settings()) as gateway:
            room = await gateway.workspaces.ensure(workspace)
            expires_at = None if until is None else int(until * 1_000_000)
            return await gateway.api_tokens.create(room.row_id, name, role, expires_at)

    text, token_id = run(made())
    if as_json:
        say_json({"id": token_id, "token": text, "role": role.value, "workspace": workspace})
    else:
        say(text)


@app.command("list")
def list_(workspace: InWorkspace = "default", every: All = False, as_json: AsJson = False) -> None:
    """List the API tokens of a workspace: their role, until when, last used when."""

    async def found() -> list[ApiTokenRecord]:
        async with Gateway.open(load_settings()) as gateway:
            room = await gateway.workspaces.get(workspace)
            return [] if room is None else await gateway.api_tokens.list(room.row_id)

    now = now_us()
    shown = [each for each in run(found()) if every or _state(each, now) == "live"]
    if as_json:
        say_json([_public(each, now) for each in shown])
        return
    say_table(
        ("id", "name", "role", "state", "created", "expires", "last used"),
        [
            (
                each.id,
                each.name,
                each.role.value,
                _state(each, now),
                moment(each.created_at),
                moment(each.expires_at),
                moment(each.last_used_at),
            )
            for each in shown
        ],
    )


@app.command()
def revoke(
    token_id: Annotated[
        str, typer.Argument(metavar="ID", help="Its id, as `api-token list` shows.")
    ],
) -> None:
    """Make an API token worthless, at once."""

    async def done() -> bool:
        async with Gateway.open(load_settings()) as gateway:
            return await gateway.api_tokens.revoke(None, token_id)

    if not run(done()):
        raise CliError(
            f"There is no API token {token_id!r} that could be revoked. "
            "`ezto-gateway api-token list --all` shows their ids and states."
        )
    tell(f"Revoked the API token {token_id}.")


def _state(each: ApiTokenRecord, now: int) -> str:
    if each.revoked_at is not None:
        return "revoked"
    return "expired" if each.expires_at is not None and each.expires_at <= now else "live"


def _public(each: ApiTokenRecord, now: int) -> dict[str, Any]:
    return {
        "id": each.id,
        "name": each.name,
        "role": each.role.value,
        "state": _state(each, now),
        "created_at": iso(each.created_at),
        "expires_at": iso(each.expires_at),
        "last_used_at": iso(each.last_used_at),
        "revoked_at": iso(each.revoked_at),
    }
