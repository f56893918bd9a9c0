"""The machine of the directory, with scopes and nesting that an administrator edits in between."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from azure_adapter.sync.nesting import NestedGroups
from azure_adapter.sync.scope import (
    Clause,
    GroupInclusion,
    GroupScope,
    Inclusion,
    Operator,
    Scope,
    ScopingFilter,
    UserScope,
)
from tests.databases import PostgresServer
from tests.sync.scope_oracle import assert_scoped
from tests.sync.test_machine import PICK, DirectoryMachine

ENGINEERS = (ScopingFilter((Clause("jobTitle", Operator.equals, "Engineer"),)),)


class ScopedMachine(DirectoryMachine):
    """Edits scope and nesting between the changes of the directory, and compares after each run.

    Scoping groups are chosen among those that a run has read: of others it is not believed that
    nobody is in them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def scoping_group(self, pick: int) -> str | None:
        return self._one(self.read, pick, True)

    @rule(pick=PICK, nested=st.booleans())
    def scope_by_group(self, pick: int, nested: bool) -> None:
        if group := self.scoping_group(pick):
            self.edit(Scope(UserScope(groups=(group,), nested=nested)))

    @rule(pick=PICK, other=PICK)
    def scope_by_assigned_groups(self, pick: int, other: int) -> None:
        one, two = self.scoping_group(pick), self.scoping_group(other)
        if one and two:
            groups = GroupScope(GroupInclusion.assigned)
            self.edit(Scope(UserScope(groups=tuple({one, two})), groups))

    @rule(disabled=st.sampled_from(Inclusion))
    def scope_by_rule(self, disabled: Inclusion) -> None:
        self.edit(Scope(UserScope(rules=ENGINEERS, disabled=disabled)))

    @rule()
    def scope_of_everything(self) -> None:
        self.edit(Scope())

    @rule(nested=st.sampled_from(NestedGroups))
    def nest(self, nested: NestedGroups) -> None:
        self.fresh = False
        self.world.configure(nested=nested)

    @rule(one=PICK, other=PICK)
    def contain_each_other(self, one: int, other: int) -> None:
        self.add_member(one, other, nested=True)
        self.add_member(other, one, nested=True)

    def edit(self, scope: Scope) -> None:
        self.fresh = False
        self.world.configure(scope=scope)

    @rule(full=st.booleans())
    def sync(self, full: bool) -> None:
        report = self.runner.run(self.world.sync(full=full))
        assert report["status"] == "succeeded", report
        self.read = list(self.teams)
        self.runner.run(assert_scoped(self.world))
        if self.fresh:
            for kind in ("users", "groups"):
                assert not {
                    column: report[kind][column]
                    for column in ("created", "restored", "updated", "disabled", "deleted")
                    if report[kind][column]
                }, report
            assert report["memberships"] == {"added": 0, "removed": 0}
        self.fresh = True


QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}
SHORT = settings(max_examples=15, stateful_step_count=15, **QUIET)
SHORTER = settings(max_examples=6, stateful_step_count=10, **QUIET)
LONG = settings(max_examples=400, stateful_step_count=40, **QUIET)


def sqlite_machine(template: Path, folder: Path) -> type[ScopedMachine]:
    count = iter(range(1_000_000))

    class OnSqlite(ScopedMachine):
        def new_database(self) -> str:
            file = folder / f"scoped{next(count)}.sqlite"
            shutil.copyfile(template, file)
            return f"sqlite://{file}"

    return OnSqlite


def postgres_machine(server: PostgresServer) -> type[ScopedMachine]:
    class OnPostgres(ScopedMachine):
        def new_database(self) -> str:
            self.url = server.create()
            return self.url

        def teardown(self) -> None:
            super().teardown()
            if hasattr(self, "url"):
                server.drop(self.url)

    return OnPostgres


def test_sqlite_store_equals_what_is_in_scope(sqlite_template_file: Path, tmp_path: Path) -> None:
    run_state_machine_as_test(sqlite_machine(sqlite_template_file, tmp_path), settings=SHORT)


@pytest.mark.postgres
def test_postgres_store_equals_what_is_in_scope(postgres_server: PostgresServer) -> None:
    run_state_machine_as_test(postgres_machine(postgres_server), settings=SHORTER)


@pytest.mark.soak
def test_sqlite_store_equals_what_is_in_scope_long(
    sqlite_template_file: Path, tmp_path: Path
) -> None:
    run_state_machine_as_test(sqlite_machine(sqlite_template_file, tmp_path), settings=LONG)
