"""Options that the commands about access share, and how they show what they list."""

import datetime
import time
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.access.admin import state_of
from gateway.cli.console import say_json, say_table
from storage.access import TokenInfo
from storage.database import now_us

DAY = 86_400


class ProfileOption(StrEnum):
    """The dialects that a SCIM client may have."""

    generic = "generic"
    entra = "entra"
    okta = "okta"


Workspace = Annotated[str, typer.Option(help="Workspace it opens; made when it does not exist.")]
InWorkspace = Annotated[str, typer.Option(help="Workspace to look into.")]
Name = Annotated[
    str, typer.Option(help="SCIM client it is for; the same name again means the same client.")
]
Profile = Annotated[
    ProfileOption | None,
    typer.Option(help="What the client's provider is. Default: as it is; a new one is generic."),
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="It may only read.")]
ExpiresInDays = Annotated[
    int | None, typer.Option(min=1, help="Days it is good for. Default: until it is revoked.")
]
ReplaceOldest = Annotated[
    bool,
    typer.Option("--replace-oldest", help="Revoke the oldest one if the client has two already."),
]
All = Annotated[bool, typer.Option("--all", help="Show revoked and expired ones too.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def expiry(days: int | None) -> float | None:
    """Return the moment in so many days, in seconds since the epoch."""
    return None if days is None else time.time() + days * DAY


def moment(value: int | None) -> str:
    """Return a moment of the database for a person: UTC, to the minute; "-" for none."""
    if value is None:
        return "-"
    when = datetime.datetime.fromtimestamp(value // 1_000_000, datetime.UTC)
    return when.strftime("%Y-%m-%d %H:%MZ")


def iso(value: int | None) -> str | None:
    """Return a moment of the database for a program (RFC 3339)."""
    if value is None:
        return None
    return datetime.datetime.fromtimestamp(value / 1_000_000, datetime.UTC).isoformat()


def scopes_text(scopes: Iterable[str]) -> str:
    """Return scopes as they are written in OAuth."""
    return " ".join(sorted(scopes))


def show(infos: Iterable[TokenInfo], *, every: bool, as_json: bool) -> None:
    """Print tokens or client secrets; never their text, which nobody has."""
    now = now_us()
    listed = [each for each in infos if every or state_of(each, now) == "live"]
    if as_json:
        say_json([_public(each, now) for each in listed])
        return
    columns = ("id", "client", "profile", "scopes", "state", "created", "expires", "last used")
    say_table(
        columns,
        [
            (
                each.id,
                each.client_name,
                each.profile,
                scopes_text(each.scopes),
                state_of(each, now),
                moment(each.created_at),
                moment(each.expires_at),
                moment(each.last_used_at),
            )
            for each in listed
        ],
    )


def _public(info: TokenInfo, now: int) -> dict[str, Any]:
    return {
        "id": info.id,
        "client_id": info.client_id,
        "client": info.client_name,
        "profile": info.profile,
        "scopes": sorted(info.scopes),
        "state": state_of(info, now),
        "created_at": iso(info.created_at),
        "expires_at": iso(info.expires_at),
        "last_used_at": iso(info.last_used_at),
        "revoked_at": iso(info.revoked_at),
    }
