"""Who may do what: tokens, roles route by route, workspaces, limits, refused bodies."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.http.api.endpoints import LARGEST_BODY, Endpoint
from gateway.http.api.routes import ENDPOINTS
from storage.access.api_tokens import Role
from tests.api.conftest import Api

PROBLEM = "application/problem+json"
RANKS = [Role.auditor, Role.user_manager, Role.administrator]
"""Roles, the least one first."""

NOTHING = "01900000-0000-7000-8000-000000000000"


def call(http: httpx.Client, endpoint: Endpoint, **names: str) -> httpx.Response:
    """Call an endpoint with nothing that it could do anything with."""
    path = re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], NOTHING), endpoint.path)
    body = None if endpoint.body is None else {"nonsense": 1}
    return http.request(endpoint.method, path, json=body)


def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    body = dict(answer.json())
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in answer.text
    return body


def test_every_route_needs_its_role(api: Api) -> None:
    tokens = {role: api.token(role) for role in Role}
    for role, token in tokens.items():
        with api.client(token) as http:
            for endpoint in ENDPOINTS:
                status = call(http, endpoint).status_code
                enough = RANKS.index(role) >= RANKS.index(endpoint.role)
                assert (status == 403) is not enough, (role, endpoint.method, endpoint.path, status)
                assert status < 500, (endpoint.method, endpoint.path)
    with httpx.Client(base_url=f"{api.live.url}/api/v1") as http:
        for endpoint in ENDPOINTS:
            answer = call(http, endpoint)
            assert_problem(answer, 401)
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_what_only_reads_is_open_to_auditors_and_what_deletes_to_administrators() -> None:
    for endpoint in ENDPOINTS:
        assert (endpoint.role is Role.auditor) is (endpoint.method == "GET"), endpoint.path
    administrators = [each.name for each in ENDPOINTS if each.role is Role.administrator]
    assert administrators == ["delete_user_sync"]


def test_a_token_opens_its_own_workspace_only(api: Api) -> None:
    with api.client(api.token(workspace="other")) as http:
        assert http.get("/user-syncs").json() == {"items": [], "next": None}
        for endpoint in ENDPOINTS:
            if "{sync}" in endpoint.path and endpoint.body is None:
                body = assert_problem(call(http, endpoint, sync=api.sync), 404)
                assert body["code"] == "no_such_user_sync"
        assert_problem(http.get("/explain", params={"who": api.directory.tenant_id}), 404)


def test_a_revoked_token_is_worthless_at_once(api: Api) -> None:
    with api.client() as http:
        assert http.get("/health").status_code == 200

        async def revoke() -> None:
            gateway = api.live.gateway
            room = await gateway.workspaces.ensure_default()
            for token in await gateway.api_tokens.list(room.row_id):
                assert await gateway.api_tokens.revoke(room.row_id, token.id)
                assert not await gateway.api_tokens.revoke(room.row_id, token.id)

        api.live.do(revoke())
        assert_problem(http.get("/health"), 401)


def test_scim_tokens_and_expired_ones_open_nothing(api: Api) -> None:
    with api.client(api.live.token()) as http:
        assert_problem(http.get("/health"), 401)

    async def expired() -> str:
        room = await api.live.gateway.workspaces.ensure_default()
        text, _ = await api.live.gateway.api_tokens.create(
            room.row_id, "old", Role.administrator, expires_at=1
        )
        return text

    with api.client(api.live.do(expired())) as http:
        assert_problem(http.get("/health"), 401)
    with api.live.client(api.token()) as scim:
        assert scim.get("/Users").status_code == 401


def test_too_many_requests(opened: Callable[..., Any]) -> None:
    with opened(rate_per_second=0.01, rate_burst=2, failed_tokens_per_minute=1) as api:
        with api.client() as http:
            assert [http.get("/health").status_code for _ in range(3)] == [200, 200, 429]
            limited = http.get("/health")
            assert_problem(limited, 429)
            assert int(limited.headers["retry-after"]) > 0
        with api.client("ezto_api_wrong") as http:
            assert http.get("/health").status_code == 401
            assert_problem(http.get("/health"), 429)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"full": "yes"}', "application/json", 422),
        (b'{"full": 1}', "application/json", 422),
        (b'{"fall": true}', "application/json", 422),
        (b"full=true", "application/x-www-form-urlencoded", 415),
        (b'{"full": true, "drift": true}', "application/json", 422),
        (b" " * (LARGEST_BODY + 1), "application/json", 413),
    ],
)
def test_bodies_that_are_refused(api: Api, content: bytes, kind: str, status: int) -> None:
    with api.client() as http:
        answer = http.post(
            f"/user-syncs/{api.sync}/runs", content=content, headers={"Content-Type": kind}
        )
        assert_problem(answer, status)
        assert http.get(f"/user-syncs/{api.sync}/requests").json()["items"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "nonsense=1", "after=a&after=b"]
)
def test_queries_that_are_refused(api: Api, query: str) -> None:
    with api.client() as http:
        assert_problem(http.get(f"/user-syncs?{query}"), 400)


def test_paths_and_methods_that_are_not_there(api: Api) -> None:
    with api.client() as http:
        assert_problem(http.get("/nothing"), 404)
        answer = http.delete("/health")
        assert_problem(answer, 405)
        assert answer.headers["allow"] == "GET"
