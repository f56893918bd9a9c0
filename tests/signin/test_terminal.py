"""Signing in from a terminal: consent, a browser elsewhere, and what is said."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from azure_adapter.graph import SignedIn
from azure_adapter.simulator import Directory
from gateway.cli import login
from tests.signin.commands import Served, created, sign_in, status_of
from tests.signin.conftest import Cli


def test_an_own_registration_without_a_credential_is_a_usage_error(
    cli: Cli, directory: Directory
) -> None:
    own = ("--azure-tenant", directory.tenant_id, "--client-id", directory.client_id)
    status, out, err = cli("connection", "create", "--name", "App", *own)
    assert (status, out) == (2, "")
    for way in ("EZTO_CLIENT_SECRET", "--client-secret", "--certificate", "--sign-in account"):
        assert way in err
    status, _, err = cli("connection", "create", "--name", "App", "--azure-tenant", "a b")
    assert status == 1
    assert "Azure tenant" in err


def test_consent_from_the_command_line(
    cli: Cli, served: Served, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, simulator = served
    sync_id = created(cli, url)
    directory.roles = []
    status, said, seen = sign_in(cli, sync_id, monkeypatch, "?state=x", command="consent")
    assert (status, [one.status_code for one in seen]) == (0, [400, 200]), said
    assert directory.tenant_id in said
    assert directory.roles
    assert status_of(cli, sync_id)["azure_tenant"] == directory.tenant_id
    simulator.settings.unattended = "consent_required"
    status, said, seen = sign_in(cli, sync_id, monkeypatch, command="consent")
    assert (status, seen[-1].status_code) == (1, 400)
    assert "did not consent" in said
    assert "did not consent" in seen[-1].text


def paste(monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str]) -> None:
    """Let a person elsewhere open the page, and paste what the browser ended at."""

    def tell(text: str) -> None:
        if text.startswith("http"):
            address = httpx.get(text).headers["location"]
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{change(address)}\n"))

    monkeypatch.setattr(login, "tell", tell)


def test_a_browser_on_another_machine(
    cli: Cli, served: Served, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_id = created(cli, served[0])
    paste(monkeypatch, lambda address: f" '{address}' ")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, out, err = cli("connection", "login", sync_id, "--paste", "--port", port)
        assert status == 0, err
        assert f"as admin@{directory.domain}" in out
        status, out, err = cli("connection", "login", sync_id, "--port", port)
        assert status == 1
        assert "--port" in err
    paste(monkeypatch, lambda _: "http://localhost:8400/")
    status, _, err = cli("connection", "login", sync_id, "--paste")
    assert status == 1
    assert "?code=" in err
    paste(monkeypatch, lambda address: address.replace("state=", "state=x"))
    status, _, err = cli("connection", "login", sync_id, "--paste")
    assert status == 1
    assert "does not belong" in err


def test_what_a_login_changes_is_said(
    cli: Cli, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_id = created(cli, served[0])
    _, said, _ = sign_in(cli, sync_id, monkeypatch)
    assert "pinned to this directory" in said
    _, said, _ = sign_in(cli, sync_id, monkeypatch)
    assert "pinned" not in said
    assert "Until now" not in said
    before: Any = SimpleNamespace(sign_in={"account": "bob@x", "mode": "app"}, azure_tenant="T")
    lines = login._what_changed(before, SignedIn("t", "", "ann@x", ("User.Read.All",), ""))
    assert lines == [
        "Signed in to the directory (t) as ann@x.",
        "Permissions: User.Read.All.",
        "Until now bob@x had signed in.",
        "The user sync reads as this account now, no longer as the application.",
    ]
