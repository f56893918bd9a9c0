"""Whole syncs with a scope: directory, engine and store, each story told from the outside."""

from __future__ import annotations

from typing import Any

import pytest

from azure_adapter.simulator import Directory
from azure_adapter.sync.config import DeletionPolicy, SafeguardLimits
from azure_adapter.sync.scope import (
    Clause,
    GroupInclusion,
    GroupScope,
    GroupType,
    Inclusion,
    Operator,
    Scope,
    ScopingFilter,
    UserScope,
)
from scim.provisioning.operations import Action, OperationStatus, PlannedOperation
from tests.databases import run
from tests.sync.oracle import ENTERPRISE
from tests.sync.scope_oracle import assert_scoped
from tests.sync.world import World, world

SALES = (ScopingFilter((Clause("department", Operator.equals, "Sales"),)),)
NOTHING = {"added": 0, "removed": 0}


def person(directory: Directory, name: str, **attributes: Any) -> str:
    attributes.setdefault("department", "Sales")
    return directory.add_user(
        userPrincipalName=f"{name}@contoso.com",
        displayName=name.title(),
        mail=f"{name}@contoso.com",
        **attributes,
    )


class Company:
    """All employees ⊃ engineering ⊃ platform, a guest, a disabled account, a device."""

    def __init__(self) -> None:
        self.directory = Directory(seed=11)
        add = self.directory
        self.ann, self.bob, self.cid, self.dan = (
            person(add, name) for name in ("ann", "bob", "cid", "dan")
        )
        self.guest = person(add, "guest", userType="Guest", department="IT")
        self.away = person(add, "away", accountEnabled=False)
        self.all, self.engineering, self.platform, self.other = (
            add.add_group(displayName=name) for name in ("All", "Engineering", "Platform", "Other")
        )
        add.add_members(self.all, [self.ann, self.engineering, add.add_device(displayName="pc")])
        add.add_members(self.engineering, [self.bob, self.platform, self.guest])
        add.add_members(self.platform, [self.cid, self.away])
        add.add_members(self.other, [self.dan, self.ann])
        add.set_manager(self.ann, self.dan)


async def operations(w: World, action: Action) -> list[PlannedOperation]:
    """Return the operations of an action in the newest run."""
    rows = await w.store().operations(w.runs[-1].id)
    return [row for row in rows if row.operation.action is action]


SCOPES = {
    "by group, nested": lambda c: Scope(UserScope(groups=(c.engineering,))),
    "by group, direct": lambda c: Scope(UserScope(groups=(c.engineering,), nested=False)),
    "by several groups": lambda c: Scope(UserScope(groups=(c.platform, c.other))),
    "by rule": lambda c: Scope(UserScope(rules=SALES)),
    "guests out": lambda c: Scope(UserScope(guests=Inclusion.exclude)),
    "disabled out": lambda c: Scope(UserScope(disabled=Inclusion.exclude)),
    "assigned groups": lambda c: Scope(
        UserScope(groups=(c.engineering,)), GroupScope(GroupInclusion.assigned)
    ),
    "no groups": lambda c: Scope(groups=GroupScope(GroupInclusion.none)),
    "one group": lambda c: Scope(groups=GroupScope(ids=frozenset({c.all}))),
    "all at once": lambda c: Scope(
        UserScope((c.all,), True, SALES, Inclusion.exclude, Inclusion.exclude),
        GroupScope(GroupInclusion.assigned),
    ),
}


@pytest.mark.parametrize("name", SCOPES)
def test_each_scope_from_the_first_run_on(database_url: str, name: str) -> None:
    async def story() -> None:
        company = Company()
        async with world(database_url, company.directory) as w:
            w.configure(scope=SCOPES[name](company))
            report = await w.sync()
            assert report["status"] == "succeeded"
            await assert_scoped(w)
            for full in (False, True):
                again = await w.sync(full=full)
                assert again["memberships"] == NOTHING
                assert not any(again["users"][one] for one in ("created", "updated", "deleted"))
                assert not any(again["groups"][one] for one in ("created", "updated", "deleted"))

    run(story())


