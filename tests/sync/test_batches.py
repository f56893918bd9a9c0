"""Batched application gives the results, errors and versions of the same operations one by one."""

import asyncio
from typing import Any

import orjson
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scim.batching import MANAGER
from scim.handler import GatewayHandler
from scim.identifiers import new_id
from scim.provisioning.authority import Source, SourceKind
from scim.provisioning.operations import Action, Operation, Outcome
from scim.provisioning.source import ObjectKind
from scim.target import InProcessTarget
from storage.database import Database
from storage.resources.batches import BatchStore
from tests.fast.world import PLAIN
from tests.scim.world import PATCH_OP, add_workspace

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

names = st.sampled_from(["ann", "Bob", "cid", "dän", "eve", "x" * 600, ""])
texts = st.sampled_from(["Sales", "IT", "", "a\x00b", "Ümlaut"])
persons = st.fixed_dictionaries(
    {"userName": names},
    optional={
        "displayName": texts,
        "active": st.booleans(),
        "title": texts,
        "emails": st.lists(
            st.fixed_dictionaries(
                {"value": st.sampled_from(["a@example.com", "B@example.com", "no address"])},
                optional={"type": st.sampled_from(["work", "home"]), "primary": st.booleans()},
            ),
            max_size=2,
        ),
    },
)
places = st.integers(0, 7)
steps = st.one_of(
    st.tuples(st.just("create"), persons),
    st.tuples(st.just("group"), texts),
    st.tuples(st.just("title"), places, texts),
    st.tuples(st.just("active"), places, st.booleans()),
    st.tuples(st.just("department"), places, texts),
    st.tuples(st.just("name"), places, names),
    st.tuples(st.just("manager"), places, places),
    st.tuples(st.just("titled manager"), places, places),
    st.tuples(st.just("emails"), places, st.sampled_from(["c@example.com", "wrong"])),
    st.tuples(st.just("delete"), places),
    st.tuples(st.just("add"), places, places),
    st.tuples(st.just("remove"), places, places),
)
batches = st.lists(st.lists(steps, min_size=1, max_size=8), min_size=1, max_size=4)


