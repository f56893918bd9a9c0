"""The reader against a served simulator: chains, faults, cursors, and that it only reads."""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azure_adapter.graph import ClientCredentials, GraphEndpoints, RetryPolicy, open_reader
from azure_adapter.simulator import (
    Directory,
    Fault,
    GeneratorOptions,
    SimulatorServer,
    apply_changes,
    churn,
    create_app,
    generate,
)
from azure_adapter.simulator.settings import ExpiryForm
from scim.provisioning.ports import SourceReader
from scim.provisioning.records import (
    SourceCursorExpired,
    SourceError,
    SourceNeedsLogin,
    SourceUnavailable,
)
from scim.provisioning.source import ObjectKind, Presence, SourcePage
from tests.graph.support import GROUPS, USERS, FakeTime, Live, credentials, in_process, live, run


def directory(users: int = 30, groups: int = 8, seed: int = 1) -> Directory:
    options = GeneratorOptions(users=users, groups=groups, memberships=6)
    return generate(Directory(seed=seed), options)


class Mirror:
    """Merges source pages as the store does."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.members: dict[str, set[str]] = defaultdict(set)

    def merge(self, pages: Iterable[SourcePage]) -> None:
        for page in pages:
            for change in page.changes:
                if change.presence is not Presence.present:
                    self.objects.pop(change.source_id, None)
                    self.members.pop(change.source_id, None)
                    continue
                self.objects.setdefault(change.source_id, {}).update(change.attributes)
                for member in change.members:
                    edges = self.members[change.source_id]
                    (edges.discard if member.removed else edges.add)(member.source_id)


def check_against(mirror: Mirror, source: Directory, kind: str) -> None:
    """Compare a mirror with the simulated directory itself."""
    entries = {entry.id: entry for entry in source.live(kind)}
    assert mirror.objects.keys() == entries.keys()
    for object_id, entry in entries.items():
        told = mirror.objects[object_id]
        assert told.get("manager") == entry.manager
        for name in told.keys() - {"manager"}:
            assert told[name] == entry.attrs.get(name)
        assert told["displayName"] == entry.attrs["displayName"]
        hidden = entry.attrs.get("visibility") == "HiddenMembership"
        if kind == "group":
            expected = set() if hidden else set(entry.members or ())
            assert mirror.members.get(object_id, set()) == expected


def test_both_kinds_in_pages_and_rounds() -> None:
    source = directory()

    async def main() -> None:
        async with live(source, page_size=7, link_limit=5, scatter=2) as one:
            reader: SourceReader = one.reader
            assert reader is one.reader
            for kind in (USERS, GROUPS):
                await follow(one, source, kind)
            requests = one.simulator.requests
            assert {r.method for r in requests if r.path.startswith("/v1.0")} == {"GET"}
            assert {r.host for r in requests if r.path.startswith("/v1.0")} == {
                "graph.microsoft.com"
            }
            posts = [r.path for r in requests if r.method != "GET"]
            assert posts == [f"/{source.tenant_id}/oauth2/v2.0/token"]
            assert one.simulator.writes == []

    run(main())


async def follow(one: Live, source: Directory, kind: ObjectKind) -> None:
    mirror = Mirror()
    cursor = None
    for turn in range(3):
        pages = await one.read(kind, cursor)
        assert [page.next_cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]
        assert all(page.delta_cursor is None for page in pages[:-1])
        assert all(page.problems == () for page in pages)
        assert turn > 0 or len(pages) > 2
        mirror.merge(pages)
        check_against(mirror, source, kind.value)
        cursor = pages[-1].delta_cursor
        assert cursor is not None
        churn(source, random.Random(turn), 25)


def test_a_chain_goes_on_from_any_page() -> None:
    async def main() -> None:
        async with live(directory(), page_size=10) as one:
            pages = await one.read(USERS)
            again = await one.read(USERS, pages[0].next_cursor)
            assert [page.changes for page in again] == [page.changes for page in pages[1:]]

    run(main())


def test_removed_users_and_emptied_values() -> None:
    source = directory(users=6)
    ids = [entry.id for entry in source.live("user")]

    async def main() -> None:
        async with live(source) as one:
            cursor = (await one.read(USERS))[-1].delta_cursor
            source.delete_user(ids[0])
            source.purge_user(ids[1])
            source.update_user(ids[2], mail=None)
            source.disable_user(ids[3])
            (page,) = await one.read(USERS, cursor)
            told = {change.source_id: change for change in page.changes}
            assert told[ids[0]].presence is Presence.soft_deleted
            assert told[ids[1]].presence is Presence.deleted
            assert told[ids[2]].attributes["mail"] is None
            assert told[ids[3]].attributes["accountEnabled"] is False
            found = await one.reader.confirm_absent(USERS, ids[:3])
            assert [one.presence for one in found.values() if one] == [
                Presence.soft_deleted,
                Presence.deleted,
                Presence.present,
            ]

    run(main())


HEALED = [
    Fault("throttle", nth=2, times=2, retry_after=0.128),
    Fault("server_error", nth=2, status=504, times=2),
    Fault("truncate", nth=2),
    Fault("invalid_json", nth=2),
    Fault("duplicate_items", times=2),
]


@pytest.mark.parametrize("kind", [USERS, GROUPS])
def test_faults_that_heal_change_nothing(kind: ObjectKind) -> None:
    source = directory()

    async def main() -> None:
        async with live(source, page_size=5) as one:
            for fault in HEALED:
                one.simulator.faults.add(replace(fault, seen=0))
                mirror = Mirror()
                mirror.merge(await one.read(kind))
                check_against(mirror, source, kind.value)
                assert one.simulator.faults.faults == []
            assert one.time.slept[:2] == [0.128, 0.128]

    run(main())


def test_a_token_that_dies_in_mid_chain() -> None:
    async def main() -> None:
        async with live(directory(), page_size=5) as one:
            pages = one.reader.pages(USERS, None)
            await anext(pages)
            one.simulator.tokens.revoke_all()
            assert len([page async for page in pages]) == 5
            tokens = [r for r in one.simulator.requests if r.path.endswith("/token")]
            assert len(tokens) == 2

    run(main())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("throttle", times=99), "throttled"),
        (Fault("server_error", times=99), "server_error"),
        (Fault("truncate", times=99), "damaged_answer"),
        (Fault("invalid_json", times=99), "damaged_answer"),
        (Fault("repeat_next_link", nth=2), "loop"),
    ],
)
def test_faults_that_stay(fault: Fault, code: str) -> None:
    async def main() -> None:
        async with live(directory(), page_size=5) as one:
            fault.seen = 0
            one.simulator.faults.add(fault)
            with pytest.raises(SourceUnavailable) as caught:
                await one.read(USERS)
            assert caught.value.code == code
            assert "/v1.0/users/delta" in caught.value.message

    run(main())


@pytest.mark.parametrize("effect", ["object_without_id", "malformed_object"])
@pytest.mark.parametrize("kind", [USERS, GROUPS])
def test_one_bad_object(kind: ObjectKind, effect: Any) -> None:
    source = directory()

    async def main() -> None:
        async with live(source, page_size=5) as one:
            one.simulator.faults.add(Fault(effect, nth=2, index=1))
            pages = await one.read(kind)
            problems = [problem for page in pages for problem in page.problems]
            assert [problem.code for problem in problems] == ["malformed"]
            told = {change.source_id for page in pages for change in page.changes}
            total = source.counts()["users" if kind is USERS else "groups"]
            assert len(told) in (total - 1, total)

    run(main())


@pytest.mark.parametrize("form", get_args(ExpiryForm))
def test_an_expired_cursor(form: str) -> None:
    async def main() -> None:
        source = directory()
        async with live(source, expiry_form=form, page_size=10) as one:
            pages = await one.read(GROUPS)
            source.expire_delta_tokens()
            for cursor in (pages[-1].delta_cursor, pages[0].next_cursor):
                if cursor is not None:
                    with pytest.raises(SourceCursorExpired):
                        await one.read(GROUPS, cursor)
            assert await one.read(GROUPS)

    run(main())


def test_a_cursor_of_another_graph_is_expired() -> None:
    async def main() -> None:
        async with live(directory(users=1)) as one:
            with pytest.raises(SourceCursorExpired):
                await one.read(USERS, "https://graph.microsoft.us/v1.0/users/delta?$deltatoken=x")
            assert one.simulator.requests == type(one.simulator.requests)()

    run(main())


def test_other_kinds_have_no_chain() -> None:
    async def main() -> None:
        async with live(directory(users=1)) as one:
            with pytest.raises(ValueError, match="other"):
                await one.read(ObjectKind.other)

    run(main())


def test_checking_a_connection() -> None:
    source = directory(users=2)

    async def main() -> None:
        async with live(source) as one:
            assert (await one.reader.check_connection()).organization == "Contoso"
            source.roles.clear()
            one.simulator.tokens.revoke_all()
            with pytest.raises(SourceNeedsLogin) as caught:
                await one.reader.check_connection()
            assert caught.value.code == "missing_permission"

    run(main())


def test_an_unreachable_service() -> None:
    async def main() -> None:
        endpoints = GraphEndpoints.from_settings("http://127.0.0.1:9", "http://127.0.0.1:9")
        pace = FakeTime().pace()
        async with open_reader(credentials(Directory()), endpoints, pace=pace) as reader:
            with pytest.raises(SourceUnavailable) as caught:
                await anext(reader.pages(USERS, None))
            assert caught.value.code == "sign_in_unavailable"

    run(main())


def test_nothing_secret_is_told_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source = directory(users=12)
    told: list[str] = []

    async def main() -> None:
        app = create_app(source, page_size=4)
        simulator = app.state.simulator
        async with SimulatorServer(app) as server:
            endpoints = GraphEndpoints.from_settings(server.url, server.url)
            for fault in (None, Fault("invalid_json", times=9), Fault("repeat_next_link")):
                if fault is not None:
                    simulator.faults.add(fault)
                given = ClientCredentials(source.tenant_id, source.client_id, source.client_secret)
                opened = open_reader(
                    given, endpoints, policy=RetryPolicy(attempts=2), pace=FakeTime().pace()
                )
                async with opened as reader:
                    try:
                        [page async for page in reader.pages(USERS, None)]
                    except SourceError as error:
                        told.append(f"{error!r} {error.message} {error.advice} {error.__cause__!r}")
        told.append(caplog.text)
        assert len(told) == 3
        for token in simulator.tokens._grants:
            assert all(token not in text for text in told)
        assert all(source.client_secret not in text for text in told)

    run(main())


ACTIONS = st.lists(
    st.sampled_from(["churn", "replay", "restart", "delete", "purge", "restore", "members"]),
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 1000),
    page_size=st.integers(1, 9),
    link_limit=st.integers(1, 9),
    scatter=st.integers(1, 3),
    actions=ACTIONS,
)
def test_splitting_and_replaying_end_in_the_same_mirror(
    seed: int, page_size: int, link_limit: int, scatter: int, actions: list[str]
) -> None:
    source = directory(users=12, groups=4, seed=seed)
    chance = random.Random(seed)

    async def rounds(one: Live, kind: ObjectKind) -> None:
        mirror, cursor = Mirror(), None
        for action in ["", *actions]:
            if action in ("churn", "delete", "purge", "restore", "members"):
                churn(source, chance, 6)
            before = cursor
            if action == "restart":
                mirror, before = Mirror(), None
            pages = await one.read(kind, before)
            mirror.merge(pages)
            if action == "replay":
                mirror.merge(await one.read(kind, before))
            cursor = pages[-1].delta_cursor
            check_against(mirror, source, kind.value)

    async def main() -> None:
        sizes = {"page_size": page_size, "link_limit": link_limit, "scatter": scatter}
        async with in_process(source, **sizes) as one:
            await rounds(one, USERS)
            await rounds(one, GROUPS)

    run(main())


def test_changes_by_name_reach_the_reader() -> None:
    source = Directory()

    async def main() -> None:
        async with live(source) as one:
            apply_changes(
                source,
                [
                    {
                        "op": "add_user",
                        "userPrincipalName": "ann@contoso.onmicrosoft.com",
                        "displayName": "Ann",
                    }
                ],
            )
            (page,) = await one.read(USERS)
            assert page.changes[0].attributes["accountEnabled"] is True

    run(main())
