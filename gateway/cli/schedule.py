"""``ezto-gateway sync schedule``: when a user sync runs by itself."""

from typing import Annotated, Any

import typer

from gateway.cli.console import USAGE, CliError, say, say_json
from gateway.cli.opened import AsJson, SyncId, actor, opened
from gateway.server import run
from gateway.wiring import Gateway
from gateway.work.describing import upcoming
from gateway.work.edits import read_edit
from gateway.work.schedule import Schedule
from storage.access import UserSyncRecord


def schedule(
    sync_id: SyncId,
    cron: Annotated[
        str | None, typer.Option(help="Five fields, such as '0 */4 * * *': every four hours.")
    ] = None,
    every_minutes: Annotated[int | None, typer.Option(help="An interval instead.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="IANA name that the cron expression means; else UTC.")
    ] = None,
    full_every: Annotated[
        int | None, typer.Option(help="Each so many scheduled runs, read everything; 0: never.")
    ] = None,
    jitter_seconds: Annotated[
        int | None, typer.Option(help="Put off by up to so many seconds, always the same.")
    ] = None,
    enabled: Annotated[
        bool | None, typer.Option("--on/--off", help="Follow the schedule, or keep it for later.")
    ] = None,
    never: Annotated[bool, typer.Option("--never", help="Forget the schedule.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show when a user sync runs by itself, or set that."""
    given: dict[str, Any] = {
        "cron": cron,
        "every_minutes": every_minutes,
        "time_zone": time_zone,
        "full_every": full_every,
        "jitter_seconds": jitter_seconds,
        "enabled": enabled,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if never and changes:
        raise CliError("--never goes without the other options.", USAGE)
    shown = run(_schedule(sync_id, changes, never=never))
    if as_json:
        say_json(shown)
    else:
        _say(shown)


async def _schedule(sync_id: str, changes: dict[str, Any], *, never: bool) -> dict[str, Any]:
    async with opened(sync_id) as (gateway, sync):
        if changes or never:
            await _set(gateway, sync, changes, never=never)
            sync = await gateway.connection(sync.id)
        return upcoming(sync)


async def _set(
    gateway: Gateway, sync: UserSyncRecord, changes: dict[str, Any], *, never: bool
) -> None:
    present = {} if never else dict(sync.settings.get("schedule") or {})
    for one, other in (("cron", "every_minutes"), ("every_minutes", "cron")):
        if changes.get(one):
            present.pop(other, None)
    await gateway.control.edit(
        sync.id, read_edit({"schedule": {**present, **changes}}), actor=actor()
    )


def _say(shown: dict[str, Any]) -> None:
    schedule = Schedule.from_json(shown["settings"])
    if not schedule.cron and not schedule.every_minutes:
        say("It runs only when somebody starts it.")
        return
    if schedule.cron:
        say(f"cron {schedule.cron} in {schedule.time_zone}")
    else:
        say(f"every {schedule.every_minutes} minutes")
    if schedule.full_every:
        say(f"each {schedule.full_every}th scheduled run reads everything")
    if not schedule.enabled:
        say("The schedule is off.")
    elif not shown["active"]:
        say("The user sync is paused, so it does not run.")
    for moment in shown["next"]:
        say(f"  {moment}")
