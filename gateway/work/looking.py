"""Looking at one object: what a mapping does with it, and everything that was decided about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azure_adapter.mapping import EvaluationContext, MappingTable, RowResult, test_mapping
from azure_adapter.remote import RemoteTarget
from azure_adapter.sync.explain import PastDecision, Standing
from azure_adapter.sync.refusals import NoSuchObject
from gateway.syncs.opening import seed_of
from scim.provisioning.authority import DASHBOARD
from scim.provisioning.records import UniqueField
from scim.provisioning.source import FoundObject, ObjectKind
from storage.access import UserSyncRecord
from storage.resources.store import ResourceStore

if TYPE_CHECKING:
    from gateway.wiring import Gateway


@dataclass(frozen=True, slots=True)
class TestedMapping:
    """What a mapping table does with one real object.

    Attributes:
        source_id: the object's id in the directory.
        rows: what each row gives.
    """

    kind: ObjectKind
    source_id: str
    rows: tuple[RowResult, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known about an object of the source or a resource.

    Attributes:
        standings: where it stands now, for each user sync that knows it.
        decisions: what was decided about it, newest first.
    """

    standings: tuple[Standing, ...]
    decisions: tuple[PastDecision, ...]


async def try_mapping(
    gateway: "Gateway",
    record: UserSyncRecord,
    kind: ObjectKind,
    identifier: str,
    table: MappingTable | None = None,
) -> TestedMapping:
    """Read one object from the directory, and show what each row of a mapping does with it.

    Args:
        gateway: the gateway.
        record: the user sync.
        kind: user or group.
        identifier: what :meth:`SourceReader.one` finds it by.
        table: the mapping to test; ``None``: that of the user sync.

    Raises:
        NoSuchObject: the directory has no such object, or several.
        SourceError: the directory cannot be read.
    """
    async with gateway.sync_engine(record.id) as engine:
        found = await engine.source.one(kind, identifier.strip())
        mapping = table or engine.config.mapping
    if found.change is None:
        raise _not_found(kind, identifier, found)
    attributes: Mapping[str, Any] = {"id": found.change.source_id, **found.change.attributes}
    context = EvaluationContext(now=datetime.now(UTC), seed=seed_of(gateway.secrets, record.id))
    rows = test_mapping(mapping, attributes, kind=kind, context=context)
    return TestedMapping(kind, found.change.source_id, rows)


def _not_found(kind: ObjectKind, identifier: str, found: FoundObject) -> NoSuchObject:
    if found.problem is not None:
        return NoSuchObject(found.problem.message, found.problem.advice)
    if found.others:
        names = ", ".join(found.others[:5])
        return NoSuchObject(
            f"Several objects fit {identifier[:80]!r}: {names}.", "Give the id of one of them."
        )
    return NoSuchObject(
        f"The directory has no {kind.value} {identifier[:80]!r}.",
        "Give its id, or the userPrincipalName or mail of a user, or the displayName of a group.",
    )


async def explained(gateway: "Gateway", workspace_id: int, who: str) -> Explanation:
    """Tell everything about a person or group.

    Args:
        gateway: the gateway.
        workspace_id: row id of the workspace.
        who: id in the directory, id of the resource, or the userName of a user.

    Raises:
        NoSuchObject: nothing is known by this.
    """
    who = who.strip()
    control = gateway.control
    resources = ResourceStore(gateway.database, workspace_id, DASHBOARD, gateway.service.provider)
    named = (await resources.find_users(UniqueField.username, [who])).get(who, [])
    for ids in (
        {"source_id": who},
        {"resource_id": who},
        *({"resource_id": each.resource_id} for each in named),
    ):
        standings = await control.standing(workspace_id, **ids)
        decisions = await control.explain(workspace_id, **ids)
        if standings or decisions:
            return Explanation(tuple(standings), tuple(decisions))
    raise NoSuchObject(
        f"No user sync of this workspace knows {who[:80]!r}.",
        "Give an id of the directory, the id of a user or group here, or a userName.",
    )


async def checked_target(gateway: "Gateway", record: UserSyncRecord) -> dict[str, Any]:
    """Try out where a user sync writes to, without changing anything; returns what it offers.

    Raises:
        ConnectionProblem, UnreadableSecretError: its remote server cannot be used as it is set.
        SourceError: the server cannot be used now; with advice.
    """
    async with gateway.sync_target(record) as target:
        if not isinstance(target, RemoteTarget):
            return {"target": "this gateway"}
        offered = await target.check()
    return {
        "target": str(record.settings["target"]["base_url"]),
        "bulk": offered.bulk,
        "patch": offered.patch,
        "filter": offered.filter,
        "etag": offered.etag,
    }
