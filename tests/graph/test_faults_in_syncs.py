"""Faults during whole syncs: what ends, ends in step; what stops, says why and goes on.

Safeguards are off, so that nothing but care keeps a fault from deleting.
"""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from azure_adapter.graph import FastRead, GraphReader
from azure_adapter.simulator import (
    Directory,
    Fault,
    FaultPlan,
    GeneratorOptions,
    churn,
    generate,
)
from azure_adapter.simulator.faults import EFFECTS
from azure_adapter.simulator.settings import DIRECTORY_VARIATIONS, VARIATIONS
from tests.sync.world import World, assert_in_step, world

FAST = FastRead(least_users=1, least_groups=1, page=9, parallel=2)
MOST_RUNS = 8
ENDED = ("succeeded", "incomplete")
NOISY = ("httpx", "httpcore", "msal", "azure_adapter", "scim", "storage")

LOSSY_LISTING = frozenset({"stale"})
"""What a listing cannot notice: a replica that lacks the latest changes. A full sync mends it."""

LOSSY = frozenset({"omit_objects"})
"""What nobody can notice who does not know the objects yet. A full sync mends it."""


def directory(seed: int) -> Directory:
    one = generate(Directory(seed=seed), GeneratorOptions(users=16, groups=6, memberships=5))
    for entry in list(one.deleted("user")):
        one.purge_user(entry.id)
    return one


def reader_of(w: World, *, fast: bool, minimal: bool = False) -> GraphReader:
    return GraphReader(w.reader._client, FAST if fast else None, minimal=minimal)


def live(source: Directory) -> set[str]:
    return {one.id for kind in ("user", "group") for one in source.live(kind)}


async def stored(w: World) -> set[str]:
    return {*await w.users(), *await w.groups()}


async def members(w: World) -> set[tuple[str, str]]:
    return {(group, one) for group, (_, inside) in (await w.groups()).items() for one in inside}


def live_members(source: Directory) -> set[tuple[str, str]]:
    present = live(source)
    return {
        (group.id, one)
        for group in source.live("group")
        for one in source.members_of(group.id)
        if one in present
    }


async def run_until_it_ends(
    w: World, reader: GraphReader, *, full: bool = False, whole: bool = True
) -> list[str]:
    """Run until a run ends well; each that does not says why, and none deletes what is there.

    Nor does it remove memberships that are there, if the pages were whole.
    """
    codes = []
    for number in range(MOST_RUNS):
        before, inside = await stored(w), await members(w)
        run = await w.engine(source=reader).run(full=full and number == 0)
        w.runs.append(run)
        assert before & live(w.directory) <= await stored(w)
        if whole:
            assert inside & live_members(w.directory) <= await members(w)
        if run.status.value == "succeeded":
            return codes
        codes.append(run.code)
        if run.status.value == "failed":
            assert run.code
            assert run.message
            assert run.advice
    raise AssertionError(f"no run succeeded: {codes}")


async def assert_nothing_leaked(w: World, log: str) -> None:
    rows: list[Any] = []
    tables = await w.database.session.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    assert {"sync_run", "plan_operation"} <= {each["name"] for each in tables}
    for each in tables:
        rows += await w.database.session.rows(f'SELECT * FROM "{each["name"]}"')
    told = log + "".join(str(row) for row in rows)
    assert w.directory.client_secret not in told
    for token in w.simulator.tokens._grants:
        assert token not in told
    assert "Bearer eyJ" not in told
    assert "eyJ0eXAi" not in told


