"""``ezto-gateway sync on-demand`` and ``explain``: one person or group."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from azure_adapter.sync.explain import PastDecision
from azure_adapter.sync.steps import OnDemandReport, StepStatus
from gateway.cli.console import FAILED, CliError, say, say_json, say_table
from gateway.cli.opened import AsJson, SyncId, actor, opened
from gateway.cli.setup import load_settings
from gateway.server import run
from gateway.wiring import Gateway
from gateway.work.looking import Explanation, explained
from scim.provisioning.source import ObjectKind

MARKS = {StepStatus.succeeded: "ok", StepStatus.failed: "FAILED", StepStatus.skipped: "-"}

Kind = Annotated[ObjectKind, typer.Option("--kind", help="Whether it is a user or a group.")]


def on_demand(
    sync_id: SyncId,
    who: Annotated[
        str,
        typer.Argument(
            metavar="PERSON",
            help="Id, userPrincipalName or mail of a user; id or displayName of a group.",
        ),
    ],
    kind: Kind = ObjectKind.user,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it, instead of only showing what would be done.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Provision one person or group, in five steps that each say what they saw and why."""

    async def work() -> OnDemandReport:
        async with opened(sync_id) as (gateway, sync):
            return await gateway.control.on_demand(sync.id, kind, who, apply=apply, actor=actor())

    report = run(work())
    if as_json:
        say_json(asdict(report))
    else:
        _say_report(report)
    raise typer.Exit(0 if report.ok else FAILED)


def _say_report(report: OnDemandReport) -> None:
    done = "provisioned" if report.applied else "dry run"
    say(f"{report.kind.value} {report.label or report.identifier} ({done})")
    for step in report.steps:
        say(f"{step.name.value:6} {MARKS[step.status]:7} {step.reason} {step.advice}".rstrip())
    if report.run_id:
        say(f"run {report.run_id}")


def explain(
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO", help="Id in the directory, id of the user or group here, or a userName."
        ),
    ],
    workspace: Annotated[str, typer.Option(help="Workspace to look into.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Say why a person or group is in its state: where it stands, and every past decision."""

    async def work() -> Explanation:
        async with Gateway.open(load_settings()) as gateway:
            room = await gateway.workspaces.get(workspace)
            if room is None:
                raise CliError(f"There is no workspace {workspace!r}.")
            return await explained(gateway, room.row_id, who)

    found = run(work())
    if as_json:
        say_json(asdict(found))
    else:
        _say_explanation(found)


def _say_explanation(found: Explanation) -> None:
    for standing in found.standings:
        say(f"{standing.kind.value} {standing.source_id} in {standing.sync_name}:")
        for sentence in standing.sentences:
            say(f"  {sentence}")
    columns = ("when", "sync", "run", "by", "action", "status", "why")
    say_table(columns, [_decision_row(each) for each in found.decisions])


def _decision_row(each: PastDecision) -> tuple[Any, ...]:
    at = datetime.fromtimestamp(each.at / 1_000_000, UTC)
    by = f"{each.trigger}{f' ({each.actor})' * bool(each.actor)}"
    action = f"{each.action.value}{' (preview)' * each.preview}"
    why = f"{each.message} {each.advice}".strip()
    return (f"{at:%Y-%m-%d %H:%M}Z", each.sync_name, each.run_id, by, action, each.status, why)
