"""What commands about one user sync begin with: settings, gateway, and the words of refusals."""

import getpass
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.console import USAGE, CliError
from gateway.cli.setup import load_settings
from gateway.wiring import Gateway
from storage.access import UserSyncRecord

SyncId = Annotated[str, typer.Argument(metavar="ID", help="Id or name of the user sync.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, as `sync history` has.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

MOST_BYTES = 4_000_000
"""How large a file that a command reads may be."""


@asynccontextmanager
async def opened(sync_id: str) -> AsyncIterator[tuple[Gateway, UserSyncRecord]]:
    """Open the gateway, and find one user sync."""
    async with Gateway.open(load_settings()) as gateway:
        yield gateway, await gateway.connection(sync_id)


def actor() -> str:
    """Return who types: the name of the operating system's user."""
    try:
        return f"cli:{getpass.getuser()}"[:128]
    except (OSError, KeyError):
        return "cli"


def read_json(place: str, what: str) -> Any:
    """Read a JSON document from a file, or from standard input (``-``).

    Raises:
        CliError: it cannot be read; it says what is wrong with it.
    """
    try:
        text = sys.stdin.read(MOST_BYTES) if place == "-" else _file(Path(place))
        return json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise CliError(f"{what} cannot be read from {place}: {reason}.", USAGE) from None
    except json.JSONDecodeError as error:
        raise CliError(
            f"{what} in {place} is no JSON: {error.msg} (line {error.lineno}, column "
            f"{error.colno}).",
            USAGE,
        ) from None


def _file(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise CliError(f"{path} is larger than {MOST_BYTES:,} bytes.", USAGE)
    return path.read_text(encoding="utf-8")
