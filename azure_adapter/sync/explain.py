"""Why is this person in this state: past decisions, and where the object stands now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.scope import scope_of
from scim.provisioning.operations import (
    Action,
    Discard,
    OperationStatus,
    PlannedOperation,
    reference,
)
from scim.provisioning.ports import SyncStore
from scim.provisioning.records import LinkRecord, LinkState, MirrorRecord, RunMode, RunRecord
from scim.provisioning.source import ObjectKind, Presence

MOST_DECISIONS = 1_000
"""How many past decisions are answered at most."""

PRESENT = {
    Presence.present: "It is in the directory.",
    Presence.soft_deleted: "It was deleted in the directory, and can be restored there.",
    Presence.deleted: "It was deleted in the directory for good.",
    Presence.unknown: "The directory only named it, as a member or manager; it was never read.",
}

LINKED = {
    LinkState.linked: "It feeds the resource {id}, which this user sync {how}.",
    LinkState.tombstone: "This user sync deleted its resource {id}, which can be restored for 30 "
    "days.",
    LinkState.unlinked: "This user sync let go of the resource {id}.",
}


@dataclass(frozen=True, slots=True)
class PastDecision:
    """What one run decided about one object. Moments are microseconds since the epoch.

    Attributes:
        sync_id: the user sync, and ``sync_name`` what it is called.
        run_id: the run; ``mode``, ``trigger``, ``actor``, ``preview`` are the run's.
        at: when it was applied, else when the run started.
        seq: the operation's place in the run's plan.
        before: the attributes that changed, as they were.
        after: the attributes that changed, as they were to be.
        code: stable word of the error or the reason, "" for none.
        decided_by: who allowed or discarded it while it was held, "" for nobody.
        decided_at: when.
    """

    sync_id: str
    sync_name: str
    run_id: str
    mode: RunMode
    trigger: str
    actor: str
    preview: bool
    at: int
    seq: int
    action: Action
    kind: ObjectKind
    source_id: str
    resource_id: str
    label: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    status: OperationStatus
    code: str
    message: str
    advice: str
    decided_by: str = ""
    decided_at: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one object stands in one user sync now.

    Attributes:
        sync_id: the user sync, and ``sync_name`` what it is called.
        source_id: the object's id in the source.
        resource_id: the resource it feeds or fed, "" for none.
        kind: user or group.
        sentences: the mirror, the scope, the link, what is held, discarded or failed, each in a
            sentence.
    """

    sync_id: str
    sync_name: str
    source_id: str
    resource_id: str
    kind: ObjectKind
    sentences: tuple[str, ...]


