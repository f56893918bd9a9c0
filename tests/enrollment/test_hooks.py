"""What a write of a user does to the invitation, whoever writes: SCIM, a user sync, the dashboard.

Each writer is the authority of the user that it writes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import orjson
import pytest
from scim2_server.requests import ScimRequest

from scim.caller import Caller
from scim.ezto import EZTO_USER_URN
from scim.fast.lane import FastLane
from scim.fast.writing import FastHandler
from scim.handler import GatewayHandler
from scim.provisioning.authority import DASHBOARD, Source
from scim.provisioning.operations import Action, Operation
from scim.provisioning.source import ObjectKind
from scim.service import GatewayService
from scim.target import InProcessTarget
from storage.enrollment import Standing
from storage.mail import MailStatus
from storage.resources.fast import FastResources
from storage.resources.fast_store import FastStore
from tests.enrollment.conftest import Enroll
from tests.enrollment.world import ADDRESS, DAY_US, OKTA, SYNC, EnrollmentWorld, emails
from tests.scim.world import BASE, BULK, PATCH_OP, op

SERVICE = GatewayService("the secret of the tests")
NEW = "new@example.com"
ADDRESSED = {"userName": "ann", "emails": emails(ADDRESS), "active": True}


class Writer(ABC):
    """Writes users as one source."""

    source: Source

    def __init__(self, world: EnrollmentWorld) -> None:
        self.world = world
        self.store = world.store_of(self.source)

    @abstractmethod
    async def write(self, method: str, path: str, body: Any = None) -> Any:
        """Send one SCIM request and return what it answers."""

    async def create(self) -> str:
        created = await self.write("POST", "/Users", ADDRESSED)
        return str(created["id"])

    async def patch(self, user: str, *operations: dict[str, Any]) -> None:
        body = {"schemas": [PATCH_OP], "Operations": list(operations)}
        await self.write("PATCH", f"/Users/{user}", body)


class Scim(Writer):
    """A SCIM client, over the handler that answers from stored documents."""

    source = OKTA

    async def write(self, method: str, path: str, body: Any = None) -> Any:
        world, caller = self.world, Caller(self.source, self.world.workspace)
        place = (world.database, world.workspace, self.source, SERVICE.provider)
        lane = FastLane(SERVICE, FastResources(world.database, SERVICE.provider))
        handler = FastHandler(SERVICE, FastStore(*place), lane)
        raw = b"" if body is None else orjson.dumps(body)
        answer: Any = await handler.handle(ScimRequest(method, BASE, path, {}, {}, raw, caller))
        assert answer.status < 300, answer.body
        told = answer.body
        return orjson.loads(told) if isinstance(told, bytes) and told else told


class Bulk(Scim):
    """A SCIM client that sends everything in bulk."""

    async def write(self, method: str, path: str, body: Any = None) -> Any:
        operation = {"method": method, "path": path, "bulkId": "1"}
        if body is not None:
            operation["data"] = body
        answer = await super().write(
            "POST", "/Bulk", {"schemas": [BULK], "Operations": [operation]}
        )
        (done,) = answer["Operations"]
        assert int(done["status"]) < 300, done
        return {"id": done["location"].rpartition("/")[2]} if done.get("location") else None


class Sync(Writer):
    """A user sync, through the target that its runs write to."""

    source = SYNC

    async def write(self, method: str, path: str, body: Any = None) -> Any:
        target = InProcessTarget(GatewayHandler(SERVICE, self.store))
        action = {"POST": Action.create, "DELETE": Action.delete}.get(method, Action.update)
        operation = Operation(action, ObjectKind.user, "ann", "ann", method, path, body)
        (outcome,) = await target.apply([operation])
        assert outcome.ok, outcome
        return {"id": outcome.resource_id}


class Dashboard(Writer):
    """An administrator."""

    source = DASHBOARD

    async def write(self, method: str, path: str, body: Any = None) -> Any:
        handler = GatewayHandler(SERVICE, self.store)
        raw = b"" if body is None else orjson.dumps(body)
        caller = Caller(self.source, self.world.workspace)
        answer = await handler.handle(ScimRequest(method, BASE, path, {}, {}, raw, caller))
        assert answer.status < 300, answer.body
        return answer.body


@pytest.fixture(params=[Scim, Bulk, Sync, Dashboard])
def writer(request: pytest.FixtureRequest) -> type[Writer]:
    kind: type[Writer] = request.param
    return kind


def test_a_changed_address_voids_and_is_not_verified(enroll: Enroll, writer: type[Writer]) -> None:
    async def check(world: EnrollmentWorld) -> None:
        by = writer(world)
        user = await by.create()
        await world.invite(user)
        await by.patch(user, op("replace", 'emails[type eq "work"].value', ADDRESS.upper()))
        await by.patch(user, op("replace", "title", "Lead"))
        await by.patch(user, op("add", "emails", [{"value": "home@x.org", "type": "home"}]))
        assert await world.shown(user) == (False, "sent")
        await by.patch(user, op("replace", 'emails[type eq "work"].value', NEW))
        assert await world.shown(user) == (False, "voided")
        (invitation,) = await world.history(user)
        assert invitation.standing(world.clock()) is Standing.voided
        assert invitation.void_reason == "address_changed"
        await world.invite(user, address=NEW)
        assert await world.shown(user) == (False, "sent")

    enroll(check)


def test_a_verified_address_that_changes_is_not_verified(
    enroll: Enroll, writer: type[Writer]
) -> None:
    async def check(world: EnrollmentWorld) -> None:
        by = writer(world)
        user = await by.create()
        await world.invite(user)
        (invitation,) = await world.history(user)
        await world.service.accept(await world.secret(invitation.id))
        assert await world.shown(user) == (True, "accepted")
        changed = {**ADDRESSED, "emails": emails(NEW)}
        await by.write("PUT", f"/Users/{user}", changed) if by.source != SYNC else (
            await by.patch(user, op("replace", "emails", emails(NEW)))
        )
        assert await world.shown(user) == (False, None)
        await by.patch(user, op("replace", "emails", emails(ADDRESS)))
        assert await world.shown(user) == (False, None)
        await by.patch(user, op("remove", "emails"))
        assert await world.shown(user) == (False, None)

    enroll(check)


def test_disabling_voids_and_enabling_does_not_revive(enroll: Enroll, writer: type[Writer]) -> None:
    async def check(world: EnrollmentWorld) -> None:
        by = writer(world)
        user = await by.create()
        await world.invite(user)
        await by.patch(user, op("replace", "active", False))
        assert await world.shown(user) == (False, "voided")
        await by.patch(user, op("replace", "active", True))
        assert await world.shown(user) == (False, "voided")
        (invitation,) = await world.history(user)
        assert invitation.void_reason == "disabled"

    enroll(check)


def test_a_deletion_voids_until_the_user_is_restored(enroll: Enroll, writer: type[Writer]) -> None:
    async def check(world: EnrollmentWorld) -> None:
        by = writer(world)
        user = await by.create()
        await world.invite(user)
        (invitation,) = await world.history(user)
        secret = await world.secret(invitation.id)
        await by.write("DELETE", f"/Users/{user}")
        (gone,) = await world.history(user)
        assert gone.void_reason == "deleted"
        assert not (await world.service.invitations.accept(secret)).accepted
        await by.store.restore(user)
        assert await world.shown(user) == (False, "sent")
        assert (await world.history(user))[0].standing(world.clock()) is Standing.live
        assert (await world.service.invitations.accept(secret)).accepted
        assert await world.shown(user) == (True, "accepted")
        await by.write("DELETE", f"/Users/{user}")
        await by.store.restore(user)
        assert await world.shown(user) == (True, "accepted")

    enroll(check)


def test_a_write_and_its_effect_are_one_version(enroll: Enroll, writer: type[Writer]) -> None:
    async def check(world: EnrollmentWorld) -> None:
        by = writer(world)
        user = await by.create()
        await world.invite(user)
        await by.patch(user, op("replace", "emails", emails(NEW)))
        document = (await by.store.documents([user]))[user]
        assert document["meta"]["version"] == 'W/"3"'
        told = await world.database.session.value(
            "SELECT changes FROM audit WHERE resource_id = ? ORDER BY row_id DESC", (user,)
        )
        assert orjson.loads(told)["inviteStatus"] == {"old": "sent", "new": "voided"}

    enroll(check)


def test_scim_shows_it(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        by = Scim(world)
        user = await by.create()
        await world.invite(user)
        shown = await Dashboard(world).write("GET", f"/Users/{user}")
        assert shown[EZTO_USER_URN]["inviteStatus"] == "sent"
        assert shown[EZTO_USER_URN]["emailVerified"] is False

    enroll(check)


def test_a_block_voids(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        await world.invite(user)
        await world.store_of(DASHBOARD).set_blocked(user, blocked=True)
        assert await world.shown(user) == (False, "voided")

    enroll(check)


def test_a_joined_user_who_is_let_go_of_is_voided(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        by = Dashboard(world)
        user = await by.create()
        await world.store.take_over(user, joined=True)
        await world.invite(user)
        await world.delete(user)
        assert await world.shown(user) == (False, "voided")
        (invitation,) = await world.history(user)
        assert invitation.void_reason == "disabled"

    enroll(check)


def test_a_mail_that_was_dropped_for_a_deletion_goes_out_after_the_restore(
    enroll: Enroll, tmp_path: Any
) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        await world.invite(user)
        await world.delete(user)
        postman = world.postman(tmp_path / "mail")
        assert await postman.deliver_due() == 0
        (mail,) = await world.mails()
        assert (mail.status, "deleted" in mail.error) == (MailStatus.dropped, True)
        await world.store.restore(user)
        assert await postman.deliver_due() == 1

    enroll(check)


def test_a_link_that_expired_while_the_user_was_deleted_is_expired(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        await world.invite(user)
        await world.delete(user)
        world.clock.now += 8 * DAY_US
        await world.store.restore(user)
        await world.service.tidy()
        assert await world.shown(user) == (False, "expired")

    enroll(check)


def test_users_without_enrollment_cost_nothing(enroll: Enroll) -> None:
    async def check(world: EnrollmentWorld) -> None:
        user = await world.user()
        await world.change(user, emails=emails(NEW), active=False)
        assert await world.shown(user) == (None, None)

    enroll(check)
