"""A cycle that cannot be believed, or not be used whole, takes nothing away and says why."""

from __future__ import annotations

from dataclasses import fields

import pytest

from azure_adapter.simulator import Fault
from azure_adapter.sync.config import SafeguardLimits, SyncConfig
from scim.provisioning.source import ObjectKind
from tests.databases import run
from tests.sync.test_confirm import GROUP, KEPT, USER, directory, leave, omit
from tests.sync.world import assert_in_step, world


@pytest.mark.parametrize("limits", [SafeguardLimits(), SafeguardLimits(enabled=False)])
def test_an_empty_answer_deletes_nobody_and_says_so(
    database_url: str, limits: SafeguardLimits
) -> None:
    async def story() -> None:
        async with world(database_url, directory()) as w:
            await w.sync()
            users, groups = await w.users(), await w.groups()
            w.configure(safeguard=limits)
            omit(w, index=0)
            report = await w.sync(full=True)
            assert (await w.users()).keys() == users.keys()
            assert await w.groups() == groups
            word = "nothing was deleted" if limits.enabled else KEPT
            assert sum(word in note for note in report["notes"]) == 2
            again = await w.sync()
            assert again["users"]["deleted"] == again["groups"]["deleted"] == 0
            w.simulator.faults.clear()
            assert (await w.sync(full=True))["notes"] == []
            await assert_in_step(w)

    run(story())


@pytest.mark.parametrize("lost", ["User.Read.All", "GroupMember.Read.All"])
@pytest.mark.parametrize("full", [False, True])
def test_a_missing_permission_deletes_nobody_and_is_named(
    database_url: str, lost: str, full: bool
) -> None:
    async def story() -> None:
        async with world(database_url, directory()) as w:
            await w.sync()
            users, groups, roles = await w.users(), await w.groups(), list(w.directory.roles)
            w.directory.roles = [name for name in roles if name != lost]
            w.simulator.tokens.revoke_all()
            report = await w.sync(full=full)
            assert report["status"] == "failed"
            assert report["error"]["code"] == "missing_permission"
            assert lost in report["error"]["message"]
            assert lost in report["error"]["advice"]
            other = ({"User.Read.All", "GroupMember.Read.All"} - {lost}).pop()
            assert other not in report["error"]["message"]
            assert (await w.users()).keys() == users.keys()
            assert await w.groups() == groups
            w.directory.roles = roles
            assert (await w.sync())["status"] == "succeeded"
            await assert_in_step(w)

    run(story())


def test_a_group_that_hides_its_members_is_never_emptied(database_url: str) -> None:
    async def story() -> None:
        made = directory()
        made.member_read_hidden = True
        group = next(made.live("group"))
        made.update_group(group.id, visibility="HiddenMembership")
        for user in list(made.live("user"))[:4]:
            if user.id not in made.members_of(group.id):
                made.add_member(group.id, user.id)
        async with world(database_url, made, page_size=7) as w:
            await w.sync()
            before = (await w.groups())[group.id]
            assert len(before[1]) >= 4
            made.member_read_hidden = False
            w.simulator.tokens.revoke_all()
            for options in ({"full": True}, {}, {"full": True}):
                report = await w.sync(**options)
                assert report["memberships"]["removed"] == 0
                assert (await w.groups())[group.id] == before
            made.update_group(group.id, displayName="Renamed")
            report = await w.sync()
            assert any("Member.Read.Hidden" in note for note in report["notes"])
            assert (await w.groups())[group.id] == ("Renamed", before[1])

    run(story())


def test_a_group_that_could_not_be_read_keeps_its_members(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, directory(), page_size=7) as w:
            await w.sync()
            groups = await w.groups()
            broken = Fault("malformed_object", path="/v1.0/groups/delta", index=2)
            w.simulator.faults.add(broken)
            report = await w.sync(full=True)
            assert broken.fired == 1
            assert report["groups"]["failed"] == 1
            assert report["memberships"]["removed"] == 0
            assert await w.groups() == groups
            await w.sync()
            await assert_in_step(w)

    run(story())


def test_an_object_without_an_id_does_not_keep_others_from_being_deleted(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url, directory(), page_size=7) as w:
            await w.sync()
            gone = leave(w)
            w.simulator.faults.add(Fault("object_without_id", path="/v1.0/users/delta", index=1))
            report = await w.sync(full=True)
            assert report["users"]["deleted"] == len(gone)
            assert any("1 user were not" in note or KEPT in note for note in report["notes"])
            await w.sync()
            await assert_in_step(w)

    run(story())


# -- what is needed of the source -----------------------------------------------


MORE = {USER: "employeeHireDate", GROUP: "description"}


class Wider(SyncConfig):
    """A configuration whose mapping needs one more property of each kind."""

    def properties(self, kind: ObjectKind) -> tuple[str, ...]:
        return (*super().properties(kind), MORE[kind])


def test_a_property_that_was_not_read_before_makes_everything_be_read_again(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url, directory(), page_size=7) as w:
            await w.sync()
            assert (await w.sync())["mode"] == "incremental"
            narrow = w.config
            w.config = Wider(**{one.name: getattr(narrow, one.name) for one in fields(narrow)})
            report = await w.sync()
            assert report["mode"] == "initial"
            for kind, name in MORE.items():
                assert (
                    sum(f"{kind.value}s before ({name})" in note for note in report["notes"]) == 1
                )
            assert (await w.sync())["mode"] == "incremental"
            w.config = narrow
            assert (await w.sync())["mode"] == "incremental"

    run(story())
