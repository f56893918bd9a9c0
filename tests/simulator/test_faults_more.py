"""Faults of the network, of replicas, of clocks and of tokens; matchers and seeds."""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from azure_adapter.simulator import (
    EFFECTS,
    HEALING,
    Directory,
    Fault,
    FaultPlan,
    GeneratorOptions,
    SimulatorServer,
    churn,
    create_app,
    generate,
)
from azure_adapter.simulator.faults import BEFORE
from azure_adapter.simulator.faults_effects import _SPOILERS
from tests.simulator.signin_support import claims, refresh, tokens_for
from tests.simulator.support import GRAPH, Follower, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    options = GeneratorOptions(users=10, groups=4, memberships=3)
    with Wire(generate(Directory(seed=1), options), page_size=4) as opened:
        yield opened


def plan(wire: Wire, effect: Any, **more: Any) -> None:
    wire.simulator.faults.add(Fault(effect, **more))


def test_every_effect_is_played() -> None:
    assert set(EFFECTS) == BEFORE | _SPOILERS.keys()
    assert set(HEALING) <= set(EFFECTS)


@pytest.mark.parametrize(
    ("matcher", "hits"),
    [
        ({"host": "graph.microsoft.com"}, [True, True, True]),
        ({"host": "graph.microsoft.us"}, [False, False, False]),
        ({"method": "get"}, [True, True, True]),
        ({"method": "POST"}, [False, False, False]),
        ({"path": "/v1.0/users/delta"}, [False, True, True]),
        ({"query": "skiptoken"}, [False, False, True]),
        ({"nth": 2, "times": 1}, [False, True, False]),
    ],
)
def test_matchers(wire: Wire, matcher: dict[str, Any], hits: list[bool]) -> None:
    link = wire.json("/users/delta")["@odata.nextLink"]
    plan(wire, "server_error", **{"times": 99, **matcher})
    statuses = [wire.get(url).status_code for url in ("/users", "/users/delta", link)]
    assert [status == 503 for status in statuses] == hits


def test_chance_follows_the_seed(wire: Wire) -> None:
    def run(seed: int) -> list[int]:
        wire.simulator.faults = FaultPlan(
            [Fault("server_error", probability=0.5, times=1_000)], seed
        )
        return [wire.get("/users").status_code for _ in range(40)]

    one = run(1)
    assert one == run(1) != run(2)
    assert 5 < one.count(503) < 35
    assert wire.simulator.faults.counts["server_error"] > 5
    wire.simulator.faults.clear()


def test_random_plans() -> None:
    assert FaultPlan.random(1).faults == FaultPlan.random(1).faults
    assert FaultPlan.random(1).faults != FaultPlan.random(2).faults
    effects = {one.effect for seed in range(80) for one in FaultPlan.random(seed).faults}
    assert effects == set(HEALING)
    only = FaultPlan.random(3, 7, effects=["slow"], path="/v1.0/groups", within=2).faults
    assert [(one.effect, one.path) for one in only] == [("slow", "/v1.0/groups")] * 7
    assert max(one.nth for one in only) <= 2


