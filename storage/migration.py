"""``python -m storage.migration NAME``: write the migration that the models ask for.

Compares the models with the state that the committed migrations lead to, and writes one file
with the difference into ``storage/migrations``. Indexes and collations are added by hand, as
``DialectSQL`` (see ``0002_indexes``).
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.writer import slugify_migration_name

from storage.database import Database


async def write_migration(name: str) -> list[Path]:
    """Write what is missing and return the files, none when models and migrations agree."""
    with tempfile.TemporaryDirectory() as directory:
        database = await Database.open(f"sqlite://{directory}/empty.sqlite3", shared=False)
        try:
            written = await _write(database, name)
        finally:
            await database.close()
    return written


async def _write(database: Database, name: str) -> list[Path]:
    with database.activated():
        apps = database._tortoise.apps
        assert apps is not None  # noqa: S101
        writers = await MigrationAutodetector(apps, database._config["apps"]).changes()
        for writer in writers:
            number = writer.name.partition("_")[0]
            writer.name = f"{number}_{slugify_migration_name(name)}"
        return [Path(writer.write()) for writer in writers]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: make migration NAME=what_changes")
    files = asyncio.run(write_migration(sys.argv[1]))
    sys.stdout.write("".join(f"{file}\n" for file in files) or "Nothing to do.\n")
