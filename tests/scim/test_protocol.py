"""What RFC 7644 and RFC 9865 ask for, request by request."""

from typing import Any

import pytest

from scim.schema import DEFAULT_PAGE_SIZE, MAX_RESULTS
from tests.scim.world import BASE, ENTERPRISE, EZTO, USER_URN, Api, Serve, op

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


async def fill(api: Api) -> dict[str, str]:
    """Five users, one group."""
    ids = {}
    for name, title in (("dee", "B"), ("ann", "a"), ("eve", None), ("bob", "C"), ("cat", "b")):
        more = {"title": title} if title else {}
        ids[name] = await api.user(name, **more)
    ids["staff"] = await api.group("staff", ids["ann"])
    return ids


# -- sorting and paging (RFC 7644 §3.4.2.3, §3.4.2.4) ---------------------------------------


def test_sorting(serve: Serve) -> None:
    async def check(api: Api) -> None:
        await fill(api)
        assert (await api.get("/Users")).names == ["dee", "ann", "eve", "bob", "cat"]
        assert (await api.get("/Users", sortBy="userName")).names == [
            "ann", "bob", "cat", "dee", "eve",
        ]  # fmt: skip
        ascending = (await api.get("/Users", sortBy="title")).names
        assert ascending == ["ann", "dee", "cat", "bob", "eve"]
        down = await api.get("/Users", sortBy="title", sortOrder="descending")
        assert down.names == ascending[::-1]
        both = await api.post("/.search", {"sortBy": "userName"})
        assert both.names == ["ann", "bob", "cat", "dee", "eve", "staff"]

    serve(check)


def test_index_pages(serve: Serve) -> None:
    async def check(api: Api) -> None:
        await fill(api)
        page = await api.get("/Users", startIndex=2, count=2)
        assert page.body["schemas"] == [LIST]
        shown = [page.body[name] for name in ("totalResults", "startIndex", "itemsPerPage")]
        assert shown == [5, 2, 2]
        assert page.names == ["ann", "eve"]
        for start in (0, -3):
            assert (await api.get("/Users", startIndex=start)).body["startIndex"] == 1
        for count in (0, -1):
            none = (await api.get("/Users", count=count)).body
            assert none["totalResults"] == 5
            assert "Resources" not in none or none["Resources"] == []
        beyond = (await api.get("/Users", startIndex=9)).body
        assert (beyond["totalResults"], beyond["itemsPerPage"]) == (5, 0)
        assert (await api.get("/Users", count=10**9)).body["itemsPerPage"] == 5
        nothing = await api.get("/Users", filter='userName eq "nobody"')
        assert (nothing.status, nothing.body["totalResults"]) == (200, 0)

    serve(check)


def test_cursor_pages(serve: Serve) -> None:
    async def check(api: Api) -> None:
        await fill(api)
        first = await api.get("/Users", cursor="", count=2, sortBy="userName")
        assert (first.names, first.body["totalResults"]) == (["ann", "bob"], 5)
        assert "startIndex" not in first.body
        assert "previousCursor" not in first.body
        await api.user("aaa")
        second = await api.get(
            "/Users", cursor=first.body["nextCursor"], count=2, sortBy="userName"
        )
        assert second.names == ["cat", "dee"]
        body = {"cursor": second.body["nextCursor"], "count": 2, "sortBy": "userName"}
        third = await api.post("/Users/.search", body)
        assert third.names == ["eve"]
        assert "nextCursor" not in third.body
        back = {**body, "cursor": third.body["previousCursor"]}
        assert (await api.post("/Users/.search", back)).names == ["cat", "dee"]
        for wrong, scim_type in (
            ({**body, "count": 3}, "invalidCount"),
            ({**body, "filter": "title pr"}, "invalidCursor"),
            ({**body, "cursor": "x" * 60}, "invalidCursor"),
        ):
            assert (await api.post("/Users/.search", wrong)).error == (400, scim_type)

    serve(check)


