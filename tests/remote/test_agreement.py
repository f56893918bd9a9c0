"""Random operations: in process and over HTTP they have the same outcomes and the same effect."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azure_adapter.remote import RemoteSettings
from scim.provisioning.operations import Operation
from tests.databases import run
from tests.remote import support
from tests.remote.support import create_group, create_user, delete, members, opened, patch
from tests.remote.test_contract import facts, in_process

USERS = ("u0", "u1", "u2")
GROUPS = ("g0", "g1")
NAMES = ("ann", "Ann", "ben")

_numbers = itertools.count()

STEPS = st.one_of(
    st.tuples(st.just("create"), st.sampled_from(USERS), st.sampled_from(NAMES)),
    st.tuples(st.just("create"), st.sampled_from(GROUPS), st.just("Staff")),
    st.tuples(st.just("rename"), st.sampled_from(USERS), st.sampled_from(NAMES)),
    st.tuples(st.just("title"), st.sampled_from(USERS), st.sampled_from(["", "Chief", "Nurse"])),
    st.tuples(st.just("delete"), st.sampled_from((*USERS, *GROUPS)), st.just("")),
    st.tuples(
        st.sampled_from(["add", "remove"]),
        st.sampled_from(GROUPS),
        st.sets(st.sampled_from((*USERS, *GROUPS)), min_size=1, max_size=3),
    ),
)
BATCHES = st.lists(st.lists(STEPS, min_size=1, max_size=6), min_size=1, max_size=5)


class Player:
    """Plays steps on one target; slots stand for the resources, whatever their ids are there."""

    def __init__(self, target: Any, mark: str) -> None:
        self._target = target
        self._mark = mark
        self._ids: dict[str, str] = {}
        self._alive: set[str] = set()

    async def play(self, batch: Sequence[Any]) -> list[tuple[int, str]]:
        """Apply a batch; returns what each step came to."""
        chosen: list[tuple[Any, Operation]] = []
        for step in batch:
            taken = {each[0][1] for each in chosen if each[0][0] == "create"}
            operation = None if step[1] in taken else self._operation(step)
            if operation is not None:
                chosen.append((step, replace(operation, phase=1)))
        outcomes = await self._target.apply([each for _, each in chosen])
        for (step, _), outcome in zip(chosen, outcomes, strict=True):
            if step[0] == "create" and outcome.ok:
                self._ids[step[1]] = outcome.resource_id
                self._alive.add(step[1])
            elif step[0] == "delete":
                self._alive.discard(step[1])
        return [_judged(each) for each in outcomes]

    def _operation(self, step: Any) -> Operation | None:
        kind, slot, value = step
        source_id = f"{self._mark}-{slot}"
        if kind == "create":
            if slot in self._alive:
                return None
            if slot in GROUPS:
                return create_group(source_id, value)
            return create_user(source_id, f"{self._mark}-{value}@x.com")
        if slot not in self._ids:
            return None
        path = f"/{'Groups' if slot in GROUPS else 'Users'}/{self._ids[slot]}"
        if kind == "delete":
            return delete(path)
        if kind == "rename":
            name = f"{self._mark}-{value}@x.com"
            return patch(path, {"op": "replace", "path": "userName", "value": name})
        if kind == "title":
            written = {"op": "replace", "path": "title", "value": value}
            return patch(path, written if value else {"op": "remove", "path": "title"})
        known = [self._ids[each] for each in sorted(value) if each in self._ids]
        return members(self._ids[slot], kind, known) if known else None

    async def state(self) -> dict[str, Any]:
        """Return what is there, by slot."""
        found = await self._target.read(list(self._ids.values()))
        slots = {resource_id: slot for slot, resource_id in self._ids.items()}
        state: dict[str, Any] = {slots[each]: facts(one) for each, one in found.items()}
        for slot in GROUPS:
            if slot in state:
                ids = await self._target.members(self._ids[slot])
                state[slot]["members"] = sorted(slots[each] for each in ids)
        return state


def _judged(outcome: Any) -> tuple[int, str]:
    """A deletion of what is gone is done, which in process the executor says."""
    gone = outcome.status == 204 or (outcome.status == 404 and not outcome.ok)
    return (404, "gone") if gone else (outcome.status, outcome.code)


@pytest.fixture(params=["in bulk", "singly"])
def second(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template_file: Path
) -> Iterator[RemoteSettings]:
    """A gateway to feed; singly also means one after the other, so that names have an order."""
    file = tmp_path / "second.sqlite"
    file.write_bytes(sqlite_template_file.read_bytes())
    with support.second_gateway(tmp_path, f"sqlite://{file}") as (reached, _):
        yield replace(reached, bulk=request.param == "in bulk", concurrency=1)


@given(batches=BATCHES)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_over_http_it_is_as_in_process(
    sqlite_url: str, second: RemoteSettings, batches: list[list[Any]]
) -> None:
    async def story() -> None:
        async with in_process(sqlite_url) as near, opened(second) as far:
            mark = f"m{next(_numbers)}"
            here, there = Player(near, mark), Player(far, mark)
            for batch in batches:
                assert await here.play(batch) == await there.play(batch)
                assert await here.state() == await there.state()

    run(story())
