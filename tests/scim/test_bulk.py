"""Bulk requests: RFC 7644 §3.7, references included."""

from typing import Any

import pytest

from scim.schema import BULK_MAX_OPERATIONS, BULK_MAX_PAYLOAD
from tests.scim.world import ENTERPRISE, PATCH_OP, Answer, Api, Serve, op


def create_user(bulk_id: str, name: str | None = None, **more: Any) -> dict[str, Any]:
    data = {"userName": name or bulk_id, **more}
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data}


def create_group(bulk_id: str, *members: str, **more: Any) -> dict[str, Any]:
    entries = [{"value": f"bulkId:{each}"} for each in members]
    data = {"displayName": bulk_id, "members": entries, **more}
    return {"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data}


def manager(bulk_id: str) -> dict[str, Any]:
    return {ENTERPRISE: {"manager": {"value": f"bulkId:{bulk_id}"}}}


def statuses(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [each["status"] for each in answer.body["Operations"]]


def ids(answer: Answer) -> list[str]:
    return [each["location"].rpartition("/")[2] for each in answer.body["Operations"]]


def test_references_backward_and_forward(serve: Serve) -> None:
    async def check(api: Api) -> None:
        answer = await api.bulk(
            create_group("g", "ann", "bob"), create_user("ann"), create_user("bob")
        )
        assert statuses(answer) == ["201", "201", "201"]
        group, ann, bob = ids(answer)
        assert await api.members(group) == {ann, bob}
        assert [each["bulkId"] for each in answer.body["Operations"]] == ["g", "ann", "bob"]
        assert all(each["version"] for each in answer.body["Operations"])

    serve(check)


def test_two_groups_that_are_members_of_each_other(serve: Serve) -> None:
    async def check(api: Api) -> None:
        ann = await api.user("ann")
        first = create_group("a", "b")
        first["data"]["members"].append({"value": ann})
        answer = await api.bulk(first, create_group("b", "a"))
        assert statuses(answer) == ["201", "201"]
        a, b = ids(answer)
        assert await api.members(a) == {ann, b}
        assert await api.members(b) == {a}
        for each in answer.body["Operations"]:
            read = await api.get(each["location"].removeprefix("https://idm.example/scim/v2"))
            assert read.body["meta"]["version"] == each["version"]

    serve(check)


def test_a_group_that_is_a_member_of_itself(serve: Serve) -> None:
    async def check(api: Api) -> None:
        answer = await api.bulk(create_group("a", "a"))
        assert statuses(answer) == ["201"]
        (a,) = ids(answer)
        assert await api.members(a) == {a}

    serve(check)


def test_managers_in_a_circle(serve: Serve) -> None:
    async def check(api: Api) -> None:
        answer = await api.bulk(
            create_user("ann", **manager("bob")),
            create_user("bob", **manager("eve")),
            create_user("eve", **manager("ann")),
            create_user("own", **manager("own")),
        )
        assert statuses(answer) == ["201"] * 4
        found = ids(answer)
        for user, boss in zip(found, [*found[1:3], found[0], found[3]], strict=True):
            shown = (await api.get(f"/Users/{user}")).body[ENTERPRISE]["manager"]
            assert shown["value"] == boss
            assert shown["$ref"].endswith(f"/Users/{boss}")

    serve(check)


def test_a_circle_is_all_or_nothing(serve: Serve) -> None:
    async def check(api: Api) -> None:
        await api.user("taken")
        answer = await api.bulk(
            create_user("ann", **manager("bob")),
            create_user("bob", "taken", **manager("ann")),
            create_group("g", "ann"),
            create_user("eve"),
        )
        assert statuses(answer) == ["409", "409", "409", "201"]
        first, second, third, _ = answer.body["Operations"]
        assert second["response"]["scimType"] == "uniqueness"
        assert "bob" in first["response"]["detail"]
        assert "ann" in third["response"]["detail"]
        assert "location" not in first
        assert (await api.get("/Users")).names == ["taken", "eve"]
        assert (await api.get("/Groups")).names == []

    serve(check)


def test_a_reference_to_what_failed_or_is_nothing(serve: Serve) -> None:
    async def check(api: Api) -> None:
        answer = await api.bulk(create_group("g", "ann"), create_user("ann", userName=1))
        assert statuses(answer) == ["409", "400"]
        assert "ann" in answer.body["Operations"][0]["response"]["detail"]
        assert statuses(await api.bulk(create_group("g", "nobody"))) == ["409"]
        twice = await api.bulk(create_user("x", "one"), create_user("x", "two"))
        assert statuses(twice) == ["201", "400"]
        assert "x" in twice.body["Operations"][1]["response"]["detail"]

    serve(check)


@pytest.mark.parametrize(
    "path", ['members[value eq "bulkId:ann"]', 'members.value eq "bulkId:ann"']
)
def test_a_reference_in_the_filter_of_a_path(serve: Serve, path: str) -> None:
    async def check(api: Api) -> None:
        group = await api.group("g", await api.user("bob"))
        change = {"schemas": [PATCH_OP], "Operations": [op("remove", path)]}
        join = {"schemas": [PATCH_OP]}
        join["Operations"] = [op("add", "members", [{"value": "bulkId:ann"}])]  # type: ignore[list-item]
        answer = await api.bulk(
            create_user("ann"),
            {"method": "PATCH", "path": f"/Groups/{group}", "data": join},
            {"method": "PATCH", "path": f"/Groups/{group}", "data": change},
            {"method": "PATCH", "path": "/Users/bulkId:ann", "data": _title("Boss")},
        )
        assert statuses(answer) == ["201", "200", "200", "200"]
        ann = ids(answer)[0]
        assert ann not in await api.members(group)
        assert (await api.get(f"/Users/{ann}")).body["title"] == "Boss"

    serve(check)


def _title(value: str) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [op("replace", "title", value)]}


def test_every_method_and_its_conditions(serve: Serve) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann")
        path = f"/Users/{user}"
        answer = await api.bulk(
            {"method": "PUT", "path": path, "data": {"userName": "ann", "title": "A"}},
            {"method": "PATCH", "path": path, "data": _title("B"), "version": 'W/"1"'},
            {"method": "PATCH", "path": path, "data": _title("B"), "version": 'W/"2"'},
            {"method": "DELETE", "path": path},
            {"method": "DELETE", "path": path},
            {"method": "DELETE", "path": "/Nothing/1"},
        )
        assert statuses(answer) == ["200", "412", "200", "204", "404", "404"]
        assert answer.body["Operations"][4]["location"].endswith(path)

    serve(check)


def test_fail_on_errors_stops(serve: Serve) -> None:
    async def check(api: Api) -> None:
        bad = {"method": "DELETE", "path": "/Users/nobody"}
        answer = await api.bulk(bad, create_user("a"), bad, create_user("b"), failOnErrors=2)
        assert statuses(answer) == ["404", "201", "404"]
        answer = await api.bulk(bad, bad, create_user("b"))
        assert statuses(answer) == ["404", "404", "201"]

    serve(check)


def test_limits(serve: Serve) -> None:
    async def check(api: Api) -> None:
        one = {"method": "DELETE", "path": "/Users/1"}
        answer = await api.bulk(*[one] * (BULK_MAX_OPERATIONS + 1))
        assert answer.status == 413
        assert str(BULK_MAX_OPERATIONS) in answer.detail
        answer = await api.post("/Bulk", b"[" + b" " * BULK_MAX_PAYLOAD + b"]")
        assert answer.status == 413
        assert str(BULK_MAX_PAYLOAD) in answer.detail

    serve(check)


def test_bulk_folds_values_and_keeps_passwords_to_itself(serve: Serve) -> None:
    async def check(api: Api) -> None:
        twice = [{"value": "a@b.example", "type": "work"}, {"value": "A@b.example", "type": "work"}]
        answer = await api.bulk(create_user("ann", emails=twice, password="hunter2"))
        user = await api.get(f"/Users/{ids(answer)[0]}")
        assert len(user.body["emails"]) == 1
        assert "hunter2" not in str(answer.body) + str(user.body)

    serve(check)


def test_what_is_wrong_is_told_as_in_a_single_request(serve: Serve) -> None:
    async def check(api: Api) -> None:
        wrong: list[Any] = [
            create_user("a", emails=[{"value": "x@"}]),
            {"method": "GET", "path": "/Users"},
            {"method": "POST", "path": "/Users", "data": {"userName": "q"}},
            {"method": "PATCH", "path": "/Users/1", "data": {"Operations": [op("zap")]}},
            {"method": "POST", "path": "/Users", "bulkId": "x"},
            {"method": "POST", "path": "/Me", "bulkId": "y", "data": {}},
            {"method": "DELETE"},
            5,
        ]
        answer = await api.bulk(*wrong)
        assert answer.status == 200
        told = [each["response"]["detail"] for each in answer.body["Operations"]]
        assert told[0].startswith("emails[0].value: 'x@' is not an e-mail address.")
        for named, detail in zip(
            ("method", "bulkId", "Operations[0]", "data"), told[1:], strict=False
        ):
            assert named in detail, detail
        assert all("Input should" not in each for each in told)

    serve(check)


def test_a_read_only_token_cannot_write_in_bulk(serve: Serve) -> None:
    async def check(api: Api) -> None:
        assert statuses(await api.bulk(create_user("ann"))) == ["403"]

    serve(check, scopes=frozenset({"read"}))