@contextmanager
def listening() -> Iterator[list[str]]:
    """Keep what the libraries that handle tokens log, at every level."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    keeper, loggers = Keeper(), [logging.getLogger(name) for name in NOISY]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.addHandler(keeper)
        one.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.removeHandler(keeper)
            one.setLevel(level)


def faults_of(effect: str) -> list[Fault]:
    """The fault in the middle of each chain, in batches, and at sign-in."""
    made: Any = effect
    common = {"times": 2, "retry_after": 0.25, "seconds": 0.01, "lag": 5, "index": 1}
    if effect == "clock_skew":
        common["seconds"] = 400.0
    if effect == "expire_delta":
        common["times"] = 1
    places = {"/v1.0/users": 2, "/v1.0/groups": 2, "/v1.0/$batch": 1, "/v1.0/directory": 1}
    return [Fault(made, path=path, nth=nth, **common) for path, nth in places.items()]


async def through_faults(
    url: str,
    source: Directory,
    first: Sequence[Fault],
    second: Sequence[Fault],
    *,
    fast: bool,
    minimal: bool = False,
    vary: int | None = None,
) -> list[str]:
    """An initial and an incremental cycle, each with faults; returns why runs stopped."""
    with listening() as lines:
        async with world(url, source, page_size=6, link_limit=9) as w:
            if vary is not None:
                w.simulator.vary(vary)
            reader = reader_of(w, fast=fast, minimal=minimal)
            codes = []
            for faults in (first, second):
                effects = {one.effect for one in faults}
                w.simulator.faults.faults.extend(replace(one, seen=0, fired=0) for one in faults)
                codes += await run_until_it_ends(
                    w, reader, whole=not effects & (LOSSY | LOSSY_LISTING)
                )
                w.simulator.faults.clear()
                if effects & (LOSSY | LOSSY_LISTING if fast else LOSSY):
                    await run_until_it_ends(w, reader, full=True)
                await settle(w, reader)
                churn(source, random.Random(4), 10)
            await run_until_it_ends(w, reader)
            await assert_nothing_leaked(w, "\n".join(lines))
            assert w.simulator.writes == []
            sent = {(one.method, one.path) for one in w.simulator.requests if one.method != "GET"}
            token = f"/{source.tenant_id}/oauth2/v2.0/token"
            assert sent <= {("POST", "/v1.0/$batch"), ("POST", token)}
    return codes


async def settle(w: World, reader: GraphReader) -> None:
    """What a fault held back (a stale page, a skipped object) comes with the next run."""
    await run_until_it_ends(w, reader)
    await assert_in_step(w)


@pytest.mark.parametrize("fast", [False, True], ids=["chain", "fast"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_each_fault_alone(effect: str, fast: bool, sqlite_url: str) -> None:
    source = directory(3)
    faults = faults_of(effect)
    codes = asyncio.run(through_faults(sqlite_url, source, faults, faults, fast=fast))
    if effect == "repeat_next_link":
        assert set(codes) <= {"loop", ""}


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # seeds do not shrink
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seeds=st.tuples(st.integers(0, 999), st.integers(0, 999)),
    fast=st.booleans(),
    minimal=st.booleans(),
    vary=st.one_of(st.none(), st.integers(0, 999)),
)
def test_faults_together(
    sqlite_template_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
    seeds: tuple[int, int],
    fast: bool,
    minimal: bool,
    vary: int | None,
) -> None:
    file = tmp_path_factory.mktemp("faults") / "gateway.sqlite"
    shutil.copyfile(sqlite_template_file, file)
    plans = [FaultPlan.random(seed, 6, effects=EFFECTS, within=9).faults for seed in seeds]
    asyncio.run(
        through_faults(
            f"sqlite://{file}",
            directory(sum(seeds) % 7),
            plans[0],
            plans[1],
            fast=fast,
            minimal=minimal,
            vary=vary,
        )
    )


OF_SIGN_IN = ("refresh_single_use", "interaction_error")
VARIED = [
    (name, value)
    for name, values in VARIATIONS.items()
    for value in values
    if name not in OF_SIGN_IN
]
VARIED += [(name, value) for name in DIRECTORY_VARIATIONS for value in (False, True)]


@pytest.mark.parametrize(("name", "value"), VARIED)
def test_each_uncertain_behaviour_through_whole_syncs(
    name: str, value: Any, sqlite_url: str
) -> None:
    """Either way, and an expired cursor in each form is a fresh initial cycle that says so."""
    source = directory(3)

    async def main() -> None:
        async with world(sqlite_url, source, page_size=6, link_limit=9) as w:
            if name in VARIATIONS:
                w.simulator.settings.change({name: value})
            else:
                setattr(source, name, value)
            reader = reader_of(w, fast=False)
            await settle(w, reader)
            for seed in range(2):
                churn(source, random.Random(seed), 12)
                await settle(w, reader)
                assert w.runs[-1].mode == "incremental"
            churn(source, random.Random(9), 12)
            source.expire_delta_tokens()
            await settle(w, reader)
            assert w.runs[-1].mode == "initial"
            for kind in ("users", "groups"):
                said = f"a fresh initial cycle of {kind}"
                assert sum(said in note for note in w.runs[-1].notes) == 1

    asyncio.run(main())


def test_a_run_that_is_cancelled_stops_at_once_and_goes_on_later(sqlite_url: str) -> None:
    source = directory(4)

    async def main() -> None:
        async with world(sqlite_url, source, page_size=6, link_limit=9) as w:
            w.simulator.faults.add(Fault("slow", path="/v1.0/users/delta", nth=2, seconds=4))
            reached = asyncio.Event()
            engine = w.engine(source=reader_of(w, fast=False))
            engine.progress = lambda _: reached.set()
            running = asyncio.create_task(engine.run())
            await reached.wait()
            began = time.monotonic()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert time.monotonic() - began < 1
            await settle(w, w.reader)
            asked = [one.path for one in w.simulator.requests if one.path == "/v1.0/users/delta"]
            assert len(asked) <= 6, "it began again"

    asyncio.run(main())


def test_a_full_cycle_only_reads(sqlite_url: str) -> None:
    source = directory(2)

    async def main() -> None:
        async with world(sqlite_url, source, page_size=6, link_limit=9) as w:
            reader = reader_of(w, fast=True)
            await run_until_it_ends(w, reader)
            churn(source, random.Random(1), 20)
            await run_until_it_ends(w, reader)
            await run_until_it_ends(w, reader, full=True)
            await assert_in_step(w)
            trace = list(w.simulator.requests)
            token = f"/{source.tenant_id}/oauth2/v2.0/token"
            others = {(one.method, one.path) for one in trace if one.method != "GET"}
            assert others == {("POST", token), ("POST", "/v1.0/$batch")}
            assert w.simulator.writes == []

    asyncio.run(main())