class Explaining:
    """Explains objects of one user sync.

    Args:
        config: the user sync.
        store: its state.
        now_us: the moment, microseconds.
    """

    def __init__(self, config: SyncConfig, store: SyncStore, now_us: int) -> None:
        self._config = config
        self._store = store
        self._now_us = now_us

    async def decisions(
        self, *, source_id: str | None = None, resource_id: str | None = None
    ) -> list[PastDecision]:
        """Return every past decision about an object or a resource, newest first."""
        sources, links = await self._sources(source_id, resource_id)
        resources = {link.resource_id for link in links}
        resources |= {resource_id} if resource_id else set()
        if not sources and not resources:
            return []
        found = await self._store.past(sorted(sources), sorted(resources), MOST_DECISIONS)
        named = [*sorted(resources), *(reference(one) for one in sorted(sources))]
        found += await self._store.past_memberships(named, MOST_DECISIONS)
        told = {(run.id, row.seq): self._decision(run, row, set(named)) for run, row in found}
        ordered = sorted(told.values(), key=lambda one: (one.run_id, one.at, one.seq), reverse=True)
        return ordered[:MOST_DECISIONS]

    async def standings(
        self, *, source_id: str | None = None, resource_id: str | None = None
    ) -> list[Standing]:
        """Return where each object stands that is, or feeds or fed, what is asked about."""
        sources, _ = await self._sources(source_id, resource_id)
        records = await self._store.records(sorted(sources)) if sources else {}
        return [await self._standing(record) for record in records.values()]

    async def _sources(
        self, source_id: str | None, resource_id: str | None
    ) -> tuple[set[str], list[LinkRecord]]:
        """Return the source objects that are meant, and their links."""
        links = await self._store.links_to([resource_id]) if resource_id else []
        sources = {link.source_id for link in links} | ({source_id} if source_id else set())
        records = await self._store.records(sorted(sources)) if sources else {}
        links += [record.link for record in records.values() if record.link is not None]
        return sources, links

    def _decision(self, run: RunRecord, row: PlannedOperation, named: set[str]) -> PastDecision:
        operation = row.operation
        return PastDecision(
            sync_id=self._config.sync_id,
            sync_name=self._config.name,
            run_id=run.id,
            mode=run.mode,
            trigger=run.trigger,
            actor=run.actor,
            preview=run.preview,
            at=row.applied_at or run.started_at,
            seq=row.seq,
            action=operation.action,
            kind=operation.kind,
            source_id=operation.source_id,
            resource_id=row.resource_id,
            label=operation.label,
            before=_about(operation.before, named),
            after=_about(operation.after, named),
            status=row.status,
            code=row.code,
            message=row.message,
            advice=row.advice,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )

    async def _standing(self, record: MirrorRecord) -> Standing:
        link = record.link
        sentences = [PRESENT[record.presence]]
        if record.presence is Presence.present:
            verdict = await scope_of(self._config, self._store, record)
            sentences.append(verdict.sentence)
        sentences.append(_link_sentence(link))
        sentences += [_held_sentence(row) for row in await self._held(record)]
        discards = await self._store.discards([record.source_id])
        sentences += [_discard_sentence(one) for one in discards]
        sentences += await self._work_sentences(record)
        return Standing(
            sync_id=self._config.sync_id,
            sync_name=self._config.name,
            source_id=record.source_id,
            resource_id=link.resource_id if link is not None else "",
            kind=record.kind,
            sentences=tuple(sentences),
        )

    async def _held(self, record: MirrorRecord) -> list[PlannedOperation]:
        past = await self._store.past([record.source_id], [])
        return [row for run, row in past if row.status is OperationStatus.held and not run.preview]

    async def _work_sentences(self, record: MirrorRecord) -> list[str]:
        dirty, failures, retry_at = await self._store.retry_at(record.source_id)
        if failures:
            when = "with the next run"
            if retry_at > self._now_us:
                when = f"at {_moment(retry_at)}, or when somebody starts a run"
            failed = await self._last_failure(record)
            why = f": {failed.message}" if failed is not None else "."
            return [f"It failed {failures} time(s) in a row and is tried again {when}{why}"]
        if dirty:
            return ["The next run decides about it again."]
        return ["Nothing is to be done for it, as far as is known."]

    async def _last_failure(self, record: MirrorRecord) -> PlannedOperation | None:
        past = await self._store.past([record.source_id], [], 20)
        return next((row for _, row in past if row.status is OperationStatus.failed), None)


def _link_sentence(link: LinkRecord | None) -> str:
    if link is None:
        return "Nothing here belongs to it."
    how = "joined" if link.joined else "made"
    return LINKED[link.state].format(id=link.resource_id, how=how)


def _held_sentence(row: PlannedOperation) -> str:
    return f"Held in Quarantine: {row.operation.action.value}. {row.message}"


def _discard_sentence(discard: Discard) -> str:
    members = f" of {len(discard.members)} member(s)" if discard.members else ""
    return (
        f"{discard.decided_by or 'Somebody'} discarded {discard.action.value}{members} on "
        f"{_moment(discard.decided_at)}; it stays away until the object changes in the directory."
    )


def _about(told: Mapping[str, Any] | None, named: set[str]) -> Mapping[str, Any] | None:
    """Return before or after; of long lists of members only those that are asked about."""
    members = (told or {}).get("members")
    if not isinstance(members, Sequence) or not named.intersection(members):
        return told
    return {"members": [one for one in members if one in named]}


def _moment(micros: int) -> str:
    return f"{datetime.fromtimestamp(micros / 1_000_000, UTC):%Y-%m-%d %H:%M} UTC"