def test_search_at_the_root(serve: Serve) -> None:
    async def check(api: Api) -> None:
        ids = await fill(api)
        everything = await api.get("/")
        assert everything.body["totalResults"] == 6
        of = 'meta.resourceType eq "Group"'
        assert (await api.get("/", filter=of)).names == ["staff"]
        some = {
            "filter": f'userName sw "a" or members.value eq "{ids["ann"]}"',
            "attributes": ["displayName", "userName"],
        }
        found = await api.post("/.search", some)
        assert found.names == ["ann", "staff"]
        assert set(found.body["Resources"][0]) == {"schemas", "id", "userName"}

    serve(check)


# -- attributes and excludedAttributes (RFC 7644 §3.9) ----------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "GET", "search"])
def test_attributes_on_every_answer(serve: Serve, method: str) -> None:
    async def ask(api: Api, **query: str) -> Any:
        body = {"userName": "ann", "title": "Boss", ENTERPRISE: {"department": "X"}}
        if method == "POST":
            body["userName"] = f"ann{len(str(query))}"
            answer = await api.post("/Users", body, **query)
            assert answer.headers["Location"] == f"{BASE}/Users/{answer.id}"
            return answer.body
        found = await api.get("/Users", filter='userName eq "ann"')
        user = found.body["Resources"][0]["id"] if found.names else await api.user(**_user(body))
        if method == "search":
            return (await api.get("/Users", **query)).body["Resources"][0]
        if method == "PATCH":
            return (await api.patch(f"/Users/{user}", op("add", "nickName", "A"), **query)).body
        return (await api(method, f"/Users/{user}", body, None, **query)).body

    async def check(api: Api) -> None:
        shown = await ask(api, attributes="title")
        assert set(shown) == {"schemas", "id", "title"}
        shown = await ask(api, attributes=f"USERNAME,{ENTERPRISE}:department")
        assert set(shown) == {"schemas", "id", "userName", ENTERPRISE}
        shown = await ask(api, attributes=f"{USER_URN}:title,meta.version")
        assert set(shown) == {"schemas", "id", "title", "meta"}
        assert set(shown["meta"]) == {"version"}
        shown = await ask(api, excludedAttributes="title,meta,id")
        assert "title" not in shown
        assert "meta" not in shown
        assert {"id", "userName", ENTERPRISE} <= set(shown)

    serve(check)


def _user(body: dict[str, Any]) -> dict[str, Any]:
    return {"user_name": body["userName"], **{k: v for k, v in body.items() if k != "userName"}}


def test_members_can_be_left_out(serve: Serve) -> None:
    async def check(api: Api) -> None:
        ids = await fill(api)
        path = f"/Groups/{ids['staff']}"
        assert "members" in (await api.get(path)).body
        assert "members" not in (await api.get(path, excludedAttributes="members")).body
        shown = (await api.get(path, attributes="members.value")).body["members"]
        assert shown == [{"value": ids["ann"]}]
        patched = await api.patch(
            path, op("add", "members", [{"value": ids["bob"]}]), excludedAttributes="members"
        )
        assert (patched.status, "members" in patched.body) == (200, False)

    serve(check)


