"""The command line, ``ezto-gateway``.

Exit status: 0 done; 1 it failed; 2 the command was typed wrong; 3 a sync ended with objects that
failed or are held back by a safeguard. Errors are one sentence on stderr, never a traceback.
"""

import sys
from collections.abc import Sequence
from typing import cast

import structlog
import typer

from azure_adapter.sync.refusals import SyncRefused
from gateway.access.problem import AccessProblem
from gateway.cli import (
    api_token,
    client,
    configuration,
    connection,
    demo,
    issuer,
    login,
    objects,
    schedule,
    serve,
    simulate,
    sync,
    token,
)
from gateway.cli.console import FAILED, USAGE, CliError, tell
from gateway.connections import ConnectionProblem
from gateway.secrets import UnreadableSecretError
from gateway.server import PortTakenError
from gateway.settings import SettingsError
from scim.provisioning.records import LeaseLost, SourceError

INTERRUPTED = 130

EXPECTED = (
    SettingsError,
    UnreadableSecretError,
    AccessProblem,
    ConnectionProblem,
    SyncRefused,
    LeaseLost,
    PortTakenError,
)
"""What can go wrong without anybody's defect; the message is the sentence to print."""

UsageError = cast(type[Exception], typer.BadParameter.__base__)
"""What the option parser raises; Typer keeps the class itself private."""

app = typer.Typer(
    name="ezto-gateway",
    help="Provisioning gateway of ezto auth: SCIM 2.0 endpoints and a one-way Azure AD user sync. "
    "Settings come from the environment (EZTO_DATABASE_URL, EZTO_DATA_DIR, …).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("worker")(serve.worker)
app.add_typer(token.app, name="token")
app.add_typer(client.app, name="client")
app.add_typer(issuer.app, name="issuer")
app.command("simulate")(simulate.simulate)
app.command("simulate-change")(simulate.simulate_change)
app.add_typer(api_token.app, name="api-token")
login.add_to(connection.app)
configuration.add_to(connection.app)
app.add_typer(connection.app, name="connection")
sync.app.command("on-demand")(objects.on_demand)
sync.app.command("explain")(objects.explain)
sync.app.command("schedule")(schedule.schedule)
app.add_typer(sync.app, name="sync")
app.command("demo")(demo.demo)


def main() -> None:
    """Run the command that was typed, and end the process with its exit status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status; what went wrong is one sentence on stderr."""
    try:
        return _call(arguments)
    except CliError as error:
        return _failed(str(error), error.status)
    except EXPECTED as error:
        return _failed(str(error), FAILED)
    except SourceError as error:
        return _failed(f"{error.message} {error.advice}".rstrip(), FAILED)
    except UsageError as error:
        return _failed(f"{_usage_text(error)} See --help.", USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return _failed("Interrupted.", INTERRUPTED)
    except Exception as error:
        structlog.stdlib.get_logger("gateway.cli").debug("command failed", exc_info=True)
        return _failed(_unexpected(error), FAILED)


def _call(arguments: Sequence[str]) -> int:
    command = typer.main.get_command(app)
    status = command.main(list(arguments), prog_name="ezto-gateway", standalone_mode=False)
    return status if isinstance(status, int) else 0


def _failed(message: str, status: int) -> int:
    tell(f"Error: {message}")
    return status


def _usage_text(error: Exception) -> str:
    text: str = error.format_message() if hasattr(error, "format_message") else str(error)
    return text if text.endswith(".") else f"{text}."


def _unexpected(error: Exception) -> str:
    said = " ".join(str(error).split()) or "no further word"
    return f"{type(error).__name__}: {said} (EZTO_LOG_LEVEL=debug shows where)"
