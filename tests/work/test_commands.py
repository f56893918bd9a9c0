"""The commands of a user sync, through the real command line against a simulated directory."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_adapter.simulator import Directory, GeneratorOptions, create_app, generate
from gateway.cli import run
from gateway.settings import PREFIX, Settings
from tests.gateway.support import KEY, live_app

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def environment(sqlite_url: str, tmp_path: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EZTO_")}
    return {
        **kept,
        "EZTO_DATABASE_URL": sqlite_url,
        "EZTO_DATA_DIR": str(tmp_path / "data"),
        "EZTO_SECRET_KEY": KEY,
        "EZTO_LOG_LEVEL": "warning",
    }


@pytest.fixture
def cli(
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str) -> tuple[int, str, str]:
        status = run(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def directory() -> Directory:
    directory = generate(Directory(seed=3), GeneratorOptions(users=10, groups=2, memberships=2))
    for user in list(directory.live("user")):
        if not user.attrs.get("mail"):
            directory.update_user(user.id, mail=f"{user.id}@contoso.onmicrosoft.com")
    return directory


@pytest.fixture
def sync(cli: Cli, directory: Directory) -> Iterator[str]:
    with live_app(create_app(directory)) as url:
        status, out, _ = cli(
            *("connection", "create", "--name", "Contoso", "--unique-field", "username"),
            *("--enrollment", "only-sync", "--azure-tenant", directory.tenant_id),
            *("--client-id", directory.client_id, "--client-secret", directory.client_secret),
            *("--authority-url", url, "--graph-url", url),
        )
        assert status == 0
        yield out.strip()


def printed(result: tuple[int, str, str]) -> Any:
    assert result[0] == 0, result
    return json.loads(result[1])


def command_in(out: str) -> list[str]:
    """Return the command that an answer tells to type."""
    (line,) = re.findall(r"^  ezto-gateway (sync apply .*)$", out, re.MULTILINE)
    return str(line).split()


def test_preview_apply_undo_and_drift(cli: Cli, sync: str, directory: Directory) -> None:
    status, out, _ = cli("sync", "preview", sync)
    assert status == 0
    status, out, _ = cli(*command_in(out))
    assert (status, "succeeded" in out) == (0, True)
    status, _, err = cli("sync", "apply", sync, "nothing", "--checksum", "x")
    assert (status, "no run" in err) == (1, True)
    assert printed(cli("sync", "drift", sync, "--json"))["operations"] == []
    assert printed(cli("sync", "drift", sync, "--repair", "--json"))["status"] == "succeeded"
    assert printed(cli("sync", "retry", sync, "--json"))["trigger"] == "cli"
    assert printed(cli("sync", "cancel", sync, "--json")) == {"cancelled": False}
    runs = printed(cli("sync", "history", sync, "--json"))
    assert {each["trigger"] for each in runs} == {"cli"}
    first = next(each for each in runs if each["users"]["created"] and not each["preview"])
    plan = printed(cli("sync", "undo", sync, first["run"], "--json"))
    assert plan["summary"]["kind"] == "undo"
    assert printed(cli("connection", "show", sync, "--json"))["paused"] is True
    status, _, err = cli("sync", "run", sync)
    assert (status, "paused" in err) == (1, True)
    assert cli("connection", "resume", sync)[0] == 0


def test_held_operations(cli: Cli, sync: str, directory: Directory) -> None:
    assert cli("sync", "run", sync)[0] == 0
    for user in list(directory.live("user")):
        directory.delete_user(user.id)
    status, out, _ = cli("sync", "run", sync, "--json")
    assert status == 3
    run_id = json.loads(out)["run"]
    rows = printed(cli("sync", "history", sync, "--run", run_id, "--json"))["operations"]
    held = [str(row["seq"]) for row in rows if row["status"] == "held"]
    discarded = cli("sync", "discard", sync, run_id, "--seq", held[0], "--json")
    assert printed(discarded) == {"discarded": 1}
    status, out, _ = cli("sync", "allow", sync, run_id, "--seq", held[1], "--json")
    assert json.loads(out)["users"]["deleted"] == 1
    status, _, err = cli("sync", "discard", sync, run_id, "--seq", held[0])
    assert (status, err.count("\n")) == (1, 1)


def test_one_person(cli: Cli, sync: str, directory: Directory) -> None:
    user = next(iter(directory.live("user")))
    name = user.attrs["userPrincipalName"]
    report = printed(cli("sync", "on-demand", sync, name, "--json"))
    assert (report["applied"], len(report["steps"])) == (False, 5)
    status, out, _ = cli("sync", "on-demand", sync, name, "--apply")
    assert (status, "provisioned" in out) == (0, True)
    assert cli("sync", "on-demand", sync, "nobody@contoso.com")[0] == 1
    told = printed(cli("sync", "explain", name, "--json"))
    assert told["standings"][0]["source_id"] == user.id
    status, out, _ = cli("sync", "explain", user.id)
    assert (status, "create" in out) == (0, True)
    assert cli("sync", "explain", "nobody")[0] == 1
    tested = printed(cli("connection", "mapping", "test", sync, name, "--json"))
    assert tested["source_id"] == user.id


def test_a_schedule(cli: Cli, sync: str) -> None:
    assert "only when somebody starts it" in cli("sync", "schedule", sync)[1]
    shown = printed(
        cli("sync", "schedule", sync, "--cron", "30 2 * * *", "--time-zone", "UTC", "--json")
    )
    assert len(shown["next"]) == 5
    shown = printed(cli("sync", "schedule", sync, "--every-minutes", "40", "--json"))
    assert shown["settings"] == {"every_minutes": 40}
    assert printed(cli("sync", "schedule", sync, "--off", "--json"))["active"] is False
    status, _, err = cli("sync", "schedule", sync, "--cron", "nonsense")
    assert (status, "five" in err or "fields" in err) == (1, True)
    assert printed(cli("sync", "schedule", sync, "--never", "--json"))["settings"] == {}


def test_edits(cli: Cli, sync: str, tmp_path: Path) -> None:
    assert cli("connection", "edit", sync)[0] == 2
    assert "Saved." in cli("connection", "edit", sync, "--name", "Other", "--deletion", "delete")[1]
    assert cli("sync", "run", sync)[0] == 0
    status, out, _ = cli("connection", "edit", sync, "--deletion", "deactivate")
    assert (status, "Nothing is saved yet" in out) == (0, True)
    assert printed(cli("connection", "show", sync, "--json"))["deletion_policy"] == "delete"
    assert cli(*command_in(out))[0] == 0
    assert printed(cli("connection", "show", sync, "--json"))["deletion_policy"] == "deactivate"
    for part in ("mapping", "scope", "target"):
        file = tmp_path / f"{part}.json"
        file.write_text(cli("connection", part, "show", sync)[1])
        assert cli("connection", part, "set", sync, str(file))[:2] == (0, "Saved.\n")
        file.write_text('{"nonsense": 1}')
        status, _, err = cli("connection", part, "set", sync, str(file))
        assert (status, err.count("\n")) == (1, 1)
        file.write_text("{")
        status, _, err = cli("connection", part, "set", sync, str(file))
        assert (status, "is no JSON" in err) == (2, True)
    assert cli("connection", "mapping", "import", sync, str(tmp_path / "nothing"))[0] == 2
    assert printed(cli("connection", "target", "check", sync, "--json"))["target"] == "this gateway"
    assert printed(cli("connection", "pause", sync, "--reason", "x", "--json"))["paused"] is True
    assert cli("connection", "resume", sync)[0] == 0
    assert printed(cli("connection", "invite-existing", sync, "--json"))["applied"] is False
    assert printed(cli("connection", "delete", sync, "--yes", "--json"))["failed"] == 0
    assert cli("connection", "show", sync)[0] == 1


def test_api_tokens(cli: Cli) -> None:
    status, token, err = cli("api-token", "create", "--name", "ci", "--role", "user_manager")
    assert (status, token[:9], token.count("\n"), err) == (0, "ezto_api_", 1, "")
    (listed,) = printed(cli("api-token", "list", "--json"))
    assert (listed["name"], listed["role"], listed["state"]) == ("ci", "user_manager", "live")
    assert cli("api-token", "revoke", listed["id"])[0] == 0
    assert cli("api-token", "revoke", listed["id"])[0] == 1
    assert printed(cli("api-token", "list", "--json")) == []
    assert cli("api-token", "create", "--name", "ci", "--role", "king")[0] == 2


def test_workers_need_postgresql(cli: Cli) -> None:
    status, _, err = cli("worker")
    assert (status, err.count("\n")) == (1, 1)
    assert "serve" in err


def test_serve_does_what_was_asked_over_the_api_and_is_alone(
    cli: Cli, sync: str, environment: dict[str, str]
) -> None:
    _, token, _ = cli("api-token", "create", "--name", "ci", "--role", "user_manager")
    command = [sys.executable, "-m", "gateway", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            url = process.stderr.readline().split()[3].removesuffix("/scim/v2")
            second = subprocess.run(
                command, capture_output=True, text=True, env=environment, timeout=60, check=False
            )
            assert second.returncode == 1
            assert "Another server process" in second.stderr
            with httpx.Client(
                base_url=url, headers={"Authorization": f"Bearer {token.strip()}"}, timeout=60
            ) as http:
                asked = http.post(f"/api/v1/user-syncs/{sync}/runs")
                assert asked.status_code == 202
                request = asked.json()
                while request["status"] in ("queued", "taken"):
                    request = http.get(asked.headers["location"], params={"wait": 30}).json()
                assert request["status"] == "done"
                run = http.get(f"/api/v1/user-syncs/{sync}/runs/{request['run']}").json()
                assert (run["status"], run["trigger"]) == ("succeeded", "api")
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
