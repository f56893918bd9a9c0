"""Throughput of the SCIM endpoints, beside scim2-server in memory and a bare Starlette route.

Every contender is one server process on loopback under the same uvicorn settings. The runs of one
row are interleaved, and the median counts.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from benchmarks import load
from benchmarks.data import Ids, user
from benchmarks.load import Measured, Request
from benchmarks.postgres import durable_postgres

ROOT = "/scim/v2"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SQLITE, POSTGRES, PEER = "ours, SQLite", "ours, PostgreSQL", "scim2-server"
BARE = {SQLITE: "bare, SQLite", POSTGRES: "bare, PostgreSQL"}


@dataclass(slots=True)
class Contender:
    """A server that runs."""

    name: str
    url: str
    token: str
    ids: Ids
    sent: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        name: what is measured.
        requests: makes the requests of a contender.
        goals: times scim2-server, for SQLite and PostgreSQL.
        slow: scim2-server takes so long that each of its runs is one request a connection.
        limit: what limits our rate.
        members: the group whose members the requests add to, which is emptied of them after a run.
        bare: the least share of the bare route's rate.
    """

    name: str
    requests: Callable[[Ids, int], list[Request]]
    goals: tuple[float, float]
    limit: str
    slow: bool = False
    members: str = ""
    bare: float | None = None


def _get(ids: Ids, _round: int) -> list[Request]:
    step = 7_919  # a prime, so that neighbours in time are none in the table
    return [
        Request("GET", f"{ROOT}/Users/{ids.users[n * step % len(ids.users)]}") for n in range(5_000)
    ]


def _search(text: str) -> Request:
    return Request("GET", f"{ROOT}/Users?filter={quote(text)}")


def _by_name(ids: Ids, _round: int) -> list[Request]:
    numbers = (n * 7_919 % len(ids.users) for n in range(5_000))
    return [_search(f'userName eq "ann.{n:06d}@example.com"') for n in numbers]


def _by_email(ids: Ids, _round: int) -> list[Request]:
    numbers = (n * 7_919 % len(ids.users) for n in range(5_000))
    return [
        _search(f'emails[type eq "work" and value eq "ann.{n:06d}@example.com"]') for n in numbers
    ]


def _list(_ids: Ids, _round: int) -> list[Request]:
    return [Request("GET", f"{ROOT}/Users?count=100")]


def _last_page(ids: Ids, _round: int) -> list[Request]:
    return [Request("GET", f"{ROOT}/Users?startIndex={len(ids.users) - 99}&count=100")]


def _post(ids: Ids, round_: int) -> list[Request]:
    first = len(ids.users) + 1 + round_ * 20_000
    return [
        Request("POST", f"{ROOT}/Users", orjson.dumps(user(n)).decode())
        for n in range(first, first + 20_000)
    ]


def _operation(**operation: Any) -> str:
    return orjson.dumps({"schemas": [PATCH], "Operations": [operation]}).decode()


def _patch(ids: Ids, round_: int) -> list[Request]:
    return [
        Request(
            "PATCH",
            f"{ROOT}/Users/{ids.users[n * 7_919 % len(ids.users)]}",
            _operation(op="replace", path="title", value=f"Engineer {round_}-{n}"),
        )
        for n in range(10_000)
    ]


def _adding(group: str) -> Callable[[Ids, int], list[Request]]:
    def requests(ids: Ids, _round: int) -> list[Request]:
        path = f"{ROOT}/Groups/{getattr(ids, group)}"
        return [
            Request("PATCH", path, _operation(op="add", path="members", value=[{"value": each}]))
            for each in ids.spare
        ]

    return requests


LIBRARY = "the library's validation of the request, on one core"
ROWS = (
    Row("GET by id", _get, (8, 4.5), "the HTTP server", bare=0.9),
    Row("userName eq", _by_name, (8, 6), "the HTTP server, then reading the query"),
    Row("list of 100", _list, (100, 100), "gathering groups and sources of 100 users in SQL"),
    Row('emails[type eq "work" and value eq …]', _by_email, (20, 20), "as userName eq", slow=True),
    Row("last page of 100", _last_page, (20, 20), "stepping over 19,900 index entries", slow=True),
    Row("PATCH one attribute", _patch, (1.5, 1.5), LIBRARY),
    Row("add a member to 100", _adding("few"), (1, 1), LIBRARY, members="few"),
    Row(
        "add a member to 20,000", _adding("everyone"), (300, 300), LIBRARY, True, members="everyone"
    ),
    Row("POST", _post, (1.5, 1.5), LIBRARY),
)


