"""What the sign-in tests do on the command line, and in the browser beside it."""

from __future__ import annotations

import json
import queue
import socket
import threading
from typing import Any

import httpx
import pytest

from azure_adapter.simulator import Simulator
from gateway.cli import login
from tests.signin.conftest import Cli

Served = tuple[str, Simulator]


def created(cli: Cli, url: str, *more: str) -> str:
    status, out, err = cli(
        *("connection", "create", "--name", "Contoso", "--unique-field", "username"),
        *("--sign-in", "account", "--authority-url", url, "--graph-url", url),
        *more,
    )
    assert (status, err) == (0, "")
    return out.strip()


def status_of(cli: Cli, sync_id: str, *more: str) -> dict[str, Any]:
    _, out, _ = cli("connection", "status", sync_id, "--json", *more)
    found: dict[str, Any] = json.loads(out)
    return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def sign_in(
    cli: Cli,
    sync_id: str,
    monkeypatch: pytest.MonkeyPatch,
    *knocks: str,
    command: str = "login",
) -> tuple[int, str, list[httpx.Response]]:
    """Run ``connection login``, or ``consent``, while a browser opens what it prints."""
    told: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(login, "tell", told.put)
    port = free_port()
    seen: list[httpx.Response] = []

    def browse() -> None:
        with httpx.Client(timeout=20) as http:
            url = told.get(timeout=20)
            while not url.startswith("http"):
                url = told.get(timeout=20)
            seen.extend(http.get(f"http://127.0.0.1:{port}/callback{one}") for one in knocks)
            seen.append(http.get(url, follow_redirects=True))

    browser = threading.Thread(target=browse)
    browser.start()
    status, out, err = cli("connection", command, sync_id, "--port", str(port))
    browser.join(timeout=20)
    return status, out + err, seen
