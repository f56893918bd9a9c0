"""The HTTP application over a real port: access, limits, errors, headers."""

import contextlib
import io
import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.access import DETAIL
from gateway.http.app import create_app
from gateway.wiring import Gateway
from scim.service import MAX_BODY
from storage.database import now_us
from tests.gateway.support import LiveGateway, live_gateway, settings_for

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
USER = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann"}


def assert_scim_error(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/scim+json"
    body: dict[str, Any] = answer.json()
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(status)
    return body


# -- access ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/Users", "/ServiceProviderConfig", "/Schemas", "", "/nothing"])
def test_every_scim_path_wants_a_token(live: LiveGateway, path: str) -> None:
    answer = httpx.get(live.scim + path)
    assert assert_scim_error(answer, 401)["detail"] == DETAIL
    assert answer.headers["www-authenticate"] == 'Bearer realm="ezto"'


@pytest.mark.parametrize(
    "authorization",
    ["Bearer nonsense", "Bearer ezto_" + "A" * 43, "bearer ezto_", "Bearer \xe4"],
)
def test_a_bad_token_is_told_nothing_more(live: LiveGateway, authorization: str) -> None:
    raw = authorization.encode("latin-1")
    answer = httpx.get(f"{live.scim}/Users", headers=[(b"authorization", raw)])
    assert assert_scim_error(answer, 401)["detail"] == DETAIL


@pytest.mark.parametrize("authorization", ["Basic YW5uOnNlY3JldA==", "Bearer", "ezto_x", ""])
def test_what_is_no_bearer_token_is_like_none(live: LiveGateway, authorization: str) -> None:
    answer = httpx.get(f"{live.scim}/Users", headers={"Authorization": authorization})
    assert_scim_error(answer, 401)
    assert answer.headers["www-authenticate"] == 'Bearer realm="ezto"'


def test_an_expired_and_a_revoked_token_are_unknown(live: LiveGateway) -> None:
    expired = live.token(expires_at=now_us() / 1e6 - 1)
    room = live.do(live.gateway.workspaces.ensure_default())
    revoked, token_id = live.do(live.gateway.clients.create_token(room.row_id, "revoked"))
    assert live.do(live.gateway.clients.revoke(room.row_id, token_id))
    for token in (expired, revoked):
        with live.client(token) as http:
            answer = http.get("/Users")
        assert assert_scim_error(answer, 401)["detail"] == DETAIL
        assert answer.headers["www-authenticate"].endswith('error="invalid_token"')


def test_the_discovery_endpoints_open_with_a_token(live: LiveGateway) -> None:
    with live.client() as http:
        for path in ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas"):
            assert http.get(path).status_code == 200


def test_a_token_sees_its_own_workspace_only(live: LiveGateway) -> None:
    with live.client() as here, live.client(live.token("elsewhere")) as there:
        created = here.post("/Users", json=USER).json()
        assert here.get(f"/Users/{created['id']}").status_code == 200
        assert_scim_error(there.get(f"/Users/{created['id']}"), 404)
        assert there.post("/Users", json=USER).status_code == 201


def test_a_read_only_token_cannot_write(live: LiveGateway) -> None:
    with live.client(live.token(read_only=True)) as http:
        assert http.get("/Users").status_code == 200
        assert_scim_error(http.post("/Users", json=USER), 403)


# -- bodies ------------------------------------------------------------------------------


def test_a_body_over_the_limit_is_413_and_the_connection_goes_on(live: LiveGateway) -> None:
    with live.client() as http:
        body = b'{"userName": "' + b"a" * MAX_BODY + b'"}'
        answer = http.post("/Users", content=body)
        assert str(MAX_BODY) in assert_scim_error(answer, 413)["detail"]
        assert http.post("/Users", json=USER).status_code == 201


def test_a_chunked_body_over_the_limit_is_413(live: LiveGateway) -> None:
    with live.client() as http:
        parts = (b"x" * 65_536 for _ in range(MAX_BODY // 65_536 + 2))
        assert_scim_error(http.post("/Users", content=parts), 413)


def test_a_body_that_breaks_off_does_nothing(live: LiveGateway) -> None:
    request = (
        "POST /scim/v2/Users HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/scim+json\r\n"
        f"Authorization: Bearer {live.token()}\r\nContent-Length: 1000\r\n\r\n"
    )
    host, port = live.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as wire:
        wire.sendall(request.encode() + json.dumps(USER).encode())
        wire.shutdown(socket.SHUT_WR)
        assert wire.recv(100) == b""
    with live.client() as http:
        assert http.get("/Users").json()["totalResults"] == 0


def test_a_slow_body_is_408(live: LiveGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.bodies.BODY_SECONDS", 0.05)
    request = (
        "POST /scim/v2/Users HTTP/1.1\r\nHost: gateway\r\nContent-Length: 1000\r\n"
        f"Authorization: Bearer {live.token()}\r\n\r\n"
    )
    host, port = live.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(request.encode() + b"{")
        assert wire.recv(12) == b"HTTP/1.1 408"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"userName": 1}'])
def test_a_bad_body_is_400(live: LiveGateway, body: bytes) -> None:
    with live.client() as http:
        assert_scim_error(http.post("/Users", content=body), 400)


def test_a_body_that_is_not_json_is_415(live: LiveGateway) -> None:
    with live.client() as http:
        answer = http.post("/Users", content=b"<a/>", headers={"Content-Type": "text/xml"})
        assert_scim_error(answer, 415)


# -- methods and paths -------------------------------------------------------------------


def test_head_answers_without_a_body(live: LiveGateway) -> None:
    with live.client() as http:
        answer = http.head("/Users")
        assert answer.status_code == 405
        assert answer.content == b""
        assert http.get("/Users").status_code == 200


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT"])
def test_a_method_that_a_path_does_not_know_is_405(live: LiveGateway, method: str) -> None:
    with live.client() as http:
        answer = http.request(method, "/Users")
        assert_scim_error(answer, 405)
        assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("path", ["/Nothing", "/Users/1/2", "/Users/%2E", "/Users/%00"])
def test_an_unknown_scim_path_is_a_scim_404(live: LiveGateway, path: str) -> None:
    with live.client() as http:
        assert_scim_error(http.get(live.scim + path), 404)


@pytest.mark.parametrize("path", ["/", "/nothing", "/scim", "/scim/v1/Users", "/healthz/"])
def test_an_unknown_path_is_a_small_json_404(live: LiveGateway, path: str) -> None:
    answer = httpx.get(live.url + path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"] == "not_found"


def test_health(live: LiveGateway) -> None:
    answer = httpx.get(f"{live.url}/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert httpx.head(f"{live.url}/healthz").status_code == 200
    refused = httpx.post(f"{live.url}/healthz")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, HEAD"


def test_health_without_a_database_is_503(sqlite_url: str, tmp_path: Path) -> None:
    async def fail() -> None:
        raise OSError("gone")

    def app(gateway: Gateway) -> ASGIApp:
        return create_app(gateway.app(), fail)

    with live_gateway(settings_for(tmp_path, sqlite_url), app) as live:
        answer = httpx.get(f"{live.url}/healthz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"


# -- defects, headers, URLs ----------------------------------------------------------------


def test_a_defect_is_a_scim_500_without_internals(
    sqlite_url: str, tmp_path: Path, log: io.StringIO
) -> None:
    class Broken:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise RuntimeError("the password is hunter2")

    def app(gateway: Gateway) -> ASGIApp:
        return create_app(Broken(), gateway.ping)

    with live_gateway(settings_for(tmp_path, sqlite_url), app) as live:
        answer = httpx.get(f"{live.scim}/Users", headers={"X-Request-Id": "abc-1"})
    body = assert_scim_error(answer, 500)
    assert "hunter2" not in answer.text
    assert "abc-1" in body["detail"]
    failure = next(
        line for line in map(json.loads, log.getvalue().splitlines()) if "exception" in line
    )
    assert failure["request_id"] == "abc-1"
    assert "RuntimeError" in failure["exception"]


def test_every_answer_has_a_request_id(live: LiveGateway) -> None:
    given = httpx.get(f"{live.url}/healthz", headers={"X-Request-Id": "from.a-client_1"})
    assert given.headers["x-request-id"] == "from.a-client_1"
    first, second = httpx.get(f"{live.scim}/Users"), httpx.get(f"{live.url}/nothing")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    for bad in ("a b", "a" * 65, '"><script>'):
        answer = httpx.get(f"{live.url}/healthz", headers={"X-Request-Id": bad})
        assert answer.headers["x-request-id"] not in ("", bad)


def test_every_answer_has_security_headers(live: LiveGateway) -> None:
    with live.client() as http:
        answers = [http.get("/Users"), http.post("/Users", json=USER), httpx.get(live.url)]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers


def test_locations_follow_the_host_and_no_forwarded_header(live: LiveGateway) -> None:
    forged = {
        "Host": "idm.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example;proto=https",
    }
    with live.client() as http:
        created = http.post("/Users", json=USER, headers=forged)
    location = f"http://idm.example/scim/v2/Users/{created.json()['id']}"
    assert created.headers["location"] == location
    assert created.json()["meta"]["location"] == location


def test_locations_follow_the_configured_url(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, sqlite_url, base_url="https://idm.example.com")
    with live_gateway(settings) as live, live.client() as http:
        created = http.post("/Users", json=USER).json()
    assert created["meta"]["location"] == f"https://idm.example.com/scim/v2/Users/{created['id']}"


def test_search_parameters_arrive(live: LiveGateway) -> None:
    with live.client() as http:
        http.post("/Users", json=USER)
        found = http.get("/Users", params={"filter": 'userName eq "ANN"', "attributes": "userName"})
        assert [each["userName"] for each in found.json()["Resources"]] == ["ann"]
        assert_scim_error(http.get("/Users", params={"filter": "userName zz"}), 400)
        assert http.get("/Users.scim").status_code == 200


def test_no_token_reaches_the_log(live: LiveGateway, log: io.StringIO) -> None:
    token = live.token()
    with live.client(token) as http:
        http.get("/Users", params={"filter": f'userName eq "{token}"'})
    deadline = time.monotonic() + 10
    while not any(_is_success(line) for line in log.getvalue().splitlines()):
        assert time.monotonic() < deadline, "the request was not logged"
    assert token not in log.getvalue()


def _is_success(line: str) -> bool:
    """Whether a line of the log, which may still be written, tells of an answer with 200."""
    with contextlib.suppress(json.JSONDecodeError):
        told = json.loads(line)
        return bool(told["event"] == "request" and told["status"] == 200)
    return False


def test_a_trusted_proxy_sets_the_scheme(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, sqlite_url)
    with contextlib.ExitStack() as stack:
        live = stack.enter_context(live_gateway(settings, trusted_proxies="127.0.0.1"))
        http = stack.enter_context(live.client())
        created = http.post("/Users", json=USER, headers={"X-Forwarded-Proto": "https"})
    assert created.json()["meta"]["location"].startswith("https://")
    assert "strict-transport-security" in created.headers
