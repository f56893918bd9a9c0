"""``ezto-gateway sync``: run a user sync, look at its plan, and at its history.

Exit status of ``run``: 0 succeeded; 3 ended, but some objects failed (incomplete) or are held
back by a safeguard (quarantined); 1 failed, or another process runs the sync now.
"""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from azure_adapter.sync.summary import summary
from gateway.cli.changes import (
    SUMMARY_COLUMNS,
    operation_json,
    operation_line,
    summary_rows,
    summary_sentence,
)
from gateway.cli.console import FAILED, INCOMPLETE, CliError, say, say_json, say_table
from gateway.cli.progress import RunDisplay
from gateway.cli.setup import load_settings
from gateway.mail.report import duration_text
from gateway.server import run as run_async
from gateway.wiring import Gateway
from scim.provisioning.operations import OperationStatus, PlannedOperation
from scim.provisioning.records import RunRecord, RunStatus

EXIT_STATUS = {
    RunStatus.succeeded: 0,
    RunStatus.incomplete: INCOMPLETE,
    RunStatus.quarantined: INCOMPLETE,
}
"""Exit status by how a run ended; anything else is a failure."""

LINES_SHOWN = 50
"""How many operations are listed without --all."""

FAILURES_SHOWN = 5
"""How many failed objects a run lists."""

HISTORY = 10_000
"""How many runs back `history --run` looks."""

app = typer.Typer(help="Run user syncs and look at what they do.", no_args_is_help=True)

