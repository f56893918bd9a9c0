"""``/Me``: RFC 7644 §3.11."""

from dataclasses import replace

from tests.scim.world import Api, Serve, op


def test_me_is_the_user_that_the_token_stands_for(serve: Serve) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann")
        mine = api.as_(replace(api.caller, user_id=user))
        read = await mine.get("/Me", attributes="userName")
        assert read.body["userName"] == "ann"
        assert "meta" not in read.body
        assert read.headers["Location"].endswith(f"/Users/{user}")
        etag = (await mine.get("/Me")).headers["ETag"]
        assert (await mine.get("/Me", {"If-None-Match": etag})).status == 304
        patched = await mine.patch("/Me", op("replace", "title", "Boss"))
        assert patched.body["title"] == "Boss"
        assert patched.headers["Location"].endswith(f"/Users/{user}")
        put = await mine("PUT", "/Me", {"userName": "ann", "nickName": "A"})
        assert put.body["nickName"] == "A"
        assert (await mine("DELETE", "/Me")).status == 204
        assert (await mine.get("/Me")).status == 404

    serve(check)


def test_a_token_of_a_program_has_no_me(serve: Serve) -> None:
    async def check(api: Api) -> None:
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            answer = await api(method, "/Me", {})
            assert answer.status == 404
            assert "stands for a provisioning client" in answer.detail
        answer = await api.post("/Me", {"userName": "ann"})
        assert answer.status == 403
        assert "POST /Users" in answer.detail
        assert (await api.get("/Users")).names == []

    serve(check)


def test_me_keeps_the_scopes_and_the_workspace(serve: Serve) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann")
        reader = api.as_(replace(api.caller, user_id=user, scopes=frozenset({"read"})))
        assert (await reader.get("/Me")).status == 200
        assert (await reader.patch("/Me", op("replace", "title", "x"))).status == 403

    serve(check)
