"""Changes are told: who, what (old and new), when, readable by resource."""

from dataclasses import replace
from typing import Any

from scim.provisioning.authority import Source, SourceKind
from storage.database import now_us
from tests.scim.world import ENTERPRISE, Api, Serve, op


async def told(api: Api, resource_id: str) -> list[tuple[str, Any]]:
    return [(each.action, each.changes) for each in await api.audit(resource_id)]


def new(value: Any) -> dict[str, Any]:
    return {"old": None, "new": value}


def test_the_whole_life_of_a_user(serve: Serve) -> None:
    async def check(api: Api) -> None:
        begun = now_us()
        acting = api.as_(replace(api.caller, actor="token:t-1"))
        user = await acting.user("ann", title="A", externalId="1", password="x")
        path = f"/Users/{user}"
        await acting.patch(path, op("replace", "title", "B"), op("add", "name.givenName", "Ann"))
        await api(
            "PUT", path, {"userName": "ann", "externalId": "2", ENTERPRISE: {"division": "X"}}
        )
        await api.patch(path, op("remove", "externalId"))
        await api.patch(path, op("remove", "externalId"))
        await api("DELETE", path)
        await api.store.restore(user)
        life = await told(api, user)
        assert [action for action, _ in life] == [
            "create", "update", "update", "update", "delete", "restore",
        ]  # fmt: skip
        schemas = life[0][1].pop("schemas")
        assert life[0][1] == {
            "userName": new("ann"),
            "title": new("A"),
            "externalId": new("1"),
            "password": {"old": "changed", "new": "changed"},
        }
        assert schemas["old"] is None
        assert life[1][1] == {
            "title": {"old": "A", "new": "B"},
            "name": new({"givenName": "Ann"}),
        }
        assert life[2][1]["externalId"] == {"old": "1", "new": "2"}
        assert life[2][1]["title"] == {"old": "B", "new": None}
        assert life[2][1][ENTERPRISE] == new({"division": "X"})
        assert life[3][1] == {"externalId": {"old": "2", "new": None}}
        assert life[4][1]["userName"] == {"old": "ann", "new": None}
        assert life[4][1]["password"] == {"old": "changed", "new": "changed"}
        assert life[5][1]["userName"] == new("ann")
        entries = await api.audit(user)
        assert [each.actor for each in entries[:3]] == [
            "scim_client:client-1 token:t-1",
            "scim_client:client-1 token:t-1",
            "scim_client:client-1",
        ]
        assert all(begun <= each.at <= now_us() for each in entries)
        assert {each.resource_type for each in entries} == {"User"}

    serve(check)


def test_members_are_told_at_the_group(serve: Serve) -> None:
    async def check(api: Api) -> None:
        ann, bob, eve = [await api.user(name) for name in ("ann", "bob", "eve")]
        group = await api.group("staff", ann)
        path = f"/Groups/{group}"
        await api.patch(path, op("add", "members", [{"value": bob}, {"value": ann}]))
        await api.patch(path, op("remove", f'members[value eq "{ann}"]'))
        await api.patch(path, op("replace", "members", [{"value": eve}]))
        await api("PUT", path, {"displayName": "crew", "members": [{"value": eve}, {"value": bob}]})
        await api("DELETE", f"/Users/{eve}")
        await api("DELETE", path)
        changes = [each for _, each in await told(api, group)]
        members = [each.get("members") for each in changes]
        assert members == [
            {"added": [ann], "removed": []},
            {"added": [bob], "removed": []},
            {"added": [], "removed": [ann]},
            {"added": [eve], "removed": [bob]},
            {"added": [bob], "removed": []},
            {"added": [], "removed": [eve]},
            {"added": [], "removed": [bob]},
        ]
        assert changes[4]["displayName"] == {"old": "staff", "new": "crew"}
        assert changes[6]["displayName"] == {"old": "crew", "new": None}

    serve(check)


def test_a_user_that_comes_back_is_told_at_its_groups(serve: Serve) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann")
        group = await api.group("staff", user)
        other = api.as_(replace(api.caller, source=Source(SourceKind.scim_client, "other")))
        crew = await other.group("crew", user)
        assert (await other("DELETE", f"/Users/{user}")).status == 204
        assert (await api.get(f"/Users/{user}")).status == 200
        await api("DELETE", f"/Users/{user}")
        await api.store.restore(user)
        gone, back = {"added": [], "removed": [user]}, {"added": [user], "removed": []}
        at_group = [each["members"] for _, each in await told(api, group)]
        assert at_group == [back, gone, back]
        assert [each["members"] for _, each in await told(api, crew)] == [back, gone]
        assert (await told(api, user))[1][1] == {"groups": {"added": [], "removed": [crew]}}
        await api("DELETE", f"/Groups/{group}")
        await api.store.restore(group)
        assert (await told(api, group))[-1][1]["members"] == back

    serve(check)


def test_what_fails_is_not_told(serve: Serve) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann")
        await api.user("bob")
        await api.patch(f"/Users/{user}", op("replace", "userName", "bob"))
        await api.patch(f"/Users/{user}", op("replace", "title", "x"), if_match='W/"9"')
        assert len(await api.audit(user)) == 1

    serve(check)
