"""Sign-in: what msal needs, and Microsoft's refusals."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from typing import Any

import httpx
import msal
import pytest

from azure_adapter.simulator import Directory, SimulatorServer, create_app
from tests.simulator.support import LOGIN, Wire


class Rerouted:
    """What msal wants of an HTTP client: sends every request to the simulator."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client, self._url = client, url

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self._send("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self._send("POST", url, **options)

    def close(self) -> None:
        pass

    def _send(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        **_: Any,
    ) -> httpx.Response:
        asked = httpx.URL(url)
        target = asked.copy_with(scheme="http", host="127.0.0.1", port=httpx.URL(self._url).port)
        sent = {**(headers or {}), "Host": asked.host}
        return self._client.request(method, target, params=params, data=data, headers=sent)


def in_server(directory: Directory, work: Any) -> Any:
    """Run a blocking function against a served simulator."""

    async def main() -> Any:
        async with SimulatorServer(create_app(directory)) as server:
            with httpx.Client(trust_env=False) as client:
                return await asyncio.to_thread(work, Rerouted(client, server.url), server)

    return asyncio.run(main())


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


@pytest.mark.parametrize("tenant", ["id", "domain"])
def test_msal_signs_in_unmodified(tenant: str) -> None:
    directory = Directory()
    named = directory.tenant_id if tenant == "id" else directory.domain

    def work(http: Rerouted, server: SimulatorServer) -> None:
        app = msal.ConfidentialClientApplication(
            directory.client_id,
            client_credential=directory.client_secret,
            authority=f"{LOGIN}/{named}",
            http_client=http,
        )
        result = app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
        assert result["token_type"] == "Bearer"
        token = result["access_token"]
        assert claims(token)["roles"] == ["User.Read.All", "GroupMember.Read.All"]
        assert claims(token)["tid"] == directory.tenant_id
        assert claims(token)["appid"] == directory.client_id
        assert claims(token)["aud"] == "https://graph.microsoft.com"
        answer = http.get(
            "https://graph.microsoft.com/v1.0/organization",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.json()["value"][0]["id"] == directory.tenant_id

    in_server(directory, work)


def test_msal_sees_a_wrong_secret() -> None:
    directory = Directory()

    def work(http: Rerouted, server: SimulatorServer) -> None:
        app = msal.ConfidentialClientApplication(
            directory.client_id,
            client_credential="wrong",
            authority=f"{LOGIN}/{directory.tenant_id}",
            http_client=http,
        )
        result = app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
        assert result["error"] == "invalid_client"
        assert "AADSTS7000215" in result["error_description"]

    in_server(directory, work)


def test_server_stops_cleanly_and_frees_the_port() -> None:
    directory = Directory()
    before = threading.active_count()
    ports = []

    def work(http: Rerouted, server: SimulatorServer) -> None:
        ports.append(server.port)
        assert http.get(f"{LOGIN}/common/discovery/instance").status_code == 200

    in_server(directory, work)

    async def again() -> None:
        async with SimulatorServer(create_app(directory), port=ports[0]) as server:
            assert server.url == f"http://127.0.0.1:{ports[0]}"
            with pytest.raises(OSError, match="in use"):
                await SimulatorServer(create_app(directory), port=ports[0]).__aenter__()

    asyncio.run(again())
    assert threading.active_count() == before


def test_discovery() -> None:
    directory = Directory()
    with Wire(directory) as wire:
        path = f"{directory.tenant_id}/v2.0/.well-known/openid-configuration"
        document = wire.send("GET", f"{LOGIN}/{path}").json()
        assert document["issuer"] == f"{LOGIN}/{directory.tenant_id}/v2.0"
        oauth = f"{LOGIN}/{directory.tenant_id}/oauth2/v2.0"
        assert document["token_endpoint"] == f"{oauth}/token"
        assert document["authorization_endpoint"] == f"{oauth}/authorize"
        local = wire.send("GET", f"http://localhost:99/{path}").json()
        assert local["token_endpoint"].startswith("http://localhost:99/")
        shared = wire.send("GET", f"{LOGIN}/common/v2.0/.well-known/openid-configuration").json()
        assert shared["issuer"].endswith("/{tenantid}/v2.0")
        unknown = wire.send("GET", f"{LOGIN}/nobody/v2.0/.well-known/openid-configuration")
        assert (unknown.status_code, unknown.json()["error_codes"]) == (400, [90002])


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": "other"}, 400, "unauthorized_client", 700016),
        ({"scope": "User.Read"}, 400, "invalid_scope", 1002012),
        ({"scope": "https://vault.azure.net/.default"}, 400, "invalid_resource", 500011),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"client_id": ""}, 400, "invalid_request", 900144),
    ],
)
def test_refusals(form: dict[str, str], status: int, error: str, number: int) -> None:
    with Wire(Directory()) as wire:
        answer = wire.sign_in(**form)
        body = answer.json()
        assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [number])
        assert body["error_description"].startswith(f"AADSTS{number}: ")
        assert body.keys() == {
            "error", "error_description", "error_codes", "timestamp", "trace_id",
            "correlation_id", "error_uri",
        }  # fmt: skip


def test_wrong_tenant_and_expired_secret() -> None:
    directory = Directory()
    with Wire(directory) as wire:
        directory.secret_expired = True
        assert wire.sign_in().json()["error_codes"] == [7000222]
        answer = wire.send("POST", f"{LOGIN}/nobody/oauth2/v2.0/token", data={"client_id": "x"})
        assert (answer.json()["error"], answer.json()["error_codes"]) == ("invalid_tenant", [90002])


def test_graph_accepts_only_living_tokens_it_issued() -> None:
    now = [1000.0]
    directory = Directory(clock=lambda: now[0])
    with Wire(directory, token_lifetime=60.0) as wire:
        assert wire.get("/users").status_code == 200
        now[0] += 61
        refused = [wire.get("/users")]
        wire.token = wire.sign_in().json()["access_token"]
        assert wire.simulator.tokens.revoke_all() == 2
        refused += [wire.get("/users"), wire.send("GET", "https://graph.microsoft.com/v1.0/users")]
        for answer in refused:
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
            assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_permissions_are_those_of_the_token() -> None:
    directory = Directory()
    directory.roles = ["User.Read.All"]
    with Wire(directory) as wire:
        assert wire.get("/users/delta").status_code == 200
        answer = wire.get("/groups/delta")
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "Authorization_RequestDenied"


def test_basic_credentials() -> None:
    directory = Directory()
    with Wire(directory) as wire:
        answer = wire.send(
            "POST",
            f"{LOGIN}/{directory.tenant_id}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "scope": "https://graph.microsoft.com/.default",
            },
            auth=(directory.client_id, directory.client_secret),
        )
        assert answer.status_code == 200
