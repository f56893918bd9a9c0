"""Whatever the page sizes and whatever changes meanwhile: following the links is enough."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from azure_adapter.simulator import Directory, GeneratorOptions, churn, generate
from tests.simulator.support import Follower, Wire

USER_SELECT = ("displayName", "userPrincipalName", "mail", "accountEnabled", "department")
GROUP_SELECT = ("displayName", "description", "members")
STEPS = st.one_of(
    st.tuples(st.just("churn"), st.integers(1, 12)),
    st.tuples(st.sampled_from(["users", "groups"]), st.integers(1, 3)),
    st.tuples(st.sampled_from(["users", "groups"]), st.just(0)),
    st.just(("expire", 0)),
    st.tuples(st.just("groups change"), st.integers(1, 4)),
)


def change_groups(directory: Directory, rng: Any) -> None:
    """Delete, restore and purge Microsoft 365 groups, and empty them right before."""
    unified = [g for g in directory.live("group") if "Unified" in g.attrs["groupTypes"]]
    deleted = directory.deleted("group")
    what = rng.random()
    if what < 0.3 and unified:
        directory.delete_group(rng.choice(unified).id)
    elif what < 0.6 and deleted:
        directory.restore_group(rng.choice(deleted).id)
    elif what < 0.65 and deleted:
        directory.purge_group(rng.choice(deleted).id)
    elif unified:
        group = rng.choice(unified)
        for member in rng.sample(list(group.members), len(group.members) // 2):
            directory.remove_member(group.id, member)


def play(wire: Wire, followers: dict[str, Follower], step: tuple[str, int], rng: Any) -> None:
    name, amount = step
    if name == "churn":
        churn(wire.directory, rng, amount)
    elif name == "expire":
        wire.directory.expire_delta_tokens()
    elif name == "groups change":
        for _ in range(amount):
            change_groups(wire.directory, rng)
    elif amount:
        for _ in range(amount):
            followers[name].step()
    else:
        followers[name].finish(1)


def known(directory: Directory, kind: str, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    return {
        entry.id: {name: entry.attrs[name] for name in names if name in entry.attrs}
        for entry in directory.live(kind)
    }


def check(directory: Directory, users: Follower, groups: Follower) -> None:
    assert users.objects == known(directory, "user", USER_SELECT)
    assert groups.objects == known(directory, "group", GROUP_SELECT)
    assert users.managers == {
        user.id: user.manager for user in directory.live("user") if user.manager
    }
    gone = users.gone | groups.gone
    if not directory.purge_tells_groups:
        # Purged before its own chain began: no chain ever tells, the member is of nobody known.
        members = set[str]().union(*groups.members.values())
        gone = gone | {one for one in members if directory.get(one) is None}
    followed = {key: ids - gone for key, ids in groups.members.items() if ids - gone}
    assert followed == {
        group.id: set(group.members)
        for group in directory.live("group")
        if group.members
        and (group.attrs.get("visibility") != "HiddenMembership" or directory.member_read_hidden)
    }


@settings(max_examples=150, deadline=None, database=None)
@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(STEPS, max_size=25),
    page_size=st.integers(1, 9),
    link_limit=st.integers(1, 9),
    scatter=st.integers(1, 3),
    minimal=st.booleans(),
    tells=st.booleans(),
    hidden=st.booleans(),
    contains_deleted=st.booleans(),
)
def test_replaying_any_chain_equals_the_directory(
    seed: int,
    steps: list[tuple[str, int]],
    page_size: int,
    link_limit: int,
    scatter: int,
    minimal: bool,
    tells: bool,
    hidden: bool,
    contains_deleted: bool,
) -> None:
    directory = Directory(seed=seed)
    directory.purge_tells_groups, directory.member_read_hidden = tells, hidden
    generate(directory, GeneratorOptions(users=15, groups=8, memberships=5, devices=3))
    rng = random.Random(seed)
    with Wire(
        directory,
        page_size=page_size,
        link_limit=link_limit,
        scatter=scatter,
        initial_contains_deleted=contains_deleted,
    ) as wire:
        followers = {
            "users": Follower(wire, "user", (*USER_SELECT, "manager"), minimal),
            "groups": Follower(wire, "group", GROUP_SELECT, minimal),
        }
        for step in steps:
            play(wire, followers, step, rng)
        for follower in followers.values():
            follower.finish()
        check(directory, followers["users"], followers["groups"])
        assert wire.simulator.writes == []
