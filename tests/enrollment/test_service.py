"""The page behind a link, and what administrators do with invitations."""

import asyncio
from pathlib import Path

import pytest

from gateway.enrollment import EnrollmentRefused, PageState, TooSoon
from gateway.enrollment.upkeep import keeping_order
from scim.identifiers import new_id
from storage.enrollment import Standing, VoidReason
from storage.enrollment.invitations import is_link_secret, new_link_secret
from storage.mail import MailStatus
from tests.enrollment.conftest import Enroll
from tests.enrollment.world import ADDRESS, DASHBOARD, DAY_US, EnrollmentWorld, emails

MINUTE_US = 60_000_000


async def invited(world: EnrollmentWorld) -> tuple[str, str]:
    """Return an invited user, and the secret of the link."""
    user = await world.user()
    await world.invite(user)
    (invitation,) = await world.history(user)
    return user, await world.secret(invitation.id)


# -- the link ----------------------------------------------------------------------


def test_looking_changes_nothing_and_the_button_works_once(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, secret = await invited(world)
        for _ in range(3):
            page = await world.service.look(secret)
            assert (page.state, page.address) == (PageState.live, ADDRESS)
            assert page.inviter == (
                await world.database.session.value("SELECT name FROM workspace")
            )
            assert await world.shown(user) == (False, "sent")
        page = await world.service.accept(secret)
        assert page.state is PageState.verified
        assert await world.shown(user) == (True, "accepted")
        for page in (await world.service.accept(secret), await world.service.look(secret)):
            assert page.state is PageState.accepted
            assert 0 < page.moment <= world.clock()

    enroll(check)


def test_two_who_press_at_once_verify_once(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, secret = await invited(world)
        pages = await asyncio.gather(*(world.service.accept(secret) for _ in range(5)))
        assert sorted(page.state for page in pages) == ["accepted"] * 4 + ["verified"]
        told = await world.database.session.rows(
            "SELECT actor FROM audit WHERE resource_id = ? ORDER BY row_id", (user,)
        )
        assert len(told) == 3
        assert "invitation:" in told[-1]["actor"]

    enroll(check)


def test_a_press_and_a_new_address_at_once_never_verify_the_new_one(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, secret = await invited(world)
        page, _ = await asyncio.gather(
            world.service.accept(secret), world.change(user, emails=emails("new@example.com"))
        )
        verified, status = await world.shown(user)
        assert verified is False
        assert (page.state, status) in [(PageState.verified, None), (PageState.voided, "voided")]

    enroll(check)


def test_a_link_is_good_until_it_expires(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, secret = await invited(world)
        (invitation,) = await world.history(user)
        world.clock.now = invitation.expires_at - 10
        assert (await world.service.look(secret)).state is PageState.live
        world.clock.now = invitation.expires_at
        page = await world.service.accept(secret)
        assert (page.state, page.renewable) == (PageState.expired, True)
        assert await world.shown(user) == (False, "sent")
        assert await world.service.tidy() == 1
        assert await world.service.tidy() == 0
        assert await world.shown(user) == (False, "expired")
        assert (await world.service.look(secret)).state is PageState.expired

    enroll(check)


@pytest.mark.parametrize(
    "what", ["", "ezto_invite_", "a" * 55, "é" * 55, "x\0y", "ezto_" + "a" * 50]
)
def test_a_text_that_is_no_link_is_unknown(enroll: Enroll, what: str) -> None:
    async def check(world: EnrollmentWorld) -> None:
        assert (await world.service.look(what)).state is PageState.unknown
        assert (await world.service.accept(what)).state is PageState.unknown

    assert not is_link_secret(what)
    enroll(check)


def test_a_secret_that_nobody_has_is_unknown(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        secret = new_link_secret()
        assert is_link_secret(secret)
        assert (await world.service.accept(secret)).state is PageState.unknown

    enroll(check)


def test_a_void_link_says_why(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, secret = await invited(world)
        assert await world.service.withdraw(world.workspace, user, "ann@admin")
        assert not await world.service.withdraw(world.workspace, user, "ann@admin")
        page = await world.service.accept(secret)
        assert (page.state, page.reason) == (PageState.voided, VoidReason.withdrawn)
        assert await world.shown(user) == (False, "voided")

    enroll(check)


def test_a_user_whom_no_hook_told_about_is_not_verified_all_the_same(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, secret = await invited(world)
        async with world.database.transaction() as session:
            await session.execute("UPDATE resource SET active = FALSE WHERE id = ?", (user,))
        page = await world.service.accept(secret)
        assert (page.state, page.reason) == (PageState.voided, VoidReason.disabled)
        assert (await world.shown(user))[0] is False

    enroll(check)


# -- again ---------------------------------------------------------------------------


def test_again_voids_the_older_link_and_only_after_a_while(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, old = await invited(world)
        with pytest.raises(TooSoon) as refusal:
            await world.service.resend(world.workspace, user, "ann@admin")
        assert 3_590 < refusal.value.seconds <= 3_600
        assert "60 minutes" in str(refusal.value)
        world.clock.now += 60 * MINUTE_US
        invitation = await world.service.resend(world.workspace, user, "ann@admin")
        assert (invitation.sync_id, invitation.created_by) == ("sync-1", "ann@admin")
        page = await world.service.look(old)
        assert (page.state, page.reason) == (PageState.voided, "replaced")
        assert (await world.mails())[-1].bulk is False
        new = await world.secret(invitation.id)
        assert (await world.service.accept(new)).state is PageState.verified
        with pytest.raises(EnrollmentRefused, match="verified already"):
            await world.service.resend(world.workspace, user, "ann@admin")

    enroll(check)


def test_two_who_send_again_at_once_send_once(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        found = await asyncio.gather(
            *(world.service.resend(world.workspace, user, "ann@admin") for _ in range(3)),
            return_exceptions=True,
        )
        assert sorted(type(each).__name__ for each in found) == (
            ["InvitationRecord", "TooSoon", "TooSoon"]
        )
        assert len(await world.mails()) == 1

    enroll(check)


def test_a_new_address_need_not_wait(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, _ = await invited(world)
        await world.change(user, emails=emails("new@example.com"))
        invitation = await world.service.resend(world.workspace, user, "ann@admin")
        assert invitation.address == "new@example.com"

    enroll(check)


def test_who_cannot_be_invited_is_told_why(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        off = await world.user("off", active=False)
        none = await world.user("none", None)
        bad = await world.user("bad", "zoë@example.com")
        for user, code in {new_id(): "not_found", off: "inactive", none: "no_address"}.items():
            with pytest.raises(EnrollmentRefused) as refusal:
                await world.service.resend(world.workspace, user, "ann@admin")
            assert refusal.value.code == code
        with pytest.raises(EnrollmentRefused, match="letters before the @"):
            await world.service.resend(world.workspace, bad, "ann@admin")
        other = await EnrollmentWorld.on(world.database, world.settings.data_dir)
        with pytest.raises(EnrollmentRefused, match="no such user"):
            await other.service.resend(other.workspace, off, "ann@admin")
        assert await world.mails() == []

    enroll(check)


def test_the_person_behind_an_expired_link_can_have_a_new_one(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, old = await invited(world)
        with pytest.raises(EnrollmentRefused, match="cannot be renewed"):
            await world.service.renew(old)
        world.clock.now += 7 * DAY_US
        invitation = await world.service.renew(old)
        assert (invitation.address, invitation.sync_id) == (ADDRESS, "sync-1")
        for _ in range(2):
            with pytest.raises(EnrollmentRefused, match="cannot be renewed"):
                await world.service.renew(old)
        page = await world.service.look(old)
        assert page.state is PageState.expired
        assert await world.shown(user) == (False, "sent")
        new = await world.secret(invitation.id)
        assert (await world.service.accept(new)).state is PageState.verified
        assert not (await world.service.look(old)).renewable

    enroll(check)


def test_nobody_renews_a_link_of_an_earlier_address_or_of_a_disabled_user(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, old = await invited(world)
        world.clock.now += 7 * DAY_US
        await world.service.tidy()
        await world.change(user, active=False)
        assert not (await world.service.look(old)).renewable
        await world.change(user, active=True, emails=emails("new@example.com"))
        assert not (await world.service.look(old)).renewable
        with pytest.raises(EnrollmentRefused):
            await world.service.renew(old)
        with pytest.raises(EnrollmentRefused, match="not known"):
            await world.service.renew(new_link_secret())

    enroll(check)


# -- keeping order -----------------------------------------------------------------------


def test_a_mail_that_came_to_nothing_shows_at_the_user(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, secret = await invited(world)
        (mail,) = await world.mails()
        await world.writer.delivered(mail, MailStatus.failed)
        assert await world.shown(user) == (False, "undelivered")
        assert (await world.service.look(secret)).state is PageState.live
        (outcome,) = await world.invite(user)
        assert not outcome.changed
        await world.outbox.mark_failed(mail.id, "550 no", world.clock(), for_good=True)
        (dead,) = await world.mails()
        await world.writer.delivered(dead, MailStatus.sent)
        assert await world.shown(user) == (False, "sent")
        await world.writer.delivered(mail, MailStatus.failed)
        await world.service.accept(secret)
        await world.writer.delivered(mail, MailStatus.failed)
        assert await world.shown(user) == (True, "accepted")

    enroll(check)


def test_many_links_expire_at_once_in_several_workspaces(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        other = await EnrollmentWorld.on(world.database, world.settings.data_dir)
        other.clock = world.clock
        users = [await world.user(f"user{n}") for n in range(3)]
        theirs = await other.user()
        await world.invite(*users)
        await other.invite(theirs)
        await world.change(users[0], active=False)
        world.clock.now += 8 * DAY_US
        assert await world.service.tidy() == 3
        assert [await world.shown(user) for user in users] == (
            [(False, "voided"), (False, "expired"), (False, "expired")]
        )
        assert await other.shown(theirs) == (False, "expired")

    enroll(check)


def test_order_is_kept_by_itself_whatever_breaks(
    enroll: Enroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, _ = await invited(world)
        world.clock.now += 8 * DAY_US
        expire, broken, done = world.service.invitations.expire, [True], asyncio.Event()

        async def flaky(limit: int = 500) -> int:
            if broken:
                broken.clear()
                raise OSError("the database is away")
            closed = await expire(limit)
            done.set()
            return closed

        monkeypatch.setattr(world.service.invitations, "expire", flaky)
        task = asyncio.create_task(keeping_order(world.service, world.outbox, 0.0))
        async with asyncio.timeout(30):
            await done.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await world.shown(user) == (False, "expired")

    enroll(check)


def test_old_invitations_are_forgotten(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user, secret = await invited(world)
        await world.service.accept(secret)
        world.clock.now += 180 * DAY_US
        await world.service.tidy()
        assert len(await world.history(user)) == 1
        world.clock.now += 8 * DAY_US
        await world.service.tidy()
        assert await world.history(user) == []
        assert (await world.service.look(secret)).state is PageState.unknown
        assert await world.shown(user) == (True, "accepted")

    enroll(check)


def test_a_sync_tells_whom_it_invited(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        users = [await world.user(f"user{n}") for n in range(3)]
        await world.invite(*users)
        await world.service.resend(world.workspace, await world.user("eve"), "ann@admin")
        invitations = world.service.invitations
        found = await invitations.of_sync(world.workspace, "sync-1", 2)
        rest = await invitations.of_sync(world.workspace, "sync-1", 2, found[-1].id)
        assert [each.resource_id for each in [*found, *rest]] == users[::-1]
        assert {each.standing(world.clock()) for each in found} == {Standing.live}

    enroll(check)


def test_what_the_dashboard_writes_is_audited_with_the_administrator(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        await world.service.resend(world.workspace, user, "ann@admin")
        actor = await world.database.session.value(
            "SELECT actor FROM audit WHERE resource_id = ? ORDER BY row_id DESC", (user,)
        )
        assert actor == f"{DASHBOARD} ann@admin"

    enroll(check)


def test_the_inviter_is_named(enroll: Enroll, tmp_path: Path) -> None:
    async def check(world: EnrollmentWorld) -> None:
        async with world.database.transaction() as session:
            await session.execute("UPDATE workspace SET name = 'default'")
        _, secret = await invited(world)
        assert (await world.service.look(secret)).inviter == "Your organization"

    enroll(check)
