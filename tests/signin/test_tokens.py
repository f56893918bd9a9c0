"""Tokens of a person and of a certificate: renewed, revoked, saved, and never in the way."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from azure_adapter.graph import (
    AccountSignIn,
    Certificate,
    ClientCredentials,
    ClientSignIn,
    GraphEndpoints,
    RetryPolicy,
    open_reader,
)
from azure_adapter.graph.threads import in_thread
from azure_adapter.simulator import Directory, Fault
from scim.provisioning.records import SourceError, SourceNeedsLogin, SourceUnavailable
from tests.graph.support import USERS, run
from tests.signin.support import Platform, make_certificate, platform


@dataclass
class Saved:
    caches: list[str] = field(default_factory=list)

    async def __call__(self, cache: str) -> None:
        self.caches.append(cache)


def account(one: Platform, cache: str, saved: Saved, attempts: int = 2) -> AccountSignIn:
    policy = RetryPolicy(attempts=attempts)
    return AccountSignIn(
        one.app(), cache, saved, one.endpoints, policy=policy, pace=one.time.pace()
    )


def test_a_login_reads_and_is_renewed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def main() -> None:
        async with platform() as one:
            cache, saved = (await one.login()).cache, Saved()
            sign_in = account(one, cache, saved)
            first = await sign_in.token()
            assert saved.caches == []
            second = await sign_in.token(first)
            assert second != first
            assert len(saved.caches) == 1
            again = account(one, saved.caches[0], saved)
            assert await again.token() == second
            async with open_reader(again, one.endpoints) as reader:
                found = await reader.check_connection()
                assert found.organization == one.directory.display_name
                assert "User.Read.All" in found.permissions
                assert found.missing == ()
                assert [page async for page in reader.pages(USERS, None)]
            assert one.simulator.writes == []
            for secret in (first, second, one.directory.client_secret):
                assert secret not in caplog.text
                assert secret not in repr(sign_in.credentials)

    run(main())


def test_each_reason_to_sign_in_again_is_told() -> None:
    async def main() -> None:
        async with platform() as one:
            cache, saved = (await one.login()).cache, Saved()

            async def code_of(cache: str = cache) -> str:
                sign_in = account(one, cache, saved)
                with pytest.raises(SourceNeedsLogin) as caught:
                    await sign_in.token(await _kept(sign_in))
                assert caught.value.advice
                return caught.value.code

            one.directory.mfa = "required"
            one.simulator.settings.interaction_error = "interaction_required"
            one.simulator.refresh_tokens = _without_mfa(one)
            assert await code_of() == "interaction_required"
            one.directory.mfa = ""
            one.simulator.refresh_tokens.revoke(one.directory)
            assert await code_of() == "invalid_grant"
            one.directory.secret_expired = True
            assert await code_of() == "invalid_client"
            assert await code_of("") == "login_required"
            assert await code_of("no cache") == "login_required"

    run(main())


async def _kept(sign_in: AccountSignIn) -> str | None:
    """Return the token that the cache still holds, so that it counts as refused."""
    try:
        return await sign_in.token()
    except SourceNeedsLogin:
        return "gone"


def _without_mfa(one: Platform) -> Any:
    from dataclasses import replace

    tokens = one.simulator.refresh_tokens
    tokens.restore([(token, replace(grant, mfa=False)) for token, grant in tokens.saved()])
    return tokens


def test_an_outage_is_not_a_reason_to_sign_in_again() -> None:
    async def main() -> None:
        async with platform() as one:
            cache = (await one.login()).cache
            path = f"/{one.directory.tenant_id}/oauth2"
            sign_in = account(one, cache, Saved(), attempts=3)
            first = await sign_in.token()
            one.simulator.faults.add(Fault("server_error", path=path, times=2))
            assert await sign_in.token(first) != first
            one.simulator.faults.add(Fault("throttle", path=path, times=3))
            with pytest.raises(SourceUnavailable):
                await sign_in.token(await sign_in.token())

    run(main())


class Elsewhere(ClientSignIn):
    """Gets tokens of another directory than the one that is asked for."""

    def _acquire(self, app: Any, *, fresh: bool) -> Any:
        claims = json.dumps({"tid": "99999999-2222-4333-8444-555555555555"}).encode()
        middle = base64.urlsafe_b64encode(claims).rstrip(b"=").decode()
        return {"access_token": f"head.{middle}.tail", "expires_in": 3600}


@pytest.mark.parametrize("named", ["id", "domain"])
def test_a_token_of_another_directory_than_the_pinned_one_is_not_used(named: str) -> None:
    async def main() -> None:
        async with platform() as one:
            directory = one.directory
            tenant = directory.tenant_id if named == "id" else directory.domain
            sign_in = Elsewhere(one.app(tenant), one.endpoints, pace=one.time.pace())
            if named == "domain":
                assert await sign_in.token()
                return
            with pytest.raises(SourceNeedsLogin) as caught:
                await sign_in.token()
            assert caught.value.code == "other_directory"
            assert "99999999-2222-4333-8444-555555555555" in caught.value.message

    run(main())


def test_a_certificate_signs_in() -> None:
    key, pem = make_certificate()

    async def main() -> None:
        async with platform() as one:
            app = one.directory.installation.app
            app.certificates.append(pem)
            given = Certificate.from_pem(pem + key)
            assert given.expires is not None
            assert "PRIVATE" not in repr(given)

            async def attempt(certificate: Certificate) -> str:
                credentials = ClientCredentials(
                    one.directory.tenant_id, app.client_id, certificate=certificate
                )
                policy = RetryPolicy(attempts=1)
                return await ClientSignIn(
                    credentials, one.endpoints, policy=policy, pace=one.time.pace()
                ).token()

            assert await attempt(given)
            app.certificates.clear()
            with pytest.raises(SourceNeedsLogin) as caught:
                await attempt(given)
            assert caught.value.code == "invalid_client"
            with pytest.raises(SourceNeedsLogin) as caught:
                await attempt(Certificate("no key", pem))
            assert caught.value.code == "invalid_client"
            assert one.simulator.requests[-1].path.endswith("/token")

    run(main())


def test_certificate_files() -> None:
    key, pem = make_certificate()
    hidden, other = make_certificate(passphrase="open sesame")
    assert Certificate.from_pem(other + hidden, "open sesame").msal()["passphrase"]
    thumbprint = Certificate(key, thumbprint="A" * 40)
    thumbprint.check()
    assert thumbprint.expires is None
    assert set(thumbprint.msal()) == {"private_key", "thumbprint"}
    for text, phrase in ((key, ""), (pem, ""), (other + key, ""), (other + hidden, "wrong")):
        with pytest.raises(ValueError) as caught:
            Certificate.from_pem(text, phrase)
        assert "BEGIN" not in str(caught.value)
    with pytest.raises(ValueError):
        Certificate(key, thumbprint="xyz").check()


@dataclass(frozen=True)
class Hanging(GraphEndpoints):
    """Endpoints that never answer, until they are let go."""

    gate: threading.Event = field(default_factory=threading.Event)

    def login_http(self, timeout: float) -> httpx.Client:
        def wait(request: httpx.Request) -> httpx.Response:
            self.gate.wait(30)
            return httpx.Response(503)

        return httpx.Client(transport=httpx.MockTransport(wait))


def test_msal_never_blocks_the_loop_and_a_cancellation_ends_it_at_once() -> None:
    endpoints = Hanging()
    directory = Directory()
    credentials = ClientCredentials(directory.tenant_id, directory.client_id, "x")

    async def main() -> None:
        waiting = asyncio.create_task(ClientSignIn(credentials, endpoints).token())
        for _ in range(20):
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    began = time.monotonic()
    run(main())
    assert time.monotonic() - began < 1
    endpoints.gate.set()


def test_work_in_a_thread_gives_its_result_or_its_error() -> None:
    def broken() -> int:
        raise ValueError("odd")

    async def main() -> None:
        assert await in_thread(lambda: 7) == 7
        with pytest.raises(ValueError, match="odd"):
            await in_thread(broken)

    run(main())


def test_errors_are_source_errors() -> None:
    assert issubclass(SourceNeedsLogin, SourceError)
