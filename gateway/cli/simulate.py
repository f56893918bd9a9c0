"""``ezto-gateway simulate``: a local Entra ID and Microsoft Graph, alone."""

import http.client
from typing import Annotated, Any

import orjson
import typer

from azure_adapter.simulator import Directory, GeneratorOptions, create_app, generate
from gateway.cli.console import CliError, say, say_json, tell
from gateway.server import bind, run, serving, until_stopped

CHANGE_SECONDS = 30


def simulate(
    port: Annotated[int, typer.Option(help="Port on loopback; 0 picks a free one.")] = 8365,
    users: Annotated[int, typer.Option(min=0, help="How many users.")] = 500,
    groups: Annotated[int, typer.Option(min=0, help="How many groups.")] = 40,
    seed: Annotated[int, typer.Option(help="One seed always gives the same directory.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play Microsoft's sign-in and Graph on loopback until Ctrl-C."""
    directory = generate(Directory(seed=seed), GeneratorOptions(users=users, groups=groups))
    run(_simulate(directory, port, as_json=as_json))


async def _simulate(directory: Directory, port: int, *, as_json: bool) -> None:
    bound = bind("127.0.0.1", port)
    async with serving(create_app(directory), bound) as url:
        if as_json:
            say_json(credentials(directory, url))
        else:
            _introduce(directory, url)
        await until_stopped()


def credentials(directory: Directory, url: str) -> dict[str, str]:
    """Return what a connection to the simulated directory needs."""
    return {
        "url": url,
        "tenant_id": directory.tenant_id,
        "client_id": directory.client_id,
        "client_secret": directory.client_secret,
    }


def _introduce(directory: Directory, url: str) -> None:
    say(f"Simulated directory at {url}")
    say(f"tenant id: {directory.tenant_id}")
    say(f"client id: {directory.client_id}")
    say(f"client secret: {directory.client_secret}")
    say()
    say("Connect the gateway to it:")
    say(
        f"  ezto-gateway connection create --name Simulated --azure-tenant {directory.tenant_id} "
        f"--client-id {directory.client_id} --client-secret '{directory.client_secret}' "
        f"--authority-url {url} --graph-url {url}"
    )
    say("Make it change:")
    say(f"  ezto-gateway simulate-change --port {url.rpartition(':')[2]} --changes 20")


def simulate_change(
    port: Annotated[int, typer.Option(help="Port of the running simulator.")] = 8365,
    changes: Annotated[int, typer.Option(min=1, max=100_000, help="About how many.")] = 20,
    seed: Annotated[int | None, typer.Option(help="Makes the same changes again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a running simulator change: people join, move, marry, leave, return; groups too."""
    body: dict[str, Any] = {"churn": changes}
    if seed is not None:
        body["seed"] = seed
    report = _post(port, "/_simulator/changes", body)
    if as_json:
        say_json(report)
        return
    for sentence in report["sentences"]:
        say(sentence)
    tell(f"{len(report['sentences'])} changes.")


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
