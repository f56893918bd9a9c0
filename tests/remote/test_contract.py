"""One contract for every target: the same operations give the same documents and outcomes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azure_adapter.remote import RemoteSettings
from scim.handler import GatewayHandler
from scim.identifiers import new_id
from scim.provisioning.authority import Source, SourceKind
from scim.provisioning.records import UniqueField
from scim.target import InProcessTarget
from storage.access import UserSyncs, Workspaces
from storage.database import Database
from storage.resources.store import ResourceStore
from tests.databases import run
from tests.remote import support
from tests.remote.crooked import crooked_peer, no_bulk, no_discovery, no_or, no_patch
from tests.remote.support import (
    ENTERPRISE,
    apply_all,
    create_group,
    create_user,
    delete,
    members,
    patch,
)
from tests.sync.world import SERVICE

Work = Callable[[Any], Awaitable[None]]
Play = Callable[[Work], None]


@contextlib.asynccontextmanager
async def in_process(url: str) -> AsyncIterator[InProcessTarget]:
    database = await Database.open(url, shared=False, migrate=False)
    try:
        with database.activated():
            room = (await Workspaces(database).ensure("default")).row_id
            source = Source(SourceKind.user_sync, await UserSyncs(database).create(room, new_id()))
            store = ResourceStore(database, room, source, SERVICE.provider)
            yield InProcessTarget(GatewayHandler(SERVICE, store))
    finally:
        await database.close()


@contextlib.contextmanager
def remote(kind: str, url: str, directory: Path) -> Iterator[RemoteSettings]:
    """A server of a kind: the gateway or scim2-server, with Bulk or without, or a bare one."""
    if kind.startswith("gateway"):
        with support.second_gateway(directory, url) as (settings, _):
            yield replace(settings, bulk=kind == "gateway")
    elif kind.startswith("peer"):
        with support.peer() as settings:
            yield replace(settings, bulk=kind == "peer")
    else:
        with crooked_peer() as (settings, app):
            app.rules = [no_bulk, no_patch, no_discovery, no_or]
            yield settings


KINDS = ["in process", "gateway", "gateway singly", "peer", "peer singly", "bare"]


@pytest.fixture(params=KINDS)
def play(request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path) -> Iterator[Play]:
    """Run ``work(target)`` on an empty target of each kind."""
    if request.param == "in process":

        async def story(work: Work) -> None:
            async with in_process(sqlite_url) as target:
                await work(target)

        yield lambda work: run(story(work))
        return
    with remote(request.param, sqlite_url, tmp_path) as settings:
        yield lambda work: support.use(settings, work)


def facts(document: dict[str, Any]) -> dict[str, Any]:
    """What an operation decides about a document; the rest is the server's."""
    kept = {name: value for name, value in document.items() if name not in ("id", "meta")}
    kept.pop("externalId", None)
    kept["schemas"] = sorted(each for each in kept["schemas"] if "ezto" not in each)
    for name in [each for each in kept if "ezto" in each]:
        del kept[name]
    return kept


def test_it_creates_changes_and_deletes(play: Play) -> None:
    async def work(target: Any) -> None:
        ann, ben = await target.apply(
            [
                create_user("s1", "ann@x.com", title="Nurse", name={"givenName": "Ann"}),
                create_user("s2", "ben@x.com", active=False, **{ENTERPRISE: {"department": "A"}}),
            ]
        )
        assert (ann.status, ben.status) == (201, 201)
        emails = [{"value": "ann@x.com", "type": "work", "primary": True}]
        changed = await target.apply(
            [
                patch(
                    f"/Users/{ann.resource_id}",
                    {"op": "remove", "path": "title"},
                    {"op": "replace", "path": "name.givenName", "value": "Anna"},
                    {"op": "add", "path": "name.familyName", "value": "Kováč"},
                    {"op": "add", "path": "emails", "value": emails},
                    {"op": "add", "path": f"{ENTERPRISE}:department", "value": 'B "2"\\'},
                ),
                patch(
                    f"/Users/{ben.resource_id}",
                    {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "C"},
                ),
            ]
        )
        assert [(each.status, each.resource_id) for each in changed] == [
            (200, ann.resource_id),
            (200, ben.resource_id),
        ]
        found = await target.read([ann.resource_id, ben.resource_id, "nobody"])
        assert facts(found[ann.resource_id]) == {
            "schemas": [support.USER, ENTERPRISE],
            "userName": "ann@x.com",
            "active": True,
            "name": {"givenName": "Anna", "familyName": "Kováč"},
            "emails": emails,
            ENTERPRISE: {"department": 'B "2"\\'},
        }
        assert facts(found[ben.resource_id]) == {
            "schemas": [support.USER, ENTERPRISE],
            "userName": "ben@x.com",
            "active": False,
            ENTERPRISE: {"department": "C"},
        }
        (gone,) = await target.apply([delete(f"/Users/{ann.resource_id}")])
        assert (gone.status, gone.resource_id) == (204, ann.resource_id)
        assert set(await target.read([ann.resource_id, ben.resource_id])) == {ben.resource_id}

    play(work)


