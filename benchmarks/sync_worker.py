"""The gateway's side of the sync benchmark, in a process of its own.

``python -m benchmarks.sync_worker DIRECTORY DATABASE_URL SIMULATOR_JSON`` creates a user sync, then
runs it once for each line of standard input (``full`` or ``incremental``) and prints a line of
JSON for each run.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from azure_adapter.sync.config import Enrollment
from gateway.connections import NewConnection
from gateway.logs import configure_logging
from gateway.server import run
from gateway.settings import Settings
from gateway.wiring import Gateway
from scim.provisioning.records import UniqueField


def peak_mb() -> float:
    """Return the most memory that this process held since :func:`forget_peak`, in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1_024
    return 0.0


def forget_peak() -> None:
    """Begin to measure the peak anew."""
    Path("/proc/self/clear_refs").write_text("5")


def connection_to(simulator: dict[str, Any]) -> NewConnection:
    """Return a user sync of a simulated directory."""
    return NewConnection(
        name="benchmark",
        azure_tenant=simulator["tenant_id"],
        client_id=simulator["client_id"],
        client_secret=simulator["client_secret"],
        enrollment=Enrollment.only_sync,
        unique_field=UniqueField.username,
        authority_url=simulator["url"],
        graph_url=simulator["url"],
    )


async def _serve(directory: Path, url: str, simulator: dict[str, Any]) -> None:
    settings = Settings(
        data_dir=directory, database_url=SecretStr(url), secret_key=SecretStr("A" * 43 + "=")
    )
    async with Gateway.open(settings) as gateway:
        sync_id = await gateway.create_connection(connection_to(simulator))
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            phases: dict[str, float] = {}
            forget_peak()
            began, cpu = time.perf_counter(), time.process_time()

            def seen(
                progress: Any, phases: dict[str, float] = phases, began: float = began
            ) -> None:
                phases[progress.phase] = time.perf_counter() - began

            record = await gateway.run_sync(sync_id, full=line == "full", progress=seen)
            told = {
                "seconds": time.perf_counter() - began,
                "cpu": time.process_time() - cpu,
                "peak_mb": peak_mb(),
                "status": record.status.value,
                "message": record.message,
                "counts": dict(record.counts),
                "phases": phases,
            }
            print(orjson.dumps(told).decode(), flush=True)


def main(arguments: list[str]) -> None:
    """Run until standard input ends."""
    directory, url, simulator = arguments
    configure_logging("warning", "json")
    run(_serve(Path(directory), url, orjson.loads(simulator)))


if __name__ == "__main__":
    os.environ.setdefault("EZTO_SMTP_URL", "")
    main(sys.argv[1:])