SyncId = Annotated[str, typer.Argument(metavar="ID", help="Id or name of the user sync.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ShowAll = Annotated[bool, typer.Option("--all", help="List every operation.")]


@app.command()
def run(
    sync_id: SyncId,
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
    allow: Annotated[
        bool, typer.Option("--allow", help="Apply, this once, what safeguards would hold back.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a user sync now and print what it did."""
    raise typer.Exit(run_async(_run(sync_id, full=full, allow=allow, as_json=as_json)))


async def _run(sync_id: str, *, full: bool, allow: bool, as_json: bool) -> int:
    async with Gateway.open(load_settings()) as gateway:
        connection = await gateway.connection(sync_id)
        with RunDisplay(quiet=as_json) as display:
            record = await gateway.run_sync(
                connection.id, full=full, allow=allow, trigger="cli", progress=display.show
            )
        if as_json:
            say_json(summary(record))
        else:
            say_summary(connection.name, record)
            await say_failures(gateway, record)
        return EXIT_STATUS.get(record.status, FAILED)


async def say_failures(gateway: Gateway, record: RunRecord) -> None:
    """Print why objects failed or are held back: the first ones."""
    store = gateway.sync_store(record.sync_id)
    for status in (OperationStatus.failed, OperationStatus.held):
        rows = await store.pending(record.id, status, FAILURES_SHOWN + 1)
        for row in rows[:FAILURES_SHOWN]:
            say(operation_line(row))
        if len(rows) > FAILURES_SHOWN:
            say(f"… and more: `ezto-gateway sync history {record.sync_id} --run {record.id}`")


def say_summary(name: str, record: RunRecord) -> None:
    """Print what a run did: a sentence, the counts, and what it has to say."""
    numbers = summary(record)
    say(summary_sentence(name, numbers))
    if record.message:
        say(f"{record.message} {record.advice}".rstrip())
        return
    say_table(("", *SUMMARY_COLUMNS), summary_rows(numbers))
    for note in record.notes:
        say(f"Note: {note}")


@app.command()
def preview(sync_id: SyncId, show_all: ShowAll = False, as_json: AsJson = False) -> None:
    """Print what a run would do; nothing is applied."""
    raise typer.Exit(run_async(_preview(sync_id, show_all=show_all, as_json=as_json)))


async def _preview(sync_id: str, *, show_all: bool, as_json: bool) -> int:
    async with Gateway.open(load_settings()) as gateway:
        connection = await gateway.connection(sync_id)
        with RunDisplay(quiet=as_json) as display:
            record = await gateway.run_sync(
                connection.id, preview=True, trigger="cli", progress=display.show
            )
        rows = plan_rows(gateway, connection.id, record.id)
        if as_json:
            await say_plan_json(record, rows)
        else:
            say_summary(f"{connection.name}, preview,", record)
            await say_plan(rows, most=None if show_all else LINES_SHOWN)
    return FAILED if record.status is RunStatus.failed else 0


@app.command()
def history(
    sync_id: SyncId,
    run_id: Annotated[
        str | None, typer.Option("--run", help="Show what this run did, object by object.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many runs.")] = 20,
    show_all: ShowAll = False,
    as_json: AsJson = False,
) -> None:
    """Print the runs of a user sync, newest first, or one of them object by object."""
    run_async(_history(sync_id, run_id, limit, show_all=show_all, as_json=as_json))


async def _history(
    sync_id: str, run_id: str | None, limit: int, *, show_all: bool, as_json: bool
) -> None:
    async with Gateway.open(load_settings()) as gateway:
        connection = await gateway.connection(sync_id)
        runs = await gateway.sync_store(connection.id).runs(limit if run_id is None else HISTORY)
        if run_id is None:
            say_runs(runs, as_json=as_json)
            return
        record = next((each for each in runs if each.id == run_id), None)
        if record is None:
            raise CliError(f"The user sync {connection.name!r} has no run {run_id!r}.")
        rows = plan_rows(gateway, connection.id, record.id)
        if as_json:
            await say_plan_json(record, rows)
        else:
            say_summary(connection.name, record)
            await say_plan(rows, most=None if show_all else LINES_SHOWN)


def say_runs(runs: Sequence[RunRecord], *, as_json: bool) -> None:
    """Print a line for each run."""
    if as_json:
        say_json([summary(each) for each in runs])
        return
    columns = ("run", "started", "took", "mode", "status", "started by", "users", "groups")
    say_table(columns, [_run_row(summary(each)) for each in runs])


def _run_row(numbers: Mapping[str, Any]) -> Sequence[object]:
    started = datetime.fromtimestamp(numbers["started_at"] / 1e6, UTC)
    seconds = numbers["duration_s"]
    return (
        numbers["run"],
        f"{started:%Y-%m-%d %H:%M:%S} UTC",
        "" if seconds is None else duration_text(seconds),
        f"{numbers['mode']} (preview)" if numbers["preview"] else numbers["mode"],
        numbers["status"],
        numbers["trigger"],
        _signs(numbers["users"]),
        _signs(numbers["groups"]),
    )


def _signs(counts: Mapping[str, int]) -> str:
    arrived = counts.get("created", 0) + counts.get("restored", 0)
    gone = counts.get("disabled", 0) + counts.get("deleted", 0)
    return f"+{arrived} ~{counts.get('updated', 0)} -{gone} !{counts.get('failed', 0)}"


async def plan_rows(gateway: Gateway, sync_id: str, run_id: str) -> AsyncIterator[PlannedOperation]:
    """Yield the rows of a plan in their order, page by page."""
    store, after = gateway.sync_store(sync_id), 0
    while page := await store.operations(run_id, after):
        for row in page:
            yield row
        after = page[-1].seq


async def say_plan(rows: AsyncIterator[PlannedOperation], most: int | None) -> None:
    """Print a line for each operation, or for the first ones."""
    number = 0
    async for row in rows:
        number += 1
        if most is None or number <= most:
            say(operation_line(row))
    if most is not None and number > most:
        say(f"… and {number - most} more (--all lists them, --json has everything)")


async def say_plan_json(record: RunRecord, rows: AsyncIterator[PlannedOperation]) -> None:
    """Print a run and its operations as one JSON document, written row by row."""
    out = sys.stdout
    out.write(f'{{"summary": {orjson.dumps(summary(record)).decode()},\n "operations": [')
    separator = "\n  "
    async for row in rows:
        out.write(separator + orjson.dumps(operation_json(row)).decode())
        separator = ",\n  "
    out.write("\n ]}\n")
