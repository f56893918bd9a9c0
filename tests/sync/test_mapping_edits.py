"""An edited mapping takes effect on who is synced already, and reads again only what it must."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from azure_adapter.mapping import DEFAULT_TABLE, Apply, MappingTable, Row, RowKind
from azure_adapter.simulator import Directory, Fault, GeneratorOptions, generate
from azure_adapter.sync.config import DeletionPolicy, Enrollment, SafeguardLimits, SyncConfig
from azure_adapter.sync.nesting import NestedGroups
from azure_adapter.sync.scope import Scope
from scim.provisioning.operations import Action
from scim.provisioning.records import UniqueField
from scim.provisioning.source import ObjectKind
from tests.databases import run
from tests.sync.stories import document, done, person, problems, rows
from tests.sync.world import World, assert_in_step, world

EXPRESSION, CONSTANT = RowKind.expression, RowKind.constant


def table(*more: Row, without: str = "", groups: tuple[Row, ...] | None = None) -> MappingTable:
    """Return the default table with further rows of users, and without one target."""
    users = tuple(row for row in DEFAULT_TABLE.users if row.target != without)
    return MappingTable((*users, *more), groups or DEFAULT_TABLE.groups)


def asked(w: World, kind: str, since: int) -> list[str]:
    """Return the requests for the delta of a kind after a moment."""
    return [path for _, _, path in list(w.simulator.requests)[since:] if f"/{kind}/delta" in path]


async def user(w: World, source_id: str) -> dict[str, Any]:
    return (await w.users())[source_id]


# -- what is in the mirror already -----------------------------------------------------------


def test_a_row_for_what_was_read_already_takes_effect_without_reading_again(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann, bob = person(w.directory, jobTitle="Buyer"), person(w.directory, "bob")
            await w.sync()
            w.configure(mapping=table(Row("nickName", "ToUpper([jobTitle])", EXPRESSION)))
            report = await w.sync()
            assert (report["mode"], report["status"]) == ("incremental", "succeeded")
            assert report["notes"] == []
            assert await done(w) == [("ann@contoso.com", Action.update)]
            assert (await user(w, ann))["nickName"] == "BUYER"
            assert "nickName" not in await user(w, bob)
            await assert_in_step(w)

    run(story())


def test_a_row_that_is_dropped_leaves_what_is_there(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory, jobTitle="Buyer", department="Sales")
            await w.sync()
            w.configure(mapping=table(without="title"))
            await w.sync()
            assert await done(w) == []
            w.directory.update_user(ann, jobTitle="Boss", department="Board")
            await w.sync()
            stored = await user(w, ann)
            assert stored["title"] == "Buyer"
            (row,) = [one for one in await rows(w) if one.status == "done"]
            assert [path.rpartition(":")[2] for path in row.operation.after or {}] == ["department"]

    run(story())


def test_a_row_that_comes_back_has_the_value_of_today(database_url: str) -> None:
    """While nobody mapped it, the chain went on reading it."""

    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory, jobTitle="Buyer")
            await w.sync()
            w.configure(mapping=table(without="title"))
            await w.sync()
            w.directory.update_user(ann, jobTitle="Boss")
            await w.sync()
            w.configure(mapping=DEFAULT_TABLE)
            report = await w.sync()
            assert report["mode"] == "incremental"
            await assert_in_step(w)

    run(story())


# -- what has to be read ---------------------------------------------------------------------


NICK = Row("nickName", "mailNickname")


def test_a_row_for_what_was_not_read_reads_that_kind_again_and_says_why(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory, mailNickname="annie")
            group = w.directory.add_group(displayName="All", description="Everybody")
            w.directory.add_member(group, ann)
            await w.sync()
            w.configure(mapping=table(NICK))
            report = await w.sync()
            assert report["mode"] == "initial"
            (note,) = report["notes"]
            assert "mailNickname" in note
            assert "users" in note
            assert "read again" in note
            assert (await user(w, ann))["nickName"] == "annie"
            assert report["users"]["deleted"] == report["groups"]["deleted"] == 0
            cursors = [await w.store().cursor(kind) for kind in (ObjectKind.user, ObjectKind.group)]
            assert [each.generation for each in cursors] == [2, 1], "groups were not read again"
            await assert_in_step(w)
            w.directory.update_user(ann, mailNickname="nan")
            report = await w.sync()
            assert (report["mode"], report["notes"]) == ("incremental", [])
            assert (await user(w, ann))["nickName"] == "nan"

    run(story())


def test_what_the_scope_asks_for_is_read_likewise(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            ann = person(w.directory, usageLocation="SK")
            bob = person(w.directory, "bob", usageLocation="AT")
            await w.sync()
            clause = {"attribute": "usageLocation", "operator": "EQUALS", "value": "SK"}
            scope = Scope.from_json({"users": {"rules": [{"clauses": [clause]}]}})
            w.configure(scope=scope)
            report = await w.sync()
            assert "usageLocation" in report["notes"][0]
            assert (await w.users()).keys() == {ann}
            assert report["users"]["deleted"] == 1
            w.configure(scope=Scope())
            report = await w.sync()
            assert report["mode"] == "incremental"
            assert (await w.users()).keys() == {ann, bob}

    run(story())


def test_the_fresh_read_goes_on_where_it_stopped_and_deletes_nobody(database_url: str) -> None:
    async def story() -> None:
        directory = Directory(seed=5)
        generate(directory, GeneratorOptions(users=30, groups=2, memberships=3, guests=0, seed=5))
        async with world(database_url, directory, page_size=7) as w:
            await w.sync()
            everybody = await w.users()
            w.configure(mapping=table(NICK), safeguard=SafeguardLimits())
            w.simulator.faults.add(Fault("truncate", path="/v1.0/users/delta", nth=3, times=1_000))
            failed = await w.sync()
            assert failed["status"] == "failed"
            assert await w.users() == everybody
            w.simulator.faults.clear()
            before = len(w.simulator.requests)
            report = await w.sync()
            assert report["status"] == "succeeded"
            assert report["users"]["deleted"] == 0
            assert len(asked(w, "users", before)) < 5, "it started again"
            await assert_in_step(w)

    run(story())


def test_a_second_edit_in_the_middle_of_a_read_begins_again(database_url: str) -> None:
    async def story() -> None:
        directory = Directory(seed=5)
        generate(directory, GeneratorOptions(users=20, groups=1, memberships=3, guests=0, seed=5))
        async with world(database_url, directory, page_size=7) as w:
            w.simulator.faults.add(Fault("truncate", path="/v1.0/users/delta", nth=2, times=1_000))
            assert (await w.sync())["status"] == "failed"
            w.simulator.faults.clear()
            ann = next(iter(directory.live("user"))).id
            directory.update_user(ann, mailNickname="annie")
            w.configure(mapping=table(NICK))
            assert (await w.sync())["status"] == "succeeded"
            assert (await user(w, ann))["nickName"] == "annie"
            await assert_in_step(w)

    run(story())


# -- rows that apply only on create ----------------------------------------------------------


def test_only_on_create_is_for_new_users_alone(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            old = person(w.directory)
            await w.sync()
            by_hand = await w.add_dashboard_user(userName="bob@contoso.com", nickName="Bobby")
            w.configure(
                mapping=table(
                    Row(
                        "nickName", "ToUpper([displayName])", EXPRESSION, apply=Apply.only_on_create
                    )
                )
            )
            joined, new = person(w.directory, "bob"), person(w.directory, "eve")
            await w.sync()
            assert "nickName" not in await user(w, old)
            assert (await user(w, joined))["nickName"] == "Bobby"
            assert (await user(w, new))["nickName"] == "EVE"
            w.directory.update_user(new, displayName="Eva")
            w.directory.update_user(joined, displayName="Robert")
            await w.sync(full=True)
            assert (await user(w, new))["nickName"] == "EVE"
            assert (await document(w, by_hand))["nickName"] == "Bobby"
            w.directory.delete_user(new)
            await w.sync()
            w.directory.restore_user(new)
            await w.sync()
            assert (await user(w, new))["nickName"] == "EVE", "restored is not created"

    run(story())


def test_a_user_name_that_is_made_once_is_unique_and_stays(database_url: str) -> None:
    """SelectUniqueValue: against the store, and among those who arrive together."""

    async def story() -> None:
        async with world(database_url) as w:
            await w.add_dashboard_user(userName="Ann")
            choices = ", ".join(["[givenName]", *(f'Join("", [givenName], "{n}")' for n in (1, 2))])
            unique = f"SelectUniqueValue({choices})"
            made = Row("userName", unique, EXPRESSION, apply=Apply.only_on_create)
            w.configure(unique_field=UniqueField.email, mapping=table(made, without="userName"))
            first, second = (person(w.directory, name, givenName="ann") for name in ("ann", "anna"))
            third = person(w.directory, "bob", givenName="bob")
            await w.sync()
            assert await problems(w) == []
            names = {one: (await user(w, one))["userName"] for one in (first, second, third)}
            assert sorted(names.values()) == ["ann1", "ann2", "bob"]
            person(w.directory, "annabel", givenName="ann")
            w.directory.update_user(first, givenName="zoe")
            await w.sync(full=True)
            assert await problems(w) == [("Annabel", "expression_failed")]
            assert (await user(w, first))["userName"] == names[first]

    run(story())


# -- rows that fail --------------------------------------------------------------------------


def test_what_one_object_cannot_be_mapped_to_is_an_error_on_that_object(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(
                mapping=table(Row("nickName", "Mid([jobTitle], [employeeId], 2)", EXPRESSION))
            )
            ann = person(w.directory, jobTitle="Buyer", employeeId="2")
            bob = person(w.directory, "bob", jobTitle="Buyer", employeeId="x")
            report = await w.sync()
            assert report["status"] == "incomplete"
            (failed,) = [row for row in await rows(w) if row.status == "failed"]
            assert failed.operation.source_id == bob
            assert "nickName" in failed.message
            assert failed.advice
            assert (await w.users()).keys() == {ann}
            w.directory.update_user(bob, employeeId="1")
            assert (await w.sync())["status"] == "succeeded"
            assert (await user(w, bob))["nickName"] == "Bu"

    run(story())


def test_a_disable_does_not_wait_for_a_row_that_fails(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(
                mapping=table(Row("nickName", "Mid([jobTitle], [employeeId], 2)", EXPRESSION))
            )
            ann = person(w.directory, jobTitle="Buyer", employeeId="1")
            await w.sync()
            w.directory.update_user(ann, employeeId="x", accountEnabled=False)
            report = await w.sync()
            assert report["users"]["failed"] == 1
            stored = await user(w, ann)
            assert (stored["active"], stored["nickName"]) == (False, "Bu"), "the rest is as it was"

    run(story())


def test_memberships_do_not_wait_for_the_name_of_a_group(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            name = Row("displayName", "Mid([displayName], [description], 5)", EXPRESSION)
            w.configure(mapping=table(groups=(name,)))
            ann, bob = person(w.directory), person(w.directory, "bob")
            group = w.directory.add_group(displayName="Everybody", description="1")
            for one in (ann, bob):
                w.directory.add_member(group, one)
            await w.sync()
            w.directory.update_group(group, description="x")
            w.directory.remove_member(group, ann)
            report = await w.sync()
            assert report["groups"]["failed"] == 1
            assert await w.groups() == {group: ("Every", frozenset({bob}))}

    run(story())


# -- what may not be shown -------------------------------------------------------------------


def test_a_redacted_value_is_written_and_never_shown(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url) as w:
            w.configure(mapping=table(Row("nickName", "Redact([employeeId])", EXPRESSION)))
            ann = person(w.directory, employeeId="s3cret")
            await w.sync()
            assert (await user(w, ann))["nickName"] == "s3cret"
            w.directory.update_user(ann, employeeId="0ther")
            shown = repr([(r.operation.before, r.operation.after) for r in await rows(w)])
            await w.sync()
            shown += repr([(r.operation.before, r.operation.after) for r in await rows(w)])
            assert (await user(w, ann))["nickName"] == "0ther"
            nick = [r.operation.after for r in await rows(w) if r.status == "done"]
            assert nick[0] is not None
            assert nick[0]["nickName"] == "[Redact]"
            assert "'nickName': 's3cret'" not in shown
            assert "'nickName': '0ther'" not in shown

    run(story())


# -- the fingerprint -------------------------------------------------------------------------

CONFIGS = st.builds(
    SyncConfig,
    sync_id=st.just("s"),
    name=st.sampled_from(["a", "b"]),
    deletion_policy=st.sampled_from(DeletionPolicy),
    unique_field=st.sampled_from(UniqueField),
    enrollment=st.sampled_from(Enrollment),
    nested=st.sampled_from(NestedGroups),
    config_version=st.integers(1, 3),
    mapping=st.sampled_from([DEFAULT_TABLE, table(NICK), table(without="title")]),
)


@given(CONFIGS, CONFIGS)
def test_the_fingerprint_is_of_what_decides_about_an_unchanged_object(
    one: SyncConfig, other: SyncConfig
) -> None:
    def decisive(config: SyncConfig) -> tuple[object, ...]:
        return (config.deletion_policy, config.unique_field, config.mapping)

    assert (one.fingerprint() == other.fingerprint()) is (decisive(one) == decisive(other))


def test_what_is_read_is_what_mapping_and_scope_need() -> None:
    clause = {"attribute": "usageLocation", "operator": "IS NOT NULL"}
    scope = Scope.from_json({"users": {"rules": [{"clauses": [clause]}]}})
    config = SyncConfig("s", mapping=table(NICK), scope=scope)
    read = config.properties(ObjectKind.user)
    assert {"mailNickname", "usageLocation", "manager", "userPrincipalName"} <= set(read)
    assert len(read) == len(set(read))
    assert "usageLocation" not in config.properties(ObjectKind.group)
