"""A whole user sync: the simulator in a process of its own, over HTTP, on both databases.

Cycles: the first one, a full one without change, an incremental one without change, and an
incremental one with one in a hundred objects changed.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.postgres import durable_postgres

GATEWAY = Path(sys.executable).parent / "ezto-gateway"
CYCLES = ("first", "full, unchanged", "incremental, unchanged", "incremental, 1 % changed")
GOALS = (75.0, 20.0, 1.0, 5.0)
"""Seconds for 100,000 users, 5,000 groups and 500,000 memberships."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run of a sync.

    Attributes:
        name: which.
        seconds: by the clock.
        cpu: of the gateway's process, in seconds.
        peak_mb: the most memory it held meanwhile.
        told: what the worker told besides.
    """

    name: str
    seconds: float
    cpu: float
    peak_mb: float
    told: dict[str, Any]


@contextlib.contextmanager
def simulator(users: int, groups: int) -> Iterator[dict[str, Any]]:
    """Run a simulator; yields what it prints about itself."""
    command = [str(GATEWAY), "simulate", "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, "--users", str(users), "--groups", str(groups)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()


@contextlib.contextmanager
def worker(directory: Path, url: str, directory_of: dict[str, Any]) -> Iterator[Any]:
    """Run the gateway's side; yields a function that runs one cycle."""
    directory.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "benchmarks.sync_worker",
            str(directory),
            url,
            json.dumps(directory_of),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def cycle(name: str) -> Cycle:
        assert process.stdin is not None
        assert process.stdout is not None
        print("full" if name.startswith("full") else "incremental", file=process.stdin, flush=True)
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"The gateway died in the {name} cycle.")
        told = json.loads(line)
        if told["status"] not in ("succeeded", "incomplete", "quarantined"):
            raise RuntimeError(f"The {name} cycle {told['status']}: {told['message']}")
        return Cycle(name, told["seconds"], told["cpu"], told["peak_mb"], told)

    try:
        yield cycle
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()


def change(directory_of: dict[str, Any], changes: int) -> None:
    """Make people join, move, marry and leave."""
    port = directory_of["url"].rpartition(":")[2]
    command = [str(GATEWAY), "simulate-change", "--port", port, "--changes", str(changes)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def measure(url: str, scratch: Path, users: int, groups: int) -> list[Cycle]:
    """Run the four cycles on one database."""
    with simulator(users, groups) as found, worker(scratch, url, found) as cycle:
        cycles = []
        for name in CYCLES:
            if name.endswith("changed") and "1 %" in name:
                change(found, (users + groups) // 100)
            cycles.append(cycle(name))
            last = cycles[-1]
            print(f"  {name}: {last.seconds:.1f} s, {last.told['counts']}", file=sys.stderr)
            print(f"    {last.told['phases']}", file=sys.stderr)
    return cycles


def megabytes(scratch: Path) -> float:
    """Return the size of a SQLite database, its log included."""
    return sum(each.stat().st_size for each in scratch.glob("*.sqlite*")) / 1_000_000


def table(found: dict[str, list[Cycle]]) -> str:
    """Return the table in Markdown."""
    lines = [
        "| cycle | "
        + " | ".join(f"{name}, s (CPU s)" for name in found)
        + " | goal, s | peak MB |",
        "| --- |" + " ---: |" * (len(found) + 2),
    ]
    for place, name in enumerate(CYCLES):
        cells = [f"{each[place].seconds:.1f} ({each[place].cpu:.1f})" for each in found.values()]
        peak = " / ".join(f"{each[place].peak_mb:.0f}" for each in found.values())
        lines.append(f"| {name} | {' | '.join(cells)} | ≤ {GOALS[place]:g} | {peak} |")
    return "\n".join(lines)


def main(options: Sequence[str] = ()) -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks sync", description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--groups", type=int, default=5_000)
    parser.add_argument("--databases", default="sqlite,postgres")
    parser.add_argument("--quick", action="store_true", help="a smoke run: 1,000 users, 50 groups")
    arguments = parser.parse_args(list(options))
    users, groups = (1_000, 50) if arguments.quick else (arguments.users, arguments.groups)
    found: dict[str, list[Cycle]] = {}
    with tempfile.TemporaryDirectory(prefix="bench") as scratch:
        if "sqlite" in arguments.databases:
            directory = Path(scratch) / "sqlite"
            url = f"sqlite://{directory / 'gateway.sqlite'}"
            found["SQLite"] = measure(url, directory, users, groups)
            print(f"SQLite file: {megabytes(directory):,.0f} MB")
        if "postgres" in arguments.databases:
            with durable_postgres() as url:
                found["PostgreSQL"] = measure(url, Path(scratch) / "postgres", users, groups)
    print(f"\n{users:,} users, {groups:,} groups, about {groups * 100:,} memberships\n")
    print(table(found))
    return 0
