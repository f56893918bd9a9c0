"""JWTs of configured issuers, against a server that really serves keys (RFC 8725)."""

import hashlib
import hmac
import io
import json
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.access.issuers import ENTRA_AUDIENCE, entra_issuers
from gateway.access.problem import AccessProblem
from storage.access import JwtIssuers
from tests.access.support import (
    EC_KEY,
    HTTP,
    RSA_KEYS,
    Issuer,
    World,
    assert_scim_error,
    assert_unknown,
    raw_jwt,
)

TENANT = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def bound(world: World, issuer: Issuer) -> str:
    """The id of the binding of the issuer to a client of the world's workspace."""
    (issuer_id,) = world.do(
        "add_issuers", world.workspace, "Entra", [issuer.binding()], profile="entra"
    )
    return str(issuer_id)


def reasons(log: io.StringIO) -> list[str]:
    lines = map(json.loads, log.getvalue().splitlines())
    return [line["reason"] for line in lines if line["event"] == "jwt refused"]


# -- good ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("bound")
def test_both_algorithms_open_the_workspace_as_the_client(world: World, issuer: Issuer) -> None:
    for token in (
        issuer.sign(),
        issuer.sign(EC_KEY, "curve"),
        issuer.sign(EC_KEY, None),
        issuer.sign(header={"typ": "at+jwt"}),
        issuer.sign(header={"typ": "application/AT+JWT"}),
        issuer.sign(aud=["other", "ezto"]),
        issuer.sign(nbf=...),
    ):
        assert world.get(token).status_code == 200
    user = world.post(issuer.sign()).json()
    assert world.get(world.token("Entra"), f"/Users/{user['id']}").status_code == 200
    patch = {"Operations": [{"op": "replace", "path": "title", "value": "x"}]}
    path = f"/Users/{user['id']}"
    assert world.call("PATCH", world.token("Entra"), path, json=patch).status_code == 204
    patch["Operations"][0]["value"] = "y"
    assert_scim_error(world.call("PATCH", world.token("Okta"), path, json=patch), 403)
    (record,) = world.do("issuers", world.workspace)
    assert record.last_used_at == world.clock.now_us()
    assert issuer.asked == 1


def test_scopes_are_those_of_the_binding_or_fewer(world: World, issuer: Issuer) -> None:
    world.do("add_issuers", world.workspace, "A", [issuer.binding("all")])
    world.do("add_issuers", world.workspace, "B", [issuer.binding("some")], read_only=True)
    for audience, scope, read, write in (
        ("all", "openid profile", 200, 201),
        ("all", "read", 200, 403),
        ("all", "read write", 200, 201),
        ("all", "write", 403, 201),
        ("some", ..., 200, 403),
        ("some", "write", 403, 403),
    ):
        token = issuer.sign(aud=audience, scope=scope)
        name = f"{audience}-{scope}"
        assert (world.get(token).status_code, world.post(token, name).status_code) == (read, write)


# -- not good --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": "https://evil.example"}, "no issuer"),
        ({"iss": "\0"}, "iss is missing"),
        ({"iss": ...}, "iss is missing"),
        ({"aud": "another"}, "no audience"),
        ({"aud": ["another"]}, "no audience"),
        ({"aud": {"ezto": 1}}, "no audience"),
        ({"aud": ...}, "no audience"),
        ({"aud": "EZTO"}, "no audience"),
        ({"exp": ...}, "exp or iat"),
        ({"iat": ...}, "exp or iat"),
        ({"exp": "tomorrow"}, "exp is no moment"),
        ({"exp": True}, "exp is no moment"),
        ({"exp": float("inf")}, "exp is no moment"),
        ({"nbf": [1]}, "nbf is no moment"),
        ({"nonce": "n"}, "ID token"),
        ({"at_hash": "h"}, "ID token"),
    ],
)
@pytest.mark.usefixtures("bound")
def test_claims_that_do_not_fit(
    world: World, issuer: Issuer, log: io.StringIO, changed: dict[str, Any], reason: str
) -> None:
    assert_unknown(world.get(issuer.sign(**changed)))
    assert reason in reasons(log)[0]


@pytest.mark.usefixtures("bound")
def test_the_clocks_may_be_a_minute_apart(world: World, issuer: Issuer) -> None:
    now = int(world.clock.now)
    for changed, good in (
        ({"exp": now - 59}, True),
        ({"exp": now - 60}, False),
        ({"nbf": now + 60}, True),
        ({"nbf": now + 62}, False),
        ({"iat": now + 60}, True),
        ({"iat": now + 62}, False),
    ):
        assert (world.get(issuer.sign(**changed)).status_code == 200) is good, changed


