"""What ``docs/simulator.md`` says is so."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import get_args

import orjson
import pytest

from azure_adapter.simulator import Directory, Settings
from azure_adapter.simulator.changes import _OPERATIONS
from azure_adapter.simulator.control import control_routes
from azure_adapter.simulator.faults import Effect
from azure_adapter.simulator.settings import DIRECTORY_VARIATIONS, VARIATIONS
from tests.simulator.support import Wire

TEXT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
EXAMPLES = re.findall(r"```http\n(GET|POST) (/_simulator/[\w-]+)\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("method", "path", "body"), EXAMPLES)
def test_examples_work(method: str, path: str, body: str) -> None:
    sent = {"json": orjson.loads(body)} if body else {}
    with Wire(Directory()) as wire:
        answer = wire.send(method, f"http://127.0.0.1{path}", **sent)
        assert answer.status_code == 200, answer.text
        assert "simulator" in answer.text


def test_every_operation_effect_and_setting_is_described() -> None:
    shown = {path for _, path, _ in EXAMPLES}
    assert {route.path for route in control_routes()} == shown
    names = set(re.findall(r"`(\w+)`", TEXT)) | set(re.findall(r'"op": "(\w+)"', TEXT))
    assert set(get_args(Effect)) <= names
    assert set(_OPERATIONS) <= names
    assert {one.name for one in dataclasses.fields(Settings)} <= names
    starred = set(re.findall(r"`(\w+)`\*", TEXT))
    assert starred == set(VARIATIONS) | set(DIRECTORY_VARIATIONS)
