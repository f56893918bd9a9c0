"""Any sequence of changes, kills, faults, reviews and undo: the store equals the model."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from azure_adapter.simulator import Fault
from scim.provisioning.records import RunRecord, RunStatus
from tests.databases import PostgresServer
from tests.sync.plans import DONE, PENDING
from tests.sync.plans import rows as plan_rows
from tests.sync.test_approvals import edit_here, told
from tests.sync.test_cancel import Stuck
from tests.sync.test_crash import Killed, Mortal
from tests.sync.test_machine import (
    PICK,
    QUIET,
    DirectoryMachine,
    postgres_machine,
    sqlite_machine,
)
from tests.sync.test_undo import pause
from tests.sync.test_undo import store as everything
from tests.sync.world import assert_in_step

EFFECTS = st.sampled_from(["throttle", "server_error", "reset", "truncate", "invalid_json"])


class ControlledMachine(DirectoryMachine):
    """The machine of the directory, with an administrator and bad luck."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[str, Any] | None = None

    def do(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    @rule(full=st.booleans())
    def sync(self, full: bool) -> None:
        before = self.do(everything(self.world))
        super().sync(full)
        self.before = before

    # bad luck

    @rule(moment=st.integers(1, 40), late=st.booleans(), full=st.booleans())
    def killed(self, moment: int, late: bool, full: bool) -> None:
        """A process dies somewhere; the next sync goes on."""
        countdown = [moment]
        engine = self.world.engine(
            store=Mortal(self.world.store(), countdown, late=late),  # type: ignore[arg-type]
            target=Mortal(self.world.target(), countdown, late=late),
        )
        try:
            self.do(engine.run(full=full))
        except Killed:
            self.fresh = False
            self.do(self.world.engine().finish_left())
        self.before = None

    @rule(effect=EFFECTS, nth=st.integers(1, 4), times=st.integers(1, 30), full=st.booleans())
    def faults(self, effect: Any, nth: int, times: int, full: bool) -> None:
        """Microsoft has a bad moment; what cannot be read changes nothing."""
        plan = self.world.simulator.faults
        plan.add(Fault(effect, nth=nth, times=times))
        ended: RunRecord = self.do(self.world.engine().run(full=full))
        plan.faults.clear()
        assert ended.status in (RunStatus.succeeded, RunStatus.failed)
        self.fresh, self.before = False, None

    # an administrator

    @rule()
    def review(self) -> None:
        """Preview, and apply what was seen: the plan equals the effect."""
        reviewed: RunRecord = self.do(self.world.engine().run(preview=True))
        seen = self.do(plan_rows(self.world, reviewed, status=PENDING))
        done = self.do(self.world.engine().apply(reviewed.id, reviewed.checksum))
        assert done.status == "succeeded", done
        assert told(self.do(plan_rows(self.world, done, status=DONE))) == told(seen)
        self.do(assert_in_step(self.world))
        self.fresh, self.before = True, None

    @rule(pick=PICK, gone=st.booleans())
    def meddle(self, pick: int, gone: bool) -> None:
        """Somebody changes or deletes a user here; drift is found, and mended."""
        users = self.do(self.world.users())
        if not users:
            return
        source_id = sorted(users)[pick % len(users)]
        if gone:
            user_type = self.world.target()._service.get_resource_type("User")
            self.do(self.world.resources().delete(user_type, users[source_id]["id"]))
        else:
            self.do(edit_here(self.world, source_id, "title", "By hand"))
        done = self.do(self.world.engine().drift(preview=False))
        assert done.status == "succeeded", done
        self.fresh, self.before = False, None
        self.sync(full=False)

    @rule()
    def undo(self) -> None:
        """Take the last sync back, look, and let the next one do it again."""
        if self.before is None or not self.world.runs:
            return
        last = self.world.runs[-1]
        if not self.do(plan_rows(self.world, last, status=DONE)):
            return
        self.do(pause(self.world))
        reviewed = self.do(self.world.engine().undo(last.id))
        done = self.do(self.world.engine().apply(reviewed.id, reviewed.checksum))
        assert done.status == "succeeded", done
        assert self.do(everything(self.world)) == self.before
        self.do(pause(self.world, paused=False))
        self.fresh = False
        self.sync(full=False)
        self.before = None

    @rule(method=st.sampled_from(["dirty", "pending", "count_objects"]), nth=st.integers(1, 3))
    def cancel(self, method: str, nth: int) -> None:
        """A person stops a run somewhere; the next one goes on."""

        async def story() -> None:
            store = Stuck(self.world.store(), method, nth)
            engine = self.world.engine(store=store)  # type: ignore[arg-type]
            engine.listen_s = 0.005
            running = asyncio.create_task(engine.run())
            reached = asyncio.create_task(store.reached.wait())
            await asyncio.wait([running, reached], return_when=asyncio.FIRST_COMPLETED)
            await self.world.store().request_cancel("ada")
            await asyncio.wait_for(running, 20)
            reached.cancel()

        self.do(story())
        self.fresh, self.before = False, None


def machine(base: type[DirectoryMachine]) -> type[DirectoryMachine]:
    """Return the controlled machine on a database that another one brings."""

    class Controlled(ControlledMachine, base):  # type: ignore[misc, valid-type]
        pass

    return Controlled


SHORT = settings(max_examples=18, stateful_step_count=16, **QUIET)
SHORTER = settings(max_examples=8, stateful_step_count=14, **QUIET)
LONG = settings(max_examples=300, stateful_step_count=40, **QUIET)


def test_sqlite_survives_everything(sqlite_template_file: Path, tmp_path: Path) -> None:
    made = machine(sqlite_machine(sqlite_template_file, tmp_path))
    run_state_machine_as_test(made, settings=SHORT)


@pytest.mark.postgres
def test_postgres_survives_everything(postgres_server: PostgresServer) -> None:
    made = machine(postgres_machine(postgres_server))
    run_state_machine_as_test(made, settings=SHORTER)


@pytest.mark.soak
def test_sqlite_survives_everything_long(sqlite_template_file: Path, tmp_path: Path) -> None:
    made = machine(sqlite_machine(sqlite_template_file, tmp_path))
    run_state_machine_as_test(made, settings=LONG)


@pytest.mark.soak
@pytest.mark.postgres
def test_postgres_survives_everything_long(postgres_server: PostgresServer) -> None:
    made = machine(postgres_machine(postgres_server))
    run_state_machine_as_test(made, settings=LONG)
