"""Safeguards, decisions, two syncs and a pushing client on one workspace, in any sequence.

What must hold after each run: safeguards were not overshot, a plan did what its preview showed,
nothing of anybody else was touched, and whatever is not held, discarded or failed is as the
directory says.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from scim2_models import UniquenessException

from azure_adapter.graph import ClientCredentials, GraphEndpoints, open_reader
from azure_adapter.simulator import Directory, SimulatorServer, create_app
from azure_adapter.sync.config import DeletionPolicy, SafeguardLimits
from azure_adapter.sync.safeguards import (
    DELETIONS,
    DISABLES,
    GROUP_DELETIONS,
    Guarded,
    Load,
    allowance,
)
from scim.provisioning.authority import Source, SourceKind
from scim.provisioning.operations import Action, OperationStatus
from scim.provisioning.records import RunKind, RunRecord
from scim.provisioning.source import ObjectKind
from storage.access import UserSyncs
from tests.databases import PostgresServer
from tests.sync.oracle import expected_groups, expected_users, observed_users
from tests.sync.plans import DONE, PENDING, rows
from tests.sync.test_approvals import told
from tests.sync.world import PACE, PATIENCE, SERVICE, World, world

UPNS = st.sampled_from([f"p{number}@contoso.com" for number in range(9)])
PICK = st.integers(0, 11)
LIMITS = SafeguardLimits(percent=30, at_least=1)
OKTA = Source(SourceKind.scim_client, "okta")
WEIGHED = (DELETIONS, DISABLES, GROUP_DELETIONS)
GONE = (Action.delete, Action.unlink)


class QuarantineMachine(RuleBasedStateMachine):
    """Two administrators, one workspace, and somebody who pushes."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()

    def new_database(self) -> str:
        raise NotImplementedError

    def do(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    @initialize(policy=st.sampled_from(list(DeletionPolicy)))
    def open(self, policy: DeletionPolicy) -> None:
        self.policy = policy
        self.do(self._open(policy, self.new_database()))

    async def _open(self, policy: DeletionPolicy, url: str) -> None:
        first = await self.stack.enter_async_context(world(url, Directory(seed=5)))
        second = await self._second(first)
        self.syncs: list[World] = [first, second]
        self.people: list[list[str]] = [[], []]
        self.teams: list[list[str]] = [[], []]
        self.pushed: list[str] = []
        for number, each in enumerate(self.syncs):
            each.configure(deletion_policy=policy, safeguard=LIMITS)
            for name in range(4):
                upn = f"p{name + 4 * number}@contoso.com"
                self.people[number].append(
                    each.directory.add_user(
                        userPrincipalName=upn, displayName=upn, accountEnabled=True
                    )
                )
            self.teams[number] = [
                each.directory.add_group(displayName=f"Team {name}") for name in range(2)
            ]
            for user in self.people[number]:
                each.directory.add_member(self.teams[number][0], user)
            await self._sync(each)

    async def _second(self, first: World) -> World:
        """Add another user sync, of another directory, to the same workspace."""
        directory = Directory(seed=6)
        app = create_app(directory)
        server = await self.stack.enter_async_context(SimulatorServer(app))
        credentials = ClientCredentials(
            directory.tenant_id, directory.client_id, directory.client_secret
        )
        endpoints = GraphEndpoints.from_settings(server.url, server.url)
        reader = await self.stack.enter_async_context(
            open_reader(credentials, endpoints, policy=PATIENCE, pace=PACE)
        )
        sync_id = await UserSyncs(first.database).create(first.workspace, "Fabrikam")
        config = replace(first.config, sync_id=sync_id, name="Fabrikam")
        return World(
            directory, app.state.simulator, first.database, first.workspace, config, reader
        )

    def teardown(self) -> None:
        try:
            if hasattr(self, "syncs"):
                for each in self.syncs:
                    self.do(self._put_through(each))
        finally:
            self.do(self.stack.aclose())
            self.runner.close()

    # the directories

    def _one(self, w: World, ids: list[str], pick: int, *, live: bool = True) -> str | None:
        entries = [w.directory.get(one) for one in ids]
        fitting = [one.id for one in entries if one and (one.deleted is None) is live]
        return fitting[pick % len(fitting)] if fitting else None

    @rule(which=st.integers(0, 1), upn=UPNS, team=st.booleans())
    def join(self, which: int, upn: str, team: bool) -> None:
        w = self.syncs[which]
        if not w.directory.upn_taken(upn):
            user = w.directory.add_user(userPrincipalName=upn, displayName=upn, accountEnabled=True)
            self.people[which].append(user)
            group = self._one(w, self.teams[which], 0)
            if team and group:
                w.directory.add_member(group, user)

    @rule(which=st.integers(0, 1), picks=st.lists(PICK, min_size=1, max_size=4))
    def leave(self, which: int, picks: list[int]) -> None:
        w = self.syncs[which]
        for pick in picks:
            if user := self._one(w, self.people[which], pick):
                w.directory.delete_user(user)

    @rule(which=st.integers(0, 1), pick=PICK)
    def leave_and_be_replaced(self, which: int, pick: int) -> None:
        w = self.syncs[which]
        if user := self._one(w, self.people[which], pick):
            upn = w.directory.get(user).attrs["userPrincipalName"]
            w.directory.delete_user(user)
            self.join(which, upn, True)

    @rule(which=st.integers(0, 1), pick=PICK)
    def come_back(self, which: int, pick: int) -> None:
        w = self.syncs[which]
        user = self._one(w, self.people[which], pick, live=False)
        entry = w.directory.get(user) if user else None
        if entry and not w.directory.upn_taken(entry.attrs["userPrincipalName"]):
            w.directory.restore_user(entry.id)

    @rule(which=st.integers(0, 1), pick=PICK, enabled=st.booleans())
    def switch(self, which: int, pick: int, enabled: bool) -> None:
        w = self.syncs[which]
        if user := self._one(w, self.people[which], pick):
            w.directory.update_user(user, accountEnabled=enabled)

    @rule(which=st.integers(0, 1), pick=PICK, upn=UPNS)
    def rename(self, which: int, pick: int, upn: str) -> None:
        w = self.syncs[which]
        user = self._one(w, self.people[which], pick)
        if user and not w.directory.upn_taken(upn):
            w.directory.update_user(user, userPrincipalName=upn)

    @rule(which=st.integers(0, 1), picks=st.lists(PICK, min_size=1, max_size=3), add=st.booleans())
    def regroup(self, which: int, picks: list[int], add: bool) -> None:
        w = self.syncs[which]
        for pick in picks:
            group = self._one(w, self.teams[which], pick)
            user = self._one(w, self.people[which], pick)
            if not group or not user:
                continue
            inside = user in w.directory.members_of(group)
            if add and not inside:
                w.directory.add_member(group, user)
            elif not add and inside:
                w.directory.remove_member(group, user)

    @rule(which=st.integers(0, 1), pick=PICK)
    def drop_group(self, which: int, pick: int) -> None:
        w = self.syncs[which]
        if group := self._one(w, self.teams[which], pick):
            w.directory.delete_group(group)

    # somebody who pushes

    @rule(upn=UPNS)
    def push(self, upn: str) -> None:
        async def story() -> None:
            store = self.syncs[0].resources(OKTA)
            user_type = SERVICE.get_resource_type("User")
            model = SERVICE.get_model(user_type).model_validate({"userName": upn})
            try:
                created = await store.create(user_type, model)
            except UniquenessException:
                return
            assert created.id is not None
            self.pushed.append(created.id)

        self.do(story())

    @rule(pick=PICK)
    def push_deletion(self, pick: int) -> None:
        if self.pushed:
            resource_id = self.pushed.pop(pick % len(self.pushed))
            user_type = SERVICE.get_resource_type("User")
            self.do(self.syncs[0].resources(OKTA).delete(user_type, resource_id))

    # runs and decisions

    @rule(which=st.integers(0, 1), full=st.booleans())
    def sync(self, which: int, full: bool) -> None:
        """Read changes; a full cycle after that returns all that is known, so it is believed."""
        self.do(self._sync(self.syncs[which]))
        if full:
            self.do(self._sync(self.syncs[which], full=True))

    @rule(which=st.integers(0, 1))
    def review(self, which: int) -> None:
        self.do(self._review(self.syncs[which]))

    @rule(which=st.integers(0, 1), some=st.integers(1, 3), all_of_them=st.booleans())
    def allow(self, which: int, some: int, all_of_them: bool) -> None:
        self.do(self._allow(self.syncs[which], None if all_of_them else some))

    @rule(which=st.integers(0, 1), some=st.integers(1, 3))
    def discard(self, which: int, some: int) -> None:
        self.do(self._discard(self.syncs[which], some))

    async def _sync(self, w: World, **options: Any) -> None:
        await self._guarded(w, w.engine().run(**options))

    async def _review(self, w: World) -> None:
        reviewed = await w.engine().run(preview=True)
        seen = await rows(w, reviewed, status=PENDING)
        done = await self._guarded(w, w.engine().apply(reviewed.id, reviewed.checksum))
        assert not await rows(w, done, code="changed")
        applied = [
            row
            for row in await rows(w, done)
            if row.status in (DONE, OperationStatus.failed, OperationStatus.skipped)
            and row.operation.action is not Action.none
        ]
        assert told(applied) == told(seen)

    async def _held(self, w: World, some: int | None) -> tuple[str, list[int]]:
        holding = await w.store().held_run()
        if holding is None:
            return "", []
        held = await w.store().pending(holding, OperationStatus.held, 1_000)
        return holding, [row.seq for row in held][:some]

    async def _allow(self, w: World, some: int | None) -> None:
        holding, seqs = await self._held(w, some)
        if not seqs:
            return
        allowed = [row for row in await w.store().operations(holding) if row.seq in seqs]
        done = await self._guarded(w, w.engine().allow(holding, seqs, trigger="t", actor="ada"))
        for row in await rows(w, done, status=DONE):
            fits = [
                one
                for one in allowed
                if one.operation.source_id == row.operation.source_id
                and one.operation.action is row.operation.action
            ]
            assert fits, row

    async def _discard(self, w: World, some: int) -> None:
        holding, seqs = await self._held(w, some)
        if seqs:
            assert await w.store().discard(holding, seqs, "ada") == len(seqs)

    async def _put_through(self, w: World) -> None:
        """Allow what is held until nothing is; then all but the discarded is as it should be."""
        for _ in range(10):
            await self._sync(w)
            if await w.store().held_run() is None:
                return
            await self._allow(w, None)
        raise AssertionError("what was allowed is held again and again")

    # what must hold

    async def _guarded(self, w: World, running: Any) -> RunRecord:
        """Run something, and check what must hold of any run."""
        foreign = await w.foreign()
        linked = {kind: await w.store().count_links(kind) for kind in ObjectKind}
        since = await self._applied(w)
        done: RunRecord = await running
        assert done.status in ("succeeded", "incomplete", "quarantined"), done
        assert self._but_members(await w.foreign()) == self._but_members(foreign)
        if done.kind is not RunKind.allowed:
            for guarded in WEIGHED:
                self._check_not_overshot(guarded, linked, since, await self._applied(w))
            await self._check_in_step(w)  # what is allowed is not read again before
        return done

    @staticmethod
    def _but_members(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        return [(row["id"], row["document"], row["authority"]) for row in found]

    async def _applied(self, w: World) -> dict[tuple[str, str], int]:
        """Count everything that this sync ever applied, by kind and action."""
        found = await w.database.session.rows(
            "SELECT kind, action, COUNT(*) AS n FROM plan_operation WHERE status = 'done' "
            "AND run_id IN (SELECT id FROM sync_run WHERE sync_id = ?) GROUP BY kind, action",
            [w.config.sync_id],
        )
        return {(row["kind"], row["action"]): row["n"] for row in found}

    def _check_not_overshot(
        self,
        guarded: Guarded,
        linked: dict[ObjectKind, int],
        before: dict[tuple[str, str], int],
        after: dict[tuple[str, str], int],
    ) -> None:
        def count(of: dict[tuple[str, str], int], actions: Any) -> int:
            return sum(of.get((guarded.kind.value, action.value), 0) for action in actions)

        recent = count(before, guarded.actions)
        applied = count(after, guarded.actions) - recent
        load = Load(applied, recent, linked[guarded.kind], lost=count(before, GONE))
        assert not applied or applied + recent <= allowance(LIMITS, load), (guarded, load)
        assert not applied or applied < linked[guarded.kind]

    async def _check_in_step(self, w: World) -> None:
        """Whatever is not held, discarded or failed is as the directory says."""
        apart = await self._apart(w)
        documents = await w.users()
        ids = {document["id"]: source_id for source_id, document in documents.items()}
        observed = observed_users(documents, ids)
        expected = expected_users(w.directory)
        for source_id in (expected.keys() | observed.keys()) - apart:
            if source_id in expected:
                assert observed.get(source_id) == expected[source_id], source_id
            elif self.policy is DeletionPolicy.deactivate:
                assert observed[source_id]["active"] is False
            else:
                raise AssertionError(f"{source_id} left, and is still here")
        groups, wanted = await w.groups(), expected_groups(w.directory)
        for source_id in (groups.keys() | wanted.keys()) - apart:
            name, members = groups.get(source_id, ("", frozenset()))
            assert (name, source_id in groups) == (
                wanted.get(source_id, ("",))[0],
                source_id in wanted,
            )
            differing = members ^ wanted.get(source_id, ("", frozenset()))[1]
            assert differing <= apart | {None}, (source_id, differing, apart)

    async def _apart(self, w: World) -> set[str]:
        """Return the objects that wait for somebody: held, discarded, failed, or to be planned."""
        session = w.database.session
        found = await session.rows(
            "SELECT p.source_id FROM plan_operation AS p JOIN sync_run AS r ON r.id = p.run_id "
            "WHERE r.sync_id = ? AND p.status = 'held' AND r.preview = FALSE "
            "UNION SELECT source_id FROM sync_discard WHERE sync_id = ? "
            "UNION SELECT source_id FROM mirror_object WHERE sync_id = ? AND dirty = TRUE",
            [w.config.sync_id] * 3,
        )
        return {row["source_id"] for row in found}


QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}
SHORT = settings(max_examples=16, stateful_step_count=16, **QUIET)
SHORTER = settings(max_examples=8, stateful_step_count=14, **QUIET)
LONG = settings(max_examples=300, stateful_step_count=40, **QUIET)


def on_sqlite(template: Path, folder: Path) -> type[QuarantineMachine]:
    count = iter(range(1_000_000))

    class OnSqlite(QuarantineMachine):
        def new_database(self) -> str:
            file = folder / f"machine{next(count)}.sqlite"
            shutil.copyfile(template, file)
            return f"sqlite://{file}"

    return OnSqlite


def on_postgres(server: PostgresServer) -> type[QuarantineMachine]:
    class OnPostgres(QuarantineMachine):
        def new_database(self) -> str:
            self.url = server.create()
            return self.url

        def teardown(self) -> None:
            super().teardown()
            if hasattr(self, "url"):
                server.drop(self.url)

    return OnPostgres


def test_sqlite_is_never_overshot(sqlite_template_file: Path, tmp_path: Path) -> None:
    run_state_machine_as_test(on_sqlite(sqlite_template_file, tmp_path), settings=SHORT)


@pytest.mark.postgres
def test_postgres_is_never_overshot(postgres_server: PostgresServer) -> None:
    run_state_machine_as_test(on_postgres(postgres_server), settings=SHORTER)


@pytest.mark.soak
def test_sqlite_is_never_overshot_long(sqlite_template_file: Path, tmp_path: Path) -> None:
    run_state_machine_as_test(on_sqlite(sqlite_template_file, tmp_path), settings=LONG)


@pytest.mark.soak
@pytest.mark.postgres
def test_postgres_is_never_overshot_long(postgres_server: PostgresServer) -> None:
    run_state_machine_as_test(on_postgres(postgres_server), settings=LONG)
