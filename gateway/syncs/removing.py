"""Deleting a user sync: its resources stay, and go to the dashboard or are deactivated.

In batches, each one transaction, so that a process that dies leaves the rest to the next call: a
resource that was let go of is no longer linked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from azure_adapter.sync.custody import LEASE_S, LISTEN_S, custody
from azure_adapter.sync.refusals import AlreadyRunning
from azure_adapter.sync.user_operations import patch_body
from gateway.syncs.owner import has_ended, process_owner
from scim.provisioning.authority import DASHBOARD, Source, SourceKind
from scim.provisioning.operations import Action, Operation
from scim.provisioning.ports import ProvisioningTarget
from scim.provisioning.records import Lease, LinkRecord, LinkState
from scim.provisioning.source import ObjectKind
from storage.access import UserSyncRecord
from storage.resources.store import ResourceStore
from storage.sync.store import SqlSyncStore

if TYPE_CHECKING:
    from gateway.wiring import Gateway

BATCH = 200
"""How many resources are let go of at once."""

GONE = 404


@dataclass(frozen=True, slots=True)
class DeletedSync:
    """What deleting a user sync did.

    Attributes:
        name: what it was called.
        users: how many users it let go of.
        groups: how many groups it let go of.
        deactivated: how many of the users it deactivated.
        failed: how many resources could not be let go of; then the sync is still there.
    """

    name: str
    users: int
    groups: int
    deactivated: int
    failed: int = 0


@dataclass(slots=True)
class Released:
    """How many resources were let go of."""

    users: int = 0
    groups: int = 0
    deactivated: int = 0
    failed: int = 0

    def named(self, name: str) -> DeletedSync:
        """Return what was done, for a user sync of this name."""
        return DeletedSync(name, self.users, self.groups, self.deactivated, self.failed)


class Removing:
    """Lets go of everything that a user sync feeds.

    Args:
        gateway: the gateway.
        record: the user sync.
        deactivate: disable its users as well.
    """

    def __init__(self, gateway: Gateway, record: UserSyncRecord, *, deactivate: bool) -> None:
        self._gateway = gateway
        self._record = record
        self._deactivate = deactivate
        self._store: SqlSyncStore = gateway.sync_store(record.id)
        self._own = Source(SourceKind.user_sync, record.id)
        self._resources = ResourceStore(
            gateway.database, record.workspace, self._own, gateway.service.provider
        )
        self._released = Released()

    async def release(self) -> Released:
        """Let go of every linked resource; what cannot be is counted, and stays linked.

        Raises:
            AlreadyRunning: a run of the sync has not stopped yet.
            ConnectionProblem, UnreadableSecretError: its remote target cannot be used.
        """
        async with self._lease() as lease, self._gateway.sync_target(self._record) as target:
            for kind in (ObjectKind.user, ObjectKind.group):
                after = ""
                while links := await self._store.linked(kind, after, BATCH):
                    after = links[-1].source_id
                    await self._release(target, lease, links)
            if not self._released.failed:
                await self._store.give_up_tombstones(str(self._own), str(DASHBOARD))
                await self._store.remove_rows()
        return self._released

    @asynccontextmanager
    async def _lease(self) -> AsyncIterator[Lease]:
        keeping = custody(
            self._store, process_owner(), lease_s=LEASE_S, listen_s=LISTEN_S, gone=has_ended
        )
        async with keeping as kept:
            if kept is None:
                raise AlreadyRunning(
                    f"The user sync {self._record.name!r} is running, and was asked to stop.",
                    "Delete it again in a moment.",
                )
            yield kept.lease

    async def _release(
        self, target: ProvisioningTarget, lease: Lease, links: Sequence[LinkRecord]
    ) -> None:
        users = [link for link in links if link.kind is ObjectKind.user]
        disabled: dict[str, bool] = {}
        if self._deactivate and users and not target.transactional:
            disabled = await self._disable(target, users)
        async with self._store.unit_of_work(lease):
            if self._deactivate and users and target.transactional:
                disabled = await self._disable(target, users)
            kept = {link.source_id for link in users if disabled.get(link.resource_id) is False}
            let_go = [link for link in links if link.source_id not in kept]
            if target.transactional:
                for link in let_go:
                    await self._leave(link)
            await self._store.put_links(
                [replace(link, state=LinkState.unlinked) for link in let_go]
            )
        self._count(let_go, disabled, len(kept))

    async def _disable(
        self, target: ProvisioningTarget, users: Sequence[LinkRecord]
    ) -> dict[str, bool]:
        """Disable users; returns by resource id whether that was done, of those it was tried."""
        ids = [link.resource_id for link in users]
        authorities = await target.authorities(ids)
        documents = await target.read(ids)
        mine = [
            link
            for link in users
            if link.resource_id in documents
            and (
                link.resource_id not in authorities
                or authorities[link.resource_id].source == self._own
            )
        ]
        outcomes = await target.apply([_disabling(link) for link in mine])
        return {
            link.resource_id: outcome.ok or outcome.status == GONE
            for link, outcome in zip(mine, outcomes, strict=True)
        }

    async def _leave(self, link: LinkRecord) -> None:
        """Give a resource of this gateway to the dashboard, if it is there."""
        there = await self._resources.authorities([link.resource_id])
        if link.resource_id in there:
            await self._resources.let_go(link.resource_id)

    def _count(self, links: Sequence[LinkRecord], disabled: dict[str, bool], failed: int) -> None:
        users = sum(link.kind is ObjectKind.user for link in links)
        self._released.users += users
        self._released.groups += len(links) - users
        self._released.deactivated += sum(disabled.values())
        self._released.failed += failed


def _disabling(link: LinkRecord) -> Operation:
    return Operation(
        action=Action.disable,
        kind=link.kind,
        source_id=link.source_id,
        label=link.resource_id,
        method="PATCH",
        path=f"/Users/{link.resource_id}",
        body=patch_body([{"op": "replace", "path": "active", "value": False}]),
        before={"active": True},
        after={"active": False},
    )
