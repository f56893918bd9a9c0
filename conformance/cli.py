"""The command line of the kit."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from conformance import catalogue, deviation_list, reports, session
from conformance.outcome import Report
from conformance.server import Refused, Server
from conformance.suites.base import Suite

FAILED, UNUSABLE = 1, 2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def conform(
    url: Annotated[str, typer.Option(help="Base address of the SCIM endpoints.")] = "",
    token: Annotated[
        str, typer.Option(envvar="SCIM_TOKEN", help="Bearer token; empty if none is needed.")
    ] = "",
    suite: Annotated[
        list[str] | None, typer.Option(help="Run this suite only; may be repeated.")
    ] = None,
    profile_token: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=TOKEN",
            help="Token of a client with another profile, used by the suites that want it, "
            "for instance entra=…; may be repeated.",
        ),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one HTML page to this file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write JSON to this file.")] = None,
    deviations: Annotated[
        Path | None, typer.Option(help="File of failures that are deliberate, with reasons.")
    ] = None,
    allow_existing: Annotated[
        bool, typer.Option("--allow-existing", help="Test a server that holds data.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show the checks that pass, too.")
    ] = False,
    list_suites: Annotated[bool, typer.Option("--list", help="List the suites and end.")] = False,
) -> None:
    """Test any SCIM 2.0 server. Exit status: 0 nothing failed, 1 something failed, 2 not run."""
    chosen = _chosen(suite or [])
    console = Console(soft_wrap=True, highlight=False)
    if list_suites:
        reports.console.listing(console, chosen)
        return
    if not url.startswith(("http://", "https://")):
        raise typer.BadParameter("give the server's address: --url https://…")
    listed = _deviations(deviations)
    shown = reports.console.Progress(console, verbose=verbose)
    profiles = _profiles(profile_token or [])
    with _terminable(), Server(url, token or None, profiles) as server:
        try:
            server.admit(allow_existing=allow_existing)
        except Refused as refusal:
            typer.echo(f"Refused: {refusal}", err=True)
            raise typer.Exit(UNUSABLE) from refusal
        shown.begin(server.url, server.prefix)
        report = session.run(server, chosen, listed, shown.tell)
    shown.close(report)
    _write(report, junit, html, json)
    console.print(report.closing(), markup=False)
    if not report.good:
        raise typer.Exit(FAILED)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a termination signal end a block as Ctrl-C does, so that it cleans up."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _chosen(names: list[str]) -> list[Suite]:
    known = {each.name: each for each in catalogue.suites()}
    if unknown := [each for each in names if each not in known]:
        raise typer.BadParameter(
            f"no suite {', '.join(unknown)}; there are {', '.join(known)}", param_hint="--suite"
        )
    return [each for name, each in known.items() if name in names or not names]


def _profiles(options: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in options]
    if any(not name or not token for name, _, token in pairs):
        raise typer.BadParameter("give it as NAME=TOKEN", param_hint="--profile-token")
    return {name: token for name, _, token in pairs}


def _deviations(path: Path | None) -> list[deviation_list.Deviation]:
    try:
        return deviation_list.read(path) if path else []
    except deviation_list.Unreadable as error:
        raise typer.BadParameter(str(error), param_hint="--deviations") from error


def _write(report: Report, junit: Path | None, html: Path | None, json: Path | None) -> None:
    if junit:
        junit.write_bytes(reports.junit.render(report))
    if html:
        html.write_text(reports.html.render(report), encoding="utf-8")
    if json:
        json.write_text(reports.data.render(report), encoding="utf-8")


def main() -> None:
    """Run the command line."""
    app(prog_name="python -m conformance")
