"""What cannot be read, what is shown and is not there, and whom a user belongs to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from azure_adapter.graph import RetryPolicy
from azure_adapter.remote import BearerToken, RemoteSettings, RemoteUnavailable, RemoteUnsuitable
from scim.provisioning.operations import Action, Operation
from scim.provisioning.records import LinkRecord, LinkState, UniqueField
from scim.provisioning.source import ObjectKind
from tests.gateway.support import live_app
from tests.remote.crooked import Odd, Reply, error, on
from tests.remote.support import TITLE, create_user, delete, patch, people, use

TIGHT = RetryPolicy(attempts=12, budget=300.0, attempt_seconds=20.0, most_bytes=200_000)


def test_what_cannot_be_read_is_not_taken_for_missing(odd: Odd) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        (user,) = await target.apply(people(1))
        for reply in (error(403, "Not yours."), error(400), Reply(200, b"<html>"), error(500)):
            app.rules = [on("GET", user.resource_id, reply)]
            with pytest.raises(RemoteUnavailable) as caught:
                await target.read([user.resource_id])
            assert caught.value.code == "unreadable"
            assert user.resource_id in caught.value.message
        app.rules = [on("GET", user.resource_id, error(410))]
        assert await target.read([user.resource_id]) == {}

    use(settings, work)


def test_answers_have_a_limit(odd: Odd) -> None:
    settings, app = odd
    flood = Reply(200, b'{"a": "' + b"x" * 3_000_000 + b'"}')

    async def work(target: Any) -> None:
        (user,) = await target.apply(people(1))
        path = f"/Users/{user.resource_id}"
        app.rules = [on("GET", user.resource_id, flood)]
        with pytest.raises(RemoteUnavailable) as caught:
            await target.read([user.resource_id])
        assert "larger than" in caught.value.message
        app.rules = [on("PATCH", "", flood), on("DELETE", "", replace(flood, status=400))]
        changed, kept = await target.apply([patch(path, TITLE), replace(delete(path), phase=2)])
        assert (changed.status, kept.status) == (200, 400)

    use(replace(settings, bulk=False), work, policy=TIGHT)


def test_numbers_as_ids_are_told_apart_or_refused() -> None:
    documents = {
        "/Users/1": {"id": 1, "userName": "ann@x.com"},
        "/Groups/1": {"id": 1, "displayName": "Staff"},
        "/Groups/2": {"id": 2, "displayName": "Others", "members": [{"value": 1}]},
    }

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found = documents.get(scope["path"])
        content = json.dumps(found or {}).encode()
        status = 200 if found else 404
        headers = [(b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def work(target: Any) -> None:
        assert (await target.read(["2"]))["2"]["displayName"] == "Others"
        assert (await target.read(["1"], ObjectKind.group))["1"]["displayName"] == "Staff"
        assert (await target.read(["1"], ObjectKind.user))["1"]["userName"] == "ann@x.com"
        assert await target.members("2") == {"1"}
        with pytest.raises(RemoteUnsuitable) as caught:
            await target.read(["1"])
        assert caught.value.code == "ambiguous_id"

    with live_app(app) as url:
        use(RemoteSettings(url, BearerToken("t")), work)


class Links:
    """What the store knows of who feeds whom."""

    def __init__(self) -> None:
        self.known: dict[str, list[LinkRecord]] = {}

    async def __call__(self, ids: Any) -> dict[str, list[LinkRecord]]:
        return {each: self.known[each] for each in ids if each in self.known}

    def add(self, resource_id: str, sync_id: str, state: LinkState = LinkState.linked) -> None:
        link = LinkRecord("s", ObjectKind.user, resource_id, state, sync_id=sync_id)
        self.known.setdefault(resource_id, []).append(link)


def test_a_user_whom_another_sync_feeds_comes_with_its_authority(odd: Odd) -> None:
    settings, _ = odd
    links = Links()

    async def work(target: Any) -> None:
        ids = [each.resource_id for each in await target.apply(people(3))]
        links.add(ids[0], "first")
        links.add(ids[0], "second")
        links.add(ids[1], "first", LinkState.unlinked)
        found = await target.find(UniqueField.username, ["u0@x.com", "u1@x.com", "u2@x.com"])
        expected = ["user_sync:first", "dashboard", "dashboard"]
        assert [str(several[0].authority) for several in found.values()] == expected
        told = await target.authorities(ids)
        assert [str(told[each].source) for each in ids] == expected
        assert not any(each.blocked for each in told.values())
        assert await target.authorities([]) == {}
        assert await target.enrollment(ids) == {}

    use(settings, work, links=links)

    async def without(target: Any) -> None:
        assert await target.authorities(["1"]) == {}

    use(settings, without)


def test_whom_a_server_only_disables_is_deleted_all_the_same(odd: Odd) -> None:
    settings, _ = odd
    links = Links()

    async def work(target: Any) -> None:
        created = await target.apply(
            [create_user(f"s{n}", f"u{n}@x.com", active=n > 2) for n in range(4)]
        )
        gone, joined, plain, active = (each.resource_id for each in created)
        for each in (gone, joined, active):
            links.add(each, "first", LinkState.tombstone)
        links.add(joined, "second")
        expected = {joined, plain, active}
        assert set(await target.read([gone, *expected])) == expected
        assert set(await target.read([gone, *expected], ObjectKind.user)) == expected
        (back,) = await target.apply(people(1))
        assert (back.status, back.resource_id) == (201, gone)
        assert (await target.read([gone]))[gone]["active"] is True

    use(settings, work, links=links)


def test_it_takes_part_in_no_transaction_and_restores_nothing(odd: Odd) -> None:
    settings, app = odd

    async def work(target: Any) -> None:
        assert target.transactional is False
        assert await target.restorable(["1"]) == {}
        nothing = Operation(Action.none, ObjectKind.user, "s1", "ann")
        (done,) = await target.apply([nothing])
        assert (done.ok, done.changed, app.seen) == (True, False, [])
        (done,) = await target.apply([replace(nothing, path="/Users/17")])
        assert (done.status, done.resource_id) == (204, "17")
        done, created = await target.apply([nothing, *people(1)])
        assert (done.ok, done.changed, created.status) == (True, False, 201)

    use(settings, work)
