"""The mail that a sync run ends with: what it did, and what needs attention."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from gateway.mail.address import mailbox
from scim.provisioning.operations import PlannedOperation
from scim.provisioning.records import RunMode, RunRecord, RunStatus

FAILURES_SHOWN = 20
"""How many failed objects a report lists; the history has all of them."""

COLUMNS = ("created", "restored", "updated", "disabled", "deleted", "failed")

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


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a report tells.

    Attributes:
        sync_name: what the administrator called the user sync.
        run: the run, ended.
        summary: the JSON summary of the run (`azure_adapter.sync.summary`).
        failures: the first rows of its plan that failed.
        failed: how many rows failed altogether.
    """

    sync_name: str
    run: RunRecord
    summary: Mapping[str, Any]
    failures: Sequence[PlannedOperation] = ()
    failed: int = 0

    @property
    def headline(self) -> str:
        """The first sentence, and the subject's beginning."""
        return f"Sync {one_line(self.sync_name)} {STATUS_WORDS[self.run.status]}"

    @property
    def subject(self) -> str:
        """Name and status of the sync, and how many users came, changed and went."""
        users = self.summary.get("users", {})
        shown = [f"{users[name]} {name}" for name in COLUMNS if users.get(name)]
        return f"{self.headline}: users {', '.join(shown) if shown else 'unchanged'}"


def build_message(report: SyncReport, sender: str, recipient: str) -> EmailMessage:
    """Return the report as text and HTML (multipart/alternative), in ASCII on the wire."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = report.subject
    message["From"] = mailbox(sender)
    message["To"] = mailbox(recipient)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(report.run.id, domain=mailbox(sender).domain)
    message["Auto-Submitted"] = "auto-generated"
    values = _values(report)
    message.set_content(_render("sync_report.txt", values), cte="quoted-printable")
    message.add_alternative(
        _render("sync_report.html", values), subtype="html", cte="quoted-printable"
    )
    return message


def one_line(text: str) -> str:
    """Return text without line breaks and control characters, so that it fits in a header."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text).strip()


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
        "mode_sentence": MODE_SENTENCES[run.mode],
        "started": _moment(run.started_at),
        "duration": duration_text(float(summary.get("duration_s") or 0)),
        "failure": _run_failure(run),
        "columns": COLUMNS,
        "rows": [_row(kind.capitalize(), summary.get(kind, {})) for kind in ("users", "groups")],
        "added": memberships.get("added", 0),
        "removed": memberships.get("removed", 0),
        "attention": bool(failures or run.notes or run.message),
        "notes": [one_line(note) for note in run.notes],
        "failures": failures,
        "more_failures": max(0, report.failed - len(failures)),
        "run_id": run.id,
        "sync_id": run.sync_id,
    }


def _run_failure(run: RunRecord) -> dict[str, str] | None:
    if not run.message:
        return None
    return {"message": one_line(run.message), "advice": one_line(run.advice)}


def _failure(row: PlannedOperation) -> dict[str, str]:
    label, message = one_line(row.operation.label) or row.operation.source_id, one_line(row.message)
    return {
        "label": "" if message.startswith(label) else label,
        "message": message,
        "advice": one_line(row.advice),
    }


def _row(name: str, counts: Mapping[str, int]) -> dict[str, Any]:
    return {"name": name, **{column: counts.get(column, 0) for column in COLUMNS}}


def _moment(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC"


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("gateway.mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(name: str, values: Mapping[str, Any]) -> str:
    return _templates().get_template(name).render(values)
