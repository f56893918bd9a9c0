"""The simulator's answers beside Microsoft's documented examples.

The examples are shortened to what they prove: names, nesting, annotations, kinds of values.
``ANY`` stands for a value that differs from answer to answer. Each names its page.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

from azure_adapter.simulator import Directory
from tests.simulator.support import GRAPH, Wire

CAMERON = "ffff7b1a-13b6-477b-8c0c-380905cd99f7"
GONE = "86462606-fde0-4fc4-9e0c-a20eb73e54c6"
ROOM = "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0"
GROUP = "2e5807ce-58f3-4a94-9b37-ffff2e085957"
LEFT = "632f6bb2-3ec8-4c1f-9073-0027a8c68593"
CAME = "37de1ae3-408f-4702-8636-20824abda004"


def linked(page: dict[str, Any]) -> dict[str, Any]:
    """Replace tokens, which are opaque, in the links of a page."""
    shown = dict(page)
    for name in ("@odata.nextLink", "@odata.deltaLink"):
        if name in shown:
            url = shown[name]
            assert len(url.partition("=")[2]) > 20
            shown[name] = url.partition("=")[0] + "=…"
    return shown


def test_users_delta_first_page() -> None:
    """delta-query-users: initial response."""
    directory = Directory()
    for object_id, name, given in (
        (CAMERON, "Cameron White", "Cameron"),
        (GONE, "Gone", "Gone"),
        (ROOM, "Conf Room Adams", None),
        ("d8c37826-ffff-4cae-b348-e2725b1e814b", "Mallory Cortez", "Mallory"),
    ):
        names = {"givenName": given, "surname": name.split()[-1]} if given else {}
        directory.add_user(
            id=object_id, userPrincipalName=f"{object_id}@c.com", displayName=name, **names
        )
    directory.purge_user(GONE)
    with Wire(directory, page_size=3, initial_contains_purged=True) as wire:
        page = wire.json("/users/delta?$select=displayName,givenName,surname")
        assert linked(page) == {
            "@odata.context": (
                "https://graph.microsoft.com/v1.0/$metadata#users(displayName,givenName,surname)"
            ),
            "@odata.nextLink": "https://graph.microsoft.com/v1.0/users/delta?$skiptoken=…",
            "value": [
                {
                    "displayName": "Cameron White",
                    "givenName": "Cameron",
                    "surname": "White",
                    "id": CAMERON,
                },
                {"id": GONE, "@removed": {"reason": "deleted"}},
                {"displayName": "Conf Room Adams", "id": ROOM},
            ],
        }
        last = linked(wire.json(page["@odata.nextLink"]))
        delta = "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=…"
        assert last["@odata.deltaLink"] == delta


def test_groups_delta_changes() -> None:
    """delta-query-groups: deltaLink response."""
    directory = Directory()
    for one in (LEFT, CAME):
        directory.add_user(id=one, userPrincipalName=f"{one}@c.com", displayName=one)
    directory.add_group(id=GROUP, displayName="TestGroup3", description="Employees in group 3")
    directory.add_member(GROUP, LEFT)
    with Wire(directory) as wire:
        _, link = wire.chain("/groups/delta?$select=displayName,description,members")
        directory.update_group(GROUP, description="A test group for change tracking")
        directory.remove_member(GROUP, LEFT)
        directory.add_member(GROUP, CAME)
        page = linked(wire.json(link))
        assert page.keys() == {"@odata.context", "@odata.deltaLink", "value"}
        assert page["value"] == [
            {
                "displayName": "TestGroup3",
                "description": "A test group for change tracking",
                "id": GROUP,
                "members@delta": [
                    {
                        "@odata.type": "#microsoft.graph.user",
                        "id": LEFT,
                        "@removed": {"reason": "deleted"},
                    },
                    {"@odata.type": "#microsoft.graph.user", "id": CAME},
                ],
            }
        ]


def test_a_group_without_members_has_no_members_property() -> None:
    """delta-query-groups: note under the initial response."""
    directory = Directory()
    directory.add_group(displayName="TestGroup2", description="Employees in test group 2")
    with Wire(directory) as wire:
        item = wire.json("/groups/delta?$select=displayName,description,members")["value"][0]
        assert item.keys() == {"displayName", "description", "id"}


def test_minimal_delta() -> None:
    """user-delta: example 3; only what changed, null included."""
    directory = Directory()
    user = directory.add_user(
        userPrincipalName="a@c.com", displayName="a", jobTitle="x", mobilePhone="1"
    )
    with Wire(directory) as wire:
        _, link = wire.chain("/users/delta?$select=displayName,jobTitle,mobilePhone")
        directory.update_user(user, displayName="displayName-value", jobTitle=None)
        items = wire.chain(link, Prefer="return=minimal")[0]
        assert items == [{"displayName": "displayName-value", "jobTitle": None, "id": user}]


def test_the_default_properties_of_users() -> None:
    """user-delta: example 1; user-list: example 1."""
    directory = Directory()
    directory.add_user(userPrincipalName="a@c.com", displayName="a")
    documented = [
        "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
        "officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id",
    ]  # fmt: skip
    with Wire(directory, never_set_is_null=True) as wire:
        page = wire.json("/users")
        assert page["@odata.context"] == f"{GRAPH}/v1.0/$metadata#users"
        assert set(page["value"][0]) == set(documented)
        assert set(wire.json("/users/delta")["value"][0]) == set(documented)
        assert page["value"][0]["businessPhones"] == []


def test_deleted_groups() -> None:
    """directory-deleteditems-list: example 1."""
    directory = Directory()
    directory.roles = ["Group.Read.All"]
    group = directory.add_group(
        displayName="SampleGroup",
        groupTypes=["Unified"],
        mail="example@contoso.com",
        mailEnabled=True,
        mailNickname="Example",
        securityEnabled=False,
        visibility="Public",
    )
    directory.delete_group(group)
    with Wire(directory) as wire:
        page = wire.json("/directory/deletedItems/microsoft.graph.group")
        assert page["@odata.context"] == "https://graph.microsoft.com/v1.0/$metadata#groups"
        item = page["value"][0]
        for name, value in {
            "id": group,
            "displayName": "SampleGroup",
            "groupTypes": ["Unified"],
            "mail": "example@contoso.com",
            "mailEnabled": True,
            "mailNickname": "Example",
            "securityEnabled": False,
            "visibility": "Public",
        }.items():
            assert item[name] == value
        short = wire.json(
            "/directory/deletedItems/microsoft.graph.group"
            "?$count=true&$select=id,displayName,deletedDateTime",
            ConsistencyLevel="eventual",
        )
        assert short["@odata.context"].endswith("#groups(id,displayName,deletedDateTime)")
        assert short["@odata.count"] == 1
        assert short["value"][0].keys() == {"id", "displayName", "deletedDateTime"}
        assert wire.get("/directory/deletedItems").status_code == 400


def test_organization() -> None:
    """organization-list: response."""
    directory = Directory()
    directory.roles = ["Organization.Read.All"]
    with Wire(directory) as wire:
        page = wire.json("/organization")
        assert page["@odata.context"] == f"{GRAPH}/v1.0/$metadata#organization"
        tenant = page["value"][0]
        assert tenant.keys() >= {
            "id", "deletedDateTime", "businessPhones", "city", "country", "countryLetterCode",
            "createdDateTime", "displayName", "onPremisesLastSyncDateTime",
            "onPremisesSyncEnabled", "postalCode", "preferredLanguage", "state", "street",
            "technicalNotificationMails", "tenantType", "directorySizeQuota", "assignedPlans",
            "privacyProfile", "provisionedPlans", "verifiedDomains",
        }  # fmt: skip
        assert tenant["verifiedDomains"] == [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": True,
                "isInitial": True,
                "name": "contoso.onmicrosoft.com",
                "type": "Managed",
            }
        ]


def test_batch() -> None:
    """json-batching: example response; 200, 403 and their headers."""
    directory = Directory()
    directory.add_user(userPrincipalName="LynneR@contoso.com", displayName="Lynne Robbins")
    parts = [
        {"id": "3", "method": "DELETE", "url": "/groups/0e226165-c685-41ce-8bfc-df8360ab325d"},
        {
            "id": "5",
            "url": (
                "users?$select=id,displayName,userPrincipalName&$filter=city eq null&$count=true"
            ),
            "method": "GET",
            "headers": {"ConsistencyLevel": "eventual"},
        },
    ]
    with Wire(directory) as wire:
        head = {"Authorization": f"Bearer {wire.token}"}
        answer = wire.send("POST", f"{GRAPH}/v1.0/$batch", json={"requests": parts}, headers=head)
        assert answer.headers["content-type"].startswith("application/json")
        denied, listed = answer.json()["responses"]
        assert denied["status"] == 403
        assert denied["headers"].items() >= {
            ("Cache-Control", "no-cache"),
            ("x-ms-resource-unit", "1"),
        }
        assert denied["body"] == {
            "error": {
                "code": "Authorization_RequestDenied",
                "message": "Insufficient privileges to complete the operation.",
                "innerError": {"date": ANY, "request-id": ANY, "client-request-id": ANY},
            }
        }
        assert listed == {
            "id": "5",
            "status": 200,
            "headers": {
                "Cache-Control": "no-cache",
                "x-ms-resource-unit": "1",
                "OData-Version": "4.0",
                "Content-Type": (
                    "application/json;odata.metadata=minimal;odata.streaming=true;"
                    "IEEE754Compatible=false;charset=utf-8"
                ),
            },
            "body": {
                "@odata.context": (
                    "https://graph.microsoft.com/v1.0/$metadata"
                    "#users(id,displayName,userPrincipalName)"
                ),
                "@odata.count": 1,
                "value": [
                    {
                        "id": ANY,
                        "displayName": "Lynne Robbins",
                        "userPrincipalName": "LynneR@contoso.com",
                    }
                ],
            },
        }


def test_throttled_body() -> None:
    """throttling: sample response; throttling-limits: additional headers."""
    with Wire(Directory(), throttle=True, quota=1) as wire:
        wire.get("/users")
        answer = wire.get("/users")
        assert answer.json() == {
            "error": {
                "code": "TooManyRequests",
                "innerError": {
                    "code": "429",
                    "date": ANY,
                    "message": "Please retry after",
                    "request-id": ANY,
                    "status": "429",
                },
                "message": "Please retry again later.",
            }
        }
        scope = answer.headers["x-ms-throttle-scope"].split("/")
        assert scope[:2] == ["Tenant_Application", "ReadWrite"]
        assert len(scope) == 4


def test_expired_delta_token() -> None:
    """errors: syncStateNotFound; delta-query-overview: 410 Gone with Location."""
    directory = Directory()
    with Wire(directory) as wire:
        _, link = wire.chain("/users/delta")
        directory.expire_delta_tokens()
        assert wire.get(link).json()["error"] == {
            "code": "syncStateNotFound",
            "message": (
                "The sync state generation is not found. The delta token is expired and data "
                "must be synchronized again."
            ),
            "innerError": {"date": ANY, "request-id": ANY, "client-request-id": ANY},
        }
