"""``ezto-gateway sync``: run a user sync, decide about its plans, and look at its history.

Exit status of what applies something: 0 succeeded; 3 ended, but some objects failed (incomplete)
or are held back by a safeguard (quarantined); 1 failed, was refused, or runs elsewhere now.
"""

from typing import Annotated

import typer

from gateway.cli.console import CliError, say, say_json
from gateway.cli.opened import AsJson, RunId, SyncId, actor, opened
from gateway.cli.plans import LINES_SHOWN, plan_rows, say_plan, say_plan_json, say_runs, say_summary
from gateway.cli.runs import applied, previewed
from gateway.server import run as run_async

app = typer.Typer(help="Run user syncs and look at what they do.", no_args_is_help=True)

TRIGGER = "cli"

ShowAll = Annotated[bool, typer.Option("--all", help="List every operation.")]
Seqs = Annotated[
    list[int] | None,
    typer.Option("--seq", min=1, help="Only this operation, by its number; may be repeated."),
]
Full = Annotated[bool, typer.Option("--full", help="Read everything again.")]


@app.command()
def run(
    sync_id: SyncId,
    full: Full = False,
    allow: Annotated[
        bool, typer.Option("--allow", help="Apply, this once, what safeguards would hold back.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a user sync now and print what it did."""
    work = applied(
        sync_id,
        lambda gateway, sync, tell: gateway.control.start(
            sync.id, full=full, allow=allow, trigger=TRIGGER, actor=actor(), progress=tell
        ),
        as_json=as_json,
    )
    raise typer.Exit(run_async(work))


@app.command()
def preview(
    sync_id: SyncId, full: Full = False, show_all: ShowAll = False, as_json: AsJson = False
) -> None:
    """Print what a run would do; nothing is applied. `sync apply` applies exactly this."""
    work = previewed(
        sync_id,
        lambda gateway, sync, tell: gateway.control.start(
            sync.id, full=full, preview=True, trigger=TRIGGER, actor=actor(), progress=tell
        ),
        show_all=show_all,
        as_json=as_json,
    )
    raise typer.Exit(run_async(work))


@app.command("apply")
def apply_(
    sync_id: SyncId,
    run_id: RunId,
    checksum: Annotated[str, typer.Option(help="The plan's checksum, as the preview printed it.")],
    as_json: AsJson = False,
) -> None:
    """Apply the plan of a preview as it was reviewed; an edit that was previewed is saved too."""
    work = applied(
        sync_id,
        lambda gateway, sync, tell: gateway.control.apply(
            sync.id, run_id, checksum, trigger=TRIGGER, actor=actor(), progress=tell
        ),
        as_json=as_json,
    )
    raise typer.Exit(run_async(work))


@app.command()
def allow(sync_id: SyncId, run_id: RunId, seq: Seqs = None, as_json: AsJson = False) -> None:
    """Apply held operations of a run, exactly these, once; without --seq all of them."""
    work = applied(
        sync_id,
        lambda gateway, sync, tell: gateway.control.allow(
            sync.id, run_id, seq, trigger=TRIGGER, actor=actor(), progress=tell
        ),
        as_json=as_json,
    )
    raise typer.Exit(run_async(work))


@app.command()
def discard(sync_id: SyncId, run_id: RunId, seq: Seqs = None, as_json: AsJson = False) -> None:
    """Discard held operations of a run, until the objects change; without --seq all of them."""

    async def work() -> int:
        async with opened(sync_id) as (gateway, sync):
            return await gateway.control.discard(sync.id, run_id, seq, actor=actor())

    count = run_async(work())
    if as_json:
        say_json({"discarded": count})
    else:
        say(f"Discarded {count} operation(s). They stay away until their objects change in Azure.")


@app.command()
def cancel(sync_id: SyncId, as_json: AsJson = False) -> None:
    """Ask the run that is running, in whatever process, to stop."""

    async def work() -> bool:
        async with opened(sync_id) as (gateway, sync):
            return await gateway.control.cancel(sync.id, actor=actor())

    asked = run_async(work())
    if as_json:
        say_json({"cancelled": asked})
    else:
        say("The run was asked to stop." if asked else "No run is running.")


@app.command()
def undo(
    sync_id: SyncId, run_id: RunId, show_all: ShowAll = False, as_json: AsJson = False
) -> None:
    """Pause the user sync, and print a plan that takes back what a run applied."""
    work = previewed(
        sync_id,
        lambda gateway, sync, tell: gateway.control.undo(
            sync.id, run_id, actor=actor(), progress=tell
        ),
        show_all=show_all,
        as_json=as_json,
    )
    raise typer.Exit(run_async(work))


@app.command()
def drift(
    sync_id: SyncId,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend it now, instead of only listing it.")
    ] = False,
    show_all: ShowAll = False,
    as_json: AsJson = False,
) -> None:
    """List what was changed in the user store behind the user sync's back, or repair it."""
    if repair:
        work = applied(
            sync_id,
            lambda gateway, sync, tell: gateway.control.start(
                sync.id, drift=True, trigger=TRIGGER, actor=actor(), progress=tell
            ),
            as_json=as_json,
        )
    else:
        work = previewed(
            sync_id,
            lambda gateway, sync, tell: gateway.control.start(
                sync.id, drift=True, preview=True, trigger=TRIGGER, actor=actor(), progress=tell
            ),
            show_all=show_all,
            as_json=as_json,
        )
    raise typer.Exit(run_async(work))


@app.command()
def retry(sync_id: SyncId, as_json: AsJson = False) -> None:
    """Try objects again that failed and are due; nothing is read."""
    work = applied(
        sync_id,
        lambda gateway, sync, tell: gateway.control.start(
            sync.id, retry=True, trigger=TRIGGER, actor=actor(), progress=tell
        ),
        as_json=as_json,
    )
    raise typer.Exit(run_async(work))


@app.command()
def history(
    sync_id: SyncId,
    run_id: Annotated[
        str | None, typer.Option("--run", help="Show what this run did, object by object.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many runs.")] = 20,
    show_all: ShowAll = False,
    as_json: AsJson = False,
) -> None:
    """Print the runs of a user sync, newest first, or one of them object by object."""
    if run_id is None:
        run_async(_history(sync_id, limit, as_json=as_json))
    else:
        run_async(_show_run(sync_id, run_id, show_all=show_all, as_json=as_json))


async def _history(sync_id: str, limit: int, *, as_json: bool) -> None:
    async with opened(sync_id) as (gateway, sync):
        say_runs(await gateway.sync_store(sync.id).runs(limit), as_json=as_json)


async def _show_run(sync_id: str, run_id: str, *, show_all: bool, as_json: bool) -> None:
    async with opened(sync_id) as (gateway, sync):
        record = await gateway.sync_store(sync.id).run(run_id)
        if record is None:
            raise CliError(f"The user sync {sync.name!r} has no run {run_id!r}.")
        rows = plan_rows(gateway, sync.id, record.id)
        if as_json:
            await say_plan_json(record, rows)
        else:
            say_summary(sync.name, record)
            await say_plan(rows, most=None if show_all else LINES_SHOWN)
