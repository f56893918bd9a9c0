"""Planned faults and the control endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_adapter.simulator import (
    Directory,
    Fault,
    GeneratorOptions,
    SimulatorServer,
    create_app,
    generate,
)
from tests.simulator.support import GRAPH, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    options = GeneratorOptions(users=10, groups=4, memberships=3)
    with Wire(generate(Directory(seed=1), options), page_size=4) as opened:
        yield opened


def plan(wire: Wire, effect: Any, **more: Any) -> None:
    wire.simulator.faults.add(Fault(effect, **more))


def test_throttling(wire: Wire) -> None:
    plan(wire, "throttle", path="/v1.0/users", nth=2, times=2, retry_after=1.5)
    statuses = [wire.get("/users/delta").status_code for _ in range(4)]
    assert statuses == [200, 429, 429, 200]
    assert wire.simulator.faults.faults == []
    plan(wire, "throttle")
    answer = wire.get("/groups/delta")
    assert answer.headers["retry-after"] == "2.128"
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == ("TooManyRequests", "Please retry again later.")
    assert error["innerError"].keys() == {"code", "date", "message", "request-id", "status"}


def test_server_errors(wire: Wire) -> None:
    plan(wire, "server_error", status=504)
    answer = wire.get("/users")
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "GatewayTimeout")
    assert "retry-after" not in answer.headers
    plan(wire, "server_error", path="/", retry_after=3)
    answer = wire.sign_in()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")


def test_damaged_pages(wire: Wire) -> None:
    good = wire.json("/users/delta")["value"]
    plan(wire, "invalid_json")
    with pytest.raises(ValueError):
        wire.get("/users/delta").json()
    plan(wire, "object_without_id", index=1)
    assert "id" not in wire.json("/users/delta")["value"][1]
    plan(wire, "malformed_object")
    assert not isinstance(wire.json("/users/delta")["value"][0]["displayName"], str)
    plan(wire, "duplicate_items")
    assert wire.json("/users/delta")["value"] == good * 2
    plan(wire, "omit_objects", index=2)
    page = wire.json("/users/delta")
    assert page["value"] == good[:2]
    assert "@odata.nextLink" in page
    plan(wire, "malformed_object", index=99)
    assert wire.json("/users/delta")["value"] == good


def test_a_repeated_next_link(wire: Wire) -> None:
    link = wire.json("/users/delta")["@odata.nextLink"]
    plan(wire, "repeat_next_link")
    page = wire.json(link)
    assert page["@odata.nextLink"] == link.replace("$", "%24") or page["@odata.nextLink"] == link
    assert "@odata.deltaLink" not in page


def test_slowness_adds_to_another_fault(wire: Wire) -> None:
    plan(wire, "slow", seconds=0.01)
    plan(wire, "server_error")
    assert wire.get("/users").status_code == 503


@pytest.mark.parametrize("wrong", [{"effect": "x"}, {"effect": "slow", "nth": 0}])
def test_senseless_faults_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Fault(**wrong)


def test_a_truncated_body_ends_the_connection() -> None:
    app = create_app(generate(Directory(), GeneratorOptions(users=50, groups=1)))
    app.state.simulator.faults.add(Fault("truncate"))
    token = app.state.simulator.tokens.issue(
        app.state.simulator.directory, issuer="x", audience=GRAPH, lifetime=60
    )

    async def main() -> None:
        async with SimulatorServer(app) as server, httpx.AsyncClient(trust_env=False) as client:
            url, head = f"{server.url}/v1.0/users/delta", {"Authorization": f"Bearer {token}"}
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(url, headers=head)
            assert (await client.get(url, headers=head)).status_code == 200

    asyncio.run(main())


def control(wire: Wire, method: str, path: str, body: Any = None) -> Any:
    answer = wire.send(method, f"http://127.0.0.1/_simulator/{path}", json=body)
    assert answer.json()["simulator"] is True
    return answer.status_code, answer.json()


def test_control_shows_state_and_requests(wire: Wire) -> None:
    wire.get("/users/delta")
    _, state = control(wire, "GET", "state")
    tenant = state["directories"][0]
    assert tenant["tenant_id"] == wire.directory.tenant_id
    assert tenant["client_secret"] == wire.directory.client_secret
    assert tenant["counts"]["users"] == 10
    _, trace = control(wire, "GET", "requests")
    assert trace["writes"] == []
    assert trace["requests"][-1] == {
        "host": "graph.microsoft.com",
        "method": "GET",
        "path": "/v1.0/users/delta",
    }


def test_control_makes_changes(wire: Wire) -> None:
    _, link = wire.chain("/users/delta")
    status, report = control(wire, "POST", "changes", {"churn": 15, "seed": 1})
    assert (status, len(report["sentences"])) == (200, 15)
    user = {"op": "add_user", "userPrincipalName": "new@contoso.com", "displayName": "New"}
    status, report = control(wire, "POST", "changes", {"changes": [user]})
    assert report["counts"] == {"add_user": 1}
    assert any(item.get("displayName") == "New" for item in wire.chain(link)[0])
    status, refusal = control(wire, "POST", "changes", {"changes": [user]})
    assert status == 400
    assert "already exists" in refusal["error"]
    for wrong in ({}, [], {"churn": "many"}, {"tenant": "nobody", "churn": 1}):
        assert control(wire, "POST", "changes", wrong)[0] == 400


def test_control_plans_faults_and_expires_tokens(wire: Wire) -> None:
    _, link = wire.chain("/users/delta")
    fault = {"effect": "throttle", "path": "/v1.0/users", "retry_after": 0.5}
    assert control(wire, "POST", "faults", {"faults": [fault, fault]})[1]["waiting"] == 2
    assert wire.get("/users").headers["retry-after"] == "0.5"
    assert control(wire, "POST", "faults", {"clear": True})[1]["waiting"] == 0
    assert control(wire, "POST", "faults", {"faults": [{"effect": "slow", "x": 1}]})[0] == 400
    assert control(wire, "POST", "faults", {"faults": [{}]})[0] == 400
    assert control(wire, "POST", "expire-tokens", {"access": False})[1]["revoked"] == 0
    assert wire.get(link).status_code == 400
    assert control(wire, "POST", "expire-tokens")[1]["revoked"] == 1
    assert wire.get("/users").status_code == 401


def test_several_tenants_are_kept_apart() -> None:
    one = generate(Directory("a" * 8), GeneratorOptions(users=3, groups=0))
    two = Directory("b" * 8, domain="fabrikam.onmicrosoft.com", seed=2)
    app = create_app([one, two])
    with pytest.raises(ValueError, match="two directories"):
        create_app([one, one])
    with pytest.raises(ValueError, match="at least one"):
        create_app([])
    with pytest.raises(ValueError, match="at least 1"):
        create_app(one, page_size=0)
    assert app.state.simulator.find_directory("FABRIKAM.onmicrosoft.com") is two
    tokens = app.state.simulator.tokens
    token = tokens.issue(two, issuer="x", audience=GRAPH, lifetime=60)

    async def main() -> Any:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
            head = {"Authorization": f"Bearer {token}"}
            return (await client.get(f"{GRAPH}/v1.0/users", headers=head)).json()

    assert asyncio.run(main())["value"] == []
