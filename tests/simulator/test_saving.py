"""State in a file: everything comes back, and links go on working."""

from __future__ import annotations

import random
import stat
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette

from azure_adapter.simulator import (
    Directory,
    GeneratorOptions,
    Registration,
    Secret,
    StateError,
    churn,
    create_app,
    generate,
    load_app,
    save,
)
from azure_adapter.simulator.past import as_of
from azure_adapter.simulator.saving import document, load, parse
from tests.simulator.signin_support import refresh, tokens_for
from tests.simulator.support import Wire
from tests.simulator.test_past import frozen


def made(seed: int = 3) -> Directory:
    directory = generate(Directory(seed=seed), GeneratorOptions(users=40, groups=10, memberships=6))
    churn(directory, random.Random(seed), 120)
    return directory


def saved_of(app: Starlette) -> bytes:
    return b"".join(document(app.state.simulator))


class Reopened(Wire):
    """A wire to an application that exists already."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(app.state.simulator.directory)
        self.app = app
        self.simulator = app.state.simulator
        self._client._transport.app = app  # type: ignore[attr-defined]


def test_everything_comes_back(tmp_path: Path) -> None:
    app = Registration("shared", [Secret("s", 5.0)], ["pem"], ["http://localhost/x"])
    one = made()
    two = Directory("2" * 8, domain="fabrikam.example", display_name="Fabrikam", app=app)
    two.install(Registration("second"), granted=False).consents["somebody"] = {"User.Read"}
    two.mfa, two.admins, two.member_read_hidden = "required", {"x"}, True
    two.purge_tells_groups = False
    origin = create_app([one, two], page_size=7, expiry_form="gone", quota=9)
    path = tmp_path / "state.json"
    save(origin.state.simulator, path)
    save(origin.state.simulator, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]
    back = load_app(path, scatter=3)
    simulator = back.state.simulator
    assert (simulator.settings.page_size, simulator.settings.scatter) == (7, 3)
    for before, after in zip((one, two), simulator.directories.values(), strict=True):
        assert frozen(after) == frozen(before)
        assert after.position == before.position
        assert after.counts() == before.counts()
        assert after.installations == before.installations
        assert after.new_id() == before.new_id()
        for name in ("mfa", "admins", "member_read_hidden", "purge_tells_groups", "delta_epoch"):
            assert getattr(after, name) == getattr(before, name)
        for position in range(after.oldest_position, after.position, 17):
            assert frozen(as_of(after, position)) == frozen(as_of(before, position))
    again = churn(simulator.directory, random.Random(1), 50)
    assert again == churn(one, random.Random(1), 50)


def test_links_and_refresh_tokens_go_on(tmp_path: Path) -> None:
    directory = made()
    with Wire(directory, page_size=9) as wire:
        _, link = wire.chain("/users/delta?$select=displayName")
        page = wire.json("/groups/delta?$select=displayName,members")
        token = tokens_for(wire)["refresh_token"]
        save(wire.simulator, tmp_path / "state")
    with Reopened(load_app(tmp_path / "state")) as wire:
        assert wire.chain(link)[0] == []
        assert wire.json(page["@odata.nextLink"])["value"]
        assert refresh(wire, token).status_code == 200


def test_the_document_is_json_with_a_record_a_line() -> None:
    raw = saved_of(create_app(made()))
    whole = orjson.loads(raw)
    assert (whole["format"], whole["version"]) == ("ezto-azure-simulator", 1)
    lines = raw.splitlines()
    assert len(lines) == len(whole["records"]) + 2
    assert {one[0] for one in whole["records"]} == {"tenant", "object", "purged", "change"}


def test_an_empty_directory(tmp_path: Path) -> None:
    save(create_app(Directory()).state.simulator, tmp_path / "s")
    assert load(tmp_path / "s").directories[0].counts()["users"] == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [],
        lambda lines: [b"no json"],
        lambda lines: [b"{}"],
        lambda lines: [lines[0].replace(b"ezto-azure", b"other")],
        lambda lines: [lines[0].replace(b'"version":1', b'"version":2'), *lines[1:]],
        lambda lines: lines[:-1],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [*lines[:3], b'["dragon",1],', *lines[3:]],
        lambda lines: [*lines[:3], b'["object",{"kind":"user"}],', *lines[3:]],
        lambda lines: [*lines[:3], b"oops", *lines[3:]],
        lambda lines: [lines[0].replace(b'"apps":[', b'"apps":[1,'), *lines[1:]],
    ],
)
def test_what_is_no_state_is_refused(damage: Any) -> None:
    lines = saved_of(create_app(made())).splitlines()
    with pytest.raises(StateError):
        parse(damage(lines))


def test_a_state_through_the_control_endpoint() -> None:
    with Wire(made()) as wire:
        raw = wire.send("GET", "http://127.0.0.1/_simulator/snapshot").content
        before = frozen(wire.directory)
        churn(wire.directory, random.Random(1), 20)
        url = "http://127.0.0.1/_simulator/snapshot"
        assert wire.send("POST", url, content=b"nonsense").status_code == 400
        answer = wire.send("POST", url, content=raw)
        assert answer.json()["directories"][0]["tenant_id"] == wire.directory.tenant_id
        assert frozen(wire.simulator.directory) == before
        assert wire.get("/users").status_code == 401
