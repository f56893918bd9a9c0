"""Delta answers, compared with Microsoft's documented examples and rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from azure_adapter.simulator import Directory
from azure_adapter.simulator.properties import USER_DEFAULTS
from tests.simulator.support import GRAPH, Wire


@pytest.fixture
def directory() -> Directory:
    return Directory(seed=7)


@pytest.fixture
def wire(directory: Directory) -> Iterator[Wire]:
    with Wire(directory, page_size=3, link_limit=4) as opened:
        yield opened


def person(directory: Directory, name: str, **attrs: Any) -> str:
    return directory.add_user(
        userPrincipalName=f"{name}@contoso.onmicrosoft.com", displayName=name, **attrs
    )


def changes(wire: Wire, link: str, **headers: str) -> list[dict[str, Any]]:
    return wire.chain(link, **headers)[0]


def test_first_page_looks_as_documented(wire: Wire, directory: Directory) -> None:
    first = person(directory, "Cameron", givenName="C")
    for number in range(3):
        person(directory, f"p{number}")
    answer = wire.get("/users/delta?$select=displayName,givenName")
    page = answer.json()
    context = "https://graph.microsoft.com/v1.0/$metadata#users(displayName,givenName)"
    assert page["@odata.context"] == context
    assert page["@odata.nextLink"].startswith(f"{GRAPH}/v1.0/users/delta?$skiptoken=")
    assert "@odata.deltaLink" not in page
    assert page["value"][0] == {"displayName": "Cameron", "givenName": "C", "id": first}
    assert "givenName" not in page["value"][1]
    last = wire.json(page["@odata.nextLink"])
    assert last["@odata.deltaLink"].startswith(f"{GRAPH}/v1.0/users/delta?$deltatoken=")
    assert "@odata.nextLink" not in last


def test_headers(wire: Wire) -> None:
    answer = wire.get("/users/delta", **{"client-request-id": "mine"})
    assert answer.headers["content-type"] == (
        "application/json;odata.metadata=minimal;odata.streaming=true;"
        "IEEE754Compatible=false;charset=utf-8"
    )
    assert answer.headers["odata-version"] == "4.0"
    assert answer.headers["client-request-id"] == "mine"
    assert {"request-id", "x-ms-ags-diagnostic", "x-ms-resource-unit"} <= answer.headers.keys()


def test_default_user_properties(wire: Wire, directory: Directory) -> None:
    person(directory, "a", department="Legal", givenName=None, jobTitle="x")
    item = wire.json("/users/delta")["value"][0]
    assert item.keys() <= set(USER_DEFAULTS)
    assert "accountEnabled" not in item
    assert len(USER_DEFAULTS) == 11


def test_links_keep_the_host_they_were_asked_under(wire: Wire) -> None:
    url = "http://127.0.0.1:8365/v1.0/users/delta"
    answer = wire.send("GET", url, headers={"Authorization": f"Bearer {wire.token}"})
    assert answer.json()["@odata.deltaLink"].startswith(f"{url}?$deltatoken=")


@pytest.mark.parametrize("query", ["$select=aboutMe", "$orderby=displayName", "$top=5"])
def test_unsupported_is_refused(wire: Wire, query: str) -> None:
    answer = wire.get(f"/users/delta?{query}")
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["code"] == "BadRequest"
    assert error["message"].startswith("Invalid request for delta query: ")
    assert error["innerError"].keys() == {"date", "request-id", "client-request-id"}
    assert error["innerError"]["request-id"] == answer.headers["request-id"]


def test_expand_is_ignored(wire: Wire) -> None:
    assert wire.get("/groups/delta?$expand=members").status_code == 200


def test_filter_tracks_single_objects(wire: Wire, directory: Directory) -> None:
    one, two, _ = (person(directory, name) for name in "abc")
    items = changes(wire, f"/users/delta?$filter=id eq '{one}' or id eq '{two}'")
    assert [item["id"] for item in items] == [one, two]
    many = " or ".join(f"id eq '{n}'" for n in range(51))
    assert wire.get(f"/users/delta?$filter={many}").status_code == 400
    assert wire.get("/users/delta?$filter=department eq 'x'").status_code == 400


def test_latest_gives_a_link_and_no_data(wire: Wire, directory: Directory) -> None:
    person(directory, "old")
    page = wire.json("/users/delta?$deltatoken=latest&$select=displayName")
    assert page["value"] == []
    new = person(directory, "new", jobTitle="x")
    assert changes(wire, page["@odata.deltaLink"]) == [{"displayName": "new", "id": new}]


def test_full_and_minimal_answers(wire: Wire, directory: Directory) -> None:
    user = person(directory, "a", jobTitle="x", mobilePhone="1")
    _, link = wire.chain("/users/delta?$select=displayName,jobTitle,mobilePhone,manager")
    directory.update_user(user, jobTitle=None)
    full = {"id": user, "displayName": "a", "jobTitle": None, "mobilePhone": "1"}
    assert changes(wire, link) == [full]
    minimal = changes(wire, link, Prefer="return=minimal")
    assert minimal == [{"id": user, "jobTitle": None}]


def test_changes_of_other_properties_are_not_told(wire: Wire, directory: Directory) -> None:
    user = person(directory, "a")
    group = directory.add_group(displayName="g")
    _, link = wire.chain("/users/delta?$select=displayName")
    directory.update_user(user, jobTitle="x")
    directory.add_member(group, user)
    assert changes(wire, link) == []


def test_manager(wire: Wire, directory: Directory) -> None:
    boss, other, user = (person(directory, name) for name in ("boss", "other", "user"))
    directory.set_manager(user, boss)
    kind = {"@odata.type": "#microsoft.graph.user"}
    items, link = wire.chain("/users/delta?$select=displayName,manager")
    assert items[2]["manager@delta"] == [{**kind, "id": boss}]
    assert "manager@delta" not in items[0]
    directory.update_user(user, displayName="renamed")
    items, link = wire.chain(link)
    assert "manager@delta" not in items[0]
    directory.set_manager(user, other)
    items, link = wire.chain(link)
    gone = {"@removed": {"reason": "deleted"}}
    assert items[0]["manager@delta"] == [{**kind, "id": boss, **gone}, {**kind, "id": other}]
    directory.purge_user(other)
    removed = {item["id"]: item for item in changes(wire, link)}
    assert removed[user]["manager@delta"] == [{**kind, "id": other, **gone}]
    assert removed[other] == {"id": other, **gone}


def test_removal_and_restore(wire: Wire, directory: Directory) -> None:
    user = person(directory, "a", jobTitle="x")
    _, link = wire.chain("/users/delta?$select=displayName,jobTitle")
    directory.delete_user(user)
    assert changes(wire, "/users/delta") == []
    items, later = wire.chain(link)
    assert items == [{"id": user, "@removed": {"reason": "changed"}}]
    directory.restore_user(user)
    restored, after = wire.chain(later, Prefer="return=minimal")
    assert restored == [{"displayName": "a", "jobTitle": "x", "id": user}]
    directory.purge_user(user)
    assert changes(wire, after) == [{"id": user, "@removed": {"reason": "deleted"}}]


def test_initial_round_may_contain_deleted(wire: Wire, directory: Directory) -> None:
    user = person(directory, "a")
    directory.delete_user(user)
    wire.simulator.settings.initial_contains_deleted = True
    assert changes(wire, "/users/delta") == [{"id": user, "@removed": {"reason": "changed"}}]


def test_members_are_split_over_pages(wire: Wire, directory: Directory) -> None:
    users = [person(directory, f"u{number}") for number in range(6)]
    device = directory.add_device(displayName="laptop")
    group = directory.add_group(displayName="big")
    for member in (*users, device):
        directory.add_member(group, member)
    page = wire.json("/groups/delta?$select=displayName,members")
    assert [len(item["members@delta"]) for item in page["value"]] == [4]
    rest = wire.json(page["@odata.nextLink"])["value"]
    assert rest[0]["id"] == group
    assert rest[0]["members@delta"][-1] == {"@odata.type": "#microsoft.graph.device", "id": device}
    assert "members@delta" not in wire.json("/groups/delta?$select=displayName")["value"][0]
    assert "members@delta" in wire.json("/groups/delta")["value"][0]


def test_scattered_groups_come_again_later(directory: Directory) -> None:
    users = [person(directory, f"u{number}") for number in range(4)]
    groups = [directory.add_group(displayName=name) for name in "ab"]
    for group in groups:
        for user in users:
            directory.add_member(group, user)
    with Wire(directory, scatter=2) as wire:
        ids = [item["id"] for item in changes(wire, "/groups/delta")]
    assert ids == [*groups, *groups]


def test_membership_changes(wire: Wire, directory: Directory) -> None:
    one, two = person(directory, "one"), person(directory, "two")
    group = directory.add_group(displayName="G3")
    directory.add_member(group, one)
    _, link = wire.chain("/groups/delta?$select=displayName,members")
    directory.remove_member(group, one)
    directory.add_member(group, two)
    kind = {"@odata.type": "#microsoft.graph.user"}
    expected = {
        "id": group,
        "displayName": "G3",
        "members@delta": [
            {**kind, "id": one, "@removed": {"reason": "deleted"}},
            {**kind, "id": two},
        ],
    }
    assert changes(wire, link) == [expected]


def test_soft_deleted_users_keep_memberships(wire: Wire, directory: Directory) -> None:
    user = person(directory, "a")
    group = directory.add_group(displayName="g")
    directory.add_member(group, user)
    _, link = wire.chain("/groups/delta?$select=members")
    directory.delete_user(user)
    assert changes(wire, link) == []
    assert wire.json(f"/groups/{group}/members")["value"] == []
    directory.restore_user(user)
    assert changes(wire, link) == []
    directory.purge_user(user)
    told = changes(wire, link)[0]["members@delta"]
    assert told[0]["@removed"] == {"reason": "deleted"}


def test_group_removals(wire: Wire, directory: Directory) -> None:
    unified = directory.add_group(displayName="m365", groupTypes=["Unified"])
    security = directory.add_group(displayName="security")
    _, link = wire.chain("/groups/delta")
    directory.delete_group(unified)
    directory.delete_group(security)
    reasons = {item["id"]: item["@removed"]["reason"] for item in changes(wire, link)}
    assert reasons == {unified: "changed", security: "deleted"}


def test_hidden_members_are_silently_empty(wire: Wire, directory: Directory) -> None:
    group = directory.add_group(displayName="h", visibility="HiddenMembership")
    directory.add_member(group, person(directory, "a"))
    url = f"/groups/{group}/members"
    assert "members@delta" not in changes(wire, "/groups/delta")[0]
    assert wire.json(url)["value"] == []
    directory.member_read_hidden = True
    assert len(changes(wire, "/groups/delta")[0]["members@delta"]) == 1
    assert len(wire.json(url)["value"]) == 1


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ("syncStateNotFound", 400, "syncStateNotFound"),
        ("goneSyncStateNotFound", 410, "SyncStateNotFound"),
        ("resyncRequired", 410, "resyncRequired"),
        ("gone", 410, "Gone"),
    ],
)
def test_expired_tokens(
    wire: Wire, directory: Directory, form: Any, status: int, code: str
) -> None:
    user = person(directory, "a")
    _, link = wire.chain("/users/delta?$select=displayName")
    wire.simulator.settings.expiry_form = form
    directory.expire_delta_tokens()
    answer = wire.get(link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    if form == "gone":
        location = answer.headers["location"]
        assert location == f"{GRAPH}/v1.0/users/delta?$deltatoken=&$select=displayName"
        assert changes(wire, location) == [{"displayName": "a", "id": user}]


def test_tokens_expire_with_time_and_with_the_log() -> None:
    now = [1_000_000.0]
    directory = Directory(clock=lambda: now[0])
    with Wire(directory, token_lifetime=30 * 86400.0) as wire:
        _, link = wire.chain("/users/delta")
        now[0] += 6 * 86400
        assert wire.get(link).status_code == 200
        now[0] += 2 * 86400
        assert wire.get(link).status_code == 400
        _, link = wire.chain("/users/delta")
        person(directory, "a")
        directory.forget_changes()
        assert wire.get(link).json()["error"]["code"] == "syncStateNotFound"


def test_foreign_tokens_are_refused(wire: Wire) -> None:
    _, link = wire.chain("/users/delta")
    for bad in (link.replace("/users/", "/groups/"), f"{link[:-2]}xx", f"{link}é"):
        answer = wire.get(bad)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_a_group_deleted_between_pages_leaves_nothing_stale(directory: Directory) -> None:
    user = person(directory, "a")
    first = directory.add_group(displayName="first")
    group = directory.add_group(displayName="m365", groupTypes=["Unified"])
    directory.add_member(group, user)
    with Wire(directory, page_size=1) as wire:
        _, link = wire.chain("/groups/delta")
        directory.rename_group(first, "renamed")
        directory.remove_member(group, user)
        page = wire.json(link)
        directory.delete_group(group)
        items, link = wire.chain(page["@odata.nextLink"])
        assert items == [{"id": group, "@removed": {"reason": "changed"}}]
        directory.restore_group(group)
        assert "members@delta" not in changes(wire, link)[0]


def test_changes_between_pages_are_told_by_the_next_round(directory: Directory) -> None:
    users = [person(directory, name) for name in "abc"]
    with Wire(directory, page_size=2) as wire:
        page = wire.json("/users/delta?$select=displayName")
        directory.update_user(users[0], displayName="renamed")
        directory.delete_user(users[2])
        late = person(directory, "late")
        items, link = wire.chain(page["@odata.nextLink"])
        assert items == []
        told = {item["id"]: item for item in changes(wire, link)}
    assert told[users[0]]["displayName"] == "renamed"
    assert told[users[2]]["@removed"] == {"reason": "changed"}
    assert told[late]["displayName"] == "late"
