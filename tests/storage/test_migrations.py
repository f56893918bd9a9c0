"""Migrations bring an empty database to what the models say, also when processes race."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from tortoise.migrations.autodetector import MigrationAutodetector

from storage.database import Database
from storage.filters.json_nodes import root
from tests.databases import migrate, run, run_with

OPEN = """
import asyncio, sys
from storage.database import Database
from storage.filters.json_nodes import root

async def main():
    database = await Database.open(sys.argv[1])
    await database.close()

asyncio.run(main())
"""

EXPECTED = {
    "workspace", "scim_client", "scim_token", "audit", "resource", "resource_email",
    "membership", "external_id", "tombstone", "user_sync", "sync_cursor", "mirror_object",
    "mirror_member", "link", "sync_run", "plan_operation", "mail_outbox",
}  # fmt: skip


async def tables(database: Database) -> set[str]:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if database.dialect == "sqlite"
        else "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    return {row["name"] for row in await database.session.rows(query)}


def test_an_empty_database_gets_every_table(unmigrated_url: str) -> None:
    migrate(unmigrated_url)
    assert run_with(unmigrated_url, tables) >= EXPECTED


def test_migrating_again_changes_nothing(unmigrated_url: str) -> None:
    migrate(unmigrated_url)
    before = run_with(unmigrated_url, tables)
    migrate(unmigrated_url)
    assert run_with(unmigrated_url, tables) == before


def test_processes_that_start_together_take_turns(unmigrated_url: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, unmigrated_url],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    outcomes = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], outcomes
    assert run_with(unmigrated_url, tables) >= EXPECTED


def test_tasks_that_start_together_take_turns(unmigrated_url: str) -> None:
    async def both() -> None:
        opened = await asyncio.gather(
            *(Database.open(unmigrated_url, shared=False) for _ in range(2))
        )
        for database in opened:
            await database.close()

    run(both())


def test_models_and_migrations_agree(database_url: str) -> None:
    async def changes(database: Database) -> list[Any]:
        with database.activated():
            apps = database._tortoise.apps
            assert apps is not None
            detector = MigrationAutodetector(apps, database._config["apps"])
            return list(await detector.changes())

    found = run_with(database_url, changes)
    assert found == []


@pytest.mark.parametrize("url", ["mysql://localhost/x", "nothing"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        run(Database.open(url))


@pytest.mark.postgres
def test_what_is_compared_compares_binary(postgres_url: str) -> None:
    """The servers of tests have no other locale than C, so this looks at the declarations."""

    async def collations(database: Database) -> set[tuple[str, str]]:
        rows = await database.session.rows(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE collation_name = 'C'"
        )
        return {(row["table_name"], row["column_name"]) for row in rows}

    assert run_with(postgres_url, collations) >= {
        ("resource", "id"),
        ("resource", "user_name_key"),
        ("resource", "display_name_key"),
        ("resource_email", "value_key"),
        ("resource_email", "type_key"),
        ("external_id", "value_key"),
    }
    assert 'COLLATE "C"' in root("postgres", "r.search").at("title").text().text
