"""Plain reads, batches, refusals of writes, and the trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from azure_adapter.simulator import Directory, GeneratorOptions, generate
from tests.simulator.support import GRAPH, Wire


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    options = GeneratorOptions(users=120, groups=10, memberships=30)
    with Wire(generate(Directory(seed=1), options), list_page_size=50) as opened:
        yield opened


def all_pages(wire: Wire, url: str, **headers: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while url:
        page = wire.json(url, **headers)
        items += page["value"]
        url = page.get("@odata.nextLink", "")
    return items


@pytest.mark.parametrize("query", ["", "?$top=7", "?$select=displayName,department&$top=999"])
def test_users_come_page_by_page(wire: Wire, query: str) -> None:
    items = all_pages(wire, f"/users{query}")
    assert [item["id"] for item in items] == [user.id for user in wire.directory.live("user")]
    names = ["id", "displayName", "department"] if "select" in query else None
    assert names is None or list(items[0]) == names


def test_what_was_never_set_is_null(wire: Wire) -> None:
    bare = wire.directory.add_user(userPrincipalName="bare@contoso.com", displayName="Bare")
    item = wire.json(f"/users/{bare}")
    assert item["@odata.context"] == f"{GRAPH}/v1.0/$metadata#users/$entity"
    assert (item["mail"], item["businessPhones"]) == (None, [])
    wire.directory.purge_user(bare)


def test_a_guest_is_found_by_its_encoded_name(wire: Wire) -> None:
    guest = next(u for u in wire.directory.live("user") if u.attrs["userType"] == "Guest")
    upn = guest.attrs["userPrincipalName"]
    assert wire.json(f"/users/{quote(upn)}?$select=userType")["id"] == guest.id


def test_errors(wire: Wire) -> None:
    cases = [
        ("/users/nobody", 404, "Request_ResourceNotFound"),
        ("/groups/nobody/members", 404, "Request_ResourceNotFound"),
        ("/users?$top=1000", 400, "Request_UnsupportedQuery"),
        ("/users?$select=colour", 400, "BadRequest"),
        ("/users?$filter=contains(mail,'a')", 400, "Request_UnsupportedQuery"),
        ("/users?$skiptoken=xyz", 400, "BadRequest"),
        ("/nothing", 400, "BadRequest"),
    ]
    for url, status, code in cases:
        answer = wire.get(url)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), url


def test_filter(wire: Wire) -> None:
    user = next(wire.directory.live("user"))
    upn = user.attrs["userPrincipalName"].upper()
    found = wire.json(f"/users?$filter=userPrincipalName eq '{upn}'")["value"]
    assert [item["id"] for item in found] == [user.id]
    disabled = wire.json("/users?$filter=accountEnabled eq false&$select=accountEnabled")["value"]
    assert disabled
    assert not any(item["accountEnabled"] for item in disabled)


def test_advanced_queries_want_the_header_on_every_page(wire: Wire) -> None:
    header = {"ConsistencyLevel": "eventual"}
    page = wire.json("/users?$count=true&$top=50", **header)
    assert page["@odata.count"] == 120
    refused = wire.get(page["@odata.nextLink"])
    assert refused.json()["error"]["code"] == "Directory_ExpiredPageToken"
    assert len(wire.json(page["@odata.nextLink"], **header)["value"]) == 50


def test_members(wire: Wire) -> None:
    directory = wire.directory
    group = directory.add_group(displayName="mixed")
    inner = directory.add_group(displayName="inner")
    user = next(directory.live("user")).id
    device = directory.add_device(displayName="laptop")
    principal = directory.add_object("servicePrincipal", displayName="app")
    for member in (inner, device, principal):
        directory.add_member(group, member)
    directory.add_member(inner, user)
    directory.add_member(inner, group)
    items = wire.json(f"/groups/{group}/members?$select=id,displayName")["value"]
    assert items == [
        {"@odata.type": "#microsoft.graph.group", "id": inner, "displayName": "inner"},
        {"@odata.type": "#microsoft.graph.device", "id": device, "displayName": None},
    ]
    transitive = wire.json(f"/groups/{group}/transitiveMembers")["value"]
    assert {item["id"] for item in transitive} == {inner, device, user}
    directory.purge_group(group)
    directory.purge_group(inner)


def test_manager(wire: Wire) -> None:
    user = next(u for u in wire.directory.live("user") if u.manager)
    assert wire.json(f"/users/{user.id}/manager")["id"] == user.manager
    first = next(wire.directory.live("user"))
    assert wire.get(f"/users/{first.id}/manager").status_code == 404


def test_deleted_items(wire: Wire) -> None:
    directory = wire.directory
    user = directory.add_user(userPrincipalName="gone@contoso.com", displayName="Gone")
    directory.delete_user(user)
    items = wire.json("/directory/deletedItems/microsoft.graph.user")["value"]
    assert [item["id"] for item in items] == [user]
    assert items[0]["userPrincipalName"] == user.replace("-", "") + "gone@contoso.com"
    single = wire.json(f"/directory/deletedItems/{user}")
    assert single["@odata.type"] == "#microsoft.graph.user"
    assert single["deletedDateTime"].endswith("Z")
    assert wire.get(f"/users/{user}").status_code == 404
    directory.purge_user(user)
    assert wire.get(f"/directory/deletedItems/{user}").status_code == 404


def test_groups_and_organization(wire: Wire) -> None:
    group = next(wire.directory.live("group"))
    assert wire.json(f"/groups/{group.id}")["displayName"] == group.attrs["displayName"]
    assert len(all_pages(wire, "/groups?$top=3")) == 10
    tenant = wire.json("/organization")["value"][0]
    assert tenant["verifiedDomains"][0]["name"] == wire.directory.domain


@pytest.mark.parametrize(
    ("url", "units"),
    [
        ("/users", "2"),
        ("/users?$select=id", "1"),
        ("/groups", "1"),
        ("/groups/{id}/members", "3"),
        ("/groups/{id}/members?$select=id&$top=5", "1"),
        ("/groups/{id}/transitiveMembers", "5"),
    ],
)
def test_resource_units(wire: Wire, url: str, units: str) -> None:
    group = next(wire.directory.live("group"))
    answer = wire.get(url.format(id=group.id))
    assert answer.headers["x-ms-resource-unit"] == units


def batch(wire: Wire, requests: Any) -> Any:
    return wire.send(
        "POST",
        f"{GRAPH}/v1.0/$batch",
        json={"requests": requests},
        headers={"Authorization": f"Bearer {wire.token}"},
    )


def test_batch() -> None:
    directory = generate(Directory(seed=1), GeneratorOptions(users=5, groups=2, memberships=2))
    user = next(directory.live("user")).id
    with Wire(directory) as wire:
        parts = [
            {"id": "1", "method": "GET", "url": f"/users/{user}?$select=displayName"},
            {"id": "2", "method": "GET", "url": "/users/nobody"},
        ]
        answer = batch(wire, parts)
        responses = {one["id"]: one for one in answer.json()["responses"]}
        assert answer.status_code == 200
        assert responses["1"]["body"]["id"] == user
        assert responses["2"]["status"] == 404
        assert wire.simulator.writes == []
        parts = [{"id": "3", "method": "DELETE", "url": f"/users/{user}"}]
        assert batch(wire, parts).json()["responses"][0]["status"] == 403
        assert wire.simulator.writes == [("DELETE", f"/v1.0/users/{user}")]
        assert batch(wire, parts * 21).status_code == 400
        assert batch(wire, "nonsense").status_code == 400


def test_writes_are_refused_and_recorded() -> None:
    with Wire(Directory()) as wire:
        head = {"Authorization": f"Bearer {wire.token}"}
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            answer = wire.send(method, f"{GRAPH}/v1.0/users/x", headers=head, content=b"{}")
            assert answer.json()["error"]["code"] == "Authorization_RequestDenied"
            assert answer.status_code == 403
        assert wire.send("HEAD", f"{GRAPH}/v1.0/users", headers=head).status_code == 405
        assert wire.send("DELETE", f"{GRAPH}/v1.0/users/x").status_code == 401
        writes = [method for method, _ in wire.simulator.writes]
        assert writes == ["POST", "PATCH", "PUT", "DELETE", "DELETE"]
        trace = wire.simulator.requests
        assert trace[0] == (
            "login.microsoftonline.com",
            "POST",
            f"/{wire.directory.tenant_id}/oauth2/v2.0/token",
        )
        assert trace[1] == ("graph.microsoft.com", "POST", "/v1.0/users/x")
