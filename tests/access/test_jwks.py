"""Keys of issuers: rotation, outages, and answers that are no keys."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm
from starlette.responses import RedirectResponse, Response

from gateway.access.credential import KeysUnavailableError
from gateway.access.jwks import (
    FRESH_SECONDS,
    LARGEST_SET,
    STALE_SECONDS,
    KeySets,
    fetch_keys,
    read_keys,
)
from tests.access.support import (
    EC_KEY,
    RSA_KEYS,
    Clock,
    Issuer,
    World,
    assert_scim_error,
    assert_unknown,
    jwk,
)


@pytest.fixture(autouse=True)
def bound(world: World, issuer: Issuer) -> None:
    world.do("add_issuers", world.workspace, "Entra", [issuer.binding()])


def test_a_new_key_is_fetched_when_a_token_names_it(world: World, issuer: Issuer) -> None:
    assert world.get(issuer.sign()).status_code == 200
    issuer.keys.append(jwk(RSA_KEYS[1], "two"))
    world.clock.advance(60)
    assert world.get(issuer.sign(RSA_KEYS[1], "two")).status_code == 200
    assert world.get(issuer.sign(sub="again")).status_code == 200
    assert issuer.asked == 2


def test_an_unknown_key_has_them_fetched_once_a_minute_at_most(
    world: World, issuer: Issuer
) -> None:
    assert world.get(issuer.sign()).status_code == 200
    world.clock.advance(60)
    for number in range(10):
        assert_unknown(world.get(issuer.sign(kid=f"unknown-{number}")))
    assert issuer.asked == 2
    world.clock.advance(59)
    assert_unknown(world.get(issuer.sign(kid="unknown")))
    assert issuer.asked == 2
    world.clock.advance(1)
    assert_unknown(world.get(issuer.sign(kid="unknown")))
    assert issuer.asked == 3


def test_a_withdrawn_key_ends_within_the_hour(world: World, issuer: Issuer) -> None:
    assert world.get(issuer.sign()).status_code == 200
    issuer.keys[0] = jwk(RSA_KEYS[1], "two")
    world.clock.advance(FRESH_SECONDS)
    assert_unknown(world.get(issuer.sign()))


def test_an_outage_is_503_until_it_is_over(world: World, issuer: Issuer) -> None:
    issuer.answer = lambda: Response(status_code=500)
    for _ in range(3):
        answer = world.get(issuer.sign())
        assert "issuer" in assert_scim_error(answer, 503)
        assert answer.headers["retry-after"] == "10"
    assert issuer.asked == 1
    issuer.answer = None
    world.clock.advance(10)
    assert world.get(issuer.sign()).status_code == 200


def test_known_keys_bridge_an_outage_of_a_day(world: World, issuer: Issuer) -> None:
    assert world.get(issuer.sign()).status_code == 200
    issuer.answer = lambda: Response(status_code=503)
    world.clock.advance(STALE_SECONDS - 1)
    assert world.get(issuer.sign()).status_code == 200
    assert_scim_error(world.get(issuer.sign(kid="new")), 503)
    world.clock.advance(1)
    assert_scim_error(world.get(issuer.sign()), 503)


@pytest.mark.parametrize(
    "answer",
    [
        Response("[]"),
        Response('{"keys": {}}'),
        Response("<html>"),
        Response(b"\xff"),
        Response(b"x" * (LARGEST_SET + 1)),
        Response("", 404),
        RedirectResponse("/elsewhere"),
    ],
    ids=["array", "object", "html", "bytes", "huge", "404", "redirect"],
)
def test_what_is_no_key_set_is_an_outage(world: World, issuer: Issuer, answer: Response) -> None:
    issuer.answer = lambda: answer
    assert_scim_error(world.get(issuer.sign()), 503)
    assert issuer.asked == 1


def test_nobody_listening_is_an_outage(world: World, issuer: Issuer) -> None:
    gone = issuer.binding("gone", jwks_url="http://127.0.0.1:1/keys")
    world.do("add_issuers", world.workspace, "Entra", [gone])
    assert_scim_error(world.get(issuer.sign(aud="gone")), 503)


def test_a_slow_server_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("gateway.access.jwks.FETCH_SECONDS", 0.01)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", never)
    with pytest.raises(KeysUnavailableError):
        asyncio.run(KeySets().key("https://keys.example/", "one", "RS256"))


def test_only_configured_schemes_are_fetched() -> None:
    with pytest.raises(ValueError, match="https"):
        asyncio.run(fetch_keys("http://keys.example/"))


def test_requests_that_come_together_fetch_once() -> None:
    clock, asked = Clock(), []

    async def fetch(url: str) -> bytes:
        asked.append(url)
        await asyncio.sleep(0)
        return json.dumps({"keys": [jwk(RSA_KEYS[0], "one")]}).encode()

    async def race() -> None:
        sets = KeySets(fetch, clock.monotonic)
        found = await asyncio.gather(*(sets.key("u", "one", "RS256") for _ in range(20)))
        assert all(found)
        clock.advance(FRESH_SECONDS)
        await asyncio.gather(*(sets.key("u", "one", "RS256") for _ in range(20)))

    asyncio.run(race())
    assert len(asked) == 2


def test_keys_that_are_not_for_this_are_left_out() -> None:
    good, weak = jwk(RSA_KEYS[0], "one"), rsa.generate_private_key(65_537, 1_024)
    private = {**RSAAlgorithm.to_jwk(RSA_KEYS[0], as_dict=True), "kid": "private"}
    listed: list[Any] = [
        good,
        jwk(EC_KEY, None),
        jwk(RSA_KEYS[0], "enc", use="enc"),
        jwk(RSA_KEYS[0], "ops", key_ops=["encrypt"]),
        jwk(RSA_KEYS[0], "alg", alg="RS512"),
        jwk(weak, "weak"),
        jwk(ec.generate_private_key(ec.SECP384R1()), "384"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
        {"kty": "RSA", "kid": "empty"},
        {"kty": "RSA", "kid": "odd", "n": 1, "e": []},
        {"kty": ["RSA"]},
        private,
        "RSA",
        None,
    ]
    keys = read_keys(json.dumps({"keys": listed}).encode())
    assert [(key.kid, key.algorithm) for key in keys] == [("one", "RS256"), (None, "ES256")]


def test_a_token_without_kid_needs_a_set_with_one_key(world: World, issuer: Issuer) -> None:
    assert world.get(issuer.sign(kid=None)).status_code == 200
    issuer.keys.append(jwk(RSA_KEYS[1], "two"))
    world.clock.advance(FRESH_SECONDS)
    assert_unknown(world.get(issuer.sign(kid=None)))