def test_scopes_that_follow_each_other(database_url: str) -> None:
    """Each edit takes effect on what is there, with nothing read but changes."""

    async def story() -> None:
        company = Company()
        async with world(database_url, company.directory) as w:
            await w.sync()
            ids = {one: (await w.users())[one]["id"] for one in await w.users()}
            for name in [*SCOPES, "by group, nested"]:
                w.configure(scope=SCOPES[name](company))
                report = await w.sync()
                assert report["mode"] == "incremental"
                await assert_scoped(w)
            w.configure(scope=Scope())
            await w.sync()
            await assert_scoped(w)
            assert {one: user["id"] for one, user in (await w.users()).items()} == ids

    run(story())


def test_groups_by_type_and_name(database_url: str) -> None:
    async def story() -> None:
        directory = Directory(seed=2)
        team = directory.add_group(displayName="Team", groupTypes=["Unified"])
        app = directory.add_group(displayName="app-crm")
        directory.add_group(displayName="crm")
        directory.add_group(displayName="app-all", groupTypes=["DynamicMembership"])
        async with world(database_url, directory) as w:
            named = ScopingFilter((Clause("displayName", Operator.starts_with, "app-"),))
            for scope, expected in (
                (GroupScope(types=frozenset({GroupType.microsoft365})), {team}),
                (GroupScope(types=frozenset({GroupType.static}), rules=(named,)), {app}),
            ):
                w.configure(scope=Scope(groups=scope))
                assert (await w.sync())["status"] == "succeeded"
                assert set(await w.groups()) == expected
            directory.rename_group(app, "crm-app")
            await w.sync()
            assert await w.groups() == {}

    run(story())


