"""Short words for tests that look at the plans of runs."""

from __future__ import annotations

from typing import Any

from azure_adapter.simulator import Directory
from azure_adapter.sync.config import SafeguardLimits
from scim.provisioning.operations import Action, OperationStatus, PlannedOperation
from scim.provisioning.records import RunRecord
from tests.sync.world import World

LIMITS = SafeguardLimits()
HELD = OperationStatus.held
DONE = OperationStatus.done
PENDING = OperationStatus.pending
DISCARDED = OperationStatus.discarded
SUPERSEDED = OperationStatus.superseded


def people(count: int, *, groups: int = 0) -> tuple[Directory, list[str], list[str]]:
    """Return a directory of so many people, who are all in each of the groups."""
    directory = Directory(seed=11)
    users = [
        directory.add_user(
            userPrincipalName=f"p{number}@contoso.com",
            displayName=f"Person {number}",
            mail=f"p{number}@contoso.com",
            accountEnabled=True,
        )
        for number in range(count)
    ]
    teams = [directory.add_group(displayName=f"Team {number}") for number in range(groups)]
    for team in teams:
        for user in users:
            directory.add_member(team, user)
    return directory, users, teams


async def rows(world: World, run: RunRecord, **wanted: Any) -> list[PlannedOperation]:
    """Return the rows of a plan whose status, action, source_id or code is as wanted."""
    found = await world.store().operations(run.id)
    return [row for row in found if _fits(row, wanted)]


def _fits(row: PlannedOperation, wanted: dict[str, Any]) -> bool:
    facts = {
        "status": row.status,
        "code": row.code,
        "action": row.operation.action,
        "source_id": row.operation.source_id,
    }
    return all(facts[name] == value for name, value in wanted.items())


async def memberships(world: World, team: str) -> frozenset[str]:
    """Return the Graph ids of the members that a group has here."""
    return (await world.groups())[team][1]


async def state(world: World) -> tuple[str, str]:
    """Return state and reason of the user sync."""
    row = await world.database.session.row(
        "SELECT state, state_reason FROM user_sync WHERE id = ?", [world.config.sync_id]
    )
    assert row is not None
    return row["state"], row["state_reason"]


async def mirror(world: World, *but: str) -> list[list[Any]]:
    """Return everything that the mirror and the planner remember, as it is stored.

    Without what tells who runs the sync, and some more columns.
    """
    tables = ("mirror_object", "mirror_member", "sync_cursor", "user_sync", "link", "sync_discard")
    left = {"lease_owner", "lease_until", "fence", "state", "state_reason", *but}
    found: list[list[Any]] = []
    for table in tables:
        stored = await world.database.session.rows(f"SELECT * FROM {table}")
        found += [
            [table, *((key, row[key]) for key in sorted(row) if key not in left)] for row in stored
        ]
    return sorted(found, key=repr)


__all__ = [
    "DISCARDED",
    "DONE",
    "HELD",
    "LIMITS",
    "PENDING",
    "SUPERSEDED",
    "Action",
    "memberships",
    "mirror",
    "people",
    "rows",
    "state",
]
