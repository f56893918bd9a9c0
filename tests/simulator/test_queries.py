"""Filters, counts, batches, permissions: what Graph takes and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from azure_adapter.simulator import Directory, GeneratorOptions, generate
from azure_adapter.simulator.filters import FilterError, parse_filter
from tests.simulator.signin_support import tokens_for
from tests.simulator.support import GRAPH, Wire

EVENTUAL = {"ConsistencyLevel": "eventual"}


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    options = GeneratorOptions(users=60, groups=8, memberships=12)
    with Wire(generate(Directory(seed=1), options)) as opened:
        yield opened


def found(wire: Wire, kind: str, text: str, more: str = "", **headers: str) -> set[str]:
    page = wire.json(f"/{kind}s?$filter={text}&$top=999{more}", **headers)
    return {item["id"] for item in page["value"]}


def fitting(wire: Wire, kind: str, test: Any) -> set[str]:
    return {entry.id for entry in wire.directory.live(kind) if test(entry.attrs)}


@pytest.mark.parametrize("name", ["userPrincipalName", "mail", "displayName", "department"])
def test_equality_ignores_case(wire: Wire, name: str) -> None:
    value = next(u.attrs[name] for u in wire.directory.live("user") if u.attrs.get(name))
    quoted = value.upper().replace("'", "''")
    wanted = fitting(wire, "user", lambda attrs: (attrs.get(name) or "").lower() == value.lower())
    assert found(wire, "user", f"{name} eq '{quoted}'") == wanted


def test_ids(wire: Wire) -> None:
    ids = [user.id for user in wire.directory.live("user")][:3]
    assert found(wire, "user", f"id eq '{ids[0]}'") == {ids[0]}
    quoted = ",".join(f"'{one}'" for one in [*ids, "unknown"])
    assert found(wire, "user", f"id in ({quoted})") == set(ids)
    group = next(wire.directory.live("group")).id
    assert found(wire, "user", f"id eq '{group}'") == set()
    many = ",".join(f"'{one}'" for one in range(16))
    assert wire.get(f"/users?$filter=id in ({many})").status_code == 400


def test_starts_with_and_logic(wire: Wire) -> None:
    first = next(wire.directory.live("user")).attrs["displayName"][:2]
    wanted = fitting(wire, "user", lambda a: a["displayName"].lower().startswith(first.lower()))
    assert found(wire, "user", f"startswith(displayName,'{first}')") == wanted
    enabled = fitting(wire, "user", lambda a: a["accountEnabled"])
    assert found(wire, "user", "accountEnabled eq true") == enabled
    both = found(wire, "user", f"accountEnabled eq true and startsWith(displayName,'{first}')")
    assert both == enabled & wanted
    either = found(wire, "user", f"(startswith(displayName,'{first}') or accountEnabled eq true)")
    assert either == enabled | wanted
    assert found(wire, "group", "displayName eq 'All Company'")
    unified = fitting(wire, "group", lambda a: a["mailEnabled"])
    assert found(wire, "group", "mailEnabled eq true") == unified


@pytest.mark.parametrize(
    "text",
    [
        "accountEnabled ne true",
        "not(accountEnabled eq true)",
        "endswith(mail,'example')",
        "mail eq null",
        "mobilePhone eq '1'",
    ],
)
def test_advanced_filters_want_header_and_count(wire: Wire, text: str) -> None:
    url = f"/users?$filter={text}&$top=999"
    for answer in (wire.get(url), wire.get(url, **EVENTUAL), wire.get(f"{url}&$count=true")):
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "Request_UnsupportedQuery"
    page = wire.json(f"{url}&$count=true", **EVENTUAL)
    assert page["@odata.count"] == len(page["value"])


def test_null_and_negation(wire: Wire) -> None:
    for text, test in (
        ("mail eq null", lambda a: a.get("mail") is None),
        ("not(mail eq null)", lambda a: a.get("mail") is not None),
        ("accountEnabled ne true", lambda a: not a["accountEnabled"]),
    ):
        assert found(wire, "user", text, "&$count=true", **EVENTUAL) == fitting(wire, "user", test)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mail",
        "mail eq",
        "mail eq x",
        "mail eq 'a' or",
        "mail eq 'a' mail eq 'b'",
        "(mail eq 'a'",
        "mail gt 'a'",
        "colour eq 'a'",
        "faxNumber eq '1'",
        "contains(mail,'a')",
        "startswith(mail 'a')",
        "startswith(mail,true)",
        "mail eq 'a' §",
        "id in ()",
    ],
)
def test_malformed_filters(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text, "user")


@pytest.mark.parametrize("query", ["$orderby=displayName", "$search=x", "$skip=3"])
def test_what_is_not_played_is_refused(wire: Wire, query: str) -> None:
    assert wire.get(f"/users?{query}").json()["error"]["code"] == "Request_UnsupportedQuery"


def test_count_alone(wire: Wire) -> None:
    assert wire.get("/users/$count").status_code == 400
    answer = wire.get("/users/$count", **EVENTUAL)
    assert (answer.text, answer.headers["content-type"]) == ("60", "text/plain")
    answer = wire.get("/users/$count?$filter=accountEnabled eq true", **EVENTUAL)
    assert int(answer.text) == len(fitting(wire, "user", lambda a: a["accountEnabled"]))
    assert wire.get("/groups/$count", **EVENTUAL).text == "8"


def test_counts_come_on_the_first_page_only(wire: Wire) -> None:
    page = wire.json("/users?$count=true&$top=50", **EVENTUAL)
    assert page["@odata.count"] == 60
    assert "@odata.count" not in wire.json(page["@odata.nextLink"], **EVENTUAL)
    assert "@odata.count" not in wire.json("/users?$count=true")


def test_expansion_stops_at_twenty(wire: Wire) -> None:
    group = wire.directory.add_group(displayName="large")
    for user in list(wire.directory.live("user"))[:25]:
        wire.directory.add_member(group, user.id)
    item = wire.json(f"/groups?$filter=id eq '{group}'&$expand=members")["value"][0]
    assert len(item["members"]) == 20
    assert "members@odata.nextLink" not in item
    wire.directory.purge_group(group)
    user = next(u for u in wire.directory.live("user") if u.manager)
    item = wire.json(f"/users?$filter=id eq '{user.id}'&$select=id&$expand=manager")
    assert item["@odata.context"].endswith("#users(id,manager())")
    assert item["value"][0]["manager"]["id"] == user.manager
    item = wire.json(f"/users/{user.id}?$select=id&$expand=manager($select=id)")
    assert item["@odata.context"].endswith("#users(id,manager())/$entity")
    assert item["manager"]["id"] == user.manager
    boss = next(u for u in wire.directory.live("user") if not u.manager)
    assert "manager" not in wire.json(f"/users/{boss.id}?$expand=manager")
    assert wire.get("/users?$expand=photo").status_code == 400
    assert wire.get(f"/users/{user.id}?$expand=photo").status_code == 400


def batch(wire: Wire, *parts: dict[str, Any]) -> Any:
    return wire.send(
        "POST",
        f"{GRAPH}/v1.0/$batch",
        json={"requests": list(parts)},
        headers={"Authorization": f"Bearer {wire.token}"},
    )


def part(name: str, url: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    return {"id": name, "method": method, "url": url, **more}


def test_batch_steps_depend_on_each_other(wire: Wire) -> None:
    answer = batch(
        wire,
        part("1", "/users/nobody"),
        part("2", "/users", dependsOn=["1"]),
        part("3", "/users", dependsOn=["2"]),
        part("4", "users/$count", headers=EVENTUAL),
    )
    statuses = {one["id"]: one["status"] for one in answer.json()["responses"]}
    assert statuses == {"1": 404, "2": 424, "3": 424, "4": 200}


@pytest.mark.parametrize(
    "parts",
    [
        [part("1", "/users"), part("1", "/groups")],
        [part("a", "/users"), part("A", "/groups")],
        [{"id": "1", "method": "GET"}],
        [{"id": "1", "url": "/users", "method": 3}],
        ["text"],
        [part(str(number), "/users") for number in range(21)],
    ],
)
def test_malformed_batches(wire: Wire, parts: list[Any]) -> None:
    assert batch(wire, *parts).status_code == 400


def test_requests_inside_a_batch_are_read_only_too(wire: Wire) -> None:
    wire.simulator.writes.clear()
    wire.simulator.refusals.clear()
    body = {"ids": ["x"]}
    head = {"Authorization": f"Bearer {wire.token}"}
    url = f"{GRAPH}/v1.0/directoryObjects/getByIds"
    answer = wire.send("POST", url, json=body, headers=head)
    assert (answer.status_code, answer.headers["x-ms-resource-unit"]) == (403, "5")
    answer = batch(wire, part("1", "/directoryObjects/getByIds", "POST", body=body))
    assert answer.json()["responses"][0]["status"] == 403
    expected = [("POST", "/v1.0/directoryObjects/getByIds")] * 2
    assert wire.simulator.writes == expected
    assert [one[:2] for one in wire.simulator.refusals] == expected


@pytest.mark.parametrize(
    ("roles", "url", "status"),
    [
        (["User.Read.All"], "/groups", 403),
        (["GroupMember.Read.All"], "/users", 403),
        (["GroupMember.Read.All"], "/users/delta", 403),
        (["GroupMember.Read.All"], "/groups/delta", 200),
        (["GroupMember.Read.All"], "/organization", 403),
        (["GroupMember.Read.All"], "/directory/deletedItems/microsoft.graph.group", 403),
        (["Group.Read.All"], "/directory/deletedItems/microsoft.graph.group", 200),
        (["Directory.Read.All"], "/directory/deletedItems/microsoft.graph.user", 200),
        (["User.Read.All"], "/directory/deletedItems/microsoft.graph.user", 200),
        (["User.Read.All"], "/me", 400),
        ([], "/users", 403),
    ],
)
def test_permissions(roles: list[str], url: str, status: int) -> None:
    directory = Directory()
    directory.roles = roles
    with Wire(directory) as wire:
        answer = wire.get(url)
        assert answer.status_code == status
        if status == 403:
            assert answer.json()["error"]["code"] == "Authorization_RequestDenied"
            refusal = wire.simulator.refusals[0]
            assert (refusal.method, refusal.path) == ("GET", f"/v1.0{url}")
            assert "Directory.Read.All" in refusal.wanted
        else:
            assert wire.simulator.refusals == []
        assert wire.simulator.writes == []


def test_members_that_may_not_be_read_are_bare() -> None:
    directory = Directory()
    directory.roles = ["GroupMember.Read.All"]
    user = directory.add_user(userPrincipalName="a@contoso.com", displayName="A")
    group = directory.add_group(displayName="g")
    directory.add_member(group, user)
    with Wire(directory) as wire:
        item = wire.json(f"/groups/{group}/members?$select=id,displayName")["value"][0]
        assert item == {"@odata.type": "#microsoft.graph.user", "id": user, "displayName": None}


def test_the_organization_is_only_glimpsed_with_user_permissions() -> None:
    directory = Directory()
    with Wire(directory) as wire:
        tenant = wire.json("/organization")["value"][0]
        shown = {name for name, value in tenant.items() if value is not None}
        assert shown == {"id", "displayName", "verifiedDomains"}
        page = wire.json("/organization?$select=id,displayName")
        assert page["value"] == [{"id": directory.tenant_id, "displayName": "Contoso"}]
        assert wire.get("/organization?$select=colour").status_code == 400
    directory.roles = ["Organization.Read.All"]
    with Wire(directory) as wire:
        assert wire.json("/organization")["value"][0]["tenantType"] == "AAD"


def test_delegated_tokens() -> None:
    directory = Directory()
    user = directory.add_user(userPrincipalName="ann@contoso.com", displayName="Ann")
    with Wire(directory) as wire:
        directory.scopes = ["User.Read"]
        wire.token = tokens_for(wire, scope="User.Read", login_hint="ann@contoso.com")[
            "access_token"
        ]
        assert wire.json("/me?$select=id,displayName") == {
            "@odata.context": f"{GRAPH}/v1.0/$metadata#users/$entity",
            "id": user,
            "displayName": "Ann",
        }
        assert wire.get("/users").status_code == 403
        directory.delete_user(user)
        assert wire.get("/me").status_code == 404
