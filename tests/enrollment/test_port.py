"""What a user sync's run asks for: invitations and trust, in its unit of work."""

import asyncio

import pytest

from scim.provisioning.operations import Outcome
from storage.enrollment import Standing
from storage.mail import MailStatus
from tests.enrollment.conftest import Enroll
from tests.enrollment.world import ADDRESS, DAY_US, EnrollmentWorld, emails


def test_an_invitation_is_a_row_a_mail_and_a_status(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        assert await world.invite(user) == [Outcome(200, user)]
        (invitation,) = await world.history(user)
        assert (invitation.sync_id, invitation.created_by) == ("sync-1", "ann@admin")
        assert (invitation.address, invitation.mail_id) == (ADDRESS, invitation.id)
        assert 0 <= invitation.created_at - (invitation.expires_at - 7 * DAY_US) < 100
        assert invitation.standing(world.clock()) is Standing.live
        (mail,) = await world.mails()
        assert (mail.id, mail.kind, mail.recipient) == (invitation.id, "enrollment", ADDRESS)
        assert (mail.status, mail.bulk) == (MailStatus.queued, True)
        assert await world.shown(user) == (False, "sent")
        audit = await world.database.session.rows("SELECT * FROM audit ORDER BY row_id")
        assert [row["action"] for row in audit] == ["create", "update"]
        assert audit[-1]["actor"].startswith("user_sync:sync-1")

    enroll(check)


def test_nothing_that_works_is_stored(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        await world.invite(user)
        (invitation,) = await world.history(user)
        secret = await world.secret(invitation.id)
        assert await world.service.invitations.find(secret) == invitation
        for table in ("invitation", "mail_outbox", "resource", "audit"):
            rows = await world.database.session.rows(f"SELECT * FROM {table}")
            assert secret not in repr(rows), table

    enroll(check)


def test_the_same_version_is_told_as_any_other_write(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        await world.invite(user)
        document = (await world.store.documents([user]))[user]
        assert document["meta"]["version"] == 'W/"2"'
        await world.invite(user)
        assert (await world.store.documents([user]))[user] == document

    enroll(check)


def test_nobody_is_invited_twice(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        first, second = await world.port.invite([(user, ADDRESS)] * 2, "sync-1", "")
        assert (first.changed, second.changed) == (True, False)
        (again,) = await world.invite(user, address=ADDRESS.upper())
        assert (again.status, again.changed) == (200, False)
        assert len(await world.history(user)) == len(await world.mails()) == 1

    enroll(check)


def test_who_is_verified_is_not_invited(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        await world.port.trust([user])
        (outcome,) = await world.invite(user)
        assert (outcome.ok, outcome.changed) == (True, False)
        assert await world.mails() == []
        assert await world.shown(user) == (True, None)

    enroll(check)


def test_refusals_say_why_and_leave_the_others(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        ann = await world.user("ann")
        off = await world.user("off", active=False)
        other = await world.user("other", "other@example.com")
        bad = await world.user("bad", "zoë@example.com")
        people = [
            ("nobody", ADDRESS),
            (off, ADDRESS),
            (other, ADDRESS),
            (bad, "zoë@example.com"),
            (ann, ADDRESS),
        ]
        outcomes = await world.port.invite(people, "sync-1", "")
        assert [each.code for each in outcomes] == [
            "not_found",
            "inactive",
            "changed_address",
            "no_address",
            "",
        ]
        assert all(each.message for each in outcomes[:-1])
        assert [mail.recipient for mail in await world.mails()] == [ADDRESS]
        assert await world.shown(off) == await world.shown(bad) == (None, None)

    enroll(check)


def test_it_commits_and_rolls_back_with_the_batch(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()

        async def killed() -> None:
            async with world.database.transaction():
                await world.invite(user)
                await world.port.trust([user])
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await killed()
        assert await world.history(user) == await world.mails() == []
        assert await world.shown(user) == (None, None)

    enroll(check)


def test_runs_that_invite_at_once_invite_once(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        users = [await world.user(f"user{n}") for n in range(3)]
        found = await asyncio.gather(*(world.invite(*order) for order in (users, users[::-1])))
        changed = [outcome.changed for outcomes in found for outcome in outcomes]
        assert sorted(changed) == [False] * 3 + [True] * 3
        assert len(await world.mails()) == 3

    enroll(check)


def test_trust_verifies_who_has_an_address_and_voids_the_link(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        waits, none = await world.user("waits"), await world.user("none", None)
        await world.invite(waits)
        await world.port.trust([waits, none, "nobody"])
        assert await world.shown(waits) == (True, "voided")
        assert await world.shown(none) == (None, None)
        (invitation,) = await world.history(waits)
        assert invitation.void_reason == "trusted"
        version = (await world.store.documents([waits]))[waits]["meta"]["version"]
        await world.port.trust([waits])
        assert (await world.store.documents([waits]))[waits]["meta"]["version"] == version
        await world.change(waits, emails=emails("new@example.com"))
        assert await world.shown(waits) == (False, None)
        await world.port.trust([waits])
        assert await world.shown(waits) == (True, None)

    enroll(check)


def test_an_expired_link_does_not_stand_in_the_way(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        await world.invite(user)
        world.clock.now += 7 * DAY_US
        (outcome,) = await world.invite(user)
        assert outcome.changed
        old, new = await world.history(user)
        assert old.standing(world.clock()) is Standing.expired
        assert new.standing(world.clock()) is Standing.live
        assert await world.service.tidy() == 0
        assert await world.shown(user) == (False, "sent")

    enroll(check)
