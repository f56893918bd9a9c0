"""What a run did, object by object, as a CSV file that goes with the report.

It is bounded, and says so: failed and held rows come first, so that they are always in it.
"""

import csv
import io
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from gateway.mail.message import Attachment, one_line
from gateway.values import differences
from scim.provisioning.operations import OperationStatus
from storage.sync.outlines import OutlineRow, PlanOutlines

MOST_ROWS = 10_000
MOST_BYTES = 4 * 1_048_576
"""A CSV file has at most so many rows and bytes: few mail servers take mails above 10 MB."""

LONGEST_VALUE = 200
LONGEST_CELL = 2_000
"""Characters of an attribute's value, and of a cell."""

COLUMNS = (
    "kind",
    "object",
    "action",
    "status",
    "changes (old → new)",
    "error",
    "advice",
    "memberships",
    "source id",
    "resource id",
)

FIRST = (OperationStatus.failed, OperationStatus.held)

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection)."""


@dataclass(frozen=True, slots=True)
class RunTable:
    """A run's rows as CSV.

    Attributes:
        content: the file, UTF-8 with the mark that Excel knows it by.
        rows: how many rows are in it.
        total: how many there are.
    """

    content: bytes
    rows: int
    total: int

    def attachment(self, name: str) -> Attachment:
        """Return it as a file."""
        return Attachment(name, "text/csv", self.content)


async def run_table(
    plans: PlanOutlines,
    run_id: str,
    total: int,
    *,
    most_rows: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
) -> RunTable:
    """Write the rows of a run's plan, a page at a time.

    Args:
        plans: of the user sync.
        run_id: the run.
        total: how many rows its plan has.
        most_rows: no more rows than this.
        most_bytes: about so many bytes at most.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    rows = 0
    async with aclosing(_rows(plans, run_id)) as found:
        async for row in found:
            if rows == most_rows or text.tell() >= most_bytes:
                break
            writer.writerow([cell(each) for each in _cells(row)])
            rows += 1
    if rows < total:
        writer.writerow([f"Only {rows} of {total} rows are here; the history has all of them."])
    return RunTable(text.getvalue().encode("utf-8-sig", "replace"), rows, total)


async def _rows(plans: PlanOutlines, run_id: str) -> AsyncGenerator[OutlineRow, None]:
    """Yield the rows of a run: what failed and what is held, then the others in their order."""
    for status in FIRST:
        async for row in plans.of_status(run_id, status):
            yield row
    async for row in plans.without(run_id, FIRST):
        yield row


def _cells(row: OutlineRow) -> Iterator[str]:
    yield row.kind.value
    yield row.label
    yield row.action.value
    yield row.status.value
    yield "; ".join(differences(row.before, row.after, LONGEST_VALUE))
    yield row.message
    yield row.advice
    yield str(row.memberships or "")
    yield row.source_id
    yield row.resource_id


def cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula, in one line, cut where too long."""
    shown = one_line(text)[:LONGEST_CELL]
    return f"'{shown}" if shown.startswith(FORMULA) else shown
