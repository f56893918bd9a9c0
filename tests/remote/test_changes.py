"""Changes, members and deletions, also where they are done already or PATCH is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.remote.crooked import Cut, Odd, Reply, Seen, error, no_bulk, no_patch, on, times
from tests.remote.support import (
    TITLE,
    create_group,
    create_user,
    delete,
    members,
    patch,
    people,
    use,
)


def test_without_patch_a_resource_is_read_and_put(odd: Odd) -> None:
    settings, app = odd
    app.rules = [no_patch]
    stale = times(1, on("PUT", "", error(412, "Changed.")))

    async def work(target: Any) -> None:
        created = await target.apply([*people(2), create_user("s2", "u2@x.com", title="Nurse")])
        ids = [each.resource_id for each in created]
        (group,) = await target.apply([create_group("g1", "Staff")])
        app.rules = [stale, no_patch]
        (done,) = await target.apply(
            [
                patch(
                    f"/Users/{ids[2]}",
                    {"op": "remove", "path": "title"},
                    {**TITLE, "path": "nickName"},
                )
            ]
        )
        assert done.status == 200
        puts = app.sent("PUT")
        assert len(puts) == 2
        assert all(each.headers["if-match"].startswith("W/") for each in puts)
        assert "meta" not in puts[0].body
        done = await target.apply([members(group.resource_id, "add", ids)])
        done += await target.apply([members(group.resource_id, "remove", ids[:2])])
        done += await target.apply([members(group.resource_id, "remove", ids[:2])])
        assert [(each.status, each.changed) for each in done] == [
            (200, True),
            (200, True),
            (200, False),
        ]
        assert await target.members(group.resource_id) == {ids[2]}
        document = (await target.read([ids[2]]))[ids[2]]
        assert ("title" in document, document["nickName"]) == (False, "Chief")
        (missing,) = await target.apply([patch("/Users/nobody", TITLE)])
        assert (missing.status, missing.code) == (404, "not_found")
        assert len(app.sent("PATCH")) == 1

    use(replace(settings, bulk=False), work)


def strict_removal(seen: Seen) -> Reply | None:
    """Take ``remove`` of ``members`` by the letter: its value means nothing."""
    if not seen.is_("PATCH"):
        return None
    emptied = [
        each
        for each in seen.body["Operations"]
        if (each["op"], each["path"]) == ("remove", "members")
    ]
    return error(400, "That would empty the group.") if emptied else None


def test_a_removal_names_each_member_so_that_no_server_empties_the_group(odd: Odd) -> None:
    settings, app = odd
    app.rules = [strict_removal]

    async def work(target: Any) -> None:
        ids = [each.resource_id for each in await target.apply(people(3))]
        (group,) = await target.apply([create_group("g1", "Staff")])
        await target.apply([members(group.resource_id, "add", ids)])
        (done,) = await target.apply([members(group.resource_id, "remove", ids[:2])])
        assert done.status == 200
        assert await target.members(group.resource_id) == {ids[2]}
        sent = app.sent("PATCH")[-1]
        assert [each["path"] for each in sent.body["Operations"]] == [
            f'members[value eq "{each}"]' for each in ids[:2]
        ]

    use(replace(settings, bulk=False), work)


def no_target(seen: Seen) -> Reply | None:
    """Refuse a removal that finds nothing, as RFC 7644 §3.5.2.2 allows."""
    gone = seen.is_("PATCH") and any(each["op"] == "remove" for each in seen.body["Operations"])
    return error(400, "No target.", "noTarget") if gone else None


def test_what_is_removed_already_is_no_error(odd: Odd) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        ids = [each.resource_id for each in await target.apply(people(2))]
        (group,) = await target.apply([create_group("g1", "Staff")])
        app.rules = [no_target]
        path, group_id = f"/Users/{ids[0]}", group.resource_id
        removal = {"op": "remove", "path": "title"}
        done = await target.apply([members(group_id, "remove", ids)])
        done += await target.apply([patch(path, removal)])
        assert [(each.status, each.changed) for each in done] == [(200, False), (200, False)]
        (done_too,) = await target.apply([patch(path, removal, {**TITLE, "path": "nickName"})])
        assert done_too.status == 200
        assert (await target.read(ids))[ids[0]]["nickName"] == "Chief"

    use(replace(settings, bulk=False), work)


@pytest.mark.parametrize("bulk", [True, False])
def test_members_travel_in_portions_that_the_server_takes(odd: Odd, bulk: bool) -> None:
    settings, app = odd

    def large(seen: Seen) -> Reply | None:
        change = seen.body["Operations"][0] if seen.is_("PATCH") else {}
        return error(413, "Too large.") if len(change.get("value", [])) > 3 else None

    async def work(target: Any) -> None:
        ids = [each.resource_id for each in await target.apply(people(10))]
        (group,) = await target.apply([create_group("g1", "Staff")])
        app.rules = [large, no_bulk]
        (done,) = await target.apply([members(group.resource_id, "add", ids)])
        assert done.status == 200
        assert await target.members(group.resource_id) == set(ids)
        sent = app.sent("PATCH")
        assert all(each.query == {"excludedAttributes": "members"} for each in sent)
        (done,) = await target.apply([members(group.resource_id, "remove", ids)])
        assert await target.members(group.resource_id) == set()

    use(replace(settings, bulk=bulk, members_per_patch=8), work)


def test_a_deletion_of_what_is_gone_is_done(odd: Odd) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        (user,) = await target.apply(people(1))
        path = f"/Users/{user.resource_id}"
        app.rules = [no_bulk, times(1, on("DELETE", "", Cut(after=True)))]
        (done,) = await target.apply([delete(path)])
        assert (done.status, done.changed) == (204, False)
        assert (done.resource_id, await target.read([user.resource_id])) == (user.resource_id, {})

    use(settings, work)
