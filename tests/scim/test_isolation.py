"""Workspaces are isolated: two at once, driven by random requests that know the other's ids.

What one workspace answers is compared with a model of it alone. Whatever crossed would show: as a
resource too many, as one that changed, or as an answer that says 200 where the id is foreign.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from scim.caller import Caller
from storage.database import Database
from tests.scim.world import CLIENT, ENTERPRISE, Answer, Api, add_workspace, op

SIDES = st.integers(0, 1)
NAMES = st.sampled_from(["ann", "bob", "eve", "ANN"])
PICK = st.integers(0, 50)
WORDS = st.sampled_from(["x", "y", "z"])


@dataclass
class Side:
    """One workspace, and what it must hold."""

    api: Api
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        return [*self.users, *self.groups]


class TwoWorkspaces(RuleBasedStateMachine):
    """Random requests in two workspaces of one database, with the same names and client."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.sides: list[Side] = []

    @initialize()
    def open(self) -> None:
        async def opened() -> None:
            self.database = await Database.open(self.url, shared=False, migrate=False)
            for _ in range(2):
                workspace = await add_workspace(self.database)
                self.sides.append(Side(Api(self.database, Caller(CLIENT, workspace))))

        self.runner.run(opened())

    def teardown(self) -> None:
        async def gone() -> None:
            await self.database.close()

        if self.sides:
            self.runner.run(gone())
        self.runner.close()

    def call(self, side: Side, *request: Any, **query: Any) -> Answer:
        answer = self.runner.run(side.api(*request, **query))
        assert answer.status < 500, answer.body
        return answer

    def foreign(self, side: int, pick: int) -> str:
        ids = self.sides[1 - side].ids
        return ids[pick % len(ids)]

    def both_have_something(self) -> bool:
        return all(side.ids for side in self.sides)

    # -- within one workspace

    @rule(side=SIDES, name=NAMES)
    def create_user(self, side: int, name: str) -> None:
        mine = self.sides[side]
        answer = self.call(mine, "POST", "/Users", {"userName": name, "externalId": "same"})
        taken = name.lower() in {each["userName"].lower() for each in mine.users.values()}
        assert answer.status == (409 if taken else 201)
        if not taken:
            mine.users[answer.id] = {"userName": name}

    @rule(side=SIDES, name=WORDS, picks=st.lists(PICK, max_size=3))
    def create_group(self, side: int, name: str, picks: list[int]) -> None:
        mine = self.sides[side]
        members = {mine.ids[pick % len(mine.ids)] for pick in picks} if mine.ids else set()
        entries = [{"value": each} for each in members]
        answer = self.call(mine, "POST", "/Groups", {"displayName": name, "members": entries})
        assert answer.status == 201
        mine.groups[answer.id] = members

    @rule(side=SIDES, pick=PICK)
    def delete(self, side: int, pick: int) -> None:
        mine = self.sides[side]
        if not mine.ids:
            return
        gone = mine.ids[pick % len(mine.ids)]
        kind = "Users" if gone in mine.users else "Groups"
        assert self.call(mine, "DELETE", f"/{kind}/{gone}").status == 204
        mine.users.pop(gone, None)
        mine.groups.pop(gone, None)
        for members in mine.groups.values():
            members.discard(gone)

    # -- with an id of the other workspace

    @precondition(both_have_something)
    @rule(
        side=SIDES,
        pick=PICK,
        method=st.sampled_from(["GET", "PUT", "PATCH", "DELETE"]),
        kind=st.sampled_from(["Users", "Groups"]),
    )
    def foreign_path(self, side: int, pick: int, method: str, kind: str) -> None:
        body = {"userName": "mallory", "displayName": "mallory"}
        if method == "PATCH":
            body = {"Operations": [op("replace", "displayName", "mallory")]}  # type: ignore[dict-item]
            body["schemas"] = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]  # type: ignore[assignment]
        path = f"/{kind}/{self.foreign(side, pick)}"
        assert self.call(self.sides[side], method, path, body).status == 404

    @precondition(both_have_something)
    @rule(
        side=SIDES,
        pick=PICK,
        group=PICK,
        kind=st.sampled_from(["add", "replace", "remove", "filter", "put", "post"]),
    )
    def foreign_member(self, side: int, pick: int, group: int, kind: str) -> None:
        mine = self.sides[side]
        foreign = self.foreign(side, pick)
        entries = [{"value": foreign, "$ref": f"Users/{foreign}"}]
        if kind == "post":
            body = {"displayName": "g", "members": entries}
            assert self.call(mine, "POST", "/Groups", body).status == 400
            return
        if not mine.groups:
            return
        path = f"/Groups/{list(mine.groups)[group % len(mine.groups)]}"
        if kind == "put":
            body = {"displayName": "g", "members": entries}
            assert self.call(mine, "PUT", path, body).status == 400
            return
        operation = {
            "filter": op("remove", f'members[value eq "{foreign}"]'),
            "remove": op("remove", "members", entries),
        }.get(kind) or op(kind, "members", entries)
        answer = self.runner.run(mine.api.patch(path, operation))
        assert answer.status == (400 if kind in ("add", "replace") else 200)

    @precondition(both_have_something)
    @rule(side=SIDES, pick=PICK)
    def foreign_manager(self, side: int, pick: int) -> None:
        """A manager is a plain reference: it may name anything, and must show nothing of it."""
        mine = self.sides[side]
        foreign = self.foreign(side, pick)
        for user in list(mine.users)[:1]:
            manager = {"value": foreign, "$ref": f"Users/{foreign}"}
            path = f"/Users/{user}"
            answer = self.runner.run(
                mine.api.patch(path, op("add", f"{ENTERPRISE}:manager", manager))
            )
            shown = answer.body[ENTERPRISE]["manager"] if answer.status == 200 else {}
            assert "displayName" not in shown
            self.runner.run(mine.api.patch(path, op("remove", f"{ENTERPRISE}:manager")))

    @precondition(both_have_something)
    @rule(
        side=SIDES,
        pick=PICK,
        form=st.sampled_from(
            [
                'id eq "{}"',
                'members.value eq "{}"',
                'groups.value eq "{}"',
                'members[value eq "{}"]',
                'groups.$ref co "{}"',
                'members.$ref ew "{}"',
                'meta.version pr and id eq "{}"',
            ]
        ),
    )
    def foreign_filter(self, side: int, pick: int, form: str) -> None:
        text = form.format(self.foreign(side, pick))
        assert self.call(self.sides[side], "GET", "/", filter=text).body["totalResults"] == 0
        everything = self.call(self.sides[side], "GET", "/", filter=f"not ({text})", count=100)
        assert everything.body["totalResults"] == len(self.sides[side].ids)

    @precondition(both_have_something)
    @rule(side=SIDES, pick=PICK)
    def foreign_bulk(self, side: int, pick: int) -> None:
        foreign = self.foreign(side, pick)
        member = {"displayName": "b", "members": [{"value": foreign}, {"value": "bulkId:g"}]}
        answer = self.runner.run(
            self.sides[side].api.bulk(
                {"method": "DELETE", "path": f"/Users/{foreign}"},
                {"method": "DELETE", "path": f"/Groups/{foreign}"},
                {"method": "PUT", "path": f"/Users/{foreign}", "data": {"userName": "m"}},
                {"method": "POST", "path": "/Groups", "bulkId": "g", "data": member},
            )
        )
        assert [each["status"] for each in answer.body["Operations"]] == [
            "404",
            "404",
            "404",
            "400",
        ]

    @precondition(both_have_something)
    @rule(side=SIDES, pick=PICK)
    def foreign_audit_and_restore(self, side: int, pick: int) -> None:
        mine = self.sides[side]
        foreign = self.foreign(side, pick)
        assert self.runner.run(mine.api.audit(foreign)) == []
        assert self.runner.run(mine.api.store.restorable([foreign])) == {}
        assert self.runner.run(mine.api.store.documents([foreign])) == {}
        assert self.runner.run(mine.api.store.member_ids(foreign)) == set()

    @precondition(both_have_something)
    @rule(side=SIDES)
    def foreign_cursor(self, side: int) -> None:
        """A cursor of the other workspace opens a page of one's own at most."""
        query = {"cursor": "", "count": 1}
        cursor = self.call(self.sides[1 - side], "GET", "/", **query).body.get("nextCursor")
        if cursor is not None:
            page = self.call(self.sides[side], "GET", "/", cursor=cursor, count=1)
            shown = [each["id"] for each in page.body.get("Resources", [])]
            assert set(shown) <= set(self.sides[side].ids)

    # -- what must hold

    @invariant()
    def each_holds_its_own(self) -> None:
        for side in self.sides:
            users = self.call(side, "GET", "/Users", count=100).body.get("Resources", [])
            assert {each["id"]: each["userName"] for each in users} == {
                user: each["userName"] for user, each in side.users.items()
            }
            groups = self.call(side, "GET", "/Groups", count=100).body.get("Resources", [])
            assert {
                each["id"]: {member["value"] for member in each.get("members", [])}
                for each in groups
            } == side.groups
            for each in users:
                of = {group["value"] for group in each.get("groups", [])}
                assert of == {group for group, has in side.groups.items() if each["id"] in has}


SETTINGS = settings(
    max_examples=10,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_two_workspaces(shared_url: str) -> None:
    machine = type("Machine", (TwoWorkspaces,), {"url": shared_url})
    run_state_machine_as_test(machine, settings=SETTINGS)  # type: ignore[no-untyped-call]