@contextlib.contextmanager
def contender(
    name: str, kind: str, directory: Path, url: str, users: int, spare: int
) -> Iterator[Contender]:
    """Run a contender in a process of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.serve", kind, str(directory), url]
    process = subprocess.Popen(
        [*command, str(users), str(spare)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        told = process.stdout.readline()
        if not told:
            raise RuntimeError(f"{name} did not start")
        token = directory / "token"
        ids = directory / "ids.json"
        yield Contender(
            name,
            json.loads(told)["url"],
            token.read_text() if token.exists() else "",
            Ids.load(ids) if ids.exists() else Ids([], "", "", []),
        )
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()


@contextlib.contextmanager
def contenders(directory: Path, users: int, spare: int) -> Iterator[dict[str, Contender]]:
    """Run all contenders."""
    with contextlib.ExitStack() as stack:
        found: dict[str, Contender] = {}
        urls = {
            SQLITE: f"sqlite://{directory / 'gateway.sqlite'}",
            POSTGRES: stack.enter_context(durable_postgres()),
        }
        for name, url in urls.items():
            for kind, shown in (("gateway", name), ("bare", BARE[name])):
                opened = contender(shown, kind, directory / shown, url, users, spare)
                found[shown] = stack.enter_context(opened)
            found[BARE[name]].ids = found[name].ids
        opened = contender(PEER, "peer", directory / PEER, "", users, spare)
        found[PEER] = stack.enter_context(opened)
        yield found


def measure(row: Row, each: Contender, round_: int, seconds: float, scratch: Path) -> Measured:
    """Run one row once on one contender."""
    requests = row.requests(each.ids, round_)
    first = each.sent.get(row.name, 0) if not row.members or each.name == PEER else 0
    if each.name == PEER and row.slow:
        few = [requests[(first + n) % len(requests)] for n in range(load.CONNECTIONS)]
        measured = load.once(each.url, each.token, few)
    else:
        measured = load.run(each.url, each.token, requests, seconds, first, scratch)
    each.sent[row.name] = first + measured.requests
    if row.members and each.name != PEER:
        _take_out(row, each)
    return measured


def _take_out(row: Row, each: Contender) -> None:
    path = f"{ROOT}/Groups/{getattr(each.ids, row.members)}"
    for start in range(0, len(each.ids.spare), 1_000):
        gone = [{"value": own} for own in each.ids.spare[start : start + 1_000]]
        body = _operation(op="remove", path="members", value=gone)
        assert not load.once(each.url, each.token, [Request("PATCH", path, body)]).bad


Rates = dict[str, dict[str, list[Measured]]]


def run(rows: Sequence[Row], found: dict[str, Contender], arguments: Any, scratch: Path) -> Rates:
    """Measure every row, the contenders of a row in turn."""
    rates: Rates = {}
    for row in rows:
        named = {n: c for n, c in found.items() if row.bare or n not in BARE.values()}
        rates[row.name] = {name: [] for name in named}
        for each in named.values():
            if not row.members and not (each.name == PEER and row.slow):
                measure(row, each, arguments.rounds, 1, scratch)
        for round_ in range(arguments.rounds):
            for name, each in named.items():
                measured = measure(row, each, round_, arguments.seconds, scratch)
                rates[row.name][name].append(measured)
                print(f"  {row.name} · {name}: {measured.rate:,.1f}/s", file=sys.stderr)
    return rates


def median(measured: Sequence[Measured]) -> float:
    """Return the middle rate."""
    return statistics.median(each.rate for each in measured)


def table(rows: Sequence[Row], rates: Rates) -> str:
    """Return the table in Markdown."""
    lines = [
        "| answers a second | SQLite | PostgreSQL | scim2-server | × (goal), SQLite "
        "| × (goal), PostgreSQL | limited by |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        of = {name: median(each) for name, each in rates[row.name].items()}
        peer = of[PEER]
        ratios = [
            f"{of[name] / peer:,.1f} (≥ {goal:g})"
            for name, goal in zip((SQLITE, POSTGRES), row.goals, strict=True)
        ]
        cells = [f"{of[SQLITE]:,.0f}", f"{of[POSTGRES]:,.0f}", f"{peer:,.1f}", *ratios]
        lines.append(f"| {row.name} | {' | '.join(cells)} | {row.limit} |")
    return "\n".join(lines)


def remarks(rows: Sequence[Row], rates: Rates) -> list[str]:
    """Return what else the goals are about."""
    told = []
    for row in rows:
        if row.bare is None:
            continue
        for name, bare in BARE.items():
            route = median(rates[row.name][bare])
            share = median(rates[row.name][name]) / route
            told.append(
                f"{row.name}, {name}: {share:.2f} of the bare route ({route:,.0f}/s; goal ≥ "
                f"{row.bare:g})"
            )
    names = {row.members: row.name for row in rows if row.members}
    if len(names) == 2:
        for name in BARE:
            few, many = (median(rates[names[each]][name]) for each in ("few", "everyone"))
            told.append(
                f"adding a member to the large group costs {few / many:.2f}× the small one "
                f"({name}; goal ≤ 1.5)"
            )
    bad = sum(m.bad for row in rates.values() for each in row.values() for m in each)
    told.append(f"answers that were errors: {bad}")
    return told


def main(options: Sequence[str] = ()) -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks scim", description=__doc__)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rows", default="", help="part of the names of the rows to run")
    parser.add_argument("--quick", action="store_true", help="a smoke run: 500 users, one round")
    arguments = parser.parse_args(list(options))
    if arguments.quick:
        arguments.users, arguments.rounds, arguments.seconds = 500, 1, 1
    rows = [row for row in ROWS if arguments.rows in row.name]
    spare = 1_000 if arguments.quick else 6_000
    with (
        tempfile.TemporaryDirectory(prefix="bench") as scratch,
        contenders(Path(scratch), arguments.users, spare) as found,
    ):
        rates = run(rows, found, arguments, Path(scratch))
    print(
        f"{arguments.users:,} users, {load.generator()}, {load.CONNECTIONS} connections, ", end=""
    )
    print(f"medians of {arguments.rounds} interleaved runs of {arguments.seconds:g} s\n")
    print(table(rows, rates))
    for each in remarks(rows, rates):
        print(f"- {each}")
    return 0
