"""Signing in: with msal against the simulator, and every refusal as advice."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from azure_adapter.graph import ClientCredentials, ClientSignIn, GraphEndpoints, RetryPolicy
from azure_adapter.simulator import Directory, Fault, SimulatorServer, create_app
from scim.provisioning.records import SourceError, SourceNeedsLogin, SourceUnavailable
from tests.graph.support import FakeTime, credentials, run

SECRET = "s3cr3t~value-that-nobody-may-see"
TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"


@dataclass(frozen=True)
class Scripted(GraphEndpoints):
    """Endpoints whose token endpoint answers as told."""

    answer: Callable[[httpx.Request], httpx.Response] = field(default=lambda _: httpx.Response(500))

    def login_http(self, timeout: float) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._reply))

    def _reply(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return self.answer(request)
        base = f"https://login.microsoftonline.com/{TENANT}"
        return httpx.Response(
            200,
            json={
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            },
        )


def sign_in(
    answer: Callable[[httpx.Request], httpx.Response],
    time: FakeTime | None = None,
    changed: dict[str, str] | None = None,
) -> ClientSignIn:
    values = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET, **(changed or {})}
    pace = (time or FakeTime()).pace()
    return ClientSignIn(ClientCredentials(**values), Scripted(answer=answer), pace=pace)


def refused(error: str, *numbers: int, status: int = 400) -> httpx.Response:
    text = f"AADSTS: {SECRET} is wrong"
    body = {"error": error, "error_description": text, "error_codes": list(numbers)}
    return httpx.Response(status, json=body)


def failure_of(one: ClientSignIn) -> SourceError:
    with pytest.raises(SourceError) as caught:
        run(one.token())
    error = caught.value
    assert error.advice
    assert SECRET not in f"{error.message}{error.advice}{error!r}{error.__cause__!r}"
    return error


REFUSALS = [
    ("invalid_client", (7000215,), 401, "invalid_client"),
    ("invalid_client", (7000222,), 401, "invalid_client"),
    ("invalid_client", (), 401, "invalid_client"),
    ("unauthorized_client", (700016,), 400, "unknown_app"),
    ("unauthorized_client", (1,), 400, "unknown_app"),
    ("invalid_request", (90002,), 400, "unknown_tenant"),
    ("invalid_grant", (700082,), 400, "invalid_grant"),
    ("interaction_required", (50076,), 400, "interaction_required"),
    ("consent_required", (65001,), 400, "consent_required"),
    ("login_required", (), 400, "login_required"),
    ("invalid_resource", (500011,), 400, "wrong_cloud"),
    ("something_new", (99,), 418, "sign_in_refused"),
]


@pytest.mark.parametrize(("error", "numbers", "status", "code"), REFUSALS)
def test_refusals(error: str, numbers: tuple[int, ...], status: int, code: str) -> None:
    calls: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return refused(error, *numbers, status=status)

    failure = failure_of(sign_in(answer))
    assert isinstance(failure, SourceNeedsLogin)
    assert failure.code == code
    assert TENANT in failure.message
    assert CLIENT in failure.message
    assert all(f"AADSTS{number}" in failure.message for number in numbers)
    assert len(calls) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503, headers={"Retry-After": "7"}, content=b"busy"),
        httpx.Response(429, headers={"Retry-After": "7"}, json={"error": "x"}),
        refused("temporarily_unavailable", 90033),
        httpx.Response(200, content=b'{"access_token":"eyJ'),
        httpx.Response(200, json={"token_type": "Bearer"}),
        httpx.Response(200, json={"access_token": "two words", "expires_in": 3}),
        httpx.Response(407, content=b"<html>proxy</html>"),
        httpx.Response(200, content=b" " * 2_000_000),
    ],
)
def test_passing_trouble_is_tried_again(answer: httpx.Response) -> None:
    time = FakeTime()
    calls: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    failure = failure_of(sign_in(reply, time))
    assert isinstance(failure, SourceUnavailable)
    assert failure.code == "sign_in_unavailable"
    assert len(calls) == 3
    assert time.slept == ([7.0, 7.0] if "retry-after" in answer.headers else [0.5, 1.0])


def test_an_unreachable_sign_in() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no route with {SECRET}")

    failure = failure_of(sign_in(answer))
    assert isinstance(failure, SourceUnavailable)
    assert "ConnectError" in failure.message


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"tenant_id": "common"}, "unknown_tenant"),
        ({"tenant_id": "a/b"}, "unknown_tenant"),
        ({"tenant_id": ""}, "unknown_tenant"),
        ({"client_id": ""}, "unknown_app"),
        ({"client_id": "a b"}, "unknown_app"),
        ({"client_secret": ""}, "invalid_client"),
    ],
)
def test_settings_that_cannot_work_send_nothing(changed: dict[str, str], code: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing may be sent")

    assert failure_of(sign_in(answer, changed=changed)).code == code


def granted(counter: list[int], seconds: Any) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        counter.append(1)
        body = {"access_token": f"t{len(counter)}", "expires_in": seconds, "token_type": "Bearer"}
        return httpx.Response(200, content=json.dumps(body))

    return answer


@pytest.mark.parametrize(("lifetime", "good"), [(3600, 3299), (600, 299), (60, 29)])
def test_a_token_is_kept_until_shortly_before_its_end(lifetime: int, good: int) -> None:
    counter: list[int] = []
    time = FakeTime()
    one = sign_in(granted(counter, lifetime), time)

    async def main() -> list[str]:
        told = list(await asyncio.gather(*(one.token() for _ in range(5))))
        time.at += good
        told.append(await one.token("another"))
        time.at += 1
        told.append(await one.token())
        told.append(await one.token("t2"))
        return told

    assert run(main()) == ["t1"] * 6 + ["t2", "t3"]


def test_against_the_simulator(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    directory = Directory()
    app = create_app(directory)
    token = f"/{directory.tenant_id}/oauth2"

    async def main() -> None:
        async with SimulatorServer(app) as server:
            endpoints = GraphEndpoints.from_settings(server.url, server.url)
            pace = FakeTime().pace()

            async def attempt(given: ClientCredentials, policy: RetryPolicy | None = None) -> str:
                one = ClientSignIn(
                    given, endpoints, policy=policy or RetryPolicy(attempts=2), pace=pace
                )
                return await one.token()

            async def code_of(given: ClientCredentials) -> str:
                with pytest.raises(SourceError) as caught:
                    await attempt(given)
                assert given.client_secret not in str(caught.value) + caught.value.advice
                return caught.value.code

            good = credentials(directory)
            kept = await attempt(good)
            app.state.simulator.faults.add(Fault("truncate", path=token))
            app.state.simulator.faults.add(Fault("server_error", path=token, times=2))
            kept2 = await attempt(good, RetryPolicy(attempts=5))
            wrong = ClientCredentials(good.tenant_id, good.client_id, SECRET)
            assert await code_of(wrong) == "invalid_client"
            nobody = ClientCredentials(good.tenant_id, TENANT, good.client_secret)
            assert await code_of(nobody) == "unknown_app"
            nowhere = ClientCredentials("nowhere.example", good.client_id, good.client_secret)
            assert await code_of(nowhere) == "unknown_tenant"
            directory.secret_expired = True
            assert await code_of(good) == "invalid_client"
            assert kept not in caplog.text
            assert kept2 not in caplog.text

    run(main())
    assert SECRET not in caplog.text
    assert directory.client_secret not in caplog.text
    assert SECRET not in repr(ClientCredentials("t", "c", SECRET))
