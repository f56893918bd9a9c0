"""Where documentation is uncertain: both behaviours of every switch, and all at random."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_adapter.simulator import (
    VARIATIONS,
    Directory,
    GeneratorOptions,
    Settings,
    churn,
    generate,
    random_variations,
)
from tests.simulator.support import Follower, Wire

USER_SELECT = ("displayName", "userPrincipalName", "department")
GROUP_SELECT = ("displayName", "members")
KIND = {"@odata.type": "#microsoft.graph.user"}
GONE = {"@removed": {"reason": "deleted"}}


@pytest.fixture
def directory() -> Directory:
    return Directory(seed=7)


@pytest.fixture
def wire(directory: Directory) -> Iterator[Wire]:
    with Wire(directory, page_size=3) as opened:
        yield opened


def person(directory: Directory, name: str, **attrs: Any) -> str:
    return directory.add_user(userPrincipalName=f"{name}@contoso.com", displayName=name, **attrs)


@pytest.mark.parametrize("tells", [False, True])
def test_purged_users_memberships(wire: Wire, directory: Directory, tells: bool) -> None:
    wire.simulator.configure({"purge_tells_groups": tells})
    user, group = person(directory, "a"), directory.add_group(displayName="g")
    directory.add_member(group, user)
    _, link = wire.chain("/groups/delta?$select=members")
    directory.purge_user(user)
    told = [{"id": group, "members@delta": [{**KIND, "id": user, **GONE}]}] if tells else []
    assert wire.chain(link)[0] == told


@pytest.mark.parametrize("tells", [False, True])
def test_soft_deleted_users_memberships(wire: Wire, directory: Directory, tells: bool) -> None:
    wire.simulator.configure({"soft_delete_tells_groups": tells})
    user, group = person(directory, "a"), directory.add_group(displayName="g")
    directory.add_member(group, user)
    _, link = wire.chain("/groups/delta?$select=members")
    directory.delete_user(user)
    items, link = wire.chain(link)
    gone = [{"id": group, "members@delta": [{**KIND, "id": user, **GONE}]}]
    assert items == (gone if tells else [])
    initial = wire.chain("/groups/delta?$select=members")[0]
    assert ("members@delta" in initial[0]) is not tells
    directory.restore_user(user)
    back = [{"id": group, "members@delta": [{**KIND, "id": user}]}]
    assert wire.chain(link)[0] == (back if tells else [])


@pytest.mark.parametrize("reason", VARIATIONS["group_reason"])
def test_reasons_of_removed_groups(wire: Wire, directory: Directory, reason: Any) -> None:
    wire.simulator.settings.group_reason = reason
    unified = directory.add_group(displayName="m365", groupTypes=["Unified"])
    security = directory.add_group(displayName="security")
    user = person(directory, "a")
    _, groups = wire.chain("/groups/delta")
    _, users = wire.chain("/users/delta")
    for one in (unified, security):
        directory.delete_group(one)
    directory.delete_user(user)
    told = {item["id"]: item["@removed"]["reason"] for item in wire.chain(groups)[0]}
    documented = {unified: "changed", security: "deleted"}
    assert told == (documented if reason == "documented" else dict.fromkeys(told, reason))
    assert wire.chain(users)[0] == [{"id": user, "@removed": {"reason": "changed"}}]


@pytest.mark.parametrize("empty", [False, True])
def test_empty_pages(wire: Wire, directory: Directory, empty: bool) -> None:
    wire.simulator.settings.empty_pages = empty
    for number in range(7):
        person(directory, f"u{number}")
    sizes, url = [], "/users/delta"
    while url:
        page = wire.json(url)
        sizes.append(len(page["value"]))
        url = page.get("@odata.nextLink", "")
    assert sizes == ([3, 0, 3, 0, 1] if empty else [3, 3, 1])


@pytest.mark.parametrize("twice", [False, True])
def test_duplicates(wire: Wire, directory: Directory, twice: bool) -> None:
    wire.simulator.settings.duplicates = twice
    users = [person(directory, name) for name in "ab"]
    ids = [item["id"] for item in wire.chain("/users/delta")[0]]
    assert ids == ([*users, users[0]] if twice else users)


@pytest.mark.parametrize("replay", VARIATIONS["replay"])
def test_replays(wire: Wire, directory: Directory, replay: int) -> None:
    wire.simulator.settings.replay = replay
    users = [person(directory, f"u{number}") for number in range(8)]
    _, link = wire.chain("/users/delta")
    directory.update_user(users[0], jobTitle="x")
    items, link = wire.chain(link)
    assert [item["id"] for item in items] == [*users[8 - replay :], users[0]][-replay - 1 :] or (
        replay > 8 and {item["id"] for item in items} == set(users)
    )
    assert len(wire.chain(link)[0]) == min(replay, 8)


@pytest.mark.parametrize("null", [False, True])
def test_what_was_never_set(wire: Wire, directory: Directory, null: bool) -> None:
    wire.simulator.settings.never_set_is_null = null
    user = person(directory, "a", jobTitle=None)
    url = "/users/delta?$select=displayName,jobTitle,mail,otherMails,manager"
    items, link = wire.chain(url)
    bare = {"id": user, "displayName": "a", "jobTitle": None}
    assert items == [{**bare, "mail": None, "otherMails": []} if null else bare]
    directory.update_user(user, displayName="b")
    minimal = wire.chain(link, Prefer="return=minimal")[0]
    assert minimal == [{"id": user, "displayName": "b"}]


@pytest.mark.parametrize("purged", [False, True])
def test_initial_rounds_may_hold_what_is_gone(
    wire: Wire, directory: Directory, purged: bool
) -> None:
    wire.simulator.settings.initial_contains_purged = purged
    user = person(directory, "a")
    directory.purge_user(user)
    expected = [{"id": user, **GONE}] if purged else []
    assert wire.chain("/users/delta")[0] == expected


@pytest.mark.parametrize("form", VARIATIONS["expiry_form"])
@pytest.mark.parametrize("where", ["nextLink", "deltaLink"])
def test_expiry_in_the_middle_and_at_the_end(
    wire: Wire, directory: Directory, form: Any, where: str
) -> None:
    wire.simulator.settings.expiry_form = form
    for number in range(4):
        person(directory, f"u{number}")
    page = wire.json("/users/delta")
    link = page["@odata.nextLink"] if where == "nextLink" else wire.chain("/users/delta")[1]
    directory.expire_delta_tokens()
    answer = wire.get(link)
    code = answer.json()["error"]["code"]
    assert (answer.status_code, code) == {
        "syncStateNotFound": (400, "syncStateNotFound"),
        "gone": (410, "Gone"),
        "goneSyncStateNotFound": (410, "SyncStateNotFound"),
        "resyncRequired": (410, "resyncRequired"),
        "badRequestResyncRequired": (400, "resyncRequired"),
    }[form]
    assert ("location" in answer.headers) == (form == "gone")


def test_without_select_every_property_is_tracked(wire: Wire, directory: Directory) -> None:
    user = person(directory, "a")
    _, everything = wire.chain("/users/delta")
    _, selected = wire.chain("/users/delta?$select=displayName")
    directory.update_user(user, department="Legal")
    assert [item["id"] for item in wire.chain(everything)[0]] == [user]
    assert wire.chain(selected)[0] == []


def test_seeds() -> None:
    assert random_variations(1) == random_variations(1)
    chosen = [random_variations(seed) for seed in range(40)]
    for name, values in VARIATIONS.items():
        assert {one[name] for one in chosen} == set(values)
    with Wire(Directory()) as wire:
        picked = wire.simulator.vary(3)
        assert picked == random_variations(3)
        assert wire.simulator.settings.scatter == picked["scatter"]
        assert wire.directory.purge_tells_groups == picked["purge_tells_groups"]


@pytest.mark.parametrize(
    "values",
    [
        {"colour": 1},
        {"page_size": 0},
        {"page_size": "3"},
        {"throttle": 1},
        {"expiry_form": "never"},
        {"quota": "many"},
        {"unattended": 3},
        {"token_lifetime": "long"},
        {"purge_tells_groups": 1},
    ],
)
def test_settings_are_checked_and_all_or_none(values: dict[str, Any]) -> None:
    with Wire(Directory()) as wire:
        with pytest.raises(ValueError):
            wire.simulator.configure({"scatter": 2, **values})
        assert wire.simulator.settings == Settings()
        wire.simulator.configure({"token_lifetime": 60, "quota": 5, "unattended": None})
        assert wire.simulator.settings.quota == 5


class Tolerant(Follower):
    """A follower that knows every form of expiry and distrusts every reason."""

    def step(self) -> bool:
        answer = self.wire.get(self.link, **self.headers)
        if answer.status_code == 200:
            return super().step()
        assert answer.status_code in (400, 410)
        assert answer.json()["error"]["code"].lower() in (
            "syncstatenotfound",
            "gone",
            "resyncrequired",
        )
        self._restart()
        return False


def known(directory: Directory, kind: str, names: tuple[str, ...]) -> Any:
    return {
        entry.id: {name: entry.attrs.get(name) for name in names if name != "members"}
        for entry in directory.live(kind)
    }


def followed(follower: Follower) -> Any:
    return {
        key: {name: one.get(name) for name in follower.select if name != "members"}
        for key, one in follower.objects.items()
    }


@settings(max_examples=60, deadline=None, database=None)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    minimal=st.booleans(),
    steps=st.lists(st.sampled_from(["churn", "page", "round", "expire"]), max_size=15),
)
def test_following_the_links_is_enough_whatever_varies(
    seed: int, sizes: tuple[int, int], minimal: bool, steps: list[str]
) -> None:
    directory = generate(Directory(seed=seed), GeneratorOptions(users=12, groups=6, memberships=4))
    rng = random.Random(seed)
    with Wire(directory, page_size=sizes[0], link_limit=sizes[1]) as wire:
        wire.simulator.vary(seed)
        users = Tolerant(wire, "user", USER_SELECT, minimal)
        groups = Tolerant(wire, "group", GROUP_SELECT, minimal)
        for step in steps:
            if step == "churn":
                churn(directory, rng, rng.randint(1, 8))
            elif step == "expire":
                directory.expire_delta_tokens()
            else:
                for one in (users, groups):
                    _ = one.step() if step == "page" else one.finish(1)
        for one in (users, groups):
            one.finish()
        assert followed(users) == known(directory, "user", USER_SELECT)
        assert followed(groups) == known(directory, "group", GROUP_SELECT)
        live = {user.id for user in directory.live("user")}
        live |= {group.id for group in directory.live("group")} | set(directory.ids_of("device"))
        for group in directory.live("group"):
            if group.attrs.get("visibility") != "HiddenMembership":
                told = groups.members.get(group.id, set()) & live
                assert told == set(group.members or ()) & live
