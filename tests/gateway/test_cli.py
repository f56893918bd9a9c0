"""The command line, command by command, against a simulator that really listens."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_adapter.simulator import Directory, GeneratorOptions, create_app, generate
from gateway.cli import run
from gateway.settings import PREFIX, Settings
from tests.gateway.support import KEY, LiveGateway, live_app

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _environment(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.setenv("EZTO_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("EZTO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("EZTO_SECRET_KEY", KEY)
    monkeypatch.delenv("EZTO_CLIENT_SECRET", raising=False)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*arguments: str) -> tuple[int, str, str]:
        status = run(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def directory() -> Directory:
    directory = generate(Directory(seed=3), GeneratorOptions(users=30, groups=4, memberships=5))
    for user in list(directory.live("user")):
        if not user.attrs.get("mail"):
            directory.update_user(user.id, mail=f"{user.id}@contoso.onmicrosoft.com")
    return directory


@pytest.fixture
def simulator(directory: Directory) -> Iterator[str]:
    with live_app(create_app(directory)) as url:
        yield url


@pytest.fixture
def sync_id(cli: Cli, directory: Directory, simulator: str) -> str:
    status, out, _ = cli(*connection_arguments(directory, simulator))
    assert status == 0
    return out.strip()


def connection_arguments(
    directory: Directory, url: str, secret: str = "simulator~secret"
) -> list[str]:
    return [
        *("connection", "create", "--name", "Contoso", "--azure-tenant", directory.tenant_id),
        *("--client-id", directory.client_id, "--client-secret", secret),
        *("--authority-url", url, "--graph-url", url),
    ]


@contextmanager
def started(
    *arguments: str, environment: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """A command in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def assert_sentence(err: str) -> None:
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


# -- token ---------------------------------------------------------------------------------


def test_a_token_is_alone_on_stdout_and_good_at_once(live: LiveGateway) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "gateway", "token", "create", "--name", "Okta"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    token, newline, rest = made.stdout.partition("\n")
    assert (token[:5], newline, rest, made.stderr) == ("ezto_", "\n", "", "")
    with live.client(token) as http:
        assert http.get("/Users").status_code == 200


def test_tokens_of_another_workspace_and_with_less(cli: Cli, live: LiveGateway) -> None:
    _, token, _ = cli("token", "create", "--workspace", "acme", "--read-only", "--profile", "entra")
    with live.client(token.strip()) as http:
        assert http.get("/Users").status_code == 200
        assert http.post("/Users", json={}).status_code == 403


# -- connection ------------------------------------------------------------------------------


def test_connections_are_created_and_listed(cli: Cli, sync_id: str) -> None:
    _, out, err = cli("connection", "list")
    assert (sync_id in out, err) == (True, "")
    _, out, _ = cli("connection", "list", "--json")
    (listed,) = json.loads(out)
    assert (listed["id"], listed["name"], listed["state"]) == (sync_id, "Contoso", "ready")
    assert "secret" not in out
    assert cli("connection", "list", "--workspace", "nowhere", "--json")[1].strip() == "[]"


def test_the_secret_comes_from_the_environment_or_stdin(
    cli: Cli, directory: Directory, simulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = connection_arguments(directory, simulator)
    without = [each for each in arguments if each not in ("--client-secret", "simulator~secret")]
    status, _, err = cli(*without)
    assert status == 2
    assert_sentence(err)
    monkeypatch.setenv("EZTO_CLIENT_SECRET", "simulator~secret")
    status, out, _ = cli(*without)
    assert status == 0
    assert cli("sync", "run", out.strip())[0] == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--azure-tenant", "../evil"),
        ("--client-id", ""),
        ("--name", " "),
        ("--graph-url", "http://example.com"),
        ("--graph-url", "nonsense"),
        ("--report-email", "nobody"),
    ],
)
def test_a_connection_that_could_never_work_is_refused(
    cli: Cli, directory: Directory, simulator: str, option: str, value: str
) -> None:
    status, out, err = cli(*connection_arguments(directory, simulator), option, value)
    assert (status, out) == (1, "")
    assert_sentence(err)


def test_a_name_is_taken_once(cli: Cli, sync_id: str, directory: Directory, simulator: str) -> None:
    status, _, err = cli(*connection_arguments(directory, simulator))
    assert status == 1
    assert_sentence(err)
    assert "Contoso" in err


