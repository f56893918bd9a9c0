"""The command line: what it refuses, what it leaves behind, what it says."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from conformance.cli import app
from tests.conformance.serving import TOKEN, Reference, serving
from tests.conformance.tiny import Tiny

USER = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "resident"}


def _run(*options: str) -> Result:
    return CliRunner().invoke(app, list(options))


def _last_line(result: Result) -> str:
    return result.stdout.strip().splitlines()[-1]


def test_nothing_failed_is_status_0() -> None:
    with serving(Reference()) as url:
        result = _run("--url", url, "--token", TOKEN, "--suite", "ping", "--suite", "keycloak")

    assert result.exit_code == 0, result.output
    assert _last_line(result) == "9 passed, 0 failed, 0 skipped"


def test_a_failure_is_status_1_and_tells_everything() -> None:
    with serving(Reference()) as url:
        result = _run("--url", url, "--token", TOKEN, "--suite", "wso2", "--verbose")

    assert result.exit_code == 1
    assert _last_line(result) == "3 passed, 1 failed, 0 skipped"
    assert "failed    add-member-again" in result.stdout
    assert "Rule: add of a member again in a value without path" in result.stdout
    assert "RFC 7644 §3.5.2.1" in result.stdout
    assert "Why it matters: Retries repeat it." in result.stdout
    assert ">>> PATCH http://127.0.0.1" in result.stdout
    assert "<<< 204" in result.stdout
    assert "passed    empty-schemas" in result.stdout
    assert "\x1b[" not in result.stdout
    assert TOKEN not in result.stdout


def test_a_server_that_holds_data_is_refused() -> None:
    app_ = Reference()
    with serving(app_) as url:
        _create(url)
        result = _run("--url", url, "--token", TOKEN, "--suite", "ping")

    assert result.exit_code == 2
    assert "holds data (1 in /Users)" in result.stderr
    assert app_.names == ["resident"]


def test_a_server_that_holds_data_keeps_it_when_allowed() -> None:
    app_ = Reference()
    with serving(app_) as url:
        _create(url)
        result = _run(
            *("--url", url, "--token", TOKEN, "--allow-existing"),
            *("--suite", "errors", "--suite", "sanity"),
        )

    assert result.exit_code == 1
    assert "put-on-collection" in result.stdout
    assert "the server holds data, which this check might harm" in result.stdout
    assert app_.names == ["resident"]


def _create(url: str) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/scim+json"}
    assert httpx.post(f"{url}/Users", json=USER, headers=headers).status_code == 201


def test_unusable_servers_are_refused() -> None:
    with serving(Reference()) as url:
        wrong = _run("--url", url, "--token", "wrong", "--suite", "ping")
        elsewhere = _run("--url", f"{url}/elsewhere", "--token", TOKEN, "--suite", "ping")
    away = _run("--url", url, "--token", TOKEN, "--suite", "ping")

    assert [wrong.exit_code, elsewhere.exit_code, away.exit_code] == [2, 2, 2]
    assert "is the token right?" in wrong.stderr
    assert "no SCIM list" in elsewhere.stderr
    assert "cannot be reached" in away.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give the server's address"),
        (["--url", "ftp://example.com"], "give the server's address"),
        (["--url", "http://127.0.0.1:9", "--suite", "nonsense"], "no suite nonsense"),
        (["--url", "http://127.0.0.1:9", "--profile-token", "entra"], "NAME=TOKEN"),
        (["--url", "http://127.0.0.1:9", "--deviations", "no-such-file"], "FileNotFoundError"),
    ],
)
def test_wrong_usage_is_status_2(options: list[str], message: str) -> None:
    result = _run(*options)

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_suites_are_listed() -> None:
    result = _run("--list")

    assert result.exit_code == 0
    assert {line.split()[0] for line in result.stdout.splitlines()} >= {"rfc", "entra", "pages"}


def test_deviations_are_accepted_with_their_reason(tmp_path: Path) -> None:
    listed = {"suite": "wso2", "check": "add-member-again", "reason": "we like it twice"}
    file = _deviations(tmp_path, [listed])
    with serving(Reference()) as url:
        result = _run("--url", url, "--token", TOKEN, "--suite", "wso2", "--deviations", file)

    assert result.exit_code == 0
    assert _last_line(result) == "3 passed, 0 failed, 0 skipped"
    assert "we like it twice" in result.stdout
    assert "1 accepted as listed deviations" in result.stdout


def test_a_deviation_that_does_not_occur_is_a_failure(tmp_path: Path) -> None:
    listed = [
        {"suite": "ping", "check": "find-by-userName", "reason": "it used to fail"},
        {"suite": "okta", "check": "deactivate", "reason": "its suite does not run"},
    ]
    file = _deviations(tmp_path, listed)
    with serving(Reference()) as url:
        result = _run("--url", url, "--token", TOKEN, "--suite", "ping", "--deviations", file)

    assert result.exit_code == 1
    assert _last_line(result) == "4 passed, 1 failed, 0 skipped"
    assert "ping: find-by-userName did not fail in this run" in result.stdout


def test_a_deviation_needs_a_reason(tmp_path: Path) -> None:
    file = _deviations(tmp_path, [{"suite": "ping", "check": "find-by-userName", "reason": " "}])
    result = _run("--url", "http://127.0.0.1:9", "--deviations", file)

    assert result.exit_code == 2


def _deviations(folder: Path, entries: list[dict[str, str]]) -> str:
    file = folder / "deviations.json"
    file.write_text(json.dumps({"deviations": entries}), encoding="utf-8")
    return str(file)


class _Watched(Tiny):
    """Tells when it holds three resources."""

    def __init__(self) -> None:
        super().__init__()
        self.filled = threading.Event()

    def _create(self, kind: str, body: bytes) -> tuple[int, object]:
        answer = super()._create(kind, body)
        if len(self.resources) >= 3:
            self.filled.set()
        return answer


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind(stop: signal.Signals) -> None:
    app_ = _Watched()
    with serving(app_) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "conformance", "--url", url, "--suite", "pages"],
            env={**os.environ, "SCIM_TOKEN": "tiny"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert app_.filled.wait(20)
        process.send_signal(stop)
        output, _ = process.communicate(timeout=20)

    assert process.returncode == 1
    assert app_.resources == {}
    assert "Interrupted" in output
