"""The read-only ezto extension of User."""

from dataclasses import replace

from scim.identifiers import new_id
from scim.provisioning.authority import DASHBOARD, Source, SourceKind
from storage.database import now_us
from tests.scim.world import EZTO, Api, Serve, add_client, op


async def named(api: Api, name: str) -> Api:
    """The caller of a SCIM client that has a row, and so a name."""
    client_id = new_id()
    source = await add_client(api.database, api.caller.workspace_id, client_id, name)
    return api.as_(replace(api.caller, source=source))


async def link(api: Api, name: str, user: str, state: str = "linked") -> str:
    """Link a user to a user sync of a name."""
    sync_id = new_id()
    async with api.database.transaction() as session:
        await session.execute(
            "INSERT INTO user_sync (id, workspace_id, name, provider, enrollment, unique_field, "
            "deletion_policy, report_email, settings, sign_in, state, state_reason, generation, "
            "fingerprint, lease_owner, lease_until, fence, created_at) VALUES (?, ?, ?, "
            "'azure_ad', 'send_email', 'email', 'delete', '', '{}', '{}', 'ready', '', 0, '', '', "
            "0, 0, ?) ON CONFLICT DO NOTHING",
            (sync_id, api.caller.workspace_id, name, now_us()),
        )
        await session.execute(
            "INSERT INTO link (sync_id, source_id, kind, resource_id, state, joined, linked_at) "
            "VALUES (?, ?, 'user', ?, ?, ?, ?)",
            (sync_id, f"{user}{state}", user, state, False, now_us()),
        )
    return sync_id


def test_synced_from_names_the_sources(serve: Serve) -> None:
    async def check(api: Api) -> None:
        okta = await named(api, "Okta")
        entra = await named(api, "Entra")
        user = await okta.user("ann", externalId="1")
        read = await okta.get(f"/Users/{user}")
        own = {"value": okta.caller.source.id, "display": "Okta", "type": "scim_client"}
        assert read.body[EZTO] == {"syncedFrom": [own]}
        assert EZTO in read.body["schemas"]
        await entra.patch(f"/Users/{user}", op("add", "externalId", "2"))
        sync = await link(api, "Contoso", user)
        await link(api, "Gone", user, "unlinked")
        sources = (await api.get(f"/Users/{user}")).body[EZTO]["syncedFrom"]
        assert [each["display"] for each in sources] == ["Okta", "Contoso", "Entra"]
        assert sources[1] == {"value": sync, "display": "Contoso", "type": "user_sync"}
        tag = (await api.get(f"/Users/{user}")).headers["ETag"]
        assert tag != read.headers["ETag"]
        made = api.as_(replace(api.caller, source=DASHBOARD))
        other = await made.get(f"/Users/{await made.user('bob')}")
        assert EZTO not in other.body
        assert EZTO not in other.body["schemas"]

    serve(check)


def test_enrollment_is_served_and_told(serve: Serve) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann")
        store = api.store
        assert await store.set_enrollment(user, email_verified=True, invite_status="accepted")
        assert not await store.set_enrollment(user, email_verified=True, invite_status="accepted")
        read = await api.get(f"/Users/{user}")
        assert read.body[EZTO] == {"emailVerified": True, "inviteStatus": "accepted"}
        assert read.body["meta"]["version"] == read.headers["ETag"] == 'W/"2"'
        told = (await api.audit(user))[-1]
        assert told.changes["emailVerified"] == {"old": None, "new": True}
        some = await api.get(f"/Users/{user}", attributes=f"{EZTO}:inviteStatus")
        assert some.body[EZTO] == {"inviteStatus": "accepted"}
        without = await api.get(f"/Users/{user}", excludedAttributes=EZTO)
        assert EZTO not in without.body
        assert EZTO not in (await api.get(f"/Users/{user}", attributes="userName")).body

    serve(check)


def test_clients_cannot_write_it(serve: Serve) -> None:
    async def check(api: Api) -> None:
        forged = {EZTO: {"emailVerified": True, "syncedFrom": [{"value": "x"}]}}
        user = await api.user("ann", **forged)
        assert EZTO not in (await api.get(f"/Users/{user}")).body
        await api.store.set_enrollment(user, email_verified=False, invite_status=None)
        put = await api("PUT", f"/Users/{user}", {"userName": "ann", **forged})
        assert put.body[EZTO] == {"emailVerified": False}
        for operation in (
            op("replace", f"{EZTO}:emailVerified", True),
            op("add", None, {EZTO: {"emailVerified": True}}),
            op("add", f"{EZTO}:syncedFrom", [{"value": "x"}]),
            op("remove", f"{EZTO}:emailVerified"),
            op("remove", EZTO),
        ):
            answer = await api.patch(f"/Users/{user}", operation)
            assert answer.error == (400, "mutability"), operation
            assert "read-only" in answer.detail
        assert (await api.get(f"/Users/{user}")).body[EZTO] == {"emailVerified": False}

    serve(check)


def test_it_is_filterable_and_sortable(serve: Serve) -> None:
    async def check(api: Api) -> None:
        okta = await named(api, "Okta")
        ann, bob = await okta.user("ann"), await okta.user("bob")
        await api.user("eve")
        await api.store.set_enrollment(ann, email_verified=True, invite_status="accepted")
        await api.store.set_enrollment(bob, email_verified=False, invite_status="sent")
        await link(api, "Contoso", bob)
        for filter_text, names in {
            f"{EZTO}:emailVerified eq true": ["ann"],
            f"{EZTO}:emailVerified ne true": ["bob", "eve"],
            f"not ({EZTO}:emailVerified pr)": ["eve"],
            f'{EZTO}:inviteStatus eq "sent"': ["bob"],
            f'{EZTO}:inviteStatus sw "a"': ["ann"],
            f"{EZTO}:syncedFrom pr": ["ann", "bob"],
            f'{EZTO}:syncedFrom.value eq "{okta.caller.source.id}"': ["ann", "bob"],
            f'{EZTO}:syncedFrom[type eq "user_sync" and display eq "Contoso"]': ["bob"],
            f'not ({EZTO}:syncedFrom.type eq "scim_client")': ["eve"],
        }.items():
            assert (await api.get("/Users", filter=filter_text)).names == names, filter_text
        found = await api.get("/Users", sortBy=f"{EZTO}:inviteStatus", sortOrder="descending")
        assert found.names == ["eve", "bob", "ann"]

    serve(check)


def test_a_deleted_user_keeps_it_for_a_restore(serve: Serve) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann")
        await api.store.set_enrollment(user, email_verified=True, invite_status="accepted")
        assert (await api("DELETE", f"/Users/{user}")).status == 204
        await api.store.restore(user)
        read = await api.get(f"/Users/{user}")
        assert read.body[EZTO] == {"emailVerified": True, "inviteStatus": "accepted"}

    serve(check)


def test_a_sync_that_takes_over_shows_in_the_version(serve: Serve) -> None:
    async def check(api: Api) -> None:
        made = api.as_(replace(api.caller, source=DASHBOARD))
        user = await made.user("ann")
        sync = api.as_(replace(api.caller, source=Source(SourceKind.user_sync, "sync-1")))
        await sync.store.take_over(user, joined=True)
        assert (await api.get(f"/Users/{user}")).body["meta"]["version"] == 'W/"2"'

    serve(check)
