"""Plans, runs and histories as commands print them."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from azure_adapter.sync.summary import summary
from gateway.cli.changes import (
    SUMMARY_COLUMNS,
    operation_json,
    operation_line,
    summary_rows,
    summary_sentence,
)
from gateway.cli.console import say, say_json, say_table
from gateway.mail.report import duration_text
from gateway.wiring import Gateway
from scim.provisioning.operations import OperationStatus, PlannedOperation
from scim.provisioning.records import RunRecord

LINES_SHOWN = 50
"""How many operations are listed without --all."""

FAILURES_SHOWN = 5
"""How many failed objects a run lists."""


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


def run_json(record: RunRecord) -> dict[str, Any]:
    """Return a run as JSON values, with what is needed to apply a preview."""
    return {**summary(record), "kind": record.kind.value, "checksum": record.checksum}


async def say_plan_json(record: RunRecord, rows: AsyncIterator[PlannedOperation]) -> None:
    """Print a run and its operations as one JSON document, written row by row."""
    out = sys.stdout
    out.write(f'{{"summary": {orjson.dumps(run_json(record)).decode()},\n "operations": [')
    separator = "\n  "
    async for row in rows:
        out.write(separator + orjson.dumps(operation_json(row)).decode())
        separator = ",\n  "
    out.write("\n ]}\n")