class Side:
    """One workspace, and the ids of what was created in it, in order."""

    def __init__(self, database: Database, workspace: int) -> None:
        self.source = Source(SourceKind.user_sync, new_id())
        store = BatchStore(database, workspace, self.source, PLAIN.provider)
        self.target = InProcessTarget(GatewayHandler(PLAIN, store))
        self.database = database
        self.workspace = workspace
        self.users: list[str] = []
        self.groups: list[str] = []

    def operation(self, step: tuple[Any, ...]) -> Operation:
        match step:
            case ("create", person):
                body = {"schemas": [CORE], **person}
                return self._made(Action.create, "POST", "/Users", body)
            case ("group", name):
                body = {"schemas": [GROUP], "displayName": name}
                return self._made(Action.create, "POST", "/Groups", body, ObjectKind.group)
            case ("delete", place):
                return self._made(Action.delete, "DELETE", self._user(place))
            case ("add" | "remove" as verb, place, member):
                value = [{"value": self._id(self.users, member)}]
                path = f"/Groups/{self._id(self.groups, place)}"
                patch = {"op": verb, "path": "members", "value": value}
                action = Action.add_members if verb == "add" else Action.remove_members
                return self._patch(action, path, patch, ObjectKind.group)
            case (kind, place, value):
                return self._patch(*self._change(str(kind), self._user(place), value))
        raise AssertionError(step)

    def _change(self, kind: str, path: str, value: Any) -> tuple[Action, str, dict[str, Any]]:
        manager = self._id(self.users, value) if kind.endswith("manager") else ""
        reference: dict[str, Any] = {"value": manager, "$ref": f"Users/{manager}"}
        if kind == "titled manager":
            reference["displayName"] = "Boss"
        patches: dict[str, tuple[Action, str, Any]] = {
            "title": (Action.update, "title", value),
            "active": (Action.disable, "active", value),
            "department": (Action.update, f"{ENTERPRISE}:department", value),
            "name": (Action.release_name, "userName", value),
            "manager": (Action.assign_manager, MANAGER, reference),
            "titled manager": (Action.assign_manager, MANAGER, reference),
            "emails": (Action.update, "emails", [{"value": value, "type": "work"}]),
        }
        action, name, new = patches[kind]
        return action, path, {"op": "replace", "path": name, "value": new}

    def _patch(
        self,
        action: Action,
        path: str,
        patch: dict[str, Any],
        kind: ObjectKind = ObjectKind.user,
    ) -> Operation:
        body = {"schemas": [PATCH_OP], "Operations": [patch]}
        return self._made(action, "PATCH", path, body, kind)

    @staticmethod
    def _made(
        action: Action,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        kind: ObjectKind = ObjectKind.user,
    ) -> Operation:
        return Operation(action, kind, "source", "label", method, path, body)

    def _user(self, place: int) -> str:
        return f"/Users/{self._id(self.users, place)}"

    @staticmethod
    def _id(ids: list[str], place: int) -> str:
        return ids[place % len(ids)] if ids else "00000000-0000-7000-8000-000000000000"

    async def apply(self, batch: list[tuple[Any, ...]], *, together: bool) -> list[Outcome]:
        operations = [self.operation(step) for step in batch]
        async with self.database.transaction():
            if together:
                outcomes = await self.target.apply(operations)
            else:
                outcomes = [await self.target._alone(each) for each in operations]
        for operation, outcome in zip(operations, outcomes, strict=True):
            if outcome.ok and operation.action is Action.create:
                made = self.users if operation.path == "/Users" else self.groups
                made.append(outcome.resource_id)
        return outcomes

    async def told(self) -> Any:
        """Everything that is stored, without what differs between two workspaces."""
        session = self.database.session
        rows = await session.rows(
            "SELECT row_id, id, type, authority, user_name_key, display, display_name_key, active, "
            "version, document, search FROM resource WHERE workspace_id = ? ORDER BY id",
            (self.workspace,),
        )
        emails = await session.rows(
            "SELECT r.id, e.value_key, e.type_key, e.is_primary FROM resource_email e "
            "JOIN resource r ON r.row_id = e.resource_id WHERE e.workspace_id = ? "
            "ORDER BY r.id, e.value_key, e.type_key",
            (self.workspace,),
        )
        members = await session.rows(
            "SELECT g.id AS group_id, u.id FROM membership m JOIN resource g ON g.row_id = "
            "m.group_id JOIN resource u ON u.row_id = m.member_id WHERE g.workspace_id = ? "
            "ORDER BY g.id, u.id",
            (self.workspace,),
        )
        audit = await session.rows(
            "SELECT actor, action, resource_type, resource_id, changes FROM audit "
            "WHERE workspace_id = ? ORDER BY resource_id, row_id",
            (self.workspace,),
        )
        for row in rows:
            del row["row_id"]
            document = orjson.loads(row["document"])
            del document["meta"]["created"], document["meta"]["lastModified"]
            search = row["search"]
            row["document"] = document
            row["search"] = orjson.loads(search) if isinstance(search, str) else search
        for entry in audit:
            entry["changes"] = orjson.loads(entry["changes"])
        return self.named([rows, emails, members, audit])

    def named(self, value: Any) -> Any:
        """Return a value with ids replaced by the order in which they were made."""
        text = orjson.dumps(value).decode()
        for place, own in enumerate(self.users):
            text = text.replace(own, f"user {place}")
        for place, own in enumerate(self.groups):
            text = text.replace(own, f"group {place}")
        return orjson.loads(text.replace(self.source.id, "SYNC"))


def _outcome(side: Side, each: Outcome) -> Any:
    return side.named([each.status, each.resource_id, each.code, each.message])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches)
@example(
    [
        [("create", {"userName": "ann"}), ("create", {"userName": "Bob", "title": "IT"})],
        [("manager", 0, 1), ("title", 1, "Sales"), ("group", "IT")],
        [("department", 1, "IT"), ("department", 1, "Sales"), ("manager", 1, 0)],
        [("titled manager", 0, 1), ("active", 1, False)],
        [("manager", 0, 0), ("add", 0, 1), ("title", 0, "")],
    ]
)
@example(
    [
        [("create", {"userName": "ann"}), ("create", {"userName": "ANN"}), ("group", "IT")],
        [("title", 0, "IT"), ("name", 0, "x" * 600), ("title", 5, "Sales")],
    ]
)
def test_a_batch_is_its_operations_one_by_one(
    database: Database, runner: asyncio.Runner, sent: list[list[tuple[Any, ...]]]
) -> None:
    async def check() -> None:
        one = Side(database, await add_workspace(database))
        other = Side(database, await add_workspace(database))
        for batch in sent:
            alone = await one.apply(batch, together=False)
            together = await other.apply(batch, together=True)
            assert [_outcome(one, each) for each in alone] == [
                _outcome(other, each) for each in together
            ]
        assert await one.told() == await other.told()

    runner.run(check())
