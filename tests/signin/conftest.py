"""Fixtures of the sign-in tests: commands on a database of their own, a simulated platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from starlette.applications import Starlette

from azure_adapter.simulator import Directory, GeneratorOptions, Simulator, create_app, generate
from gateway.cli import run as run_command
from tests.gateway.support import live_app

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def directory() -> Directory:
    return generate(Directory(seed=3), GeneratorOptions(users=12, groups=3, memberships=4))


@pytest.fixture
def served(directory: Directory) -> Iterator[tuple[str, Simulator]]:
    app: Starlette = create_app(directory, unattended="accept")
    with live_app(app) as url:
        yield url, app.state.simulator


@pytest.fixture
def cli(
    tmp_path: Path,
    sqlite_url: str,
    directory: Directory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    """Run a command; the gateway has an app registration of its own."""
    monkeypatch.setenv("EZTO_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("EZTO_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("EZTO_SECRET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("EZTO_AZURE_CLIENT_ID", directory.client_id)
    monkeypatch.setenv("EZTO_AZURE_CLIENT_SECRET", directory.client_secret)
    monkeypatch.delenv("EZTO_CLIENT_SECRET", raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = run_command(arguments)
        told = capsys.readouterr()
        return status, told.out, told.err

    return call