# -- sync ------------------------------------------------------------------------------------


def test_preview_run_run_again_and_history(
    cli: Cli, sync_id: str, directory: Directory, live: LiveGateway, tmp_path: Path
) -> None:
    counts = directory.counts()
    status, out, _ = cli("sync", "preview", sync_id, "--json")
    plan = json.loads(out)
    assert status == 0
    assert plan["summary"]["preview"] is True
    assert sum(each["action"] == "create" for each in plan["operations"]) == (
        counts["users"] + counts["groups"]
    )
    with live.client() as http:
        assert http.get("/Users").json()["totalResults"] == 0
        status, out, err = cli("sync", "run", sync_id, "--json")
        assert (status, err) == (0, "")
        first = json.loads(out)
        assert first["status"] == "succeeded"
        assert first["users"]["created"] == counts["users"]
        assert first["groups"]["created"] == counts["groups"]
        assert first["duration_s"] > 0
        assert http.get("/Users").json()["totalResults"] == counts["users"]
    second = json.loads(cli("sync", "run", "Contoso", "--json")[1])
    assert second["mode"] == "incremental"
    assert second["users"] | {"unchanged": 0} == dict.fromkeys(second["users"], 0)
    full = json.loads(cli("sync", "run", sync_id, "--full", "--json")[1])
    assert (full["mode"], full["users"]["unchanged"]) == ("initial", counts["users"])
    history = json.loads(cli("sync", "history", sync_id, "--json")[1])
    assert [each["run"] for each in history][:3] == [full["run"], second["run"], first["run"]]
    assert len(list((tmp_path / "data" / "mail").glob("*-sync_report.eml"))) == 3
    assert len(list((tmp_path / "data" / "mail").glob("*-enrollment.eml"))) > 3


def test_what_a_person_sees(cli: Cli, sync_id: str, directory: Directory) -> None:
    _, out, _ = cli("sync", "preview", sync_id)
    assert "+ user" in out
    _, out, err = cli("sync", "run", sync_id)
    assert "Sync Contoso succeeded (" in out
    assert "Reading the directory" in err
    user = next(directory.live("user"))
    directory.update_user(user.id, jobTitle="Chief of \x1b[31mRed\x1b[0m")
    _, out, _ = cli("sync", "run", sync_id)
    assert "incremental" in out
    _, out, _ = cli("sync", "history", sync_id)
    assert out.splitlines()[0].split()[:2] == ["run", "started"]
    run_id = out.splitlines()[1].split()[0]
    _, out, _ = cli("sync", "history", sync_id, "--run", run_id, "--all")
    assert "title" in out
    assert "\x1b" not in out


def test_objects_that_fail_make_a_run_incomplete(
    cli: Cli, sync_id: str, directory: Directory
) -> None:
    user = next(directory.live("user"))
    directory.update_user(user.id, mail=None, proxyAddresses=[], otherMails=[])
    status, out, _ = cli("sync", "run", sync_id)
    assert status == 3
    assert "is incomplete" in out
    assert "no e-mail address" in out


def test_a_wrong_secret_fails_the_run_with_a_reason(
    cli: Cli, directory: Directory, simulator: str, tmp_path: Path
) -> None:
    _, out, _ = cli(*connection_arguments(directory, simulator, secret="wrong"))
    status, out, err = cli("sync", "run", out.strip())
    assert status == 1
    assert "failed" in out
    assert "secret" in out
    assert "Traceback" not in out + err
    (mail,) = (tmp_path / "data" / "mail").iterdir()
    assert b"Subject: Sync Contoso cannot sign in to Microsoft" in mail.read_bytes()


@pytest.mark.parametrize("command", ["run", "preview", "history"])
def test_an_unknown_sync_is_a_sentence(cli: Cli, command: str) -> None:
    status, out, err = cli("sync", command, "nothing")
    assert (status, out) == (1, "")
    assert_sentence(err)


# -- simulate --------------------------------------------------------------------------------


def test_a_running_simulator_changes(cli: Cli, simulator: str) -> None:
    port = simulator.rpartition(":")[2]
    status, out, _ = cli("simulate-change", "--port", port, "--changes", "5", "--seed", "1")
    assert status == 0
    assert 1 <= len(out.splitlines()) <= 5
    _, out, _ = cli("simulate-change", "--port", port, "--json")
    assert json.loads(out)["simulator"] is True


