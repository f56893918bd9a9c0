"""Runs as commands start and show them: progress, summary, plan, and what to type next."""

from collections.abc import Awaitable, Callable

from azure_adapter.sync.progress import Tell
from azure_adapter.sync.summary import summary
from gateway.cli.console import FAILED, INCOMPLETE, say, say_json
from gateway.cli.opened import opened
from gateway.cli.plans import (
    LINES_SHOWN,
    plan_rows,
    say_failures,
    say_plan,
    say_plan_json,
    say_summary,
)
from gateway.cli.progress import RunDisplay
from gateway.wiring import Gateway
from scim.provisioning.records import RunRecord, RunStatus
from storage.access import UserSyncRecord

EXIT_STATUS = {
    RunStatus.succeeded: 0,
    RunStatus.incomplete: INCOMPLETE,
    RunStatus.quarantined: INCOMPLETE,
}
"""Exit status by how a run ended; anything else is a failure."""

Call = Callable[[Gateway, UserSyncRecord, Tell], Awaitable[RunRecord]]
"""Makes a run of a user sync, and tells how far it is."""


async def applied(sync_id: str, call: Call, *, as_json: bool) -> int:
    """Make a run that applies something, print what it did, and return the exit status."""
    async with opened(sync_id) as (gateway, connection):
        with RunDisplay(quiet=as_json) as display:
            record = await call(gateway, connection, display.show)
        if as_json:
            say_json(summary(record))
        else:
            say_summary(connection.name, record)
            await say_failures(gateway, record)
    return EXIT_STATUS.get(record.status, FAILED)


async def previewed(sync_id: str, call: Call, *, show_all: bool, as_json: bool) -> int:
    """Make a preview, print its plan and how to apply it, and return the exit status."""
    async with opened(sync_id) as (gateway, connection):
        with RunDisplay(quiet=as_json) as display:
            record = await call(gateway, connection, display.show)
        rows = plan_rows(gateway, connection.id, record.id)
        if as_json:
            await say_plan_json(record, rows)
        else:
            say_summary(f"{connection.name}, preview,", record)
            await say_plan(rows, most=None if show_all else LINES_SHOWN)
            _say_next(connection, record)
    return FAILED if record.status is RunStatus.failed else 0


def _say_next(connection: UserSyncRecord, record: RunRecord) -> None:
    if record.checksum and record.status is not RunStatus.failed:
        say("Apply exactly this:")
        say(f"  {apply_command(connection.id, record)}")


def apply_command(sync_id: str, record: RunRecord) -> str:
    """Return the command that applies a preview."""
    return f"ezto-gateway sync apply {sync_id} {record.id} --checksum {record.checksum}"