def test_the_names_of_members_are_the_servers(serve: Serve) -> None:
    async def check(api: Api) -> None:
        ann, bob = await api.user("ann"), await api.user("bob", displayName="Bob B.")
        made = await api.post(
            "/Groups", {"displayName": "g", "members": [{"value": ann, "display": "x"}]}
        )
        path = f"/Groups/{made.id}"
        named = [{"value": ann, "display": "Nobody"}, {"value": bob, "display": "Nobody"}]
        for operation in (
            op("add", "members", named),
            op("replace", "members", named),
            op("replace", None, {"displayName": "h", "members": named}),
            op("add", None, {"externalId": "1", "Members": named[0]}),
        ):
            answer = await api.patch(path, operation)
            assert answer.status == 200, answer.body
            shown = [each.get("display") for each in answer.body["members"]]
            assert shown == [None, "Bob B."]
        await api.patch(f"/Users/{ann}", op("add", "displayName", "Ann"))
        shown = (await api.get(path, attributes="members.display")).body["members"]
        assert shown == [{"display": "Ann"}, {"display": "Bob B."}]
        refused = await api.patch(path, op("replace", f'members[value eq "{ann}"].display', "x"))
        assert refused.error == (400, "mutability")
        schema = (await api.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group")).body
        assert schema["name"] == "Group"
        (members,) = [each for each in schema["attributes"] if each["name"] == "members"]
        mutability = {each["name"]: each["mutability"] for each in members["subAttributes"]}
        assert mutability == {
            "value": "immutable",
            "$ref": "immutable",
            "type": "immutable",
            "display": "readOnly",
        }

    serve(check)


# -- versions (RFC 7644 §3.14) ------------------------------------------------------------------


def test_conditions_on_every_method(serve: Serve) -> None:
    async def check(api: Api) -> None:
        ids = await fill(api)
        for path, body in (
            (f"/Users/{ids['bob']}", {"userName": "bob"}),
            (f"/Groups/{ids['staff']}", {"displayName": "staff"}),
        ):
            read = await api.get(path)
            tag = read.headers["ETag"]
            assert tag.startswith('W/"')
            assert (await api.get(path, {"If-None-Match": tag})).status == 304
            assert (await api.get(path, {"If-None-Match": f'"x", {tag}'})).status == 304
            assert (await api.get(path, {"If-None-Match": "*"})).status == 304
            assert (await api.get(path, {"If-None-Match": 'W/"x"'})).status == 200
            for current in (tag, read.body["meta"]["version"], "*"):
                assert (await api.get(path, {"If-Match": current})).status == 200
            for headers in ({"If-Match": 'W/"99"'}, {"If-None-Match": "*"}):
                for method in ("PUT", "PATCH", "DELETE"):
                    wrong = _patch() if method == "PATCH" else body
                    refused = await api(method, path, wrong, headers)
                    assert refused.status == 412, (method, headers)
                    assert "Read it again" in refused.detail
            assert (await api.get(path, {"If-Match": 'W/"99"'})).status == 412
            put = await api("PUT", path, {**body, "externalId": "x"}, {"If-Match": tag})
            assert put.status == 200
            assert put.body["meta"]["version"] != read.body["meta"]["version"]
            assert (await api.patch(path, op("add", "externalId", "y"), if_match=tag)).status == 412
            newest = (await api.get(path)).headers["ETag"]
            assert (await api("DELETE", path, None, {"If-Match": tag})).status == 412
            assert (await api("DELETE", path, None, {"If-Match": newest})).status == 204

    serve(check)


def _patch() -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [op("replace", "displayName", "x")],
    }


def test_an_etag_covers_memberships(serve: Serve) -> None:
    async def check(api: Api) -> None:
        ids = await fill(api)
        path = f"/Users/{ids['ann']}"
        tag = (await api.get(path)).headers["ETag"]
        await api.patch(f"/Groups/{ids['staff']}", op("remove", "members"))
        assert (await api.get(path, {"If-None-Match": tag})).status == 200
        group = (await api.get(f"/Groups/{ids['staff']}")).headers["ETag"]
        await api.patch(f"/Groups/{ids['staff']}", op("add", "members", [{"value": ids["bob"]}]))
        answer = await api.get(f"/Groups/{ids['staff']}", {"If-None-Match": group})
        assert answer.status == 200
        await api("DELETE", f"/Users/{ids['bob']}")
        stale = await api.get(f"/Groups/{ids['staff']}", {"If-None-Match": answer.headers["ETag"]})
        assert stale.status == 200
        assert "members" not in stale.body

    serve(check)


