"""What is asked of Graph: the properties that a user sync needs, with the permissions it needs."""

from __future__ import annotations

import pytest

from azure_adapter.graph import FastRead, GraphReader, selection
from scim.provisioning.records import SourceNeedsLogin
from tests.graph.support import USERS, live, run
from tests.graph.test_reader import directory


@pytest.mark.parametrize("fast", [None, FastRead(least_users=1, least_groups=1)])
def test_what_is_selected_comes_and_nothing_else(fast: FastRead | None) -> None:
    source = directory()
    users = list(source.live("user"))
    source.update_user(users[1].id, employeeHireDate="2020-01-15T08:30:00Z")
    source.set_manager(users[1].id, users[0].id)
    always = {"userPrincipalName", "displayName", "accountEnabled", "userType"}

    async def main() -> None:
        async with live(source) as one:
            select = {USERS: ["employeeHireDate"]}
            reader = GraphReader(one.reader._client, fast, select=selection(select))
            pages = [page async for page in reader.pages(USERS, None)]
            told = {change.source_id: change for page in pages for change in page.changes}
            assert told.keys() == {user.id for user in users}
            names = set[str]().union(*(change.attributes for change in told.values()))
            assert names - {"manager"} == always | {"employeeHireDate"}
            hired = told[users[1].id].attributes
            assert hired["employeeHireDate"] == "2020-01-15T08:30:00Z"
            assert hired.get("manager") is None
            wider = GraphReader(one.reader._client, fast)
            source.update_user(users[2].id, jobTitle="Not asked for when the chain began")
            (page,) = [page async for page in wider.pages(USERS, pages[-1].delta_cursor)]
            assert page.changes == ()

    run(main())


def test_a_token_that_lacks_a_permission_reads_nothing_and_a_fresh_one_is_tried() -> None:
    source = directory(users=3)
    source.roles = ["GroupMember.Read.All"]

    async def main() -> None:
        async with live(source) as one:
            with pytest.raises(SourceNeedsLogin) as caught:
                await one.read(USERS)
            assert caught.value.code == "missing_permission"
            assert "missing: User.Read.All." in caught.value.message
            asked = [r.path for r in one.simulator.requests if r.path.startswith("/v1.0")]
            assert asked == []
            source.roles = ["GroupMember.Read.All", "User.Read.All"]
            assert await one.read(USERS), "the token in hand is older than the permission"

    run(main())
