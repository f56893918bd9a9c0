"""The mails of runs: what stands in them, and that each run has exactly one."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.attachment import COLUMNS, FORMULA, cell, run_table
from gateway.reports import RunMails
from gateway.settings import Settings
from scim.provisioning.operations import Action, Operation, OperationStatus, Outcome
from scim.provisioning.records import RunMode, RunPhase, RunRecord, RunStatus, SourceError
from scim.provisioning.source import ObjectKind, ObjectProblem
from storage.access import UserSyncRecord, UserSyncs
from storage.database import Database
from storage.mail import MailRecord, MailStatus, Outbox
from storage.sync.outlines import PlanOutlines
from tests.gateway.mailbox import parsed, text_of
from tests.storage.test_sync_world import World

USER, GROUP = ObjectKind.user, ObjectKind.group


class Reported(World):
    """A user sync with runs, and the mails of their ends."""

    def __init__(self, database: Database, runner: asyncio.Runner, settings: Settings) -> None:
        super().__init__(database, runner)
        self.outbox = Outbox(database)
        self.syncs = UserSyncs(database)
        self.mails = RunMails(settings, database, self.syncs, self.outbox)
        self.plans = PlanOutlines(database, self.sync_id)

    def sync(self) -> UserSyncRecord:
        found = self.run(self.syncs.get(self.workspace, self.sync_id))
        assert found is not None
        return found

    def operations(self, run: RunRecord, *operations: Operation) -> None:
        self.run(self.store.add_operations(run.id, operations, OperationStatus.pending))

    def end(self, run: RunRecord, status: RunStatus = RunStatus.succeeded, **more: Any) -> None:
        self.run(
            self.store.update_run(run.id, phase=RunPhase.done, status=status, finished=True, **more)
        )

    def report(self) -> list[MailRecord]:
        """Report what has ended, and return the mails of the workspace, the oldest first."""
        self.run(self.mails.report(self.sync()))
        return self.run(self.outbox.list(self.workspace))[::-1]

    def message(self, mail: MailRecord) -> EmailMessage:
        return parsed(self.run(self.outbox.message(mail.id)).encode())


@pytest.fixture
def reported(database: Database, runner: asyncio.Runner, tmp_path: Path) -> Reported:
    settings = Settings(
        data_dir=tmp_path, base_url="https://idm.example.com", report_email="ann@example.com"
    )
    return Reported(database, runner, settings)


def update(number: int, **changed: Any) -> Operation:
    values: dict[str, Any] = {
        "before": {"title": "Engineer", "active": True},
        "after": {"title": "Lead", "active": False},
        **changed,
    }
    return Operation(Action.update, USER, f"id-{number}", f"user{number}@x.org", "PATCH", **values)


def table_of(message: EmailMessage) -> list[list[str]]:
    (file,) = message.iter_attachments()
    assert file.get_content_type() == "text/csv"
    name = file.get_filename()
    assert name
    assert name.endswith(".csv")
    content = file.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


# -- the report ---------------------------------------------------------------------------


def test_a_run_is_reported_with_its_rows(reported: Reported) -> None:
    run = reported.start()
    reported.operations(
        run,
        Operation(Action.create, USER, "id-1", "ann@x.org", "POST", "/Users", after={"a": 1}),
        update(2),
        Operation(
            Action.add_members, GROUP, "id-3", "Team", "PATCH", "/Groups/1",
            body={"Operations": [{"op": "add", "value": [{"value": "1"}, {"value": "2"}]}]},
            after={"members": ["1", "2"]},
        ),
        Operation(Action.invite, USER, "id-1", "ann@x.org", after={"address": "ann@x.org"}),
    )  # fmt: skip
    problem = ObjectProblem(
        USER, "id-9", "user9", "no_email", "user9 has no address.", "Give it one."
    )
    reported.run(reported.store.add_problems(run.id, [problem]))
    done = Outcome(200, "r-1")
    failed = Outcome(409, code="uniqueness", message="The name is taken.")
    reported.run(
        reported.store.record(
            run.id,
            [
                (1, OperationStatus.done, done, ""),
                (2, OperationStatus.failed, failed, "Rename one."),
                (3, OperationStatus.done, done, ""),
                (4, OperationStatus.done, done, ""),
            ],
        )
    )
    reported.end(run, RunStatus.incomplete, counts={"users": {"created": 1, "failed": 2}})
    (mail,) = reported.report()
    assert (mail.id, mail.run_id, mail.kind) == (run.id, run.id, "sync_report")
    assert mail.recipient == "ann@example.com"
    message = reported.message(mail)
    text = text_of(message)
    assert f"https://idm.example.com/user-syncs/{reported.sync_id}/runs/{run.id}" in text
    assert "Invitations: 1 sent." in text
    assert "The name is taken." in text
    assert "The CSV file has what was done, object by object." in text
    header, *rows = table_of(message)
    assert tuple(header) == COLUMNS
    by_action = {row[2]: dict(zip(header, row, strict=True)) for row in rows}
    assert {row[3] for row in rows[:2]} == {"failed"}
    changed = by_action["update"]
    assert changed["changes (old → new)"] == "active true → false; title Engineer → Lead"
    assert (changed["error"], changed["advice"]) == ("The name is taken.", "Rename one.")
    assert (changed["object"], changed["source id"]) == ("user2@x.org", "id-2")
    assert by_action["add_members"]["memberships"] == "2"
    assert by_action["add_members"]["changes (old → new)"] == ""
    assert by_action["none"]["advice"] == "Give it one."


def test_each_run_has_one_mail_whoever_reports_it_and_how_often(reported: Reported) -> None:
    first, second = reported.start(), reported.start()
    reported.end(first)
    reported.end(second)

    async def at_once() -> list[int]:
        sync = await reported.syncs.get(reported.workspace, reported.sync_id)
        assert sync is not None
        return await asyncio.gather(*(reported.mails.report(sync) for _ in range(3)))

    reported.run(at_once())
    mails = reported.report()
    assert [mail.run_id for mail in mails] == [first.id, second.id]
    assert reported.run(reported.mails.report(reported.sync())) == 0


def test_a_failed_run_is_reported(reported: Reported) -> None:
    run = reported.start()
    error = SourceError("unreachable", "Microsoft is not reached.", "Check the network.")
    reported.end(run, RunStatus.failed, error=error)
    (mail,) = reported.report()
    message = reported.message(mail)
    assert message["Subject"] == "Sync sync failed: users unchanged"
    assert "Microsoft is not reached." in text_of(message, "html")
    assert list(message.iter_attachments()) == []


def test_a_trip_is_one_mail_and_its_report(reported: Reported) -> None:
    for number in range(3):
        run = reported.start()
        reported.operations(run, Operation(Action.delete, USER, "id-1", "ann@x.org", "DELETE"))
        reported.run(reported.store.hold(run.id, USER, [Action.delete], "too_many", "Too many."))
        note = "400 of 500 users would be deleted; the limit is 20 %."
        reported.end(
            run, RunStatus.quarantined, counts={"users": {"held": 400}},
            **({"note": note} if number == 0 else {}),
        )  # fmt: skip
        reported.run(scheduled(reported, run))
    trip, *later = reported.report()
    message = reported.message(trip)
    assert trip.kind == "quarantine"
    assert message["Subject"] == "Sync sync is in quarantine: 400 objects wait for your decision"
    for kind in ("plain", "html"):
        text = text_of(message, kind)
        assert "stopped itself" in text
        assert "the limit is 20 %" in text
        assert f"/runs/{trip.run_id}" in text
    assert table_of(message)[1][2:4] == ["delete", "held"]
    assert [mail.status for mail in later] == [MailStatus.dropped] * 2
    assert all(trip.run_id in later[0].error for _ in later)


async def scheduled(reported: Reported, run: RunRecord) -> None:
    async with reported.database.transaction() as session:
        await session.execute("UPDATE sync_run SET trigger = 'schedule' WHERE id = ?", (run.id,))


def test_a_lost_sign_in_is_one_mail(reported: Reported) -> None:
    error = SourceError("expired", "The session has expired.", "Sign in again.")
    reported.run(reported.syncs.change(reported.workspace, reported.sync_id, state="needs_login"))
    for _ in range(3):
        reported.end(reported.start(), RunStatus.failed, error=error)
    first, *later = reported.report()
    message = reported.message(first)
    assert first.kind == "reauthorize"
    assert message["Subject"] == "Sync sync cannot sign in to Microsoft: reauthorize it"
    assert f"https://idm.example.com/user-syncs/{reported.sync_id}\n" in text_of(message)
    assert "The session has expired." in text_of(message, "html")
    assert [mail.status for mail in later] == [MailStatus.dropped] * 2
    reported.run(reported.syncs.change(reported.workspace, reported.sync_id, state="ready"))
    reported.end(reported.start())
    assert reported.report()[-1].kind == "sync_report"
    reported.run(reported.syncs.change(reported.workspace, reported.sync_id, state="needs_login"))
    reported.end(reported.start(), RunStatus.failed, error=error)
    again = reported.report()[-1]
    assert (again.kind, again.status) == ("reauthorize", MailStatus.queued)


def test_a_mail_that_cannot_be_written_fails_nothing_and_is_seen(
    reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def change(**values: Any) -> None:
        await reported.syncs.change(reported.workspace, reported.sync_id, **values)

    reported.run(change(report_email="not an address"))
    reported.end(reported.start())
    (mail,) = reported.report()
    assert mail.status is MailStatus.failed
    assert "could not be written" in mail.error
    assert reported.run(reported.outbox.count_failed(reported.workspace)) == 1

    async def broken(*_: Any) -> Any:
        raise RuntimeError("no database")

    with monkeypatch.context() as patched:
        patched.setattr(reported.outbox, "unreported", broken)
        assert reported.run(reported.mails.report(reported.sync())) == 0


def test_previews_are_not_reported(reported: Reported) -> None:
    async def previewed() -> None:
        run = await reported.store.start_run(
            RunMode.initial, trigger="cli", actor="", preview=True, lease=reported.lease
        )
        await reported.store.update_run(run.id, status=RunStatus.succeeded, finished=True)

    reported.run(previewed())
    assert reported.report() == []


# -- the CSV file ------------------------------------------------------------------------------


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.mark.parametrize(("most", "bytes_"), [(700, 10**9), (10**9, 40_000)])
def test_the_file_is_bounded_and_says_so(reported: Reported, most: int, bytes_: int) -> None:
    run = reported.start()
    reported.operations(run, *(update(number) for number in range(1_100)))
    failed = Outcome(409, code="uniqueness", message="The name is taken.")
    reported.run(
        reported.store.record(run.id, [(1_050, OperationStatus.failed, failed, "Rename one.")])
    )
    table = reported.run(
        run_table(reported.plans, run.id, 1_100, most_rows=most, most_bytes=bytes_)
    )
    rows = rows_of(table.content)
    assert rows[1][1] == "user1049@x.org"
    assert len(rows) == table.rows + 2
    assert rows[-1] == [f"Only {table.rows} of 1100 rows are here; the history has all of them."]
    assert table.rows == most or 40_000 <= len(table.content) < 50_000


def test_a_file_of_many_pages_has_each_row_once(reported: Reported) -> None:
    run = reported.start()
    reported.operations(run, *(update(number) for number in range(1_100)))
    held = reported.run(reported.store.hold(run.id, USER, [Action.update], "too_many", "Too many."))
    table = reported.run(run_table(reported.plans, run.id, 1_100))
    rows = rows_of(table.content)[1:]
    assert held == table.rows == 1_100
    assert [row[1] for row in rows] == [f"user{number}@x.org" for number in range(1_100)]


@given(st.text(max_size=30) | st.sampled_from(FORMULA).flatmap(lambda x: st.just(x + "cmd|'/C'")))
def test_no_cell_is_a_formula_or_breaks_out_of_its_line(text: str) -> None:
    shown = cell(text)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))
    assert "\n" not in shown
    assert "\0" not in shown


def test_long_values_are_cut(reported: Reported) -> None:
    run = reported.start()
    reported.operations(run, update(1, before={"title": "x" * 9_000}, after={"title": "y" * 9_000}))
    table = reported.run(run_table(reported.plans, run.id, 1))
    assert len(table.content) < 2_000


def test_a_report_of_nobody_becomes_a_file(
    database: Database, runner: asyncio.Runner, tmp_path: Path
) -> None:
    reported = Reported(database, runner, Settings(data_dir=tmp_path, report_email=None))
    reported.end(reported.start())
    (mail,) = reported.report()
    assert mail.recipient == "administrator@localhost"


def of(rows: Sequence[list[str]], column: str) -> list[str]:
    return [row[COLUMNS.index(column)] for row in rows]


def test_values_of_a_directory_cannot_break_the_file(reported: Reported) -> None:
    run = reported.start()
    evil = '=HYPERLINK("https://evil.example","x")'
    reported.operations(run, replace(update(1), label=evil), replace(update(2), label='a",\r\n"b'))
    rows = rows_of(reported.run(run_table(reported.plans, run.id, 2)).content)[1:]
    assert of(rows, "object") == [f"'{evil}", 'a", "b']
