"""Safeguards: what trips, what is held, what goes on, and how a person allows it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from azure_adapter.simulator import Directory, GeneratorOptions, generate
from azure_adapter.sync.config import SafeguardLimits
from azure_adapter.sync.safeguards import (
    GUARDED,
    INVITATIONS,
    Guarded,
    Load,
    allowance,
    reason,
    trips,
)
from tests.databases import run
from tests.sync.world import assert_in_step, world

LIMITS = SafeguardLimits()


def directory(users: int) -> Directory:
    made = Directory(seed=4)
    generate(made, GeneratorOptions(users=users, groups=2, memberships=3, guests=0, seed=4))
    return made


def test_what_trips_is_held_everything_else_goes_on_and_a_person_may_allow_it(
    database_url: str,
) -> None:
    async def story() -> None:
        async with world(database_url, directory(40)) as w:
            await w.sync()
            w.configure(safeguard=LIMITS)
            users = list(w.directory.live("user"))
            for user in users[:20]:
                w.directory.delete_user(user.id)
            w.directory.update_user(users[-1].id, jobTitle="Promoted")
            report = await w.sync()
            assert report["status"] == "quarantined"
            assert report["users"]["held"] == 20
            assert report["users"]["deleted"] == 0
            assert report["users"]["updated"] >= 1
            (note,) = [note for note in report["notes"] if "would delete" in note]
            assert "20 of 40 users" in note
            assert "limit is 8" in note
            assert len(await w.users()) == 40
            again = await w.sync()
            assert again["status"] == "quarantined"
            report = await w.sync(allow=True)
            assert report["status"] == "succeeded"
            assert report["users"]["deleted"] == 20
            await assert_in_step(w)

    run(story())


def test_a_slow_leak_trips_too(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, directory(40)) as w:
            await w.sync()
            w.configure(safeguard=LIMITS)
            users = list(w.directory.live("user"))
            for user in users[:5]:
                w.directory.delete_user(user.id)
            assert (await w.sync())["users"]["deleted"] == 5
            for user in users[5:10]:
                w.directory.delete_user(user.id)
            report = await w.sync()
            assert report["status"] == "quarantined"
            assert "after 5 in the last 24 hours" in " ".join(report["notes"])

    run(story())


def test_always_when_nobody_would_remain(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, directory(3)) as w:
            await w.sync()
            w.configure(safeguard=LIMITS)
            for user in list(w.directory.live("user")):
                w.directory.delete_user(user.id)
            report = await w.sync()
            assert report["users"]["held"] == 3
            assert "Nobody would remain" in " ".join(report["notes"])

    run(story())


loads = st.builds(
    Load,
    planned=st.integers(0, 500),
    recent=st.integers(0, 500),
    linked=st.integers(0, 1_000),
    lost=st.integers(0, 500),
    first=st.booleans(),
    together=st.integers(0, 500),
)
kinds = st.sampled_from(GUARDED)


@given(kinds, loads)
def test_a_safeguard_is_never_overshot(guarded: Guarded, load: Load) -> None:
    if load.planned and not trips(LIMITS, guarded, load):
        assert load.planned + load.recent <= allowance(LIMITS, load)
        assert not guarded.remains or load.planned < load.linked or load.linked == 0


@given(kinds, loads)
def test_a_larger_plan_never_passes_where_a_smaller_one_trips(guarded: Guarded, load: Load) -> None:
    if load.planned and trips(LIMITS, guarded, load):
        assert trips(LIMITS, guarded, replace(load, planned=load.planned + 1))


@given(kinds, loads)
def test_the_sentence_says_what_how_many_the_limit_and_the_choices(
    guarded: Guarded, load: Load
) -> None:
    said = reason(LIMITS, guarded, load)
    assert f"{guarded.verb} {load.planned} of {load.linked} {guarded.noun}" in said
    assert f"the limit is {allowance(LIMITS, load)} " in said
    assert "Allow exactly these once, or discard them, in Quarantine" in said
    assert ("in the last 24 hours" in said) is bool(load.recent)


def test_a_team_is_invited_at_once_and_a_company_by_accident_is_not() -> None:
    team = Load(planned=10, recent=0, linked=10, first=True)
    assert not trips(LIMITS, INVITATIONS, team)
    company = Load(planned=10_000, recent=0, linked=10_000, first=True)
    assert trips(LIMITS, INVITATIONS, company)
    colleague = Load(planned=1, recent=90, linked=91, first=True)
    assert not trips(LIMITS, INVITATIONS, colleague)
    later = Load(planned=90, recent=0, linked=190)
    assert trips(LIMITS, INVITATIONS, later)