def test_one_that_fails_leaves_the_others(play: Play) -> None:
    async def work(target: Any) -> None:
        first, taken, last = await target.apply(
            [
                create_user("s1", "ann@x.com"),
                create_user("s2", "ANN@X.com"),
                create_user("s3", "cy@x.com"),
            ]
        )
        assert (first.status, taken.status, last.status) == (201, 409, 201)
        assert (taken.code, taken.resource_id) == ("uniqueness", "")
        title = {"op": "replace", "path": "title", "value": "Chief"}
        missing, changed, refused = await target.apply(
            [
                patch("/Users/018f0000-0000-7000-8000-000000000000", title),
                patch(f"/Users/{last.resource_id}", title),
                patch(
                    f"/Users/{last.resource_id}",
                    {"op": "replace", "path": "userName", "value": "ann@x.com"},
                ),
            ]
        )
        assert (missing.status, missing.code) == (404, "not_found")
        assert changed.status == 200
        assert (refused.status, refused.code) == (409, "uniqueness")
        assert all(each.message.endswith(".") or each.message for each in (taken, missing, refused))
        document = (await target.read([last.resource_id]))[last.resource_id]
        assert (document["title"], document["userName"]) == ("Chief", "cy@x.com")

    play(work)


def test_groups_members_and_managers(play: Play) -> None:
    async def work(target: Any) -> None:
        ann, ben, boss, staff, all_ = await apply_all(
            target,
            [
                create_user("s1", "ann@x.com"),
                create_user("s2", "ben@x.com"),
                create_user("s3", "boss@x.com"),
                create_group("g1", "Staff"),
                create_group("g2", "Staff"),
            ],
        )
        users = [ann.resource_id, ben.resource_id]
        done = await target.apply(
            [
                members(staff.resource_id, "add", users),
                members(staff.resource_id, "add", [boss.resource_id]),
                members(all_.resource_id, "add", [staff.resource_id, boss.resource_id]),
            ]
        )
        assert [each.status for each in done] == [200, 200, 200]
        assert await target.members(staff.resource_id) == {*users, boss.resource_id}
        assert await target.members(all_.resource_id) == {staff.resource_id, boss.resource_id}
        done = await target.apply([members(staff.resource_id, "remove", users)])
        assert [each.status for each in done] == [200]
        assert await target.members(staff.resource_id) == {boss.resource_id}
        reference = {"value": boss.resource_id, "$ref": f"Users/{boss.resource_id}"}
        manager = {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": reference}
        (set_,) = await target.apply([patch(f"/Users/{ann.resource_id}", manager)])
        assert set_.status == 200
        found = await target.read([ann.resource_id, staff.resource_id])
        assert found[ann.resource_id][ENTERPRISE]["manager"]["value"] == boss.resource_id
        assert facts(found[staff.resource_id]) == {
            "schemas": [support.GROUP],
            "displayName": "Staff",
        }
        assert "groups" not in found[ann.resource_id]
        assert await target.members("018f0000-0000-7000-8000-000000000000") == set()

    play(work)


def test_members_may_be_added_and_removed_again(play: Play) -> None:
    async def work(target: Any) -> None:
        ann, ben, staff = await apply_all(
            target,
            [
                create_user("s1", "ann@x.com"),
                create_user("s2", "ben@x.com"),
                create_group("g1", "Staff"),
            ],
        )
        both, group = [ann.resource_id, ben.resource_id], staff.resource_id
        await target.apply([members(group, "add", [ann.resource_id])])
        done = await target.apply([members(group, "add", both), members(group, "add", both)])
        assert [each.status for each in done] == [200, 200]
        assert await target.members(group) == set(both)
        await target.apply([members(group, "remove", [ann.resource_id])])
        done = await target.apply([members(group, "remove", both), members(group, "remove", both)])
        assert [each.status for each in done] == [200, 200]
        assert await target.members(group) == set()

    play(work)


def test_what_happens_to_one_resource_keeps_its_order(play: Play) -> None:
    async def work(target: Any) -> None:
        created = await target.apply([create_user(f"s{n}", f"u{n}@x.com") for n in range(6)])
        paths = [f"/Users/{each.resource_id}" for each in created]
        titles = [
            patch(path, {"op": "replace", "path": "title", "value": str(turn)})
            for turn in range(5)
            for path in paths
        ]
        assert {each.status for each in await target.apply(titles)} == {200}
        found = await target.read([each.resource_id for each in created])
        assert [each["title"] for each in found.values()] == ["4"] * 6

    play(work)


def test_it_finds_users_by_name(play: Play) -> None:
    async def work(target: Any) -> None:
        names = ["ann@x.com", 'o"br\\ien@x.com', "straße@x.com", "ben or@x.com"]
        assert await target.find(UniqueField.username, names) == {name: [] for name in names}
        created = await target.apply(
            [create_user(f"s{n}", name) for n, name in enumerate(names)]
            + [create_user("s9", "strasse@x.com")]
        )
        assert {each.status for each in created} == {201}
        asked = ["ANN@X.com", *names, "nobody@x.com"]
        found = await target.find(UniqueField.username, asked)
        assert list(found) == asked
        ids = {each: [one.resource_id for one in several] for each, several in found.items()}
        expected = {name: [each.resource_id] for name, each in zip(names, created, strict=False)}
        assert ids == {"ANN@X.com": expected["ann@x.com"], **expected, "nobody@x.com": []}
        assert found["ANN@X.com"][0].user_name == "ann@x.com"
        assert await target.find(UniqueField.username, []) == {}

    play(work)


def test_it_finds_users_by_their_work_or_primary_address_and_nothing_else(play: Play) -> None:
    async def work(target: Any) -> None:
        address = "shared@x.com"
        held = {
            "work": [{"value": "Shared@x.com", "type": "work"}],
            "primary": [{"value": address, "type": "home", "primary": True}],
            "other": [{"value": address, "type": "other"}, {"value": "o@x.com", "type": "work"}],
            "bare": [{"value": address}],
        }
        created = await target.apply(
            [create_user(name, f"{name}@y.com", emails=emails) for name, emails in held.items()]
        )
        assert {each.status for each in created} == {201}
        found = await target.find(UniqueField.email, [address, "o@x.com", "nobody@x.com"])
        ids = {each: {one.resource_id for one in several} for each, several in found.items()}
        work_id, primary_id, other_id, _ = (each.resource_id for each in created)
        assert ids == {
            address: {work_id, primary_id},
            "o@x.com": {other_id},
            "nobody@x.com": set(),
        }

    play(work)


def test_it_reads_many_of_both_kinds(play: Play) -> None:
    async def work(target: Any) -> None:
        people = [create_user(f"s{n}", f"u{n}@x.com") for n in range(9)]
        created = await apply_all(target, [*people, create_group("g1", "Staff")])
        ids = [each.resource_id for each in created]
        await target.apply([delete(f"/Users/{ids[3]}")])
        found = await target.read([*ids, ids[0], "nobody"])
        assert set(found) == set(ids) - {ids[3]}
        assert all(document["id"] == each for each, document in found.items())
        assert found[ids[-1]]["displayName"] == "Staff"
        assert await target.read([]) == {}

    play(work)
