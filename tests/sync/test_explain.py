"""Why somebody is in this state: every past decision, and where the object stands now."""

from __future__ import annotations

from azure_adapter.sync.explain import Explaining, PastDecision
from scim.provisioning.operations import Action, OperationStatus
from storage.database import now_us
from tests.databases import run
from tests.sync.plans import LIMITS, people
from tests.sync.world import World, world


def explaining(w: World) -> Explaining:
    return Explaining(w.config, w.store(), now_us())


async def decisions(w: World, **of: str) -> list[PastDecision]:
    return await explaining(w).decisions(**of)


async def sentences(w: World, source_id: str) -> str:
    (standing,) = await explaining(w).standings(source_id=source_id)
    return " ".join(standing.sentences)


def test_a_whole_life_is_told_newest_first(database_url: str) -> None:
    async def story() -> None:
        directory, users, teams = people(4, groups=1)
        async with world(database_url, directory) as w:
            await w.sync(trigger="schedule")
            resource = (await w.users())[users[0]]["id"]
            directory.update_user(users[0], jobTitle="Buyer")
            await w.sync(trigger="manual", actor="ada")
            directory.delete_user(users[0])
            await w.sync()
            directory.restore_user(users[0])
            await w.sync()
            by_source = await decisions(w, source_id=users[0])
            assert [(one.action, one.status) for one in by_source] == [
                (Action.add_members, OperationStatus.done),
                (Action.restore, OperationStatus.done),
                (Action.delete, OperationStatus.done),
                (Action.remove_members, OperationStatus.done),
                (Action.update, OperationStatus.done),
                (Action.add_members, OperationStatus.done),
                (Action.create, OperationStatus.done),
            ]
            assert by_source == await decisions(w, resource_id=resource)
            update = by_source[4]
            assert (update.before, update.after) == ({"title": None}, {"title": "Buyer"})
            assert (update.trigger, update.actor, update.sync_name) == ("manual", "ada", "Contoso")
            assert update.resource_id == resource
            members = by_source[5]
            assert members.after == {"members": [f"bulkId:{users[0]}"]}
            assert members.source_id == teams[0]
            assert [one.at for one in by_source] == sorted(
                (one.at for one in by_source), reverse=True
            )
            assert await decisions(w, source_id="nobody") == []
            assert await decisions(w) == []

    run(story())


def test_where_an_object_stands_is_told_in_sentences(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(12)
        async with world(database_url, directory) as w:
            await w.sync()
            told = await sentences(w, users[0])
            assert "It is in the directory." in told
            assert "which this user sync made" in told
            assert "Nothing is to be done" in told
            w.configure(safeguard=LIMITS)
            for user in users[:7]:
                directory.delete_user(user)
            await w.sync()
            told = await sentences(w, users[0])
            assert "can be restored there" in told
            assert "Held in Quarantine: delete." in told
            assert "The next run decides about it again." in told
            await w.store().discard(w.runs[-1].id, None, "ada")
            await w.sync()
            told = await sentences(w, users[0])
            assert "ada discarded delete on" in told
            assert "Held" not in told
            await w.add_dashboard_user(userName="taken@contoso.com")
            directory.update_user(users[8], userPrincipalName="taken@contoso.com")
            await w.sync()
            told = await sentences(w, users[8])
            assert "It failed 1 time(s) in a row and is tried again at" in told
            assert "taken@contoso.com" in told
            assert await explaining(w).standings(source_id="nobody") == []

    run(story())


def test_who_was_deleted_for_good_can_be_explained(database_url: str) -> None:
    async def story() -> None:
        directory, users, _ = people(4)
        async with world(database_url, directory) as w:
            await w.sync()
            resource = (await w.users())[users[0]]["id"]
            directory.delete_user(users[0])
            directory.purge_user(users[0])
            await w.sync()
            found = await decisions(w, resource_id=resource)
            assert found[0].action is Action.delete
            (standing,) = await explaining(w).standings(resource_id=resource)
            assert standing.source_id == users[0]
            assert "This user sync deleted its resource" in " ".join(standing.sentences)

    run(story())
