"""The whole conformance kit against a real server process, on both databases: no failure."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from gateway.server import bind
from tests.gateway.support import KEY

ROOT = Path(__file__).parents[2]


def environment(database_url: str, data: Path) -> dict[str, str]:
    return {
        **os.environ,
        "EZTO_DATABASE_URL": database_url,
        "EZTO_DATA_DIR": str(data),
        "EZTO_SECRET_KEY": KEY,
        "EZTO_LOG_LEVEL": "warning",
        # scim2-tester alone sends more than the default 100 requests a second.
        "EZTO_RATE_PER_SECOND": "0",
    }


def gateway(variables: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_the_kit_finds_no_failure(database_url: str, tmp_path: Path) -> None:
    variables = environment(database_url, tmp_path)
    tokens = {
        profile: gateway(variables, "token", "create", "--name", profile, "--profile", profile)
        for profile in ("generic", "entra", "okta")
    }
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--port", str(port)], env=variables
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_it_answers(server, url)
        kit = [
            *(sys.executable, "-m", "conformance", "--url", f"{url}/scim/v2"),
            *("--token", tokens["generic"], "--profile-token", f"entra={tokens['entra']}"),
            *("--profile-token", f"okta={tokens['okta']}"),
            *("--deviations", str(ROOT / "conformance" / "deviations" / "ezto.json")),
        ]
        done = subprocess.run(
            kit, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
        )
    finally:
        server.kill()
        server.wait()
    closing = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr
    passed, failed, _ = map(int, re.findall(r"\d+", closing))
    assert failed == 0
    assert passed > 400


def wait_until_it_answers(server: subprocess.Popen[bytes], url: str) -> None:
    while server.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
    raise AssertionError("the server ended before it answered")
