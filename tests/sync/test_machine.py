"""After any sequence of directory changes and syncs the store equals the directory's model."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from azure_adapter.simulator import Directory
from tests.databases import PostgresServer
from tests.sync.world import World, assert_in_step, world

NAMES = st.sampled_from(["Ann", "Jürgen", "李娜", "Ольга", "Σοφία", "ẞtraße", "İpek"])
UPNS = st.sampled_from([f"p{number}@contoso.com" for number in range(8)])
TITLES = st.sampled_from(["Engineer", "Buyer", None])


PICK = st.integers(0, 11)
"""Picks one of the objects there are, whatever their number."""


class DirectoryMachine(RuleBasedStateMachine):
    """Changes a directory at random, syncs now and then, and compares.

    It begins with a few people and groups that are synced already, so that a change, a rename or
    a departure meets a resource in the store from the first step on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.people: list[str] = []
        self.teams: list[str] = []
        self.fresh = False

    @initialize(page_size=st.integers(1, 5), scatter=st.integers(1, 2))
    def open(self, page_size: int, scatter: int) -> None:
        directory = Directory(seed=1)
        context = world(self.new_database(), directory, page_size=page_size, scatter=scatter)
        self.world: World = self.runner.run(self.stack.enter_async_context(context))
        self.runner.run(self.world.add_dashboard_user(userName="by.hand@contoso.com"))
        self.foreign = self.runner.run(self.world.foreign())
        for number in range(3):
            self.join(f"p{number}@contoso.com", "Ann", None, True)
        self.teams = [directory.add_group(displayName=name) for name in ("All", "Few")]
        directory.add_member(self.teams[0], self.people[0])
        directory.add_member(self.teams[0], self.teams[1])
        directory.set_manager(self.people[0], self.people[1])
        self.sync(full=False)

    def new_database(self) -> str:
        raise NotImplementedError

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.sync(full=False)
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    # picking

    def person(self, pick: int, *, live: bool = True) -> str | None:
        return self._one(self.people, pick, live)

    def team(self, pick: int, *, live: bool = True) -> str | None:
        return self._one(self.teams, pick, live)

    def _one(self, ids: list[str], pick: int, live: bool) -> str | None:
        entries = [self.world.directory.get(one) for one in ids]
        fitting = [one.id for one in entries if one and (one.deleted is None) is live]
        return fitting[pick % len(fitting)] if fitting else None

    def free(self, upn: str) -> bool:
        return not self.world.directory.upn_taken(upn)

    # people

    @rule(upn=UPNS, name=NAMES, title=TITLES, enabled=st.booleans())
    def join(self, upn: str, name: str, title: str | None, enabled: bool) -> None:
        if not self.free(upn):
            return
        self.fresh = False
        attributes: dict[str, Any] = {"jobTitle": title} if title else {}
        self.people.append(
            self.world.directory.add_user(
                userPrincipalName=upn,
                displayName=name,
                givenName=name,
                accountEnabled=enabled,
                mail=upn,
                department="Sales",
                **attributes,
            )
        )

    @rule(pick=PICK, name=NAMES, title=TITLES)
    def change(self, pick: int, name: str, title: str | None) -> None:
        if user := self.person(pick):
            self.fresh = False
            self.world.directory.update_user(user, displayName=name, surname=name, jobTitle=title)

    @rule(pick=PICK, upn=UPNS)
    def rename(self, pick: int, upn: str) -> None:
        user = self.person(pick)
        if user and self.free(upn):
            self.fresh = False
            self.world.directory.update_user(user, userPrincipalName=upn, mail=upn)

    @rule(one=PICK, other=PICK)
    def swap_names(self, one: int, other: int) -> None:
        first, second = self.person(one), self.person(other)
        if first is None or second is None or first == second:
            return
        self.fresh = False
        directory = self.world.directory
        entries = directory.get(first), directory.get(second)
        names = [entry.attrs["userPrincipalName"] for entry in entries if entry]
        directory.update_user(first, userPrincipalName="swap@contoso.com")
        directory.update_user(second, userPrincipalName=names[0])
        directory.update_user(first, userPrincipalName=names[1])

    @rule(pick=PICK, enabled=st.booleans())
    def switch(self, pick: int, enabled: bool) -> None:
        if user := self.person(pick):
            self.fresh = False
            self.world.directory.update_user(user, accountEnabled=enabled)

    @rule(pick=PICK, boss=PICK)
    def assign_manager(self, pick: int, boss: int) -> None:
        user, manager = self.person(pick), self.person(boss)
        if user and manager and user != manager:
            self.fresh = False
            self.world.directory.set_manager(user, manager)

    @rule(pick=PICK)
    def leave(self, pick: int) -> None:
        if user := self.person(pick):
            self.fresh = False
            self.world.directory.delete_user(user)

    @rule(pick=PICK, name=NAMES)
    def leave_and_be_replaced(self, pick: int, name: str) -> None:
        """A new object takes the name over, within one cycle."""
        if user := self.person(pick):
            entry = self.world.directory.get(user)
            self.world.directory.delete_user(user)
            self.join(entry.attrs["userPrincipalName"], name, None, True)

    @rule(pick=PICK)
    def purge(self, pick: int) -> None:
        if user := self.person(pick, live=False):
            self.fresh = False
            self.world.directory.purge_user(user)

    @rule(pick=PICK)
    def restore(self, pick: int) -> None:
        user = self.person(pick, live=False)
        entry = self.world.directory.get(user) if user else None
        if entry and self.free(entry.attrs["userPrincipalName"]):
            self.fresh = False
            self.world.directory.restore_user(entry.id)

    # groups

    @rule(name=NAMES, unified=st.booleans())
    def add_group(self, name: str, unified: bool) -> None:
        self.fresh = False
        types = ["Unified"] if unified else []
        self.teams.append(self.world.directory.add_group(displayName=name, groupTypes=types))

    @rule(pick=PICK, name=NAMES)
    def rename_group(self, pick: int, name: str) -> None:
        if group := self.team(pick):
            self.fresh = False
            self.world.directory.rename_group(group, name)

    @rule(pick=PICK)
    def delete_group(self, pick: int) -> None:
        if group := self.team(pick):
            self.fresh = False
            self.world.directory.delete_group(group)

    @rule(pick=PICK)
    def restore_group(self, pick: int) -> None:
        if group := self.team(pick, live=False):
            self.fresh = False
            self.world.directory.restore_group(group)

    @rule(pick=PICK, which=PICK, nested=st.booleans())
    def add_member(self, pick: int, which: int, nested: bool) -> None:
        directory = self.world.directory
        group, member = self.team(pick), self.team(which) if nested else self.person(which)
        if group and member and member != group and member not in directory.members_of(group):
            self.fresh = False
            directory.add_member(group, member)

    @rule(pick=PICK, which=PICK)
    def remove_member(self, pick: int, which: int) -> None:
        directory = self.world.directory
        group = self.team(pick)
        members = directory.members_of(group) if group else []
        if group and members:
            self.fresh = False
            directory.remove_member(group, members[which % len(members)])

    # syncing

    @rule()
    def expire_cursor(self) -> None:
        self.world.directory.expire_delta_tokens()

    @rule(full=st.booleans())
    def sync(self, full: bool) -> None:
        report = self.runner.run(self.world.sync(full=full))
        assert report["status"] == "succeeded", report
        self.runner.run(assert_in_step(self.world))
        if self.fresh:
            touched = ("created", "restored", "updated", "disabled", "deleted", "failed")
            assert all(report["users"][column] == 0 for column in touched), report
            assert all(report["groups"][column] == 0 for column in touched), report
            assert report["memberships"] == {"added": 0, "removed": 0}
        self.fresh = True

    @invariant()
    def nothing_foreign_changes(self) -> None:
        if hasattr(self, "foreign"):
            assert self.runner.run(self.world.foreign()) == self.foreign

    @invariant()
    def only_reads_reach_microsoft(self) -> None:
        if hasattr(self, "foreign"):
            assert not self.world.simulator.writes


QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}
SHORT = settings(max_examples=35, stateful_step_count=20, **QUIET)
SHORTER = settings(max_examples=20, stateful_step_count=15, **QUIET)
LONG = settings(max_examples=600, stateful_step_count=50, **QUIET)


def sqlite_machine(template: Path, folder: Path) -> type[DirectoryMachine]:
    count = iter(range(1_000_000))

    class OnSqlite(DirectoryMachine):
        def new_database(self) -> str:
            file = folder / f"machine{next(count)}.sqlite"
            shutil.copyfile(template, file)
            return f"sqlite://{file}"

    return OnSqlite


def postgres_machine(server: PostgresServer) -> type[DirectoryMachine]:
    class OnPostgres(DirectoryMachine):
        def new_database(self) -> str:
            self.url = server.create()
            return self.url

        def teardown(self) -> None:
            super().teardown()
            if hasattr(self, "url"):
                server.drop(self.url)

    return OnPostgres


def test_sqlite_store_equals_directory(sqlite_template_file: Path, tmp_path: Path) -> None:
    run_state_machine_as_test(sqlite_machine(sqlite_template_file, tmp_path), settings=SHORT)


@pytest.mark.postgres
def test_postgres_store_equals_directory(postgres_server: PostgresServer) -> None:
    run_state_machine_as_test(postgres_machine(postgres_server), settings=SHORTER)


@pytest.mark.soak
def test_sqlite_store_equals_directory_long(sqlite_template_file: Path, tmp_path: Path) -> None:
    run_state_machine_as_test(sqlite_machine(sqlite_template_file, tmp_path), settings=LONG)


@pytest.mark.soak
@pytest.mark.postgres
def test_postgres_store_equals_directory_long(postgres_server: PostgresServer) -> None:
    run_state_machine_as_test(postgres_machine(postgres_server), settings=LONG)
