"""The model's rules: what Entra refuses, what deletion keeps, what churn and seeds do."""

from __future__ import annotations

import random
import subprocess
import sys
import unicodedata
from typing import Any

import pytest

from azure_adapter.simulator import Directory, GeneratorOptions, apply_changes, churn, generate
from azure_adapter.simulator.generator import HIDDEN_GROUP
from azure_adapter.simulator.model import Entry


def dump(directory: Directory) -> list[Any]:
    return [
        (e.id, e.kind, e.attrs, e.manager, list(e.members or ()), e.parents, e.deleted is None)
        for e in directory.objects.values()
    ]


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def user(directory: Directory) -> str:
    return directory.add_user(userPrincipalName="Ann@contoso.com", displayName="Ann")


def test_names_are_unique_among_live_users(directory: Directory, user: str) -> None:
    with pytest.raises(ValueError, match="userPrincipalName already exists"):
        directory.add_user(userPrincipalName="ANN@contoso.com", displayName="Other")
    directory.update_user(user, userPrincipalName="ann@CONTOSO.com")
    directory.delete_user(user)
    heir = directory.add_user(userPrincipalName="ann@contoso.com", displayName="Other")
    with pytest.raises(ValueError, match="already exists"):
        directory.restore_user(user)
    directory.update_user(heir, userPrincipalName="else@contoso.com")
    directory.restore_user(user)
    assert directory.find_user("ANN@contoso.com") is directory.get(user)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("update_user", ("nobody",)),
        ("disable_user", ("nobody",)),
        ("delete_user", ("nobody",)),
        ("purge_user", ("nobody",)),
        ("restore_user", ("nobody",)),
        ("set_manager", ("nobody", None)),
        ("rename_group", ("nobody", "x")),
        ("delete_group", ("nobody",)),
        ("add_member", ("nobody", "x")),
        ("empty_group", ("nobody",)),
    ],
)
def test_unknown_ids_are_named(directory: Directory, method: str, arguments: tuple[Any]) -> None:
    with pytest.raises(KeyError, match="'nobody'"):
        getattr(directory, method)(*arguments)


def test_refusals(directory: Directory, user: str) -> None:
    group = directory.add_group(displayName="g")
    directory.add_member(group, user)
    refused = [
        lambda: directory.add_user(userPrincipalName="x@y"),
        lambda: directory.add_user(userPrincipalName="x@y", displayName="x", colour="red"),
        lambda: directory.update_user(user, displayName=None),
        lambda: directory.update_user(user, id="other"),
        lambda: directory.restore_user(user),
        lambda: directory.set_manager(user, user),
        lambda: directory.add_member(group, user),
        lambda: directory.add_group(),
        lambda: directory.restore_group(group),
        lambda: directory.add_object("device", id=user),
    ]
    before, position = dump(directory), directory.position
    for attempt in refused:
        with pytest.raises(ValueError):
            attempt()
    with pytest.raises(KeyError, match="not a group"):
        directory.add_member(user, group)
    with pytest.raises(KeyError, match="not a user"):
        directory.disable_user(group)
    directory.remove_member(group, user)
    with pytest.raises(KeyError, match="not a member"):
        directory.remove_member(group, user)
    assert before != dump(directory)
    assert directory.position == position + 1


def test_soft_delete_keeps_and_purge_drops(directory: Directory, user: str) -> None:
    report = directory.add_user(userPrincipalName="b@contoso.com", displayName="B")
    directory.set_manager(report, user)
    group = directory.add_group(displayName="g")
    directory.add_member(group, user)
    directory.delete_user(user)
    assert directory.members_of(group) == [user]
    with pytest.raises(KeyError, match="is deleted"):
        directory.update_user(user, jobTitle="x")
    directory.purge_user(user)
    assert directory.members_of(group) == []
    assert directory.objects[report].manager is None
    with pytest.raises(KeyError):
        directory.restore_user(user)


def test_thirty_days() -> None:
    now = [0.0]
    directory = Directory(clock=lambda: now[0])
    user = directory.add_user(userPrincipalName="a@b", displayName="a")
    now[0] = 1.0
    directory.delete_user(user)
    now[0] = 29 * 86400.0
    assert directory.purge_expired() == []
    now[0] = 31 * 86400.0
    assert directory.purge_expired() == [user]


def test_equal_seeds_give_equal_directories() -> None:
    options = GeneratorOptions(users=120, groups=12, memberships=20)
    one, two = (generate(Directory(seed=3), options) for _ in range(2))
    assert dump(one) == dump(two)
    assert dump(one) != dump(generate(Directory(seed=4), options))
    reports = [churn(directory, random.Random(9), 80) for directory in (one, two)]
    assert reports[0] == reports[1]
    assert [e.id for e in one.live("user")] == [e.id for e in two.live("user")]


