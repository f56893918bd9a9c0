"""One person or group, found by what people call it and read whole."""

from __future__ import annotations

from typing import Any

import pytest

from azure_adapter.graph import single
from azure_adapter.simulator import Directory, Fault
from scim.provisioning.records import SourceError
from scim.provisioning.source import MANAGER, FoundObject, ObjectKind
from tests.graph.support import GROUPS, USERS, live, run

AWKWARD = "o'neil_fabrikam.com#EXT#@contoso.com"


def directory() -> tuple[Directory, dict[str, str]]:
    made = Directory(seed=3)
    ids = {
        name: made.add_user(userPrincipalName=upn, displayName=name, mail=mail, otherMails=[])
        for name, upn, mail in (
            ("ann", "ann@contoso.com", "a.kovac@contoso.com"),
            ("guest", AWKWARD, "o'neil@fabrikam.com"),
            ("bob", "bob@contoso.com", "shared@contoso.com"),
            ("cid", "cid@contoso.com", "shared@contoso.com"),
        )
    }
    ids["team"] = made.add_group(displayName="R&D 'core' 100 %")
    for _ in range(2):
        made.add_group(displayName="Twice")
    for name in ("ann", "bob"):
        made.add_member(ids["team"], ids[name])
    made.set_manager(ids["ann"], ids["bob"])
    return made, ids


def found(kind: ObjectKind, identifier: str, made: Directory) -> FoundObject:
    async def read() -> FoundObject:
        async with live(made) as graph:
            return await graph.reader.one(kind, identifier)

    return run(read())


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("ann@contoso.com", "ann"),
        ("ANN@contoso.com", "ann"),
        ("a.kovac@contoso.com", "ann"),
        (AWKWARD, "guest"),
        ("o'neil@fabrikam.com", "guest"),
        ("  bob@contoso.com ", "bob"),
    ],
)
def test_a_user_is_found_by_name_or_mail(identifier: str, name: str) -> None:
    made, ids = directory()
    change = found(USERS, identifier, made).change
    assert change is not None
    assert change.source_id == ids[name]
    assert change.attributes["displayName"] == name


def test_a_user_comes_whole_with_the_manager_or_without() -> None:
    made, ids = directory()
    ann, bob = (found(USERS, ids[name], made).change for name in ("ann", "bob"))
    assert ann is not None
    assert bob is not None
    assert ann.attributes[MANAGER] == ids["bob"]
    assert ann.attributes["accountEnabled"] is True
    assert bob.attributes[MANAGER] is None
    assert bob.attributes["otherMails"] is None


def test_a_group_comes_with_its_members() -> None:
    made, ids = directory()
    for identifier in (ids["team"], "R&D 'core' 100 %"):
        group = found(GROUPS, identifier, made)
        assert group.complete
        assert group.change is not None
        assert {member.source_id for member in group.change.members} == {ids["ann"], ids["bob"]}
        assert not any(member.removed for member in group.change.members)


def test_what_fits_several_names_them() -> None:
    made, _ = directory()
    mail = found(USERS, "shared@contoso.com", made)
    assert mail.change is None
    assert sorted(one.partition(" ")[0] for one in mail.others) == [
        "bob@contoso.com",
        "cid@contoso.com",
    ]
    assert len(found(GROUPS, "Twice", made).others) == 2


@pytest.mark.parametrize(
    ("kind", "identifier"),
    [
        (USERS, "nobody@contoso.com"),
        (USERS, "11111111-2222-4333-8444-555555555555"),
        (USERS, ""),
        (GROUPS, "Nothing"),
        (GROUPS, "11111111-2222-4333-8444-555555555555"),
    ],
)
def test_what_is_not_there_is_not_found(kind: ObjectKind, identifier: str) -> None:
    made, _ = directory()
    assert found(kind, identifier, made) == FoundObject(None)


def test_of_a_large_group_a_part_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single, "MOST_MEMBERS", 999)
    made, ids = directory()
    for number in range(1_100):
        user = made.add_user(userPrincipalName=f"u{number}@contoso.com", displayName="U")
        made.add_member(ids["team"], user)
    group = found(GROUPS, ids["team"], made)
    assert not group.complete
    assert group.change is not None
    assert len(group.change.members) == 999


def test_an_outage_is_told_as_one() -> None:
    made, ids = directory()

    async def read() -> Any:
        async with live(made) as graph:
            graph.simulator.faults.add(Fault("server_error", times=100))
            return await graph.reader.one(USERS, ids["ann"])

    with pytest.raises(SourceError):
        run(read())
