"""The mail that a sync run ends with: what it did, and what needs attention."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from gateway.mail.attachment import RunTable
from gateway.mail.message import Letter, moment_text, one_line, short_name, write
from gateway.values import cut
from scim.provisioning.operations import PlannedOperation
from scim.provisioning.records import RunKind, RunMode, RunRecord, RunStatus

FAILURES_SHOWN = 20
"""How many failed objects a report lists; the CSV file and the history have more."""

LONGEST_TEXT = 1_000
"""Characters of a message, a note or an advice that a report shows."""

COLUMNS = ("created", "restored", "updated", "disabled", "deleted", "failed", "held")

STATUS_WORDS = {
    RunStatus.succeeded: "succeeded",
    RunStatus.incomplete: "is incomplete",
    RunStatus.quarantined: "is in quarantine",
    RunStatus.failed: "failed",
    RunStatus.cancelled: "was cancelled",
    RunStatus.running: "is running",
}

MODE_SENTENCES = {
    RunMode.initial: "This was an initial cycle: everything was read.",
    RunMode.incremental: "This was an incremental cycle: what had changed was read.",
}

KIND_SENTENCES = {
    RunKind.reviewed: "This run applied a plan that somebody had reviewed.",
    RunKind.allowed: "This run applied changes that had been held back, as somebody allowed.",
    RunKind.retry: "This run tried again what had failed before; nothing was read.",
    RunKind.drift: "This run compared the users and groups here with what was read last.",
    RunKind.on_demand: "This run provisioned one object.",
}
"""What a run was for that is no cycle."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a report tells.

    Attributes:
        sync_name: what the administrator called the user sync.
        run: the run, ended.
        summary: the JSON summary of the run (`azure_adapter.sync.summary`).
        failures: the first rows of its plan that failed.
        failed: how many rows failed altogether.
        invited: how many people were invited.
        trip: a safeguard has just tripped, and a person has to decide.
        run_url: the page of the run, if the gateway's public URL is known.
        table: its rows as a CSV file.
    """

    sync_name: str
    run: RunRecord
    summary: Mapping[str, Any]
    failures: Sequence[PlannedOperation] = ()
    failed: int = 0
    invited: int = 0
    trip: bool = False
    run_url: str | None = None
    table: RunTable | None = field(default=None, repr=False)

    @property
    def headline(self) -> str:
        """The first sentence, and the subject's beginning."""
        return f"Sync {short_name(self.sync_name)} {STATUS_WORDS[self.run.status]}"

    @property
    def subject(self) -> str:
        """Name and status of the sync, and how many users came, changed and went."""
        if self.trip:
            waiting = "1 object waits" if self.held == 1 else f"{self.held} objects wait"
            return f"{self.headline}: {waiting} for your decision"
        users = self.summary.get("users", {})
        shown = [f"{users[name]} {name}" for name in COLUMNS if users.get(name)]
        return f"{self.headline}: users {', '.join(shown) if shown else 'unchanged'}"

    @property
    def held(self) -> int:
        """How many objects a safeguard holds back."""
        return sum(self.summary.get(kind, {}).get("held", 0) for kind in ("users", "groups"))


def build_message(report: SyncReport, sender: str, recipient: str) -> EmailMessage:
    """Return the report as text and HTML, with the CSV file if there is one.

    Raises:
        ValueError: an address is none.
    """
    run = report.run
    file = () if report.table is None else (report.table.attachment(f"sync-run-{run.id}.csv"),)
    moment = run.finished_at or run.started_at
    letter = Letter(
        f"{run.id}.report", report.subject, "sync_report", _values(report), moment, file
    )
    return write(letter, sender, recipient)


def duration_text(seconds: float) -> str:
    """Return a duration as a person reads it: ``0.8 s``, ``42 s``, ``3 min 5 s``, ``2 h 4 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60} min"


def _values(report: SyncReport) -> dict[str, Any]:
    run, summary = report.run, report.summary
    failures = [_failure(each) for each in report.failures[:FAILURES_SHOWN]]
    memberships = summary.get("memberships", {})
    return {
        "headline": report.headline,
        "trip": report.trip,
        "mode_sentence": KIND_SENTENCES.get(run.kind, MODE_SENTENCES[run.mode]),
        "started": moment_text(run.started_at),
        "duration": duration_text(float(summary.get("duration_s") or 0)),
        "failure": _run_failure(run),
        "columns": COLUMNS,
        "rows": [_row(kind.capitalize(), summary.get(kind, {})) for kind in ("users", "groups")],
        "added": memberships.get("added", 0),
        "removed": memberships.get("removed", 0),
        "invited": report.invited,
        "attention": bool(failures or run.notes or run.message),
        "notes": [_text(note) for note in run.notes],
        "failures": failures,
        "more_failures": max(0, report.failed - len(failures)),
        "file_sentence": _file_sentence(report.table),
        "run_url": report.run_url,
        "run_id": run.id,
        "sync_id": run.sync_id,
    }


def _file_sentence(table: RunTable | None) -> str:
    if table is None or not table.total:
        return ""
    if table.rows < table.total:
        return f"The CSV file has the first {table.rows} of {table.total} rows, failed ones first."
    return "The CSV file has what was done, object by object."


def _run_failure(run: RunRecord) -> dict[str, str] | None:
    if not run.message:
        return None
    return {"message": _text(run.message), "advice": _text(run.advice)}


def _failure(row: PlannedOperation) -> dict[str, str]:
    label, message = short_name(row.operation.label), _text(row.message)
    label = label or row.operation.source_id
    return {
        "label": "" if message.startswith(label) else label,
        "message": message,
        "advice": _text(row.advice),
    }


def _text(text: str) -> str:
    return cut(one_line(text), LONGEST_TEXT)


def _row(name: str, counts: Mapping[str, int]) -> dict[str, Any]:
    return {"name": name, **{column: counts.get(column, 0) for column in COLUMNS}}