@pytest.mark.usefixtures("bound")
def test_a_token_that_was_believed_ends_with_its_expiry(world: World, issuer: Issuer) -> None:
    token = issuer.sign(exp=int(world.clock.now) - 58)
    assert world.get(token).status_code == 200
    world.clock.advance(3)
    assert_unknown(world.get(token))


@pytest.mark.usefixtures("bound")
def test_algorithms_cannot_be_confused(world: World, issuer: Issuer, log: io.StringIO) -> None:
    pem = RSA_KEYS[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = json.dumps(issuer.claims()).encode()
    modulus = issuer.keys[0]["n"].encode()

    def hs256(secret: bytes, header: dict[str, Any]) -> str:
        parts = (json.dumps(header).encode(), claims)
        text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        return raw_jwt(*parts, hmac.digest(secret, text, hashlib.sha256))

    good = issuer.sign().split(".")
    tokens = [
        raw_jwt({"alg": "none"}, claims, b""),
        raw_jwt({"alg": "None", "kid": "one"}, claims, b""),
        raw_jwt({"alg": ["RS256"], "kid": "one"}, claims, b"x"),
        raw_jwt({"kid": "one"}, claims, b"x"),
        hs256(pem, {"alg": "HS256", "kid": "one"}),
        hs256(pem, {"alg": "RS256", "kid": "one"}),
        hs256(modulus, {"alg": "HS256", "kid": "one"}),
        hs256(b"", {"alg": "HS256"}),
        jwt.encode(issuer.claims(), RSA_KEYS[0], "RS384", {"kid": "one"}),
        jwt.encode(issuer.claims(), RSA_KEYS[0], "PS256", {"kid": "one"}),
        issuer.sign(EC_KEY, "one"),
        issuer.sign(RSA_KEYS[0], "curve"),
        issuer.sign(RSA_KEYS[1], "one"),
        issuer.sign(ec.generate_private_key(ec.SECP256R1()), "curve"),
        ".".join((good[0], good[1], "")),
        ".".join((good[0], issuer.sign(sub="admin").split(".")[1], good[2])),
    ]
    for token in tokens:
        assert_unknown(world.get(token))
    assert len(reasons(log)) == len(tokens)


@pytest.mark.usefixtures("bound")
def test_headers_that_are_not_those_of_an_access_token(world: World, issuer: Issuer) -> None:
    evil = {"jku": f"{issuer.url}/elsewhere", "jwk": issuer.keys[0], "x5u": "http://127.0.0.1:1/"}
    assert_unknown(world.get(issuer.sign(RSA_KEYS[1], "two", header=evil)))
    assert world.get(issuer.sign(header=evil)).status_code == 200, "they are not looked at"
    for header in (
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": True},
    ):
        assert_unknown(world.get(issuer.sign(header=header)))


@pytest.mark.usefixtures("bound")
def test_nonsense_is_unknown_and_no_defect(world: World, issuer: Issuer) -> None:
    header = {"alg": "RS256", "kid": "one"}
    deep = b'{"iss":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    for token in (
        "..",
        "a.b.c",
        "e30.e30.e30",
        raw_jwt(header, b"[]", b"x"),
        raw_jwt(header, b"\xff", b"x"),
        raw_jwt(header, deep, b"x"),
        raw_jwt(deep, b"{}", b"x"),
        raw_jwt({"alg": "RS256", "kid": 1}, issuer.claims(), b"x"),
        raw_jwt(header, issuer.claims(iss=["x"]), b"x"),
        raw_jwt(header, b'{"iss": "\\ud800"}', b"x"),
        raw_jwt(header, b'{"iss": 1' + b"0" * 5_000 + b"}", b"x"),
        issuer.sign(filler="x" * 20_000),
    ):
        assert_unknown(world.get(token))


def test_a_directory_and_further_claims_are_exact(
    world: World, issuer: Issuer, log: io.StringIO
) -> None:
    binding = issuer.binding(directory=TENANT, claims={"client_id": "app-1"})
    world.do("add_issuers", world.workspace, "Entra", [binding])
    good = {"tid": TENANT, "client_id": "app-1"}
    assert world.get(issuer.sign(**good)).status_code == 200
    for changed, reason in (
        ({"tid": ...}, "tid"),
        ({"tid": TENANT.replace("1", "2")}, "tid"),
        ({"tid": [TENANT]}, "tid"),
        ({"client_id": "app-2"}, "client_id"),
        ({"client_id": ...}, "client_id"),
        ({"scp": "User.Read"}, "a person"),
    ):
        assert_unknown(world.get(issuer.sign(**{**good, **changed})))
        assert reason in reasons(log)[-1]


