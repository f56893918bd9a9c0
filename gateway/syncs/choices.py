"""What a person chooses for a source object that a user sync cannot provision by itself.

Who matches a user of another source, whose userName is taken, or who shares the Unique field with
somebody is an error on that object, with choices. They are saved here, audited, and planned with
by the next run.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.connections import ConnectionProblem
from scim.provisioning.authority import DASHBOARD
from scim.provisioning.records import Choice, LinkState, MirrorRecord, Resolution
from scim.provisioning.source import ObjectKind
from storage.access import UserSyncRecord
from storage.access.audit import record_change
from storage.access.syncs import RESOURCE_TYPE
from storage.resources.store import ResourceStore
from storage.sync.store import SqlSyncStore

if TYPE_CHECKING:
    from gateway.wiring import Gateway


class ChoiceRefused(ConnectionProblem):
    """A choice that cannot be made; the message says why and what to do."""


async def resolve(
    gateway: "Gateway",
    sync: str,
    source_id: str,
    choice: str,
    resource_id: str = "",
    *,
    actor: str,
) -> Resolution:
    """Save what a person chose for one source object; the next run plans with it.

    Args:
        gateway: the gateway.
        sync: id of the user sync, or a name that only one has.
        source_id: the object, by its Graph id.
        choice: ``take_over``, ``contribute`` or ``create``.
        resource_id: the user to join; "" for ``create``.
        actor: who chooses.

    Raises:
        ChoiceRefused: the choice cannot be made.
        ConnectionProblem: there is no such user sync.
    """
    record = await gateway.connection(sync)
    store = gateway.sync_store(record.id)
    made = Resolution(source_id, _choice(choice), resource_id, actor)
    await _object(store, source_id)
    if made.choice is Choice.create:
        _check_nobody(resource_id)
    else:
        await _check_user(gateway, record, store, made)
    async with gateway.database.transaction() as session:
        await store.resolve(made)
        changes = {"source_id": source_id, "choice": made.choice.value, "user": resource_id}
        await record_change(session, record.workspace, actor, "resolve", _resource(record), changes)
    return made


async def withdraw(gateway: "Gateway", sync: str, source_id: str, *, actor: str) -> bool:
    """Forget what was chosen for an object, and tell whether anything was.

    What was done because of it stays done.

    Raises:
        ConnectionProblem: there is no such user sync.
    """
    record = await gateway.connection(sync)
    async with gateway.database.transaction() as session:
        known = await gateway.sync_store(record.id).withdraw(source_id)
        if known:
            changes = {"source_id": source_id, "choice": None}
            await record_change(
                session, record.workspace, actor, "resolve", _resource(record), changes
            )
    return known


async def enable_joined(gateway: "Gateway", sync: str, source_id: str, *, actor: str) -> bool:
    """Let Azure decide again about a user who was disabled when the sync joined it.

    Returns:
        whether the user was kept disabled for that reason; the next run enables it, unless it is
        disabled in Azure or blocked here.

    Raises:
        ConnectionProblem: there is no such user sync.
    """
    record = await gateway.connection(sync)
    store = gateway.sync_store(record.id)
    async with gateway.database.transaction() as session:
        released = await store.release_kept([source_id])
        if released:
            await store.mark_dirty([source_id])
            changes: Mapping[str, Any] = {"source_id": source_id, "kept_disabled": False}
            await record_change(
                session, record.workspace, actor, "resolve", _resource(record), changes
            )
    return bool(released)


def _choice(word: str) -> Choice:
    try:
        return Choice(word)
    except ValueError:
        raise ChoiceRefused(
            f"{word[:40]!r} is no choice. Choose one of {', '.join(Choice)}."
        ) from None


async def _object(store: SqlSyncStore, source_id: str) -> MirrorRecord:
    known = (await store.records([source_id])).get(source_id)
    if known is None or known.kind is not ObjectKind.user:
        raise ChoiceRefused(
            f"This user sync has read no user with the id {source_id[:80]!r}. Take the id from the "
            "run's list of failed objects."
        )
    return known


def _check_nobody(resource_id: str) -> None:
    if resource_id:
        raise ChoiceRefused(
            "A new user is made for the object, so no existing one can be named with it."
        )


async def _check_user(
    gateway: "Gateway", record: UserSyncRecord, store: SqlSyncStore, made: Resolution
) -> None:
    provider = gateway.service.provider
    resources = ResourceStore(gateway.database, record.workspace, DASHBOARD, provider)
    document = (await resources.documents([made.resource_id])).get(made.resource_id)
    if document is None or "userName" not in document:
        raise ChoiceRefused(
            f"There is no user with the id {made.resource_id[:80]!r} here. Choose one that the "
            "error names, or search for it among the users."
        )
    links = await store.links_of_resources([made.resource_id])
    for link in links.get(made.resource_id, ()):
        mine = link.sync_id == record.id and link.state is LinkState.linked
        if mine and link.source_id != made.source_id:
            raise ChoiceRefused(
                f"The user {document['userName']!r} is fed by another object of this directory "
                f"({link.source_id}). Two objects cannot be one user; choose another one, or have "
                "a new user made."
            )


def _resource(record: UserSyncRecord) -> tuple[str, str]:
    return (RESOURCE_TYPE, record.id)
