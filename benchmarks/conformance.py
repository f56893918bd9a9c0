"""The conformance kit against scim2-server's own test server and against ours, in one run."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
from cryptography.fernet import Fernet

from benchmarks.postgres import durable_postgres
from gateway.server import bind

ROOT = Path(__file__).parents[1]
DEVIATIONS = ROOT / "conformance" / "deviations" / "ezto.json"

Counts = dict[str, tuple[int, int]]
"""Passed and failed checks by suite; a listed deviation counts as neither."""


def main(_options: list[str]) -> int:
    """Run the kit twice or thrice and print one table."""
    with tempfile.TemporaryDirectory() as folder, durable_postgres() as url:
        peer = _peer(Path(folder))
        ours = _ours(Path(folder) / "sqlite", f"sqlite://{folder}/sqlite/gateway.sqlite3")
        on_postgres = _ours(Path(folder) / "postgres", url)
    _print(peer, ours, on_postgres)
    return 0


def _print(peer: Counts, sqlite: Counts, postgres: Counts) -> None:
    print("| suite | scim2-server's test server | ours (SQLite) | ours (PostgreSQL) |")
    print("| --- | ---: | ---: | ---: |")
    for suite in sqlite:
        cells = [_cell(counts.get(suite, (0, 0))) for counts in (peer, sqlite, postgres)]
        print(f"| {suite} | {' | '.join(cells)} |")
    totals = [
        _cell((sum(passed for passed, _ in each.values()), sum(bad for _, bad in each.values())))
        for each in (peer, sqlite, postgres)
    ]
    print(f"| **all** | {' | '.join(totals)} |")


def _cell(counts: tuple[int, int]) -> str:
    passed, failed = counts
    return f"{passed} / {failed}"


def _peer(folder: Path) -> Counts:
    port, token = _free_port(), secrets.token_hex(16)
    command = [
        str(Path(sys.executable).parent / "scim2-server"),
        *("--port", str(port), "--bearer-token", token),
    ]
    with _running(command, dict(os.environ), f"http://127.0.0.1:{port}/v2/Schemas"):
        return _kit(folder / "peer.json", f"http://127.0.0.1:{port}/v2", token)


def _ours(folder: Path, database_url: str) -> Counts:
    folder.mkdir()
    variables = {
        **os.environ,
        "EZTO_DATABASE_URL": database_url,
        "EZTO_DATA_DIR": str(folder),
        "EZTO_SECRET_KEY": Fernet.generate_key().decode(),
        "EZTO_LOG_LEVEL": "warning",
        "EZTO_RATE_PER_SECOND": "0",
    }
    gateway = [sys.executable, "-m", "gateway"]
    tokens = {
        profile: subprocess.run(
            [*gateway, "token", "create", "--name", profile, "--profile", profile],
            env=variables,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for profile in ("generic", "entra", "okta")
    }
    port = _free_port()
    command = [*gateway, "serve", "--port", str(port)]
    further = [
        *("--profile-token", f"entra={tokens['entra']}"),
        *("--profile-token", f"okta={tokens['okta']}"),
        *("--deviations", str(DEVIATIONS)),
    ]
    url = f"http://127.0.0.1:{port}"
    with _running(command, variables, f"{url}/healthz"):
        return _kit(folder / "kit.json", f"{url}/scim/v2", tokens["generic"], further)


def _kit(report: Path, url: str, token: str, further: list[str] | None = None) -> Counts:
    command = [sys.executable, "-m", "conformance", "--url", url, "--token", token]
    done = subprocess.run(
        [*command, "--json", str(report), *(further or [])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.exists():
        raise SystemExit(f"The kit did not run against {url}: {done.stderr or done.stdout}")
    suites = json.loads(report.read_text())["suites"]
    return {name: (counts["passed"], counts["failed"]) for name, counts in suites.items()}


def _free_port() -> int:
    with bind("127.0.0.1", 0) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def _running(command: list[str], variables: dict[str, str], probe: str) -> Iterator[None]:
    """Run a server until the context closes; enter it once the server answers anything."""
    server = subprocess.Popen(
        command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while server.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(probe)
                break
        yield
    finally:
        server.kill()
        server.wait()
