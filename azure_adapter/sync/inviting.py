"""Inviting the users who were there before invitations were sent: the next run does it."""

from azure_adapter.sync.enrolling import LIVE
from scim.provisioning.ports import ProvisioningTarget, SyncStore
from scim.provisioning.source import ObjectKind

BATCH = 500


async def invite_existing(store: SyncStore, target: ProvisioningTarget, *, dry: bool) -> int:
    """Have the next run invite linked users who are not verified.

    That is who is active, has an address, and has neither verified it nor an invitation that is
    still open.

    Args:
        store: the state of the user sync.
        target: asked how far its users are enrolled.
        dry: only count them.

    Returns:
        how many they are.
    """
    count, after = 0, ""
    while links := await store.linked(ObjectKind.user, after, BATCH):
        after = links[-1].source_id
        ids = [link.resource_id for link in links]
        states = await target.enrollment(ids)
        documents = await target.read(list(states))
        wanted = [
            link.source_id
            for link in links
            if (state := states.get(link.resource_id)) is not None
            and state.address
            and not state.email_verified
            and state.invite_status not in LIVE
            and documents.get(link.resource_id, {}).get("active") is not False
        ]
        count += len(wanted)
        if wanted and not dry:
            await store.mark_due(wanted)
            await store.mark_dirty(wanted)
    return count
