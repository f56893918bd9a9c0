"""Multi-valued attributes, passwords, and what is read-only."""

from typing import Any

from storage.database import Database
from tests.scim.world import PATCH_OP, Api, Serve, op

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
WORK = {"value": "ann@example.com", "type": "work"}


async def emails(api: Api, user: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get(f"/Users/{user}")).body["emails"]
    return found


# -- each value once, one primary (RFC 7643 §2.4) --------------------------------------


def test_duplicates_fold_on_create_and_replace(serve: Serve) -> None:
    async def check(api: Api) -> None:
        given = [
            WORK,
            {"value": "ANN@example.com", "type": "WORK", "display": "Ann", "primary": True},
            {"value": "ann@example.com", "type": "home"},
            {"type": "other"},
            {"type": "other"},
        ]
        folded = [{**WORK, "display": "Ann", "primary": True}, given[2], given[3], given[4]]
        created = await api.post("/Users", {"userName": "ann", "emails": given})
        assert created.body["emails"] == folded
        put = {"userName": "ann", "emails": given, "roles": [{"value": "a"}, {"value": "A"}]}
        replaced = await api("PUT", f"/Users/{created.id}", put)
        assert replaced.body["emails"] == folded
        assert replaced.body["roles"] == [{"value": "a"}]
        again = await api("PUT", f"/Users/{created.id}", put)
        assert again.body["meta"]["version"] == replaced.body["meta"]["version"]

    serve(check)


def test_duplicates_fold_on_patch(serve: Serve) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann", emails=[WORK])
        answer = await api.patch(f"/Users/{user}", op("add", "emails", [WORK]))
        assert answer.body["emails"] == [WORK]
        assert answer.body["meta"]["version"] == 'W/"1"'
        more = [{**WORK, "display": "Ann"}, {"value": "x@example.com"}]
        answer = await api.patch(f"/Users/{user}", op("add", "emails", more))
        assert answer.body["emails"] == [{**WORK, "display": "Ann"}, {"value": "x@example.com"}]
        answer = await api.patch(f"/Users/{user}", op("replace", None, {"emails": [WORK, WORK]}))
        assert len(answer.body["emails"]) == 1

    serve(check)


def test_a_new_primary_takes_over(serve: Serve) -> None:
    async def check(api: Api) -> None:
        old = {**WORK, "primary": True}
        user = await api.user("ann", emails=[old])
        new = {"value": "new@example.com", "type": "home", "primary": True}
        await api.patch(f"/Users/{user}", op("add", "emails", [new]))
        assert await emails(api, user) == [{**WORK, "primary": False}, new]
        await api.patch(f"/Users/{user}", op("replace", 'emails[type eq "work"].primary', True))
        assert [each["primary"] for each in await emails(api, user)] == [True, False]
        both = [{**new, "value": "a@example.com"}, {**new, "value": "b@example.com"}]
        answer = await api.patch(f"/Users/{user}", op("add", "emails", both))
        assert answer.error == (400, "invalidValue")
        assert len(await emails(api, user)) == 2

    serve(check)


# -- password ----------------------------------------------------------------------------


async def password_hash(database: Database, user: str) -> str | None:
    value: str | None = await database.session.value(
        "SELECT password_hash FROM resource WHERE id = ?", [user]
    )
    return value


def test_a_password_changes_and_is_never_shown(serve: Serve) -> None:
    async def check(api: Api) -> None:
        secrets = ["hunter-one", "hunter-two", "hunter-three"]
        created = await api.post("/Users", {"userName": "ann", "password": secrets[0]})
        path = f"/Users/{created.id}"
        hashes = [await password_hash(api.database, created.id)]
        patched = await api.patch(path, op("replace", "password", secrets[1]))
        hashes.append(await password_hash(api.database, created.id))
        put = await api("PUT", path, {"userName": "ann", "password": secrets[2]})
        hashes.append(await password_hash(api.database, created.id))
        kept = await api("PUT", path, {"userName": "ann"})
        assert await password_hash(api.database, created.id) == hashes[2]
        assert len(set(hashes)) == 3
        assert all(str(each).startswith("$argon2id$") for each in hashes)
        asked = await api.get(path, attributes="password,userName")
        answers = [created, patched, put, kept, asked, await api.get("/Users")]
        told = str([each.body for each in answers]) + str(await api.audit(created.id))
        assert "hunter" not in told
        assert "argon2" not in told
        assert all("password" not in each.body for each in answers)
        changed = [each.changes.get("password") for each in await api.audit(created.id)]
        assert changed == [{"old": "changed", "new": "changed"}] * 3

    serve(check)


def test_a_password_is_taken_away(serve: Serve) -> None:
    async def check(api: Api) -> None:
        for clear in (
            {"schemas": [PATCH_OP], "Operations": [op("remove", "password")]},
            {"schemas": [PATCH_OP], "Operations": [op("replace", "password", None)]},
            {
                "schemas": [PATCH_OP],
                "Operations": [op("add", "title", "x"), op("remove", "password")],
            },
        ):
            user = await api.user(f"user{len(str(clear))}", password="secret")
            assert (await api("PATCH", f"/Users/{user}", clear)).status == 200
            assert await password_hash(api.database, user) is None
            last = (await api.audit(user))[-1]
            assert last.changes["password"] == {"old": "changed", "new": "changed"}
        user = await api.user("put", password="secret")
        await api("PUT", f"/Users/{user}", {"userName": "put", "password": None})
        assert await password_hash(api.database, user) is None
        await api("PUT", f"/Users/{user}", {"userName": "put", "password": None})
        assert len(await api.audit(user)) == 2
        user = await api.user("empty", password="")
        assert await password_hash(api.database, user) is None

    serve(check)


def test_a_managers_reference_follows_the_value(serve: Serve) -> None:
    """Entra ID patches ``manager.value`` alone; the link must not go on naming the old manager."""

    async def check(api: Api) -> None:
        old, new = await api.user("old"), await api.user("new")
        user = await api.user("ann", **{ENTERPRISE: {"manager": {"value": old}}})
        path = f"{ENTERPRISE}:manager.value"
        answer = await api.patch(f"/Users/{user}", op("replace", path, new))
        manager = answer.body[ENTERPRISE]["manager"]
        assert manager["value"] == new
        assert manager["$ref"].endswith(f"/Users/{new}")

    serve(check)
