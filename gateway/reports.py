"""The mail of a sync run: chosen, read from the plan, written, and put into the outbox.

A mail that cannot be written is noted down as given up, and never fails a run.
"""

from collections.abc import Sequence
from dataclasses import replace
from email.message import EmailMessage

import structlog

from azure_adapter.sync.summary import summary
from gateway.links import Links
from gateway.mail.attachment import run_table
from gateway.mail.choice import Choice, MailKind, choose
from gateway.mail.delivery import NOBODY
from gateway.mail.message import one_line
from gateway.mail.reauthorize import build_reauthorize
from gateway.mail.report import FAILURES_SHOWN, SyncReport, build_message
from gateway.settings import Settings
from gateway.signin.service import NEEDS_LOGIN, SETUP_INCOMPLETE
from scim.provisioning.operations import Action, OperationStatus
from scim.provisioning.ports import SyncStore
from scim.provisioning.records import RunRecord
from scim.provisioning.source import ObjectKind
from storage.access import UserSyncRecord, UserSyncs
from storage.database import Database
from storage.mail import MailStatus, NewMail, Outbox
from storage.sync.outlines import PlanOutlines
from storage.sync.store import SqlSyncStore

LOCKED_OUT = frozenset({NEEDS_LOGIN, SETUP_INCOMPLETE})
"""States of a user sync whose runs fail until somebody signs in, or mends the credential."""

HISTORY = 50
"""How many runs back it is looked for what was told already."""

log = structlog.stdlib.get_logger("gateway.mail")


class RunMails:
    """The mails of ended runs.

    Args:
        settings: name the sender, and who gets the mails of connections that name nobody.
        database: the open database.
        user_syncs: all of them.
        outbox: the mails of the database.
    """

    def __init__(
        self, settings: Settings, database: Database, user_syncs: UserSyncs, outbox: Outbox
    ) -> None:
        self._settings = settings
        self._database = database
        self._user_syncs = user_syncs
        self._outbox = outbox
        self._links = Links.of(settings)

    async def report(self, sync: UserSyncRecord) -> int:
        """Queue a mail for each ended run of a user sync that none tells of yet.

        Also for one whose process died before its mail. Each run has exactly one, whatever comes
        in between: the mail has the run's id. Previews have none.

        Args:
            sync: the user sync, as it was read before or after the run.

        Returns:
            how many were queued or noted down. Nothing is raised: the next call makes up for it.
        """
        written = 0
        try:
            now = await self._user_syncs.get(sync.workspace, sync.id) or sync
            store = SqlSyncStore(self._database, sync.id)
            for run_id in await self._outbox.unreported(sync.id):
                run = await store.run(run_id)
                if run is not None:
                    await self._report(now, store, run)
                    written += 1
        except Exception:
            log.exception("the report of a run cannot be queued", sync=sync.id)
        return written

    async def _report(self, sync: UserSyncRecord, store: SyncStore, run: RunRecord) -> None:
        recipient = sync.report_email or self._settings.report_email or NOBODY
        history = [each for each in await store.runs(HISTORY, run.id) if _is_reported(each)]
        choice = choose(
            run,
            history,
            needs_login=sync.state in LOCKED_OUT,
            told_of_login=await self._told_of_login(history),
        )
        mail = await self._mail(sync, store, run, choice, recipient)
        await self._outbox.enqueue_all(sync.workspace, [mail])

    async def _told_of_login(self, history: Sequence[RunRecord]) -> bool:
        mails = await self._outbox.of_run(history[0].id) if history else ()
        return any(each.kind == MailKind.reauthorize for each in mails)

    async def _mail(
        self,
        sync: UserSyncRecord,
        store: SyncStore,
        run: RunRecord,
        choice: Choice,
        recipient: str,
    ) -> NewMail:
        noted = NewMail(
            choice.kind, recipient, f"Sync {one_line(sync.name)}", "", run.id, id=run.id
        )
        if choice.dropped:
            return replace(noted, status=MailStatus.dropped, error=choice.dropped)
        try:
            message = await self._message(sync, store, run, choice, recipient)
        except Exception as error:
            log.exception("the report of a run cannot be written", sync=sync.id, run=run.id)
            reason = f"The mail could not be written ({type(error).__name__}); the log has more."
            return replace(noted, status=MailStatus.failed, error=reason)
        text = message.as_bytes().decode("ascii")
        return replace(noted, subject=str(message["Subject"]), message=text)

    async def _message(
        self,
        sync: UserSyncRecord,
        store: SyncStore,
        run: RunRecord,
        choice: Choice,
        recipient: str,
    ) -> EmailMessage:
        sender = self._settings.mail_from
        if choice.kind is MailKind.reauthorize:
            return build_reauthorize(sync.name, run, self._links.sync(sync.id), sender, recipient)
        report = await read_report(
            store,
            sync.name,
            run,
            trip=choice.kind is MailKind.quarantine,
            run_url=self._links.run(sync.id, run.id),
            plans=PlanOutlines(self._database, sync.id),
        )
        return build_message(report, sender, recipient)


def _is_reported(run: RunRecord) -> bool:
    return run.finished_at is not None and not run.preview


async def read_report(
    store: SyncStore,
    name: str,
    run: RunRecord,
    *,
    trip: bool = False,
    run_url: str | None = None,
    plans: PlanOutlines | None = None,
) -> SyncReport:
    """Return what the report of a run tells."""
    failures = await store.pending(run.id, OperationStatus.failed, FAILURES_SHOWN)
    counted = await store.count_operations(run.id)
    failed = sum(
        number for (_, _, status), number in counted.items() if status == OperationStatus.failed
    )
    total = sum(counted.values())
    return SyncReport(
        name,
        run,
        summary(run),
        failures,
        failed,
        invited=counted.get((ObjectKind.user, Action.invite, OperationStatus.done.value), 0),
        trip=trip,
        run_url=run_url,
        table=await run_table(plans, run.id, total) if plans and total else None,
    )
