"""The check phase: safeguards look at the whole plan before anything is applied."""

from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.safeguards import GUARDED, WINDOW_S, Load, reason, trips
from scim.provisioning.operations import OperationStatus
from scim.provisioning.ports import SyncStore


async def check_plan(config: SyncConfig, store: SyncStore, run_id: str, now_us: int) -> list[str]:
    """Hold what trips a safeguard; everything else stays pending.

    Returns:
        A sentence for each kind that was held: what, how many, the limit, the choices.
    """
    counted = await store.count_operations(run_id)
    sentences = []
    for guarded in GUARDED:
        planned = sum(
            number
            for (kind, action, status), number in counted.items()
            if kind is guarded.kind
            and action in guarded.actions
            and status == OperationStatus.pending
        )
        since = now_us - WINDOW_S * 1_000_000
        load = Load(
            planned=planned,
            recent=await store.applied_since(guarded.kind, guarded.actions, since),
            linked=await store.count_links(guarded.kind),
        )
        if trips(config.safeguard, load):
            sentence = reason(config.safeguard, guarded, load)
            await store.hold(run_id, guarded.kind, guarded.actions, guarded.code, sentence)
            sentences.append(sentence)
    return sentences
