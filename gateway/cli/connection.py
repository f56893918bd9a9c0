"""``ezto-gateway connection``: user syncs, as an operator sets them up."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from azure_adapter.graph import CLOUD_NAMES, Certificate, GraphEndpoints
from azure_adapter.sync.config import DeletionPolicy, Enrollment
from gateway.cli.console import USAGE, CliError, say, say_json, say_table
from gateway.cli.setup import load_settings
from gateway.connections import NewConnection, SignInMode, public
from gateway.server import run
from gateway.signin.registration import read_certificate
from gateway.wiring import Gateway
from scim.provisioning.records import UniqueField
from storage.access import UserSyncRecord

SECRET_VARIABLE = "EZTO_CLIENT_SECRET"  # noqa: S105

PASSPHRASE_VARIABLE = "EZTO_CERTIFICATE_PASSWORD"  # noqa: S105

LATER = " Only with --sign-in account may it come later, by `connection credential`."

app = typer.Typer(help="User syncs (connections).", no_args_is_help=True)


class EnrollmentOption(StrEnum):
    """The Enrollment Types, as the command line spells them."""

    send_email = "send-email"
    trust_email = "trust-email"
    only_sync = "only-sync"


@app.command()
def create(
    name: Annotated[str, typer.Option(help="A descriptive name, unique in the workspace.")],
    azure_tenant: Annotated[
        str,
        typer.Option(
            help="Directory (tenant) id, or a domain of it. With --sign-in account it may be left "
            "to the first login."
        ),
    ] = "",
    client_id: Annotated[
        str,
        typer.Option(
            help="Application (client) id. Default: the gateway's own (EZTO_AZURE_CLIENT_ID)."
        ),
    ] = "",
    client_secret: Annotated[
        str | None,
        typer.Option(
            help="Its secret. A secret typed here shows in the process list: better set "
            f"{SECRET_VARIABLE}, or give - to read it from standard input."
        ),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            help="Instead of the secret: a PEM file with private key and certificate. The "
            f"passphrase of the key, if it has one, comes from {PASSPHRASE_VARIABLE}."
        ),
    ] = None,
    sign_in: Annotated[
        SignInMode,
        typer.Option(
            help="app: the application signs in by itself. account: an administrator signs in "
            "with `connection login`."
        ),
    ] = SignInMode.app,
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
    cloud: Annotated[
        str, typer.Option(help=f"Microsoft cloud: {', '.join(CLOUD_NAMES)}.")
    ] = "global",
    authority_url: Annotated[
        str | None, typer.Option(help="Sign-in of a stand-in; else the cloud's.")
    ] = None,
    graph_url: Annotated[
        str | None, typer.Option(help="Graph of a stand-in; else the cloud's.")
    ] = None,
) -> None:
    """Create a user sync and print its id, alone on standard output."""
    endpoints = _endpoints(cloud)
    own = bool(client_id)
    secret = "" if certificate else _secret(client_secret, needed=own, mode=sign_in, more=LATER)
    connection = NewConnection(
        name=name,
        azure_tenant=azure_tenant,
        client_id=client_id,
        client_secret=secret,
        certificate=_certificate(certificate),
        mode=sign_in,
        enrollment=Enrollment(enrollment.name),
        unique_field=unique_field,
        deletion_policy=deletion,
        report_email=report_email,
        workspace=workspace,
        authority_url=authority_url or endpoints.login_url,
        graph_url=graph_url or endpoints.graph_url,
    )
    say(run(_create(connection)))


async def _create(connection: NewConnection) -> str:
    async with Gateway.open(load_settings()) as gateway:
        return await gateway.create_connection(connection)


@app.command()
def credential(
    sync_id: Annotated[str, typer.Argument(metavar="ID", help="Id or name of the user sync.")],
    client_secret: Annotated[
        str | None,
        typer.Option(help=f"The new client secret; better set {SECRET_VARIABLE}, or give -."),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Instead: a PEM file with private key and certificate.")
    ] = None,
) -> None:
    """Give the app registration of a user sync a new secret or certificate."""
    secret = "" if certificate else _secret(client_secret, needed=True, mode=SignInMode.app)
    run(_credential(sync_id, secret, _certificate(certificate)))
    say("Stored.")


async def _credential(sync_id: str, secret: str, certificate: Certificate | None) -> None:
    async with Gateway.open(load_settings()) as gateway:
        record = await gateway.connection(sync_id)
        await gateway.sign_ins.set_credential(record, secret, certificate)


def _secret(option: str | None, *, needed: bool, mode: SignInMode, more: str = "") -> str:
    if option == "-":
        option = sys.stdin.readline().rstrip("\r\n")
    secret = option or (os.environ.get(SECRET_VARIABLE, "") if needed else "")
    if needed and not secret and mode is SignInMode.app:
        raise CliError(
            "The application signs in with a client secret or a certificate. Set "
            f"{SECRET_VARIABLE}, give --client-secret - (it is read from standard input), or give "
            f"--certificate.{more}",
            USAGE,
        )
    return secret


def _certificate(file: Path | None) -> Certificate | None:
    if file is None:
        return None
    try:
        return read_certificate(file, os.environ.get(PASSPHRASE_VARIABLE, ""))
    except ValueError as error:
        raise CliError(f"The certificate cannot be used: {error}.") from None


def _endpoints(cloud: str) -> GraphEndpoints:
    try:
        return GraphEndpoints.of_cloud(cloud)
    except ValueError as error:
        raise CliError(f"--cloud: {error}.", USAGE) from None


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
