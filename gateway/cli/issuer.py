"""``ezto-gateway issuer``: whose JWTs open a workspace."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.access.issuers import NewIssuer, entra_issuers
from gateway.cli.access_options import (
    AsJson,
    InWorkspace,
    Name,
    Profile,
    ProfileOption,
    ReadOnly,
    Workspace,
    iso,
    moment,
    scopes_text,
)
from gateway.cli.console import USAGE, CliError, say, say_json, say_table, tell
from gateway.cli.setup import load_settings
from gateway.server import run
from gateway.wiring import Gateway
from storage.access import IssuerRecord

app = typer.Typer(help="Issuers of JWTs that open a workspace.", no_args_is_help=True)


class AlgorithmOption(StrEnum):
    """What may sign a token."""

    RS256 = "RS256"
    ES256 = "ES256"


@app.command()
def add(
    workspace: Workspace = "default",
    name: Name = "default",
    profile: Profile = None,
    read_only: ReadOnly = False,
    entra: Annotated[
        str | None,
        typer.Option(
            metavar="TENANT_ID",
            help="A directory of Entra ID that signs its own tokens, because its secret token "
            "was left empty. Sets issuers, audience, keys and profile.",
        ),
    ] = None,
    issuer: Annotated[str | None, typer.Option(help="The claim iss, exactly.")] = None,
    audience: Annotated[str | None, typer.Option(help="The claim aud, exactly.")] = None,
    jwks_url: Annotated[str | None, typer.Option(help="Where its keys are (https).")] = None,
    directory: Annotated[str, typer.Option(help="The claim tid, exactly.")] = "",
    algorithm: Annotated[
        list[AlgorithmOption] | None, typer.Option(help="What may sign. Default: RS256.")
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A further claim that has to have this value."),
    ] = None,
) -> None:
    """Let the JWTs of an issuer open a SCIM client, and print the ids of what was added."""
    claims = dict(_pair(each) for each in claim or [])
    if entra is not None:
        if issuer or jwks_url or directory or algorithm:
            raise CliError(
                "--entra sets --issuer, --jwks-url, --directory and --algorithm. Leave them out.",
                USAGE,
            )
        profile = profile or ProfileOption.entra
        issuers = entra_issuers(entra, audience, claims)
    elif issuer and audience and jwks_url:
        algorithms = tuple(algorithm or (AlgorithmOption.RS256,))
        issuers = [NewIssuer(issuer, audience, jwks_url, algorithms, directory, claims)]
    else:
        raise CliError("Give --entra, or all of --issuer, --audience and --jwks-url.", USAGE)

    async def made() -> list[str]:
        async with Gateway.open(load_settings()) as gateway:
            return await gateway.access.admin.add_issuers(
                workspace, name, issuers, profile=profile, read_only=read_only
            )

    for issuer_id in run(made()):
        say(issuer_id)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise CliError(f"--claim {text!r} is not NAME=VALUE.", USAGE)
    return name, value


@app.command("list")
def list_(workspace: InWorkspace = "default", as_json: AsJson = False) -> None:
    """List the issuers of a workspace: what their tokens must say, and last used when."""

    async def found() -> list[IssuerRecord]:
        async with Gateway.open(load_settings()) as gateway:
            return await gateway.access.admin.issuers(workspace)

    issuers = run(found())
    if as_json:
        say_json([_public(each) for each in issuers])
        return
    say_table(
        ("id", "client", "profile", "scopes", "issuer", "audience", "last used"),
        [
            (
                each.id,
                each.client_name,
                each.profile,
                scopes_text(each.scopes),
                each.binding.issuer,
                each.binding.audience,
                moment(each.last_used_at),
            )
            for each in issuers
        ],
    )


@app.command()
def remove(
    issuer_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `issuer list` shows.")],
) -> None:
    """Have the tokens of an issuer open nothing any more, within five seconds."""

    async def done() -> None:
        async with Gateway.open(load_settings()) as gateway:
            await gateway.access.admin.remove_issuer(issuer_id)

    run(done())
    tell(f"Removed the issuer {issuer_id}.")


def _public(record: IssuerRecord) -> dict[str, Any]:
    binding = record.binding
    return {
        "id": record.id,
        "client_id": record.client_id,
        "client": record.client_name,
        "profile": record.profile,
        "scopes": sorted(record.scopes),
        "issuer": binding.issuer,
        "audience": binding.audience,
        "directory": binding.directory,
        "claims": dict(binding.claims),
        "jwks_url": binding.jwks_url,
        "algorithms": list(binding.algorithms),
        "created_at": iso(record.created_at),
        "last_used_at": iso(record.last_used_at),
    }