def test_who_falls_out_is_deleted_and_comes_back_as_the_same(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        directory = company.directory
        async with world(database_url, directory) as w:
            w.configure(scope=Scope(UserScope(groups=(company.engineering,))))
            await w.sync()
            before = (await w.users())[company.cid]["id"]
            directory.remove_member(company.engineering, company.platform)
            report = await w.sync()
            assert report["users"]["deleted"] == 2
            (deletion, _) = await operations(w, Action.delete)
            assert "is a member of none of the scoping groups" in deletion.message
            await assert_scoped(w)
            directory.add_member(company.engineering, company.platform)
            report = await w.sync()
            assert report["users"]["restored"] == 2
            assert (await w.users())[company.cid]["id"] == before
            await assert_scoped(w)

    run(story())


def test_the_policy_deactivate_disables_who_falls_out_and_back(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        directory = company.directory
        async with world(database_url, directory) as w:
            w.configure(
                scope=Scope(UserScope(rules=SALES)), deletion_policy=DeletionPolicy.deactivate
            )
            await w.sync()
            directory.update_user(company.ann, department="IT")
            report = await w.sync()
            assert report["users"]["disabled"] == 1
            assert (await w.users())[company.ann]["active"] is False
            assert not any(company.ann in members for _, members in (await w.groups()).values())
            (operation,) = await operations(w, Action.disable)
            assert "none of the scoping filters" in operation.message
            directory.update_user(company.ann, department="Sales")
            await w.sync()
            assert (await w.users())[company.ann]["active"] is True
            await assert_scoped(w)

    run(story())


def test_a_joined_user_is_deactivated_and_let_go(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        async with world(database_url, company.directory) as w:
            made = await w.add_dashboard_user(userName="ann@contoso.com", nickName="Annie")
            await w.sync()
            assert (await w.users())[company.ann]["id"] == made
            w.configure(scope=Scope(UserScope(groups=(company.platform,))))
            report = await w.sync()
            assert report["users"]["disabled"] == 1
            assert company.ann not in await w.users()
            row = await w.database.session.row("SELECT document FROM resource WHERE id = ?", [made])
            assert row is not None
            assert '"active":false' in row["document"].replace(" ", "")

    run(story())


def test_a_manager_out_of_scope_is_nobodys_manager(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        async with world(database_url, company.directory) as w:
            await w.sync()
            await assert_scoped(w)
            w.configure(scope=Scope(UserScope(groups=(company.all,))))
            await w.sync()
            assert company.dan not in await w.users()
            await assert_scoped(w)
            w.configure(scope=Scope())
            await w.sync()
            await assert_scoped(w)

    run(story())


def test_a_deactivated_manager_who_comes_back_is_the_manager_again(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        directory = company.directory
        async with world(database_url, directory) as w:
            w.configure(
                scope=Scope(UserScope(rules=SALES)), deletion_policy=DeletionPolicy.deactivate
            )
            await w.sync()
            directory.update_user(company.dan, department="IT")
            await w.sync()
            manager = f"{ENTERPRISE}:manager"
            (change,) = await operations(w, Action.update)
            assert change.operation.source_id == company.ann
            assert manager in (change.operation.before or {})
            directory.update_user(company.dan, department="Sales")
            await w.sync()
            await assert_scoped(w)

    run(story())


def test_a_rival_out_of_scope_is_no_rival(database_url: str) -> None:
    async def story() -> None:
        from scim.provisioning.records import UniqueField

        directory = Directory(seed=3)
        one = person(directory, "one", department="Sales")
        two = person(directory, "two", department="IT")
        directory.update_user(two, mail="one@contoso.com")
        async with world(database_url, directory) as w:
            w.configure(unique_field=UniqueField.email)
            assert (await w.sync())["users"]["failed"] == 2
            w.configure(scope=Scope(UserScope(rules=SALES)))
            report = await w.sync()
            assert report["status"] == "succeeded"
            assert set(await w.users()) == {one}

    run(story())


def test_who_falls_out_counts_for_the_safeguards(database_url: str) -> None:
    async def story() -> None:
        directory = Directory(seed=5)
        people = [person(directory, f"p{number}") for number in range(40)]
        group = directory.add_group(displayName="Everybody")
        directory.add_members(group, people)
        async with world(database_url, directory) as w:
            w.configure(
                scope=Scope(UserScope(groups=(group,)), GroupScope(GroupInclusion.none)),
                safeguard=SafeguardLimits(),
            )
            await w.sync()
            for one in people[:20]:
                directory.remove_member(group, one)
            report = await w.sync()
            assert report["status"] == "quarantined"
            assert report["users"]["held"] == 20
            held = await operations(w, Action.delete)
            assert {row.status for row in held} == {OperationStatus.held}
            assert len(await w.users()) == 40
            for one in people[:20]:
                directory.add_member(group, one)
            assert (await w.sync())["status"] == "succeeded"
            assert len(await w.users()) == 40

    run(story())


def test_a_deleted_scoping_group_is_believed_and_told(database_url: str) -> None:
    async def story() -> None:
        company = Company()
        directory = company.directory
        async with world(database_url, directory) as w:
            w.configure(
                scope=Scope(UserScope(groups=(company.platform, company.other))),
                safeguard=SafeguardLimits(),
            )
            await w.sync()
            directory.delete_group(company.other)
            directory.delete_group(company.platform)
            report = await w.sync()
            assert report["status"] == "quarantined"
            assert report["users"]["held"] == len(await w.users()) == 4
            assert any("no longer has the groups 'Other', 'Platform'" in n for n in report["notes"])

    run(story())


def test_a_scoping_group_that_nobody_knows_takes_nobody_out_and_lets_nobody_in(
    database_url: str,
) -> None:
    async def story() -> None:
        company = Company()
        directory = company.directory
        async with world(database_url, directory) as w:
            await w.sync()
            known = set(await w.users())
            person(directory, "eve")
            for wrong in ("00000000-0000-4000-8000-000000000000", company.bob):
                w.configure(scope=Scope(UserScope(groups=(wrong,))))
                report = await w.sync()
                assert report["status"] == "succeeded"
                assert set(await w.users()) == known
                assert any("cannot be read" in note and wrong in note for note in report["notes"])
                await w.sync(full=True)
                assert set(await w.users()) == known

    run(story())


def test_a_scoping_group_whose_members_are_hidden_takes_nobody_out(database_url: str) -> None:
    async def story() -> None:
        directory = Directory(seed=6)
        ann, bob = person(directory, "ann"), person(directory, "bob")
        secret = directory.add_group(displayName="Secret", visibility="HiddenMembership")
        directory.add_member(secret, ann)
        directory.member_read_hidden = True
        async with world(database_url, directory) as w:
            w.configure(scope=Scope(UserScope(groups=(secret,))))
            await w.sync()
            assert set(await w.users()) == {ann}
            directory.member_read_hidden = False
            w.simulator.tokens.revoke_all()
            report = await w.sync(full=True)
            assert any("Member.Read.Hidden" in note for note in report["notes"])
            assert set(await w.users()) == {ann}
            directory.member_read_hidden = True
            w.simulator.tokens.revoke_all()
            directory.add_member(secret, bob)
            directory.remove_member(secret, ann)
            report = await w.sync(full=True)
            assert set(await w.users()) == {bob}
            assert not any("cannot be read" in note for note in report["notes"])

    run(story())