# -- workspaces ----------------------------------------------------------------------------


@pytest.mark.usefixtures("bound")
def test_the_issuer_of_another_workspace_never_opens_this_one(world: World, issuer: Issuer) -> None:
    there = f"{world.workspace}-b"
    world.do("add_issuers", there, "Entra", [issuer.binding("there")])
    here = world.post(issuer.sign()).json()
    stranger = issuer.sign(aud="there")
    assert world.get(stranger).json()["totalResults"] == 0
    assert_scim_error(world.get(stranger, f"/Users/{here['id']}"), 404)
    assert_unknown(world.get(issuer.sign(aud=["ezto", "there"])))


@pytest.mark.usefixtures("bound")
def test_a_pair_of_issuer_and_audience_is_bound_once(world: World, issuer: Issuer) -> None:
    both = [issuer.binding("new"), issuer.binding()]
    with pytest.raises(AccessProblem, match="bound already"):
        world.do("add_issuers", f"{world.workspace}-b", "Entra", both)
    assert world.do("issuers", f"{world.workspace}-b") == [], "all or none"


def test_a_removed_issuer_opens_nothing_at_once(world: World, issuer: Issuer, bound: str) -> None:
    token, other = issuer.sign(), world.other_process()
    world.live.do(other.authenticator.caller(f"Bearer {token}"))
    assert world.get(token).status_code == 200
    with pytest.raises(AccessProblem, match="no issuer"):
        world.do("remove_issuer", bound, "default")
    world.do("remove_issuer", bound)
    assert_unknown(world.get(token))
    world.clock.advance(5)
    with pytest.raises(Exception, match="expired or revoked"):
        world.live.do(other.authenticator.caller(f"Bearer {token}"))


# -- Entra ---------------------------------------------------------------------------------


def test_the_preset_is_what_entra_signs(world: World, issuer: Issuer) -> None:
    """The real directory cannot be asked here, so its keys come from the test's issuer."""
    first, second = entra_issuers(TENANT.upper())
    assert first.issuer == f"https://sts.windows.net/{TENANT}/"
    assert second.issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    keys = f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"
    for each in (first, second):
        assert (each.audience, each.directory, each.jwks_url) == (ENTRA_AUDIENCE, TENANT, keys)
    v1 = issuer.binding(ENTRA_AUDIENCE, issuer=first.issuer, directory=TENANT)
    world.do("add_issuers", world.workspace, "Entra", [v1], profile="entra")
    claims = {
        "iss": first.issuer,
        "aud": ENTRA_AUDIENCE,
        "tid": TENANT,
        "appid": "00000014-0000-0000-c000-000000000000",
        "appidacr": "2",
        "idp": first.issuer,
        "oid": "o",
        "sub": "o",
        "uti": "u",
        "ver": "1.0",
    }
    assert world.get(issuer.sign(header={"typ": "JWT", "x5t": "one"}, **claims)).status_code == 200
    another = claims["iss"].replace("1", "2")
    assert_unknown(world.get(issuer.sign(**{**claims, "iss": another})))
    with pytest.raises(AccessProblem, match="no directory id"):
        entra_issuers("contoso.com")


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"jwks_url": "http://keys.example/"}, "https"),
        ({"jwks_url": "https://user:pw@keys.example/"}, "user"),
        ({"jwks_url": "file:///etc/passwd"}, "host"),
        ({"jwks_url": ""}, "host"),
        ({"algorithms": ("HS256",)}, "HS256"),
        ({"algorithms": ("RS256", "none")}, "none"),
        ({"algorithms": ()}, "none"),
        ({"issuer": ""}, "issuer"),
        ({"audience": "x" * 513}, "audience"),
        ({"claims": {"client_id": "\0"}}, "client_id"),
    ],
)
def test_what_cannot_be_an_issuer(issuer: Issuer, changed: dict[str, Any], word: str) -> None:
    with pytest.raises(AccessProblem, match=word):
        issuer.binding(**changed).binding()


def test_failing_to_note_the_use_is_no_way_in(
    world: World, issuer: Issuer, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise OSError("the database is away")

    monkeypatch.setattr(JwtIssuers, "of_issuer", fail)
    assert world.get(issuer.sign()).status_code == 500
    assert HTTP.get(f"{world.live.url}/healthz").status_code == 200
    assert isinstance(RSA_KEYS[0], rsa.RSAPrivateKey)
