"""``ezto-gateway connection``: looking at a user sync, and changing it."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from azure_adapter.mapping import SchemaError, import_schema, table_from_json, table_to_json
from azure_adapter.mapping.rows import MappingTableError
from azure_adapter.sync.config import DeletionPolicy
from azure_adapter.sync.nesting import NestedGroups
from gateway.cli.connection import EnrollmentOption
from gateway.cli.console import FAILED, USAGE, CliError, say, say_json, say_table
from gateway.cli.opened import AsJson, SyncId, actor, opened, read_json
from gateway.cli.plans import LINES_SHOWN, plan_rows, say_plan, say_plan_json, say_summary
from gateway.cli.progress import RunDisplay
from gateway.cli.runs import apply_command
from gateway.server import run
from gateway.syncs.control import DeletedSync
from gateway.wiring import Gateway
from gateway.work.describing import described
from gateway.work.edits import read_edit
from gateway.work.looking import TestedMapping, checked_target, try_mapping
from gateway.work.saving import save_or_preview
from scim.provisioning.records import RunStatus, UniqueField
from scim.provisioning.source import ObjectKind
from storage.access import UserSyncRecord

FileOrStdin = Annotated[
    str, typer.Argument(metavar="FILE", help="JSON file; - reads standard input.")
]

mapping = typer.Typer(help="The attribute mapping of a user sync.", no_args_is_help=True)
scope = typer.Typer(help="Who and what a user sync provisions.", no_args_is_help=True)
target = typer.Typer(help="The SCIM server that a user sync feeds.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands to those of ``connection``."""
    for command in (show, edit, pause, resume, delete):
        app.command()(command)
    app.command("invite-existing")(invite_existing)
    for name, group in (("mapping", mapping), ("scope", scope), ("target", target)):
        app.add_typer(group, name=name)


def show(sync_id: SyncId, as_json: AsJson = False) -> None:
    """Show everything about a user sync; nothing secret."""

    async def work() -> dict[str, Any]:
        async with opened(sync_id) as (gateway, sync):
            return described(gateway, sync)

    shown = run(work())
    if as_json:
        say_json(shown)
        return
    for name, value in shown.items():
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        say(f"{name:15} {text if name != 'mapping' else '(see `connection mapping show`)'}")


