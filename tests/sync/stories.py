"""Short words for stories of whole syncs."""

from __future__ import annotations

from typing import Any

from azure_adapter.simulator import Directory
from scim.provisioning.authority import DASHBOARD, Source, SourceKind
from scim.provisioning.operations import Action, PlannedOperation
from tests.sync.world import SERVICE, World

OKTA = Source(SourceKind.scim_client, "okta")


def person(directory: Directory, name: str = "ann", **attributes: Any) -> str:
    """Add a user to the directory and return the id."""
    upn = f"{name}@contoso.com"
    given = {"userPrincipalName": upn, "displayName": name.title(), "mail": upn}
    return directory.add_user(**{"accountEnabled": True, **given, **attributes})


async def rows(w: World) -> list[PlannedOperation]:
    """Return the plan of the last run."""
    return await w.store().operations(w.runs[-1].id)


async def done(w: World) -> list[tuple[str, Action]]:
    """Return (label, action) of what the last run did."""
    return [
        (row.operation.label, row.operation.action) for row in await rows(w) if row.status == "done"
    ]


async def problems(w: World) -> list[tuple[str, str]]:
    """Return (label, code) of what failed in the last run."""
    return [(row.operation.label, row.code) for row in await rows(w) if row.status == "failed"]


async def add_user(w: World, source: Source, **attributes: Any) -> str:
    """Make a user as a source does and return the id."""
    user_type = SERVICE.get_resource_type("User")
    model = SERVICE.get_model(user_type).model_validate(attributes)
    created = await w.resources(source).create(user_type, model)
    assert created.id is not None
    return created.id


async def document(w: World, resource_id: str) -> dict[str, Any]:
    """Return a user as it is stored."""
    return (await w.resources(DASHBOARD).documents([resource_id]))[resource_id]


async def authority(w: World, resource_id: str) -> str:
    """Return who decides about a user."""
    return str((await w.target().authorities([resource_id]))[resource_id].source)


def rename(directory: Directory, user: str, name: str, *, mail: bool = True) -> None:
    """Give a user another userPrincipalName, and mail address."""
    upn = f"{name}@contoso.com"
    directory.update_user(user, userPrincipalName=upn, **({"mail": upn} if mail else {}))


def rotate(directory: Directory, users: list[str]) -> None:
    """Give each user the name of the next one, the last one that of the first."""
    entries = [directory.get(user) for user in users]
    names = [entry.attrs["userPrincipalName"] for entry in entries if entry]
    for number, user in enumerate(users):
        directory.update_user(user, userPrincipalName=f"moving{number}@contoso.com")
    for user, name in zip(users, names[1:] + names[:1], strict=True):
        directory.update_user(user, userPrincipalName=name, mail=name)