def test_changing_what_is_no_simulator_is_a_sentence(cli: Cli, live: LiveGateway) -> None:
    for port in ("1", live.url.rpartition(":")[2]):
        status, _, err = cli("simulate-change", "--port", port)
        assert status == 1
        assert_sentence(err)


def test_simulate_prints_its_credentials_and_stops_on_sigterm() -> None:
    with started("simulate", "--port", "0", "--users", "5", "--groups", "1") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        assert lines[0].startswith("Simulated directory at http://127.0.0.1:")
        assert [each.split(": ")[0] for each in lines[1:]] == [
            "tenant id",
            "client id",
            "client secret",
        ]
        url = lines[0].split()[-1]
        assert httpx.get(f"{url}/_simulator/state").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


# -- serve -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_serve_migrates_serves_and_stops_cleanly(how: signal.Signals, tmp_path: Path) -> None:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("EZTO_")},
        "EZTO_DATA_DIR": str(tmp_path / "fresh"),
        "PYTHONWARNINGS": "error",
    }
    with started("serve", "--port", "0", environment=environment) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("Serving SCIM at http://127.0.0.1:")
        assert httpx.get(f"{said.split()[3].removesuffix('/scim/v2')}/healthz").status_code == 200
        process.send_signal(how)
        assert process.wait(timeout=30) == 0
        rest = process.stderr.read()
    events = [json.loads(line)["event"] for line in rest.splitlines()]
    assert events == ["started", "request", "stopped"]


def test_a_taken_port_is_a_sentence(cli: Cli, live: LiveGateway) -> None:
    status, _, err = cli("serve", "--port", live.url.rpartition(":")[2])
    assert status == 1
    assert_sentence(err)
    assert "taken" in err


# -- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["sync"], ["sync", "run"], ["serve", "--port", "x"], ["connection", "create"]],
)
def test_a_mistyped_command_is_2(cli: Cli, arguments: list[str]) -> None:
    status, _, err = cli(*arguments)
    assert status == 2
    assert "Traceback" not in err


def test_help_needs_no_good_settings(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EZTO_PORT", "nonsense")
    for arguments in (["--help"], ["sync", "run", "--help"]):
        status, out, _ = cli(*arguments)
        assert (status, "Usage" in out) == (0, True)
    status, _, err = cli("serve")
    assert status == 1
    assert_sentence(err)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://localhost/x",
        "postgres://u:hunter2@127.0.0.1:1/x",
        "sqlite:///proc/nothing/gateway.sqlite3",
    ],
)
def test_a_database_that_cannot_be_opened_is_a_sentence(
    cli: Cli, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EZTO_DATABASE_URL", url)
    status, _, err = cli("connection", "list")
    assert status == 1
    assert_sentence(err)
    assert "EZTO_DATABASE_URL" in err
    assert "hunter2" not in err


# -- demo ------------------------------------------------------------------------------------


def test_the_demo_once(cli: Cli, tmp_path: Path) -> None:
    arguments = ("demo", "--once", "--users", "40", "--groups", "5", "--port", "0", "--seed", "7")
    status, out, _ = cli(*arguments, "--json")
    assert status == 0
    document: dict[str, Any] = json.loads(out)
    assert document["first"]["mode"] == "initial"
    assert document["first"]["users"]["created"] > 30
    assert document["second"]["mode"] == "incremental"
    assert document["changes"]
    assert Path(document["mails"]) == tmp_path / "data" / "demo" / "mail"
    mails = [file.name for file in Path(document["mails"]).iterdir()]
    assert len([name for name in mails if not name.endswith("-enrollment.eml")]) == 2
    status, out, _ = cli(*arguments)
    assert status == 0
    assert "The directory changes:" in out
    assert "What the sync did:" in out
    assert "curl -sH 'Authorization: Bearer ezto_" in out


def test_the_demo_serves_until_it_is_stopped() -> None:
    with started("demo", "--users", "10", "--groups", "2", "--port", "0") as process:
        assert process.stdout is not None
        lines = []
        while not (line := process.stdout.readline()).startswith("  curl"):
            lines.append(line)
        token, url = line.split("Bearer ")[1].split("' '")
        answer = httpx.get(url.strip().strip("'"), headers={"Authorization": f"Bearer {token}"})
        assert answer.json()["totalResults"] > 0
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
