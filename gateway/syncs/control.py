"""The control of user syncs: all that a person, the worker, the CLI or the API may ask of one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from azure_adapter.sync.approvals import reviewed_run
from azure_adapter.sync.engine import SyncEngine, nothing_held
from azure_adapter.sync.explain import Explaining, PastDecision, Standing
from azure_adapter.sync.inviting import invite_existing
from azure_adapter.sync.on_demand import OnDemand, OnDemandReport
from azure_adapter.sync.progress import Progress, Tell
from azure_adapter.sync.refusals import NeedsPreview, NoSuchRun
from gateway.syncs.edits import EditedSync, SyncEdit, apply_edit, draft_of, save_edit
from gateway.syncs.noting import note, set_paused
from gateway.syncs.removing import DeletedSync, Removing
from scim.provisioning.records import RunKind, RunRecord
from scim.provisioning.source import ObjectKind
from storage.access import UserSyncRecord
from storage.database import now_us
from storage.sync.store import SqlSyncStore

if TYPE_CHECKING:
    from gateway.wiring import Gateway

__all__ = ["DeletedSync", "Progress", "SyncControl", "Tell"]

MAIL_SECONDS = 60.0
"""How long the end of a run waits for mails to be sent; a server sends what is left."""


class SyncControl:
    """Controls the user syncs of one gateway.

    ``sync`` is everywhere the id of a user sync, or a name that only one has. Every method raises
    :class:`~gateway.connections.ConnectionProblem` when there is no such sync, and a
    :class:`~azure_adapter.sync.refusals.SyncRefused` (each reason is a subclass) when it does not
    do what it was asked to.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    # -- runs ------------------------------------------------------------------

    async def start(
        self,
        sync: str,
        *,
        full: bool = False,
        preview: bool = False,
        retry: bool = False,
        drift: bool = False,
        allow: bool = False,
        trigger: str,
        actor: str = "",
        progress: Tell | None = None,
    ) -> RunRecord:
        """Run a user sync once and return the finished run; the report mail is queued.

        Args:
            sync: the user sync.
            full: read everything again (initial cycle).
            preview: plan and check only; nothing is applied.
            retry: read nothing; apply only what failed and is due again.
            drift: read nothing; compare every linked resource with what the mirror maps to, and
                repair it (with ``preview``: only list it).
            allow: apply, this once, what safeguards would hold, and believe a directory that
                returns far less than before.
            trigger: manual, schedule, cli, api, retry, demo.
            actor: the person or token.
            progress: told how far the run is, while it runs.

        Raises:
            ValueError: more than one of ``full``, ``retry`` and ``drift``.
            AlreadyRunning, SyncPaused: see :mod:`azure_adapter.sync.refusals`.
        """
        if full + retry + drift > 1:
            raise ValueError("A run is full, a retry, or about drift: one of the three.")
        async with self._engine(sync, progress) as engine:
            if retry:
                return await engine.retry(trigger=trigger, actor=actor)
            if drift:
                return await engine.drift(preview=preview, trigger=trigger, actor=actor)
            return await engine.run(
                full=full, preview=preview, allow=allow, trigger=trigger, actor=actor
            )

    async def apply(
        self,
        sync: str,
        run_id: str,
        checksum: str,
        *,
        trigger: str,
        actor: str = "",
        progress: Tell | None = None,
    ) -> RunRecord:
        """Apply exactly the plan of a preview that a person reviewed, and return the new run.

        Objects that changed since are planned again: an equal result is applied, another one is
        not, and stands in the new run's plan as superseded, code ``changed``. A previewed edit is
        saved together with the beginning of the run.

        Args:
            sync: the user sync.
            run_id: the preview.
            checksum: the ``checksum`` of the preview's run record, as it was shown.
            trigger: see :meth:`start`.
            actor: the person or token.
            progress: told how far the run is, while it runs.

        Raises:
            PlanOutdated: the configuration changed or another run applied since, or the checksum
                is another one.
            NoSuchRun, NotReviewable, AlreadyRunning, SyncPaused, NotPaused
        """
        record = await self._gateway.connection(sync)
        store = self._store(record)
        if await store.unfinished_run() is not None:
            async with self._engine(record.id, progress) as engine:
                await engine.finish_left()
        reviewed = await reviewed_run(store, run_id, checksum)
        if reviewed.kind is not RunKind.draft:
            async with self._engine(record.id, progress) as engine:
                return await engine.apply(run_id, checksum, trigger=trigger, actor=actor)
        edited = draft_of(record, reviewed.options["draft"], self._gateway.custom_targets)

        async def save() -> dict[str, Any]:
            box = self._gateway.secrets
            await save_edit(self._gateway.user_syncs, edited, actor=actor, box=box)
            return {}

        async with self._engine(record.id, progress, edited) as engine:
            return await engine.apply(run_id, checksum, save=save, trigger=trigger, actor=actor)

    async def allow(
        self,
        sync: str,
        run_id: str,
        seqs: Sequence[int] | None,
        *,
        trigger: str,
        actor: str,
        progress: Tell | None = None,
    ) -> RunRecord:
        """Apply held operations of a run, exactly these, once; ``None`` means all of them.

        Each object is planned again; what would be another operation now is not applied.

        Raises:
            NothingToDecide, NoSuchRun, AlreadyRunning, SyncPaused
        """
        async with self._engine(sync, progress) as engine:
            return await engine.allow(run_id, seqs, trigger=trigger, actor=actor)

    async def discard(
        self, sync: str, run_id: str, seqs: Sequence[int] | None, *, actor: str
    ) -> int:
        """Discard held operations of a run, until their source objects change; returns how many.

        Raises:
            NothingToDecide, NoSuchRun
        """
        record = await self._gateway.connection(sync)
        store = self._store(record)
        run = await store.run(run_id)
        if run is None:
            raise NoSuchRun(f"The user sync {record.name!r} has no run {run_id!r}.")
        async with self._gateway.database.transaction():
            count = 0 if run.preview else await store.discard(run_id, seqs, actor)
            if count:
                await store.set_quarantine("")
                await note(
                    self._gateway, record, actor, "discard", {"run": run_id, "operations": count}
                )
        if not count:
            raise nothing_held(run_id, await store.held_run())
        return count

    async def cancel(self, sync: str, *, actor: str) -> bool:
        """Ask the running run, in whatever process, to stop; False when none runs."""
        record = await self._gateway.connection(sync)
        asked = await self._store(record).request_cancel(actor)
        if asked:
            await note(self._gateway, record, actor, "cancel", {})
        return asked

    async def pause(self, sync: str, *, actor: str, reason: str = "") -> None:
        """Stop schedule, retries and runs until it is resumed; a running run is cancelled."""
        await self._pause(await self._gateway.connection(sync), actor, reason)

    async def _pause(self, record: UserSyncRecord, actor: str, reason: str) -> None:
        if not record.paused:
            await set_paused(self._gateway, record, actor, reason, paused=True)
        await self._store(record).request_cancel(actor)

    async def resume(self, sync: str, *, actor: str) -> None:
        """Let a paused sync run again."""
        record = await self._gateway.connection(sync)
        if record.paused:
            await set_paused(self._gateway, record, actor, "", paused=False)

    async def undo(
        self, sync: str, run_id: str, *, actor: str, progress: Tell | None = None
    ) -> RunRecord:
        """Pause the sync and return a preview that takes back what a run applied.

        Apply it with :meth:`apply`. What changed since is left alone, and said so.

        Raises:
            NoSuchRun, NothingToUndo, AlreadyRunning
        """
        record = await self._gateway.connection(sync)
        async with self._engine(record.id, progress) as engine:
            await engine.undoable(run_id)
            await self._pause(record, actor, f"Undo of the run {run_id}")
            return await engine.undo(run_id, actor=actor)

    # -- one object ------------------------------------------------------------

    async def on_demand(
        self, sync: str, kind: ObjectKind, identifier: str, *, apply: bool, actor: str
    ) -> OnDemandReport:
        """Provision one person or group, or show what that would do.

        Args:
            sync: the user sync.
            kind: user or group.
            identifier: Graph id, userPrincipalName or mail of a user; id or displayName of a
                group.
            apply: False changes nothing.
            actor: the person or token.

        Raises:
            AlreadyRunning, SyncPaused (only with ``apply``)
        """
        async with self._engine(sync) as engine:
            return await OnDemand(engine, kind, identifier, actor=actor).provision(apply=apply)

    async def explain(
        self, workspace_id: int, *, source_id: str | None = None, resource_id: str | None = None
    ) -> list[PastDecision]:
        """Return every past decision about an object of the source or a resource, newest first."""
        decisions: list[PastDecision] = []
        for each in await self._explaining(workspace_id):
            decisions += await each.decisions(source_id=source_id, resource_id=resource_id)
        return sorted(decisions, key=lambda one: (one.run_id, one.at, one.seq), reverse=True)

    async def standing(
        self, workspace_id: int, *, source_id: str | None = None, resource_id: str | None = None
    ) -> list[Standing]:
        """Return where the object stands now, for each user sync that knows it."""
        return [
            standing
            for each in await self._explaining(workspace_id)
            for standing in await each.standings(source_id=source_id, resource_id=resource_id)
        ]

    async def _explaining(self, workspace_id: int) -> list[Explaining]:
        records = await self._gateway.user_syncs.list(workspace_id)
        configs = [
            (self._gateway.sync_config(record, ""), self._store(record)) for record in records
        ]
        return [Explaining(config, store, now_us()) for config, store in configs]

    # -- configuration ------------------------------------------------------------

    async def edit(self, sync: str, edit: SyncEdit, *, actor: str) -> None:
        """Save an edit that needs no preview (name, report address, schedule, safeguards …).

        A sync that was never run has nothing to preview: there anything is saved at once.

        Raises:
            NeedsPreview: it changes scope, mapping, nesting or deletion policy.
            EditProblems: a value is wrong.
        """
        record = await self._gateway.connection(sync)
        edited = apply_edit(record, edit, self._gateway.custom_targets)
        if edited.decisive and record.last_run is not None:
            changed = ", ".join(sorted(edited.changes))
            raise NeedsPreview(
                f"The edit of the user sync {record.name!r} ({changed}) decides about people who "
                "are synced already.",
                "Preview it first, and apply the preview.",
            )
        gateway = self._gateway
        await save_edit(gateway.user_syncs, edited, actor=actor, box=gateway.secrets)

    async def preview_edit(
        self,
        sync: str,
        edit: SyncEdit,
        *,
        trigger: str = "manual",
        actor: str,
        progress: Tell | None = None,
    ) -> RunRecord:
        """Return a preview of what a decisive edit would do; :meth:`apply` saves and applies it.

        The mirror stays as it is; only if the edit needs attributes that were never read, the
        directory is read again first.

        Raises:
            EditProblems: a value is wrong.
            AlreadyRunning: another process runs the sync now.
        """
        record = await self._gateway.connection(sync)
        edited = apply_edit(record, edit, self._gateway.custom_targets)
        async with self._engine(record.id, progress, edited) as engine:
            return await engine.preview_draft(
                edited.draft(), reads=bool(edited.needs_read), trigger=trigger, actor=actor
            )

    async def delete(self, sync: str, *, deactivate: bool, actor: str) -> DeletedSync:
        """Delete a user sync; its resources go to the dashboard, or are deactivated too.

        Nothing is ever deleted from the user store by this. It goes in batches; called again it
        goes on where it stopped.

        Raises:
            AlreadyRunning: a run of it has not stopped yet.
        """
        record = await self._gateway.connection(sync)
        await self._pause(record, actor, "It is being deleted")
        released = await Removing(self._gateway, record, deactivate=deactivate).release()
        if not released.failed:
            async with self._gateway.database.transaction():
                changes = {"name": record.name, "deactivate": deactivate}
                await note(self._gateway, record, actor, "delete", changes)
                await self._gateway.user_syncs.delete(record.workspace, record.id)
        return released.named(record.name)

    async def invite_existing(self, sync: str, *, dry: bool, actor: str) -> int:
        """Have the next run invite the existing users who are not verified; returns how many.

        Args:
            sync: the user sync.
            dry: only count them.
            actor: the person or token.
        """
        record = await self._gateway.connection(sync)
        async with self._gateway.sync_target(record) as target:
            count = await invite_existing(self._store(record), target, dry=dry)
        if count and not dry:
            await note(self._gateway, record, actor, "invite_existing", {"users": count})
        return count

    # -- helpers ----------------------------------------------------------------

    @asynccontextmanager
    async def _engine(
        self, sync: str, progress: Tell | None = None, edited: EditedSync | None = None
    ) -> AsyncIterator[SyncEngine]:
        """Open the engine of a user sync, as it is or as an edit makes it; mails follow."""
        as_edited = edited.record if edited is not None else None
        record = await self._gateway.connection(sync)
        try:
            async with self._gateway.sync_engine(
                record.id, progress, as_edited=as_edited
            ) as engine:
                yield engine
        finally:
            await self._report(record.id)

    async def _report(self, sync_id: str) -> None:
        gateway = self._gateway
        await gateway.run_mails.report(await gateway.connection(sync_id))
        await gateway.postman.deliver_due(MAIL_SECONDS)

    def _store(self, record: UserSyncRecord) -> SqlSyncStore:
        return self._gateway.sync_store(record.id)
