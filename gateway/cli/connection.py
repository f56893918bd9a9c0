"""``ezto-gateway connection``: user syncs, as an operator sets them up."""

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from azure_adapter.graph import GRAPH_URL, LOGIN_URL
from azure_adapter.sync.config import DeletionPolicy, Enrollment
from gateway.cli.console import USAGE, CliError, say, say_json, say_table
from gateway.cli.setup import load_settings
from gateway.connections import NewConnection, public
from gateway.server import run
from gateway.wiring import Gateway
from scim.provisioning.records import UniqueField
from storage.access import UserSyncRecord

SECRET_VARIABLE = "EZTO_CLIENT_SECRET"  # noqa: S105

app = typer.Typer(help="User syncs (connections).", no_args_is_help=True)


class EnrollmentOption(StrEnum):
    """The Enrollment Types, as the command line spells them."""

    send_email = "send-email"
    trust_email = "trust-email"
    only_sync = "only-sync"


@app.command()
def create(
    name: Annotated[str, typer.Option(help="A descriptive name, unique in the workspace.")],
    azure_tenant: Annotated[str, typer.Option(help="Directory (tenant) id, or a domain of it.")],
    client_id: Annotated[str, typer.Option(help="Application (client) id.")],
    client_secret: Annotated[
        str | None,
        typer.Option(
            help="Its secret. A secret typed here shows in the process list: better set "
            f"{SECRET_VARIABLE}, or give - to read it from standard input."
        ),
    ] = None,
    enrollment: Annotated[
        EnrollmentOption, typer.Option(help="What happens to new users' e-mail addresses.")
    ] = EnrollmentOption.send_email,
    unique_field: Annotated[
        UniqueField, typer.Option(help="How an existing user is found the first time.")
    ] = UniqueField.email,
    deletion: Annotated[
        DeletionPolicy, typer.Option(help="What a deletion in Azure does to a user.")
    ] = DeletionPolicy.delete,
    report_email: Annotated[str, typer.Option(help="Who gets the sync reports.")] = "",
    workspace: Annotated[str, typer.Option(help="Workspace that it fills.")] = "default",
    authority_url: Annotated[str, typer.Option(help="Sign-in of another cloud.")] = LOGIN_URL,
    graph_url: Annotated[str, typer.Option(help="Graph of another cloud.")] = GRAPH_URL,
) -> None:
    """Create a user sync and print its id, alone on standard output."""
    connection = NewConnection(
        name=name,
        azure_tenant=azure_tenant,
        client_id=client_id,
        client_secret=_secret(client_secret),
        enrollment=Enrollment(enrollment.name),
        unique_field=unique_field,
        deletion_policy=deletion,
        report_email=report_email,
        workspace=workspace,
        authority_url=authority_url,
        graph_url=graph_url,
    )
    say(run(_create(connection)))


async def _create(connection: NewConnection) -> str:
    async with Gateway.open(load_settings()) as gateway:
        return await gateway.create_connection(connection)


def _secret(option: str | None) -> str:
    if option == "-":
        option = sys.stdin.readline().rstrip("\r\n")
    secret = option or os.environ.get(SECRET_VARIABLE, "")
    if not secret:
        raise CliError(
            f"The client secret is missing. Set {SECRET_VARIABLE}, or give --client-secret.", USAGE
        )
    return secret


@app.command("list")
def list_(
    workspace: Annotated[str, typer.Option(help="Workspace to look into.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the user syncs of a workspace."""
    connections = run(_list(workspace))
    if as_json:
        say_json([public(each) for each in connections])
        return
    columns = ("id", "name", "state", "azure tenant", "enrollment", "unique field")
    say_table(
        columns,
        [
            (each.id, each.name, each.state, each.azure_tenant, each.enrollment, each.unique_field)
            for each in connections
        ],
    )


async def _list(workspace: str) -> list[UserSyncRecord]:
    async with Gateway.open(load_settings()) as gateway:
        return await gateway.connections(workspace)
