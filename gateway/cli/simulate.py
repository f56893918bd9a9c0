"""``ezto-gateway simulate``: a local Entra ID and Microsoft Graph, alone."""

import http.client
import uuid
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from starlette.applications import Starlette

from azure_adapter.simulator import (
    Directory,
    FaultPlan,
    GeneratorOptions,
    SimulatorServer,
    StateError,
    create_app,
    generate,
    load_app,
    save,
)
from gateway.cli.console import CliError, say, say_json, tell
from gateway.server import bind, run, until_stopped

CHANGE_SECONDS = 30


def simulate(
    port: Annotated[int, typer.Option(help="Port on loopback; 0 picks a free one.")] = 8365,
    users: Annotated[int, typer.Option(min=0, help="How many users.")] = 500,
    groups: Annotated[int, typer.Option(min=0, help="How many groups.")] = 40,
    seed: Annotated[int, typer.Option(help="One seed always gives the same directory.")] = 1,
    tenants: Annotated[int, typer.Option(min=1, max=20, help="How many directories.")] = 1,
    state: Annotated[
        Path | None, typer.Option(help="File to go on from, and to save to at the end.")
    ] = None,
    throttle: Annotated[bool, typer.Option("--throttle", help="Throttle as Graph does.")] = False,
    vary: Annotated[
        int | None, typer.Option(help="Seed that picks among uncertain behaviours.")
    ] = None,
    faults: Annotated[int | None, typer.Option(help="Seed of faults at random.")] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Registered redirect URI; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play Microsoft's sign-in and Graph on loopback until Ctrl-C."""
    if state is not None and state.exists():
        app = _opened(state)
    else:
        app = create_app(_directories(tenants, users, groups, seed))
    simulator = app.state.simulator
    simulator.settings.throttle = throttle
    if vary is not None:
        simulator.vary(vary)
    if faults is not None:
        simulator.faults = FaultPlan.random(faults, count=50, within=500)
    if redirect_uri:
        simulator.directory.installation.app.redirect_uris = list(redirect_uri)
    run(_simulate(app, port, state, as_json=as_json))


def _opened(state: Path) -> Starlette:
    try:
        return load_app(state)
    except (StateError, OSError) as error:
        raise CliError(f"{state} cannot be opened: {error}.") from None


def _directories(count: int, users: int, groups: int, seed: int) -> list[Directory]:
    """Generate directories that share one app; the first has the well-known tenant id."""
    first = Directory(seed=seed)
    others = [
        Directory(
            str(uuid.uuid5(uuid.NAMESPACE_URL, f"tenant {number}")),
            seed=seed + number,
            domain=f"fabrikam{number}.onmicrosoft.com",
            display_name=f"Fabrikam {number}",
            app=first.installation.app,
        )
        for number in range(2, count + 1)
    ]
    options = GeneratorOptions(users=users, groups=groups)
    return [generate(one, options) for one in (first, *others)]


async def _simulate(app: Starlette, port: int, state: Path | None, *, as_json: bool) -> None:
    bound = bind("127.0.0.1", port)
    simulator = app.state.simulator
    async with SimulatorServer(app, bound=bound) as server:
        if as_json:
            say_json(credentials(simulator.directory, server.url))
        else:
            _introduce(list(simulator.directories.values()), server.url)
        await until_stopped()
    if state is not None:
        save(simulator, state)
        tell(f"Saved to {state}.")


def credentials(directory: Directory, url: str) -> dict[str, str]:
    """Return what a connection to the simulated directory needs."""
    return {
        "url": url,
        "tenant_id": directory.tenant_id,
        "client_id": directory.client_id,
        "client_secret": directory.client_secret,
    }


def _introduce(directories: list[Directory], url: str) -> None:
    directory = directories[0]
    say(f"Simulated directory at {url}")
    say(f"tenant id: {directory.tenant_id}")
    say(f"client id: {directory.client_id}")
    say(f"client secret: {directory.client_secret}")
    for other in directories[1:]:
        say(f"further tenant id: {other.tenant_id} ({other.display_name})")
    say()
    app = (
        f"--client-id {directory.client_id} --client-secret '{directory.client_secret}' "
        f"--authority-url {url} --graph-url {url}"
    )
    say("Connect the gateway to it, by the application:")
    say(
        f"  ezto-gateway connection create --name Simulated --azure-tenant {directory.tenant_id} "
        f"{app}"
    )
    say("or by an administrator's login in a browser:")
    say(f"  ezto-gateway connection create --name Simulated --sign-in account {app}")
    say("  ezto-gateway connection login Simulated")
    say("Make it change:")
    say(f"  ezto-gateway simulate-change --port {url.rpartition(':')[2]} --changes 20")


def simulate_change(
    port: Annotated[int, typer.Option(help="Port of the running simulator.")] = 8365,
    changes: Annotated[int, typer.Option(min=1, max=100_000, help="About how many.")] = 20,
    seed: Annotated[int | None, typer.Option(help="Makes the same changes again.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Which directory, by id or domain.")] = None,
    operation: Annotated[
        str | None,
        typer.Option(help="Another operation, e.g. faults, settings, sign-in (docs/simulator.md)."),
    ] = None,
    body: Annotated[str, typer.Option(help="JSON body of the operation.")] = "{}",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a running simulator change: people join, move, marry, leave, return; groups too."""
    asked: dict[str, Any] = {"churn": changes} if operation is None else _parsed(body)
    if operation is None and seed is not None:
        asked["seed"] = seed
    if tenant is not None:
        asked["tenant"] = tenant
    report = _post(port, f"/_simulator/{operation or 'changes'}", asked)
    if as_json or "sentences" not in report:
        say_json(report)
        return
    for sentence in report["sentences"]:
        say(sentence)
    tell(f"{len(report['sentences'])} changes.")


def _parsed(body: str) -> dict[str, Any]:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        raise CliError("--body is a JSON object.")
    return parsed


def _post(port: int, path: str, body: dict[str, Any]) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CHANGE_SECONDS)
    try:
        connection.request("POST", path, orjson.dumps(body))
        answer = connection.getresponse()
        report = orjson.loads(answer.read())
    except (OSError, http.client.HTTPException, orjson.JSONDecodeError):
        raise CliError(
            f"No simulator answers on port {port}. Start one with "
            f"`ezto-gateway simulate --port {port}`."
        ) from None
    finally:
        connection.close()
    if answer.status != 200 or not report.get("simulator"):
        raise CliError(f"The simulator refused: {report.get('error', answer.status)}.")
    return dict(report)