def test_generated_directories_are_various() -> None:
    directory = generate(Directory(seed=1), GeneratorOptions(users=1500, groups=40, memberships=60))
    users, groups = list(directory.live("user")), list(directory.live("group"))

    def some(condition: Any) -> bool:
        hits = sum(bool(condition(user.attrs)) for user in users)
        return 0 < hits < len(users)

    scripts = {
        unicodedata.name(char).split()[0]
        for user in users
        for char in user.attrs["displayName"]
        if char.isalpha()
    }
    expected = {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "CJK", "HIRAGANA", "KATAKANA",
                "HANGUL", "DEVANAGARI", "THAI"}  # fmt: skip
    assert expected <= scripts
    assert all(user.attrs["userPrincipalName"].isascii() for user in users)
    assert some(lambda a: "#EXT#" in a["userPrincipalName"] and a["userType"] == "Guest")
    assert some(lambda a: not a["accountEnabled"])
    assert some(lambda a: not a.get("mail"))
    assert some(lambda a: not a.get("givenName"))
    assert some(lambda a: not a.get("surname"))
    assert some(lambda a: len(a["businessPhones"]) == 1)
    assert all(len(user.attrs["businessPhones"]) <= 1 for user in users)
    assert any(user.manager is None for user in users)
    kinds = {directory.objects[m].kind for group in groups for m in group.members or ()}
    assert kinds == {"user", "group", "device"}
    assert any("Unified" in group.attrs["groupTypes"] for group in groups)
    hidden = [g for g in groups if g.attrs.get("visibility") == "HiddenMembership"]
    assert [group.attrs["displayName"] for group in hidden] == [HIDDEN_GROUP]
    assert tree_is_rooted(directory, users)


def tree_is_rooted(directory: Directory, users: list[Entry]) -> bool:
    for user in users:
        seen, current = set[str](), user
        while current.manager is not None:
            if current.id in seen:
                return False
            seen.add(current.id)
            current = directory.objects[current.manager]
    return True


def test_a_large_directory_is_bounded() -> None:
    options = GeneratorOptions(users=100_000, groups=1_000, memberships=100)
    directory = generate(Directory(seed=2), options)
    counts = directory.counts()
    assert (counts["users"], counts["groups"]) == (100_000, 1_000)
    assert 90_000 < counts["memberships"] < 110_000
    assert directory.oldest_position == directory.position
    assert directory.changes_between(directory.position, directory.position) == []


GENERATED = """
import resource
from azure_adapter.simulator import Directory, GeneratorOptions, generate
counts = generate(Directory(seed=1), GeneratorOptions(users=300_000, groups=30_000)).counts()
print(counts["users"], counts["groups"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.soak
def test_the_largest_directory_stays_below_a_gibibyte() -> None:
    made = subprocess.run(
        [sys.executable, "-c", GENERATED], capture_output=True, text=True, check=True, timeout=120
    )
    users, groups, kibibytes = map(int, made.stdout.split())
    assert (users, groups) == (300_000, 30_000)
    assert kibibytes < 1024 * 1024


def test_churn_says_what_it_did() -> None:
    directory = generate(Directory(seed=5), GeneratorOptions(users=200, groups=30, memberships=10))
    report = churn(directory, random.Random(1), 600)
    assert set(report.counts) == {
        "joined", "moved", "manager changed", "married", "left", "purged", "restored", "disabled",
        "enabled", "member added", "member removed", "group renamed", "group created",
        "group emptied", "group deleted",
    }  # fmt: skip
    assert sum(report.counts.values()) == len(report.sentences) == 600
    assert all(sentence.endswith(".") for sentence in report.sentences)


def test_churn_of_an_empty_directory_begins_with_people_or_groups() -> None:
    directory = Directory()
    churn(directory, random.Random(1), 5)
    assert directory.counts()["users"] + directory.counts()["groups"] > 0


def test_explicit_changes(directory: Directory, user: str) -> None:
    group = directory.add_group(displayName="g")
    report = apply_changes(
        directory,
        [
            {"op": "update_user", "id": "ann@contoso.com", "jobTitle": "Boss"},
            {"op": "add_member", "id": group, "member": user},
            {"op": "rename_group", "id": group, "displayName": "h"},
            {"op": "add_user", "userPrincipalName": "b@contoso.com", "displayName": "B"},
            {"op": "set_manager", "id": "b@contoso.com", "manager": user},
        ],
    )
    created = directory.find_user("b@contoso.com")
    assert created is not None
    assert created.manager == user
    assert report.sentences[3].endswith(created.id)
    assert directory.members_of(group) == [user]
    assert report.counts["add_member"] == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"op": "forget_changes"}, ValueError),
        ({"op": "delete_user"}, KeyError),
        ({"op": "delete_user", "id": "nobody"}, KeyError),
        ({"op": "empty_group", "id": "g", "colour": "red"}, ValueError),
    ],
)
def test_explicit_changes_are_checked(
    directory: Directory, change: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        apply_changes(directory, [change])
