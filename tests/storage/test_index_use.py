"""What identity providers ask for is answered through an index, on both databases."""

import asyncio
import re
from typing import Any

import pytest
from scim2_models import SearchRequest

from scim.provisioning.records import UniqueField
from storage.database import Database
from storage.filters.sql import TRUE
from storage.resources import lookups
from storage.resources.store import ResourceStore
from tests.storage.test_resource_world import GROUPS, USERS, open_store

ID = r"resource_id_key|autoindex_resource|ix_resource_list[\s\S]*\(id\)::text ="
"""Any index in which the id is compared."""

USER_FILTERS = {
    'userName eq "ann500@example.com"': "uq_resource_user_name",
    'userName sw "ann500"': "uq_resource_user_name",
    'id eq "id-500"': ID,
    'externalId eq "x500"': "ix_external_id_value",
    'displayName eq "ann 500"': "ix_resource_display",
    'displayName sw "ann 500"': "ix_resource_display",
    'emails.value eq "ann500@example.com"': "ix_email_value",
    'emails eq "ann500@example.com"': "ix_email_value",
    'emails[type eq "work" and value eq "ann500@example.com"]': "ix_email_value",
    'emails[type eq "work"].value eq "ann500@example.com"': "ix_email_value",
    'userName eq "ann500@example.com" and active eq true': "uq_resource_user_name",
    'userName eq "ann5@example.com" or emails.value eq "ann6@example.com"': "ix_email_value",
    'meta.lastModified gt "2100-01-01T00:00:00Z"': "ix_resource_modified",
    "active eq false": "ix_resource_active",
    'groups.value eq "group-5"': "membership",
}
GROUP_FILTERS = {
    'displayName eq "team 5"': "ix_resource_display",
    'id eq "group-5"': ID,
    'externalId eq "x500"': "ix_external_id_value",
    'members.value eq "id-500"': "membership",
    'members eq "id-500"': "membership",
    'members[value eq "id-500"]': "membership",
    'id eq "group-5" and members eq "id-500"': "membership",
}
PEOPLE, TEAMS = 3_000, 100


@pytest.fixture
def store(database: Database, runner: asyncio.Runner) -> ResourceStore:
    """A store with some thousand users and some groups, written past the store."""

    async def filled() -> ResourceStore:
        store = await open_store(database)
        async with database.transaction() as session:
            await _fill(session, store.place.workspace_id)
        await database.session.execute("ANALYZE") if database.dialect == "postgres" else None
        return store

    return runner.run(filled())


async def _fill(session: Any, workspace_id: int) -> None:
    columns = (
        "row_id, id, workspace_id, type, authority, joined, blocked, user_name_key, display, "
        "display_name_key, active, version, created_at, modified_at, document, search"
    )
    users = [
        (
            n, f"id-{n}", workspace_id, "User", "dashboard", False, False, f"ann{n}@example.com",
            f"ann {n}", f"ann {n}", n % 100 != 0, 1, n, n, "{}", "{}",
        )
        for n in range(1, PEOPLE + 1)
    ]  # fmt: skip
    groups = [
        (
            PEOPLE + n, f"group-{n}", workspace_id, "Group", "dashboard", False, False, None,
            f"team {n}", f"team {n}", None, 1, n, n, "{}", "{}",
        )
        for n in range(1, TEAMS + 1)
    ]  # fmt: skip
    holes = ", ".join("?" * len(users[0]))
    await session.many(f"INSERT INTO resource ({columns}) VALUES ({holes})", users + groups)
    await session.many(
        "INSERT INTO resource_email (resource_id, workspace_id, value_key, type_key, is_primary) "
        "VALUES (?, ?, ?, 'work', ?)",
        [(row[0], workspace_id, row[7], True) for row in users],
    )
    await session.many(
        "INSERT INTO external_id (resource_id, workspace_id, source, value, value_key) "
        "VALUES (?, ?, 'scim_client:okta', ?, ?)",
        [(row[0], workspace_id, f"x{row[0]}", f"x{row[0]}") for row in users],
    )
    await session.many(
        "INSERT INTO membership (group_id, member_id) VALUES (?, ?)",
        [(PEOPLE + n % TEAMS + 1, n) for n in range(1, PEOPLE + 1)],
    )


async def plan(store: ResourceStore, text: str, parameters: tuple[Any, ...]) -> str:
    """Return the steps of a statement, one a line."""
    session = store.database.session
    explain = "EXPLAIN QUERY PLAN" if session.dialect == "sqlite" else "EXPLAIN"
    rows = await session.rows(f"{explain} {text}", parameters)
    return "\n".join(str(row.get("detail") or row.get("QUERY PLAN")) for row in rows)


def assert_indexed(dialect: str, steps: str, index: str) -> None:
    """The plan uses the index and reads no table from end to end."""
    if dialect == "sqlite":
        assert "SCAN" not in steps.replace("SCAN CONSTANT ROW", ""), steps
    for table in ("resource", "resource_email", "external_id"):
        assert f"Seq Scan on {table}" not in steps, steps
    assert re.search(index, steps), (index, steps)


@pytest.mark.parametrize(
    ("name", "model", "filters"),
    [("User", USERS, USER_FILTERS), ("Group", GROUPS, GROUP_FILTERS)],
    ids=["users", "groups"],
)
def test_filters_use_an_index(
    store: ResourceStore,
    runner: asyncio.Runner,
    name: str,
    model: Any,
    filters: dict[str, str],
) -> None:
    async def check() -> None:
        session = store.database.session
        for text, index in filters.items():
            search = SearchRequest[model](filter=text, count=100)
            query = store.reader.query(session.dialect, [name], search)
            statement = query.statement(TRUE, False, 100)
            steps = await plan(store, statement.text, statement.parameters)
            if index == "membership":
                assert_indexed(session.dialect, steps, "resource")
                continue
            assert_indexed(session.dialect, steps, index)

    runner.run(check())


def test_lists_and_their_pages_use_an_index(store: ResourceStore, runner: asyncio.Runner) -> None:
    async def check() -> None:
        session = store.database.session
        search = SearchRequest[USERS](count=100)
        query = store.reader.query(session.dialect, ["User"], search)
        statement = query.statement(TRUE, False, 100)
        steps = await plan(store, statement.text, statement.parameters)
        assert_indexed(session.dialect, steps, "ix_resource_list")
        assert "Sort" not in steps
        assert "TEMP B-TREE" not in steps

    runner.run(check())


def test_matching_uses_an_index(store: ResourceStore, runner: asyncio.Runner) -> None:
    async def check() -> None:
        dialect = store.database.dialect
        place = store.place.workspace_id
        for text, index in (
            (lookups._BY_EMAIL, "ix_email_value"),
            (lookups._BY_USER_NAME, "uq_resource_user_name"),
        ):
            steps = await plan(store, text.format("?, ?"), (place, "a@x.example", "b@x.example"))
            assert_indexed(dialect, steps, index)
        assert await store.find_users(UniqueField.email, ["nobody@x.example"]) == {
            "nobody@x.example": []
        }

    runner.run(check())
