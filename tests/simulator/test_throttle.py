"""Throttling by ResourceUnits, on a clock that moves only when told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from azure_adapter.simulator import Directory, GeneratorOptions, generate
from azure_adapter.simulator.throttle import quota_of
from tests.simulator.support import GRAPH, Wire


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire(clock: Clock) -> Iterator[Wire]:
    with Wire(Directory(clock=clock), throttle=True, quota=100) as opened:
        yield opened


def test_off_by_default() -> None:
    with Wire(Directory(), quota=1) as wire:
        assert [wire.get("/users").status_code for _ in range(5)] == [200] * 5


@pytest.mark.parametrize(("users", "quota"), [(0, 3500), (49, 3500), (50, 5000), (501, 8000)])
def test_quota_by_size(users: int, quota: int) -> None:
    options = GeneratorOptions(users=users, groups=0, devices=0)
    assert quota_of(generate(Directory(), options)) == quota


def test_a_used_up_quota(wire: Wire, clock: Clock) -> None:
    answers = [wire.get("/users") for _ in range(50)]
    assert {answer.status_code for answer in answers} == {200}
    shares = [answer.headers.get("x-ms-throttle-limit-percentage") for answer in answers]
    assert shares[:40] == [None] * 40
    assert (shares[40], shares[-1]) == ("0.82", "1.00")
    refused = wire.get("/users")
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "0.2"
    assert refused.headers["x-ms-throttle-limit-percentage"] == "1.02"
    assert refused.headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
    directory = wire.directory
    scope = f"Tenant_Application/ReadWrite/{directory.client_id}/{directory.tenant_id}"
    assert refused.headers["x-ms-throttle-scope"] == scope
    error = refused.json()["error"]
    assert (error["code"], error["innerError"]["status"]) == ("TooManyRequests", "429")
    clock.now += float(refused.headers["retry-after"]) + 0.2
    assert wire.get("/users").status_code == 200


def test_refused_requests_count_up_to_a_bound(wire: Wire, clock: Clock) -> None:
    answers = [wire.get("/users") for _ in range(120)]
    assert answers[-1].headers["x-ms-throttle-limit-percentage"] == "1.80"
    assert float(answers[-1].headers["retry-after"]) == pytest.approx(8.2, abs=0.3)
    clock.now += 18
    answer = wire.get("/users")
    assert answer.status_code == 200
    assert "x-ms-throttle-limit-percentage" not in answer.headers


def test_waits_are_fractional(wire: Wire) -> None:
    wire.simulator.settings.quota = 97
    waits = {wire.get("/groups").headers.get("retry-after", "0") for _ in range(110)}
    assert any("." in wait for wait in waits)


def test_requests_in_a_batch_are_counted_one_by_one(wire: Wire) -> None:
    head = {"Authorization": f"Bearer {wire.token}"}
    for _ in range(45):
        wire.get("/users")
    parts = [{"id": str(n), "method": "GET", "url": "/users"} for n in range(10)]
    answer = wire.send("POST", f"{GRAPH}/v1.0/$batch", json={"requests": parts}, headers=head)
    assert answer.status_code == 200
    statuses = [one["status"] for one in answer.json()["responses"]]
    assert statuses == [200] * 5 + [429] * 5
    last = answer.json()["responses"][-1]
    assert last["body"]["error"]["code"] == "TooManyRequests"
    assert float(last["headers"]["Retry-After"]) == 1.0


def test_tenants_and_apps_have_quotas_of_their_own(clock: Clock) -> None:
    one, two = Directory("1" * 8, clock=clock), Directory("2" * 8, domain="x.y", clock=clock)
    with Wire(one, throttle=True, quota=2) as wire:
        wire.simulator.directories[two.tenant_id] = two
        other = wire.simulator.tokens.issue(two, issuer="x", audience=GRAPH, lifetime=60)
        assert [wire.get("/users").status_code for _ in range(2)] == [200, 429]
        wire.token = other
        assert wire.get("/users").status_code == 200
        wire.simulator.throttle.reset()
        assert wire.get("/users").status_code == 200
