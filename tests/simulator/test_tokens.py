"""The token endpoint: codes, PKCE, refresh tokens, assertions; documents beside it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from azure_adapter.simulator import Directory
from azure_adapter.simulator.client_auth import ASSERTION_TYPE
from azure_adapter.simulator.signing import encode, thumbprints
from tests.simulator.signin_support import (
    SCOPE,
    certificate,
    claims,
    code_for,
    redeem,
    refresh,
    token_url,
    tokens_for,
)
from tests.simulator.support import GRAPH, LOGIN, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire(Directory(seed=1)) as opened:
        yield opened


def refused(answer: Any) -> tuple[int, str, int]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_codes"][0]


def test_a_code_is_good_once(wire: Wire) -> None:
    code = code_for(wire)
    assert redeem(wire, code).status_code == 200
    assert refused(redeem(wire, code)) == (400, "invalid_grant", 54005)
    assert refused(redeem(wire, "made up")) == (400, "invalid_grant", 70000)


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({"code_verifier": "w" * 43}, 501481),
        ({"code_verifier": ""}, 501481),
        ({"redirect_uri": "http://localhost:8080/other"}, 500112),
    ],
)
def test_a_code_is_bound(wire: Wire, changed: dict[str, str], number: int) -> None:
    answer = redeem(wire, code_for(wire), **changed)
    assert refused(answer) == (400, "invalid_grant", number)


def test_a_code_is_bound_to_its_client(wire: Wire) -> None:
    other = Directory(client_id="other", client_secret="s").installation.app
    wire.directory.install(other)
    answer = redeem(wire, code_for(wire), client_id="other", client_secret="s")
    assert refused(answer) == (400, "invalid_grant", 70002)
    token = tokens_for(wire)["refresh_token"]
    answer = refresh(wire, token, client_id="other", client_secret="s")
    assert refused(answer) == (400, "invalid_grant", 70000)


def test_codes_expire() -> None:
    now = [1_700_000_000.0]
    with Wire(Directory(clock=lambda: now[0])) as wire:
        code = code_for(wire)
        now[0] += 601
        assert refused(redeem(wire, code)) == (400, "invalid_grant", 70008)


def test_plain_challenges(wire: Wire) -> None:
    code = code_for(wire, code_challenge="p" * 43, code_challenge_method="plain")
    assert redeem(wire, code, code_verifier="p" * 43).status_code == 200
    code = code_for(wire, code_challenge=None, code_challenge_method=None)
    assert redeem(wire, code).status_code == 200


@pytest.mark.parametrize("single_use", [False, True])
def test_refresh_tokens_rotate(wire: Wire, single_use: bool) -> None:
    wire.simulator.settings.refresh_single_use = single_use
    first = tokens_for(wire)["refresh_token"]
    second = refresh(wire, first).json()["refresh_token"]
    assert second != first
    assert refresh(wire, first).status_code == (400 if single_use else 200)
    assert refresh(wire, second).status_code == 200
    assert refused(refresh(wire, "made up")) == (400, "invalid_grant", 70000)


def test_one_persons_tokens_are_revoked(wire: Wire) -> None:
    token = tokens_for(wire)["refresh_token"]
    person = claims(tokens_for(wire)["access_token"])["oid"]
    assert wire.simulator.refresh_tokens.revoke(wire.directory, "somebody else") == 0
    assert wire.simulator.refresh_tokens.revoke(wire.directory, person) == 2
    assert refused(refresh(wire, token)) == (400, "invalid_grant", 50173)
    assert refresh(wire, tokens_for(wire)["refresh_token"]).status_code == 200


def test_scopes_decide_what_comes(wire: Wire) -> None:
    bare = tokens_for(wire, scope="User.Read")
    assert bare.keys() == {
        "token_type", "scope", "expires_in", "ext_expires_in", "access_token", "client_info",
    }  # fmt: skip
    full = tokens_for(wire, scope=SCOPE)
    assert "https://graph.microsoft.com/User.Read.All" in full["scope"].split()
    assert "offline_access" not in full["scope"]


@pytest.mark.parametrize("name", ["code", "redirect_uri", "refresh_token"])
def test_missing_parameters(wire: Wire, name: str) -> None:
    form = {
        "grant_type": "refresh_token" if name == "refresh_token" else "authorization_code",
        "client_id": wire.directory.client_id,
        "client_secret": wire.directory.client_secret,
        **{one: "x" for one in ("code", "redirect_uri", "refresh_token") if one != name},
    }
    answer = wire.send("POST", token_url(wire.directory), data=form)
    assert refused(answer) == (400, "invalid_request", 900144)


def test_client_credentials_at_a_shared_endpoint(wire: Wire) -> None:
    form = {"grant_type": "client_credentials", "client_id": wire.directory.client_id}
    answer = wire.send("POST", f"{LOGIN}/common/oauth2/v2.0/token", data=form)
    assert refused(answer) == (400, "invalid_request", 50194)


def test_no_credential_at_all(wire: Wire) -> None:
    form = {"grant_type": "client_credentials", "client_id": wire.directory.client_id}
    answer = wire.send("POST", token_url(wire.directory), data=form)
    assert refused(answer) == (401, "invalid_client", 7000218)


def test_secrets_overlap_while_they_are_changed(wire: Wire) -> None:
    old = wire.directory.client_secret
    wire.directory.client_secret = "new"
    assert wire.sign_in(client_secret=old).status_code == 200
    wire.directory.installation.app.secrets[0].expires = time.time() - 1
    assert refused(wire.sign_in(client_secret=old)) == (401, "invalid_client", 7000222)
    assert wire.sign_in(client_secret="new").status_code == 200
    assert not wire.directory.secret_expired


def test_without_permissions_there_are_no_roles(wire: Wire) -> None:
    wire.directory.roles = []
    token = wire.sign_in().json()["access_token"]
    assert "roles" not in claims(token)
    wire.token = token
    assert wire.get("/users").status_code == 403


def assertion(wire: Wire, **changed: Any) -> dict[str, str]:
    private, public = certificate()
    app = wire.directory.installation.app
    if public not in app.certificates:
        app.certificates.append(public)
    now = int(time.time())
    header = {"alg": "RS256", "typ": "JWT", "x5t": thumbprints(public)[0]}
    content = {
        "aud": token_url(wire.directory),
        "iss": app.client_id,
        "sub": app.client_id,
        "jti": "1",
        "nbf": now,
        "exp": now + 600,
        **changed,
    }
    key = serialization.load_pem_private_key(private.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signed = f"{encode(orjson.dumps(header))}.{encode(orjson.dumps(content))}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return {
        "client_assertion": f"{signed}.{encode(signature)}",
        "client_assertion_type": ASSERTION_TYPE,
    }


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({}, None),
        ({"aud": "https://login.microsoftonline.com/other/oauth2/v2.0/token"}, 700027),
        ({"iss": "somebody"}, 700027),
        ({"exp": 1_000}, 700024),
        ({"nbf": 4_000_000_000}, 700024),
        ({"exp": "soon"}, 700024),
    ],
)
def test_assertions(wire: Wire, changed: dict[str, Any], number: int | None) -> None:
    answer = wire.sign_in(**assertion(wire, **changed))
    if number is None:
        assert answer.status_code == 200
    else:
        assert refused(answer) == (401, "invalid_client", number)


def test_damaged_assertions(wire: Wire) -> None:
    form = assertion(wire)
    signed, _, signature = form["client_assertion"].rpartition(".")
    other = encode(bytes(byte ^ 1 for byte in base64.urlsafe_b64decode(signature + "==")))
    for damaged in (f"{signed}.{other}", "x.y", "no jwt", signed, f"{signed}.é"):
        answer = wire.sign_in(**{**form, "client_assertion": damaged})
        assert refused(answer) == (401, "invalid_client", 700027), damaged
    answer = wire.sign_in(**{**form, "client_assertion_type": "else"})
    assert refused(answer) == (400, "invalid_request", 900144)


def test_tokens_are_signed_with_the_published_key(wire: Wire) -> None:
    documents = {}
    for tenant in (wire.directory.tenant_id, "common", "organizations"):
        base = f"{LOGIN}/{tenant}/v2.0/.well-known/openid-configuration"
        document = wire.send("GET", base).json()
        documents[tenant] = wire.send("GET", document["jwks_uri"]).json()
    assert wire.send("GET", f"{LOGIN}/nobody/discovery/v2.0/keys").status_code == 400
    key = documents["common"]["keys"][0]
    assert key["issuer"] == f"{LOGIN}/{{tenantid}}/v2.0"
    numbers = [int.from_bytes(base64.urlsafe_b64decode(key[one] + "==")) for one in ("e", "n")]
    public = rsa.RSAPublicNumbers(*numbers).public_key()
    for name in ("id_token", "access_token"):
        token = tokens_for(wire)[name]
        signed, _, signature = token.rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        public.verify(raw, signed.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_the_clock_of_the_platform_may_differ(wire: Wire) -> None:
    wire.simulator.settings.clock_skew = 1000.0
    token = wire.sign_in().json()["access_token"]
    assert claims(token)["iat"] > time.time() + 900
    answer = wire.send("GET", f"{GRAPH}/v1.0/users", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert "date" in answer.headers
