"""``ezto-gateway simulate``: its options, and a state that is kept from one run to the next."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from azure_adapter.simulator import Directory, SimulatorServer, create_app
from gateway.cli import simulate as command
from gateway.cli.console import CliError


def run_once(capsys: pytest.CaptureFixture[str], work: Any = None, **options: Any) -> Any:
    """Run the command, ask it something while it runs, stop it as Ctrl-C does."""
    answers: list[Any] = []

    async def ended() -> None:
        url = orjson.loads(capsys.readouterr().out)["url"]
        async with httpx.AsyncClient(trust_env=False, base_url=url) as client:
            answers.append((await client.get("/_simulator/state")).json())
            if work is not None:
                await client.post("/_simulator/changes", json=work)
        os.kill(os.getpid(), signal.SIGINT)

    stop = command.until_stopped

    async def until_stopped() -> None:
        waiting = asyncio.create_task(stop())
        await asyncio.sleep(0)
        await ended()
        await waiting

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "until_stopped", until_stopped)
        command.simulate(**{**DEFAULTS, **options})
    return answers[0]


DEFAULTS: dict[str, Any] = {
    "port": 0, "users": 5, "groups": 2, "seed": 1, "tenants": 1, "state": None, "throttle": False,
    "vary": None, "faults": None, "redirect_uri": None, "as_json": True,
}  # fmt: skip


def test_a_state_is_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    user = {"op": "add_user", "userPrincipalName": "new@contoso.com", "displayName": "New"}
    first = run_once(capsys, {"changes": [user]}, state=path)
    assert first["directories"][0]["counts"]["users"] == 5
    second = run_once(capsys, state=path, users=99)
    assert second["directories"][0]["counts"]["users"] == 6


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    state = run_once(
        capsys,
        tenants=2,
        throttle=True,
        vary=3,
        faults=4,
        redirect_uri=["http://localhost/callback"],
    )
    one, two = state["directories"]
    assert one["client_id"] == two["client_id"]
    assert one["tenant_id"] != two["tenant_id"]
    assert one["apps"][0]["redirect_uris"] == ["http://localhost/callback"]
    assert state["settings"]["throttle"]
    assert len(state["faults"]) == 50


def test_what_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("nothing")
    with pytest.raises(CliError, match="cannot be opened"):
        command.simulate(**{**DEFAULTS, "state": tmp_path / "x"})


@contextmanager
def running() -> Iterator[int]:
    """Serve a simulator in a thread."""
    ready, stop, port = threading.Event(), asyncio.Event(), [0]

    async def main() -> None:
        async with SimulatorServer(create_app(Directory())) as server:
            port[0] = server.port
            ready.set()
            await stop.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    ready.wait(10)
    yield port[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def test_other_operations(capsys: pytest.CaptureFixture[str]) -> None:
    given: dict[str, Any] = {"changes": 3, "seed": None, "tenant": None, "as_json": False}
    with running() as port:
        command.simulate_change(port=port, operation="settings", body='{"page_size": 3}', **given)
        assert orjson.loads(capsys.readouterr().out)["settings"]["page_size"] == 3
        command.simulate_change(port=port, operation=None, body="{}", **{**given, "seed": 1})
        assert capsys.readouterr().out
        for operation, body in (("settings", "[]"), ("settings", "x"), ("settings", '{"x": 1}')):
            with pytest.raises(CliError):
                command.simulate_change(port=port, operation=operation, body=body, **given)
        with pytest.raises(CliError):
            command.simulate_change(
                port=port, operation=None, body="{}", **{**given, "tenant": "nobody"}
            )