def edit(
    sync_id: SyncId,
    name: Annotated[str | None, typer.Option(help="A descriptive name.")] = None,
    enrollment: Annotated[
        EnrollmentOption | None,
        typer.Option(help="What happens to new users' e-mail addresses; concerns new users only."),
    ] = None,
    unique_field: Annotated[
        UniqueField | None, typer.Option(help="How an existing user is found the first time.")
    ] = None,
    deletion: Annotated[
        DeletionPolicy | None,
        typer.Option(help="What a deletion in Azure does to a user. Previewed first."),
    ] = None,
    nested: Annotated[
        NestedGroups | None,
        typer.Option(help="What becomes of groups in groups. Previewed first."),
    ] = None,
    report_email: Annotated[
        str | None, typer.Option(help="Who gets the sync reports; '' for nobody.")
    ] = None,
    safeguard_percent: Annotated[
        int | None, typer.Option(help="Hold what is more than so many percent.")
    ] = None,
    safeguard_at_least: Annotated[
        int | None, typer.Option(help="Never hold fewer objects than this.")
    ] = None,
    safeguards: Annotated[
        bool | None, typer.Option("--safeguards/--no-safeguards", help="Hold anything at all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change a user sync. What decides about people who are synced is only previewed.

    Then the command that saves and applies it is printed. `connection mapping`, `scope` and
    `target` change those, `sync schedule` the schedule.
    """
    limits = {
        "percent": safeguard_percent,
        "at_least": safeguard_at_least,
        "enabled": safeguards,
    }
    given = {
        "name": name,
        "enrollment": enrollment.name if enrollment else None,
        "unique_field": unique_field.value if unique_field else None,
        "deletion_policy": deletion.value if deletion else None,
        "nested": nested.value if nested else None,
        "report_email": report_email,
        "safeguard": {key: value for key, value in limits.items() if value is not None} or None,
    }
    values = {key: value for key, value in given.items() if value is not None}
    if not values:
        raise CliError("Nothing to change. Say what, such as --name.", USAGE)
    raise typer.Exit(run(_edit(sync_id, values, as_json=as_json)))


async def _edit(sync_id: str, values: dict[str, Any], *, as_json: bool) -> int:
    async with opened(sync_id) as (gateway, sync):
        return await _saved_or_previewed(gateway, sync, values, as_json=as_json)


async def _saved_or_previewed(
    gateway: Gateway, sync: UserSyncRecord, values: dict[str, Any], *, as_json: bool
) -> int:
    with RunDisplay(quiet=as_json) as display:
        draft = await save_or_preview(
            gateway,
            sync.id,
            read_edit(values),
            trigger="cli",
            actor=actor(),
            progress=display.show,
        )
    if draft is None:
        if as_json:
            say_json(described(gateway, await gateway.connection(sync.id)))
        else:
            say("Saved.")
        return 0
    rows = plan_rows(gateway, sync.id, draft.id)
    if as_json:
        await say_plan_json(draft, rows)
    else:
        say_summary(f"{sync.name}, preview of the edit,", draft)
        await say_plan(rows, most=LINES_SHOWN)
        if draft.status is not RunStatus.failed:
            say("Nothing is saved yet. Save the edit and apply exactly this:")
            say(f"  {apply_command(sync.id, draft)}")
    return FAILED if draft.status is RunStatus.failed else 0


def pause(
    sync_id: SyncId,
    reason: Annotated[str, typer.Option(help="Why, for the others.")] = "",
    as_json: AsJson = False,
) -> None:
    """Stop schedule, retries and runs until it is resumed; a running run is cancelled."""

    async def work() -> dict[str, Any]:
        async with opened(sync_id) as (gateway, sync):
            await gateway.control.pause(sync.id, actor=actor(), reason=reason)
            return described(gateway, await gateway.connection(sync.id))

    _say_state(run(work()), "Paused.", as_json=as_json)


def resume(sync_id: SyncId, as_json: AsJson = False) -> None:
    """Let a paused user sync run again; what was missed is caught up once."""

    async def work() -> dict[str, Any]:
        async with opened(sync_id) as (gateway, sync):
            await gateway.control.resume(sync.id, actor=actor())
            return described(gateway, await gateway.connection(sync.id))

    _say_state(run(work()), "Resumed.", as_json=as_json)


def _say_state(shown: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        say_json(shown)
    else:
        say(sentence)


def delete(
    sync_id: SyncId,
    deactivate: Annotated[
        bool, typer.Option("--deactivate", help="Disable its users as well.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a user sync. Its users and groups stay, and go to the dashboard."""

    async def work() -> DeletedSync:
        async with opened(sync_id) as (gateway, sync):
            if not yes:
                typer.confirm(f"Delete the user sync {sync.name!r}?", abort=True, err=True)
            return await gateway.control.delete(sync.id, deactivate=deactivate, actor=actor())

    done = run(work())
    values = {
        "name": done.name,
        "users": done.users,
        "groups": done.groups,
        "deactivated": done.deactivated,
        "failed": done.failed,
    }
    if as_json:
        say_json(values)
    elif done.failed:
        say(f"{done.failed} could not be let go of; the user sync is still there. Repeat it.")
    else:
        say(
            f"Deleted {done.name}. {done.users} users ({done.deactivated} disabled) and "
            f"{done.groups} groups belong to the dashboard now."
        )
    raise typer.Exit(FAILED if done.failed else 0)


def invite_existing(
    sync_id: SyncId,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it, instead of only counting them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Have the next run invite users who were there before and are not verified."""

    async def work() -> int:
        async with opened(sync_id) as (gateway, sync):
            return await gateway.control.invite_existing(sync.id, dry=not apply, actor=actor())

    count = run(work())
    if as_json:
        say_json({"users": count, "applied": apply})
    elif apply:
        say(f"The next run invites {count} user(s); a preview shows them.")
    else:
        say(f"{count} user(s) would be invited. --apply has the next run do so.")


# -- mapping --------------------------------------------------------------------------------------


@mapping.command("show")
def show_mapping(sync_id: SyncId) -> None:
    """Print the attribute mapping as JSON, as `mapping set` reads it."""
    say_json(run(_part(sync_id, "mapping")))


@mapping.command("set")
def set_mapping(sync_id: SyncId, file: FileOrStdin, as_json: AsJson = False) -> None:
    """Replace the attribute mapping; previewed first, unless the user sync never ran."""
    values = {"mapping": read_json(file, "The mapping")}
    raise typer.Exit(run(_edit(sync_id, values, as_json=as_json)))


@mapping.command("import")
def import_mapping(
    sync_id: SyncId,
    file: FileOrStdin,
    save: Annotated[
        bool, typer.Option("--save", help="Make it the mapping (previewed first).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a schema exported from Entra, and print the mapping that comes of it, or save it."""
    schema = read_json(file, "The schema")

    async def work() -> int:
        async with opened(sync_id) as (gateway, sync):
            try:
                found = import_schema(schema, gateway.custom_targets)
            except SchemaError as error:
                raise CliError(str(error)) from None
            for left in found.left_out:
                typer.echo(f"Left out: {left.where} {left.target}: {left.reason}", err=True)
            for change in found.changed:
                typer.echo(f"Changed: {change}", err=True)
            table = table_to_json(found.table)
            if not save:
                say_json(table)
                return 0
            return await _saved_or_previewed(gateway, sync, {"mapping": table}, as_json=as_json)

    raise typer.Exit(run(work()))


@mapping.command("test")
def check_mapping(
    sync_id: SyncId,
    who: Annotated[
        str, typer.Argument(metavar="OBJECT", help="Its id; of a user also UPN or mail.")
    ],
    kind: Annotated[ObjectKind, typer.Option(help="Whether it is a user or a group.")] = (
        ObjectKind.user
    ),
    file: Annotated[
        Path | None, typer.Option(help="Test this mapping instead of the saved one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show row by row what the mapping does with one real object; nothing is changed."""

    async def work() -> TestedMapping:
        async with opened(sync_id) as (gateway, sync):
            table = None
            if file is not None:
                try:
                    table = table_from_json(
                        read_json(str(file), "The mapping"), gateway.custom_targets
                    )
                except MappingTableError as error:
                    raise CliError(str(error)) from None
            return await try_mapping(gateway, sync, kind, who, table)

    found = run(work())
    rows = [
        {
            "row": each.number,
            "target": each.row.target,
            "source": each.row.source,
            "outcome": each.outcome.value,
            "result": each.result,
            "notes": list(each.notes),
            "error": each.error,
        }
        for each in found.rows
    ]
    if as_json:
        say_json({"kind": found.kind.value, "source_id": found.source_id, "rows": rows})
    else:
        shown = [(r["row"], r["target"], r["outcome"], r["error"] or r["result"]) for r in rows]
        say_table(("row", "target", "outcome", "result"), shown)
    raise typer.Exit(FAILED if any(row["error"] for row in rows) else 0)


async def _part(sync_id: str, name: str) -> Any:
    async with opened(sync_id) as (gateway, sync):
        return described(gateway, sync)[name]


# -- scope and target ------------------------------------------------------------------------------


@scope.command("show")
def show_scope(sync_id: SyncId) -> None:
    """Print the scope as JSON, as `scope set` reads it."""
    say_json(run(_part(sync_id, "scope")))


@scope.command("set")
def set_scope(sync_id: SyncId, file: FileOrStdin, as_json: AsJson = False) -> None:
    """Replace the scope; previewed first, unless the user sync never ran."""
    values = {"scope": read_json(file, "The scope")}
    raise typer.Exit(run(_edit(sync_id, values, as_json=as_json)))


@target.command("show")
def show_target(sync_id: SyncId) -> None:
    """Print the remote SCIM server as JSON, without its secret; {} is this gateway."""
    say_json(run(_part(sync_id, "target")))


@target.command("set")
def set_target(sync_id: SyncId, file: FileOrStdin, as_json: AsJson = False) -> None:
    """Set the remote SCIM server; {} is this gateway. The secret goes into the same file."""
    values = {"target": read_json(file, "The target")}
    raise typer.Exit(run(_edit(sync_id, values, as_json=as_json)))


@target.command("check")
def check_target(sync_id: SyncId, as_json: AsJson = False) -> None:
    """Try out where the user sync writes to; nothing is changed."""

    async def work() -> dict[str, Any]:
        async with opened(sync_id) as (gateway, sync):
            return await checked_target(gateway, sync)

    found = run(work())
    if as_json:
        say_json(found)
    else:
        offers = [name for name, value in found.items() if value is True]
        told = f" It offers {', '.join(offers)}." if offers else ""
        say(f"{found['target']} can be written to.{told}")