def test_what_changes_nothing_keeps_the_version(serve: Serve) -> None:
    async def check(api: Api) -> None:
        ids = await fill(api)
        path = f"/Users/{ids['ann']}"
        before = (await api.get(path)).body["meta"]
        for answer in (
            await api.patch(path, op("replace", "title", "a")),
            await api("PUT", path, {"userName": "ann", "title": "a"}),
            await api.patch(path, op("remove", "nickName")),
        ):
            assert answer.body["meta"] == before

    serve(check)


# -- create, replace, delete ----------------------------------------------------------------


def test_create_read_replace_delete(serve: Serve) -> None:
    async def check(api: Api) -> None:
        given = {"userName": "ann", "id": "mine", "meta": {"version": "x"}, "unknown": 1}
        made = await api.post("/Users", given)
        assert made.status == 201
        assert made.id != "mine"
        assert made.headers["Location"] == made.body["meta"]["location"]
        assert made.headers["ETag"] == made.body["meta"]["version"] == 'W/"1"'
        taken = await api.post("/Users", {"userName": "ANN"})
        assert taken.error == (409, "uniqueness")
        path = f"/Users/{made.id}"
        put = await api("PUT", path, {"userName": "anna", "id": made.id, "groups": [{}]})
        assert put.body["userName"] == "anna"
        assert "title" not in put.body
        assert (await api("DELETE", path)).status == 204
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            assert (await api(method, path, given)).status == 404
        assert (await api.post("/Users", {"userName": "anna"})).status == 201

    serve(check)


def test_a_deleted_user_leaves_its_groups(serve: Serve) -> None:
    async def check(api: Api) -> None:
        ids = await fill(api)
        outer = await api.group("outer", ids["staff"], ids["ann"])
        shown = (await api.get(f"/Users/{ids['ann']}")).body["groups"]
        assert {each["display"] for each in shown} == {"staff", "outer"}
        assert all(each["$ref"].startswith(f"{BASE}/Groups/") for each in shown)
        await api("DELETE", f"/Users/{ids['ann']}")
        assert await api.members(ids["staff"]) == set()
        assert await api.members(outer) == {ids["staff"]}

    serve(check)


# -- discovery (RFC 7644 §4) ------------------------------------------------------------------


def test_discovery(serve: Serve) -> None:
    async def check(api: Api) -> None:
        config = (await api.get("/ServiceProviderConfig")).body
        assert {name: config[name]["supported"] for name in ("patch", "bulk", "filter")} == {
            "patch": True,
            "bulk": True,
            "filter": True,
        }
        assert all(config[name]["supported"] for name in ("sort", "etag", "changePassword"))
        assert config["filter"]["maxResults"] == MAX_RESULTS
        pagination = config["pagination"]
        assert (pagination["cursor"], pagination["index"]) == (True, True)
        assert pagination["defaultPageSize"] == DEFAULT_PAGE_SIZE
        types = (await api.get("/ResourceTypes")).body
        assert types["totalResults"] == 2
        assert types["Resources"][0]["meta"]["location"] == f"{BASE}/ResourceTypes/User"
        schemas = (await api.get("/Schemas")).body
        found = {each["id"]: each for each in schemas["Resources"]}
        assert {USER_URN, ENTERPRISE, EZTO} <= set(found)
        password = next(a for a in found[USER_URN]["attributes"] if a["name"] == "password")
        assert (password["mutability"], password["returned"]) == ("writeOnly", "never")
        for attribute in found[EZTO]["attributes"]:
            assert attribute["mutability"] == "readOnly"
        one = await api.get(f"/Schemas/{EZTO}")
        assert one.body["meta"]["location"] == f"{BASE}/Schemas/{EZTO}"
        for path in ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas"):
            assert (await api.get(path, filter="id pr")).status == 403
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                refused = await api(method, path, {})
                assert refused.status == 405
                assert refused.headers["Allow"] == "GET"
        assert (await api.get("/Schemas/nope")).status == 404
        assert (await api.get("/ResourceTypes/nope")).status == 404

    serve(check)
