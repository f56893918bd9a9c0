"""Every request shape of the identity providers, replayed on both databases."""

import asyncio

import pytest

from storage.database import Database
from tests.dialects.world import PROFILES, Case, load_cases, patch, world

CASES = load_cases()
PLAYS = [
    pytest.param(case, profile, id=f"{case.name}-{profile}")
    for case in CASES
    for profile in case.profiles
]


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.source for case in CASES)


@pytest.mark.parametrize(("case", "profile"), PLAYS)
def test_replay(case: Case, profile: str, replays: Database, loop: asyncio.Runner) -> None:
    async def play() -> None:
        await (await world(replays, profile, f"{case.name} {profile}")).play(case)

    loop.run(play())


@pytest.mark.parametrize("profile", PROFILES)
def test_parallel_patches_of_one_group_lose_no_member(
    profile: str, replays: Database, loop: asyncio.Runner
) -> None:
    """Bug 1 (fleetdm/fleet#50724, FusionAuth#2869, scimmy#79)."""
    names = [f"U{number}" for number in range(12)]
    before = Case("parallel", "", [], users={name: {} for name in names}, groups={"G": names[:4]})

    async def play() -> None:
        here = await world(replays, profile, f"parallel {profile}")
        await here.make(before)
        added = [patch("Add", here.ids[name]) for name in names[4:]]
        removed = [patch("Remove", here.ids[name]) for name in names[:3]]
        group = f"/Groups/{here.ids['G']}"
        answers = await asyncio.gather(
            *(here.send("PATCH", group, body) for body in added + removed)
        )
        assert {int(each.status) for each in answers} <= {200, 204}
        found = (await here.send("GET", group)).body
        assert found is not None
        members = {each["value"] for each in found["members"]}
        assert members == {here.ids[name] for name in names[3:]}

    loop.run(play())