@pytest.mark.parametrize(
    "wrong", [{"probability": 0}, {"probability": 2}, {"lag": -1}, {"times": 0}]
)
def test_senseless_faults(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Fault("stale", **wrong)


def served(effect: Any, work: Callable[[httpx.AsyncClient, str], Any], **more: Any) -> Any:
    app = create_app(generate(Directory(), GeneratorOptions(users=50, groups=1)))
    app.state.simulator.faults.add(Fault(effect, **more))
    token = app.state.simulator.tokens.issue(
        app.state.simulator.directory, issuer="x", audience=GRAPH, lifetime=60
    )

    async def main() -> Any:
        head = {"Authorization": f"Bearer {token}"}
        async with (
            SimulatorServer(app) as server,
            httpx.AsyncClient(trust_env=False, headers=head) as client,
        ):
            result = await work(client, f"{server.url}/v1.0/users/delta")
            assert (await client.get(f"{server.url}/v1.0/users/delta")).status_code == 200
            return result

    return asyncio.run(main())


def test_a_reset_before_the_answer() -> None:
    async def work(client: httpx.AsyncClient, url: str) -> None:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await client.get(url)

    served("reset", work)


def test_a_reset_in_the_middle_of_the_body() -> None:
    async def work(client: httpx.AsyncClient, url: str) -> None:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await client.get(url)

    served("reset_body", work)


def test_a_reset_without_the_server_that_can(caplog: pytest.LogCaptureFixture) -> None:
    """Other servers close the connection instead: the app ends without an answer's end."""
    app = create_app(Directory())
    app.state.simulator.faults.add(Fault("reset", path="/"))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http", "method": "GET", "path": "/v1.0/users", "raw_path": b"/v1.0/users",
        "query_string": b"", "headers": [], "root_path": "", "scheme": "http",
        "server": ("x", 80), "client": ("y", 1), "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["more_body"]


@pytest.mark.parametrize("seconds", [-4000.0, 4000.0])
def test_clock_skew(seconds: float) -> None:
    async def work(client: httpx.AsyncClient, url: str) -> Any:
        return [await client.get(url) for _ in range(2)]

    skewed, right = served("clock_skew", work, seconds=seconds)
    for answer, expected in ((skewed, seconds), (right, 0)):
        assert len(answer.headers.get_list("date")) == 1
        told = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp()
        assert told - time.time() == pytest.approx(expected, abs=5)


def test_clock_skew_in_tokens(wire: Wire) -> None:
    plan(wire, "clock_skew", path="/", seconds=5000.0)
    token = wire.sign_in().json()["access_token"]
    assert claims(token)["iat"] - time.time() == pytest.approx(5000, abs=5)


def test_a_proxys_page(wire: Wire) -> None:
    plan(wire, "html_error", status=502, retry_after=1.5)
    answer = wire.get("/users")
    assert (answer.status_code, answer.headers["retry-after"]) == (502, "1.5")
    assert answer.text.startswith("<html>")


def test_stale_reads_show_an_older_state(wire: Wire) -> None:
    directory = wire.directory
    user = next(directory.live("user"))
    before = user.attrs["displayName"]
    directory.update_user(user.id, displayName="New")
    late = directory.add_user(userPrincipalName="late@contoso.com", displayName="Late")
    plan(wire, "stale", times=3, lag=2)
    assert wire.json(f"/users/{user.id}")["displayName"] == before
    assert wire.get(f"/users/{late}").status_code == 404
    assert len(wire.json("/users")["value"]) == 10
    assert wire.json(f"/users/{user.id}")["displayName"] == "New"
    assert len(wire.json("/users")["value"]) == 11


def test_a_stale_delta_catches_up(wire: Wire) -> None:
    directory = wire.directory
    _, link = wire.chain("/users/delta?$select=displayName")
    late = directory.add_user(userPrincipalName="late@contoso.com", displayName="Late")
    _, ahead = wire.chain(link)
    for start in (link, ahead, "/users/delta?$select=displayName"):
        plan(wire, "stale", lag=1)
        items, following = wire.chain(start)
        assert late not in {item["id"] for item in items}
        told = {item["id"] for item in wire.chain(following)[0]}
        assert (late in told) == (start != ahead)


def test_hidden_memberships_disappear_for_a_while(wire: Wire) -> None:
    directory = wire.directory
    directory.member_read_hidden = True
    hidden = next(g for g in directory.live("group") if g.attrs.get("visibility"))
    if not hidden.members:
        directory.add_member(hidden.id, next(directory.live("user")).id)
    url = f"/groups/{hidden.id}/members"
    assert wire.json(url)["value"]
    plan(wire, "hidden_membership", times=2)
    assert wire.json(url)["value"] == []
    page = wire.json("/groups/delta?$select=members&$filter=id eq '" + hidden.id + "'")
    assert "members@delta" not in page["value"][0]
    assert wire.json(url)["value"]


def test_tokens_expire_on_demand(wire: Wire) -> None:
    page = wire.json("/users/delta")
    plan(wire, "expire_delta", query="skiptoken")
    assert wire.get(page["@odata.nextLink"]).status_code == 400
    assert wire.get(page["@odata.nextLink"]).status_code == 400
    token = tokens_for(wire)["refresh_token"]
    plan(wire, "revoke_refresh", path="/")
    assert refresh(wire, token).json()["error_codes"] == [50173]
    plan(wire, "expire_access")
    assert wire.get("/users").status_code == 401


class Patient(Follower):
    """A follower that tries again after whatever passes."""

    def step(self) -> bool:
        for _ in range(50):
            answer = self.wire.get(self.link, **self.headers)
            if answer.status_code == 401:
                self.wire.token = self.wire.sign_in().json()["access_token"]
            elif answer.status_code == 400 or answer.status_code == 410:
                self._restart()
            elif answer.status_code == 200:
                try:
                    page = answer.json()
                except ValueError:
                    continue
                for item in page["value"]:
                    self._merge(item)
                ended = "@odata.deltaLink" in page
                self.rounds += ended
                self.link = page["@odata.deltaLink" if ended else "@odata.nextLink"]
                return ended
        raise AssertionError("it never heals")


IN_PROCESS = sorted(set(HEALING) - {"reset", "reset_body", "truncate"})


@pytest.mark.parametrize("seed", range(12))
def test_after_healing_faults_everything_is_read(seed: int) -> None:
    directory = generate(Directory(seed=seed), GeneratorOptions(users=15, groups=6, memberships=5))
    rng = random.Random(seed)
    with Wire(directory, page_size=3, link_limit=4) as wire:
        select = ("displayName", "department")
        follower = Patient(wire, "user", select, minimal=bool(seed % 2))
        for _ in range(4):
            wire.simulator.faults = FaultPlan.random(rng.random(), 6, effects=IN_PROCESS)
            follower.finish(1)
            churn(directory, rng, 10)
        wire.simulator.faults.clear()
        follower.finish(2)
        assert follower.objects == {
            user.id: {name: user.attrs[name] for name in select if name in user.attrs}
            for user in directory.live("user")
        }
        assert wire.simulator.writes == []
