"""Invitations against a plain model: every path through their states, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.enrollment import EnrollmentRefused
from storage.database import Database
from storage.enrollment import hooks
from storage.enrollment.states import LIVE
from tests.enrollment.world import DAY_US, EnrollmentWorld, emails

PAUSE_US = 3_600_000_000
ADDRESSES = ("ann@example.com", "Ann@Example.com", "ann@new.example")

KINDS = (
    *[("invite", 0)] * 4, *[("resend", 0)] * 2, ("trust", 0), ("withdraw", 0), ("disable", 0),
    ("enable", 0), ("delete", 0), ("restore", 0), ("tidy", 0), ("accept", 0), ("accept", 1),
    ("accept", 2), ("renew", 0), ("renew", 1), ("address", 0), ("address", 1), ("address", 2),
    *[("wait", 1)] * 2, *[("wait", 200)] * 2,
)  # fmt: skip
"""What may happen; what leads on is likelier."""

STEPS = st.lists(st.sampled_from(KINDS), min_size=3, max_size=18)


@dataclass
class Link:
    """One link; it is what it was last, unless its time is over before."""

    secret: str
    address: str
    expires_at: int
    state: str = "live"
    at: int = 0

    def standing(self, now: int) -> str:
        over = self.at if self.state == "voided" else now
        if self.state in ("live", "voided") and over >= self.expires_at:
            return "expired"
        return self.state


@dataclass
class Model:
    """What enrollment must be, in the plainest words."""

    exists: bool = True
    active: bool = True
    address: str = ADDRESSES[0]
    verified: bool | None = None
    status: str | None = None
    links: list[Link] = field(default_factory=list)
    invited_at: int = -(10**18)
    invited_to: str = ""

    @property
    def key(self) -> str:
        return self.address.lower()

    def void(self, now: int) -> None:
        for link in self.links:
            if link.state == "live":
                link.state, link.at = "voided", now

    def invited(self, secret: str, expires_at: int, now: int) -> None:
        self.void(now)
        self.links.append(Link(secret, self.key, expires_at))
        self.verified, self.status = False, "sent"
        self.invited_at, self.invited_to = now, self.key

    def moved(self, address: str, now: int) -> None:
        changed, self.address = address.lower() != self.key, address
        if not changed or (self.verified is None and self.status is None):
            return
        self.status = "voided" if self.status in LIVE else None
        self.verified = False
        self.void(now)

    def disabled(self, now: int) -> None:
        self.active = False
        if self.status in LIVE:
            self.status = "voided"
            self.void(now)

    @property
    def can_be_invited(self) -> bool:
        return self.exists and self.active and not self.verified

    def live(self, now: int) -> bool:
        return any(link.standing(now) == "live" for link in self.links)


class Play:
    """Takes steps in the world and in the model."""

    def __init__(self, world: EnrollmentWorld, user: str) -> None:
        self.world = world
        self.user = user
        self.model = Model()

    @property
    def now(self) -> int:
        return self.world.clock.now

    async def step(self, kind: str, argument: int) -> None:
        await getattr(self, kind)(argument)
        await self.compare(f"after {kind} {argument}")

    async def compare(self, when: str) -> None:
        model = self.model
        if model.exists:
            assert await self.world.shown(self.user) == (model.verified, model.status), when
        for link in model.links:
            page = await self.world.service.look(link.secret)
            assert page.state == link.standing(self.now), when
        open_links = await self.world.database.session.value(
            "SELECT COUNT(*) FROM invitation WHERE resource_id = ? AND accepted_at IS NULL "
            "AND voided_at IS NULL",
            (self.user,),
        )
        assert open_links <= 1, when
        assert len(await self.world.mails()) == len(model.links), when

    async def _note(self, invitation_id: str) -> None:
        invitation = await self.world.service.invitations.get(invitation_id)
        assert invitation is not None
        secret = await self.world.secret(invitation_id)
        self.model.invited(secret, invitation.expires_at, self.now)

    async def invite(self, _: int) -> None:
        wanted = self.model.can_be_invited and not self.model.live(self.now)
        (outcome,) = await self.world.invite(self.user, address=self.model.address)
        assert (outcome.ok and outcome.changed) == wanted
        if wanted:
            await self._note((await self.world.mails())[-1].id)

    async def resend(self, _: int) -> None:
        model = self.model
        again = model.invited_to == model.key
        wanted = model.can_be_invited and not (again and self.now < model.invited_at + PAUSE_US)
        await self._send(wanted, self.world.service.resend(self.world.workspace, self.user, "ann"))

    async def renew(self, which: int) -> None:
        if which >= len(self.model.links):
            return
        link = self.model.links[which]
        wanted = (
            self.model.can_be_invited
            and link is self.model.links[-1]
            and link.address == self.model.key
            and link.standing(self.now) == "expired"
        )
        await self._send(wanted, self.world.service.renew(link.secret))

    async def _send(self, wanted: bool, sending: Any) -> None:
        if not wanted:
            with pytest.raises(EnrollmentRefused):
                await sending
            return
        await self._note((await sending).id)

    async def accept(self, which: int) -> None:
        if which >= len(self.model.links):
            return
        link, model = self.model.links[which], self.model
        page = await self.world.service.accept(link.secret)
        usable = link.standing(self.now) == "live"
        assert (page.state == "verified") == usable
        if usable:
            assert model.exists
            assert model.active
            assert link.address == model.key
            link.state, model.verified, model.status = "accepted", True, "accepted"

    async def trust(self, _: int) -> None:
        await self.world.port.trust([self.user])
        if not self.model.exists:
            return
        if self.model.status in LIVE:
            self.model.status = "voided"
            self.model.void(self.now)
        self.model.verified = True

    async def withdraw(self, _: int) -> None:
        live = self.model.exists and self.model.status in LIVE
        assert await self.world.service.withdraw(self.world.workspace, self.user, "ann") == live
        if live:
            self.model.status = "voided"
            self.model.void(self.now)

    async def disable(self, _: int) -> None:
        if self.model.exists:
            await self.world.change(self.user, active=False)
            self.model.disabled(self.now)

    async def enable(self, _: int) -> None:
        if self.model.exists:
            await self.world.change(self.user, active=True)
            self.model.active = True

    async def address(self, which: int) -> None:
        if self.model.exists:
            await self.world.change(self.user, emails=emails(ADDRESSES[which]))
            self.model.moved(ADDRESSES[which], self.now)

    async def delete(self, _: int) -> None:
        if self.model.exists:
            await self.world.delete(self.user)
            self.model.exists = False
            if self.model.status in LIVE:
                self.deleted_links = [each for each in self.model.links if each.state == "live"]
                self.model.void(self.now)
            else:
                self.deleted_links = []

    async def restore(self, _: int) -> None:
        if not self.model.exists:
            await self.world.store.restore(self.user)
            self.model.exists = True
            for link in self.deleted_links:
                link.state = "live"

    async def wait(self, hours: int) -> None:
        self.world.clock.now += hours * DAY_US // 24

    async def tidy(self, _: int) -> None:
        await self.world.service.tidy()
        for link in self.model.links:
            if link.state == "live" and link.standing(self.now) == "expired":
                link.state = "expired"
                if self.model.status in LIVE:
                    self.model.status = "expired"


@settings(
    max_examples=90,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_every_path_agrees_with_the_model(
    database: Database,
    runner: asyncio.Runner,
    tmp_path: Path,
    steps: list[tuple[str, int]],
) -> None:
    async def run() -> None:
        world = await EnrollmentWorld.on(database, tmp_path)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(hooks, "now_us", world.clock)
            play = Play(world, await world.user())
            for kind, argument in steps:
                await play.step(kind, argument)

    runner.run(run())


def test_a_long_path(database: Database, runner: asyncio.Runner, tmp_path: Path) -> None:
    """One path through everything, whatever hypothesis finds."""
    steps = [
        ("invite", 0), ("accept", 0), ("address", 2), ("resend", 0), ("wait", 200),
        ("tidy", 0), ("renew", 1), ("disable", 0), ("enable", 0), ("invite", 0), ("delete", 0),
        ("wait", 1), ("restore", 0), ("accept", 3), ("delete", 0), ("restore", 0),
        ("address", 1), ("invite", 0), ("trust", 0), ("withdraw", 0),
    ]  # fmt: skip

    async def run() -> None:
        world = await EnrollmentWorld.on(database, tmp_path)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(hooks, "now_us", world.clock)
            play = Play(world, await world.user())
            for kind, argument in steps:
                await play.step(kind, argument)
            assert len(play.model.links) == 5

    runner.run(run())
