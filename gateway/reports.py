"""The report of a sync run: read from the plan, written as a mail, put into the outbox."""

from azure_adapter.sync.summary import summary
from gateway.mail.delivery import NOBODY
from gateway.mail.report import FAILURES_SHOWN, SyncReport, build_message
from gateway.settings import Settings
from scim.provisioning.operations import OperationStatus, PlannedOperation
from scim.provisioning.ports import SyncStore
from scim.provisioning.records import RunRecord
from storage.access import UserSyncRecord
from storage.mail import Outbox

KIND = "sync_report"


async def enqueue_report(
    settings: Settings,
    outbox: Outbox,
    store: SyncStore,
    sync: UserSyncRecord,
    run: RunRecord,
) -> str:
    """Put the report of an ended run into the outbox and return the mail's id.

    It goes to the connection's address, else to the one of the settings, else into a file.
    """
    recipient = sync.report_email or settings.report_email or NOBODY
    report = await read_report(store, sync.name, run)
    message = build_message(report, settings.mail_from, recipient)
    text = message.as_bytes().decode("ascii")
    return await outbox.enqueue(sync.workspace, KIND, recipient, report.subject, text, run.id)


async def read_report(store: SyncStore, name: str, run: RunRecord) -> SyncReport:
    """Return what the report of a run tells."""
    failures = await store.pending(run.id, OperationStatus.failed, FAILURES_SHOWN)
    counted = await store.count_operations(run.id)
    failed = sum(
        number for (_, _, status), number in counted.items() if status == OperationStatus.failed
    )
    return SyncReport(name, run, summary(run), list[PlannedOperation](failures), failed)
